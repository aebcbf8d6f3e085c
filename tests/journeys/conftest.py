"""Journeys through whole engines; what they do again and again is done once."""

from collections.abc import Iterator

import pytest

from tests.support import shared


@pytest.fixture(scope="session", autouse=True)
def done_once() -> Iterator[None]:
    with shared.decoders(), shared.windows(), shared.signatures():
        yield

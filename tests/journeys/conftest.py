"""Journeys through whole engines, which decode in the same few worker processes."""

from collections.abc import Iterator

import pytest

from tests.support import workers


@pytest.fixture(scope="session", autouse=True)
def decoders() -> Iterator[None]:
    with workers.lent(), workers.windows_made_once():
        yield

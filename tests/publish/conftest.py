"""Keys are wrapped quickly here, and a signature is checked once; `keys/test_wrapping.py` has the real rounds."""

from collections.abc import Iterator

import pytest

from tests.support import shared
from tests.support.publisher import few_rounds

__all__ = ["few_rounds"]


@pytest.fixture(scope="session", autouse=True)
def checked_once() -> Iterator[None]:
    with shared.signatures():
        yield

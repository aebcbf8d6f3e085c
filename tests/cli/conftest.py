"""Keys are wrapped quickly here; `tests/publish/keys/test_wrapping.py` has the real number of rounds."""

from tests.support.publisher import few_rounds

__all__ = ["few_rounds"]

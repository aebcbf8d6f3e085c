"""A content file on hostile servers, and retry policies that do not make a test wait."""

import random
import time

import pytest

from patcher.content.merkle import ref_of
from patcher.errors import OriginError
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.retry import RetryPolicy
from tests.support.hostile_origin import content_path

DATA = random.Random(7).randbytes(600_000)
REF = ref_of(DATA)
CONTENT = content_path(REF)


def _ignore(seconds: float) -> None:
    """A pause that passes in no time."""


EAGER = RetryPolicy(back_off_s=0, sleep=_ignore)
HURRIED = RetryPolicy(back_off_s=0, stall_s=1e6, clock=lambda: 100 * time.monotonic())
"""Its clock runs a hundred times as fast: the 30 s of a document are 0.3 s."""


def read(origin: Origin, offset: int = 0, length: int = len(DATA)) -> bytes:
    """A part of the content file."""
    return b"".join(origin.read(REF, offset, length))


def code_of(origin: Origin, path: str = "a.json", max_bytes: int = 1000) -> str:
    """The code of the error that ends the request for a document."""
    with pytest.raises(OriginError) as caught:
        origin.get(path, max_bytes)
    return caught.value.code

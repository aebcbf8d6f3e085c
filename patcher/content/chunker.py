"""Content-defined chunks: their own bytes decide where they end, so equal content is cut alike at any offset."""

import hashlib
from collections.abc import Iterable, Iterator

from pyfastcdc import FastCDC

DIGEST_BYTES = 16

_BUFFER_BYTES = 4 * 1024 * 1024


def chunks(portions: Iterable[bytes], average_bytes: int) -> Iterator[tuple[bytes, int]]:
    """Digest (16 bytes of SHA-256) and end of each chunk of a stream, in bounded memory.

    The chunks do not depend on how the stream is split into portions. A chunk has between a quarter of
    ``average_bytes`` and four times as many; only the last may be shorter.
    """
    cdc = FastCDC(avg_size=average_bytes, min_size=average_bytes // 4, max_size=average_bytes * 4)
    rest, end = bytearray(), 0
    for portion in portions:
        rest += portion
        if len(rest) >= _BUFFER_BYTES:
            *whole, last = _cut(cdc, bytes(rest))  # the last may go on in the next portion
            for chunk in whole:
                end += len(chunk)
                yield _digest(chunk), end
            rest = bytearray(last)
    for chunk in _cut(cdc, bytes(rest)):
        end += len(chunk)
        yield _digest(chunk), end


def _cut(cdc: FastCDC, data: bytes) -> list[memoryview]:
    view = memoryview(data)
    return [view[chunk.offset : chunk.offset + chunk.length] for chunk in cdc.cut_buf(data)] if data else []


def _digest(chunk: memoryview) -> bytes:
    return hashlib.sha256(chunk).digest()[:DIGEST_BYTES]

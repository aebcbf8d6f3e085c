"""Landmarks, by which a player finds the content of a file in old bytes, at any offset.

A file is cut into content-defined chunks, none longer than a *section* of `SECTION_BYTES`, so at least one chunk begins
in each section, except perhaps the last. The first of them is the landmark of the section: its offset and a short hash.
A player cuts old bytes in the same way and compares more bytes where a chunk has that hash. A landmark proves nothing;
the content found must match signed leaves.
"""

import struct
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from patcher.content import chunker
from patcher.content.manifest import Manifest

MIN_BYTES = 64 * 1024
"""Smaller files have no landmarks."""
AVERAGE_BYTES = 8 * 1024
SECTION_BYTES = 4 * AVERAGE_BYTES
DIGEST_BYTES = 8

_RECORD = struct.Struct(f">H{DIGEST_BYTES}s")
_MOST = 1 << 17
"""The most landmarks to look for at once, which bounds memory. Of files larger than 4 GiB a regular sample is used."""


def chunks(portions: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Offset and digest of each chunk of a stream, in bounded memory."""
    start = 0
    for digest, end in chunker.chunks(portions, AVERAGE_BYTES):
        yield start, digest[:DIGEST_BYTES]
        start = end


def of(portions: Iterable[bytes], size_bytes: int) -> bytes:
    """The landmarks of a file of ``size_bytes``, 10 bytes a section. All portions are read."""
    found = bytearray()
    if size_bytes < MIN_BYTES:
        deque(portions, maxlen=0)
        return b""
    for offset, digest in chunks(portions):
        if offset // SECTION_BYTES == len(found) // _RECORD.size:
            found += _RECORD.pack(offset % SECTION_BYTES, digest)
    return bytes(found).ljust(_length(size_bytes), b"\0")


def by_digest(landmarks: bytes) -> dict[bytes, list[int]]:
    """Each digest to the offsets at which chunks with it begin. The landmarks need not be genuine."""
    found: dict[bytes, list[int]] = {}
    step = -(-len(landmarks) // (_RECORD.size * _MOST)) or 1
    for section in range(0, len(landmarks) // _RECORD.size, step):
        offset, digest = _RECORD.unpack_from(landmarks, section * _RECORD.size)
        found.setdefault(digest, []).append(section * SECTION_BYTES + offset)
    return found


def document(m: Manifest, landmarks_by_root: Mapping[bytes, bytes]) -> bytes:
    """The landmarks of each file of at least `MIN_BYTES`, in entry order. Raises KeyError for a missing root."""
    return b"".join(landmarks_by_root[entry.root] for entry in m.entries if entry.size_bytes >= MIN_BYTES)


def offsets(m: Manifest) -> tuple[int, ...]:
    """Where each entry's landmarks begin in the document, in bytes, and the document's size last."""
    return tuple(accumulate((_length(entry.size_bytes) for entry in m.entries), initial=0))


def _length(size_bytes: int) -> int:
    return _RECORD.size * -(-size_bytes // SECTION_BYTES) if size_bytes >= MIN_BYTES else 0

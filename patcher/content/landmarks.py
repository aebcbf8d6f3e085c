"""Landmarks: by them a player finds the content of a file in old bytes, wherever it lies there.

A file is cut into chunks that end where its own bytes say so, none longer than a *section* of `SECTION_BYTES`. So in
each section at least one chunk begins, but perhaps in the last; the first of them is its landmark: where it begins, and
a short hash. Whoever cuts other bytes in the same way and finds a chunk with that hash knows where to look. A landmark
proves nothing; what is found by it has to match signed leaves.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from patcher.content.chunker import Chunker
from patcher.content.manifest import Manifest

MIN_BYTES = 64 * 1024
"""Smaller files have none."""
AVERAGE_BYTES = 8 * 1024
SECTION_BYTES = 4 * AVERAGE_BYTES
DIGEST_BYTES = 8

_RECORD = struct.Struct(f">H{DIGEST_BYTES}s")
_MOST = 1 << 17
"""So many places are looked for at once, to bound memory: of files larger than 4 GiB evenly chosen ones."""


def chunks(portions: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Offset and digest of each chunk of a stream that comes in any portions, in bounded memory."""
    chunker, start = Chunker(AVERAGE_BYTES), 0
    for portion in portions:
        chunker.update(portion)
        for digest, end in chunker.take():
            yield start, digest[:DIGEST_BYTES]
            start = end
    for digest, end in chunker.take(last=True):
        yield start, digest[:DIGEST_BYTES]
        start = end


def of(portions: Iterable[bytes], size_bytes: int) -> bytes:
    """The landmarks of a file of ``size_bytes``: 10 bytes a section. All portions are read."""
    found = bytearray()
    for offset, digest in chunks(portions):
        if offset // SECTION_BYTES == len(found) // _RECORD.size:
            found += _RECORD.pack(offset % SECTION_BYTES, digest)
    return bytes(found).ljust(_length(size_bytes), b"\0") if size_bytes >= MIN_BYTES else b""


def places(landmarks: bytes) -> dict[bytes, list[int]]:
    """Digest to the offsets at which a chunk with this digest begins. The bytes may be anybody's."""
    found: dict[bytes, list[int]] = {}
    step = -(-len(landmarks) // (_RECORD.size * _MOST)) or 1
    for section in range(0, len(landmarks) // _RECORD.size, step):
        offset, digest = _RECORD.unpack_from(landmarks, section * _RECORD.size)
        found.setdefault(digest, []).append(section * SECTION_BYTES + offset)
    return found


# ---------------------------------------------------------------- the document of a part


def document(m: Manifest, landmarks_by_root: Mapping[bytes, bytes]) -> bytes:
    """The landmarks of each file of at least `MIN_BYTES`, in entry order. Raises KeyError for a missing root."""
    return b"".join(landmarks_by_root[entry.root] for entry in m.entries if entry.size_bytes >= MIN_BYTES)


def offsets(m: Manifest) -> tuple[int, ...]:
    """Where each entry's landmarks begin in the document, in bytes, and the document's size last."""
    return tuple(accumulate((_length(entry.size_bytes) for entry in m.entries), initial=0))


def _length(size_bytes: int) -> int:
    return _RECORD.size * -(-size_bytes // SECTION_BYTES) if size_bytes >= MIN_BYTES else 0

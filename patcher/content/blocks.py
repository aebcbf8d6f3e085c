"""Which blocks of a file are here already, in other files: the search behind every rebuild and repair.

Blocks are those of the file's signed leaves, and only what matches its leaf counts as found. Equal offsets are compared
first. Shifted content is found by landmarks: where a chunk of other bytes has a landmark's digest, the blocks next to
it are compared, and the match is followed block by block in both directions until one is wrong.
"""

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from patcher.beneath import Where
from patcher.content import landmarks, merkle
from patcher.content.merkle import BLOCK_BYTES, HASH_BYTES, Ref

_MISSING, _HERE = 0, 1
_PORTION_BYTES = 1 << 20
_FEW_BLOCKS = 4
"""Of so few that are wrong where they stand, no more would be found elsewhere."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of a file that stand in another one; begins with a block and ends with one."""

    offset: int
    length: int
    source: Where
    source_offset: int


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A file to be put together: what local files have of it, and what has to come from elsewhere.

    What is neither in ``found`` nor ``missing`` is at its place already. Without ``leaves`` only the whole can be
    checked.
    """

    content: Ref
    leaves: bytes
    found: tuple[Stretch, ...]
    missing: tuple[range, ...]
    """Blocks by number, in order."""

    @classmethod
    def of_nothing(cls, content: Ref) -> "Rebuild":
        """All of it is missing, and its leaves are not known."""
        return cls(content, b"", (), (range(-(-content.size_bytes // BLOCK_BYTES)),))

    @property
    def fetch_bytes(self) -> int:
        """Bytes of the missing blocks."""
        ends = (min(blocks.stop * BLOCK_BYTES, self.content.size_bytes) for blocks in self.missing)
        return sum(end - blocks.start * BLOCK_BYTES for end, blocks in zip(ends, self.missing, strict=True))

    def missing_blocks(self) -> Iterator[int]:
        """The missing blocks one by one."""
        return (block for run in self.missing for block in run)

    @property
    def found_bytes(self) -> int:
        """Bytes that local files have."""
        return sum(stretch.length for stretch in self.found)

    def is_right(self, block: int, data: bytes | memoryview) -> bool:
        """Whether these bytes are the block with this number."""
        return hashlib.sha256(data).digest() == _leaf(self.leaves, block)


@dataclass(frozen=True, slots=True)
class Source:
    """A local file to look in; ``read`` gives its bytes by offset and length."""

    path: Where
    size_bytes: int
    read: Callable[[int, int], bytes]

    def portions(self) -> Iterator[bytes]:
        """All its bytes."""
        return (self.read(at, _PORTION_BYTES) for at in range(0, self.size_bytes, _PORTION_BYTES))


class Search:
    """The search for one file. Each look finds what the looks before it did not. ``leaves`` fold to the file's root."""

    def __init__(self, content: Ref, leaves: bytes) -> None:
        self._content, self._leaves = content, leaves
        self._count = len(leaves) // HASH_BYTES
        self._from = bytearray(self._count)
        """By block: `_MISSING`, `_HERE`, or what is behind it by the number of a source."""
        self._at = array("q", bytes(8 * self._count))
        """By block: where it begins in its source."""
        self._sources: list[Source] = []

    def in_place(self, leaves: bytes) -> None:
        """``leaves`` are those of what stands already where the file is put together."""
        self._compare(leaves, _HERE)

    def look(self, source: Source, marks: bytes) -> None:
        """Search a local file. ``marks`` are the landmarks of the file that is looked for, or nothing.

        Raises what ``read`` raises.
        """
        self._sources.append(source)
        hasher = merkle.Hasher()
        for portion in source.portions():
            hasher.update(portion)
        self._compare(hasher.leaves(), _HERE + len(self._sources))
        if marks and self._from.count(_MISSING) > _FEW_BLOCKS:
            self._follow(source, landmarks.by_digest(marks))

    def _compare(self, leaves: bytes, number: int) -> None:
        for block in range(min(self._count, len(leaves) // HASH_BYTES)):
            if self._from[block] == _MISSING and _leaf(leaves, block) == _leaf(self._leaves, block):
                self._from[block], self._at[block] = number, block * BLOCK_BYTES

    def _follow(self, source: Source, wanted: dict[bytes, list[int]]) -> None:
        """Each landmark leads to one place at most, and each step from there finds a block or is the last."""
        for offset, digest in landmarks.chunks(source.portions()):
            for place in wanted.pop(digest, ()):
                first = after = -(-place // BLOCK_BYTES)
                while self._is_found(after, source, offset - place):
                    after += 1
                while self._is_found(first - 1, source, offset - place):
                    first -= 1

    def _is_found(self, block: int, source: Source, shift: int) -> bool:
        if not 0 <= block < self._count or self._from[block] != _MISSING:
            return False
        start, end = block * BLOCK_BYTES, min((block + 1) * BLOCK_BYTES, self._content.size_bytes)
        if start + shift < 0 or end + shift > source.size_bytes:
            return False
        if hashlib.sha256(source.read(start + shift, end - start)).digest() != _leaf(self._leaves, block):
            return False
        self._from[block], self._at[block] = _HERE + len(self._sources), start + shift
        return True

    def result(self) -> Rebuild:
        """What was found."""
        found: list[Stretch] = []
        missing: list[range] = []
        for block, number in enumerate(self._from):
            if number == _MISSING:
                _extend(missing, block)
            elif number != _HERE:
                self._join(found, block, self._sources[number - _HERE - 1].path)
        return Rebuild(self._content, self._leaves, tuple(found), tuple(missing))

    def _join(self, found: list[Stretch], block: int, source: Where) -> None:
        offset, at = block * BLOCK_BYTES, self._at[block]
        length = min(BLOCK_BYTES, self._content.size_bytes - offset)
        last = found[-1] if found else None
        if last and (last.offset + last.length, last.source, last.source_offset + last.length) == (offset, source, at):
            found[-1] = Stretch(last.offset, last.length + length, source, last.source_offset)
        else:
            found.append(Stretch(offset, length, source, at))


def _extend(ranges: list[range], block: int) -> None:
    if ranges and ranges[-1].stop == block:
        ranges[-1] = range(ranges[-1].start, block + 1)
    else:
        ranges.append(range(block, block + 1))


def spans(blocks: Iterable[int], size_bytes: int) -> Iterator[tuple[int, int]]:
    """Where blocks of a file, or piece, of this size lie: offset and length; the last of all may be short."""
    return ((block * BLOCK_BYTES, min(BLOCK_BYTES, size_bytes - block * BLOCK_BYTES)) for block in blocks)


def _leaf(leaves: bytes, block: int) -> bytes:
    return leaves[HASH_BYTES * block : HASH_BYTES * (block + 1)]

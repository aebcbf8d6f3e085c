"""What a missing file costs: the blocks and pieces it lacks, and the bytes to fetch for them. Pure.

`Rebuild` and `Pieces` say what of a file is here, by blocks and by pieces. `saved_bytes` and `packed_bytes` say
what the rest costs when the origin alone delivers, which has a full pack.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from patcher.beneath import Where
from patcher.content import merkle
from patcher.content.layout import PieceLayout
from patcher.content.manifest import Manifest
from patcher.content.merkle import BLOCK_BYTES, Ref, spans
from patcher.content.patch_index import Index


@dataclass(frozen=True, slots=True)
class LocalRange:
    """Blocks of a file that another file has."""

    offset: int
    length: int
    source: Where
    source_offset: int


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A file to put together from what local files have of it and from blocks to fetch.

    Blocks that are neither ``found`` nor ``missing`` are in their place already. Without ``leaves`` only the whole file
    can be checked.
    """

    content: Ref
    leaves: bytes
    found: tuple[LocalRange, ...]
    missing: tuple[range, ...]
    """Blocks by number, in order."""

    @classmethod
    def of_nothing(cls, content: Ref) -> "Rebuild":
        """The whole file is missing, and its leaves are not known."""
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

    def matches(self, block: int, data: bytes | memoryview) -> bool:
        """Whether ``data`` is the block with this number."""
        return hashlib.sha256(data).digest() == merkle.hash_at(self.leaves, block)


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of one file, numbered as in the torrent of its part."""

    held: Sequence[int]
    """Those that are here whole, or will be after local bytes are copied, in order."""
    partial: Mapping[int, tuple[int, ...]]
    """Those that are here in part, with the blocks that they lack, numbered from the piece's first."""
    fetch_bytes: int
    """Bytes that all of them lack."""

    @classmethod
    def of_held(cls, layout: PieceLayout, file: int, held: Iterable[int]) -> "Pieces":
        """The pieces of a file of which only whole ones are known. ``held``: numbered from the file's first piece."""
        mine = [layout.firsts[file] + piece for piece in sorted(held)]
        return cls(mine, {}, layout.sizes[file] - sum(layout.span(piece).length for piece in mine))

    @classmethod
    def of_rebuild(cls, layout: PieceLayout, file: int, rebuild: Rebuild) -> "Pieces":
        """The pieces of a file of which every block is known."""
        lacking: dict[int, list[int]] = {}
        for block in rebuild.missing_blocks():
            piece, number = divmod(block, layout.piece_bytes // BLOCK_BYTES)
            lacking.setdefault(layout.firsts[file] + piece, []).append(number)
        held = [piece for piece in layout.pieces(file) if piece not in lacking]
        some = {p: tuple(n) for p, n in lacking.items() if len(n) * BLOCK_BYTES < layout.span(p).length}
        return cls(held, some, rebuild.fetch_bytes)


def without(numbers: range, here: Iterable[int]) -> Iterator[range]:
    """The runs of pieces that are left of ``numbers`` without those that are ``here``, in order."""
    start = numbers.start
    for piece in here:
        if piece > start:
            yield range(start, piece)
        start = piece + 1
    if start < numbers.stop:
        yield range(start, numbers.stop)


def saved_bytes(
    layout: PieceLayout, full: Index, wanted: Sequence[range], partial: Mapping[int, tuple[int, ...]]
) -> int:
    """How much less is fetched for ``wanted`` pieces of a tree if windows of the full pack bring what they can.

    It does not look at single pieces: a manifest may speak of millions.
    """
    stops, some = [run.stop for run in wanted], sorted(partial)

    def lacking_bytes(pieces: range) -> int:
        count = 0
        for at in range(bisect_right(stops, pieces.start), len(wanted)):
            run = wanted[at]
            if run.start >= pieces.stop:
                break
            count += layout.run_bytes(range(max(run.start, pieces.start), min(run.stop, pieces.stop)))
        for piece in some[bisect_left(some, pieces.start) : bisect_left(some, pieces.stop)]:
            size_bytes = layout.span(piece).length
            count -= size_bytes - sum(length for _, length in spans(partial[piece], size_bytes))
        return count

    total = 0
    for window in full.windows:
        made = (layout.covering(span.file, span.offset, span.length) for span in window.new)
        total += max(0, sum(map(lacking_bytes, made)) - window.length)
    return total


def packed_bytes(m: Manifest, full: Index) -> dict[bytes, int]:
    """Bytes to fetch for each file of the full pack, by root: its share of the windows, and the rest as it is."""
    costs: dict[bytes, int] = {}
    for window in full.windows:
        for span in window.new:
            entry = m.entries[span.file]
            saved = span.length - window.length * span.length // window.output_bytes
            costs[entry.root] = costs.get(entry.root, entry.size_bytes) - saved
    return costs

"""The cost of a missing file: the blocks and pieces it lacks, and the way that fetches the fewest bytes. Pure.

`Rebuild` and `Pieces` say what of a file is here, by blocks and by pieces. `saved_bytes` and `packed_bytes` say
what the rest costs when the origin alone delivers, which has a full pack. `by_patch` decides which files come by
windows of a patch. A window often makes many files, and an old file that was changed is restored for all windows that
read it; therefore it decides by groups of files, those that one old file or one window serves.
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

_MOST_STEPS = 1 << 20
"""Old files are weighed, the most expensive first, until so many windows and old files that they read were seen."""


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


@dataclass(frozen=True, slots=True)
class Windows:
    """What the missing files need of a patch. Files by root, windows by number."""

    made: Mapping[bytes, frozenset[int]]
    """File to the windows that are still to make it."""
    lost: Mapping[int, frozenset[Ref]]
    """Window to the old files it reads that are gone or changed."""
    length: Mapping[int, int]
    """Window to its bytes in the pack."""


def by_patch(windows: Windows, restore_bytes: Mapping[bytes, int], alone_bytes: Mapping[bytes, int]) -> set[bytes]:
    """The files to make by windows; the others fetch less alone.

    ``restore_bytes``: old file to the bytes that restoring it fetches. ``alone_bytes``: new file to the bytes that it
    fetches without the patch.
    """
    return _Choice(windows, restore_bytes, alone_bytes).kept


class _Choice:
    def __init__(self, windows: Windows, restore_bytes: Mapping[bytes, int], alone_bytes: Mapping[bytes, int]) -> None:
        self._windows, self._restore_bytes = windows, restore_bytes
        self._makes: dict[int, set[bytes]] = {}
        self._users: dict[bytes, set[int]] = {}
        for root, numbers in windows.made.items():
            for number in numbers:
                self._makes.setdefault(number, set()).add(root)
        for number in self._makes:
            for ref in windows.lost[number]:
                self._users.setdefault(ref.root, set()).add(number)
        self.kept = set(windows.made)
        for roots in self._groups():
            group = roots & self.kept
            if self._saved_bytes(group) > sum(alone_bytes[root] for root in group):
                self.kept -= group

    def _groups(self) -> Iterator[set[bytes]]:
        """The files that one old file serves, most expensive old file first; those of one window; each file."""
        steps = 0
        for old in sorted(self._users, key=lambda root: (-self._restore_bytes[root], root)):
            steps += sum(len(self._windows.lost[number]) for number in self._users[old])
            if steps > _MOST_STEPS:
                break
            yield {root for number in self._users[old] for root in self._makes[number]}
        for number in sorted(self._makes):
            if self._windows.lost[number]:
                yield set(self._makes[number])
        for root in sorted(self._windows.made):
            yield {root}

    def _saved_bytes(self, group: set[bytes]) -> int:
        """Bytes that need not be fetched if these files come alone."""
        touched = {number for root in group for number in self._windows.made[root]}
        freed = {number for number in touched if self._makes[number] & self.kept <= group}
        olds = {ref.root for number in freed for ref in self._windows.lost[number]}
        unused = (old for old in olds if all(n in freed or self._is_over(n) for n in self._users[old]))
        return sum(self._windows.length[n] for n in freed) + sum(self._restore_bytes[old] for old in unused)

    def _is_over(self, number: int) -> bool:
        """Whether no file that is still made by windows needs this one."""
        return self._makes[number].isdisjoint(self.kept)

"""What a file takes: what is here of it, what it lacks, and which way brings the fewest bytes. Pure.

`Rebuild` and `Pieces` say what of a file is here, by blocks and by pieces. `server_bytes` and `packed_bytes` say what
the rest costs when the origin alone delivers, which has a full pack. `by_patch` decides which files come by windows of
a patch: a window often makes many files, and an old file that was changed is restored for all windows that read it, so
it decides by groups of files, those that one old file or one window serves.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from patcher.beneath import Where
from patcher.content import merkle
from patcher.content.layout import PieceLayout
from patcher.content.manifest import Entry, Manifest
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
    """The pieces of one file, numbered from its first."""

    held: Collection[int]
    """Those that are here whole, or will be after local bytes are copied."""
    partial: Mapping[int, tuple[int, ...]]
    """Those that are here in part, with the blocks that they lack, numbered from the piece's first."""
    fetch_bytes: int
    """Bytes that all of them lack."""

    @classmethod
    def of_held(cls, entry: Entry, piece_bytes: int, held: Collection[int]) -> "Pieces":
        """The pieces of a file of which only whole ones are known."""
        lengths = (_length(entry, piece_bytes, piece) for piece in held)
        return cls(held, {}, entry.size_bytes - sum(lengths))

    @classmethod
    def of_rebuild(cls, entry: Entry, piece_bytes: int, rebuild: Rebuild) -> "Pieces":
        """The pieces of a file of which every block is known."""
        blocks = piece_bytes // BLOCK_BYTES
        lacking: dict[int, list[int]] = {}
        for block in rebuild.missing_blocks():
            lacking.setdefault(block // blocks, []).append(block % blocks)
        held = [piece for piece in range(-(-entry.size_bytes // piece_bytes)) if piece not in lacking]
        some = {p: tuple(n) for p, n in lacking.items() if len(n) * BLOCK_BYTES < _length(entry, piece_bytes, p)}
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


def server_bytes(
    m: Manifest, full: Index | None, wanted: Sequence[range], partial: Mapping[int, tuple[int, ...]]
) -> int:
    """Bytes to fetch for ``wanted`` pieces of a tree: windows of the full pack where shorter, else what they lack."""
    lacking = _Lacking(m.layout, wanted, partial)
    total = sum(lacking.bytes_of(run) for run in wanted)
    for window in full.windows if full else ():
        made_bytes = 0
        for span in window.new:
            made_bytes += lacking.bytes_of(m.layout.covering(span.file, span.offset, span.length))
        total -= max(0, made_bytes - window.length)
    return total


class _Lacking:
    """What runs of pieces lack. It does not look at single pieces: a manifest may speak of millions."""

    def __init__(self, layout: PieceLayout, wanted: Sequence[range], partial: Mapping[int, tuple[int, ...]]) -> None:
        self._layout, self._wanted, self._partial = layout, wanted, partial
        self._stops = [run.stop for run in wanted]
        self._some = sorted(partial)

    def bytes_of(self, stretch: range) -> int:
        total = 0
        for at in range(bisect_right(self._stops, stretch.start), len(self._wanted)):
            run = self._wanted[at]
            if run.start >= stretch.stop:
                break
            total += self._layout.run_bytes(range(max(run.start, stretch.start), min(run.stop, stretch.stop)))
        for piece in self._some[bisect_left(self._some, stretch.start) : bisect_left(self._some, stretch.stop)]:
            size_bytes = self._layout.span(piece).length
            total -= size_bytes - sum(length for _, length in spans(self._partial[piece], size_bytes))
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


def _length(entry: Entry, piece_bytes: int, piece: int) -> int:
    return min(piece_bytes, entry.size_bytes - piece * piece_bytes)


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
        self._windows, self._restore_bytes, self._alone_bytes = windows, restore_bytes, alone_bytes
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

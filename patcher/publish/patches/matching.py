"""Where the bytes of a large new file come from: content-defined chunks of new and old files, matched.

Equal stretches become *copies*; the rest between them are *runs*. Chunks that occur once in the old file and once
in the new one, taken in their longest common order, are *anchors*: old bytes for a run are looked for between two of
them.

Everything here is pure computation on lists of chunks.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from patcher.content.chunker import DIGEST_BYTES

AVERAGE_BYTES = 2 * 1024
"""Average size of a chunk. Small, so that equal stretches are found between edits that stand close together."""

COPY_BYTES = 32 * 1024
"""Shorter equal stretches are left to the delta: naming them would cost more than they save."""

LONG_BYTES = 256 * 1024
MARGIN_BYTES = 1024
"""In a gap of at least `LONG_BYTES`, copies take the equal bytes at its ends but for this margin: a delta needs some to
go on from into bytes that differ here and there. In native code, where gaps are short, it makes good use of them all.
"""

_MOST_CHUNKS = 1 << 19
_NEAR_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Chunks:
    """The chunks of one file in order: their digests side by side, and where each ends."""

    digests: bytes
    ends: "array[int]"

    @classmethod
    def of(cls, found: Iterable[tuple[bytes, int]]) -> "Chunks":
        """The chunks that `chunker.chunks` yields."""
        digests, ends = bytearray(), array("Q")
        for digest, end in found:
            digests += digest
            ends.append(end)
        return cls(bytes(digests), ends)

    def __len__(self) -> int:
        return len(self.ends)

    def digest(self, number: int) -> bytes:
        """The digest of a chunk."""
        return self.digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES]

    def start(self, number: int) -> int:
        """Offset of the chunk; the end of the file for the number behind the last."""
        return self.ends[number - 1] if number else 0


def average_for(total_bytes: int) -> int:
    """The average chunk for files of this size together: `AVERAGE_BYTES`, or more to bound the memory of the lists."""
    average = AVERAGE_BYTES
    while total_bytes // average > _MOST_CHUNKS:
        average *= 2
    return average


@dataclass(frozen=True, slots=True)
class CopySpan:
    """Bytes ``new`` to ``new + length`` of a new file equal those from ``old`` on in the old file number ``file``."""

    new: int
    file: int
    old: int
    length: int


Common = Callable[[int, int, int, int], int]
"""(offset in a new file, number of an old file, offset in that, limit) → how many bytes from there on are equal in
both; if the limit is negative, how many before there."""


def extended(
    copies: Sequence[CopySpan], new_bytes: int, old_bytes: Mapping[int, int], common: Common
) -> list[CopySpan]:
    """The copies, extended into long gaps on both sides, nearly up to the bytes where the files differ.

    Copies end where chunks do, and chunks of large files are large (`average_for`). ``old_bytes``: number of each old
    file to its size.
    """
    edges = [0, *(copy.new + copy.length for copy in copies)]
    starts = [*(copy.new for copy in copies[1:]), new_bytes]
    wider: list[CopySpan] = []
    at = 0
    for copy, edge, start in zip(copies, edges, starts, strict=False):
        end, old_end, before, behind = copy.new + copy.length, copy.old + copy.length, 0, 0
        if copy.new - edge >= LONG_BYTES:
            same = common(copy.new, copy.file, copy.old, -min(copy.new - at, copy.old))
            before = max(same - MARGIN_BYTES, 0)
        if start - end >= LONG_BYTES:
            same = common(end, copy.file, old_end, min(start - end, old_bytes[copy.file] - old_end))
            behind = max(same - MARGIN_BYTES, 0)
        wider.append(CopySpan(copy.new - before, copy.file, copy.old - before, before + copy.length + behind))
        at = end + behind
    return wider


ChunkAt = tuple[int, int]
"""An old file's number, and the number of a chunk in it."""


class Known:
    """The chunks of all old files to copy from. ``files``: number to chunks."""

    def __init__(self, files: Mapping[int, Chunks]) -> None:
        self._files = files
        self._first: dict[bytes, ChunkAt] = {}
        for file, chunks in files.items():
            for number in range(len(chunks)):
                self._first.setdefault(chunks.digest(number), (file, number))

    def base(self, new: Chunks) -> int | None:
        """The old file that shares most bytes with a new one; None if none does."""
        shared: Counter[int] = Counter()
        for number in range(len(new)):
            if at := self._first.get(new.digest(number)):
                shared[at[0]] += new.start(number + 1) - new.start(number)
        return min(shared, key=lambda file: (-shared[file], file)) if shared else None

    def trace(self, new: Chunks, base: int | None) -> "Trace":
        """An equal old chunk for each of a new file: behind that of the chunk before, in ``base``, or anywhere."""
        mine = self._files.get(base, _NO_CHUNKS) if base is not None else _NO_CHUNKS
        times = Counter(mine.digest(number) for number in range(len(mine)))
        first = {mine.digest(number): (base or 0, number) for number in reversed(range(len(mine)))}
        found: list[ChunkAt | None] = []
        at: ChunkAt | None = None
        for number in range(len(new)):
            digest = new.digest(number)
            behind = self._after(at, digest)
            if behind is None or behind[0] != base:
                behind = first.get(digest) or behind or self._first.get(digest)
            at = behind
            found.append(at)
        return Trace(new, self._files, found, frozenset(digest for digest, count in times.items() if count == 1), base)

    def _after(self, at: ChunkAt | None, digest: bytes) -> ChunkAt | None:
        """The chunk behind the one before, if it has this content."""
        if at is None:
            return None
        file, number = at[0], at[1] + 1
        chunks = self._files[file]
        return (file, number) if number < len(chunks) and chunks.digest(number) == digest else None


_NO_CHUNKS = Chunks(b"", array("Q"))


@dataclass(frozen=True)
class Trace:
    """The chunks of a new file, each with an equal chunk of the old files, or None."""

    new: Chunks
    old: Mapping[int, Chunks]
    found: Sequence[ChunkAt | None]
    unique: frozenset[bytes]
    """Digests that occur once in the old file ``base``."""
    base: int | None

    def copies(self) -> list[CopySpan]:
        """Equal stretches of at least `COPY_BYTES`, in the order of the new file."""
        joined: list[CopySpan] = []
        for number, at in enumerate(self.found):
            if at is None:
                continue
            start, file, old = self.new.start(number), at[0], self.old[at[0]].start(at[1])
            length = self.new.start(number + 1) - start
            last = joined[-1] if joined else None
            if last and (last.new + last.length, last.file, last.old + last.length) == (start, file, old):
                joined[-1] = CopySpan(last.new, file, last.old, last.length + length)
            else:
                joined.append(CopySpan(start, file, old, length))
        return [copy for copy in joined if copy.length >= COPY_BYTES]

    def anchors(self) -> "Anchors":
        """Chunks that occur once in the old file ``base`` and once here, in their longest common order."""
        times = Counter(self.new.digest(number) for number, at in enumerate(self.found) if at)
        pairs = []
        for number, at in enumerate(self.found):
            digest = self.new.digest(number)
            if at and at[0] == self.base and digest in self.unique and times[digest] == 1:
                pairs.append((number, at[1]))
        old = self.old.get(self.base, _NO_CHUNKS) if self.base is not None else _NO_CHUNKS
        return Anchors([
            CopySpan(self.new.start(n), self.base or 0, old.start(o), self.new.start(n + 1) - self.new.start(n))
            for n, o in _longest_rise(pairs)
        ])  # fmt: skip


class Anchors:
    """Tells which old bytes a stretch of the new file most likely came from. The ends of the files are anchors too."""

    def __init__(self, anchors: Sequence[CopySpan]) -> None:
        self._anchors = anchors
        self._starts = [anchor.new for anchor in anchors]

    def around(self, start: int, end: int, new_bytes: int, old_bytes: int) -> Iterator[tuple[int, int]]:
        """Old stretches (start, end) to make the new bytes ``start`` to ``end`` from; they may overlap.

        These are the bytes behind the anchor before and those before the anchor behind, if the anchors are near; for
        more than 128 KiB also the bytes around the proportional position between the two.
        """
        first, last = bisect_left(self._starts, start), bisect_left(self._starts, end)
        before = self._anchors[first - 1] if first else CopySpan(0, 0, 0, 0)
        behind = self._anchors[last] if last < len(self._anchors) else CopySpan(new_bytes, 0, old_bytes, 0)
        new_low, low, high = before.new + before.length, before.old + before.length, behind.old
        reach = (end - start) * 5 // 4 + 64 * 1024
        stretches = []
        if start - new_low <= _NEAR_BYTES:
            stretches.append((low, low + reach))
        if behind.new - end <= _NEAR_BYTES:
            stretches.append((high - reach, high))
        if end - start > 128 * 1024 or not stretches:
            middle = low + ((start + end) // 2 - new_low) * max(high - low, 0) // max(behind.new - new_low, 1)
            wide = (end - start) // 2 + min(4 * 1024 * 1024, 8 * (end - start))
            stretches.append((middle - wide, middle + wide))
        for stretch_start, stretch_end in stretches:
            if max(stretch_start, 0) < min(stretch_end, old_bytes):
                yield max(stretch_start, 0), min(stretch_end, old_bytes)


def _longest_rise(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest subsequence whose second numbers rise (patience sorting)."""
    tops: list[int] = []
    places: list[int] = []
    before: list[int] = []
    for number, (_, value) in enumerate(pairs):
        pile = bisect_left(tops, value)
        before.append(places[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [value]
        places[pile : pile + 1] = [number]
    rise = []
    at = places[-1] if places else -1
    while at >= 0:
        rise.append(pairs[at])
        at = before[at]
    return rise[::-1]

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
from typing import NamedTuple

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

    def __iter__(self) -> Iterator[bytes]:
        return (self.digests[at : at + DIGEST_BYTES] for at in range(0, len(self.digests), DIGEST_BYTES))

    def digest(self, number: int) -> bytes:
        """The digest of a chunk; empty for the number behind the last."""
        return self.digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES]

    def start(self, number: int) -> int:
        """Offset of the chunk; the end of the file for the number behind the last."""
        return self.ends[number - 1] if number else 0

    def length(self, number: int) -> int:
        """Size of the chunk in bytes."""
        return self.ends[number] - self.start(number)


NO_CHUNKS = Chunks(b"", array("Q"))


def average_for(total_bytes: int) -> int:
    """The average chunk for files of this size together: `AVERAGE_BYTES`, or more to bound the memory of the lists."""
    average = AVERAGE_BYTES
    while total_bytes // average > _MOST_CHUNKS:
        average *= 2
    return average


class CopySpan(NamedTuple):
    """Bytes ``new`` to ``new + length`` of a new file equal those from ``old`` on in the old file number ``file``."""

    new: int
    file: int
    old: int
    length: int

    @property
    def end(self) -> int:
        """The first offset behind it in the new file."""
        return self.new + self.length

    @property
    def old_end(self) -> int:
        """The first offset behind it in the old file."""
        return self.old + self.length


Common = Callable[[int, int, int, int], int]
"""From an offset in a new file, the number of an old file, an offset in that, and a limit: how many bytes from there on
are equal in both; if the limit is negative, how many before there."""


def extended(
    copies: Sequence[CopySpan], new_bytes: int, old_bytes: Mapping[int, int], common: Common
) -> list[CopySpan]:
    """The copies, extended into long gaps on both sides, nearly up to the bytes where the files differ.

    Copies end where chunks do, and chunks of large files are large (`average_for`). ``old_bytes``: number of each old
    file to its size.
    """
    wider: list[CopySpan] = []
    at = edge = 0
    for number, copy in enumerate(copies, 1):
        start = copies[number].new if number < len(copies) else new_bytes
        before = behind = 0
        if copy.new - edge >= LONG_BYTES:
            same = common(copy.new, copy.file, copy.old, -min(copy.new - at, copy.old))
            before = max(same - MARGIN_BYTES, 0)
        if start - copy.end >= LONG_BYTES:
            most = min(start - copy.end, old_bytes[copy.file] - copy.old_end)
            behind = max(common(copy.end, copy.file, copy.old_end, most) - MARGIN_BYTES, 0)
        wider.append(CopySpan(copy.new - before, copy.file, copy.old - before, before + copy.length + behind))
        edge, at = copy.end, wider[-1].end
    return wider


ChunkAt = tuple[int, int]
"""An old file's number, and the number of a chunk in it."""


class Known:
    """The chunks of all old files to copy from. ``files``: number to chunks."""

    def __init__(self, files: Mapping[int, Chunks]) -> None:
        self._files = files
        self._first: dict[bytes, ChunkAt] = {}
        for file, chunks in files.items():
            for number, digest in enumerate(chunks):
                self._first.setdefault(digest, (file, number))

    def base(self, new: Chunks) -> int | None:
        """The old file that shares most bytes with a new one; None if none does."""
        shared: Counter[int] = Counter()
        for number, digest in enumerate(new):
            if at := self._first.get(digest):
                shared[at[0]] += new.length(number)
        return min(shared, key=lambda file: (-shared[file], file)) if shared else None

    def trace(self, new: Chunks, base: int) -> "Trace":
        """An equal old chunk for each of a new file: behind that of the chunk before, in ``base``, or anywhere."""
        mine = self._files.get(base, NO_CHUNKS)
        first: dict[bytes, ChunkAt] = {}
        for number, digest in enumerate(mine):
            first.setdefault(digest, (base, number))
        found: list[ChunkAt | None] = []
        at: ChunkAt | None = None
        for digest in new:
            behind = (at[0], at[1] + 1) if at and self._files[at[0]].digest(at[1] + 1) == digest else None
            at = behind if behind and behind[0] == base else first.get(digest) or behind or self._first.get(digest)
            found.append(at)
        return Trace(new, self._files, found, mine)


@dataclass(frozen=True)
class Trace:
    """The chunks of a new file, each with an equal chunk of the old files, or None."""

    new: Chunks
    old: Mapping[int, Chunks]
    found: Sequence[ChunkAt | None]
    base: Chunks
    """Those of the old file that the new one most likely came from."""

    def copies(self) -> list[CopySpan]:
        """Equal stretches of at least `COPY_BYTES`, in the order of the new file."""
        joined: list[CopySpan] = []
        for number, at in enumerate(self.found):
            if at is None:
                continue
            span, last = self._span(number, at), joined[-1] if joined else None
            if last and (last.end, last.file, last.old_end) == (span.new, span.file, span.old):
                joined[-1] = CopySpan(last.new, last.file, last.old, last.length + span.length)
            else:
                joined.append(span)
        return [copy for copy in joined if copy.length >= COPY_BYTES]

    def anchors(self) -> list[CopySpan]:
        """Chunks that occur once in the old file ``base`` and once here, in their longest common order."""
        once = _once(self.new) & _once(self.base)
        ats = {number: at for number, at in enumerate(self.found) if at and self.new.digest(number) in once}
        rise = _longest_rise([(number, at[1]) for number, at in ats.items()])
        return [self._span(number, ats[number]) for number, _ in rise]

    def _span(self, number: int, at: ChunkAt) -> CopySpan:
        return CopySpan(self.new.start(number), at[0], self.old[at[0]].start(at[1]), self.new.length(number))


def _once(chunks: Chunks) -> set[bytes]:
    return {digest for digest, count in Counter(chunks).items() if count == 1}


def around(
    anchors: Sequence[CopySpan], start: int, end: int, new_bytes: int, old_bytes: int
) -> Iterator[tuple[int, int]]:  # fmt: skip
    """Old stretches (start, end) to make the new bytes ``start`` to ``end`` from; they may overlap.

    These are the bytes behind the anchor before and those before the anchor behind, if the anchors are near; for more
    than 128 KiB also the bytes around the proportional position between the two. The ends of the files are anchors too.
    """
    first, last = (bisect_left(anchors, at, key=lambda anchor: anchor.new) for at in (start, end))
    before = anchors[first - 1] if first else CopySpan(0, 0, 0, 0)
    behind = anchors[last] if last < len(anchors) else CopySpan(new_bytes, 0, old_bytes, 0)
    reach = (end - start) * 5 // 4 + 64 * 1024
    stretches = []
    if start - before.end <= _NEAR_BYTES:
        stretches.append((before.old_end, before.old_end + reach))
    if behind.new - end <= _NEAR_BYTES:
        stretches.append((behind.old - reach, behind.old))
    if end - start > 128 * 1024 or not stretches:
        new_gap, old_gap = max(behind.new - before.end, 1), max(behind.old - before.old_end, 0)
        middle = before.old_end + ((start + end) // 2 - before.end) * old_gap // new_gap
        wide = (end - start) // 2 + min(4 * 1024 * 1024, 8 * (end - start))
        stretches.append((middle - wide, middle + wide))
    for low, high in stretches:
        if max(low, 0) < min(high, old_bytes):
            yield max(low, 0), min(high, old_bytes)


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

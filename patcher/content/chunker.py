"""Where the bytes of a large new file come from: content-defined chunks of new and old files, matched.

A chunk ends where its own bytes say so, so equal content is cut alike wherever it lies. Equal stretches become
*copies*; what is left between them are *runs*. Chunks that stand once in the old file and once in the new one, taken in
their longest common order, are *anchors*: between two of them a run's old bytes are looked for.

Lists of chunks are handed in; cutting is pure computation over the bytes that a caller reads.
"""

import hashlib
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyfastcdc import FastCDC

AVERAGE_BYTES = 2 * 1024
"""Small, so that equal stretches are found between edits that stand close together."""

COPY_BYTES = 32 * 1024
"""Shorter equal stretches are left to the delta: naming them would cost more than they save."""

LONG_BYTES = 256 * 1024
MARGIN_BYTES = 1024
"""Of a gap this long copies take the equal bytes at its ends, but for a margin: a delta needs some to go on from, into
bytes that differ here and there. In native code, where gaps are short, it makes good use of all of them.
"""

_MOST_CHUNKS = 1 << 19
_NEAR_BYTES = 1024 * 1024
_BUFFER_BYTES = 4 * 1024 * 1024
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Chunks:
    """The chunks of one file in order: 16 bytes of SHA-256 each, side by side, and where each ends."""

    digests: bytes
    ends: "array[int]"

    def __len__(self) -> int:
        return len(self.ends)

    def digest(self, number: int) -> bytes:
        """Names the chunk's content."""
        return self.digests[number * _DIGEST_BYTES : (number + 1) * _DIGEST_BYTES]

    def start(self, number: int) -> int:
        """Offset of the chunk; that of the end for the number behind the last."""
        return self.ends[number - 1] if number else 0


def average_for(total_bytes: int) -> int:
    """The average chunk for files of so many bytes together: `AVERAGE_BYTES`, more only to bound the lists' memory."""
    average = AVERAGE_BYTES
    while total_bytes // average > _MOST_CHUNKS:
        average *= 2
    return average


class Chunker:
    """Cuts a stream that comes in any portions."""

    def __init__(self, average_bytes: int = AVERAGE_BYTES) -> None:
        self._cdc = FastCDC(avg_size=average_bytes, min_size=average_bytes // 4, max_size=average_bytes * 4)
        self._rest = bytearray()
        self._end = 0
        self._digests = bytearray()
        self._ends = array("Q")

    def update(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        self._rest += data
        if len(self._rest) >= _BUFFER_BYTES:
            self._cut(last=False)

    def chunks(self) -> Chunks:
        """All chunks that `take` has not given. The chunker is spent afterwards."""
        self._cut(last=True)
        return Chunks(bytes(self._digests), self._ends)

    def take(self, *, last: bool = False) -> Iterator[tuple[bytes, int]]:
        """Digest and end of the chunks that are known by now, or (``last``) of all that are left; each once."""
        if last:
            self._cut(last=True)
        found = Chunks(bytes(self._digests), self._ends)
        self._digests, self._ends = bytearray(), array("Q")
        return ((found.digest(number), end) for number, end in enumerate(found.ends))

    def _cut(self, *, last: bool) -> None:
        """The last chunk of a buffer may only end there because the buffer does; it waits for more."""
        data = bytes(self._rest)
        ends = [chunk.offset + chunk.length for chunk in self._cdc.cut_buf(data)] if data else []
        start = 0
        for end in ends if last else ends[:-1]:
            self._digests += hashlib.sha256(memoryview(data)[start:end]).digest()[:_DIGEST_BYTES]
            self._ends.append(self._end + end - start)
            self._end += end - start
            start = end
        self._rest = bytearray(data[start:])


# ---------------------------------------------------------------- matching


@dataclass(frozen=True, slots=True)
class Copy:
    """Bytes ``new`` to ``new + length`` of a new file stand at ``old`` in the old file number ``file``."""

    new: int
    file: int
    old: int
    length: int


Common = Callable[[int, int, int, int], int]
"""Offset in a new file, an old file's number, offset in that, and a limit: how many bytes from there on are the same in
both; with a limit below zero how many before."""


def stretched(copies: Sequence[Copy], new_bytes: int, old_bytes: Mapping[int, int], common: Common) -> list[Copy]:
    """The copies on both sides of a long gap, nearly up to the bytes where the files differ.

    Chunks end where their own content says, the larger the files the farther away (`average_for`). ``old_bytes``:
    number of each old file → its size.
    """
    edges = [0, *(copy.new + copy.length for copy in copies)]
    starts = [*(copy.new for copy in copies[1:]), new_bytes]
    wider: list[Copy] = []
    at = 0
    for copy, edge, start in zip(copies, edges, starts, strict=False):
        end, old_end, before, behind = copy.new + copy.length, copy.old + copy.length, 0, 0
        if copy.new - edge >= LONG_BYTES:
            same = common(copy.new, copy.file, copy.old, -min(copy.new - at, copy.old))
            before = max(same - MARGIN_BYTES, 0)
        if start - end >= LONG_BYTES:
            same = common(end, copy.file, old_end, min(start - end, old_bytes[copy.file] - old_end))
            behind = max(same - MARGIN_BYTES, 0)
        wider.append(Copy(copy.new - before, copy.file, copy.old - before, before + copy.length + behind))
        at = end + behind
    return wider


Place = tuple[int, int]
"""An old file's number, and the number of a chunk in it."""


class Known:
    """The chunks of all old files that may be copied from. ``files``: number → chunks."""

    def __init__(self, files: Mapping[int, Chunks]) -> None:
        self._files = files
        self._first: dict[bytes, Place] = {}
        for file, chunks in files.items():
            for number in range(len(chunks)):
                self._first.setdefault(chunks.digest(number), (file, number))

    def base(self, new: Chunks) -> int | None:
        """The old file that most bytes of a new one stand in; None when there is none."""
        shared: Counter[int] = Counter()
        for number in range(len(new)):
            if at := self._first.get(new.digest(number)):
                shared[at[0]] += new.start(number + 1) - new.start(number)
        return min(shared, key=lambda file: (-shared[file], file)) if shared else None

    def trace(self, new: Chunks, base: int | None) -> "Trace":
        """Where each chunk of a new file stands in the old ones: in ``base``, behind the one before it, or anywhere."""
        mine = self._files.get(base, _NO_CHUNKS) if base is not None else _NO_CHUNKS
        times = Counter(mine.digest(number) for number in range(len(mine)))
        first = {mine.digest(number): (base or 0, number) for number in reversed(range(len(mine)))}
        found: list[Place | None] = []
        at: Place | None = None
        for number in range(len(new)):
            digest = new.digest(number)
            behind = self._after(at, digest)
            if behind is None or behind[0] != base:
                behind = first.get(digest) or behind or self._first.get(digest)
            at = behind
            found.append(at)
        return Trace(new, self._files, found, frozenset(digest for digest, count in times.items() if count == 1), base)

    def _after(self, at: Place | None, digest: bytes) -> Place | None:
        """Of content that stands in several places the one behind the chunk before it."""
        if at is None:
            return None
        file, number = at[0], at[1] + 1
        chunks = self._files[file]
        return (file, number) if number < len(chunks) and chunks.digest(number) == digest else None


_NO_CHUNKS = Chunks(b"", array("Q"))


@dataclass(frozen=True)
class Trace:
    """The chunks of a new file, each with the place of its content in the old ones, or None."""

    new: Chunks
    old: Mapping[int, Chunks]
    found: Sequence[Place | None]
    unique: frozenset[bytes]
    """What stands once in the old file ``base``."""
    base: int | None

    def copies(self) -> list[Copy]:
        """Equal stretches of at least `COPY_BYTES`, in the order of the new file."""
        joined: list[Copy] = []
        for number, at in enumerate(self.found):
            if at is None:
                continue
            start, file, old = self.new.start(number), at[0], self.old[at[0]].start(at[1])
            length = self.new.start(number + 1) - start
            last = joined[-1] if joined else None
            if last and (last.new + last.length, last.file, last.old + last.length) == (start, file, old):
                joined[-1] = Copy(last.new, file, last.old, last.length + length)
            else:
                joined.append(Copy(start, file, old, length))
        return [copy for copy in joined if copy.length >= COPY_BYTES]

    def anchors(self) -> "Anchors":
        """Chunks that stand once in the old file ``base`` and once here, in their longest common order."""
        times = Counter(self.new.digest(number) for number, at in enumerate(self.found) if at)
        pairs = []
        for number, at in enumerate(self.found):
            digest = self.new.digest(number)
            if at and at[0] == self.base and digest in self.unique and times[digest] == 1:
                pairs.append((number, at[1]))
        old = self.old.get(self.base, _NO_CHUNKS) if self.base is not None else _NO_CHUNKS
        return Anchors([
            Copy(self.new.start(n), self.base or 0, old.start(o), self.new.start(n + 1) - self.new.start(n))
            for n, o in _longest_rise(pairs)
        ])  # fmt: skip


class Anchors:
    """Which old bytes a stretch of the new file most likely came from. Both files have their ends in common."""

    def __init__(self, anchors: Sequence[Copy]) -> None:
        self._anchors = anchors
        self._starts = [anchor.new for anchor in anchors]

    def around(self, start: int, end: int, new_bytes: int, old_bytes: int) -> Iterator[tuple[int, int]]:
        """Old stretches (start, end) to make the new bytes ``start`` to ``end`` from; they may overlap.

        What lies behind the anchor before and before the anchor behind, where these are near; for more than 128 KiB
        also what lies around the place in proportion between the two.
        """
        first, last = bisect_left(self._starts, start), bisect_left(self._starts, end)
        before = self._anchors[first - 1] if first else Copy(0, 0, 0, 0)
        behind = self._anchors[last] if last < len(self._anchors) else Copy(new_bytes, 0, old_bytes, 0)
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

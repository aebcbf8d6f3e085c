"""Reports of a running fetch: pieces that arrived, samples of its progress, and its rate."""

import time
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from patcher.protocol.events import Sources

_MARK_S = 0.1
_WINDOW_S = 5.0
_SETTLED_S = 1.0
CELLS = 256
_LOOKED_AT = 16
"""Of a cell with more pieces, about this many are looked at: a map is drawn ten times a second."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Pieces that are verified and can be read from their files; not fsynced, which is left to the commit.

    A fetch reports each piece once.
    """

    pieces: Sequence[int]


@dataclass(frozen=True, slots=True)
class Sample:
    """The progress of a fetch since its start. The sum of two samples is that of two fetches in a row."""

    sources: Sources = Sources()
    """As received on the wire, waste included."""
    done_bytes: int = 0
    """Of verified pieces."""
    uploaded_bytes: int = 0
    """Payload that the session gave to others meanwhile, of any torrent."""
    peers: int = 0
    pieces: str = ""
    """See `piece_map`."""

    def __add__(self, later: "Sample") -> "Sample":
        done_bytes, uploaded_bytes = self.done_bytes + later.done_bytes, self.uploaded_bytes + later.uploaded_bytes
        return replace(
            later, sources=self.sources + later.sources, done_bytes=done_bytes, uploaded_bytes=uploaded_bytes
        )


def piece_map(wanted: Sequence[int], done: Collection[int], from_origin: Collection[int], arriving: Collection[int],
              from_peers: str) -> str:  # fmt: skip
    """A map of the pieces for display: one letter for each of at most `CELLS` runs of the ``wanted`` pieces, in order.

    ``.`` is missing, ``a`` arriving, ``o`` from the origin, ``from_peers`` (``l`` or ``p``) from other players.
    """
    count = min(CELLS, len(wanted))
    bounds = [len(wanted) * cell // count for cell in range(count + 1)] if count else []
    cells = []
    for start, end in pairwise(bounds):
        seen = wanted[start : end : max(1, (end - start) // _LOOKED_AT)]
        states = "".join(
            [("o" if p in from_origin else "d") if p in done else "a" if p in arriving else "." for p in seen]
        )
        missing, by_origin = states.count(".") + states.count("a"), states.count("o")
        here = len(seen) - missing
        if here > missing:
            cells.append("o" if 2 * by_origin > here else from_peers)
        else:
            cells.append("." if states.count(".") == len(seen) else "a")
    return "".join(cells)


class RateMeter:
    """Bytes a second over the last five seconds, of several counts that only grow.

    They are 0 for the first second in which something comes: what a buffer held says nothing about the rest.
    """

    def __init__(self, *counts: int) -> None:
        self._marks = deque([(time.monotonic(), counts)])

    def at(self, *counts: int) -> tuple[int, ...]:
        """The rates, now that the counts stand at ``counts``."""
        now = time.monotonic()
        if counts == self._marks[0][1]:  # nothing has come yet: what comes is measured from here
            self._marks.clear()
            self._marks.append((now, counts))
        if now - self._marks[-1][0] >= _MARK_S:
            self._marks.append((now, counts))
        while len(self._marks) > 1 and now - self._marks[1][0] >= _WINDOW_S:
            self._marks.popleft()
        began_s, before = self._marks[0]
        if (passed := now - began_s) < _SETTLED_S:
            return (0,) * len(counts)
        return tuple(max(0, round((count - was) / passed)) for count, was in zip(counts, before, strict=True))


def time_left_s(left_bytes: int, rate_bps: int) -> int:
    """The time left at that rate; -1 if it is not known."""
    return round(left_bytes / rate_bps) if rate_bps > 0 else -1

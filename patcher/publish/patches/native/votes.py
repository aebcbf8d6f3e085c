"""From votes on how far addresses moved to the map that agrees with most of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from patcher.content.native.addresses import SPAN
from patcher.content.native.numbers import Ints, changes

BREAK_VOTES = 1.25
"""Votes that a break of the map must gain, since it takes some three bytes."""

_FARTHEST = 1 << 31
_PENDING_ROWS = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """Counts of votes for an address having moved by a shift, sorted by address and shift."""

    address: Ints
    shift: NDArray[np.int32]
    count: NDArray[np.int32]


class VoteCounter:
    """Collects votes in any order, and adds up equal ones."""

    def __init__(self) -> None:
        self._votes = [Votes(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32))]
        self._rows, self._most_rows = 0, _PENDING_ROWS

    def add(self, address: Ints, shift: Ints, count: Ints) -> None:
        """Add ``count`` votes for each ``address`` having moved by its ``shift``. Impossible ones are ignored."""
        sane = (address >= 0) & (address < SPAN) & (shift > -_FARTHEST) & (shift < _FARTHEST)
        self._votes.append(Votes(address[sane], shift[sane].astype(np.int32), count[sane].astype(np.int32)))
        self._rows += len(address)
        if self._rows > self._most_rows:
            self._rows = len(self.votes().address)
            self._most_rows = self._rows * 3 // 2 + _PENDING_ROWS

    def votes(self) -> Votes:
        """All votes so far."""
        address = np.concatenate([some.address for some in self._votes])
        shift = np.concatenate([some.shift for some in self._votes])
        count = np.concatenate([some.count for some in self._votes])
        self._votes.clear()
        order = np.lexsort((shift, address))
        address = address[order]  # one after the other: these are the longest rows of all, and memory is short
        shift = shift[order]
        count = count[order]
        first = np.flatnonzero(changes(address) | changes(shift))
        counts = np.add.reduceat(count, first, dtype=np.int32) if len(first) else count
        self._votes.append(Votes(address[first], shift[first], counts))
        return self._votes[0]


class _Break(NamedTuple):
    """The shift changes above the address ``after``, at ``at`` or earlier; ``before`` are the breaks before it."""

    after: int
    at: int
    shift: int
    before: "_Break | None"


class _Way(NamedTuple):
    """A map up to some address: its votes less the cost of its breaks, and its last break."""

    votes: float
    path: _Break | None


def fitted(votes: Votes) -> tuple[Ints, Ints]:
    """Starts and shifts of the map that has the most votes, less `BREAK_VOTES` for each break.

    Dynamic programming over the addresses: for each shift, the best map that ends with it is its own best so far, or
    the best of all with one more break. Votes never decrease, so the best of all is kept and need not be searched.
    """
    best = _Way(0, None)
    ways = {0: best}
    last = 0
    for first, end, candidates in _rows(votes):
        broken = best
        for shift, count in candidates:
            way = ways.get(shift)
            if way is None or way.votes < broken.votes - BREAK_VOTES:
                way = _Way(broken.votes - BREAK_VOTES, _Break(last, first, shift, broken.path))
            way = ways[shift] = _Way(way.votes + count, way.path)
            if way.votes > best.votes:
                best = way
        last = end
    return _map(best.path)


def _rows(votes: Votes) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Addresses with the same votes (first, last, votes): one address, or a row of them that vote for one shift."""
    begins = changes(votes.address)
    alone = begins & np.append(begins[1:], True)[: len(begins)]
    again = np.zeros(len(begins), np.bool_)
    again[1:] = alone[1:] & alone[:-1] & (votes.shift[1:] == votes.shift[:-1])
    rows = np.flatnonzero(~again)
    if not len(rows):
        return
    candidates = list(zip(votes.shift[rows].tolist(), np.add.reduceat(votes.count, rows).tolist(), strict=True))
    ends = np.append(np.flatnonzero(begins[rows]), len(rows)).tolist()
    firsts = votes.address[rows].tolist()
    lasts = votes.address[np.append(rows[1:], len(begins)) - 1].tolist()
    for start, end in pairwise(ends):
        yield firsts[start], lasts[end - 1], candidates[start:end]


def _map(path: _Break | None) -> tuple[Ints, Ints]:
    """The starts and shifts of a map, each break at the roundest address possible."""
    starts, shifts = [], []
    while path:
        free = max((path.after ^ path.at).bit_length() - 1, 0)
        starts.append(path.at >> free << free)
        shifts.append(path.shift)
        path = path.before
    return np.array(starts[::-1], np.int64), np.array(shifts[::-1], np.int64)

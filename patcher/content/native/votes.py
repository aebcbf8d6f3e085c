"""From votes on where addresses went to the map that most of them can live with."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from patcher.content.native.addresses import SPAN
from patcher.content.native.numbers import Ints, changes

BREAK_VOTES = 1.25
"""What a break of the map must bring, since it takes some three bytes."""

_PENDING_ROWS = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """So many votes, each for an address having moved by so much. int64; addresses rise, and shifts at each of them."""

    address: Ints
    shift: Ints
    count: Ints


class Ballot:
    """Takes votes in any order, and keeps those for the same together."""

    def __init__(self) -> None:
        self._columns: tuple[list[Ints], ...] = ([], [], [])
        self._rows = 0
        self._most_rows = _PENDING_ROWS

    def add(self, address: Ints, shift: Ints, count: Ints) -> None:
        """``count`` votes for each ``address`` having moved by the ``shift`` beside it; none that no map can hold."""
        sane = (address >= 0) & (address < SPAN) & (shift > -SPAN) & (shift < SPAN)
        for parts, column in zip(self._columns, (address, shift, count), strict=True):
            parts.append(column[sane])
        self._rows += len(address)
        if self._rows > self._most_rows:
            self.votes()
            self._most_rows = self._rows * 3 // 2 + _PENDING_ROWS

    def votes(self) -> Votes:
        """All so far."""
        address, shift, count = (_taken(parts) for parts in self._columns)
        order = np.lexsort((shift, address))
        address = address[order]
        shift = shift[order]
        count = count[order]
        first = np.flatnonzero(changes(address) | changes(shift))
        found = Votes(address[first], shift[first], np.add.reduceat(count, first) if len(first) else count)
        self._rows = len(first)
        for parts, column in zip(self._columns, (found.address, found.shift, found.count), strict=True):
            parts.append(column)
        return found


def _taken(parts: list[Ints]) -> Ints:
    """All of ``parts``, which are empty afterwards; columns are large, and two of each would not fit."""
    column = np.concatenate([np.zeros(0, np.int64), *parts])
    parts.clear()
    return column


# ---------------------------------------------------------------- the map


class _Break(NamedTuple):
    """The shift is another from some address after ``after`` on, up to ``at``; ``before`` are the breaks before it."""

    after: int
    at: int
    shift: int
    before: "_Break | None"


class _Way(NamedTuple):
    """A map up to some address: the votes it has less what its breaks cost, and its last break."""

    votes: float
    path: _Break | None


def fitted(votes: Votes) -> tuple[Ints, Ints]:
    """Starts and shifts of the map that has the most votes, less `BREAK_VOTES` for each break.

    Address by address, for each shift the best that a map can have reached that ends with it: what it had before, or
    the best of all and a break. A way never loses votes, so the best of all is one that is kept, not looked for.
    """
    best = _Way(0, None)
    ways = {0: best}
    last = 0
    for first, end, candidates in _places(votes):
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


def _places(votes: Votes) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """What has the same votes, as first address, last address, votes: one address, or a row that is for one shift."""
    begins = changes(votes.address)
    alone = begins & np.append(begins[1:], True)[: len(begins)]
    again = np.zeros(len(begins), np.bool_)
    again[1:] = alone[1:] & alone[:-1] & (votes.shift[1:] == votes.shift[:-1])
    rows = np.flatnonzero(~again)
    if not len(rows):
        return
    candidates = list(zip(votes.shift[rows].tolist(), np.add.reduceat(votes.count, rows).tolist(), strict=True))
    places = np.append(np.flatnonzero(begins[rows]), len(rows)).tolist()
    firsts = votes.address[rows].tolist()
    lasts = votes.address[np.append(rows[1:], len(begins)) - 1].tolist()
    for start, end in pairwise(places):
        yield firsts[start], lasts[end - 1], candidates[start:end]


def _map(path: _Break | None) -> tuple[Ints, Ints]:
    """Each break at the roundest of the addresses where it may be."""
    starts, shifts = [], []
    while path:
        free = max((path.after ^ path.at).bit_length() - 1, 0)
        starts.append(path.at >> free << free)
        shifts.append(path.shift)
        path = path.before
    return np.array(starts[::-1], np.int64), np.array(shifts[::-1], np.int64)

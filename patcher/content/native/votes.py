"""From votes on where addresses went to the map that most of them can live with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from patcher.content.native.addresses import SPAN, Ints

BREAK_VOTES = 4
"""What a break of the map must bring, since it takes some three bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """So many votes, each for an address of the old file having moved by so much; int64, side by side."""

    address: Ints
    shift: Ints
    count: Ints

    @classmethod
    def of(cls, address: Ints, shift: Ints, each: int = 1) -> "Votes":
        """``each`` votes for every pair, the same pairs together."""
        return summed([cls(address, shift, np.full(len(address), each, np.int64))])


def summed(votes: Sequence[Votes]) -> Votes:
    """All of them, those for the same together, by rising address and shift; none that no map can hold."""
    address = np.concatenate([some.address for some in votes])
    shift = np.concatenate([some.shift for some in votes])
    count = np.concatenate([some.count for some in votes])
    sane = np.flatnonzero((address >= 0) & (address < SPAN) & (np.abs(shift) < SPAN))
    order = sane[np.lexsort((shift[sane], address[sane]))]
    address, shift, count = address[order], shift[order], count[order]
    first = np.flatnonzero(_changes(address) | _changes(shift))
    return Votes(address[first], shift[first], np.add.reduceat(count, first) if len(first) else count)


def fitted(votes: Votes) -> tuple[Ints, Ints]:
    """Starts and shifts of the map that has the most votes, less `BREAK_VOTES` a break. ``votes`` are `summed`.

    Address by address, for each shift the best that a map can have reached that ends with it: what it had before, or
    the best of all and a break. The best of all can be kept as one number because votes only add to it.
    """
    best = _Way(0, 0, None)
    ways = {0: best}
    last = 0
    for first, end, candidates in _places(votes):
        broken = best
        for shift, count in candidates:
            way = ways.get(shift)
            if way is None or way.votes < broken.votes - BREAK_VOTES:
                path = _Break(last, first, shift, broken.path)
                way = _Way(broken.votes - BREAK_VOTES, shift, path)
            way = ways[shift] = _Way(way.votes + count, shift, way.path)
            best = max(best, way, key=lambda one: one.votes)
        last = end
    return _map(best.path)


class _Break(NamedTuple):
    """From some address after ``after`` up to ``at`` on the shift is another; ``before`` are the breaks before it."""

    after: int
    at: int
    shift: int
    before: "_Break | None"


class _Way(NamedTuple):
    votes: int
    shift: int
    path: _Break | None


def _places(votes: Votes) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """First and last address of what has the same votes: one address, or several in a row that are all for one shift."""
    begin = _changes(votes.address)
    alone = begin & np.append(begin[1:], True)
    again = np.zeros(len(begin), np.bool_)
    again[1:] = alone[1:] & alone[:-1] & (votes.shift[1:] == votes.shift[:-1])
    rows = np.flatnonzero(~again)
    counts = np.add.reduceat(votes.count, rows) if len(rows) else rows
    groups = np.flatnonzero(begin[rows])
    last = np.append(rows[1:], len(begin)) - 1
    bounds = [*groups.tolist(), len(rows)]
    candidates = list(zip(votes.shift[rows].tolist(), counts.tolist(), strict=True))
    firsts, lasts = votes.address[rows].tolist(), votes.address[last].tolist()
    for start, end in zip(bounds[:-1], bounds[1:], strict=True):
        yield firsts[start], lasts[end - 1], candidates[start:end]


def _map(path: _Break | None) -> tuple[Ints, Ints]:
    """Each break at the roundest of the addresses where it may be."""
    breaks = []
    while path:
        breaks.append(path)
        path = path.before
    starts, shifts = [], []
    for one in reversed(breaks):
        apart = (one.after ^ one.at).bit_length() - 1
        starts.append(one.at >> apart << apart if apart >= 0 else one.at)
        shifts.append(one.shift)
    return np.array(starts, np.int64), np.array(shifts, np.int64)


def _changes(numbers: Ints) -> NDArray[np.bool_]:
    """Where a number is another than the one before it."""
    return np.append(True, numbers[1:] != numbers[:-1])[: len(numbers)]

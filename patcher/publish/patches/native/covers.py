"""Covers: which bytes of a new file come from which of an old one, found quickly and in little memory.

Windows of 32 bytes are hashed at every offset of both files, and only hashes below a bound are used. A hash that occurs
once in each file is a *seed*. Consecutive seeds that moved alike are a run; between two runs the bytes themselves tell
where one ends and the other begins.

Covers are good enough to vote on how addresses moved. The patch itself is not made from them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patcher.content.native.numbers import Bytes, Ints, changes, words

Words = NDArray[np.uint32]
Pairs = NDArray[np.uint64]

_SEED_BYTES = 32
_SHARE = 4
_SAMPLES = 5 << 20
"""Hashes that are used of a file of more than 20 MiB, about. Of a smaller one a fourth of all is used."""
_HASHED_BYTES = 128 * 1024
_REACH_BYTES = 16 * 1024
_COMPARED_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class Covers:
    """Disjoint stretches of the new file, sorted, each with the offset in the old file that it came from. int64."""

    new: Ints
    old: Ints
    length: Ints

    def within_old(self, start: int, end: int) -> "Covers":
        """The parts of them that come from these old bytes."""
        low, high = np.maximum(self.old, start), np.minimum(self.old + self.length, end)
        some = np.flatnonzero(low < high)
        return Covers((self.new - self.old + low)[some], low[some], (high - low)[some])


def find(old: Bytes, new: Bytes) -> Covers:
    """The covers of two files of less than 4 GiB."""
    return _covers(_runs(*_seeds(old, new)), old, new)


# ---------------------------------------------------------------- seeds


def _seeds(old: Bytes, new: Bytes) -> tuple[Words, Words]:
    """Offsets in new and old of windows that occur once in both, in the order of the new file."""
    bound = (1 << 32) // max(_SHARE, max(len(old), len(new)) // _SAMPLES)
    pairs = _met(_once(old, bound), _once(new, bound))
    pairs.sort()
    return _high(pairs), _low(pairs)


def _met(old: tuple[Words, Words], new: tuple[Words, Words]) -> Pairs:
    """Offsets in new and old with the same hash."""
    (old_hashes, old_places), (new_hashes, new_places) = old, new
    if not len(old_hashes):
        return np.zeros(0, np.uint64)
    at = np.searchsorted(old_hashes, new_hashes)
    np.minimum(at, len(old_hashes) - 1, out=at)
    same = old_hashes[at] == new_hashes
    return _paired(new_places[same], old_places[at[same]])


def _once(data: Bytes, bound: int) -> tuple[Words, Words]:
    """The hashes below ``bound`` that occur once, rising, and their offsets."""
    found = [np.zeros(0, np.uint64)]
    for start in range(0, len(data) - _SEED_BYTES + 1, _HASHED_BYTES):
        hashes = _hashes(data[start : start + _HASHED_BYTES + _SEED_BYTES - 1])
        offsets = np.flatnonzero(hashes < np.uint32(bound))
        found.append(_paired(hashes[offsets], offsets + start))
    pairs = np.concatenate(found)
    found.clear()
    pairs.sort()
    first = changes(_high(pairs))
    pairs = pairs[first & np.append(first[1:], True)[: len(first)]]
    return _high(pairs), _low(pairs)


def _hashes(data: Bytes) -> Words:
    """Hashes of the 32 bytes from each offset, by doubling."""
    hashes = _mixed(words(np.ascontiguousarray(data), "<u4") * np.uint32(0x9E3779B1))
    for step, factor in ((4, 0x85EBCA6B), (8, 0xC2B2AE35), (16, 0x27D4EB2F)):
        longer = hashes[:-step] * np.uint32(factor)
        longer += hashes[step:]
        hashes = _mixed(longer)
    return hashes


def _mixed(hashes: Words) -> Words:
    hashes ^= hashes >> np.uint32(15)
    return hashes


def _paired(high: NDArray[np.integer], low: NDArray[np.integer]) -> Pairs:
    """Two numbers of 32 bits as one, so that they are sorted together quickly."""
    pairs = high.astype(np.uint64)
    pairs <<= np.uint64(32)
    pairs |= low.astype(np.uint32)
    return pairs


def _high(pairs: Pairs) -> Words:
    return (pairs >> np.uint64(32)).astype(np.uint32)


def _low(pairs: Pairs) -> Words:
    return pairs.astype(np.uint32)


# ---------------------------------------------------------------- runs


def _runs(new: Words, old: Words) -> Covers:
    """Stretches from the first byte of a first seed to the last of a last one."""
    by = new.astype(np.int64) - old
    for _ in range(3):
        steady = _steady(by)
        new, by = new[steady], by[steady]
    first = np.flatnonzero(changes(by))
    last = np.append(first[1:], len(by))[: len(first)] - 1
    start, end = new[first].astype(np.int64), new[last].astype(np.int64) + _SEED_BYTES
    start[1:] = np.maximum(start[1:], end[:-1])
    return Covers(start, start - by[first], np.maximum(end - start, 0))


def _steady(by: Ints) -> NDArray[np.bool_]:
    """False for a coincidence: a seed whose two neighbours moved alike, but not like it."""
    steady = np.ones(len(by), np.bool_)
    steady[1:-1] = (by[:-2] != by[2:]) | (by[1:-1] == by[:-2])
    return steady


# ---------------------------------------------------------------- what lies between them


def _covers(runs: Covers, old: Bytes, new: Bytes) -> Covers:
    """The runs, extended into the gaps on their sides."""
    by = runs.new - runs.old
    low, high = np.append(0, runs.new + runs.length), np.append(runs.new, len(new))
    before, behind = np.append(0, by), np.append(by, 0)
    most = np.minimum(high - low, _REACH_BYTES)
    rightwards, leftwards = np.minimum(most, len(old) - (low - before)), np.minimum(most, high - behind)
    rightwards[0] = leftwards[-1] = 0
    from_left = _grown(old, new, low, before, rightwards)
    from_right = _grown(old, new, high - 1, behind, leftwards, step=-1)

    both = np.flatnonzero(from_left + from_right > high - low)
    shared = (from_left + from_right - (high - low))[both]
    kept = _grown(old, new, (high - from_right)[both], before[both], shared, behind[both])
    from_left[both] -= shared - kept
    from_right[both] -= kept
    further = from_right[:-1]
    return Covers(runs.new - further, runs.old - further, runs.length + further + from_left[1:])


def _grown(old: Bytes, new: Bytes, start: Ints, by: Ints, most: Ints, other: Ints | None = None, step: int = 1) -> Ints:
    """How many of up to ``most`` bytes from ``start`` on, forwards or backwards, probably moved ``by``.

    An equal byte counts for it. A different one counts against it or, if there is an ``other`` shift, a byte that is
    equal with that one.
    """
    grown = np.zeros(len(start), np.int64)
    for some in _portions(most):
        lengths = most[some]
        steps = ranges(np.zeros(len(some), np.int64), lengths)
        offsets = np.repeat(start[some], lengths) + step * steps
        equal = _equal(old, new, offsets, np.repeat(by[some], lengths))
        against = 1 - equal if other is None else _equal(old, new, offsets, np.repeat(other[some], lengths))
        grown[some] = _best(equal - against, steps, lengths)
    return grown


def _portions(lengths: Ints) -> Iterator[Ints]:
    """The numbers of the rows that have a length, in portions that bound the bytes compared at once."""
    some = np.flatnonzero(lengths)
    portion = np.cumsum(lengths[some]) // _COMPARED_BYTES
    return (part for part in np.split(some, np.flatnonzero(changes(portion))) if len(part))


def _equal(old: Bytes, new: Bytes, offsets: Ints, by: Ints) -> Ints:
    equal: NDArray[np.bool_] = new[offsets] == old[offsets - by]
    return equal.astype(np.int64)


def _best(score: Ints, steps: Ints, lengths: Ints) -> Ints:
    """For each row of scores the length of the beginning with the greatest sum, the shortest if several have it."""
    begin = np.cumsum(lengths) - lengths
    sums = np.cumsum(score)
    sums -= np.repeat(sums[begin] - score[begin], lengths)
    best: Ints = np.maximum.reduceat(sums * _REACH_BYTES - steps, begin)
    value = -(-best // _REACH_BYTES)
    return np.where(value > 0, value * _REACH_BYTES - best + 1, 0)


def ranges(starts: Ints, lengths: Ints) -> Ints:
    """``start``, ``start + 1`` … for each start, as many numbers as its length, all in one row."""
    row = np.arange(lengths.sum(), dtype=np.int64)
    row += np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    return row

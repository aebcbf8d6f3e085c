"""Votes: the map is the one that most of them want, and no break is there for nothing."""

import itertools
from bisect import bisect_right
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from patcher.content.native.addresses import SPAN
from patcher.publish.patches.native import votes
from patcher.publish.patches.native.votes import BREAK_VOTES, VoteCounter

Vote = tuple[int, int, int]
"""Address, shift, count."""


def ballot(cast: list[Vote], each: int = 1000) -> VoteCounter:
    made = VoteCounter()
    for start in range(0, len(cast), each):
        part = cast[start : start + each]
        made.add(*(np.array([vote[column] for vote in part], np.int64) for column in range(3)))
    return made


def fitted(cast: list[Vote]) -> list[tuple[int, int]]:
    starts, shifts = votes.fitted(ballot(cast).votes())
    return list(zip(starts.tolist(), shifts.tolist(), strict=True))


def score(cast: list[Vote], steps: list[tuple[int, int]]) -> float:
    """The votes that a map has, less what its breaks cost."""
    starts = [start for start, _ in steps]
    shifts = [0, *(shift for _, shift in steps)]
    return sum(n for at, shift, n in cast if shifts[bisect_right(starts, at)] == shift) - BREAK_VOTES * len(steps)


def test_a_map_follows_its_votes() -> None:
    cast = [(0x1000, 0, 9), (0x2000, 16, 9), (0x3000, 16, 9), (0x4000, 0, 9)]
    assert fitted(cast) == [(0x2000, 16), (0x4000, 0)]


def test_a_few_that_err_are_not_followed() -> None:
    assert fitted([(0x1000, 16, 9), (0x1010, -40, 1), (0x1020, 16, 9)]) == [(0x1000, 16)]


def test_a_break_stands_at_the_roundest_place_of_its_gap() -> None:
    assert fitted([(0x1234, 0, 9), (0x5678, 8, 9), (0x567A, -8, 9)]) == [(0x4000, 8), (0x567A, -8)]


def test_without_votes_there_is_no_map() -> None:
    assert fitted([]) == []
    assert fitted([(5, 0, 100)]) == []


def test_what_no_map_can_hold_is_no_vote() -> None:
    cast = [(-1, 5, 9), (SPAN, 5, 9), (7, 1 << 31, 9), (7, -(1 << 40), 9), (7, -(1 << 63), 9)]
    assert fitted(cast) == []


CAST = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 8, -8]), st.integers(1, 3)), max_size=14)


@given(CAST)
def test_no_other_map_has_more_votes(cast: list[Vote]) -> None:
    mine = fitted(cast)
    assert all(start < behind for (start, _), (behind, _) in itertools.pairwise(mine))
    others = (
        [(at, shift) for at, (before, shift) in enumerate(itertools.pairwise((0, *shifts))) if shift != before]
        for shifts in itertools.product([0, 8, -8], repeat=6)
    )
    assert score(cast, mine) == max(score(cast, other) for other in others)


@given(CAST, st.integers(1, 4))
def test_votes_for_the_same_are_one_however_they_come(cast: list[Vote], each: int) -> None:
    made = ballot(cast, each)
    expected: Counter[tuple[int, int]] = Counter()
    for address, shift, count in cast:
        expected[address, shift] += count
    for _ in range(2):
        found = made.votes()
        rows = zip(found.address.tolist(), found.shift.tolist(), found.count.tolist(), strict=True)
        assert list(rows) == [(*key, count) for key, count in sorted(expected.items())]

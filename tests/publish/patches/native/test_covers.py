"""Covers: what stayed the same is found where it went, whatever else changed."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from patcher.publish.patches.native import covers
from patcher.publish.patches.native.covers import Covers
from tests.support.trees import noise


def find(old: bytes, new: bytes) -> Covers:
    return covers.find(np.frombuffer(old, np.uint8), np.frombuffer(new, np.uint8))


def rows(found: Covers) -> list[tuple[int, int, int]]:
    """(new, old, length) of each."""
    return list(zip(found.new.tolist(), found.old.tolist(), found.length.tolist(), strict=True))


A, B, C, D = (noise(seed, 3000) for seed in range(4))


def test_an_insertion_moves_what_is_behind_it() -> None:
    assert rows(find(A + B, A + b"inserted" + B)) == [(0, 0, 3000), (3008, 3000, 3000)]


def test_a_removal_too() -> None:
    assert rows(find(A + b"removed" + B, A + B)) == [(0, 0, 3000), (3000, 3007, 3000)]


def test_parts_that_change_places_are_found() -> None:
    assert rows(find(A + B + C, C + A + B)) == [(0, 6000, 3000), (3000, 0, 6000)]


def test_bytes_that_were_replaced_lie_in_their_cover() -> None:
    assert rows(find(A, A[:1500] + b"else" + A[1504:])) == [(0, 0, 3000)]


def test_what_stands_twice_goes_with_its_neighbours() -> None:
    assert rows(find(A + C + B + C, A + C + b"new" + B + C)) == [(0, 0, 6000), (6003, 6000, 6000)]


def test_what_has_nothing_in_common_has_no_covers() -> None:
    for old, new in ((A, B), (b"", A), (A, b""), (A[:20], A[:20]), (bytes(5000), bytes(5000))):
        assert rows(find(old, new)) == []


@given(
    st.lists(st.sampled_from([A, B, C, D, bytes(900), b"stub" * 300]), max_size=6),
    st.lists(st.tuples(st.sampled_from([A, B, C, D, bytes(900), b"stub" * 300]), st.integers(0, 500)), max_size=6),
)
def test_covers_rise_and_stay_inside_of_both_files(old: list[bytes], new: list[tuple[bytes, int]]) -> None:
    before, after = b"".join(old), b"".join(piece[cut:] for piece, cut in new)
    found = rows(find(before, after))
    assert all(start >= 0 and start + length <= len(after) for start, _, length in found)
    assert all(start >= 0 and start + length <= len(before) for _, start, length in found)
    assert all(start + length <= behind for (start, _, length), (behind, _, _) in pairwise(found))


@given(st.integers(0, 9000), st.integers(0, 9000))
def test_of_covers_those_of_a_part_of_the_old_file_can_be_had(start: int, end: int) -> None:
    whole = find(A + B + C, C + A + B)
    part = whole.within_old(start, end)
    assert part.length.sum() == max(end - start, 0)
    for new, old, length in rows(part):
        assert start <= old
        assert old + length <= end
        assert (C + A + B)[new : new + length] == (A + B + C)[old : old + length]

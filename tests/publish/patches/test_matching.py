"""Chunks of new and old files, matched in the order that tells most."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from patcher.publish.patches.matching import (
    COPY_BYTES,
    LONG_BYTES,
    MARGIN_BYTES,
    CopySpan,
    Known,
    _longest_rise,
    around,
    average_for,
    extended,
)
from tests.support.trees import MIB, chunks_of, noise


def test_the_lists_of_the_largest_files_stay_small() -> None:
    assert average_for(0) == average_for(2**30) == 2048
    for total in (10 * 10**9, 10**12):
        assert total / average_for(total) <= 1 << 19


def test_stretches_are_copied_from_the_file_of_the_same_name_first() -> None:
    shared, other = noise(4, MIB), noise(5, MIB)
    known = Known({0: chunks_of(shared + other), 1: chunks_of(other + shared)})
    copies = known.trace(chunks_of(shared), 1).copies()
    assert {copy.file for copy in copies} == {1}
    assert sum(copy.length for copy in copies) > MIB - 64 * 1024
    assert known.base(chunks_of(noise(6, 1000))) is None
    assert all(copy.length >= COPY_BYTES for copy in copies)


@given(st.integers(0, 300_000), st.integers(0, 300_000), st.sampled_from([0, 1000, LONG_BYTES]))
def test_copies_go_on_to_where_a_long_gap_differs(before: int, behind: int, more: int) -> None:
    """Between copies of 10 bytes lie so many equal bytes on both sides, and so many more new ones."""
    copies = [CopySpan(0, 0, 0, 10), CopySpan(10 + before + more + behind, 0, 10 + before + behind, 10)]
    ends = {10: before, copies[1].new: behind}
    new_bytes, old_bytes = copies[1].new + 10, copies[1].old + 10
    first, last = extended(copies, new_bytes, {0: old_bytes}, lambda at, _, __, limit: min(ends.get(at, 0), abs(limit)))
    is_long = before + more + behind >= LONG_BYTES
    assert first == CopySpan(0, 0, 0, 10 + max(before - MARGIN_BYTES, 0) * is_long)
    assert last.new >= first.new + first.length
    assert (last.new - last.old, last.new + last.length) == (more, new_bytes)
    if not is_long or more:
        assert last.length == 10 + max(behind - MARGIN_BYTES, 0) * is_long


def test_content_that_repeats_is_copied_in_one_stretch() -> None:
    block = noise(7, 300_000)
    known = Known({0: chunks_of(block * 8)})
    assert known.trace(chunks_of(block * 8), 0).copies() == [CopySpan(0, 0, 0, 8 * len(block))]


def test_a_run_leans_on_what_lies_between_its_anchors() -> None:
    anchors = [CopySpan(1000, 0, 5000, 100), CopySpan(9000, 0, 40_000, 100)]
    reach = 400 * 5 // 4 + 64 * 1024
    assert list(around(anchors, 1100, 1500, 10_000, 500_000)) == [(5100, 5100 + reach), (0, 40_000)]
    far = list(around([], 50 * MIB, 51 * MIB, 100 * MIB, 200 * MIB))
    assert far[-1] == (101 * MIB - 9 * MIB // 2, 101 * MIB + 9 * MIB // 2), "in proportion, and wide for a long run"


@given(st.lists(st.integers(0, 40), max_size=40))
def test_the_longest_rise_is_one_that_brute_force_cannot_beat(values: list[int]) -> None:
    rise = _longest_rise(list(enumerate(values)))
    assert [pair for pair in rise if values[pair[0]] != pair[1]] == []
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(rise))
    best = [1] * len(values)
    for at, value in enumerate(values):
        best[at] = 1 + max((best[n] for n in range(at) if values[n] < value), default=0)
    assert len(rise) == max(best, default=0)

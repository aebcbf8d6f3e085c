"""The simulated day keeps what a real one cannot break, and says what real swarms did."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patcher.publish.rehearsal.fluid import LINE_USE, Day, Line, Rehearsed, divide, rehearse
from tests.support.swarms import CLOSE, SEEN, SWARMS, SmallDay, pairs

SIZE = 50_000_000
LINE = Line(1, 6e6, 2e6, shares=True)


@pytest.mark.parametrize("day", SWARMS, ids=lambda day: day.name)
def test_real_swarms_that_nothing_was_fitted_to_are_foreseen_within_30_percent(day: SmallDay) -> None:
    for what, (said, seen) in pairs(day, SEEN[day.name]).items():
        assert abs(said / seen - 1) <= CLOSE, what


def test_a_player_alone_gets_all_from_the_origin_at_the_rate_of_its_line() -> None:
    said = rehearse(Day(SIZE, (replace(LINE, shares=False),), 100e6))
    assert said.origin_bytes == pytest.approx(SIZE / LINE_USE, rel=0.01)
    assert said.peer_bytes == 0
    assert said.time_s(1) == pytest.approx(2 + SIZE / (LINE_USE * 6e6), rel=0.01)


def test_players_who_do_not_share_cost_the_origin_a_copy_each() -> None:
    said = rehearse(Day(SIZE, (replace(LINE, players=40, shares=False),), 10e6))
    assert said.origin_bytes == pytest.approx(40 * SIZE / LINE_USE, rel=0.01)


def test_the_more_share_the_less_the_origin_sends_and_the_sooner_all_are_done() -> None:
    def said(sharing: int) -> Rehearsed:
        lines = (replace(LINE, players=sharing), replace(LINE, players=100 - sharing, shares=False))
        return rehearse(Day(SIZE, tuple(line for line in lines if line.players), 10e6))

    found = [said(sharing) for sharing in (0, 20, 50, 100)]
    copies = [each.origin_bytes / SIZE for each in found]
    assert copies == sorted(copies, reverse=True) and copies[-1] < 2
    times = [each.time_s(0.9) for each in found]
    assert times == sorted(times, reverse=True)


def test_seeds_take_the_place_of_the_origin() -> None:
    lines = tuple(replace(LINE, players=10, at_s=20.0 * n) for n in range(10))
    with_seed = rehearse(Day(SIZE, lines, 10e6, seed_bps=100e6))
    assert with_seed.origin_bytes < SIZE / 100
    assert rehearse(Day(SIZE, lines, 10e6)).origin_bytes > SIZE


def test_players_who_leave_at_once_help_less_than_those_who_stay() -> None:
    lines = tuple(replace(LINE, players=2, at_s=25.0 * n) for n in range(20))
    leaving, staying = (rehearse(Day(SIZE, lines, 50e6, stay_s=stay_s)) for stay_s in (0.0, 3600.0))
    assert leaving.origin_bytes > 2 * staying.origin_bytes


def test_what_the_origin_has_compressed_is_fewer_bytes_of_it() -> None:
    day = Day(SIZE, (replace(LINE, shares=False),), 100e6)
    assert rehearse(replace(day, origin_ratio=2.0)).origin_bytes == pytest.approx(rehearse(day).origin_bytes / 2)


lines = st.builds(
    Line,
    st.integers(1, 1000),
    st.floats(1e5, 1e8),
    st.floats(0, 1e7),
    st.booleans(),
    st.floats(0, 300),
)


@settings(max_examples=8)
@given(st.lists(lines, min_size=1, max_size=6), st.floats(1e6, 1e9))
def test_every_byte_comes_from_somewhere_and_nobody_is_faster_than_the_lines(
    crowd: list[Line], origin_bps: float
) -> None:
    said = rehearse(Day(SIZE, tuple(crowd), origin_bps))
    players = sum(line.players for line in crowd)
    assert said.moments[-1].done == players
    assert said.origin_bytes * LINE_USE + said.peer_bytes == pytest.approx(players * SIZE, rel=1e-3)
    assert said.origin_bytes * LINE_USE >= 0.99 * SIZE, "the first copy comes from the origin"
    assert max(moment.origin_bps for moment in said.moments) <= 1.001 * origin_bps
    assert said.wait_s(0) >= SIZE / max(line.down_bps for line in crowd)
    assert said.time_s(0.5) <= said.time_s(0.9) <= said.time_s(0.99)


@given(st.floats(0, 1e6), st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1e5)), max_size=8))
def test_a_supply_is_divided_alike_and_none_of_it_is_lost(supply_bps: float, wanted: list[tuple[int, float]]) -> None:
    given = divide(supply_bps, wanted)
    whole = sum(players * most for players, most in wanted)
    assert sum(n * got for (n, _), got in zip(wanted, given, strict=True)) == pytest.approx(min(supply_bps, whole))
    level = max(given, default=0.0)
    assert all(got == pytest.approx(min(most, level)) for (_, most), got in zip(wanted, given, strict=True))

"""How many peers are uploaded to at a time, for lines that are made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.transfer.swarm.pace import FIRST_SLOTS, LEAST_SLOTS, MOST_SLOTS, UploadSlots

_SECONDS = 60


class _Line:
    """A line, and uTP on it: each slot that is used has a packet under way, and more than ``room`` of them wait."""

    def __init__(self, slots: UploadSlots) -> None:
        self._slots = slots
        self._above = self._below = 0

    def pass_second(self, room: float, peers: int = 100, packets: int = 50) -> None:
        used = min(self._slots.count, peers)
        waiting = max(0.0, 1 - room / used) if used else 0.0
        self._above += round(packets * waiting)
        self._below += packets - round(packets * waiting)
        self._slots.note({
            "utp.utp_samples_above_target": self._above,
            "utp.utp_samples_below_target": self._below,
            "peer.num_peers_up_unchoked": used,
        })  # fmt: skip


@pytest.mark.parametrize(
    ("room", "expected"), [(0.1, LEAST_SLOTS), (10, range(10, 15)), (40, range(40, 51)), (1e6, MOST_SLOTS)]
)
def test_as_many_slots_as_the_line_has_room_for(room: float, expected: int | range) -> None:
    slots = UploadSlots()
    line = _Line(slots)
    for _ in range(_SECONDS):
        line.pass_second(room)
    assert slots.count in (expected if isinstance(expected, range) else [expected])


def test_no_slot_is_opened_for_which_there_is_no_peer() -> None:
    slots = UploadSlots()
    line = _Line(slots)
    for _ in range(_SECONDS):
        line.pass_second(1e6, peers=FIRST_SLOTS + 2)
    assert slots.count == FIRST_SLOTS + 3
    line.pass_second(1e6, peers=0)
    assert slots.count == FIRST_SLOTS + 3


def test_a_line_that_fills_up_closes_most_slots_within_ten_seconds() -> None:
    slots = UploadSlots()
    line = _Line(slots)
    for _ in range(_SECONDS):
        line.pass_second(1e6)
    for _ in range(10):
        line.pass_second(0.1)
    assert slots.count <= 4


def test_who_fetches_gives_to_four_however_full_the_line_is() -> None:
    slots = UploadSlots()
    line = _Line(slots)
    for _ in range(_SECONDS):
        line.pass_second(0.1)
    assert (slots.limit(is_fetching=True), slots.limit(is_fetching=False)) == (FIRST_SLOTS, LEAST_SLOTS)


def test_peers_who_only_know_tcp_find_slots() -> None:
    slots = UploadSlots()
    line = _Line(slots)
    for _ in range(_SECONDS):
        line.pass_second(1, packets=0)
    assert slots.count == MOST_SLOTS


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 100)), max_size=100))
def test_the_bounds_hold_whatever_is_counted(seconds: list[tuple[int, int, int]]) -> None:
    slots, above, below = UploadSlots(), 0, 0
    for longer, shorter, used in seconds:
        above, below = above + longer, below + shorter
        slots.note({
            "utp.utp_samples_above_target": above,
            "utp.utp_samples_below_target": below,
            "peer.num_peers_up_unchoked": used,
        })  # fmt: skip
        assert LEAST_SLOTS <= slots.count <= MOST_SLOTS

"""The map of pieces tells the truth in as many letters as a window can show."""

from hypothesis import given
from hypothesis import strategies as st

from patcher.transfer.sample import CELLS, piece_map


def test_each_piece_has_its_letter_while_they_are_few() -> None:
    assert piece_map([4, 5, 6, 7, 9], {4, 5, 9}, {5}, {6}, "p") == "poa.p"
    assert piece_map([1], (), (), (), "l") == "."
    assert piece_map([], (), (), (), "l") == ""


@given(count=st.integers(0, 5000), done=st.floats(0, 1))
def test_many_pieces_share_the_letters(count: int, done: float) -> None:
    wanted = range(count)
    here = range(int(count * done))
    drawn = piece_map(wanted, here, (), (), "l")
    assert len(drawn) == min(count, CELLS)
    assert drawn.strip("l").strip(".") in ("", "a")
    if len(here) == count:
        assert drawn == "l" * len(drawn)

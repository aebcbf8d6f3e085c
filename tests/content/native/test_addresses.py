"""An address map comes back as it went, and nothing else is taken for one."""

import lzma
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.content.native.addresses import MAX_BREAKS, SPAN, AddressMap
from patcher.errors import ContentError
from patcher.publish.patches.native.fitting import encode
from tests.support.trees import noise


def made(starts: list[int], shifts: list[int], refused: list[int], allowed: list[int]) -> AddressMap:
    return AddressMap(*(np.array(numbers, np.int64) for numbers in (starts, shifts, refused, allowed)))


def rising(most: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, most), unique=True, max_size=40).map(sorted)


@st.composite
def maps(draw: st.DrawFn) -> AddressMap:
    starts = draw(rising(SPAN - 1))
    shifts = draw(st.lists(st.integers(-SPAN, SPAN), min_size=len(starts), max_size=len(starts)))
    return made(starts, shifts, draw(rising(2**32 - 1)), draw(rising(2**32 - 1)))


FILTERS: list[dict[str, int]] = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
SMALL = made([4096, 8192, (1 << 40) + 5], [16, -24, 7], [0, 5], [9])


@given(maps())
def test_every_map_comes_back(addresses: AddressMap) -> None:
    again = AddressMap.decode(encode(addresses))
    for name in ("starts", "shifts", "refused", "allowed"):
        assert np.array_equal(getattr(again, name), getattr(addresses, name)), name


@given(maps(), st.lists(st.integers(-1, SPAN), max_size=20))
def test_the_shift_of_an_address_is_that_of_the_last_start_before_it(addresses: AddressMap, wanted: list[int]) -> None:
    steps = list(zip(addresses.starts.tolist(), addresses.shifts.tolist(), strict=True))
    told = addresses.shift(np.array(wanted, np.int64)).tolist()
    assert told == [next((by for start, by in reversed(steps) if start <= address), 0) for address in wanted]


def test_a_map_of_thousands_of_breaks_takes_two_or_three_bytes_each() -> None:
    gaps = np.frombuffer(noise(1, 20_000), np.uint16).astype(np.int64) % 4096 * 16 + 16
    shifts = np.frombuffer(noise(2, 10_000), np.uint8).astype(np.int64) % 8 * 16
    none = np.zeros(0, np.int64)
    assert len(encode(AddressMap(np.cumsum(gaps), shifts, none, none))) < 3 * len(gaps)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0" * 12, encode(SMALL) + b"\0", encode(SMALL)[:-1], noise(3, 200),
        (MAX_BREAKS + 1).to_bytes(4, "little") + encode(SMALL)[4:],
        encode(made([5, 5], [0, 0], [], [])), encode(made([9, 5], [0, 0], [], [])), encode(made([], [], [4, 4], [])),
        encode(made([SPAN - 1, SPAN], [0, 0], [], [])), encode(made([0], [SPAN + 1], [], [])),
    ],
)  # fmt: skip
def test_what_is_no_map_is_refused(data: bytes) -> None:
    with pytest.raises(ContentError) as caught:
        AddressMap.decode(data)
    assert caught.value.code == "content.window"


def test_a_map_that_bombs_is_never_inflated() -> None:
    bomb = encode(made(list(range(MAX_BREAKS)), [0] * MAX_BREAKS, [], []))
    with pytest.raises(ContentError):
        AddressMap.decode((1).to_bytes(4, "little") + bomb[4:])


@given(st.randoms(use_true_random=False), maps())
def test_what_numbers_a_map_may_hold_is_bounded(dice: random.Random, addresses: AddressMap) -> None:
    data = bytearray(encode(addresses))
    plain = bytearray(lzma.decompress(data[12:], lzma.FORMAT_RAW, filters=FILTERS))
    for place in dice.choices(range(len(plain)), k=3) if plain else ():
        plain[place] = dice.choice((0, 1, 127, 128, 255))
    try:
        taken = AddressMap.decode(bytes(data[:12]) + lzma.compress(plain, lzma.FORMAT_RAW, filters=FILTERS))
    except ContentError:
        return
    for numbers in (taken.starts, taken.refused, taken.allowed):
        assert np.all(np.diff(numbers) > 0)
        assert np.all((numbers >= 0) & (numbers < SPAN))
    assert np.all(np.abs(taken.shifts) <= SPAN)

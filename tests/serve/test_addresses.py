"""Compact addresses in flat buffers: few or many, they behave as a plain mapping of address and time does."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.serve.addresses import BUFFER_ADDRESSES, AddressBuffer, ManyAddresses, find, split


def address(number: int, width: int = 6) -> bytes:
    """Addresses far apart, in no order, whose bytes are found at wrong places of others too."""
    return (number * 40_503 % 65_536).to_bytes(2) * (width // 2)


def filled(count: int, width: int = 6) -> AddressBuffer | ManyAddresses:
    held: AddressBuffer | ManyAddresses = AddressBuffer(width)
    for number in range(count):
        held = held.add(address(number, width), number)
    return held


STEPS = st.lists(st.tuples(st.sampled_from(["add", "hear", "drop", "expire"]), st.integers(0, 600)), max_size=80)


@given(steps=STEPS, count=st.sampled_from([0, 5, BUFFER_ADDRESSES, 500]), width=st.sampled_from([6, 18]))
def test_any_order_of_steps_agrees_with_a_plain_mapping(steps: list[tuple[str, int]], count: int, width: int) -> None:
    held, plain, now = filled(count, width), {address(number, width): number for number in range(count)}, count
    for verb, number in steps:
        one, now = address(number, width), now + 1
        if verb == "add" and one not in plain:
            held, plain[one] = held.add(one, now), now
        elif verb == "hear":
            assert held.hear(one, now, now) == plain.get(one)
            plain |= {one: now} if one in plain else {}
        elif verb == "drop":
            assert held.drop(one) == (plain.pop(one, None) is not None)
        elif verb == "expire" and (old := held.expired(number)):
            assert plain[old] < number
    assert len(held) == len(plain)
    assert sorted(split(held.sample(1000), width)) == sorted(plain)


def test_everything_that_is_expired_is_found_in_the_end() -> None:
    held, gone = filled(1000), set[bytes]()
    for _ in range(2000):
        if one := held.expired(700):
            held.drop(one)
            gone.add(one)
    assert gone == {address(number) for number in range(700)}


@pytest.mark.parametrize("count", [BUFFER_ADDRESSES, 2 * BUFFER_ADDRESSES, 5000])
@pytest.mark.parametrize("want", [1, 10, 50, 200])
def test_each_address_is_as_likely_in_a_sample_as_any_other(count: int, want: int) -> None:
    held, times = filled(count), Counter[bytes]()
    random.seed(7)
    for _ in range(40 * count // want):
        found = split(held.sample(want), 6)
        assert len(found) == len(set(found)) == min(want, count)
        times.update(found)
    assert len(times) == count
    assert max(times.values()) < 5 * min(times.values()) + 40


@pytest.mark.parametrize("count", [50, 3000])
def test_the_addresses_of_a_network_are_found_together(count: int) -> None:
    held = filled(count)
    there = {address(number) for number in range(count) if address(number).startswith(b"\x9e")}
    assert there
    assert set(held.beginning(b"\x9e", 1000)) == there
    assert held.beginning(address(4464)[:2] + b"\0\1", 1000) == []


@pytest.mark.parametrize("count", [50, 3000])
def test_of_a_large_network_any_address_may_be_found(count: int) -> None:
    held, found = filled(count), set[bytes]()
    for _ in range(count):
        few = held.beginning(b"", 7)
        assert len(few) == len(set(few)) == 7
        found |= set(few)
    assert len(found) > count * 0.9


def test_many_that_become_few_take_the_memory_of_few() -> None:
    held = filled(5000)
    for number in range(4990):
        assert held.drop(address(number))
    assert isinstance(held, ManyAddresses)
    assert len(held._buffers) == 1


def test_bytes_across_two_addresses_are_none() -> None:
    flat = b"\1\2\3\4\5\6\1\2\3\4\5\7"
    assert (find(flat, b"\1\2\3\4\5\7", 6), find(flat, b"\4\5\6\1\2\3", 6)) == (6, -1)

"""An old file read through its map: tile by tile the same as whole, and never a crash."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patcher.content.native import rebase, references
from patcher.content.native.addresses import AddressMap
from patcher.content.native.binary import Binary
from patcher.content.native.rebase import Mover, Rebased
from patcher.content.native.sections import FILTERS
from patcher.errors import ContentError
from patcher.publish.patches.native import fitting
from tests.support.libraries import library
from tests.support.native_images import elf_library, elf_of_noise, elf_program, pe_library
from tests.support.trees import noise, prose

NONE = np.zeros(0, np.int64)
SAMPLES: list[Callable[[], bytes]] = [elf_library, elf_program, elf_of_noise, pe_library, lambda: library(1)]
TILE_BYTES = 4093
"""Small and odd, so that fields lie over many borders."""


def reader(data: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, length: data[offset : offset + length]


def scattered(data: bytes, seed: int) -> AddressMap:
    """A map with a break every few hundred bytes of what the file has in memory and beside it."""
    binary = Binary.open(reader(data), len(data))
    assert binary is not None
    ends = [s.address + n for s in binary.image.sections for n in range(0, s.memory_bytes, s.memory_bytes // 40 + 1)]
    starts = np.unique(np.array(ends, np.int64))
    shifts = np.frombuffer(noise(seed, 2 * len(starts)), np.int16).astype(np.int64)
    every = np.arange(len(data) // 1024 + 1)
    return AddressMap(starts, shifts, every[seed % 5 :: 7], every[seed % 3 :: 2])


def whole(data: bytes, addresses: AddressMap) -> bytes:
    binary = Binary.open(reader(data), len(data))
    assert binary is not None
    return Mover(addresses, len(data)).read(binary, 0, len(data), references.find(binary, 0, len(data)))


@pytest.mark.parametrize("sample", SAMPLES)
@given(st.data())
@settings(max_examples=10)
def test_tiles_are_the_same_as_the_whole_file(sample: Callable[[], bytes], data: st.DataObject) -> None:
    plain = sample()
    addresses = scattered(plain, data.draw(st.integers(0, 50)))
    expected = whole(plain, addresses)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rebase, "TILE_BYTES", TILE_BYTES)
        rebased = Rebased(reader(plain), len(plain), "x86-1", fitting.encode(addresses))
        for _ in range(20):
            offset, length = data.draw(st.integers(0, len(plain) + 9)), data.draw(st.integers(0, 3 * TILE_BYTES))
            assert rebased.read(offset, length) == expected[offset : offset + length]
    assert len(expected) == len(plain)
    assert expected != plain


def test_references_move_and_nothing_else_does() -> None:
    plain = library(1)
    binary = Binary.open(reader(plain), len(plain))
    assert binary is not None
    fields = references.find(binary, 0, len(plain))
    assert whole(plain, AddressMap(NONE, NONE, NONE, NONE)) == plain
    text = next(section for section in binary.image.sections if section.executable)
    moved = whole(plain, AddressMap(np.array([text.address]), np.array([16]), NONE, NONE))
    inside = {place + n for place, width in zip(fields.position, fields.width, strict=True) for n in range(width)}
    differ = {place for place in range(len(plain)) if plain[place] != moved[place]}
    assert differ
    assert differ <= inside


def test_nothing_certain_moves_in_refused_blocks() -> None:
    plain = elf_library()
    addresses = scattered(plain, 1)
    every = np.arange(len(plain) // 4096 + 1)
    assert whole(plain, AddressMap(addresses.starts, addresses.shifts, every, NONE)) == plain


@pytest.mark.parametrize("plain", [b"", prose(1, 5000), noise(2, 3_000_000), b"\x7fELF" + noise(3, 500)])
def test_what_is_no_native_code_is_left_as_it_is(plain: bytes) -> None:
    rebased = Rebased(reader(plain), len(plain), "x86-1", fitting.encode(scattered(elf_library(), 1)))
    assert rebased.read(0, len(plain)) == plain
    assert rebased.read(100, 50) == plain[100:150]


def test_a_file_that_was_changed_or_cut_short_is_read_all_the_same() -> None:
    plain = elf_library()
    data = fitting.encode(scattered(plain, 1))
    for other in (plain[:5000] + noise(1, 300) + plain[5300:], plain[:-1000], plain[:30]):
        rebased = Rebased(reader(other), len(plain), "x86-1", data)
        assert len(rebased.read(0, len(plain))) == len(other)


def test_a_damaged_map_and_an_unknown_filter_are_refused() -> None:
    plain = elf_library()
    for name, data in (
        ("x86-2", fitting.encode(scattered(plain, 1))),
        ("", b""),
        *((name, b"no map") for name in FILTERS),
    ):
        with pytest.raises(ContentError) as caught:
            Rebased(reader(plain), len(plain), name, data)
        assert caught.value.code == "content.window"

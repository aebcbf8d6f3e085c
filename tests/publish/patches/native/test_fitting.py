"""The map between two versions: found from their bytes alone, worth its own, and the same every time."""

import random
from collections.abc import Callable
from dataclasses import fields as columns

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.content.native.addresses import AddressMap
from patcher.content.native.fields import NO_BASE, Fields
from patcher.content.native.rebase import Rebased
from patcher.publish.patches import encode
from patcher.publish.patches.native import fitting
from patcher.publish.patches.native.fitting import Fitted, fit, packed, unpacked
from tests.support.libraries import library
from tests.support.native_images import elf_library, pe_library
from tests.support.trees import edited, noise, prose


def reader(data: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, length: data[offset : offset + length]


def fitted(old: bytes, new: bytes) -> Fitted | None:
    return fit(reader(old), len(old), reader(new), len(new))


def delta_bytes(old: bytes, new: bytes) -> int:
    return len(encode.make_window(new, old)[1])


@pytest.mark.parametrize(("old", "new"), [(library(1), library(1, 3)), (library(2, 5), library(2))])
def test_a_patch_of_a_library_becomes_many_times_smaller(old: bytes, new: bytes) -> None:
    found = fitted(old, new)
    assert found is not None
    rebased = Rebased(reader(old), len(old), found.filter, found.data).read(0, len(old))
    plain_bytes, filtered_bytes = delta_bytes(old, new), delta_bytes(rebased, new) + len(found.data)
    assert filtered_bytes * 8 < plain_bytes
    assert 0 < found.saved_bytes < plain_bytes - filtered_bytes, "careful, since a file is filtered or not by it"


def test_the_same_libraries_give_the_same_map() -> None:
    found = fitted(library(1), library(1, 3))
    assert found is not None
    assert found == fitted(library(1), library(1, 3))
    assert fitting.encode(AddressMap.decode(found.data)) == found.data


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (library(1), library(1)), (library(1), edited(library(1), 3)), (library(1), library(2)),
        (elf_library(), pe_library()), (prose(1, 9000), edited(prose(1, 9000), 2)), (b"", library(1)),
        (library(1), noise(1, 9000)),
    ],
)  # fmt: skip
def test_where_no_address_moved_or_none_is_known_there_is_no_map(old: bytes, new: bytes) -> None:
    assert fitted(old, new) is None


def test_damaged_libraries_give_some_map_or_none() -> None:
    dice = random.Random(1)
    for _ in range(20):
        sides = [bytearray(library(3)), bytearray(library(3, 2))]
        for side in sides:
            for _ in range(30):
                side[dice.choice((dice.randrange(64), dice.randrange(len(side) - 500, len(side))))] = dice.randrange(
                    256
                )
        fitted(*(bytes(side) for side in sides))


# ---------------------------------------------------------------- fields in little memory

_WIDE = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2**32) | st.just(NO_BASE)
_SMALL = st.integers(-128, 127)
_ROW = st.tuples(_WIDE, _SMALL, _WIDE, _WIDE, _SMALL, _SMALL, _SMALL)
_KINDS = (np.int64, np.int8, np.int64, np.int64, np.int8, np.int8, np.int8)


@given(st.lists(_ROW, max_size=20))
def test_kept_fields_are_the_same_again(rows: list[tuple[int, ...]]) -> None:
    found = Fields(*(np.array([row[n] for row in rows], kind) for n, kind in enumerate(_KINDS)))
    again = unpacked(packed(found))
    for column in columns(Fields):
        mine, theirs = getattr(again, column.name), getattr(found, column.name)
        assert mine.dtype == theirs.dtype
        assert np.array_equal(mine, theirs)


def test_nearby_references_take_half_the_memory() -> None:
    offsets = np.arange(1000, dtype=np.int64)
    small = np.ones(1000, np.int8)
    found = Fields(offsets + 2**33, small * 4, offsets * 4099 + 2**40, offsets + 2**33, small, small, small)
    taken = sum(more.nbytes for _, more in packed(found))
    assert 2 * taken < sum(getattr(found, column.name).nbytes for column in columns(Fields))

"""The map between two versions: found from their bytes alone, worth its own, and the same every time."""

import random
from collections.abc import Callable

import pytest

from patcher.content.native.addresses import AddressMap
from patcher.content.native.rebase import Rebased
from patcher.publish.patches import encode
from patcher.publish.patches.native.fitting import Fitted, fit
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
    assert AddressMap.decode(found.data).encode() == found.data


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

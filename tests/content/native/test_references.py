"""References: all that an image has, in any part of it alike, and the same for ever."""

from collections.abc import Callable
from dataclasses import fields as columns
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patcher.content.native.binary import Binary
from patcher.content.native.fields import CODE, DATA, GUESS, NO_BASE, TABLE, Fields
from patcher.content.native.references import find
from tests.support import disassembler
from tests.support import native_images as images
from tests.support.native_images import BSS, PE_CODE, PE_CONSTANTS, PE_DATA, TEXT, UNLOADED, VARIABLES

LIBRARY = disassembler.qt("Network")


def library() -> bytes:
    return LIBRARY.read_bytes()


@cache
def opened(sample: Callable[[], bytes]) -> Binary:
    data = sample()
    binary = Binary.open(lambda offset, length: data[offset : offset + length], len(data))
    assert binary is not None
    return binary


@cache
def whole(sample: Callable[[], bytes]) -> Fields:
    return find(opened(sample), 0, opened(sample).size_bytes)


Found = dict[int, tuple[int, int, int, int, int]]


@cache
def found(sample: Callable[[], bytes]) -> Found:
    """Address of each field → target, base, width, scale, kind."""
    sections = [section for section in opened(sample).image.sections if section.size_bytes]
    fields = whole(sample)
    rows = zip(*(getattr(fields, column.name).tolist() for column in columns(fields)), strict=True)
    by_address = {}
    for position, width, target, base, scale, kind, _ in rows:
        section = next(s for s in sections if s.offset <= position < s.end)
        by_address[position - section.offset + section.address] = (target, base, width, scale, kind)
    return by_address


def within(fields: Found, start: int, end: int) -> Found:
    return {address: field for address, field in fields.items() if start <= address < end}


def absolute(target: int, width: int = 8, kind: int = TABLE) -> tuple[int, int, int, int, int]:
    return target, NO_BASE, width, 1, kind


def own(address: int, target: int, kind: int) -> tuple[int, tuple[int, int, int, int, int]]:
    return address, (target, address, 4, 1, kind)


# ---------------------------------------------------------------- code


RELATIVE = dict(
    [
        own(TEXT + 0x01, TEXT + 0x200, CODE), own(TEXT + 0x12, TEXT + 0x300, CODE), own(TEXT + 0x23, VARIABLES, DATA),
        own(TEXT + 0x32, BSS, DATA), own(TEXT + 0x43, BSS + 4, DATA), own(TEXT + 0x52, BSS + 8, DATA),
        own(TEXT + 0x62, BSS + 12, DATA), own(TEXT + 0x75, BSS + 16, DATA), own(TEXT + 0x86, VARIABLES, DATA),
        own(TEXT + 0xA5, VARIABLES, DATA),
    ]
)  # fmt: skip


def test_branches_and_operands_are_found_whatever_stands_behind_them() -> None:
    assert within(found(images.elf_library), TEXT, TEXT + 0x100) == RELATIVE


def test_code_that_runs_at_one_address_only_holds_absolute_ones() -> None:
    more = {
        TEXT + 0xC3: absolute(VARIABLES + 8, 4, DATA), TEXT + 0xD1: absolute(VARIABLES + 16, 4, DATA),
        TEXT + 0xE2: absolute(VARIABLES + 24, 4, DATA),
    }  # fmt: skip
    assert within(found(images.elf_program), TEXT, TEXT + 0x100) == RELATIVE | more


def test_code_of_windows_refers_to_its_image_and_has_tables_of_branches() -> None:
    branches = {PE_CODE + 0x80 + 4 * n: absolute(PE_CODE + 0x100 + 0x10 * n, 4, GUESS) for n in range(4)}
    relative = dict([own(PE_CODE + 0x01, PE_CODE + 0x200, CODE), own(PE_CODE + 0x13, 0, DATA)])
    operand = {PE_CODE + 0x33: absolute(PE_DATA, 4, GUESS)}
    assert within(found(images.pe_library), PE_CODE, PE_CODE + 0x200) == branches | relative | operand


# ---------------------------------------------------------------- tables of ELF


def test_symbols_refer_to_names_and_to_what_they_name() -> None:
    fields = found(images.elf_library)
    assert within(fields, 0x10300, 0x10400) == {
        0x10318: (0x10201, 0x10200, 4, 1, TABLE), 0x10320: absolute(TEXT + 0x200),
        0x10328: (TEXT + 0x27F, TEXT + 0x200, 8, 1, TABLE),
        0x10330: (0x10205, 0x10200, 4, 1, TABLE),  # defined elsewhere
        0x10348: (0x10209, 0x10200, 4, 1, TABLE),  # in the storage of a thread
    }  # fmt: skip
    unloaded = [field for address, field in fields.items() if address >= UNLOADED and field[4] == TABLE]
    names = unloaded[0][1]
    assert unloaded == [(names + 1, names, 4, 1, TABLE), absolute(TEXT), (TEXT + 0x1FF, TEXT, 8, 1, TABLE)]


def test_numbers_of_symbols_count_from_the_first() -> None:
    numbered = {address: (0x10300 + 24 * n, 0x10300, 4, 24, TABLE) for address, n in (
        (0x10404, 1), (0x10418, 1), (0x10508, 2), (0x10514, 3), (0x10518, 1), (0x1063C, 2), (0x1066C, 1),
    )}  # fmt: skip
    assert {address: field for address, field in found(images.elf_library).items() if field[3] != 1} == numbered


def test_relocations_refer_to_their_places_and_addends_and_say_where_addresses_lie() -> None:
    fields = found(images.elf_library)
    assert {address: field for address, field in within(fields, 0x10600, 0x10800).items() if field[3] == 1} == {
        0x10600: absolute(0x17000), 0x10610: absolute(TEXT), 0x10618: absolute(0x17008), 0x10628: absolute(VARIABLES),
        0x10630: absolute(0x17020), 0x10648: absolute(0x17028), 0x10658: absolute(TEXT), 0x10660: absolute(0x17030),
        0x10700: absolute(VARIABLES + 0x100),
    }  # fmt: skip
    assert within(fields, VARIABLES, BSS) == {
        VARIABLES + 0x100: absolute(TEXT), VARIABLES + 0x108: absolute(TEXT + 8),
        VARIABLES + 0x118: absolute(VARIABLES),  # by the bits behind a packed relocation
        0x17000: absolute(TEXT), 0x17028: absolute(TEXT + 0x10),  # .got
        0x17038: absolute(TEXT), 0x17048: (0x10205, 0x10200, 8, 1, TABLE), 0x17058: absolute(TEXT),  # .dynamic
    }  # fmt: skip


def test_data_that_lies_at_one_address_only_is_made_of_addresses() -> None:
    only = set(found(images.elf_program)) - set(found(images.elf_library))
    assert {address for address in only if address > BSS - 0x1000} == {0x17010}


def test_unwinding_is_followed_from_the_table_that_lists_it() -> None:
    header, cie, first, second, third, handlers = 0x15000, 0x15100, 0x15118, 0x15130, 0x15148, 0x15200
    unwinding = {
        header + 4: (cie, header + 4, 4, 1, TABLE),
        header + 12: (TEXT, header, 4, 1, TABLE), header + 16: (first, header, 4, 1, TABLE),
        header + 20: (TEXT + 0x200, header, 4, 1, TABLE), header + 24: (second, header, 4, 1, TABLE),
        header + 28: (TEXT + 0x280, header, 4, 1, TABLE), header + 32: (third, header, 4, 1, TABLE),
        first + 4: (first + 4, cie, 4, 1, TABLE), first + 8: (TEXT, first + 8, 4, 1, TABLE),
        first + 12: (TEXT + 0x1FF, TEXT, 4, 1, TABLE),
        second + 4: (second + 4, cie, 4, 1, TABLE), second + 8: (TEXT + 0x200, second + 8, 4, 1, TABLE),
        second + 12: (TEXT + 0x27F, TEXT + 0x200, 4, 1, TABLE), second + 17: (handlers, second + 17, 4, 1, TABLE),
        third + 4: (third + 4, cie, 4, 1, TABLE), third + 8: (TEXT + 0x280, third + 8, 4, 1, TABLE),
        third + 12: (TEXT + 0x280, TEXT + 0x280, 4, 1, TABLE),
    }  # fmt: skip
    assert within(found(images.elf_library), header, handlers) == unwinding
    absolute_handlers = {third + 17: absolute(handlers, 4)}
    assert within(found(images.elf_program), header, handlers) == unwinding | absolute_handlers


def test_tables_of_branches_and_addresses_in_debug_information_are_guesses() -> None:
    guesses = {address: field for address, field in found(images.elf_library).items() if field[4] == GUESS}
    table = dict(own(0x14804 + 4 * n, TEXT + 0x10 * n, GUESS) for n in range(4))
    assert within(guesses, 0, UNLOADED) == table
    unloaded = list(within(guesses, UNLOADED, 2 * UNLOADED).values())
    assert unloaded == [absolute(TEXT + 0x200, 8, GUESS), absolute(TEXT, 8, GUESS)]


# ---------------------------------------------------------------- tables of PE


def test_what_windows_exports_and_imports_and_guards_is_found_by_its_directories() -> None:
    names = within(found(images.pe_library), PE_CONSTANTS, PE_CONSTANTS + 0x500)
    assert {address: field[0] for address, field in names.items() if field[4] == TABLE} == {
        0x310C: 0x3150, 0x311C: 0x3128, 0x3120: 0x3130, 0x3124: 0x3134, 0x3128: PE_CODE, 0x312C: PE_CODE + 0x200,
        0x3130: 0x3158, 0x3200: 0x3240, 0x320C: 0x3280, 0x3210: 0x3260, 0x3240: 0x3290, 0x3260: 0x3290,
        0x3480: PE_CODE, 0x3485: PE_CODE + 0x200, 0x348A: PE_CODE + 0x300,
    }  # fmt: skip


def test_types_and_unwinding_and_exceptions_of_windows_are_found() -> None:
    fields = within(found(images.pe_library), PE_CONSTANTS + 0x500, PE_CONSTANTS + 0xA00)
    assert {address: field[0] for address, field in fields.items() if field[4] == TABLE} == {
        0x350C: PE_DATA + 0x10, 0x3510: 0x3520, 0x3514: 0x3500, 0x3540: PE_DATA + 0x10, 0x3558: 0x3520,
        0x3714: PE_CODE, 0x3718: PE_CODE + 0x1FF, 0x371C: 0x3700, 0x3748: PE_CODE + 0x400, 0x374C: 0x3750,
        0x3751: 0x3759, 0x3755: 0x3770, 0x375B: PE_CODE + 0x300, 0x3762: PE_CODE + 0x310,
    }  # fmt: skip
    guesses = {address: field[0] for address, field in fields.items() if field[4] == GUESS}
    assert guesses == {0x352C: 0x3530, 0x3530: 0x3540}
    assert within(found(images.pe_library), PE_DATA, PE_DATA + 0x1000) == {PE_DATA: absolute(PE_CODE)}


def test_numbers_that_look_like_addresses_are_left_alone_where_nothing_certain_is_near() -> None:
    assert within(found(images.pe_library), PE_CONSTANTS, PE_CONSTANTS + 0x100) == {}


# ---------------------------------------------------------------- parts and wholes


def check_part(sample: Callable[[], bytes], start: int, end: int) -> None:
    part, fields = find(opened(sample), start, end), whole(sample)
    first, last = np.searchsorted(fields.position, [start, end])
    for column in columns(fields):
        assert np.array_equal(getattr(part, column.name), getattr(fields, column.name)[first:last]), (
            start,
            end,
            column.name,
        )


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([images.elf_library, images.elf_program, images.pe_library]), st.data())
def test_any_part_of_an_image_has_the_references_of_the_whole(sample: Callable[[], bytes], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, opened(sample).size_bytes))
    check_part(sample, start, start + data.draw(st.sampled_from([1, 7, 300, 5000])))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, LIBRARY.stat().st_size), st.sampled_from([1, 100, 70_000, 1 << 20]))
def test_any_part_of_a_real_library_has_the_references_of_the_whole(start: int, length: int) -> None:
    check_part(library, start, start + length)


@pytest.mark.parametrize(
    "sample", [images.elf_library, images.elf_program, images.pe_library, images.elf_of_noise, library]
)
def test_references_are_apart_and_in_order(sample: Callable[[], bytes]) -> None:
    fields = whole(sample)
    assert np.all(fields.position[1:] >= fields.position[:-1] + fields.width[:-1])
    assert fields.position[0] >= 0 and fields.position[-1] + fields.width[-1] <= opened(sample).size_bytes


# ---------------------------------------------------------------- frozen

FROZEN = {
    "elf_library": (65, "42127edd1eae438e"),
    "elf_program": (70, "008704ac2bc928fd"),
    "pe_library": (60, "d410c0834c9d5226"),
    "elf_of_noise": (925, "8e34d30b3f9c5355"),
}


@pytest.mark.parametrize("sample", [images.elf_library, images.elf_program, images.pe_library, images.elf_of_noise])
def test_what_is_found_never_changes(sample: Callable[[], bytes]) -> None:
    """A patch is applied with what a later version finds. Who must change this adds a filter of another name."""
    assert images.vector(whole(sample)) == FROZEN[sample.__name__]

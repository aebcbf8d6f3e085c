"""ARM64: references in bits of instructions are found, moved as a linker would have, and the same for ever."""

from collections.abc import Callable, Iterator
from dataclasses import fields as columns
from functools import cache

import capstone  # type: ignore[import-untyped]  # it brings no types
import numpy as np
import pytest
from capstone import arm64_const as arm64
from hypothesis import given, settings
from hypothesis import strategies as st

from patcher.content.native import arm64 as reader
from patcher.content.native import stored
from patcher.content.native.addresses import AddressMap
from patcher.content.native.binary import Binary
from patcher.content.native.fields import (
    BYTES21,
    CODE,
    DATA,
    LOW12,
    NO_BASE,
    PAGES21,
    PLAIN,
    TABLE,
    WORDS14,
    WORDS19,
    WORDS26,
    Fields,
)
from patcher.content.native.rebase import Rebased
from patcher.content.native.references import find
from patcher.publish.patches.native import fitting
from patcher.publish.patches.native.fitting import fit
from tests.support import native_images as images
from tests.support.arm64_images import (
    MACHINE,
    NOP,
    PAIRS,
    RET,
    TEXT,
    VARIABLES,
    Instruction,
    add,
    adrp,
    assembled,
    call,
    everything,
    load,
    plain,
    windows,
)
from tests.support.native_images import ALLOC, EXEC, PROGBITS, WRITE, Part, u32
from tests.support.trees import noise


def library(gap: int = 0, away: int = 0) -> bytes:
    """Two functions ``gap`` instructions apart, and variables that lie ``away`` further on."""
    last = TEXT + 4 * (0x40 + gap)
    moved = [adrp(0, VARIABLES + away), add(VARIABLES + away, 0, 0), call(last), plain(RET)]
    data = VARIABLES + away
    code = [*moved, *[plain(NOP)] * (0x3C + gap), adrp(1, data + 16), load(data + 16, 1, 0), call(TEXT), plain(RET)]
    return images.elf(
        [
            Part(".text", PROGBITS, ALLOC | EXEC, TEXT, assembled(code)),
            Part(".data", PROGBITS, ALLOC | WRITE, VARIABLES + away, noise(3, 256)),
        ],
        machine=MACHINE,
    )


@cache
def opened(sample: Callable[[], bytes]) -> Binary:
    data = sample()
    binary = Binary.open(lambda offset, length: data[offset : offset + length], len(data))
    assert binary is not None and binary.image.filter == "arm64-1"
    return binary


@cache
def whole(sample: Callable[[], bytes]) -> Fields:
    return find(opened(sample), 0, opened(sample).size_bytes)


def found(sample: Callable[[], bytes], start: int, end: int) -> dict[int, tuple[int, int, int, int, int]]:
    """Address of each field between the addresses → target, base, scale, kind, form."""
    sections = [section for section in opened(sample).image.sections if section.size_bytes]
    fields = whole(sample)
    names = ("position", "target", "base", "scale", "kind", "form")
    by_address = {}
    for position, *row in zip(*(getattr(fields, name).tolist() for name in names), strict=True):
        section = next(s for s in sections if s.offset <= position < s.end)
        address = position - section.offset + section.address
        if start <= address < end:
            by_address[address] = tuple(row)
    return by_address


# ---------------------------------------------------------------- what is found


def test_instructions_that_reach_their_target_alone_are_references() -> None:
    rows = [
        (TEXT + 0x200, 4, CODE, WORDS26), (TEXT, 4, CODE, WORDS26), (TEXT + 0x80, 4, CODE, WORDS19),
        (TEXT + 0x40, 4, CODE, WORDS19), (TEXT + 0x20, 4, CODE, WORDS14), (TEXT + 0x100, 4, DATA, WORDS19),
        (VARIABLES + 3, 1, DATA, BYTES21),
    ]  # fmt: skip
    assert found(everything, TEXT, TEXT + 0x1C) == {
        TEXT + 4 * number: (target, TEXT + 4 * number, *rest) for number, (target, *rest) in enumerate(rows)
    }


def test_an_address_in_two_halves_is_found_with_all_that_go_on_from_its_page() -> None:
    start = TEXT + 0x200
    pages = {0: VARIABLES, 2: VARIABLES + 9, 10: VARIABLES}
    halves = {
        1: (0, 0, 1), 4: (2, 9, 1), 5: (2, 10, 2), 6: (2, 12, 4), 7: (2, 24, 16), 8: (2, 24, 8), 12: (10, 0, 8),
    }  # fmt: skip
    expected = {start + 4 * at: (target, start + 4 * at, 1, DATA, PAGES21) for at, target in pages.items()}
    for at, (base, into, scale) in halves.items():
        target = (VARIABLES & ~0xFFF) + ((VARIABLES + into) & 0xFFF) // scale * scale
        expected[start + 4 * at] = (target, start + 4 * base, scale, DATA, LOW12)
    calls = {start + 4 * 11}
    inside = found(everything, start, start + 4 * len(PAIRS))
    assert {at: field for at, field in inside.items() if at not in calls} == expected


def test_tables_are_those_of_any_elf_file_but_for_the_numbers_of_relocations() -> None:
    absolute = [(VARIABLES, TEXT), (VARIABLES + 8, TEXT + 4)]
    assert found(everything, VARIABLES, VARIABLES + 0x20) == {
        place: (target, NO_BASE, 1, TABLE, PLAIN) for place, target in absolute
    }


def test_unwinding_of_windows_is_followed_to_its_handlers() -> None:
    fields = found(windows, 0x3000, 0x6000)
    assert {address: field[0] for address, field in fields.items() if field[3] == TABLE} == {
        0x3108: 0x1040, 0x310C: 0x3700, 0x3128: 0x1044, 0x312C: 0x3700, 0x3154: 0x1048, 0x3158: 0x3700,
        0x5000: 0x1000, 0x5004: 0x3100, 0x5008: 0x1040, 0x5010: 0x1080, 0x5014: 0x3120, 0x5018: 0x10C0, 0x501C: 0x3140,
        0x5020: 0x1100, 0x5024: 0x3160,
    }  # fmt: skip


# ---------------------------------------------------------------- beside a disassembler


def disassembled() -> Iterator[capstone.CsInsn]:
    """Of random words, those that are instructions."""
    engine = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)
    engine.detail = engine.skipdata = True
    section = next(section for section in opened(everything).image.sections if section.name == ".noise")
    for instruction in engine.disasm(opened(everything).read(section.offset, section.size_bytes), section.address):
        if instruction.id:
            yield instruction


def last_operand(instruction: capstone.CsInsn) -> int:
    """A number, or the distance from a register in memory; -1 for anything else."""
    last = instruction.operands[-1] if instruction.operands else None
    if last and last.type == arm64.ARM64_OP_MEM:
        return int(last.mem.disp)
    return int(last.imm) if last and last.type == arm64.ARM64_OP_IMM else -1


def test_branches_and_literals_are_read_as_a_disassembler_reads_them() -> None:
    theirs, known, loaded = {}, set(), opened(everything).loaded
    for instruction in disassembled():
        known.add(instruction.address)
        name, target = instruction.mnemonic, last_operand(instruction)
        literal = name in {"adr", "ldr", "ldrsw", "prfm"} and "[" not in instruction.op_str
        jump = {arm64.ARM64_GRP_JUMP, arm64.ARM64_GRP_CALL} & set(instruction.groups) or name.startswith("bc.")
        if (literal or jump) and loaded.hold(np.array([target]))[0]:
            theirs[instruction.address] = target
    ours = found(everything, min(known), max(known) + 1)
    assert len(theirs) > 700
    assert {at: field[0] for at, field in ours.items() if at in known and field[4] not in {PAGES21, LOW12}} == theirs


def test_pages_and_what_is_added_to_them_are_read_as_a_disassembler_reads_them() -> None:
    pages = adding = 0
    for instruction in disassembled():
        word = np.array([int.from_bytes(instruction.bytes, "little")])
        scale = int(reader.scales(word)[0])
        if instruction.mnemonic == "adrp":
            assert (instruction.address >> 12) + stored.decode(word, PAGES21)[0] << 12 == last_operand(instruction)
            pages += 1
        elif scale:
            assert scale * stored.decode(word, LOW12)[0] == last_operand(instruction)
            adding += 1
    assert min(pages, adding) > 300


# ---------------------------------------------------------------- what they become


@given(
    st.sampled_from([WORDS26, WORDS19, WORDS14, BYTES21, PAGES21, LOW12]),
    st.integers(0, 2**32 - 1),
    st.integers(-(2**40), 2**40),
)
def test_a_value_is_stored_in_its_own_bits_and_read_from_them(form: int, word: int, number: int) -> None:
    one = np.zeros(1, np.int64)
    fields = Fields(one, *(np.full(1, n) for n in (4, 0, 0, 1, CODE, form)))
    data = bytearray(u32(word))
    before = stored.values(data, one, fields)
    stored.write(data, one, fields, one + number)
    held = int(stored.values(data, one, fields)[0])
    bits = {WORDS26: 26, WORDS19: 19, WORDS14: 14, BYTES21: 21, PAGES21: 21, LOW12: 12}[form]
    assert (held - number) % (1 << bits) == 0
    assert (held in range(1 << 12)) if form == LOW12 else (-(1 << bits - 1) <= held < 1 << bits - 1)
    stored.write(data, one, fields, before)
    assert data == u32(word)


def rebased(data: bytes, addresses: AddressMap) -> Rebased:
    return Rebased(
        lambda offset, length: data[offset : offset + length], len(data), "arm64-1", fitting.encode(addresses)
    )


def text_of(data: bytes) -> bytes:
    binary = Binary.open(lambda offset, length: data[offset : offset + length], len(data))
    assert binary is not None
    section = binary.image.of_role("code")[0]
    return data[section.offset : section.end]


@settings(deadline=None)
@given(st.integers(0, 500), st.integers(-0x1000, 0x10000))
def test_code_moved_is_what_a_linker_would_have_made(gap: int, away: int) -> None:
    """The halves of an address carry from one to the other; what counts in eights stays a multiple of eight."""
    away &= ~7
    none = np.zeros(0, np.int64)
    starts, shifts = [TEXT + 0x20, VARIABLES - 0x20], [4 * gap, away]
    old, new = library(), text_of(library(gap, away))
    moved = rebased(old, AddressMap(np.array(starts), np.array(shifts), none, none)).read(0, len(old))
    code = text_of(old)
    ours = moved[old.index(code) :][: len(code)]
    assert ours[:0x20] == new[:0x20]
    assert ours[0x100:] == new[0x100 + 4 * gap :]


def test_a_map_is_found_from_both_halves_of_addresses() -> None:
    """Functions that differ, so that each is known again, and of each kind of reference some across what was added."""

    def many(gap: int, away: int) -> bytes:
        code: list[Instruction] = []
        for number in range(300):
            target = VARIABLES + 0x1000 + away + 24 * (number * 7 % 300)
            callee = TEXT + 64 * (number * 11 % 300)
            code += [
                *(plain(0xD2800000 | number << 5 | register) for register in range(8)),  # mov of its number
                *([adrp(8, target), add(target, 8, 8)] if number % 2 else [adrp(8, target), load(target, 8, 8)]),
                call(callee + (4 * gap if callee >= TEXT + 64 * 150 else 0)),
                *[plain(NOP)] * 4, plain(RET),
            ]  # fmt: skip
            code += [plain(NOP)] * (gap if number == 149 else 0)
        return images.elf(
            [
                Part(".text", PROGBITS, ALLOC | EXEC, TEXT, assembled(code)),
                Part(".data", PROGBITS, ALLOC | WRITE, VARIABLES + 0x1000 + away, noise(3, 8192)),
            ],
            machine=MACHINE,
        )

    old, new = many(0, 0), many(8, 0x2328)
    fitted = fit(
        lambda at, length: old[at : at + length], len(old), lambda at, length: new[at : at + length], len(new)
    )  # fmt: skip
    assert fitted is not None and fitted.filter == "arm64-1"
    moved = Rebased(lambda at, length: old[at : at + length], len(old), fitted.filter, fitted.data).read(0, len(old))
    code = text_of(old)
    ours, theirs = moved[old.index(code) :][: len(code)], text_of(new)
    assert ours[: 64 * 150] + u32(*[NOP] * 8) + ours[64 * 150 :] == theirs


# ---------------------------------------------------------------- parts, wholes and damage


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([everything, windows]), st.data())
def test_any_part_of_an_image_has_the_references_of_the_whole(sample: Callable[[], bytes], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, opened(sample).size_bytes))
    end = start + data.draw(st.sampled_from([1, 3, 300, 5000]))
    part, fields = find(opened(sample), start, end), whole(sample)
    first, last = np.searchsorted(fields.position, [start, end])
    for column in columns(fields):
        assert np.array_equal(getattr(part, column.name), getattr(fields, column.name)[first:last])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([everything, windows]), st.data())
def test_damaged_images_and_wild_maps_are_read_within_their_length(
    sample: Callable[[], bytes], data: st.DataObject
) -> None:
    damaged = bytearray(sample())
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.one_of(st.integers(0, 0x400), st.integers(0, len(damaged) - 1)))
        damaged[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
    breaks = data.draw(st.dictionaries(st.integers(0, 2**41 - 1), st.integers(-(2**40), 2**40), max_size=8))
    starts = np.array(sorted(breaks), np.int64)
    shifts = np.array([breaks[start] for start in sorted(breaks)], np.int64)
    none = np.zeros(0, np.int64)
    read = rebased(bytes(damaged), AddressMap(starts, shifts, none, none)).read(0, len(damaged) + 5)
    assert len(read) == len(damaged)


# ---------------------------------------------------------------- frozen

FROZEN = {"everything": (828, "70ca60f5c4d2e73a"), "windows": (16, "1ec6fbe2938c3aae")}


@pytest.mark.parametrize("sample", [everything, windows])
def test_what_is_found_never_changes(sample: Callable[[], bytes]) -> None:
    """A patch is applied with what a later version finds. Who must change this adds a filter of another name."""
    assert images.vector(whole(sample)) == FROZEN[sample.__name__]

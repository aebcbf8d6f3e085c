"""Images: what is native code of ours, and that no header is trusted."""

import random
import subprocess
import sys

import pytest

from patcher.content.native import image
from patcher.content.native.sections import Image
from tests.support import native_images as images
from tests.support import native_mutants
from tests.support.native_images import ALLOC, NOBITS, PROGBITS, Part, elf, u32, u64


def parsed(data: bytes) -> Image | None:
    return image.parse(lambda offset, length: data[offset : offset + length], len(data))


def put(data: bytes, place: int, value: bytes) -> bytes:
    return data[:place] + value + data[place + len(value) :]


def test_libraries_and_programs_are_told_by_their_headers() -> None:
    found = [parsed(make()) for make in native_mutants.SAMPLES]
    assert [i and (i.filter, i.format, i.relocatable, i.base) for i in found] == [
        ("x86-1", "elf", True, 0), ("x86-1", "elf", False, 0), ("x86-1", "pe", True, images.BASE),
        ("arm64-1", "elf", True, 0), ("arm64-1", "pe", False, images.BASE),
    ]  # fmt: skip
    stripped = parsed(images.pe_library(flags=0x2023))
    assert stripped and not stripped.relocatable


def test_telling_native_code_needs_no_numpy() -> None:
    """A player that has none to patch stays small."""
    code = "import sys, patcher.content.native.image; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_sections_have_their_place_and_role() -> None:
    library = parsed(images.elf_library())
    assert library
    by_name = {section.name: section for section in library.sections}
    assert ".tbss" not in by_name
    assert by_name[".text"].executable and by_name[".text"].role == "code"
    assert by_name[".bss"].size_bytes == 0 and by_name[".bss"].memory_bytes == 0x1000
    assert by_name[".rela.dyn"].link == by_name[".dynsym"].address
    strings = by_name[".strtab"]
    assert by_name[".symtab"].link == strings.address == images.UNLOADED + strings.offset and not strings.loaded
    assert [section.offset for section in library.sections] == sorted(section.offset for section in library.sections)


ELF, PE = images.elf_library(), images.pe_library()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x7fELF", b"MZ", b"#!/bin/sh\n" * 100, put(ELF, 4, b"\x01"), put(ELF, 5, b"\x02"), put(ELF, 16, b"\x01"),
        put(ELF, 18, b"\x28"), put(ELF, 58, b"\x20"), put(ELF, 60, b"\0\0"), put(ELF, 60, b"\xff\xff"),
        put(ELF, 62, b"\xff\xff"), put(ELF, 40, u64(len(ELF))), put(ELF, 40, u64((1 << 64) - 64)),
        put(PE, 60, u32(0xFFFFFFFF)), put(PE, 64, b"NE"), put(PE, 68, b"\x4c\x01"), put(PE, 88, b"\x0b\x01"),
        put(PE, 70, b"\xff\xff"), put(PE, 70, b"\0\0"), put(PE, 112, u64((1 << 64) - 1)),
    ],
)  # fmt: skip
def test_what_is_damaged_or_of_another_kind_is_no_image(data: bytes) -> None:
    assert parsed(data) is None


def test_a_file_that_ends_anywhere_is_no_harm() -> None:
    for data in (ELF, PE):
        for size in range(0, len(data), 97):
            native_mutants.check(data[:size] or b"\0", random.Random(size))


def test_a_section_outside_of_the_file_or_over_another_is_left_out() -> None:
    data = elf([Part(f".{n}", PROGBITS, ALLOC, 0x1000 * n, bytes(64)) for n in range(1, 5)])
    headers = int.from_bytes(data[40:48], "little")
    offsets = [int.from_bytes(data[headers + 64 * n + 24 :][:8], "little") for n in range(1, 5)]
    data = put(data, headers + 64 * 2 + 24, u64(offsets[0] + 32))  # the second begins in the first
    data = put(data, headers + 64 * 3 + 32, u64(1 << 63))  # the third reaches out of the file
    data = put(data, headers + 64 * 4 + 16, u64((1 << 40) - 32))  # the fourth out of all addresses
    kept = parsed(data)
    assert kept and [section.name for section in kept.sections] == [".1", ".shstrtab"]


def test_lists_that_would_not_end_are_cut() -> None:
    wide = Part(".wide", NOBITS, ALLOC | images.EXEC, 0x10000, b"", size=1 << 39)
    bits = Part(".relr", images.RELR, ALLOC, 0x1000, u64(0x2000) + b"\xff" * (1 << 21))
    native_mutants.check(elf([bits, wide]), random.Random(1))
    header = b"\x01\x1b\x03\x3b" + u32(0, 0xFFFFFFFF)
    native_mutants.check(
        elf([Part(".eh_frame_hdr", PROGBITS, ALLOC, 0x1000, header + u32(0x1000) * 999), wide]), random.Random(2)
    )


@pytest.mark.parametrize("seed", range(4))
def test_mutants_give_references_in_bounds_or_nothing(seed: int) -> None:
    dice = random.Random(f"mutants {seed}")
    for _ in range(60):
        native_mutants.check(native_mutants.mutant(dice, dice.choice(native_mutants.SAMPLES)()), dice)

"""Files for ARM64 made by hand, as `native_images` makes those for x86-64, and an assembler as far as they need one."""

import struct
from collections.abc import Callable, Sequence
from functools import cache

from tests.support import native_images as images
from tests.support.native_images import ALLOC, EXEC, PROGBITS, RELA, WRITE, Part, u32, u64
from tests.support.trees import noise

MACHINE, PE_MACHINE = 183, 0xAA64
TEXT, VARIABLES = 0x11000, 0x26008
NOP, RET = 0xD503201F, 0xD65F03C0

Instruction = Callable[[int], int]
"""Its own address → the word."""


# ---------------------------------------------------------------- the assembler


def plain(word: int) -> Instruction:
    return lambda own: word


def words(bits: int, count: int, shift: int, target: int) -> Instruction:
    return lambda own: bits | ((target - own >> 2) & (1 << count) - 1) << shift


def near(bits: int, distance: int) -> int:
    return bits | (distance & 3) << 29 | (distance >> 2 & 0x7FFFF) << 5


def adr(register: int, target: int) -> Instruction:
    return lambda own: near(0x10000000 | register, target - own)


def adrp(register: int, target: int) -> Instruction:
    return lambda own: near(0x90000000 | register, (target >> 12) - (own >> 12))


def low(bits: int, scale: int, target: int, base: int, register: int = 0) -> Instruction:
    return lambda own: bits | (target & 0xFFF) // scale << 10 | base << 5 | register


def call(target: int) -> Instruction:
    return words(0x94000000, 26, 0, target)


def add(target: int, base: int, register: int) -> Instruction:
    return low(0x91000000, 1, target, base, register)


def load(target: int, base: int, register: int) -> Instruction:
    return low(0xF9400000, 8, target, base, register)


def assembled(code: Sequence[Instruction], address: int = TEXT) -> bytes:
    return u32(*(instruction(address + 4 * number) for number, instruction in enumerate(code)))


# ---------------------------------------------------------------- samples


ALONE = [
    call(TEXT + 0x200), words(0x14000000, 26, 0, TEXT), words(0x54000001, 19, 5, TEXT + 0x80),
    words(0xB5000003, 19, 5, TEXT + 0x40), words(0x36080004, 14, 5, TEXT + 0x20),
    words(0x58000005, 19, 5, TEXT + 0x100), adr(6, VARIABLES + 3), call(0x7000000), plain(RET),
]  # fmt: skip
PAIRS = [
    adrp(0, VARIABLES), add(VARIABLES, 0, 0),
    adrp(1, VARIABLES + 8), plain(NOP), low(0x39400000, 1, VARIABLES + 9, 1, 2),  # ldrb
    low(0x79000000, 2, VARIABLES + 10, 1, 2), low(0xB9400000, 4, VARIABLES + 12, 1, 2),  # strh, ldr of 4 bytes
    low(0x3DC00000, 16, VARIABLES + 24, 1, 2),  # ldr of 16 bytes
    load(VARIABLES + 24, 1, 1), load(VARIABLES + 24, 1, 1),  # by the second x1 is no page any more
    adrp(2, VARIABLES), call(TEXT), load(VARIABLES, 2, 0),  # whoever reads it behind a call knows that it is kept
    adrp(3, VARIABLES), plain(RET), load(VARIABLES, 3, 0),  # from elsewhere
]  # fmt: skip


@cache
def everything(noise_bytes: int = 100_002) -> bytes:
    """Code and tables by hand, and in enough noise all instructions there are."""
    code = assembled(ALONE) + bytes(0x200 - 4 * len(ALONE)) + assembled(PAIRS, TEXT + 0x200)
    relocations = images.rela(VARIABLES, 1027, 0, TEXT) + images.rela(VARIABLES + 8, 1032, 0, TEXT + 4)
    return images.elf(
        [
            Part(".rela.dyn", RELA, ALLOC, 0x10600, relocations + images.rela(VARIABLES + 16, 8, 0, TEXT)),
            Part(".text", PROGBITS, ALLOC | EXEC, TEXT, code),
            Part(".noise", PROGBITS, ALLOC | EXEC, 0x4000000, noise(13, noise_bytes)),
            Part(".data", PROGBITS, ALLOC | WRITE, VARIABLES, u64(TEXT, TEXT + 4, TEXT) + noise(14, 256)),
            Part(".wide", 8, ALLOC | EXEC, 0x4100000, b"", size=0x7000000),
        ],
        machine=MACHINE,
    )


@cache
def windows() -> bytes:
    """The sample of x86-64 with the records of ARM64."""
    pdata, unwind, code, constants = 0x5000, 0x3100, 0x1000, 0x3000
    records = images.at(
        (0x100, u32(1 << 20 | 1 << 27 | 5, 0xE4, code + 0x40, unwind + 0x600)),  # one word of codes, then a handler
        (0x120, u32(1 << 20 | 1 << 21 | 3 << 22 | 1 << 27, 0xE4, code + 0x44, unwind + 0x600)),  # 3 is no number
        (0x140, u32(1 << 20, 2 << 16 | 1, 0, 0xE4, 0xE4, code + 0x48, unwind + 0x600)),  # numbers in a second word
        (0x160, u32(1 << 20, 0xFF << 16 | 0xFFFF)),  # longer than any
        size=0x800,
    )  # fmt: skip
    rows = u32(code, unwind, code + 0x40, 0x1234 << 2 | 1, code + 0x80, unwind + 0x20, code + 0xC0, unwind + 0x40)
    parts = [
        (".text", 0x60000020, code, assembled([call(code + 0x40), plain(RET)], code) + bytes(0x400)),
        (".rdata", 0x40000040, constants, records),
        (".pdata", 0x40000040, pdata, rows + u32(code + 0x100, unwind + 0x60)),
    ]
    data = bytearray(images.pe(parts, {3: (pdata, len(rows) + 8)}))
    struct.pack_into("<H", data, 68, PE_MACHINE)
    return bytes(data)

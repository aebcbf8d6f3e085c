"""Native files made by hand, with one of everything at known addresses, the same on every machine.

`elf` and `pe` lay sections out and know nothing about what is in them.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache

from patcher.content.native.fields import Fields
from tests.support.trees import noise

PROGBITS, SYMTAB, STRTAB, RELA, HASH, DYNAMIC, NOBITS, DYNSYM, INIT_ARRAY, RELR, GNU_HASH = (
    1, 2, 3, 4, 5, 6, 8, 11, 14, 19, 0x6FFFFFF6,
)  # fmt: skip
WRITE, ALLOC, EXEC = 1, 2, 4
PROGRAM_KIND, LIBRARY_KIND = 2, 3


def u32(*numbers: int) -> bytes:
    return b"".join((number & 0xFFFFFFFF).to_bytes(4, "little") for number in numbers)


def u64(*numbers: int) -> bytes:
    return b"".join((number & (1 << 64) - 1).to_bytes(8, "little") for number in numbers)


def at(*pieces: tuple[int, bytes], size: int, fill: int = 0) -> bytes:
    """``size`` bytes, the same ones but for the pieces."""
    out = bytearray([fill]) * size
    for place, data in pieces:
        out[place : place + len(data)] = data
    return bytes(out)


def vector(found: Fields) -> tuple[int, str]:
    """What freezes a result of `find`: how many references, and a digest of all their columns."""
    digest = hashlib.sha256()
    for column in fields(found):
        digest.update(getattr(found, column.name).astype("<i8").tobytes())
    return len(found), digest.hexdigest()[:16]


# ---------------------------------------------------------------- ELF


@dataclass(frozen=True)
class Part:
    """An ELF section; ``link`` names another one. NOBITS has no data, only a size."""

    name: str
    kind: int
    flags: int
    address: int
    data: bytes
    link: str = ""
    size: int = 0


def elf(parts: Sequence[Part], kind: int = LIBRARY_KIND, machine: int = 62) -> bytes:
    names = [part.name for part in parts]
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in [*names, ".shstrtab"])
    body, headers = bytearray(64), [bytes(64)]
    for part in [*parts, Part(".shstrtab", STRTAB, 0, 0, strings)]:
        body += bytes(-len(body) % 16)
        fields = (
            strings.index(b"\0" + part.name.encode() + b"\0") + 1, part.kind, part.flags, part.address, len(body),
            len(part.data) or part.size, names.index(part.link) + 1 if part.link else 0, 0, 16, 0,
        )  # fmt: skip
        headers.append(struct.pack("<IIQQQQIIQQ", *fields))
        body += part.data
    body += bytes(-len(body) % 16)
    body[:64] = struct.pack(
        "<16sHHIQQQI6H", b"\x7fELF\x02\x01\x01", kind, machine, 1, 0, 0, len(body), 0, 64, 56, 0, 64, len(headers),
        len(headers) - 1,
    )  # fmt: skip
    return bytes(body) + b"".join(headers)


def symbol(name: int, info: int, section: int, value: int, size: int) -> bytes:
    return struct.pack("<IBBHQQ", name, info, 0, section, value, size)


def rela(place: int, kind: int, symbol: int, addend: int) -> bytes:
    return u64(place, symbol << 32 | kind, addend)


def frame(address: int, cie: int, begin: int, size: int, handlers: int = 0) -> bytes:
    """An FDE of 24 bytes at this address."""
    data = u32(handlers - (address + 17)) if handlers else bytes(4)
    return u32(20, address + 4 - cie, begin - (address + 8), size) + b"\x04" + data + bytes(3)


NOP = 0x90
TEXT, VARIABLES, BSS = 0x11000, 0x16000, 0x18000
UNLOADED = 1 << 40

INSTRUCTIONS = at(
    (0x00, b"\xe8" + u32(0x200 - 0x05)),  # call
    (0x10, b"\x0f\x85" + u32(0x300 - 0x16)),  # jnz
    (0x20, b"\x48\x8d\x3d" + u32(VARIABLES - (TEXT + 0x27))),  # lea rdi, [rip + …]
    (0x30, b"\x83\x3d" + u32(BSS - (TEXT + 0x37)) + b"\x05"),  # cmp dword [rip + …], 5
    (0x40, b"\x66\xc7\x05" + u32(BSS + 4 - (TEXT + 0x49)) + b"\x34\x12"),  # mov word [rip + …], 0x1234
    (0x50, b"\xc7\x05" + u32(BSS + 8 - (TEXT + 0x5A)) + u32(7)),  # mov dword [rip + …], 7
    (0x60, b"\xf7\x05" + u32(BSS + 12 - (TEXT + 0x6A)) + u32(1)),  # test dword [rip + …], 1
    (0x70, b"\xc4\xe3\x7d\x19\x05" + u32(BSS + 16 - (TEXT + 0x7A)) + b"\x01"),  # vextractf128 [rip + …], ymm0, 1
    (0x80, b"\x62\xf1\xfd\x48\x6f\x05" + u32(VARIABLES - (TEXT + 0x8A))),  # vmovdqa64 zmm0, [rip + …]
    (0x90, b"\x49\xb8" + u64(VARIABLES)),  # mov r8, imm64
    (0xA0, b"\x66\x0f\x3a\x0f\x05" + u32(VARIABLES - (TEXT + 0xAA)) + b"\x08"),  # palignr xmm0, [rip + …], 8
    (0xB0, b"\xe9" + u32(0x7000_0000)),  # a jump to nowhere
    (0xC0, b"\x8b\x04\x25" + u32(VARIABLES + 8)),  # mov eax, [an address]
    (0xD0, b"\xb8" + u32(VARIABLES + 16)),  # mov eax, an address
    (0xE0, b"\x8b\x87" + u32(VARIABLES + 24)),  # mov eax, [rdi + a distance]
    size=0x100, fill=NOP,
)  # fmt: skip


def _elf_parts() -> list[Part]:
    return [*_linked(), *_constant(), *_variable(), *_unloaded()]


def _linked() -> list[Part]:
    return [
        Part(".dynstr", STRTAB, ALLOC, 0x10200, b"\0one\0two\0three\0"),
        Part(
            ".dynsym", DYNSYM, ALLOC, 0x10300,
            symbol(0, 0, 0, 0, 0) + symbol(1, 0x12, 9, TEXT + 0x200, 0x80) + symbol(5, 0x10, 0, 0, 0)
            + symbol(9, 0x16, 9, 0x40, 8),
            ".dynstr",
        ),
        Part(".gnu.hash", GNU_HASH, ALLOC, 0x10400, u32(2, 1, 1, 6) + u64(7 << 40) + u32(1, 0, 3, 5, 7), ".dynsym"),
        Part(".hash", HASH, ALLOC, 0x10500, u32(1, 4, 2, 0, 0, 3, 1), ".dynsym"),
        Part(
            ".rela.dyn", RELA, ALLOC, 0x10600,
            rela(0x17000, 8, 0, TEXT) + rela(0x17008, 8, 0, VARIABLES) + rela(0x17020, 6, 2, 0)
            + rela(0x17028, 37, 0, TEXT) + rela(0x17030, 1, 1, VARIABLES),
            ".dynsym",
        ),
        Part(".relr.dyn", RELR, ALLOC, 0x10700, u64(VARIABLES + 0x100, 0b101 << 1 | 1, 1 << 1 | 1)),
    ]  # fmt: skip


def _constant() -> list[Part]:
    handlers, cie, frames, header = 0x15200, 0x15100, 0x15118, 0x15000
    return [
        Part(".text", PROGBITS, ALLOC | EXEC, TEXT, INSTRUCTIONS + noise(5, 0x2F00)),
        Part(
            ".rodata", PROGBITS, ALLOC, 0x14800,
            b"text" + u32(*(TEXT + 0x10 * n - (0x14804 + 4 * n) for n in range(4)))
            + u32(5, TEXT - 0x14818, 6) + noise(6, 512),
        ),
        Part(
            ".eh_frame_hdr", PROGBITS, ALLOC, header,
            b"\x01\x1b\x03\x3b" + u32(cie - header - 4, 3)
            + u32(TEXT - header, frames - header, TEXT + 0x200 - header, frames + 24 - header)
            + u32(TEXT + 0x280 - header, frames + 48 - header),
        ),
        Part(
            ".eh_frame", PROGBITS, ALLOC, cie,
            u32(20, 0) + b"\x01zPLR\0" + bytes(10) + frame(frames, cie, TEXT, 0x200)
            + frame(frames + 24, cie, TEXT + 0x200, 0x80, handlers)
            + frame(frames + 48, cie, TEXT + 0x280, 1, handlers + frames + 65),  # the handlers' own address
        ),
        Part(".gcc_except_table", PROGBITS, ALLOC, handlers, noise(7, 64)),
    ]  # fmt: skip


def _variable() -> list[Part]:
    return [
        Part(
            ".data",
            PROGBITS,
            ALLOC | WRITE,
            VARIABLES,
            at((0x100, u64(TEXT)), (0x108, u64(TEXT + 8, 0, VARIABLES)), size=0x400),
        ),
        Part(".data.rel.ro", PROGBITS, ALLOC | WRITE, 0x17000, u64(TEXT, 0, TEXT + 8)),
        Part(".got", PROGBITS, ALLOC | WRITE, 0x17020, u64(0, TEXT + 0x10, 0)),
        Part(".init_array", INIT_ARRAY, ALLOC | WRITE, 0x17038, u64(TEXT)),
        Part(".dynamic", DYNAMIC, ALLOC | WRITE, 0x17040, u64(1, 5, 12, TEXT, 2, 24, 0, 0), ".dynstr"),
        Part(".bss", NOBITS, ALLOC | WRITE, BSS, b"", size=0x1000),
        Part(".tbss", NOBITS, ALLOC | WRITE | 0x400, VARIABLES, b"", size=0x1000),
    ]


def _unloaded() -> list[Part]:
    return [
        Part(".symtab", SYMTAB, 0, 0, symbol(0, 0, 0, 0, 0) + symbol(1, 2, 9, TEXT, 0x200), ".strtab"),
        Part(".strtab", STRTAB, 0, 0, b"\0local\0"),
        Part(".debug_info", PROGBITS, 0, 0, b"\x01\x02\x03" + u64(TEXT + 0x200) + b"\x04" + u64(TEXT) + noise(8, 256)),
    ]  # fmt: skip


@cache
def elf_library() -> bytes:
    return elf(_elf_parts())


@cache
def elf_program() -> bytes:
    """The same as a program that is not relocatable, so that its absolute operands and data are addresses."""
    return elf(_elf_parts(), PROGRAM_KIND)


@cache
def elf_of_noise() -> bytes:
    """All instructions there are, and many that are none."""
    return elf(
        [
            Part(".text", PROGBITS, ALLOC | EXEC, 1 << 31, noise(9, 256 * 1024 + 77)),
            Part(".wide", NOBITS, ALLOC | EXEC, 0x1000, b"", size=(1 << 31) - 0x1000),
        ]
    )


# ---------------------------------------------------------------- PE

BASE = 0x1_8000_0000
PE_CODE, PE_CONSTANTS, PE_DATA, PDATA, RELOC = 0x1000, 0x3000, 0x11000, 0x12000, 0x13000


def pe(
    parts: Sequence[tuple[str, int, int, bytes]], directories: dict[int, tuple[int, int]], flags: int = 0x2022
) -> bytes:
    """``parts``: name, characteristics, RVA, data. ``directories``: number → RVA and size."""
    head = bytearray(0x400)
    head[:2], head[60:64] = b"MZ", u32(64)
    head[64:88] = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664, len(parts), 0, 0, 0, 240, flags)
    head[88:200] = struct.pack("<H22xQ28xI44xI", 0x20B, BASE, 0x400, 16)
    for number, entry in directories.items():
        head[200 + 8 * number : 208 + 8 * number] = u32(*entry)
    body = bytearray()
    for number, (name, kind, address, data) in enumerate(parts):
        raw = data + bytes(-len(data) % 0x200)
        header = struct.pack(
            "<8sIIIIIIHHI", name.encode(), len(data) + 0x100, address, len(raw), 0x400 + len(body), 0, 0, 0, 0, kind
        )
        head[328 + 40 * number : 368 + 40 * number] = header
        body += raw
    return bytes(head + body)


def _pe_code() -> bytes:
    return at(
        (0x00, b"\xe8" + u32(0x200 - 0x05)),
        (0x10, b"\x48\x8d\x15" + u32(-(PE_CODE + 0x17))),  # lea rdx, [the image's begin]
        (0x20, b"\x8b\x8c\x82" + u32(PE_CODE + 0x80)),  # mov ecx, [rdx + 4 * rax + a small number]
        (0x30, b"\x8b\x8c\x82" + u32(PE_DATA)),
        (0x80, u32(PE_CODE + 0x100, PE_CODE + 0x110, PE_CODE + 0x120, PE_CODE + 0x130)),
        (0x200, noise(11, 0x1800)),
        size=0x1A00, fill=NOP,
    )  # fmt: skip


_EXPORTS, _IMPORTS, _CONFIG, _TYPES, _UNWIND, _SWITCH = (
    PE_CONSTANTS + n for n in (0x100, 0x200, 0x300, 0x500, 0x700, 0xA00)
)


def _pe_constants() -> bytes:
    locator = u32(1, 0, 0, PE_DATA + 0x10, _TYPES + 0x20, _TYPES)
    described = u32(PE_DATA + 0x10, 0, 0, 0xFFFFFFFF, 0, 0x40, _TYPES + 0x20)
    info = b"\x28" + u32(_UNWIND + 0x59, _UNWIND + 0x70)
    maps = b"\x06" + b"\x0a" + u32(PE_CODE + 0x300) + b"\x40" + b"\x08" + b"\x0e" + u32(PE_CODE + 0x310)
    guarded = at(
        (0, u32(0x140)), (0x80, u64(BASE + PE_CONSTANTS + 0x480, 3)), (0x90, u32(0x10000000)), size=0x140,
    )  # fmt: skip
    return at(
        (0x000, u32(0x00010401, PE_CODE, 0x00410042, 0x00430044)),  # numbers: nothing certain is near
        (_EXPORTS - PE_CONSTANTS, u32(0, 0, 0, _EXPORTS + 0x50, 1, 2, 1)),
        (_EXPORTS - PE_CONSTANTS + 0x1C, u32(_EXPORTS + 0x28, _EXPORTS + 0x30, _EXPORTS + 0x34)),
        (_EXPORTS - PE_CONSTANTS + 0x28, u32(PE_CODE, PE_CODE + 0x200, _EXPORTS + 0x58)),
        (_IMPORTS - PE_CONSTANTS, u32(_IMPORTS + 0x40, 0, 0, _IMPORTS + 0x80, _IMPORTS + 0x60)),
        (_IMPORTS - PE_CONSTANTS + 0x40, u64(_IMPORTS + 0x90, 1 << 63 | 7, 0, _IMPORTS + 0xA0)),
        (_IMPORTS - PE_CONSTANTS + 0x60, u64(_IMPORTS + 0x90, 0)),
        (_CONFIG - PE_CONSTANTS, guarded),
        (0x480, u32(PE_CODE) + b"\x02" + u32(PE_CODE + 0x200) + b"\0" + u32(PE_CODE + 0x300) + b"\0"),
        (_TYPES - PE_CONSTANTS, locator), (_TYPES - PE_CONSTANTS + 0x20, u32(0, 0, 1, _TYPES + 0x30, _TYPES + 0x40)),
        (_TYPES - PE_CONSTANTS + 0x40, described),
        (_UNWIND - PE_CONSTANTS, b"\x01\x04\x01\0" + b"\x04\x42\0\0"),
        (_UNWIND - PE_CONSTANTS + 0x10, b"\x21\0\0\0" + u32(PE_CODE, PE_CODE + 0x200, _UNWIND)),
        (_UNWIND - PE_CONSTANTS + 0x40, b"\x19\x04\x01\0" + b"\x04\x42\0\0" + u32(PE_CODE + 0x400, _UNWIND + 0x50)),
        (_UNWIND - PE_CONSTANTS + 0x50, info + maps),
        (_SWITCH - PE_CONSTANTS, u32(*(PE_CODE + 0x20 * n for n in range(5)))),
        (_SWITCH - PE_CONSTANTS + 0x80, u32(*(PE_CODE + 0x20 * n - (_SWITCH + 0x80) for n in range(5)))),
        (0xC00, noise(12, 0x400)),
        size=0x1000,
    )  # fmt: skip


@cache
def pe_library(flags: int = 0x2022) -> bytes:
    relocated = u32(PE_DATA, 16) + struct.pack("<4H", 0xA000, 0xA008, 0x3010, 0) + u32(0, 0)
    functions = u32(
        PE_CODE, PE_CODE + 0x200, _UNWIND, PE_CODE + 0x200, PE_CODE + 0x280, _UNWIND + 0x10, PE_CODE + 0x280,
        PE_CODE + 0x300, _UNWIND + 0x40, 0, 0, 0,
    )  # fmt: skip
    parts = [
        (".text", 0x60000020, PE_CODE, _pe_code()),
        (".rdata", 0x40000040, PE_CONSTANTS, _pe_constants()),
        (".data", 0xC0000040, PE_DATA, u64(BASE + PE_CODE, 5, BASE + PE_CODE) + bytes(0x100)),
        (".pdata", 0x40000040, PDATA, functions),
        (".reloc", 0x42000040, RELOC, relocated),
    ]  # fmt: skip
    directories = {
        0: (_EXPORTS, 0x80), 1: (_IMPORTS, 0x40), 3: (PDATA, 48), 5: (RELOC, len(relocated)), 10: (_CONFIG, 0x140),
    }  # fmt: skip
    return pe(parts, directories, flags)

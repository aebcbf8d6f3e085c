"""Where x86-64 instructions begin and how long they are, for many bytes at once. Part of the frozen filter "x86-1".

This is no disassembler: a length depends only on the opcode's map, on whether a ModRM byte follows, and on the bytes
behind that (Intel SDM vol. 2, chapter 2 and appendix A). Legacy prefixes count as instructions of their own, because
only 66 changes a length. An invalid opcode always gets the same length.
"""

import numpy as np
from numpy.typing import NDArray

from patcher.content.native.numbers import Bytes

BLOCK_BYTES = 256
"""Each block of a section is decoded alone, so that the result depends only on bytes nearby."""
LEAD_BYTES = BLOCK_BYTES
"""Decoding begins this much before a block, by which time it is in step with the instructions."""
NOP = 0x90
TAIL_BYTES = 16
"""Bytes that must follow the last block: more than the longest instruction."""

BRANCH, RELATIVE, ABSOLUTE = 1, 2, 3
"""Kinds of address in an instruction: rel32, displacement from RIP, displacement from a register or from 0."""
IMMEDIATE_BYTES = np.array([0, 1, 2, 4], np.int64)
"""By the two bits of `decode` that describe the immediate."""

_ROW_BYTES = LEAD_BYTES + BLOCK_BYTES + TAIL_BYTES
_STEPS = 8

_IB, _IW, _IZ = 0x11, 0x22, 0x34
_REL32 = 4 | BRANCH << 6
_PLAIN, _MAP1, _MAP2, _MAP3 = range(4)


def _opcodes(*spans: tuple[int, int, int]) -> Bytes:
    """A map of 256 opcodes: each has length 1, plus ``more`` in each span (first, last, more)."""
    table = np.ones(256, np.uint8)
    for first, last, more in spans:
        table[first : last + 1] += more
    return table


def _modrm(*spans: tuple[int, int]) -> Bytes:
    """0xFF for each opcode with a ModRM byte, those within the spans (first, last)."""
    table = np.zeros(256, np.uint8)
    for first, last in spans:
        table[first : last + 1] = 0xFF
    return table


_ARITHMETIC = range(0, 0x40, 8)
_OPCODES = np.concatenate(
    [
        _opcodes(
            *((first + 4, first + 4, _IB) for first in _ARITHMETIC),
            *((first + 5, first + 5, _IZ) for first in _ARITHMETIC),
            (0x68, 0x69, _IZ), (0x6A, 0x6B, _IB), (0x70, 0x7F, _IB), (0x80, 0x80, _IB), (0x81, 0x81, _IZ),
            (0x82, 0x83, _IB), (0xA0, 0xA3, 8), (0xA8, 0xA8, _IB), (0xA9, 0xA9, _IZ), (0xB0, 0xB7, _IB),
            (0xB8, 0xBF, _IZ), (0xC0, 0xC1, _IB), (0xC2, 0xC2, _IW), (0xC6, 0xC6, _IB), (0xC7, 0xC7, _IZ),
            (0xC8, 0xC8, 3), (0xCA, 0xCA, _IW), (0xCD, 0xCD, _IB), (0xE0, 0xE7, _IB), (0xE8, 0xE9, _REL32),
            (0xEB, 0xEB, _IB),
        ),
        _opcodes(
            (0x0F, 0x0F, _IB), (0x70, 0x73, _IB), (0x80, 0x8F, _REL32), (0xA4, 0xA4, _IB), (0xAC, 0xAC, _IB),
            (0xBA, 0xBA, _IB), (0xC2, 0xC2, _IB), (0xC4, 0xC6, _IB),
        ),
        _opcodes(),
        _opcodes((0x00, 0xFF, _IB)),
    ]
)  # fmt: skip
_HAS_MODRM = np.concatenate(
    [
        _modrm(
            *((first, first + 3) for first in _ARITHMETIC),
            (0x63, 0x63), (0x69, 0x69), (0x6B, 0x6B), (0x80, 0x8F), (0xC0, 0xC1), (0xC6, 0xC7), (0xD0, 0xD3),
            (0xD8, 0xDF), (0xF6, 0xF7), (0xFE, 0xFF),
        ),
        _modrm(
            (0x00, 0x03), (0x0D, 0x0D), (0x0F, 0x2F), (0x38, 0x76), (0x78, 0x7F), (0x90, 0x9F), (0xA3, 0xA7),
            (0xAB, 0xC7), (0xD0, 0xFF),
        ),
        _modrm((0x00, 0xFF)),
        _modrm((0x00, 0xFF)),
    ]
)  # fmt: skip


def _modrm_bytes() -> Bytes:
    """By ModRM byte: its length with SIB and displacement, and the kind of the displacement."""
    table = np.ones(256, np.uint8)
    for value in range(256):
        mod, rm = value >> 6, value & 7
        if mod < 3:
            table[value] += (rm == 4) + (0, 1, 4)[mod] + (ABSOLUTE << 6 if mod == 2 else 0)
        if mod == 0 and rm == 5:
            table[value] += 4 | RELATIVE << 6
    return table


def _escapes() -> Bytes:
    """By (0F, C5, C4, 62) and the next byte: the offset of the opcode, and in bits 4–5 its map."""
    seconds = np.arange(256)
    table = np.zeros((4, 256), np.uint8)
    table[0], table[1] = 1 | _MAP1 << 4, 2 | _MAP1 << 4
    table[0, 0x38], table[0, 0x3A] = 2 | _MAP2 << 4, 2 | _MAP3 << 4
    for row, at, bits in ((2, 3, 31), (3, 4, 7)):  # VEX and EVEX name the map; other maps are read as map 2
        table[row] = at | _MAP2 << 4
        table[row, seconds & bits == 1] = at | _MAP1 << 4
        table[row, seconds & bits == 3] = at | _MAP3 << 4
    return table.reshape(-1)


_MODRM_BYTES = _modrm_bytes()
_NO_BASE = np.uint8(4 | ABSOLUTE << 6)
_ESCAPES = _escapes()
_ESCAPE_ROWS = np.zeros(256, np.uint8)
_ESCAPE_ROWS[[0x0F, 0xC5, 0xC4, 0x62]] = [1, 2, 3, 4]
_TEST = np.array([_IB, _IZ], np.uint8)


def decode(code: Bytes) -> Bytes:
    """The instruction that would begin at each byte of ``code``, except the last `TAIL_BYTES`.

    Bits 0–3 hold its length, bits 4–5 its immediate, bits 6–7 the kind of its address (0 for none).
    """
    size = code.size - TAIL_BYTES
    first, second = code[:size], code[1 : size + 1]
    modrm = _MODRM_BYTES.take(code[:-1])
    modrm += _mask((code[:-1] & 0xC7 == 4) & (code[1:] & 7 == 5)) & _NO_BASE
    told = _OPCODES.take(first)
    told += _HAS_MODRM.take(first) & modrm[1 : size + 1]

    tests = np.flatnonzero((first & 0xFE == 0xF6) & (second & 0x30 == 0))
    told[tests] += _TEST.take(first[tests] & 1)

    rows = _ESCAPE_ROWS.take(first)
    escaped = np.flatnonzero(rows)
    form = _ESCAPES.take((rows[escaped].astype(np.int64) - 1) * 256 + second[escaped])
    at = escaped + (form & 15)
    opcode = (form >> 4).astype(np.int64) * 256 + code[at]
    told[escaped] = _OPCODES.take(opcode) + (form & 15) + (_HAS_MODRM.take(opcode) & modrm[at + 1])

    _prefix(told, first, second)
    return told


def _prefix(told: Bytes, first: Bytes, second: Bytes) -> None:
    """Join REX with the instruction behind it, and 66 with one whose immediate it shortens."""
    behind = np.append(told[1:], np.uint8(1))
    behind += np.uint8(1)
    behind ^= told
    told ^= behind & _mask(first & 0xF0 == 0x40)
    told[(first & 0xF8 == 0x48) & (second & 0xF8 == 0xB8)] = 10  # REX.W and B8 to BF: an immediate of 8 bytes

    shortened = np.flatnonzero(first[:-1] == 0x66)
    behind = told[shortened + 1]
    fits = (behind & 0x30 == 0x30) & (second[shortened] & 0xF8 != 0x48)
    told[shortened[fits]] = behind[fits] - 0x11  # one byte more, two less of the immediate


def _mask(truth: NDArray[np.bool_]) -> Bytes:
    return np.negative(truth.view(np.uint8))


def beginnings(told: Bytes) -> NDArray[np.bool_]:
    """Where instructions begin in whole blocks behind a lead; ``told`` is the `decode` of both."""
    lengths = told & 15
    blocks = (told.size - LEAD_BYTES) // BLOCK_BYTES
    if not blocks:
        return np.zeros(0, np.bool_)
    rows = np.zeros((blocks, _ROW_BYTES), np.uint8)  # a walk that leaves its block stops at zeros
    rows[:, :-TAIL_BYTES] = np.lib.stride_tricks.sliding_window_view(lengths, _ROW_BYTES - TAIL_BYTES)[::BLOCK_BYTES]
    steps, seen = rows.reshape(-1), np.zeros(rows.size, np.bool_)
    at = np.arange(blocks, dtype=np.int64) * _ROW_BYTES
    while at.size:
        for _ in range(_STEPS):
            seen[at] = True
            at += steps.take(at)
        at = at[steps.take(at) > 0]
    return seen.reshape(rows.shape)[:, LEAD_BYTES:-TAIL_BYTES].reshape(-1)

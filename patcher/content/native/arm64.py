"""References in ARM64 code (Arm A-profile A64 instruction set): branches, literals, and pairs of page and offset.

An address out of reach of one instruction takes two: ADRP puts its page into a register, and an addition, a load or a
store adds the offset within the page. Part of the frozen filter "arm64-1".
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from patcher.content.native import stored
from patcher.content.native.fields import (
    BYTES21,
    CODE,
    DATA,
    LOW12,
    PAGES21,
    WORDS14,
    WORDS19,
    WORDS26,
    Fields,
    fields_at,
)
from patcher.content.native.numbers import Ints
from patcher.content.native.view import View

WORD_BYTES = 4
REACH_WORDS = 64
"""An ADRP is at most this many words before the instruction that uses its page."""

_DISTANT = (
    (0x7C000000, 0x14000000, WORDS26, CODE),  # B, BL
    (0xFF000000, 0x54000000, WORDS19, CODE),  # B.cond, BC.cond
    (0x7E000000, 0x34000000, WORDS19, CODE),  # CBZ, CBNZ
    (0x7E000000, 0x36000000, WORDS14, CODE),  # TBZ, TBNZ
    (0x3B000000, 0x18000000, WORDS19, DATA),  # LDR, LDRSW, PRFM of a literal
    (0x9F000000, 0x10000000, BYTES21, DATA),  # ADR
)
"""Instructions that hold the whole distance: mask and bits, form of the distance, kind."""
_NO_REGISTER = 32


def find(view: View) -> Iterator[Fields]:
    """The references of all instructions in the view."""
    for section in view.sections("code"):
        offsets = view.entries(section, WORD_BYTES, -section.address % WORD_BYTES)
        words, own = view.u32(offsets), offsets - section.offset + section.address
        for mask, bits, form, kind in _DISTANT:
            at, scale = np.flatnonzero(words & mask == bits), 1 if form == BYTES21 else WORD_BYTES
            target = own[at] + scale * stored.decode(words[at], form)
            held = (view.binary.code if kind == CODE else view.binary.loaded).hold(target)
            yield fields_at(held, offsets[at], target, own[at], scale=scale, kind=kind, form=form)
        yield from _pages(view, offsets, words, own)


def _pages(view: View, offsets: Ints, words: Ints, own: Ints) -> Iterator[Fields]:
    """ADRPs and the instructions that use their pages. The first user of a page gives the target."""
    pages, users, scale = _pairs(words)
    page = (own[pages] >> stored.PAGE_BITS) + stored.decode(words[pages], PAGES21) << stored.PAGE_BITS
    target = page + scale * stored.decode(words[users], LOW12)
    held = view.binary.loaded.hold(target)
    found = fields_at(held, offsets[pages], target, own[pages], kind=DATA, form=PAGES21)
    yield found.at(np.unique(found.position, return_index=True)[1])
    for size in (1, 2, 4, 8, 16):
        yield fields_at(held & (scale == size), offsets[users], target, own[pages], scale=size, kind=DATA, form=LOW12)


def _pairs(words: Ints) -> tuple[Ints, Ints, Ints]:
    """Word numbers of ADRPs and of the instructions that use their pages, rising, and the scales of the latter.

    The ADRP is the last instruction that writes the register before its use, with no jump in between.
    """
    scale = scales(words)
    users = np.flatnonzero(scale)
    register = words[users] >> 5 & 31
    written = _written(words)
    order = np.argsort(written, kind="stable")
    ranked = written[order].astype(np.int64) * words.size + order
    last = np.append(order, -1)[np.searchsorted(ranked, register * words.size + users) - 1]
    leaves = (words & 0xFC000000 == 0x14000000) | (words & 0xFFBFFC1F == 0xD61F0000)  # B; BR, RET
    left = np.maximum.accumulate(np.where(leaves, np.arange(words.size), -1))[users]
    paired = (words[last] & 0x9F00001F == 0x90000000 | register) & (last > left) & (last >= users - REACH_WORDS)
    return last[paired], users[paired], scale[users[paired]]


def scales(words: Ints) -> Ints:
    """The unit of the 12 bits in an ADD, a load or a store; 0 for other instructions."""
    access = words & 0x3B000000 == 0x39000000
    wide = words & 0xFF800000 == 0x3D800000  # of 16 bytes
    scale = np.where(access, 1 << np.where(wide, 4, words >> 30), 0)
    scale[words & 0xFFC00000 == 0x91000000] = 1
    return scale


def _written(words: Ints) -> NDArray[np.uint8]:
    """The register that each instruction writes, as far as that is easy to tell."""
    written = (words & 31).astype(np.uint8)
    stores = (words & 0x3AC00000 == 0x38000000) | (words & 0x3A400000 == 0x28000000)
    vectors, branches = words & 0x0C000000 == 0x0C000000, words & 0x1C000000 == 0x14000000
    written[stores | vectors | branches] = _NO_REGISTER
    calls = (words & 0xFC000000 == 0x94000000) | (words & 0xFFFFFC1F == 0xD63F0000)  # BL, BLR
    written[calls] = 0
    return written

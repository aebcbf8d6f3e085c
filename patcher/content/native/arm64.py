"""References in ARM64 code (Arm A-profile A64 instruction set): branches, literals, and pages with what is within them.

An address out of reach of one instruction is made by two: ADRP puts a page into a register, and an addition, a load or
a store takes the place within the page from there. Part of frozen "arm64-1".
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from patcher.content.native import stored
from patcher.content.native.fields import (
    BYTES21, CODE, DATA, LOW12, PAGES21, WORDS14, WORDS19, WORDS26, Fields, joined, where,
)  # fmt: skip
from patcher.content.native.sections import Section
from patcher.content.native.window import Places, Window

WORD_BYTES = 4
REACH_WORDS = 64
"""No further behind its ADRP an instruction is looked for that goes on from there."""

_BRANCHES = (
    (0x7C000000, 0x14000000, WORDS26),  # B, BL
    (0xFF000000, 0x54000000, WORDS19),  # B.cond, BC.cond
    (0x7E000000, 0x34000000, WORDS19),  # CBZ, CBNZ
    (0x7E000000, 0x36000000, WORDS14),  # TBZ, TBNZ
)
_LITERALS = (
    (0x3B000000, 0x18000000, WORDS19, 4),  # LDR, LDRSW, PRFM
    (0x9F000000, 0x10000000, BYTES21, 1),  # ADR
)
"""Mask and bits of instructions, and the form of the distance in them."""
_NOWHERE = 32
"""A register that is none."""


def find(window: Window) -> Iterator[Fields]:
    """The references of all instructions in the window."""
    for section in window.sections("code"):
        places = window.entries(section, WORD_BYTES, -section.address % WORD_BYTES)
        words, own = window.u32(places), places - section.offset + section.address
        for mask, bits, form in _BRANCHES:
            yield _distant(window.binary.code, places, words, own, mask, bits, form, 4, CODE)
        for mask, bits, form, scale in _LITERALS:
            yield _distant(window.binary.loaded, places, words, own, mask, bits, form, scale, DATA)
        yield from _pages(window, places, words, own)


def _distant(spans, places, words, own, mask, bits, form, scale, kind) -> Fields:
    at = np.flatnonzero(words & mask == bits)
    target = own[at] + scale * stored.taken(words[at], form)
    return where(spans.hold(target), places[at], target, own[at], scale=scale, kind=kind, form=form)


def _pages(window: Window, places: Places, words: Places, own: Places) -> Iterator[Fields]:
    """Pages and the instructions that go on from them; the first of these tells what the page is taken for."""
    pages, users, scale = _pairs(words)
    page = (own[pages] >> stored.PAGE_BITS) + stored.taken(words[pages], PAGES21) << stored.PAGE_BITS
    target = page + scale * stored.taken(words[users], LOW12)
    held = window.binary.loaded.hold(target)
    pages, users, scale, target = pages[held], users[held], scale[held], target[held]
    _, first = np.unique(pages, return_index=True)
    every = np.ones(users.size, np.bool_)
    yield where(every[first], places[pages[first]], target[first], own[pages[first]], kind=DATA, form=PAGES21)
    for size in (1, 2, 4, 8, 16):
        yield where(scale == size, places[users], target, own[pages], scale=size, kind=DATA, form=LOW12)


def _pairs(words: Places) -> tuple[Places, Places, Places]:
    """Numbers of ADRPs and of the instructions that add to them, in the order of these, and the scales of what is added.

    What was last written to a register before it is read, with no way that leads elsewhere in between.
    """
    scale = _scales(words)
    users = np.flatnonzero(scale)
    order = np.argsort(written := _written(words), kind="stable")
    keys = written[order].astype(np.int64) * words.size + order
    wanted = (words[users] >> 5 & 31) * words.size + users
    last = np.append(order, -1)[np.searchsorted(keys, wanted) - 1]
    leaves = (words & 0xFC000000 == 0x14000000) | (words & 0xFFBFFC1F == 0xD61F0000)  # B; BR, RET
    left = np.maximum.accumulate(np.where(leaves, np.arange(words.size), -1))[users]
    paired = (last > left) & (last >= users - REACH_WORDS) & (words[last] & 0x9F000000 == 0x90000000)
    paired &= words[last] & 31 == words[users] >> 5 & 31
    return last[paired], users[paired], scale[users[paired]]


def _scales(words: Places) -> Places:
    """What the 12 bits of an ADD, a load or a store count in; 0 for other instructions."""
    access = words & 0x3B000000 == 0x39000000
    wide = words & 0xFF800000 == 0x3D800000  # of 16 bytes
    scale = np.where(access, 1 << np.where(wide, 4, words >> 30), 0)
    scale[words & 0xFFC00000 == 0x91000000] = 1
    return scale


def _written(words: Places) -> NDArray[np.uint8]:
    """The register that each instruction writes, as far as that is easily told; `_NOWHERE` for none."""
    written = (words & 31).astype(np.uint8)
    kind = words >> 25 & 15
    single = words & 0x3A000000 == 0x38000000
    stores = single & (words & 0x00C00000 == 0) | (words & 0x3A400000 == 0x28000000)
    vectors = (kind & 7 == 7) | (kind & 7 == 6)
    written[stores | vectors | (kind & 14 == 10)] = _NOWHERE
    calls = (words & 0xFC000000 == 0x94000000) | (words & 0xFFFFFC1F == 0xD63F0000)  # BL, BLR
    written[calls] = 0
    return written

"""References in x86-64 code: branches, operands relative to RIP, and absolute operands where there can be any."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from patcher.content.native import x86
from patcher.content.native.fields import CODE, DATA, GUESS, Fields, where
from patcher.content.native.sections import Section
from patcher.content.native.window import Places, Window

_LEAST_ABSOLUTE = 0x10000
"""Smaller operands count something."""


def find(window: Window) -> Iterator[Fields]:
    """The references of all instructions in blocks whose lead lies in the window."""
    for section in window.sections("code"):
        decoded = _decoded(window, section)
        yield from _relative(window, section, decoded)
        yield from _absolute(window, decoded)


@dataclass(frozen=True, slots=True, eq=False)
class _Decoded:
    """Instructions: where each begins, and what `x86.decode` says about it. Their section has bytes up to ``end``."""

    begin: Places
    told: x86.Bytes
    end: int

    def fields(self, kind: int) -> tuple[Places, Places]:
        """Places of all addresses of this kind, and the bytes of the immediates behind them."""
        these = self.told >> 6 == kind
        told = self.told[these]
        behind = x86.IMMEDIATE_BYTES[(told >> 4) & 3]
        places = self.begin[these] + (told & 15) - 4 - behind
        inside = places + 4 + behind <= self.end
        return places[inside], behind[inside]

    def immediates(self) -> Places:
        """Places of all immediates of 4 bytes."""
        these = (self.told >> 4) & 3 == 3
        places: Places = self.begin[these] + (self.told[these] & 15) - 4
        return places[places + 4 <= self.end]


def _decoded(window: Window, section: Section) -> _Decoded:
    lead, block = x86.LEAD_BYTES, x86.BLOCK_BYTES
    skipped = -(-max(window.start + lead - section.offset, 0) // block) if window.start else 0
    start, end = section.offset + skipped * block, min(section.end, window.end)
    blocks = max(-(-(end - start) // block), 0)
    code = np.full(lead + blocks * block + x86.TAIL_BYTES, x86.NOP, np.uint8)
    first = max(section.offset, start - lead)
    held = window.bytes[first - window.start : max(end, first) - window.start]
    code[lead + first - start :][: held.size] = held
    told = x86.decode(code)
    begin = np.flatnonzero(x86.beginnings(told))
    return _Decoded(start + begin.astype(np.int64), told[lead:][begin], end)


def _relative(window: Window, section: Section, decoded: _Decoded) -> Iterator[Fields]:
    """A branch counts from the end of its field, an operand from the end of the instruction."""
    binary = window.binary
    for what, spans, kind in ((x86.BRANCH, binary.code, CODE), (x86.RELATIVE, binary.loaded, DATA)):
        places, behind = decoded.fields(what)
        own = places - section.offset + section.address
        target = own + 4 + behind + window.i32(places)
        yield where(spans.hold(target), places, target, own, kind=kind)


def _absolute(window: Window, decoded: _Decoded) -> Iterator[Fields]:
    """Of a file that runs where it was linked for, absolute operands; of PE, operands that are RVAs."""
    image = window.binary.image
    displacements, _ = decoded.fields(x86.ABSOLUTE)
    if not image.relocatable:
        yield _mapped(window, np.concatenate([displacements, decoded.immediates()]), image.base, DATA)
    if image.format == "pe":
        yield _mapped(window, displacements, 0, GUESS)


def _mapped(window: Window, places: Places, base: int, kind: int) -> Fields:
    value = window.u32(places)
    held = (value >= _LEAST_ABSOLUTE) & window.binary.loaded.hold(value - base)
    return where(held, places, value - base, kind=kind)

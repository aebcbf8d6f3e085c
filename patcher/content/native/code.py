"""References in x86-64 code: branches, operands relative to RIP, and absolute operands where there can be any."""

from collections.abc import Iterator

import numpy as np

from patcher.content.native import x86
from patcher.content.native.fields import CODE, DATA, GUESS, Fields, where
from patcher.content.native.sections import Section
from patcher.content.native.window import Places, Window

MARGIN_BYTES = x86.LEAD_BYTES + x86.BLOCK_BYTES + x86.TAIL_BYTES
"""So much of a file around a place decides what is found at it."""

_LEAST_ABSOLUTE = 0x10000


def find(window: Window) -> Iterator[Fields]:
    """All references from instructions that begin in whole blocks of the window, and in the blocks at its end."""
    for section in window.sections("code"):
        yield from _Code(window, section).find()


class _Code:
    """The instructions of one section in a window."""

    def __init__(self, window: Window, section: Section) -> None:
        self._window, self._section = window, section
        lead, block = x86.LEAD_BYTES, x86.BLOCK_BYTES
        skipped = -(-max(window.start + lead - section.offset, 0) // block) * block if window.start else 0
        self._start = section.offset + skipped
        end = min(section.end, window.end)
        self._end = end
        blocks = max(-(-(end - self._start) // block), 0)
        code = np.full(lead + blocks * block + x86.TAIL_BYTES, 0x90, np.uint8)
        first = max(section.offset, self._start - lead)
        held = window.bytes[first - window.start : max(end - window.start, 0)]
        code[lead - (self._start - first) :][: held.size] = held
        self._told = x86.decode(code)
        self._begins = x86.beginnings(self._told)
        self._told = self._told[lead:]

    def find(self) -> Iterator[Fields]:
        window, section = self._window, self._section
        address = section.address - section.offset
        begins = np.flatnonzero(self._begins & (self._told >= x86.BRANCH << 6)).astype(np.int64)
        told = self._told[begins]
        kind, behind = told >> 6, x86.IMMEDIATE_BYTES[(told >> 4) & 3]
        places = self._start + begins + (told & 15) - 4 - behind
        inside = places + 4 + behind <= self._end
        places, kind, behind = places[inside], kind[inside], behind[inside]
        for wanted, spans, of in ((x86.BRANCH, window.binary.code, CODE), (x86.RELATIVE, window.binary.loaded, DATA)):
            these = kind == wanted
            at = places[these]
            target = at + address + 4 + behind[these] + window.i32(at)
            yield where(spans.hold(target), at, target, at + address, kind=of)
        yield from self._absolute(places[kind == x86.ABSOLUTE])

    def _absolute(self, displacements: Places) -> Iterator[Fields]:
        """Of a file that runs where it was linked for, absolute operands; of PE, operands that are RVAs."""
        image = self._window.binary.image
        if not image.relocatable:
            immediate = np.flatnonzero(self._begins & ((self._told >> 4) & 3 == 3)).astype(np.int64)
            places = self._start + immediate + (self._told[immediate] & 15) - 4
            yield from self._mapped(np.concatenate([displacements, places[places + 4 <= self._end]]), image.base, DATA)
        if image.format == "pe":
            yield from self._mapped(displacements, 0, GUESS)

    def _mapped(self, places: Places, base: int, kind: int) -> Iterator[Fields]:
        value = self._window.u32(places)
        held = (value >= _LEAST_ABSOLUTE) & self._window.binary.loaded.hold(value - base)
        yield where(held, places, value - base, kind=kind)

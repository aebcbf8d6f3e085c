"""References in x86-64 code: branches, operands relative to RIP, and absolute operands where these occur."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from patcher.content.native import x86
from patcher.content.native.fields import CODE, DATA, GUESS, Fields, fields_at
from patcher.content.native.numbers import Bytes, Ints
from patcher.content.native.sections import Section
from patcher.content.native.view import View

_LEAST_ABSOLUTE = 0x10000
"""Smaller operands are numbers, not addresses."""


def find(view: View) -> Iterator[Fields]:
    """The references of all instructions in blocks whose lead is in the view."""
    for section in view.sections("code"):
        decoded = _decoded(view, section)
        yield from _relative(view, section, decoded)
        yield from _absolute(view, decoded)


@dataclass(frozen=True, slots=True, eq=False)
class _Decoded:
    """Instructions: where each begins, and its `x86.decode`. Their section ends at ``end``."""

    begin: Ints
    told: Bytes
    end: int

    def fields(self, kind: int) -> tuple[Ints, Ints]:
        """Offsets of all addresses of this kind, and the bytes of the immediates behind them."""
        these = self.told >> 6 == kind
        told = self.told[these]
        behind = x86.IMMEDIATE_BYTES[(told >> 4) & 3]
        offsets = self.begin[these] + (told & 15) - 4 - behind
        inside = offsets + 4 + behind <= self.end
        return offsets[inside], behind[inside]

    def immediates(self) -> Ints:
        """Offsets of all immediates of 4 bytes."""
        these = (self.told >> 4) & 3 == 3
        offsets: Ints = self.begin[these] + (self.told[these] & 15) - 4
        return offsets[offsets + 4 <= self.end]


def _decoded(view: View, section: Section) -> _Decoded:
    lead, block = x86.LEAD_BYTES, x86.BLOCK_BYTES
    skipped = -(-max(view.start + lead - section.offset, 0) // block) if view.start else 0
    start, end = section.offset + skipped * block, min(section.end, view.end)
    blocks = max(-(-(end - start) // block), 0)
    code = np.full(lead + blocks * block + x86.TAIL_BYTES, x86.NOP, np.uint8)
    first = max(section.offset, start - lead)
    held = view.bytes[first - view.start : max(end, first) - view.start]
    code[lead + first - start :][: held.size] = held
    told = x86.decode(code)
    begin = np.flatnonzero(x86.beginnings(told))
    return _Decoded(start + begin.astype(np.int64), told[lead:][begin], end)


def _relative(view: View, section: Section, decoded: _Decoded) -> Iterator[Fields]:
    """A branch is relative to the end of its field, an operand to the end of the instruction."""
    binary = view.binary
    for what, spans, kind in ((x86.BRANCH, binary.code, CODE), (x86.RELATIVE, binary.loaded, DATA)):
        offsets, behind = decoded.fields(what)
        own = offsets - section.offset + section.address
        target = own + 4 + behind + view.i32(offsets)
        yield fields_at(spans.hold(target), offsets, target, own, kind=kind)


def _absolute(view: View, decoded: _Decoded) -> Iterator[Fields]:
    """Absolute operands of files that cannot be relocated, and RVAs among the operands of PE files."""
    image = view.binary.image
    displacements, _ = decoded.fields(x86.ABSOLUTE)
    if not image.relocatable:
        yield _mapped(view, np.concatenate([displacements, decoded.immediates()]), image.base, DATA)
    if image.format == "pe":
        yield _mapped(view, displacements, 0, GUESS)


def _mapped(view: View, offsets: Ints, base: int, kind: int) -> Fields:
    value = view.u32(offsets)
    held = (value >= _LEAST_ABSOLUTE) & view.binary.loaded.hold(value - base)
    return fields_at(held, offsets, value - base, kind=kind)

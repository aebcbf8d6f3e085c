"""MSVC's data for __CxxFrameHandler4, as far as it is near the record that leads to it. All references are certain.

The layout is that of ehdata4_export.h in Microsoft's C++ runtime: unaligned numbers of one to five bytes and addresses
of four. The search ends at the first record that does not look like one.
"""

from collections.abc import Iterator

import numpy as np

from patcher.content.native.fields import Fields, fields_at
from patcher.content.native.numbers import Ints
from patcher.content.native.sections import Section
from patcher.content.native.view import View

NEAR_BYTES = 64
"""A record begins at most this far behind the bytes that point to it."""
REACH_BYTES = 512
"""The maps of a record are read up to this distance from its start."""

_LENGTHS = np.array([1, 2, 1, 3, 1, 2, 1, 4, 1, 2, 1, 3, 1, 2, 1, 5], np.int64)
"""Length of a number in bytes, by the low four bits of its first byte."""
_SHIFTS = np.array([0, 1, 2, 3, 4, 8], np.int64)
"""Number of low bits that encode the length, by that length in bytes."""
_BLOCKS, _UNWIND, _TRY, _RESERVED = 4, 8, 16, 128


def find(view: View, section: Section, infos: Ints) -> Iterator[Fields]:
    """References of the FuncInfo4 at these offsets."""
    infos = infos[infos + REACH_BYTES <= view.end]
    header = view.u8(infos)
    plain = header & (_BLOCKS | _RESERVED) == 0
    infos, header = infos[plain], header[plain]
    maps = 1 + (header & _UNWIND != 0) + (header & _TRY != 0)
    for number in range(3):
        held = maps > number
        offsets = infos[held] + 1 + 4 * number
        target = view.u32(offsets)
        yield fields_at(view.binary.loaded.hold(target), offsets, target)
    held = header & _UNWIND != 0
    first = view.u32(infos[held] + 1) - section.address + section.offset
    near = (first > infos[held]) & (first < infos[held] + REACH_BYTES)
    yield from _unwinding(view, first[near], infos[held][near] + REACH_BYTES)


def _unwinding(view: View, at: Ints, end: Ints) -> Iterator[Fields]:
    """Unwind maps: a count, then entries. The two low bits of an entry tell whether an address and more follow."""
    left = _values(view, at)
    at = at + _bytes(view, at)
    while True:
        on = (left > 0) & (at + 16 <= end)
        at, left, end = at[on], left[on], end[on]
        if not at.size:
            return
        kind = _values(view, at) & 3
        offsets = at + _bytes(view, at)
        target = view.u32(offsets)
        known = (kind > 0) & view.binary.code.hold(target)
        yield fields_at(known, offsets, target)
        at = offsets + np.where(kind > 0, 4, 0)
        at = at + np.where((kind == 1) | (kind == 2), _bytes(view, at), 0)
        left = np.where(known | (kind == 0), left - 1, 0)


def _bytes(view: View, offsets: Ints) -> Ints:
    lengths: Ints = _LENGTHS[view.u8(offsets) & 15]
    return lengths


def _values(view: View, offsets: Ints) -> Ints:
    """The lowest 24 bits of the numbers at these offsets."""
    length = _bytes(view, offsets)
    value = view.u32(offsets) >> _SHIFTS[length]
    return value & ((1 << np.minimum(7 * length, 24)) - 1)

"""Guesses: bytes in constants, code and debug information that look like references, but may be none."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from patcher.content.native.fields import GUESS, NO_BASE, Fields, fields_at
from patcher.content.native.numbers import Ints
from patcher.content.native.pe_tables import PAGE_BYTES, unwind_ends
from patcher.content.native.view import View

NEAR_BYTES = 64
_SPREAD_BYTES = 1 << 16


def find(view: View, certain: Ints) -> Iterator[Fields]:
    """All guesses whose neighbours are in the view. ``certain`` holds the offsets of RVAs, rising."""
    if view.binary.image.format == "pe":
        yield from _near(view, certain)
        yield from _tables(view, "code", relative=False)
        yield from _tables(view, "data", relative=False)
        yield from _tables(view, "data", relative=True)
    else:
        yield from _tables(view, "constants", relative=True)
        yield from _debug(view)


def _tables(view: View, role: str, *, relative: bool) -> Iterator[Fields]:
    """Jump tables: three or more consecutive entries that point into code, each near the next.

    Relative entries count from the beginning of the table; the entry's own address is near enough to that.
    """
    for section in view.sections(role):
        offsets = view.entries(section, 4)
        if offsets.size < 3:
            continue
        base = offsets - section.offset + section.address
        target = base + view.i32(offsets) if relative else view.u32(offsets)
        held = view.binary.code.hold(target)
        pair = held[1:] & held[:-1] & (np.abs(np.diff(target)) < _SPREAD_BYTES)
        yield fields_at(_in_threes(pair), offsets, target, base if relative else NO_BASE, kind=GUESS)


def _in_threes(pair: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The members of rows of three or more; ``pair`` says whether an entry goes with the next one."""
    middle = np.concatenate([[False], pair[1:] & pair[:-1], [False]])
    run: NDArray[np.bool_] = middle.copy()
    run[1:] |= middle[:-1]
    run[:-1] |= middle[1:]
    return run


def _near(view: View, certain: Ints) -> Iterator[Fields]:
    """RVAs near certain ones, in data about exceptions and types, except in unwind codes."""
    frames = view.inside(view.binary.frames, 4)
    frames, ends = np.append(-1, frames), np.append(-1, unwind_ends(view, frames))
    before, behind = np.append(-NEAR_BYTES - 1, certain), np.append(certain, np.iinfo(np.int64).max)
    for section in view.sections("data"):
        offsets = view.entries(section, 4)
        target = view.u32(offsets)
        number = np.searchsorted(certain, offsets, "right")
        near = (offsets - before[number] <= NEAR_BYTES) | (behind[number] - offsets <= NEAR_BYTES)
        near &= offsets >= ends[np.searchsorted(frames, offsets, "right") - 1]
        yield fields_at(near & (target >= PAGE_BYTES) & view.binary.loaded.hold(target), offsets, target, kind=GUESS)


def _debug(view: View) -> Iterator[Fields]:
    """Addresses of code in DWARF, at any offset."""
    for section in view.sections("debug"):
        offsets = view.entries(section, 1)[:-7]
        high = view.bytes[offsets[0] - view.start + 5 :][: offsets.size + 2] if offsets.size else view.bytes[:0]
        offsets = offsets[(high[:-2] | high[1:-1] | high[2:]) == 0]
        target = view.i64(offsets)
        held = (target >= PAGE_BYTES) & view.binary.code.hold(target)
        yield fields_at(held, offsets, target, width=8, kind=GUESS)

"""What looks like a reference and may be none: tables in constants and code, addresses in debug information."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from patcher.content.native.fields import GUESS, NO_BASE, Fields, where
from patcher.content.native.pe_tables import PAGE_BYTES, unwind_ends
from patcher.content.native.window import Places, Window

NEAR_BYTES = 64
_SPREAD_BYTES = 1 << 16


def find(window: Window, certain: Places) -> Iterator[Fields]:
    """All guesses in the window whose neighbours lie in it. ``certain`` are places of RVAs, in order."""
    if window.binary.image.format == "pe":
        yield from _near(window, certain)
        yield from _tables(window, "code", relative=False)
        yield from _tables(window, "data", relative=False)
        yield from _tables(window, "data", relative=True)
    else:
        yield from _tables(window, "constants", relative=True)
        yield from _debug(window)


def _tables(window: Window, role: str, *, relative: bool) -> Iterator[Fields]:
    """The branches of switches: three or more places in code in a row, none far from the next.

    Distances count from the table's begin, to which the entry's own address is near enough.
    """
    for section in window.sections(role):
        places = window.entries(section, 4)
        if places.size < 3:
            continue
        base = places - section.offset + section.address
        target = base + window.i32(places) if relative else window.u32(places)
        held = window.binary.code.hold(target)
        pair = held[1:] & held[:-1] & (np.abs(np.diff(target)) < _SPREAD_BYTES)
        yield where(_in_threes(pair), places, target, base if relative else NO_BASE, kind=GUESS)


def _in_threes(pair: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Those that stand in a row of three or more; ``pair`` says which are like the next one."""
    middle = np.concatenate([[False], pair[1:] & pair[:-1], [False]])
    run: NDArray[np.bool_] = middle.copy()
    run[1:] |= middle[:-1]
    run[:-1] |= middle[1:]
    return run


def _near(window: Window, certain: Places) -> Iterator[Fields]:
    """RVAs near certain ones, in what describes exceptions and types; but not the codes of unwinding."""
    frames = window.inside(window.binary.frames, 4)
    frames, ends = np.append(-1, frames), np.append(-1, unwind_ends(window, frames))
    before, behind = np.append(-NEAR_BYTES - 1, certain), np.append(certain, np.iinfo(np.int64).max)
    for section in window.sections("data"):
        places = window.entries(section, 4)
        target = window.u32(places)
        number = np.searchsorted(certain, places, "right")
        near = (places - before[number] <= NEAR_BYTES) | (behind[number] - places <= NEAR_BYTES)
        near &= places >= ends[np.searchsorted(frames, places, "right") - 1]
        yield where(near & (target >= PAGE_BYTES) & window.binary.loaded.hold(target), places, target, kind=GUESS)


def _debug(window: Window) -> Iterator[Fields]:
    """Addresses of code, which stand in DWARF at any place."""
    for section in window.sections("debug"):
        places = window.entries(section, 1)[:-7]
        high = window.bytes[places[0] - window.start + 5 :][: places.size + 2] if places.size else window.bytes[:0]
        places = places[(high[:-2] | high[1:-1] | high[2:]) == 0]
        target = window.i64(places)
        held = (target >= PAGE_BYTES) & window.binary.code.hold(target)
        yield where(held, places, target, width=8, kind=GUESS)

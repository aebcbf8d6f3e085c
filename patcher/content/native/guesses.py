"""What looks like a reference and may be none: tables in constants and code, addresses in debug information."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from patcher.content.native import fields, tables
from patcher.content.native.fields import GUESS, Fields
from patcher.content.native.window import Window

_PAGE_BYTES = 4096
"""Smaller numbers count something."""


def find(window: Window) -> Iterator[Fields]:
    """All guesses in the window whose neighbours lie in it."""
    if window.binary.image.format == "pe":
        yield from _rva_data(window)
        yield from _rva_tables(window)
    else:
        yield from _jump_tables(window)
        yield from _debug(window)


def _runs(held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Those that stand in a run of three or more."""
    padded = np.concatenate([np.zeros(2, np.bool_), held, np.zeros(2, np.bool_)])
    three = padded[:-2] & padded[1:-1] & padded[2:]
    runs: NDArray[np.bool_] = three[:-2] | three[1:-1] | three[2:]
    return runs


def _jump_tables(window: Window) -> Iterator[Fields]:
    """Distances from a table to code. The entry's own address is near enough to the table's."""
    for section in window.sections("constants"):
        places = window.entries(section, 4)
        own = places - section.offset + section.address
        target = own + window.i32(places)
        held = _runs(window.binary.code.hold(target))
        yield fields.make(places[held], target[held], own[held], kind=GUESS)


def _rva_data(window: Window) -> Iterator[Fields]:
    frames = window.inside(window.binary.frames, 4)
    frames, ends = np.append(-1, frames), np.append(-1, tables.unwind_ends(window, frames))
    for section in window.sections("data"):
        places = window.entries(section, 4)
        target = window.u32(places)
        unwound = places < ends[np.searchsorted(frames, places, "right") - 1]
        held = ~unwound & (target >= _PAGE_BYTES) & window.binary.loaded.hold(target)
        yield fields.make(places[held], target[held], kind=GUESS)


def _rva_tables(window: Window) -> Iterator[Fields]:
    """The branches of a switch, as MSVC lays them behind the function."""
    for section in window.sections("code"):
        places = window.entries(section, 4)
        target = window.u32(places)
        held = _runs(window.binary.code.hold(target))
        yield fields.make(places[held], target[held], kind=GUESS)


def _debug(window: Window) -> Iterator[Fields]:
    """Addresses of code, which stand in DWARF at any place."""
    for section in window.sections("debug"):
        places = window.entries(section, 1)[:-7]
        high = window.bytes[places[0] - window.start + 5 :][: places.size + 2] if places.size else window.bytes[:0]
        places = places[(high[:-2] | high[1:-1] | high[2:]) == 0]
        target = window.i64(places)
        held = window.binary.code.hold(target)
        yield fields.make(places[held], target[held], width=8, kind=GUESS)

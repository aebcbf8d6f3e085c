"""References in the tables of ELF and PE files, which say themselves what their bytes are. All are certain."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from patcher.content.native import fields
from patcher.content.native.fields import NO_BASE, Fields
from patcher.content.native.places import RELATIVE, Addresses
from patcher.content.native.sections import UNLOADED, Section
from patcher.content.native.window import Places, Window

_SYMBOL_BYTES = 24
_ADDRESS_TAGS = np.array(
    [3, 4, 5, 6, 7, 12, 13, 23, 25, 26, 32, 36, 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFE], np.int64
)
_NAME_TAGS = np.array([1, 14, 15, 29], np.int64)
_THREAD_LOCAL = 6  # STT_TLS: the value is an offset in a thread's own block


def find(window: Window) -> Iterator[Fields]:
    """The references of all tables in the window, of entries that lie in it whole."""
    for role, finder in _FINDERS.items():
        for section in window.sections(role):
            yield from finder(window, section)
    yield from _pointers(window, window.inside(window.binary.pointers, 8))
    if window.binary.image.format == "pe":
        yield from _unwind(window)
        yield from _guards(window)
    else:
        yield from _frames(window)


def _where(
    held: NDArray[np.bool_], places: Places, target: Addresses, base: Addresses | int = NO_BASE, **kinds: int
) -> Fields:
    bases = base if isinstance(base, int) else base[held]
    return fields.make(places[held], target[held], bases, **kinds)


def _pointers(window: Window, places: Places) -> Iterator[Fields]:
    """Absolute addresses of 8 bytes, as far as they are some."""
    target = window.i64(places) - window.binary.image.base
    yield _where(window.binary.loaded.hold(target), places, target, width=8)


def _pointer_section(window: Window, section: Section) -> Iterator[Fields]:
    yield from _pointers(window, window.entries(section, 8))


def _rela(window: Window, section: Section) -> Iterator[Fields]:
    rows = window.entries(section, 24)
    place, kind, symbol, addend = window.i64(rows), window.u32(rows + 8), window.u32(rows + 12), window.i64(rows + 16)
    loaded = window.binary.loaded
    yield _where(loaded.hold(place), rows, place, width=8)
    if section.link:
        yield _where(symbol > 0, rows + 12, section.link + symbol * _SYMBOL_BYTES, section.link, scale=_SYMBOL_BYTES)
    yield _where(np.isin(kind, RELATIVE) & loaded.hold(addend), rows + 16, addend, width=8)


def _relr(window: Window, section: Section) -> Iterator[Fields]:
    rows = window.entries(section, 8)
    place = window.i64(rows)
    yield _where((place & 1 == 0) & window.binary.loaded.hold(place), rows, place, width=8)


def _symbols(window: Window, section: Section) -> Iterator[Fields]:
    rows = window.entries(section, _SYMBOL_BYTES)
    name, kind, index = window.u32(rows), window.u8(rows + 4) & 15, window.u32(rows + 4) >> 16
    value, size = window.i64(rows + 8), window.i64(rows + 16)
    if section.link:
        yield _where(name > 0, rows, section.link + name, section.link)
    held = (index > 0) & (kind != _THREAD_LOCAL) & window.binary.loaded.hold(value)
    yield _where(held, rows + 8, value, width=8)
    sized = held & (size > 0) & window.binary.loaded.hold(value + size - 1)
    yield _where(sized, rows + 16, value + size - 1, value, width=8)


def _frame_header(window: Window, section: Section) -> Iterator[Fields]:
    loaded = window.binary.loaded
    first = np.array([section.offset + 4], np.int64)
    first = first[(first >= window.start) & (first + 4 <= window.end)]
    own = first - section.offset + section.address
    target = own + window.i32(first)
    yield _where(loaded.hold(target), first, target, own)
    words = window.entries(section, 4, 12)
    target = section.address + window.i32(words)
    yield _where(loaded.hold(target), words, target, section.address)


def _frames(window: Window) -> Iterator[Fields]:
    """FDEs (LSB Core, 10.6.1): the CIE they belong to, the function's begin and length, its handlers' table."""
    for section in window.sections("eh_frame"):
        at = window.inside(window.binary.frames, 21)
        at = at[(at >= section.offset) & (at + 17 <= section.end)]
        own = at - section.offset + section.address
        binary = window.binary
        begin = own + 8 + window.i32(at + 8)
        size = window.i32(at + 12)
        known = binary.code.hold(begin)
        cie = own + 4 - window.u32(at + 4)
        yield _where(known & (cie >= section.address), at + 4, own + 4, cie)
        yield _where(known, at + 8, begin, own + 8)
        yield _where(known & (size > 0) & binary.loaded.hold(begin + size - 1), at + 12, begin + size - 1, begin)
        handlers = own + 17 + window.i32(at + 17)
        known &= (window.u8(at + 16) == 4) & (at + 21 <= section.end) & binary.loaded.hold(handlers)
        yield _where(known, at + 17, handlers, own + 17)


def _dynamic(window: Window, section: Section) -> Iterator[Fields]:
    rows = window.entries(section, 16)
    tag, value = window.i64(rows), window.i64(rows + 8)
    yield _where(np.isin(tag, _ADDRESS_TAGS) & window.binary.loaded.hold(value), rows + 8, value, width=8)
    if section.link:
        named = np.isin(tag, _NAME_TAGS) & (value > 0) & (value < UNLOADED)
        yield _where(named, rows + 8, section.link + value, section.link, width=8)


# ---------------------------------------------------------------- PE


def _functions(window: Window, section: Section) -> Iterator[Fields]:
    yield from _function(window, window.entries(section, 12))


def _function(window: Window, rows: Places) -> Iterator[Fields]:
    """RUNTIME_FUNCTION (PE, .pdata): begin, end and unwind information."""
    loaded = window.binary.loaded
    begin, end, unwind = window.u32(rows), window.u32(rows + 4), window.u32(rows + 8)
    known = window.binary.code.hold(begin) & loaded.hold(end - 1)
    yield _where(known, rows, begin)
    yield _where(known, rows + 4, end - 1)
    yield _where(known & loaded.hold(unwind), rows + 8, unwind)


def unwind_ends(window: Window, frames: Places) -> Places:
    """Where the codes of each UNWIND_INFO end, an even number of two bytes each."""
    return frames + 4 + 2 * ((window.u8(frames + 2) + 1) & ~1)


def _unwind(window: Window) -> Iterator[Fields]:
    """Behind its codes UNWIND_INFO has a handler, or the function that it goes on from."""
    frames = window.inside(window.binary.frames, 4)
    ends, flags = unwind_ends(window, frames), window.u8(frames) >> 3
    frames, ends, flags = (array[ends + 12 <= window.end] for array in (frames, ends, flags))
    handled = ends[flags & 3 != 0]
    handler = window.u32(handled)
    yield _where(window.binary.code.hold(handler), handled, handler)
    yield from _function(window, ends[flags == 4])


def _guards(window: Window) -> Iterator[Fields]:
    places = window.inside(window.binary.guards, 4)
    target = window.u32(places)
    yield _where(window.binary.loaded.hold(target), places, target)


_FINDERS = {
    "rela": _rela, "relr": _relr, "symbols": _symbols, "pointers": _pointer_section, "dynamic": _dynamic,
    "eh_frame_hdr": _frame_header, "pdata": _functions,
}  # fmt: skip

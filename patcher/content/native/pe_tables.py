"""References in the tables of PE files (PE/COFF specification; exception handling x64 and ARM64). All are certain."""

from collections.abc import Iterator

import numpy as np

from patcher.content.native import exceptions
from patcher.content.native.fields import Fields, fields_at
from patcher.content.native.numbers import Ints
from patcher.content.native.sections import Section
from patcher.content.native.view import View

PAGE_BYTES = 4096
"""Smaller numbers are no addresses."""
_HANDLED, _ONE_SCOPE = 1 << 20, 1 << 21
"""Flags of ARM64's records: a handler follows; the field for the number of scopes has another meaning."""
_MOST_WORDS = 128
"""Longer unwind records count as this long, so that the result depends only on bytes nearby."""


def find(view: View) -> Iterator[Fields]:
    """The references of all table entries that lie whole in the view."""
    yield _rvas(view, view.inside(view.binary.rvas, 4))
    entry_bytes, functions = _FUNCTIONS[view.binary.image.filter]
    for section in view.sections("pdata"):
        yield from functions(view, view.entries(section, entry_bytes))
    for section in view.sections("data"):
        yield from _unwind(view, section)
        yield from _types(view, section)


def _rvas(view: View, offsets: Ints) -> Fields:
    """Addresses of 4 bytes, as far as the number is an address."""
    target = view.u32(offsets)
    return fields_at(view.binary.loaded.hold(target), offsets, target)


def _functions(view: View, rows: Ints) -> Iterator[Fields]:
    """RUNTIME_FUNCTION: begin, end and unwind information."""
    code, loaded = view.binary.code, view.binary.loaded
    begin, end, unwind = view.u32(rows), view.u32(rows + 4), view.u32(rows + 8)
    known = code.hold(begin) & loaded.hold(end - 1)
    yield fields_at(known, rows, begin)
    yield fields_at(known, rows + 4, end - 1)
    yield fields_at(known & loaded.hold(unwind), rows + 8, unwind)


def _arm64_functions(view: View, rows: Ints) -> Iterator[Fields]:
    """Begin and unwind information: its address, or packed data of 30 bits."""
    begin, unwind = view.u32(rows), view.u32(rows + 4)
    known = view.binary.code.hold(begin)
    yield fields_at(known, rows, begin)
    yield fields_at(known & (unwind & 3 == 0) & view.binary.loaded.hold(unwind), rows + 4, unwind)


_FUNCTIONS = {"x86-1": (12, _functions), "arm64-1": (8, _arm64_functions)}


def unwind_ends(view: View, frames: Ints) -> Ints:
    """Where the codes of each unwind record end."""
    if view.binary.image.filter == "x86-1":
        return frames + 4 + 2 * ((view.u8(frames + 2) + 1) & ~1)  # codes of two bytes, an even number of them
    first, second = view.u32(frames), view.u32(frames + 4)
    more = first >> 22 == 0  # the numbers are too large for the first word
    scopes = np.where(more, second & 0xFFFF, first >> 22 & 31)
    codes = np.where(more, second >> 16 & 0xFF, first >> 27)
    words = 1 + more + np.where(first & _ONE_SCOPE, 0, scopes) + codes
    ends: Ints = frames + 4 * np.minimum(words, _MOST_WORDS)
    return ends


def _unwind(view: View, section: Section) -> Iterator[Fields]:
    """Behind the codes of UNWIND_INFO: a handler and its data, or the chained function."""
    frames = view.inside(view.binary.frames, 4)
    frames = frames[(frames >= section.offset) & (frames < section.end)]
    ends = unwind_ends(view, frames)
    whole = ends + 12 <= min(view.end, section.end)
    frames, ends = frames[whole], ends[whole]
    if view.binary.image.filter == "x86-1":
        flags = view.u8(frames) >> 3
        yield from _functions(view, ends[flags == 4])
        yield from _handled(view, section, ends[flags & 3 != 0])
    else:
        yield from _handled(view, section, ends[view.u32(frames) & _HANDLED != 0])


def _handled(view: View, section: Section, handled: Ints) -> Iterator[Fields]:
    """An exception handler and the address of its data."""
    handler, read = view.u32(handled), view.u32(handled + 4)
    known = view.binary.code.hold(handler)
    yield fields_at(known, handled, handler)
    known &= view.binary.loaded.hold(read) & (read >= PAGE_BYTES)
    yield fields_at(known, handled + 4, read)
    infos = read - section.address + section.offset
    near = known & (infos >= handled + 8) & (infos < handled + exceptions.NEAR_BYTES)
    yield from exceptions.find(view, section, infos[near])


def _types(view: View, section: Section) -> Iterator[Fields]:
    """MSVC's data for dynamic_cast: object locators, which hold their own address, and base class descriptors."""
    offsets = view.entries(section, 4)
    word, loaded = view.u32(offsets), view.binary.loaded
    own = offsets - section.offset + section.address
    at = np.flatnonzero((word[:-5] == 1) & (word[5:] == own[:-5]))
    for place in (3, 4, 5):
        yield fields_at(loaded.hold(word[at + place]), offsets[at + place], word[at + place])
    at = np.flatnonzero((word[3:-3] == 0xFFFFFFFF) & (word[4:-2] == 0) & (word[5:-1] & ~0x3F == 0x40))
    at = at[loaded.hold(word[at]) & loaded.hold(word[at + 6])]
    for place in (0, 6):
        yield fields_at(np.ones(at.size, np.bool_), offsets[at + place], word[at + place])

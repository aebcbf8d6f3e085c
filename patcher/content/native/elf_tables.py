"""References in the tables of ELF files (System V gABI, chapter 5). All are certain."""

from collections.abc import Iterator

import numpy as np

from patcher.content.native.binary import Spans
from patcher.content.native.fields import Fields, fields_at
from patcher.content.native.numbers import Ints
from patcher.content.native.offsets import RELATIVE
from patcher.content.native.sections import UNLOADED, Section
from patcher.content.native.view import View

_SYMBOL_BYTES = 24
_FRAME_BYTES = 21
_ADDRESS_TAGS = np.array(
    [3, 4, 5, 6, 7, 12, 13, 23, 25, 26, 32, 36, 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFE], np.int64
)
_NAME_TAGS = np.array([1, 14, 15, 29], np.int64)
_THREAD_LOCAL = 6  # STT_TLS: the value is an offset in thread-local storage


def find(view: View) -> Iterator[Fields]:
    """The references of all table entries that lie whole in the view."""
    for role, finder in _FINDERS.items():
        for section in view.sections(role):
            yield from finder(view, section)


def _rela(view: View, section: Section) -> Iterator[Fields]:
    rows = view.entries(section, 24)
    place, kind, symbol, addend = view.i64(rows), view.u32(rows + 8), view.u32(rows + 12), view.i64(rows + 16)
    loaded, relative = view.binary.loaded, RELATIVE[view.binary.image.filter]
    yield fields_at(loaded.hold(place), rows, place, width=8)
    yield _numbered(section, symbol, rows + 12)
    yield fields_at(np.isin(kind, relative) & loaded.hold(addend), rows + 16, addend, width=8)


def _relr(view: View, section: Section) -> Iterator[Fields]:
    rows = view.entries(section, 8)
    place = view.i64(rows)
    yield fields_at((place & 1 == 0) & view.binary.loaded.hold(place), rows, place, width=8)


def _symbols(view: View, section: Section) -> Iterator[Fields]:
    rows = view.entries(section, _SYMBOL_BYTES)
    name, kind, index = view.u32(rows), view.u8(rows + 4) & 15, view.u32(rows + 4) >> 16
    value, size = view.i64(rows + 8), view.i64(rows + 16)
    yield fields_at(name > 0, rows, section.link + name, section.link)
    held = (index > 0) & (kind != _THREAD_LOCAL) & view.binary.loaded.hold(value)
    yield fields_at(held, rows + 8, value, width=8)
    sized = held & (size > 0) & view.binary.loaded.hold(value + size - 1)
    yield fields_at(sized, rows + 16, value + size - 1, value, width=8)


def _numbered(section: Section, number: Ints, offsets: Ints) -> Fields:
    """Symbol numbers count from the first symbol; 0 is none."""
    target = section.link + number * _SYMBOL_BYTES
    return fields_at(number > 0, offsets, target, section.link, scale=_SYMBOL_BYTES)


def _hash(view: View, section: Section) -> Iterator[Fields]:
    words = view.entries(section, 4, 8)
    yield _numbered(section, view.u32(words), words)


def _gnu_hash(view: View, section: Section) -> Iterator[Fields]:
    """Number of buckets, first symbol, size of the filter in words of 8 bytes, shift; filter, buckets, hashes."""
    head = np.frombuffer(view.binary.read(section.offset, 16).ljust(16, b"\0"), "<u4").astype(np.int64)
    words = view.entries(section, 4)
    first = section.offset + 16 + 8 * head[2]
    words = words[(words == section.offset + 4) | ((words >= first) & (words < first + 4 * head[0]))]
    yield _numbered(section, view.u32(words), words)


def _frame_header(view: View, section: Section) -> Iterator[Fields]:
    """The beginning of .eh_frame, then pairs of function and FDE (LSB Core, 10.6.2)."""
    if not view.binary.frames.size:  # the table has another encoding
        return
    loaded = view.binary.loaded
    first = np.array([section.offset + 4], np.int64)
    first = first[(first >= view.start) & (first + 4 <= view.end)]
    own = first - section.offset + section.address
    target = own + view.i32(first)
    yield fields_at(loaded.hold(target), first, target, own)
    words = view.entries(section, 4, 12)
    target = section.address + view.i32(words)
    yield fields_at(loaded.hold(target), words, target, section.address)


def _frames(view: View, section: Section) -> Iterator[Fields]:
    """FDEs (LSB Core, 10.6.1): their CIE, begin and length of the function, the table of its handlers."""
    code, loaded = view.binary.code, view.binary.loaded
    rows = view.inside(view.binary.frames, _FRAME_BYTES)
    rows = rows[(rows >= section.offset) & (rows + _FRAME_BYTES <= section.end)]
    own = rows - section.offset + section.address
    cie, begin, size = own + 4 - view.u32(rows + 4), own + 8 + view.i32(rows + 8), view.i32(rows + 12)
    known = code.hold(begin)
    yield fields_at(known & (cie >= section.address), rows + 4, own + 4, cie)
    yield fields_at(known, rows + 8, begin, own + 8)
    yield fields_at(known & (size > 0) & loaded.hold(begin + size - 1), rows + 12, begin + size - 1, begin)
    image = view.binary.image
    handlers = Spans.of(image.of_role("handlers"))
    known &= view.u8(rows + 16) == 4  # the FDE adds only an address
    relative, absolute = own + 17 + view.i32(rows + 17), view.u32(rows + 17)
    yield fields_at(known & handlers.hold(relative), rows + 17, relative, own + 17)
    if not image.relocatable:
        yield fields_at(known & handlers.hold(absolute), rows + 17, absolute)


def _dynamic(view: View, section: Section) -> Iterator[Fields]:
    rows = view.entries(section, 16)
    tag, value = view.i64(rows), view.i64(rows + 8)
    yield fields_at(np.isin(tag, _ADDRESS_TAGS) & view.binary.loaded.hold(value), rows + 8, value, width=8)
    named = np.isin(tag, _NAME_TAGS) & (value > 0) & (value < UNLOADED)
    yield fields_at(named, rows + 8, section.link + value, section.link, width=8)


_FINDERS = {
    "hash": _hash, "gnu_hash": _gnu_hash, "rela": _rela, "relr": _relr, "symbols": _symbols, "dynamic": _dynamic,
    "eh_frame_hdr": _frame_header, "eh_frame": _frames,
}  # fmt: skip

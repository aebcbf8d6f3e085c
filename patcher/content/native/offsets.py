"""The tables of a native file that list where references are elsewhere in it. Each is read once, as a whole."""

import struct
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from patcher.content.native.numbers import Ints, changes
from patcher.content.native.sections import UNLOADED, Image, Read, Section

Offsets = NDArray[np.uint32]
"""Offsets in the file, strictly rising."""

MAX_OFFSETS = 1 << 23
MAX_TABLE_BYTES = 64 * 1024 * 1024
"""Longer lists are cut and longer tables ignored; no honest file has one."""

RELATIVE = {"x86-1": np.array([8, 37], np.int64), "arm64-1": np.array([1027, 1032], np.int64)}
"""R_…_RELATIVE and R_…_IRELATIVE. The addend is an address; the 8 bytes that are relocated may hold it too."""

_PLAIN_FRAMES = b"\x01\x1b\x03\x3b"
"""Version and encodings of .eh_frame_hdr as all linkers write them. Other encodings are ignored."""
_MAX_PAGES = 1 << 18
_PIECE_BYTES = 24 * 65536
_GUARDS = (0x80, 0xA0, 0xB0, 0x108)
"""Offsets in IMAGE_LOAD_CONFIG_DIRECTORY64 of address and count of the guard tables (calls, jumps, returns)."""
_IMPORTS = ((1, 20, (0, 12, 16), (0, 16)), (13, 32, (4, 8, 12, 16, 20, 24), (16,)))
"""Number of the directory, bytes a row, offsets of addresses in a row, and which of those lead to a list."""
_MAX_LIBRARIES, _MAX_NAMES = 1024, 16384
_EXPORTS, _LOAD_CONFIG = 0, 10
_EXPORTS_BYTES, _LOAD_CONFIG_BYTES = 40, 0x118
_GUARD_FLAGS = 0x90


def pointers(image: Image, read: Read) -> Iterator[Ints]:
    """Where absolute addresses of 8 bytes are, from the relocations."""
    for section in image.of_role("rela"):
        for piece in _pieces(read, section):
            rows = _rows(piece, "<i8", 3)
            yield rows[np.isin(rows[:, 1], RELATIVE[image.filter]), 0].astype(np.int64)
    for section in image.of_role("relr"):
        yield _relr_addresses(_whole(read, section))
    for section in image.of_role("relocations"):
        yield _page_addresses(_whole(read, section))


def frames(image: Image, read: Read) -> Iterator[Ints]:
    """Where unwind records are: FDEs (LSB Core, 10.6.2), or the records that .pdata leads to."""
    for section in image.of_role("eh_frame_hdr"):
        words = _words(_whole(read, section), "<i4")
        if words[:1].tobytes() == _PLAIN_FRAMES:
            yield words[4::2].astype(np.int64) + section.address
    packed = image.filter == "arm64-1"  # its low bits tell addresses from unwind data of 30 bits
    for section in image.of_role("pdata"):
        for piece in _pieces(read, section):
            unwind = _rows(piece, "<u4", 2 if packed else 3)[:, -1].astype(np.int64)
            yield unwind[unwind & 3 == 0] if packed else unwind


def rvas(image: Image, read: Read) -> Iterator[Ints]:
    """Where addresses of 4 bytes are in a PE file, from its directories."""
    yield from _exports(image, read)
    for directory in _IMPORTS:
        yield from _imports(image, read, *directory)
    yield from _guards(image, read)
    for section in image.of_role("relocations"):
        yield section.address + np.array([at for at, _, _ in _pages(_whole(read, section))], np.int64)


def _exports(image: Image, read: Read) -> Iterator[Ints]:
    """The fields of the export directory, and the tables of functions and names."""
    address = _directory(image, _EXPORTS)
    table = _read(image, read, address, _EXPORTS_BYTES)
    if len(table) == _EXPORTS_BYTES:
        words = struct.unpack("<10I", table)
        yield address + np.array([12, 28, 32, 36], np.int64)
        yield _row(words[7], words[5], 4)
        yield _row(words[8], words[6], 4)


def _imports(
    image: Image, read: Read, number: int, step: int, columns: tuple[int, ...], lists: tuple[int, ...]
) -> Iterator[Ints]:
    """One row a library, up to a zero row. Lists have 8 bytes an entry, up to a zero; negative entries are ordinals."""
    address = _directory(image, number)
    for row in range(address, address + _MAX_LIBRARIES * step, step):
        table = _read(image, read, row, step)
        if not table.strip(b"\0"):
            return
        yield row + np.array(columns, np.int64)
        for column in lists:
            start = int.from_bytes(table[column : column + 4], "little")
            entries = _words(_read(image, read, start, 8 * _MAX_NAMES), "<i8")
            length = int(np.argmax(np.append(entries, 0) == 0))
            yield start + 8 * np.flatnonzero(entries[:length] > 0)


def _guards(image: Image, read: Read) -> Iterator[Ints]:
    table = _read(image, read, _directory(image, _LOAD_CONFIG), _LOAD_CONFIG_BYTES)
    if len(table) == _LOAD_CONFIG_BYTES:
        size, step = int.from_bytes(table[:4], "little"), 4 + (table[_GUARD_FLAGS + 3] >> 4)
        for place in _GUARDS:
            address, count = struct.unpack_from("<QQ", table, place)
            yield _row(address - image.base, count if place + 16 <= size else 0, step)


def _directory(image: Image, number: int) -> int:
    """The address of a data directory; if there is none, one that no file has."""
    return image.directories[number] if number < len(image.directories) and image.directories[number] else UNLOADED


def _read(image: Image, read: Read, address: int, length: int) -> bytes:
    """The bytes from an address on, fewer at the end of its section."""
    for section in image.sections:
        into = address - section.address
        if section.loaded and 0 <= into < section.size_bytes:
            return read(section.offset + into, min(length, section.size_bytes - into))
    return b""


def _row(address: int, count: int, step: int) -> Ints:
    if 0 < address < UNLOADED and count <= MAX_OFFSETS // 4:
        return address + step * np.arange(count, dtype=np.int64)
    return np.empty(0, np.int64)


def listed(image: Image, addresses: Iterable[Ints], width: int) -> Offsets:
    """The offsets of the addresses at which the file holds all ``width`` bytes; at most `MAX_OFFSETS`."""
    sections = sorted((s for s in image.sections if s.loaded and s.size_bytes >= width), key=lambda s: s.address)
    starts = np.array([UNLOADED, *(section.address for section in sections)], np.int64)
    lengths = np.array([0, *(section.size_bytes for section in sections)], np.int64)
    begins = np.array([0, *(section.offset for section in sections)], np.int64)
    found, left = [np.empty(0, np.uint32)], MAX_OFFSETS
    for some in addresses:
        number = np.searchsorted(starts[1:], some, "right")
        into = some - starts[number]
        held = (into >= 0) & (into <= lengths[number] - width)
        found.append((begins[number] + into)[held][:left].astype(np.uint32))
        left -= found[-1].size
        if not left:
            break
    offsets = np.concatenate(found)
    found.clear()
    offsets.sort()  # np.unique would hash, which takes twenty times the memory
    return offsets[changes(offsets)]


def _pieces(read: Read, section: Section) -> Iterator[bytes]:
    """The bytes of a table with entries of 8, 12 or 24 bytes, whole entries at a time."""
    for at in range(section.offset, min(section.end, section.offset + 24 * MAX_OFFSETS), _PIECE_BYTES):
        yield read(at, min(_PIECE_BYTES, section.end - at))


def _whole(read: Read, section: Section) -> bytes:
    return read(section.offset, section.size_bytes) if section.size_bytes <= MAX_TABLE_BYTES else b""


def _words(table: bytes, kind: str) -> "NDArray[np.integer]":
    return np.frombuffer(table, kind, len(table) // int(kind[2]))


def _rows(table: bytes, kind: str, columns: int) -> "NDArray[np.integer]":
    words = _words(table, kind)
    return words[: words.size // columns * columns].reshape(-1, columns)


def _relr_addresses(table: bytes) -> Ints:
    """An even word is an address. The bits of an odd one say which of the 63 words after the last are addresses."""
    words = _words(table, "<i8").astype(np.int64)
    number = np.arange(words.size, dtype=np.int64)
    even = words & 1 == 0
    last = np.maximum.accumulate(np.where(even, number, -1))
    usable = np.flatnonzero(~even & (last >= 0))
    start, bits = words[last[usable]] + 8 + (number - last - 1)[usable] * 504, words[usable] >> 1
    found = [words[even]]
    if int(np.bitwise_count(words[usable].view(np.uint64)).sum()) <= MAX_OFFSETS:
        found += [start[bits >> bit & 1 == 1] + 8 * bit for bit in range(63)]
    return np.concatenate(found)


def _page_addresses(table: bytes) -> Ints:
    """Entries of 16 bits, a type and an offset. Type 10 is an address of 64 bits."""
    halves = _words(table, "<u2")
    pages = np.zeros(halves.size, np.uint32)
    for at, page, size in _pages(table):
        pages[at // 2 + 4 : (at + size) // 2] = page
    chosen = np.flatnonzero((halves >> 12 == 10) & (pages > 0))[:MAX_OFFSETS]
    return pages[chosen].astype(np.int64) + (halves[chosen] & 0xFFF)


def _pages(table: bytes) -> Iterator[tuple[int, int, int]]:
    """Offset, page and size of each block of relocations; the size includes the fields of page and size."""
    at = 0
    for _ in range(_MAX_PAGES):
        page, size = struct.unpack_from("<II", table, at) if at + 8 <= len(table) else (0, 0)
        if size < 8 or size % 2:
            return
        yield at, page, size
        at += size

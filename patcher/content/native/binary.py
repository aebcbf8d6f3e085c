"""A native file opened: its image, and the small tables that are needed whole to find references in any part of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patcher.content.native import image as images
from patcher.content.native.sections import Image, Read, Section

Addresses = NDArray[np.int64]

MAX_TABLE_BYTES = 64 * 1024 * 1024
"""A longer one is not read: nothing honest has it."""

_RELATIVE = (8, 37)  # R_X86_64_RELATIVE and _IRELATIVE
_MAX_PAGES = 1 << 19


@dataclass(frozen=True, slots=True)
class Spans:
    """Addresses of some sections together: the borders between inside and outside, from the lowest on."""

    borders: Addresses

    @classmethod
    def of(cls, sections: Iterable[Section], more: int = 0) -> "Spans":
        """Those that the sections take in memory, and so many ``more`` behind each."""
        borders: list[int] = []
        for start, end in sorted((s.address, s.address + s.memory_bytes + more) for s in sections):
            if borders and start <= borders[-1]:
                borders[-1] = max(borders[-1], end)
            elif start < end:
                borders += [start, end]
        return cls(np.array(borders, np.int64))

    def hold(self, addresses: Addresses) -> NDArray[np.bool_]:
        """Which of the addresses lie inside."""
        return (np.searchsorted(self.borders, addresses, "right") & 1).astype(np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Binary:
    """``pointers`` are offsets of 8-byte addresses, ``frames`` those of FDEs, both in order."""

    image: Image
    size_bytes: int
    read: Read
    code: Spans
    loaded: Spans
    pointers: NDArray[np.uint32]
    frames: NDArray[np.uint32]

    @classmethod
    def open(cls, read: Read, size_bytes: int) -> "Binary | None":
        """The native file of ``size_bytes`` behind ``read``; None when it is none that we know. Never raises."""
        image = images.parse(read, size_bytes)
        if image is None:
            return None
        sections = [section for section in image.sections if section.loaded]
        return cls(
            image,
            size_bytes,
            read,
            Spans.of(section for section in sections if section.executable),
            Spans.of(sections, 1),  # what marks the end of a section points behind it
            _pointers(image, read),
            _frames(image, read),
        )


def _table(read: Read, section: Section, step: int) -> NDArray[np.uint8]:
    """The bytes of whole entries of ``step`` bytes."""
    data = read(section.offset, section.size_bytes) if section.size_bytes <= MAX_TABLE_BYTES else b""
    return np.frombuffer(data, np.uint8, len(data) // step * step)


def _offsets(image: Image, addresses: Addresses, width: int) -> NDArray[np.uint32]:
    """Where the file holds all ``width`` bytes of these addresses, in order; without those of which it does not."""
    sections = sorted((s for s in image.sections if s.loaded and s.size_bytes >= width), key=lambda s: s.address)
    if not sections or not addresses.size:
        return np.empty(0, np.uint32)
    starts = np.array([section.address for section in sections], np.int64)
    lengths = np.array([section.size_bytes for section in sections], np.int64)
    offsets = np.array([section.offset for section in sections], np.int64)
    number = np.maximum(np.searchsorted(starts, addresses, "right") - 1, 0)
    into = addresses - starts[number]
    held = (into >= 0) & (into <= lengths[number] - width)
    return np.unique((offsets[number] + into)[held].astype(np.uint32))


# ---------------------------------------------------------------- pointers


def _pointers(image: Image, read: Read) -> NDArray[np.uint32]:
    readers: dict[str, Callable[[NDArray[np.uint8]], Addresses]] = {
        "rela": _rela_places, "relr": _relr_places, "relocations": _page_places,
    }  # fmt: skip
    parts = [
        _offsets(image, readers[section.role](_table(read, section, 24 if section.role == "rela" else 4)), 8)
        for section in image.sections
        if section.role in readers
    ]
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.uint32)


def _rela_places(table: NDArray[np.uint8]) -> Addresses:
    rows = table.view("<i8").reshape(-1, 3)
    places: Addresses = rows[np.isin(rows[:, 1], _RELATIVE), 0].astype(np.int64)
    return places


def _relr_places(table: NDArray[np.uint8]) -> Addresses:
    """An even word is a place; the bits of an odd one say which of the 63 words behind the last are places."""
    words = table[: table.size // 8 * 8].view("<u8").astype(np.uint64)
    odd = (words & np.uint64(1)).astype(np.bool_)
    number = np.arange(words.size, dtype=np.int64)
    last = np.maximum.accumulate(np.where(odd, -1, number))
    usable = last >= 0
    start = words.view(np.int64)[last] + 8 + (number - last - 1) * 504
    parts = [words.view(np.int64)[~odd]]
    for bit in range(1, 64):
        chosen = odd & usable & ((words >> np.uint64(bit)) & np.uint64(1)).astype(np.bool_)
        parts.append(start[chosen] + 8 * (bit - 1))
    return np.concatenate(parts)


def _page_places(table: NDArray[np.uint8]) -> Addresses:
    """Blocks of (page, bytes of the block, entries of 16 bits: type and offset); type 10 is an address of 64 bits."""
    halves = table.view("<u2").astype(np.int64)
    parts = []
    at = 0
    for _ in range(_MAX_PAGES):
        if at + 4 > halves.size:
            break
        page, size = (int(halves[at + i] | halves[at + i + 1] << 16) for i in (0, 2))
        if size < 8 or size % 4:
            break
        entries = halves[at + 4 : at + size // 2]
        parts.append((entries[entries >> 12 == 10] & 0xFFF) + page)
        at += size // 2
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


# ---------------------------------------------------------------- frames


def _frames(image: Image, read: Read) -> NDArray[np.uint32]:
    """Where the FDEs lie that .eh_frame_hdr lists (LSB Core, 10.6.2), in the usual encoding and no other."""
    parts = []
    for section in image.of_role("eh_frame_hdr"):
        table = _table(read, section, 4)
        if table[:4].tobytes() == b"\x01\x1b\x03\x3b" and table.size >= 12:
            words = table.view("<i4")
            count = min(int(words[2]), (words.size - 3) // 2)
            parts.append(_offsets(image, words[4 : 4 + 2 * max(count, 0) : 2].astype(np.int64) + section.address, 17))
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.uint32)

"""ELF for x86-64 and ARM64 (System V gABI, chapters 4 and 5; AMD64 psABI, AAELF64): the sections, and their roles."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from patcher.content.native.sections import MAX_FILE_BYTES, MAX_SECTIONS, UNLOADED, Image, Read, Section, ordered

_HEADER = struct.Struct("<6s10xHHIQQQI6H")
_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_FILTERS = {62: "x86-1", 183: "arm64-1"}
_EXECUTABLE, _SHARED = 2, 3
_ENTRY = struct.Struct("<IIQQQQIIQQ")
_MAX_NAMES_BYTES = 1024 * 1024

_WRITABLE, _ALLOCATED, _CODE, _THREADS, _COMPRESSED = 1, 2, 4, 0x400, 0x800
_PROGBITS, _SYMTAB, _RELA, _NOBITS, _DYNSYM = 1, 2, 4, 8, 11
_LOADED = {
    4: "rela", 5: "hash", 6: "dynamic", 11: "symbols", 14: "pointers", 15: "pointers", 16: "pointers", 19: "relr",
    0x6FFFFFF6: "gnu_hash",
}  # fmt: skip
_NAMED = {
    ".got": "pointers", ".got.plt": "pointers", ".ctors": "pointers", ".dtors": "pointers",
    ".eh_frame_hdr": "eh_frame_hdr", ".eh_frame": "eh_frame", ".gcc_except_table": "handlers",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _SectionHeader:
    """The first fields of a section header."""

    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size_bytes: int
    link: int

    @property
    def loaded(self) -> bool:
        return bool(self.flags & _ALLOCATED)

    @property
    def mapped_address(self) -> int:
        return self.address if self.loaded else UNLOADED + self.offset


def parse(read: Read, size_bytes: int) -> Image | None:
    """The image; None if the file is no ELF program or library for a known machine."""
    header = read(0, _HEADER.size)
    if size_bytes > MAX_FILE_BYTES or len(header) < _HEADER.size or not header.startswith(_MAGIC):
        return None
    _, kind, machine, _, _, _, at, _, _, _, _, entry_bytes, count, names = _HEADER.unpack(header)
    if kind not in {_EXECUTABLE, _SHARED} or machine not in _FILTERS:
        return None
    if entry_bytes != _ENTRY.size or not 0 < count <= MAX_SECTIONS or names >= count:
        return None
    table = read(at, count * _ENTRY.size) if at < size_bytes else b""
    if len(table) < count * _ENTRY.size:
        return None
    entries = [_SectionHeader(*fields[:7]) for fields in _ENTRY.iter_unpack(table)]
    sections = ordered(_sections(entries, _names(read, entries[names])), size_bytes)
    return Image(_FILTERS[machine], "elf", 0, kind == _SHARED, sections)


def _names(read: Read, entry: _SectionHeader) -> bytes:
    inside = entry.offset < MAX_FILE_BYTES and entry.kind != _NOBITS
    return read(entry.offset, min(entry.size_bytes, _MAX_NAMES_BYTES)) if inside else b""


def _sections(entries: list[_SectionHeader], names: bytes) -> Iterator[Section]:
    for entry in entries:
        if not entry.kind or (entry.kind == _NOBITS and (entry.flags & _THREADS or not entry.loaded)):
            continue
        name = names[entry.name : entry.name + 64].partition(b"\0")[0].decode("latin-1")
        linked = entries[entry.link] if entry.link < len(entries) else entries[0]
        yield Section(
            name,
            _role(entry, name),
            entry.mapped_address,
            entry.offset,
            0 if entry.kind == _NOBITS else entry.size_bytes,
            entry.size_bytes,
            bool(entry.flags & _CODE and entry.loaded),
            entry.loaded,
            linked.mapped_address if linked.kind and linked.mapped_address < 2 * UNLOADED else 0,
        )


def _role(entry: _SectionHeader, name: str) -> str:
    if not entry.loaded:
        return _unloaded_role(entry, name)
    if entry.kind == _NOBITS:
        return ""
    if entry.flags & _CODE:
        return "code"
    if entry.kind in _LOADED:
        return _LOADED[entry.kind]
    if name in _NAMED:
        return _NAMED[name]
    return "" if entry.kind != _PROGBITS else "data" if entry.flags & _WRITABLE else "constants"


def _unloaded_role(entry: _SectionHeader, name: str) -> str:
    if entry.kind == _SYMTAB:
        return "symbols"
    return "debug" if name.startswith(".debug_") and not entry.flags & _COMPRESSED else ""

"""PE32+ for x86-64 and ARM64 (Microsoft PE/COFF specification): the sections, and their roles."""

import struct
from collections.abc import Iterator

from patcher.content.native.sections import MAX_FILE_BYTES, Image, Read, Section, ordered

_FILTERS = {0x8664: "x86-1", 0xAA64: "arm64-1"}
_COFF = struct.Struct("<4sHHIIIHH")
_OPTIONAL = struct.Struct("<H22xQ28xI44xI")  # magic, image base, bytes of headers, number of directories
_DIRECTORIES = struct.Struct("<32I")
_ENTRY = struct.Struct("<8sIIIIIIHHI")
_PE32_PLUS = 0x20B
_MAX_SECTIONS = 96  # the limit of Windows
_NOT_RELOCATABLE = 1
_EXECUTABLE = 0x20000000
_ROLES = {3: "pdata", 5: "relocations"}
"""By number of a data directory: the role of the section that begins with it."""


def parse(read: Read, size_bytes: int) -> Image | None:
    """The image; None if the file is no PE program or library for a known machine."""
    stub = read(0, 64)
    if size_bytes > MAX_FILE_BYTES or len(stub) < 64 or not stub.startswith(b"MZ"):
        return None
    at = int.from_bytes(stub[60:], "little")
    fixed = _COFF.size + _OPTIONAL.size
    head = read(at, fixed + _DIRECTORIES.size) if at < size_bytes else b""
    if len(head) < fixed + _DIRECTORIES.size:
        return None
    magic, machine, count, _, _, _, optional_bytes, flags = _COFF.unpack_from(head)
    kind, base, head_bytes, directories = _OPTIONAL.unpack_from(head, _COFF.size)
    if magic != b"PE\0\0" or machine not in _FILTERS or kind != _PE32_PLUS or count > _MAX_SECTIONS:
        return None
    table = read(at + _COFF.size + optional_bytes, count * _ENTRY.size)
    if not count or len(table) < count * _ENTRY.size or base >= 1 << 62:
        return None
    pairs = _DIRECTORIES.unpack_from(head, fixed)[: 2 * min(directories, 16)]
    pairs += (0,) * (32 - len(pairs))
    roles = {pairs[2 * number]: role for number, role in _ROLES.items() if pairs[2 * number]}
    relocatable = not flags & _NOT_RELOCATABLE and "relocations" in roles.values()
    headers = Section("", "", 0, 0, 0, head_bytes)  # code refers to the beginning of the image
    sections = ordered([headers, *_sections(table, roles)], size_bytes)
    return Image(_FILTERS[machine], "pe", base, relocatable, sections, pairs[::2])


def _sections(table: bytes, roles: dict[int, str]) -> Iterator[Section]:
    for name, virtual, address, raw, offset, _, _, _, _, flags in _ENTRY.iter_unpack(table):
        memory = virtual or raw
        executable = bool(flags & _EXECUTABLE)
        yield Section(
            name.rstrip(b"\0").decode("latin-1"),
            "code" if executable else roles.get(address, "data"),
            address,
            offset,
            min(raw, memory),
            memory,
            executable,
        )

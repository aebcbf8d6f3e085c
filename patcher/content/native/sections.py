"""The image of a native file: its sections, where they are, and the role of their bytes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Read = Callable[[int, int], bytes]
"""From offset and length to bytes of a file, fewer at its end. Never raises."""

FILTERS = frozenset({"x86-1", "arm64-1"})
"""Names of the methods that find references. They are part of the formats: their meaning never changes."""

UNLOADED = 1 << 40
"""The address of bytes that are never loaded is this plus their offset. Loaded ones have lower addresses."""

MAX_SECTIONS = 1024
MAX_FILE_BYTES = 1 << 32


@dataclass(frozen=True, slots=True)
class Section:
    """``size_bytes`` of the file from ``offset`` on, and ``memory_bytes`` of addresses, which may be more.

    ``role`` says how its bytes are read. ``link`` is the address of the section that its entries refer to, or 0.
    """

    name: str
    role: str
    address: int
    offset: int
    size_bytes: int
    memory_bytes: int
    executable: bool = False
    loaded: bool = True
    link: int = 0

    @property
    def end(self) -> int:
        """The first offset behind its bytes."""
        return self.offset + self.size_bytes


@dataclass(frozen=True, slots=True)
class Image:
    """What the headers of a native file say. ``filter`` names the method that finds its references.

    Absolute values in the file are ``base`` plus an address; the code holds some if the image is not ``relocatable``.
    Sections are in file order and do not overlap. ``directories`` are the addresses of PE's data directories, or 0.
    """

    filter: str
    format: str
    base: int
    relocatable: bool
    sections: tuple[Section, ...]
    directories: tuple[int, ...] = ()

    def of_role(self, role: str) -> tuple[Section, ...]:
        """The sections of this role."""
        return tuple(section for section in self.sections if section.role == role)


def ordered(sections: Iterable[Section], size_bytes: int) -> tuple[Section, ...]:
    """The sections in file order, without those that leave the file or the addresses, or overlap an earlier one."""
    kept, at = [], 0
    for section in sorted(sections, key=lambda section: (section.offset, section.size_bytes)):
        most = UNLOADED if section.loaded else 2 * UNLOADED
        fits = section.end <= size_bytes and section.address + section.memory_bytes <= most
        apart = section.offset >= at or not section.size_bytes
        if fits and apart and section.size_bytes <= section.memory_bytes:
            kept.append(section)
            at = max(at, section.end)
    return tuple(kept)

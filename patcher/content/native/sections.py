"""The image of a native file: its sections, where they are, and the role of their bytes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Read = Callable[[int, int], bytes]
"""(offset, length) → bytes of a file, fewer at its end. Never raises."""

FILTERS = frozenset({"x86-1", "arm64-1"})
"""Names of the methods that find references. They are part of the formats and never change their meaning."""

UNLOADED = 1 << 40
"""Bytes that are never loaded have this address plus their offset. Loaded ones have addresses below."""

MAX_SECTIONS = 1024
MAX_FILE_BYTES = 1 << 32


@dataclass(frozen=True, slots=True)
class Section:
    """``size_bytes`` from ``offset`` on in the file, and ``memory_bytes`` of addresses, which may be more.

    ``role`` says how its bytes are read; ``link`` is the address of the section that its entries count in, 0 for none.
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
        """First offset behind its bytes."""
        return self.offset + self.size_bytes


@dataclass(frozen=True, slots=True)
class Image:
    """``filter`` names the method that finds its references. Absolute values in it are ``base`` plus an address.

    An image that is not ``relocatable`` holds absolute addresses in its code. Sections are in the order of their bytes
    and do not overlap. ``directories``: the addresses of PE's data directories, 0 for none.
    """

    filter: str
    format: str
    size_bytes: int
    base: int
    relocatable: bool
    sections: tuple[Section, ...]
    directories: tuple[int, ...] = ()

    def of_role(self, role: str) -> tuple[Section, ...]:
        """The sections of this role."""
        return tuple(section for section in self.sections if section.role == role)


def ordered(sections: Iterable[Section], size_bytes: int) -> tuple[Section, ...]:
    """Sorted, without those that leave the file or its addresses, or overlap an earlier one."""
    kept, at = [], 0
    for section in sorted(sections, key=lambda section: (section.offset, section.size_bytes)):
        inside = section.end <= size_bytes and section.size_bytes <= section.memory_bytes
        most = 2 * UNLOADED if not section.loaded else UNLOADED
        if (
            inside
            and section.address + section.memory_bytes <= most
            and (section.offset >= at or not section.size_bytes)
        ):
            kept.append(section)
            at = max(at, section.end)
    return tuple(kept)

"""What a native file says about itself: its sections, where they lie and what their bytes are."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Read = Callable[[int, int], bytes]
"""(offset, length) → that much of a file, less at its end. Never raises."""

FILTERS = frozenset({"x86-1", "arm64-1"})
"""Names of what finds references. A name means the same for ever, and stands in the formats."""

UNLOADED = 1 << 40
"""Addresses of what is never loaded: this and its offset. What is loaded lies below."""

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
    """``filter`` names the function that finds references in it; absolute values in it are ``base`` and an address.

    One that is not ``relocatable`` runs where it was linked for, so its code holds absolute addresses. Its sections are
    in the order of their bytes, none of which is in two. ``directories`` are those of PE, an address each, 0 for none.
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
    """In order, without those that reach out of the file or its addresses, or over one that begins earlier."""
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

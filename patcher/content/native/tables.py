"""References in tables that say themselves what their bytes are. All are certain."""

from collections.abc import Iterator

from patcher.content.native import elf_tables, pe_tables
from patcher.content.native.fields import Fields, where
from patcher.content.native.window import Places, Window


def find(window: Window) -> Iterator[Fields]:
    """The references of all tables in the window, of entries that lie in it whole."""
    yield _pointers(window, window.inside(window.binary.pointers, 8))
    everywhere = () if window.binary.image.relocatable else ("data", "constants")
    for role in ("pointers", *everywhere):
        for section in window.sections(role):
            yield _pointers(window, window.entries(section, 8, -section.address % 8))
    yield from (pe_tables if window.binary.image.format == "pe" else elf_tables).find(window)


def _pointers(window: Window, places: Places) -> Fields:
    """Absolute addresses of 8 bytes, as far as they are some."""
    target = window.i64(places) - window.binary.image.base
    return where(window.binary.loaded.hold(target), places, target, width=8)

"""References in tables that describe themselves. All are certain."""

from collections.abc import Iterator

from patcher.content.native import elf_tables, pe_tables
from patcher.content.native.fields import Fields, fields_at
from patcher.content.native.numbers import Ints
from patcher.content.native.view import View


def find(view: View) -> Iterator[Fields]:
    """The references of all table entries that lie whole in the view."""
    yield _pointers(view, view.inside(view.binary.pointers, 8))
    everywhere = () if view.binary.image.relocatable else ("data", "constants")
    for role in ("pointers", *everywhere):
        for section in view.sections(role):
            yield _pointers(view, view.entries(section, 8, -section.address % 8))
    yield from (pe_tables if view.binary.image.format == "pe" else elf_tables).find(view)


def _pointers(view: View, offsets: Ints) -> Fields:
    """Absolute addresses of 8 bytes, as far as the number is an address."""
    target = view.i64(offsets) - view.binary.image.base
    return fields_at(view.binary.loaded.hold(target), offsets, target, width=8)

"""The references of an old native file, beside what the new one holds in their place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patcher.content.native import stored
from patcher.content.native.covers import Covers
from patcher.content.native.fields import MAX_WIDTH
from patcher.content.native.numbers import Ints, ramps
from patcher.content.native.references import Binary, Fields
from patcher.content.native.sections import UNLOADED, Image

BLOCK_BYTES = 4 * 1024 * 1024
"""So much of a file is looked at at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """References of the old file that lie in covers, one for each cover that it lies in.

    ``grown``: by how much the value is greater in the new file. ``moved``: by how much the address moved at which the
    reference itself stands, of those that are ``relative`` to it.
    """

    fields: Fields
    grown: Ints
    moved: Ints
    relative: NDArray[np.bool_]


def find(old: Binary, new: Binary, blocks: Sequence[Fields], covers: Covers) -> Iterator[Matches]:
    """All of them. ``blocks`` are the fields of the old file, `BLOCK_BYTES` of it at a time."""
    address, new_address = _Addresses(old.image), _Addresses(new.image)
    for number, fields in enumerate(blocks):
        start = number * BLOCK_BYTES
        near = covers.within_old(start, start + BLOCK_BYTES + MAX_WIDTH)
        cover, inside = _inside(fields, near)
        into = inside.position - near.old[cover]
        before = stored.values(old.read(start, BLOCK_BYTES + MAX_WIDTH), inside.position - start, inside)
        theirs = b"".join(new.read(int(at), int(size)) for at, size in zip(near.new, near.length, strict=True))
        after = stored.values(theirs, into + (np.cumsum(near.length) - near.length)[cover], inside)
        own = address.of(inside.position)
        moved = new_address.of(into + near.new[cover]) - own
        yield Matches(inside, stored.wrapped(after - before, inside), moved, inside.base == own)


def _inside(fields: Fields, covers: Covers) -> tuple[Ints, Fields]:
    """The fields that lie whole in covers, and the number of the cover that each of them lies in."""
    first = np.searchsorted(fields.position, covers.old)
    counts = np.searchsorted(fields.position, covers.old + covers.length) - first
    cover = np.repeat(np.arange(len(counts)), counts)
    some = fields.at(ramps(first, counts))
    whole = some.position + some.width <= (covers.old + covers.length)[cover]
    return cover[whole], some.at(whole)


class _Addresses:
    """Where the bytes of an image lie in memory."""

    def __init__(self, image: Image) -> None:
        sections = [section for section in image.sections if section.loaded and section.size_bytes]
        self._starts = np.array([0, *(section.offset for section in sections)], np.int64)
        self._ends = np.array([0, *(section.end for section in sections)], np.int64)
        self._by = np.array([0, *(section.address - section.offset for section in sections)], np.int64)

    def of(self, places: Ints) -> Ints:
        """The addresses of bytes of the file."""
        number = np.searchsorted(self._starts, places, "right") - 1
        return places + np.where(places < self._ends[number], self._by[number], UNLOADED)

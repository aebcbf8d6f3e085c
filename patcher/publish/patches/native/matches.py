"""The references of an old native file, beside what the new one holds in their place."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from patcher.content.native import stored
from patcher.content.native.binary import Binary
from patcher.content.native.fields import LOW12, MAX_WIDTH, PAGES21, PLAIN, Fields
from patcher.content.native.numbers import Ints
from patcher.content.native.sections import UNLOADED, Image
from patcher.publish.patches.native.covers import Covers, ranges

BLOCK_BYTES = 4 * 1024 * 1024
"""Bytes of a file that are examined at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """References of the old file that are in covers, once for each cover.

    ``grown``: by how much the value is greater in the new file. ``further``: by how many bytes the distance from base
    to target grew, for those that ``tell`` (half of an address alone does not). ``moved``: by how much the reference's
    own address moved, for those that are ``relative`` to it.
    """

    fields: Fields
    grown: Ints
    further: Ints
    tell: NDArray[np.bool_]
    moved: Ints
    relative: NDArray[np.bool_]


def find(old: Binary, new: Binary, blocks: Iterable[Fields], covers: Covers) -> Iterator[Matches]:
    """All matches. ``blocks``: the fields of the old file for each `BLOCK_BYTES` of it."""
    for number, fields in enumerate(blocks):
        start = number * BLOCK_BYTES
        near = covers.within_old(start, start + BLOCK_BYTES + MAX_WIDTH)
        cover, inside = _inside(fields, near)
        into = inside.position - near.old[cover]
        before = stored.values(old.read(start, BLOCK_BYTES + MAX_WIDTH), inside.position - start, inside)
        theirs = b"".join(new.read(int(at), int(size)) for at, size in zip(near.new, near.length, strict=True))
        at = into + (np.cumsum(near.length) - near.length)[cover]
        after = stored.values(theirs, at, inside)
        own = _addresses(old.image, inside.position)
        moved = _addresses(new.image, into + near.new[cover]) - own
        grown, relative = _wrapped(after - before, inside), inside.base == own
        further, tell = grown * inside.scale, inside.form < PAGES21
        low = np.flatnonzero((inside.form == LOW12) & (own - inside.base <= into))
        further[low] = _further(theirs, (at - own)[low], inside.at(low), after[low], moved[low])
        relative[low] = tell[low] = True
        yield Matches(inside, grown, further, tell, moved, relative)


def _wrapped(numbers: Ints, fields: Fields) -> Ints:
    """Differences of stored numbers, cut to the bits in which they are stored."""
    around = np.where(fields.width == 4, numbers.astype(np.int32), numbers)
    hidden = np.flatnonzero((fields.form != PLAIN) & (fields.form != LOW12))
    around[hidden] = stored.signed(numbers[hidden], fields.form[hidden])
    return around


def _further(theirs: bytes, by: Ints, low: Fields, after: Ints, moved: Ints) -> Ints:
    """By how many bytes the distance to the target grew, from both halves of its address.

    ``by`` leads from an address of an old instruction to its offset in ``theirs``; ``after`` is the new lower half.
    """
    pages = replace(low, form=np.full_like(low.form, PAGES21))
    page = stored.values(theirs, low.base + by, pages) + (low.base + moved >> stored.PAGE_BITS) << stored.PAGE_BITS
    further: Ints = page + after * low.scale - moved - low.target
    return further


def _inside(fields: Fields, covers: Covers) -> tuple[Ints, Fields]:
    """The fields that are whole in covers, and the number of the cover of each."""
    first = np.searchsorted(fields.position, covers.old)
    counts = np.searchsorted(fields.position, covers.old + covers.length) - first
    cover = np.repeat(np.arange(len(counts)), counts)
    some = fields.at(ranges(first, counts))
    whole = some.position + some.width <= (covers.old + covers.length)[cover]
    return cover[whole], some.at(whole)


def _addresses(image: Image, offsets: Ints) -> Ints:
    """The addresses of the bytes at these offsets."""
    sections = [section for section in image.sections if section.loaded and section.size_bytes]
    starts, ends = (np.array([0, *(getattr(section, name) for section in sections)]) for name in ("offset", "end"))
    by = np.array([0, *(section.address - section.offset for section in sections)], np.int64)
    number = np.searchsorted(starts, offsets, "right") - 1
    return offsets + np.where(offsets < ends[number], by[number], UNLOADED)

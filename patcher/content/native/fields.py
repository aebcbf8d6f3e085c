"""References as parallel arrays, and which of two that overlap counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields as columns

import numpy as np
from numpy.typing import NDArray

from patcher.content.native.numbers import Ints

NO_BASE = -1
CODE, DATA, TABLE, GUESS = range(4)
"""Kinds: a branch's distance, an operand's distance, a table entry; and a guess, which may be no reference."""
PLAIN, WORDS26, WORDS19, WORDS14, BYTES21, PAGES21, LOW12 = range(7)
"""Forms: a little-endian integer of ``width`` bytes; or so many bits of an ARM64 instruction, which hold a distance in
words, bytes or pages, or an offset within a page."""

MAX_WIDTH = 8


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """References in the order of their positions, without overlaps.

    Each has ``width`` bytes from ``position`` on in the file. They hold the distance of the address ``target`` from the
    address ``base`` (from 0 for `NO_BASE`) in steps of ``scale`` bytes, stored as ``form`` says. When addresses move by
    S, the value grows by (S(target) − S(base)) / scale and wraps at its width; S(NO_BASE) is 0. A `PAGES21` holds the
    distance between the pages of target and base. A `LOW12` holds the offset of the target within its page; its base is
    the instruction that holds the page.
    """

    position: Ints
    width: NDArray[np.int8]
    target: Ints
    base: Ints
    scale: NDArray[np.int8]
    kind: NDArray[np.int8]
    form: NDArray[np.int8]

    def __len__(self) -> int:
        return self.position.size

    def at(self, chosen: "NDArray[np.bool_] | NDArray[np.intp] | slice") -> "Fields":
        """The fields chosen by a mask, numbers or a slice."""
        return Fields(*(getattr(self, column.name)[chosen] for column in columns(self)))


def fields_at(
    held: NDArray[np.bool_],
    position: Ints,
    target: Ints,
    base: Ints | int = NO_BASE,
    *,
    width: int = 4,
    scale: int = 1,
    kind: int = TABLE,
    form: int = PLAIN,
) -> Fields:
    """Fields of one kind, as far as ``held`` is true."""
    position = position[held]
    bases = np.full(position.size, base, np.int64) if isinstance(base, int) else base[held]
    widths, scales, kinds, forms = (np.full(position.size, n, np.int8) for n in (width, scale, kind, form))
    return Fields(position, widths, target[held], bases, scales, kinds, forms)


def joined(parts: Sequence[Fields]) -> Fields:
    """The fields of all parts, in their order."""
    if not parts:
        none = np.empty(0, np.int64)
        parts = [fields_at(none > 0, none, none)]
    return Fields(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in columns(Fields)))


def without_overlaps(found: Fields) -> Fields:
    """Sorted, without overlaps. Of several fields at one position a certain one stays, else the first.

    A field is dropped if an earlier field covers its first byte, even one that is dropped itself; guesses do not count
    against certain fields. A guess is also dropped if a certain field begins within it. So the result depends only on
    neighbours, and is the same for every part of a file that holds them.
    """
    guessed = found.kind == GUESS
    found = found.at(np.argsort(found.position * 2 + guessed, kind="stable"))
    guessed = found.kind == GUESS
    keep = np.zeros(len(found), np.bool_)
    for members in (np.flatnonzero(~guessed), np.flatnonzero(guessed)):
        keep[members] = _first(found.position[members], found.width[members])
    if guessed.any():
        keep[guessed] &= _clear(found.at(guessed), found.at(~guessed))
    return found.at(keep)


def _first(position: Ints, width: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Whether each is the first at its position, and behind the end of all earlier ones."""
    keep = np.ones(position.size, np.bool_)
    reach = np.maximum.accumulate(position + width)
    keep[1:] = (position[1:] != position[:-1]) & (position[1:] >= reach[:-1])
    return keep


def _clear(guesses: Fields, certain: Fields) -> NDArray[np.bool_]:
    """Whether no certain field overlaps each guess."""
    reach = np.append(np.int64(-1), np.maximum.accumulate(certain.position + certain.width))
    begin = np.append(certain.position, np.iinfo(np.int64).max)
    behind = np.searchsorted(certain.position, guesses.position, "right")
    return (guesses.position >= reach[behind]) & (guesses.position + guesses.width <= begin[behind])

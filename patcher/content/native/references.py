"""Finds the references of a native file: every field that holds an address, and its target.

The result of `find` is part of the formats, under the name of `Image.filter`: later versions apply the patches of
earlier ones. Any change of a result needs a new filter beside the old one.
"""

import numpy as np

from patcher.content.native import arm64, code, fields, guesses, tables
from patcher.content.native.binary import Binary
from patcher.content.native.fields import MAX_WIDTH, NO_BASE, Fields, joined
from patcher.content.native.guesses import NEAR_BYTES
from patcher.content.native.view import View

_CODE = {"x86-1": code, "arm64-1": arm64}
_TILE_BYTES = 256 * 1024
_BEFORE_BYTES = 2048
_BEHIND_BYTES = 1024
"""What is found at an offset depends on fewer bytes before and behind it."""


def find(binary: Binary, start: int, end: int) -> Fields:
    """Every field whose first byte is in ``start … end``. The result does not depend on how a file is split."""
    start, end = max(start, 0), min(end, binary.size_bytes)
    return joined([_find(binary, at, min(at + _TILE_BYTES, end)) for at in range(start, end, _TILE_BYTES)])


def _find(binary: Binary, start: int, end: int) -> Fields:
    instructions = _CODE[binary.image.filter]
    view = View(binary, start - _BEFORE_BYTES, end + _BEHIND_BYTES)
    reach = MAX_WIDTH + NEAR_BYTES
    sure = [_within(part, start - reach, end + reach) for part in (*instructions.find(view), *tables.find(view))]
    rvas = [part.position[(part.width == 4) & (part.base == NO_BASE)] for part in sure]
    every = joined([*sure, *guesses.find(view, np.sort(np.concatenate(rvas)))])
    return _within(fields.without_overlaps(_within(every, start - MAX_WIDTH, end + MAX_WIDTH)), start, end)


def _within(found: Fields, start: int, end: int) -> Fields:
    return found.at((found.position >= start) & (found.position < end))

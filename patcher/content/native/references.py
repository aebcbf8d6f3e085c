"""Finds the references of a native file: every field that holds an address, and what it points at.

Frozen: what `find` gives for a file is part of the formats, by the name of `Image.filter`. A patch made yesterday is
applied with the fields of tomorrow's version, so a change of any result is a new name beside the old one.
"""

from collections.abc import Iterator

import numpy as np

from patcher.content.native import code, fields, guesses, tables
from patcher.content.native.binary import Binary
from patcher.content.native.fields import CODE, DATA, GUESS, NO_BASE, TABLE, Fields
from patcher.content.native.window import Window

__all__ = ["CODE", "DATA", "GUESS", "NO_BASE", "TABLE", "Binary", "Fields", "find"]

_TILE_BYTES = 1024 * 1024
_BEFORE_BYTES = 1024
_BEHIND_BYTES = 64
"""So much around a place decides what is found at it."""


def find(binary: Binary, start: int, end: int) -> Fields:
    """Every field whose first byte lies from ``start`` to ``end``, the same ones however a file is split into parts."""
    start, end = max(start, 0), min(end, binary.size_bytes)
    parts = [_find(binary, at, min(at + _TILE_BYTES, end)) for at in range(start, end, _TILE_BYTES)]
    return fields.joined(parts)


def _find(binary: Binary, start: int, end: int) -> Fields:
    window = Window(binary, start - _BEFORE_BYTES, end + _BEHIND_BYTES)
    near = [
        part.at((part.position > start - fields.MAX_WIDTH) & (part.position < end + fields.MAX_WIDTH))
        for part in _every(window)
    ]
    found = fields.apart(fields.joined(near))
    first, last = np.searchsorted(found.position, np.array([start, end], np.int64))
    return found.at(slice(int(first), int(last)))


def _every(window: Window) -> Iterator[Fields]:
    yield from code.find(window)
    yield from tables.find(window)
    yield from guesses.find(window)

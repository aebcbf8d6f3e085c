"""An old native file, read as if its addresses were those of the new one.

A wrong reference makes a patch larger, but never wrong, because the result is compared with the signed hash.
"""

from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from patcher.content.native import references, stored
from patcher.content.native.addresses import ALLOWED_BYTES, REFUSED_BYTES, AddressMap
from patcher.content.native.binary import Binary
from patcher.content.native.fields import GUESS, MAX_WIDTH, Fields
from patcher.content.native.numbers import Ints
from patcher.content.native.sections import FILTERS, Read
from patcher.errors import ContentError

TILE_BYTES = 256 * 1024
_KEPT = 2


class Rebased:
    """Reads a file with its references moved, tile by tile; the result is as if it were moved as a whole.

    ``data`` is an encoded `AddressMap`. The length does not change. A file of another kind than the filter's is read
    unchanged. Raises ContentError content.window for a damaged map or an unknown filter.
    """

    def __init__(self, read: Read, size_bytes: int, filter: str, data: bytes) -> None:  # noqa: A002 (the format's word)
        if filter not in FILTERS:
            raise ContentError("content.window", f"a patch names the filter {filter}, which is not known")
        mover, binary = Mover(AddressMap.decode(data), size_bytes), Binary.open(read, size_bytes)
        self._read, self._size_bytes = read, size_bytes
        self._tile = None
        if binary and binary.image.filter == filter:
            self._tile = lru_cache(_KEPT)(partial(_tile, binary, mover))

    def read(self, offset: int, length: int) -> bytes:
        """The bytes from ``offset``; fewer at the end of the file."""
        end = min(offset + length, self._size_bytes)
        if self._tile is None or offset >= end:
            return self._read(offset, max(end - offset, 0))
        starts = range(offset // TILE_BYTES * TILE_BYTES, end, TILE_BYTES)
        return b"".join([self._tile(start)[max(offset - start, 0) : end - start] for start in starts])


def _tile(binary: Binary, mover: "Mover", start: int) -> bytes:
    found = references.find(binary, start - MAX_WIDTH + 1, start + TILE_BYTES)
    return mover.read(binary, start, TILE_BYTES, found)


class Mover:
    """Moves the references of one file."""

    def __init__(self, addresses: AddressMap, size_bytes: int) -> None:
        self._addresses = addresses
        self._refused = _listed(addresses.refused, size_bytes // REFUSED_BYTES + 1)
        self._allowed = _listed(addresses.allowed, size_bytes // ALLOWED_BYTES + 1)

    def read(self, binary: Binary, start: int, length: int, fields: Fields) -> bytes:
        """``length`` bytes of the file from ``start``, with ``fields`` moved: all that begin there or reach into it.

        A field that reaches beyond the end of the file does not move.
        """
        low = max(start - MAX_WIDTH + 1, 0)
        data = bytearray(binary.read(low, start + length + MAX_WIDTH - 1 - low))
        by = self._moves(fields)
        fields, by = fields.at(by != 0), by[by != 0]
        whole = fields.position + fields.width <= low + len(data)
        fields, by = fields.at(whole), by[whole]
        offsets = fields.position - low
        stored.write(data, offsets, fields, stored.values(data, offsets, fields) + by)
        return bytes(data[start - low :][:length])

    def _moves(self, fields: Fields) -> Ints:
        """The number to add to each field; 0 in blocks where the map forbids it."""
        allowed = self._allowed[fields.position // ALLOWED_BYTES]
        refused = self._refused[fields.position // REFUSED_BYTES]
        return np.where(np.where(fields.kind == GUESS, allowed, ~refused), stored.moves(fields, self._addresses), 0)


def _listed(numbers: Ints, count: int) -> NDArray[np.bool_]:
    """Which of the file's blocks are in a list."""
    listed = np.zeros(count, np.bool_)
    listed[numbers[numbers < count]] = True
    return listed

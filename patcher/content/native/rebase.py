"""An old native file read as if its addresses were those of the new one.

A wrong reference makes the patch larger, never wrong: the result is compared with the signed hash. So a file for which
the map was not made can be read too; it only differs more.
"""

from collections import OrderedDict

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
    """The re-based bytes of one file, tile by tile, as if it were moved as a whole. The length does not change.

    ``data`` is an encoded `AddressMap`. Raises ContentError content.window for a damaged map, or a filter that is not
    known. A file of another kind than the filter's is read unchanged.
    """

    def __init__(self, read: Read, size_bytes: int, filter: str, data: bytes) -> None:  # noqa: A002 (the format's word)
        if filter not in FILTERS:
            raise ContentError("content.window", f"a patch names the filter {filter}, which is not known")
        self._mover = Mover(AddressMap.decode(data), size_bytes)
        self._read = read
        self._size_bytes = size_bytes
        binary = Binary.open(read, size_bytes)
        self._binary = binary if binary and binary.image.filter == filter else None
        self._tiles: OrderedDict[int, bytes] = OrderedDict()

    def read(self, offset: int, length: int) -> bytes:
        """The bytes from ``offset``; fewer at the end of the file."""
        end = min(offset + length, self._size_bytes)
        if self._binary is None or offset >= end:
            return self._read(offset, max(end - offset, 0))
        pieces = []
        for number in range(offset // TILE_BYTES, (end - 1) // TILE_BYTES + 1):
            start = number * TILE_BYTES
            pieces.append(self._tile(number, self._binary)[max(offset - start, 0) : end - start])
        return b"".join(pieces)

    def _tile(self, number: int, binary: Binary) -> bytes:
        if number in self._tiles:
            self._tiles.move_to_end(number)
        else:
            start = number * TILE_BYTES
            found = references.find(binary, start - MAX_WIDTH + 1, start + TILE_BYTES)
            self._tiles[number] = self._mover.read(binary, start, TILE_BYTES, found)
            if len(self._tiles) > _KEPT:
                self._tiles.popitem(last=False)
        return self._tiles[number]


class Mover:
    """Moves the references of one file."""

    def __init__(self, addresses: AddressMap, size_bytes: int) -> None:
        self._addresses = addresses
        self._refused = _listed(addresses.refused, size_bytes // REFUSED_BYTES + 1)
        self._allowed = _listed(addresses.allowed, size_bytes // ALLOWED_BYTES + 1)

    def read(self, binary: Binary, start: int, length: int, fields: Fields) -> bytes:
        """``length`` bytes of the file from ``start`` with ``fields`` moved: all that begin there or reach into it.

        A field that reaches beyond the end of the file is not moved.
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
        return np.where(np.where(fields.kind == GUESS, allowed, ~refused), moves(self._addresses, fields), 0)


def moves(addresses: AddressMap, fields: Fields) -> Ints:
    """The number that the map adds to each field."""
    return stored.moved_by(fields, addresses.shift(fields.target), addresses.shift(fields.base))


def _listed(numbers: Ints, count: int) -> NDArray[np.bool_]:
    """Which of the file's blocks are in a list."""
    listed = np.zeros(count, np.bool_)
    listed[numbers[numbers < count]] = True
    return listed

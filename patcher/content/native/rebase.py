"""An old native file read as if its addresses were those of the new one.

A wrong reference costs bytes of the patch, never correctness: what is made of the bytes is compared with what was
signed. So a file that is not what the map was made for is read all the same, and differs more.
"""

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from patcher.content.native import references
from patcher.content.native.addresses import ALLOWED_BYTES, REFUSED_BYTES, AddressMap, Ints
from patcher.content.native.image import Read
from patcher.content.native.references import GUESS, Binary, Fields
from patcher.errors import ContentError

FILTERS = ("x86-1",)

TILE_BYTES = 1024 * 1024
_KEPT = 16
_WIDEST = 8


class Rebased:
    """The re-based bytes of one file, tile by tile; the same as if it were moved as a whole. Its length stays.

    ``data`` is an encoded `AddressMap`. Raises ContentError content.window for a damaged map, or a filter that is not
    known. Bytes of what is no file of the filter's kind are left as they are.
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
            self._tiles[number] = self._made(number * TILE_BYTES, binary)
            if len(self._tiles) > _KEPT:
                self._tiles.popitem(last=False)
        return self._tiles[number]

    def _made(self, start: int, binary: Binary) -> bytes:
        """A tile, with what reaches into it or out of it."""
        low, end = max(start - _WIDEST + 1, 0), min(start + TILE_BYTES, self._size_bytes)
        data = self._read(low, end + _WIDEST - low)
        return self._mover.moved(data, low, references.find(binary, low, end))[start - low : end - low]


class Mover:
    """Moves the references of one file."""

    def __init__(self, addresses: AddressMap, size_bytes: int) -> None:
        self._addresses = addresses
        self._refused = _blocks(addresses.refused, size_bytes // REFUSED_BYTES + 1)
        self._allowed = _blocks(addresses.allowed, size_bytes // ALLOWED_BYTES + 1)

    def moved(self, data: bytes, start: int, fields: Fields) -> bytes:
        """``data``, the bytes of the file from ``start``, with its ``fields`` moved.

        Those that reach out of ``data`` are left as they are.
        """
        by = self.moves(fields)
        wanted = (by != 0) & (fields.position + fields.width <= start + len(data))
        out = bytearray(data)
        for width in (4, 8):
            some = np.flatnonzero(wanted & (fields.width == width))
            words(out, width)[fields.position[some] - start] += by[some].astype(f"<u{width}")
        return bytes(out)

    def moves(self, fields: Fields) -> Ints:
        """What is to be added to each field, 0 where the lists of blocks forbid it."""
        by = self._addresses.shift(fields.target) - self._addresses.shift(fields.base)
        scaled = np.flatnonzero(fields.scale != 1)
        by[scaled] //= fields.scale[scaled]
        allowed = self._allowed[fields.position // ALLOWED_BYTES]
        refused = self._refused[fields.position // REFUSED_BYTES]
        by[np.where(fields.kind == GUESS, ~allowed, refused)] = 0
        return by


def _blocks(numbers: Ints, count: int) -> NDArray[np.bool_]:
    """Which of the file's blocks are listed."""
    listed = np.zeros(count, np.bool_)
    listed[numbers[numbers < count]] = True
    return listed


def words(data: bytes | bytearray, width: int) -> NDArray[np.unsignedinteger]:
    """The little-endian numbers that begin at each byte."""
    return np.ndarray((max(len(data) - width + 1, 0),), f"<u{width}", data, strides=(1,))

"""The address map of an old native file: by how much each of its addresses moved on the way to the new one.

Addresses are ELF virtual addresses or PE RVAs. Bytes that are not loaded have the address 2^40 + their offset. The
shift is piecewise constant and need not be monotone, since functions change their order.
"""

import lzma
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from patcher.content.native.numbers import Ints
from patcher.errors import ContentError

SPAN = 1 << 48
"""Addresses are below it, and shifts at most as large in both directions."""

MAX_BREAKS = 1 << 20
MAX_BLOCKS = 1 << 20
REFUSED_BYTES = 4096
ALLOWED_BYTES = 1024

HEAD = struct.Struct("<III")
"""Lengths of an encoded map's lists: starts (and as many shifts), refused, allowed."""
START_PLANES, SHIFT_PLANES, BLOCK_PLANES = 6, 7, 4
"""Bytes of each number in the lists."""


@dataclass(frozen=True, slots=True, eq=False)
class AddressMap:
    """The shift of an address is that of the last ``starts`` at or before it, and 0 before the first.

    ``starts``, strictly rising, and ``shifts`` are int64 and of one length. ``refused``: strictly rising numbers of the
    file's blocks of 4 KiB; no certain reference whose first byte lies there moves. ``allowed``: those of blocks of
    1 KiB; only there guesses move.
    """

    starts: Ints
    shifts: Ints
    refused: Ints
    allowed: Ints

    def shift(self, addresses: Ints) -> Ints:
        """By how much each address moved; 0 for negative numbers, which are no addresses."""
        if not len(self.starts):
            return np.zeros(len(addresses), np.int64)
        place = np.searchsorted(self.starts, addresses, side="right")
        return np.concatenate(([0], self.shifts))[place]

    @classmethod
    def decode(cls, data: bytes) -> "AddressMap":
        """A map from its document: `HEAD`, then one raw LZMA2 stream of the four lists.

        A list holds differences (the first number counts from 0; shifts are zigzag) in byte planes: the lowest byte of
        every number, then the next of every number. Raises ContentError content.window for anything else, and takes
        96 MiB of memory at most.
        """
        if len(data) < HEAD.size:
            raise _damaged("it is too short")
        breaks, refused, allowed = HEAD.unpack_from(data)
        if breaks > MAX_BREAKS or refused > MAX_BLOCKS or allowed > MAX_BLOCKS:
            raise _damaged("it is too long")
        lists = _Lists(data[HEAD.size :], breaks * (START_PLANES + SHIFT_PLANES) + (refused + allowed) * BLOCK_PLANES)
        starts, zigzag = lists.take(breaks, START_PLANES), lists.take(breaks, SHIFT_PLANES)
        made = cls(
            np.cumsum(starts),
            np.cumsum((zigzag >> 1) ^ -(zigzag & 1)),
            np.cumsum(lists.take(refused, BLOCK_PLANES)),
            np.cumsum(lists.take(allowed, BLOCK_PLANES)),
        )
        if not (_rising(made.starts) and _rising(made.refused) and _rising(made.allowed)):
            raise _damaged("its addresses do not rise")
        if np.any((made.shifts > SPAN) | (made.shifts < -SPAN)):
            raise _damaged("it moves too far")
        return made


class _Lists:
    """The lists of a map, inflated only to the length that they must have."""

    def __init__(self, data: bytes, plain_bytes: int) -> None:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters(plain_bytes))
        try:
            plain = decoder.decompress(data, plain_bytes + 1)
        except (lzma.LZMAError, MemoryError) as error:
            raise _damaged("it cannot be inflated") from error
        if len(plain) != plain_bytes or not decoder.eof or decoder.unused_data:
            raise _damaged("it has not the length it says")
        self._plain, self._at = np.frombuffer(plain, np.uint8), 0

    def take(self, count: int, planes: int) -> Ints:
        """The next ``count`` numbers. They are below 2^56, so that no sum of them can pass a bound by overflowing."""
        part = self._plain[self._at : self._at + count * planes].reshape(planes, count)
        self._at += count * planes
        numbers = np.zeros(count, np.int64)
        for plane in reversed(range(planes)):
            numbers <<= 8
            numbers |= part[plane]
        return numbers


def filters(plain_bytes: int) -> list[dict[str, Any]]:
    """Of the LZMA2 stream for lists of this length."""
    return [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": max(plain_bytes, 4096), "lc": 0, "pb": 0}]


def _rising(numbers: Ints) -> bool:
    return not len(numbers) or bool(numbers[0] >= 0 and numbers[-1] < SPAN and np.all(numbers[:-1] < numbers[1:]))


def _damaged(reason: str) -> ContentError:
    return ContentError("content.window", f"an address map of a patch is damaged: {reason}")

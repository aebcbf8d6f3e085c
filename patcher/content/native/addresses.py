"""The address map of an old native file: by how much each of its addresses moved on the way to the new one.

Addresses are ELF virtual addresses or PE RVAs; bytes that are not loaded have the address 2^40 + their offset. The
shift is constant between *breaks*. It need not rise, since functions change their order.
"""

import lzma
import operator
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from patcher.content.native.numbers import Ints
from patcher.errors import ContentError

SPAN = 1 << 48
"""Addresses are below this, and shifts at most this large in both directions."""

MAX_BREAKS = 1 << 20
MAX_BLOCKS = 1 << 20
REFUSED_BYTES = 4096
ALLOWED_BYTES = 1024

HEAD = struct.Struct("<III")
"""The number of breaks, of refused blocks and of allowed blocks, at the beginning of an encoded map."""
PLANES = (6, 7, 4, 4)
"""Bytes of each number in the lists of an encoded map: starts, shifts, refused, allowed."""


@dataclass(frozen=True, slots=True, eq=False)
class AddressMap:
    """The shift of an address is that of the last of ``starts`` at or before it, and 0 before the first.

    ``starts`` rise strictly; ``shifts`` has the same length. ``refused`` holds strictly rising numbers of blocks of
    4 KiB of the file: a certain reference whose first byte lies there does not move. ``allowed`` holds those of blocks
    of 1 KiB: a guess moves only there.
    """

    starts: Ints
    shifts: Ints
    refused: Ints
    allowed: Ints

    def shift(self, addresses: Ints) -> Ints:
        """By how much each address moved; 0 for negative numbers, which are no addresses."""
        return np.append(0, self.shifts)[np.searchsorted(self.starts, addresses, side="right")]

    @classmethod
    def decode(cls, data: bytes) -> "AddressMap":
        """A map from its document: `HEAD`, then one raw LZMA2 stream of the four lists.

        A list holds differences (the first number counts from 0; shifts are zigzag) in byte planes: the lowest byte of
        every number, then the next of every number. Raises ContentError content.window for anything else, and takes
        96 MiB of memory at most.
        """
        if len(data) < HEAD.size:
            raise _damaged("it is too short")
        breaks, *blocks = HEAD.unpack_from(data)
        if breaks > MAX_BREAKS or max(blocks) > MAX_BLOCKS:
            raise _damaged("it is too long")
        starts, shifts, refused, allowed = _lists(data[HEAD.size :], (breaks, breaks, *blocks))
        made = cls(np.cumsum(starts), np.cumsum(_unzigzag(shifts)), np.cumsum(refused), np.cumsum(allowed))
        if not (_rising(made.starts) and _rising(made.refused) and _rising(made.allowed)):
            raise _damaged("its addresses do not rise")
        if np.any((made.shifts > SPAN) | (made.shifts < -SPAN)):
            raise _damaged("it moves too far")
        return made


def _lists(data: bytes, counts: Sequence[int]) -> Iterator[Ints]:
    """The lists of a map, with so many numbers each, inflated only to the length that they must have.

    The numbers are below 2^56, so that no sum of them can pass a bound by overflowing.
    """
    plain_bytes = sum(map(operator.mul, counts, PLANES))
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters(plain_bytes))
    try:
        plain = decoder.decompress(data, plain_bytes + 1)
    except (lzma.LZMAError, MemoryError) as error:
        raise _damaged("it cannot be inflated") from error
    if len(plain) != plain_bytes or not decoder.eof or decoder.unused_data:
        raise _damaged("it has not the length it says")
    at = 0
    for count, planes in zip(counts, PLANES, strict=True):
        numbers = np.zeros(count, np.int64)
        for plane in reversed(range(planes)):
            numbers <<= 8
            numbers |= np.frombuffer(plain, np.uint8, count, at + plane * count)
        at += count * planes
        yield numbers


def filters(plain_bytes: int) -> list[dict[str, Any]]:
    """The LZMA2 filter for lists of this length together."""
    return [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": max(plain_bytes, 4096), "lc": 0, "pb": 0}]


def _unzigzag(numbers: Ints) -> Ints:
    return (numbers >> 1) ^ -(numbers & 1)


def _rising(numbers: Ints) -> bool:
    return not len(numbers) or bool(numbers[0] >= 0 and numbers[-1] < SPAN and np.all(numbers[:-1] < numbers[1:]))


def _damaged(reason: str) -> ContentError:
    return ContentError("content.window", f"an address map of a patch is damaged: {reason}")

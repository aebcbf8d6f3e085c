"""How references lie in their bytes: as little-endian integers of 4 or 8 bytes (`fields.PLAIN`)."""

import numpy as np
from numpy.typing import NDArray

from patcher.content.native.fields import Fields
from patcher.content.native.numbers import Ints

Data = bytes | bytearray | NDArray[np.uint8]

_WIDTHS = (4, 8)


def values(data: Data, places: Ints, fields: Fields) -> Ints:
    """What ``data`` holds at ``places``, one for each of ``fields`` and stored like it."""
    numbers = np.empty(len(places), np.int64)
    for width in _WIDTHS:
        some = np.flatnonzero(fields.width == width)
        numbers[some] = _words(data, width)[places[some]]
    return numbers


def write(data: bytearray | NDArray[np.uint8], places: Ints, fields: Fields, numbers: Ints) -> None:
    """Store ``numbers`` there; each wraps at its width."""
    for width in _WIDTHS:
        some = np.flatnonzero(fields.width == width)
        _words(data, width)[places[some]] = numbers[some].astype(f"<i{width}")


def wrapped(numbers: Ints, fields: Fields) -> Ints:
    """The numbers as they are when they have been stored and read again."""
    return np.where(fields.width == 4, numbers.astype(np.int32), numbers)


def _words(data: Data, width: int) -> NDArray[np.signedinteger]:
    """The numbers that begin at each byte."""
    return np.ndarray((max(len(data) - width + 1, 0),), f"<i{width}", data, strides=(1,))

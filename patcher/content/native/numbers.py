"""Arrays of numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
"""Offsets in a file, addresses, or the numbers there."""
Bytes = NDArray[np.uint8]
Data = bytes | bytearray | Bytes


def changes(row: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Where a number differs from the one before it; true for the first."""
    found = np.ones(len(row), np.bool_)
    found[1:] = row[1:] != row[:-1]
    return found


def words(data: Data, kind: str) -> NDArray[Any]:
    """The numbers of this ``kind`` ("<i4") that begin at each byte of ``data``, without copying it."""
    return np.ndarray((max(len(data) - int(kind[2]) + 1, 0),), kind, data, strides=(1,))

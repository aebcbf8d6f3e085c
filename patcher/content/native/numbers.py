"""Rows of numbers, and where they change."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
"""Offsets in a file, addresses, or the numbers there."""
Bytes = NDArray[np.uint8]


def changes(row: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Where a number differs from the one before it; true for the first."""
    found = np.ones(len(row), np.bool_)
    found[1:] = row[1:] != row[:-1]
    return found

"""Two small helps with rows of numbers."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def changes(row: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Where a number is another than the one before it; the first one is."""
    found = np.ones(len(row), np.bool_)
    found[1:] = row[1:] != row[:-1]
    return found


def ramps(starts: Ints, lengths: Ints) -> Ints:
    """``start``, ``start + 1`` … for each start, as many as its length says, one behind the other."""
    row = np.arange(lengths.sum(), dtype=np.int64)
    row += np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    return row

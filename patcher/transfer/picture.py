"""A map of the pieces on their way, for people: where each came from, in a few hundred letters. Pure."""

from collections.abc import Collection, Sequence
from itertools import pairwise

CELLS = 256
_LOOKS = 16
"""Of a cell that stands for more pieces only so many are looked at: a map is drawn ten times a second."""


def picture(wanted: Sequence[int], done: Collection[int], from_origin: Collection[int], arriving: Collection[int],
            from_peers: str) -> str:  # fmt: skip
    """A letter for each of at most `CELLS` runs of the ``wanted`` pieces, in order.

    ``.`` missing, ``a`` arriving, ``o`` from the origin, ``from_peers`` (``l`` or ``p``) for what players brought.
    """
    count = min(CELLS, len(wanted))
    bounds = [len(wanted) * cell // count for cell in range(count + 1)] if count else []
    cells = []
    for start, end in pairwise(bounds):
        seen = wanted[start : end : max(1, (end - start) // _LOOKS)]
        here = [piece for piece in seen if piece in done]
        if 2 * len(here) > len(seen) or len(here) == len(seen):
            cells.append("o" if 2 * sum(piece in from_origin for piece in here) > len(here) else from_peers)
        else:
            cells.append("a" if any(piece in arriving or piece in done for piece in seen) else ".")
    return "".join(cells)

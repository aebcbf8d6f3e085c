"""What a fetch reports while it runs: pieces that arrived, and samples of how far it is. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from patcher.protocol.events import Sources

CELLS = 256
_LOOKED_AT = 16
"""A cell of more pieces is judged by this many of them: a map is drawn ten times a second."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Pieces that are verified and can be read from their files; not fsynced, which is left to the commit.

    A fetch reports each piece once.
    """

    pieces: Sequence[int]


@dataclass(frozen=True, slots=True)
class Sample:
    """How far a fetch is, counted from its start. The sum of two samples is that of two fetches in a row."""

    sources: Sources = Sources()
    """As received on the wire, waste included."""
    done_bytes: int = 0
    """Of verified pieces."""
    uploaded_bytes: int = 0
    """Payload that the session gave to others meanwhile, of any torrent."""
    peers: int = 0
    pieces: str = ""
    """See `piece_map`."""

    def __add__(self, later: "Sample") -> "Sample":
        return Sample(
            self.sources + later.sources,
            self.done_bytes + later.done_bytes,
            self.uploaded_bytes + later.uploaded_bytes,
            later.peers,
            later.pieces,
        )


def piece_map(wanted: Sequence[int], done: Collection[int], from_origin: Collection[int], arriving: Collection[int],
              from_peers: str) -> str:  # fmt: skip
    """A map of the pieces for people: one letter for each of at most `CELLS` runs of the ``wanted`` pieces, in order.

    ``.`` is missing, ``a`` arriving, ``o`` from the origin, ``from_peers`` (``l`` or ``p``) from other players.
    """
    count = min(CELLS, len(wanted))
    bounds = [len(wanted) * cell // count for cell in range(count + 1)] if count else []
    cells = []
    for start, end in pairwise(bounds):
        seen = wanted[start : end : max(1, (end - start) // _LOOKED_AT)]
        here = [piece for piece in seen if piece in done]
        if 2 * len(here) > len(seen) or len(here) == len(seen):
            cells.append("o" if 2 * sum(piece in from_origin for piece in here) > len(here) else from_peers)
        else:
            cells.append("a" if any(piece in arriving or piece in done for piece in seen) else ".")
    return "".join(cells)

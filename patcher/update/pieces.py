"""What of a tree's pieces is here, what they lack, and what that costs from the origin alone. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from patcher.content.blocks import Rebuild, spans
from patcher.content.delta import Index
from patcher.content.manifest import Entry, Manifest
from patcher.content.merkle import BLOCK_BYTES


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of one file, numbered from its first."""

    held: Collection[int]
    """Those that are here whole, or will be once local bytes are copied."""
    partial: Mapping[int, tuple[int, ...]]
    """Those that are here in part: the blocks, numbered from the piece's first, that they lack."""
    fetch_bytes: int
    """What all of them lack."""


def of_held(entry: Entry, piece_bytes: int, held: Collection[int]) -> Pieces:
    """Of a file of which only whole pieces are known."""
    lengths = (_length(entry, piece_bytes, piece) for piece in held)
    return Pieces(held, {}, entry.size_bytes - sum(lengths))


def of_rebuild(entry: Entry, piece_bytes: int, rebuild: Rebuild) -> Pieces:
    """Of a file of which every block is known."""
    blocks = piece_bytes // BLOCK_BYTES
    lacking: dict[int, list[int]] = {}
    for block in rebuild.missing_blocks():
        lacking.setdefault(block // blocks, []).append(block % blocks)
    held = [piece for piece in range(-(-entry.size_bytes // piece_bytes)) if piece not in lacking]
    some = {p: tuple(n) for p, n in lacking.items() if len(n) * BLOCK_BYTES < _length(entry, piece_bytes, p)}
    return Pieces(held, some, rebuild.fetch_bytes)


def server_bytes(
    m: Manifest, full: Index | None, wanted: frozenset[int], partial: Mapping[int, tuple[int, ...]]
) -> int:
    """What ``wanted`` pieces of a tree cost: windows of the full pack where these are shorter, else what they lack."""
    lacking = {
        first + piece: _length(entry, m.piece_bytes, piece)
        for entry, first in zip(m.entries, m.first_pieces, strict=False)
        for piece in range(-(-entry.size_bytes // m.piece_bytes))
        if first + piece in wanted
    }
    lacking |= {piece: sum(n for _, n in spans(blocks, lacking[piece])) for piece, blocks in partial.items()}
    total = sum(lacking.values())
    for window in full.windows if full else ():
        firsts = [m.first_pieces[span.file] + span.offset // m.piece_bytes for span in window.new]
        ends = [first - (-span.length // m.piece_bytes) for first, span in zip(firsts, window.new, strict=True)]
        made = (piece for first, end in zip(firsts, ends, strict=True) for piece in range(first, end))
        total -= max(0, sum(lacking.get(piece, 0) for piece in made) - window.length)
    return total


def packed_bytes(m: Manifest, full: Index) -> dict[bytes, int]:
    """What each file that is in the full pack costs, by root: its share of the windows, and the rest as it is."""
    costs: dict[bytes, int] = {}
    for window in full.windows:
        for span in window.new:
            entry = m.entries[span.file]
            saved = span.length - window.length * span.length // window.output_bytes
            costs[entry.root] = costs.get(entry.root, entry.size_bytes) - saved
    return costs


def _length(entry: Entry, piece_bytes: int, piece: int) -> int:
    return min(piece_bytes, entry.size_bytes - piece * piece_bytes)

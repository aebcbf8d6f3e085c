"""What of a tree's pieces is here, what they lack, and what that costs from the origin alone. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from patcher.content.blocks import Rebuild, spans
from patcher.content.layout import PieceLayout
from patcher.content.manifest import Entry, Manifest
from patcher.content.merkle import BLOCK_BYTES
from patcher.content.patch_index import Index


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


def without(numbers: range, here: Iterable[int]) -> Iterator[range]:
    """The runs of pieces that are left of ``numbers`` without those that are ``here``, in order."""
    start = numbers.start
    for piece in here:
        if piece > start:
            yield range(start, piece)
        start = piece + 1
    if start < numbers.stop:
        yield range(start, numbers.stop)


def server_bytes(
    m: Manifest, full: Index | None, wanted: Sequence[range], partial: Mapping[int, tuple[int, ...]]
) -> int:
    """What ``wanted`` pieces of a tree cost: windows of the full pack where these are shorter, else what they lack."""
    lacking = _Lacking(m.layout, wanted, partial)
    total = sum(lacking.bytes_of(run) for run in wanted)
    for window in full.windows if full else ():
        made_bytes = 0
        for span in window.new:
            made_bytes += lacking.bytes_of(m.layout.covering(span.file, span.offset, span.length))
        total -= max(0, made_bytes - window.length)
    return total


class _Lacking:
    """What stretches of pieces, none beyond the end of a file, lack: by runs, for there may be millions of pieces."""

    def __init__(self, layout: PieceLayout, wanted: Sequence[range], partial: Mapping[int, tuple[int, ...]]) -> None:
        self._layout, self._wanted, self._partial = layout, wanted, partial
        self._stops = [run.stop for run in wanted]
        self._some = sorted(partial)

    def bytes_of(self, stretch: range) -> int:
        total = 0
        for at in range(bisect_right(self._stops, stretch.start), len(self._wanted)):
            run = self._wanted[at]
            if run.start >= stretch.stop:
                break
            total += self._layout.run_bytes(range(max(run.start, stretch.start), min(run.stop, stretch.stop)))
        for piece in self._some[bisect_left(self._some, stretch.start) : bisect_left(self._some, stretch.stop)]:
            size_bytes = self._layout.span(piece).length
            total -= size_bytes - sum(length for _, length in spans(self._partial[piece], size_bytes))
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

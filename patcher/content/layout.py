"""Piece numbers: which range of which file a piece is, and whether given bytes are that piece."""

from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from patcher.content import merkle


class Range(NamedTuple):
    """Bytes of one file; ``file`` is its number among a manifest's entries."""

    file: int
    offset: int
    length: int

    @property
    def end(self) -> int:
        """The first offset behind it."""
        return self.offset + self.length


@dataclass(frozen=True)
class PieceLayout:
    """The pieces of a torrent. Each file begins a piece of its own; an empty file has none (BEP 52).

    `Manifest.layout` and `Index.layout` make one.
    """

    piece_bytes: int
    sizes: tuple[int, ...]
    roots: tuple[bytes, ...]
    """32 bytes a file; ``b""`` for an empty one."""
    layers: Mapping[bytes, bytes] = field(default_factory=dict)
    """Root to piece layer, for files larger than a piece. Only `matches` needs them."""

    @cached_property
    def firsts(self) -> Sequence[int]:
        """The number of each file's first piece, and the count of all pieces last."""
        return array("q", accumulate([-(-size // self.piece_bytes) for size in self.sizes], initial=0))

    @property
    def count(self) -> int:
        """The number of all pieces."""
        return self.firsts[-1]

    def span(self, piece: int) -> Range:
        """The range of piece number ``piece``."""
        file = bisect_right(self.firsts, piece) - 1
        offset = (piece - self.firsts[file]) * self.piece_bytes
        return Range(file, offset, min(self.piece_bytes, self.sizes[file] - offset))

    def pieces(self, file: int) -> range:
        """The pieces of file number ``file``."""
        return range(self.firsts[file], self.firsts[file + 1])

    def covering(self, file: int, offset: int, length: int) -> range:
        """The pieces that hold these bytes of file number ``file``."""
        first = self.firsts[file]
        return range(first + offset // self.piece_bytes, first - (-(offset + length) // self.piece_bytes))

    def run_bytes(self, run: range) -> int:
        """The size of consecutive pieces of one file."""
        _, offset, _ = self.span(run.start)
        last = self.span(run.stop - 1)
        return last.end - offset

    def layer_bytes(self, file: int) -> int:
        """The size of a file's piece layer: 32 bytes a piece; 0 for a file of at most one piece, which has none."""
        return merkle.HASH_BYTES * len(self.pieces(file)) if self.sizes[file] > self.piece_bytes else 0

    def matches(self, piece: int, data: bytes | memoryview) -> bool:
        """Whether ``data`` is that piece, by the root of the file or the layer that folds to it."""
        span = self.span(piece)
        if len(data) != span.length:
            return False
        root = self.roots[span.file]
        if self.sizes[span.file] <= self.piece_bytes:
            return merkle.root_of(merkle.leaves_of(data)) == root
        expected = merkle.hash_at(self.layers[root], piece - self.firsts[span.file])
        return merkle.piece_root(data, self.piece_bytes) == expected

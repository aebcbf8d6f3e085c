"""A torrent as the fetching side sees it: which bytes of which file a piece is, and whether given bytes are it."""

import hashlib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, NamedTuple

from bencode2 import bdecode, bencode

from patcher import beneath
from patcher.beneath import Where
from patcher.content import merkle
from patcher.content.blocks import spans


@dataclass(frozen=True, slots=True)
class Torrent:
    """A v2 torrent and where its files are on this machine."""

    data: bytes
    """The ``.torrent`` with ``piece layers`` (`manifest.torrent`, `patch_index.pack_torrent`)."""
    paths: tuple[Where, ...]
    """One absolute path a file, in entry order, empty files included."""
    trackers: tuple[str, ...] = ()
    """Announce URLs; those inside ``data`` are not used."""
    peers: tuple[tuple[str, int], ...] = ()
    """Addresses of players to dial (within a second), beside those that trackers and discovery bring."""
    partial: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Pieces of which the files hold some blocks, verified: the numbers, in the piece, of the blocks they lack."""

    def lacking(self, piece: int, length: int) -> list[tuple[int, int]]:
        """Of a piece of ``length`` bytes that its file does not hold whole: what is missing, offset and length."""
        return list(spans(self.partial[piece], length)) if piece in self.partial else [(0, length)]

    def lacking_bytes(self, piece: int, length: int) -> int:
        """How much that is."""
        return sum(count for _, count in self.lacking(piece, length))

    def held(self) -> frozenset[int]:
        """The pieces whose bytes are right in the files now, by hashing them all."""
        return Layout.parse(self.data).held(self.paths)


class Span(NamedTuple):
    """Bytes ``offset … offset + length`` of file number ``file``."""

    file: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The numbering of pieces (BEP 52: each file begins a piece of its own, empty files have none) and their hashes."""

    info_hash: bytes
    piece_bytes: int
    sizes: tuple[int, ...]
    roots: tuple[bytes, ...]
    """32 bytes a file; ``b""`` for an empty one."""
    layers: Mapping[bytes, bytes]
    """Root to piece layer, for files larger than a piece."""
    firsts: tuple[int, ...]
    """Number of each file's first piece, and the number of all pieces last."""

    @classmethod
    def parse(cls, data: bytes) -> "Layout":
        """Of a torrent made by ourselves from verified parts: its shape is not checked again."""
        torrent: dict[bytes, Any] = dict(bdecode(data))
        info = torrent[b"info"]
        files = list(_leaves(info[b"file tree"]))
        sizes = tuple(leaf[b"length"] for leaf in files)
        roots = tuple(leaf.get(b"pieces root", b"") for leaf in files)
        piece = info[b"piece length"]
        firsts = tuple(accumulate((-(-size // piece) for size in sizes), initial=0))
        info_hash = hashlib.sha256(bencode(info)).digest()
        return cls(info_hash, piece, sizes, roots, torrent.get(b"piece layers", {}), firsts)

    @property
    def count(self) -> int:
        """The number of all pieces."""
        return self.firsts[-1]

    def span(self, piece: int) -> Span:
        """Where piece number ``piece`` lies."""
        file = bisect_right(self.firsts, piece) - 1
        offset = (piece - self.firsts[file]) * self.piece_bytes
        return Span(file, offset, min(self.piece_bytes, self.sizes[file] - offset))

    def pieces(self, file: int) -> range:
        """The pieces of file number ``file``."""
        return range(self.firsts[file], self.firsts[file + 1])

    def is_right(self, piece: int, data: bytes | memoryview) -> bool:
        """Whether ``data`` is that piece, by the signed root or the layer that folds to it."""
        span = self.span(piece)
        if len(data) != span.length:
            return False
        root = self.roots[span.file]
        if self.sizes[span.file] <= self.piece_bytes:
            return merkle.root_of(merkle.leaves_of(data)) == root
        at = (piece - self.firsts[span.file]) * merkle.HASH_BYTES
        return merkle.piece_root(data, self.piece_bytes) == self.layers[root][at : at + merkle.HASH_BYTES]

    def held(self, paths: tuple[Where, ...]) -> frozenset[int]:
        """Which pieces the files at ``paths`` (one a file) hold right, by hashing; a missing file holds none."""
        return frozenset(piece for file, path in enumerate(paths) for piece in self._held_of(file, path))

    def _held_of(self, file: int, path: Where) -> list[int]:
        try:
            with beneath.open_file(path) as stream:
                return [p for p in self.pieces(file) if self.is_right(p, stream.read(self.span(p).length))]
        except OSError:
            return []


def _leaves(folder: dict[bytes, Any]) -> Any:
    for name, node in folder.items():
        if name:
            yield from _leaves(node)
        else:
            yield node

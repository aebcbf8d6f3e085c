"""A BitTorrent v2 torrent (BEP 52), and where its files are on this machine."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from bencode2 import bdecode, bencode

from patcher import beneath
from patcher.beneath import Where
from patcher.content import manifest, patch_index
from patcher.content.layout import PieceLayout
from patcher.content.manifest import Manifest
from patcher.content.merkle import spans
from patcher.content.patch_index import Index


@dataclass(frozen=True, slots=True)
class Torrent:
    """What a session fetches or offers."""

    info_hash: bytes
    """SHA-256 of the info dictionary, 32 bytes."""
    layout: PieceLayout
    """Its pieces, with layers."""
    data: bytes = field(repr=False)
    """The ``.torrent``, with ``piece layers``."""
    paths: tuple[Where, ...]
    """One absolute path a file, in entry order, empty files included."""
    trackers: tuple[str, ...] = ()
    """Announce URLs; those inside ``data`` are not used."""
    peers: tuple[tuple[str, int], ...] = ()
    """Addresses of players to dial (within a second), beside those that trackers and discovery bring."""
    partial: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Pieces of which the files hold some verified blocks, to the numbers (in the piece) of the blocks they lack."""

    @classmethod
    def of_tree(
        cls, m: Manifest, layers: Mapping[bytes, bytes], paths: Sequence[Where], trackers: tuple[str, ...] = ()
    ) -> "Torrent":
        """The tree of a part. ``layers``: root to piece layer, verified. Raises Mismatch when a layer is missing."""
        layout, data = replace(m.layout, layers=layers), manifest.torrent(m, layers)
        return cls(m.info_hash, layout, data, tuple(paths), trackers)

    @classmethod
    def of_pack(cls, index: Index, part: str, path: Where, trackers: tuple[str, ...] = ()) -> "Torrent":
        """The pack of a patch; ``part`` is the name in the new manifest. Raises ContentError when there is no pack."""
        m, data = patch_index.pack_manifest(index, part), patch_index.pack_torrent(index, part)
        return cls(m.info_hash, index.layout, data, (path,), trackers)

    @classmethod
    def parse(cls, data: bytes, paths: Sequence[Where]) -> "Torrent":
        """Read a v2 ``.torrent``, which is taken as verified. Raises ValueError for anything else."""
        try:
            torrent: dict[bytes, Any] = dict(bdecode(data))
            info = torrent[b"info"]
            files = list(_files(info[b"file tree"]))
            sizes = tuple(file[b"length"] for file in files)
            roots = tuple(file.get(b"pieces root", b"") for file in files)
            layout = PieceLayout(info[b"piece length"], sizes, roots, torrent.get(b"piece layers", {}))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError("This is no v2 torrent.") from error
        return cls(hashlib.sha256(bencode(info)).digest(), layout, data, tuple(paths))

    def missing(self, piece: int) -> list[tuple[int, int]]:
        """Offset in the piece and length of the bytes that the files lack of a piece that is not whole."""
        length = self.layout.span(piece).length
        return list(spans(self.partial[piece], length)) if piece in self.partial else [(0, length)]

    def missing_bytes(self, piece: int) -> int:
        """The sum of the lengths of `missing`."""
        return sum(count for _, count in self.missing(piece))

    def held(self) -> frozenset[int]:
        """The pieces that the files hold now, found by hashing them all."""
        layout, held = self.layout, set[int]()
        for file, path in enumerate(self.paths):
            with suppress(OSError), beneath.open_file(path) as stream:
                held.update(p for p in layout.pieces(file) if layout.matches(p, stream.read(layout.span(p).length)))
        return frozenset(held)


def _files(folder: dict[bytes, Any]) -> Iterator[dict[bytes, Any]]:
    for name, node in folder.items():
        if name:
            yield from _files(node)
        else:
            yield node

"""The manifest of one part of a release: a BitTorrent v2 torrent (BEP 52) without piece layers.

``info`` holds regular files only, empty ones included, with ``attr: x`` for executables (BEP 47). Symbolic links and
empty folders are listed in ``shoal`` instead, because BitTorrent clients create links and fail where one exists. The
name is title and part without the version, so releases with the same files share one swarm.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain, pairwise
from typing import Any

from bencode2 import bencode

from patcher.content import bencoded, merkle, paths
from patcher.content.layout import PieceLayout
from patcher.errors import ContentError, Mismatch, UsageError

MAX_DOCUMENT_BYTES = 256 * 1024 * 1024
MAX_ENTRIES = 2_000_000
MAX_LINKS = 200_000
MAX_PIECES = 8_388_600  # libtorrent's hard cap
MAX_PATHS_BYTES = 1024 * 1024
MAX_PATHS_RATIO = 4
"""All paths of files and folders together may take `MAX_PATHS_BYTES` and this many times the document's size. The
document holds a folder's name once, but each path below the folder repeats it."""
MIN_PIECE_BYTES = 64 * 1024
MAX_PIECE_BYTES = 16 * 1024 * 1024

_WHAT = "a manifest"
_LEAF_KEYS = {b"length", b"pieces root", b"attr"}
_INFO_KEYS = {b"file tree", b"meta version", b"name", b"piece length"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One regular file; ``root`` is ``b""`` when it is empty."""

    path: str
    size_bytes: int
    root: bytes
    executable: bool = False


@dataclass(frozen=True)
class Manifest:
    """The content of a part. Entries, links (path, target) and empty folders are each in the order of `paths.order`."""

    name: str
    piece_bytes: int
    entries: tuple[Entry, ...]
    links: tuple[tuple[str, str], ...] = ()
    empty_folders: tuple[str, ...] = ()

    @property
    def paths(self) -> Iterator[str]:
        """The paths of its files and links."""
        return chain((entry.path for entry in self.entries), (path for path, _ in self.links))

    @cached_property
    def size_bytes(self) -> int:
        """Total size of all entries."""
        return sum(entry.size_bytes for entry in self.entries)

    @cached_property
    def info_hash(self) -> bytes:
        """SHA-256 of the bencoded info dictionary, 32 bytes: the swarm's name."""
        return hashlib.sha256(bencode(info(self))).digest()

    @cached_property
    def layout(self) -> PieceLayout:
        """The piece numbers of its torrent, without layers."""
        entries = self.entries
        return PieceLayout(self.piece_bytes, tuple(e.size_bytes for e in entries), tuple(e.root for e in entries))

    @property
    def layered(self) -> Iterator[tuple[Entry, int]]:
        """The entries larger than a piece, which have a piece layer (BEP 52), and the size of each layer in bytes."""
        sizes = map(self.layout.layer_bytes, range(len(self.entries)))
        return ((entry, size) for entry, size in zip(self.entries, sizes, strict=True) if size)

    @cached_property
    def leaf_offsets(self) -> tuple[int, ...]:
        """Where each entry's leaves begin in the leaves document, in bytes, and the document's size last."""
        blocks = (-(-entry.size_bytes // merkle.BLOCK_BYTES) for entry in self.entries)
        return tuple(accumulate((merkle.HASH_BYTES * count for count in blocks), initial=0))


# ---------------------------------------------------------------- document


def encode(m: Manifest) -> bytes:
    """The signed document. Raises what `parse` would raise."""
    paths_bytes = _check(m)
    data = bencode({b"info": info(m), b"shoal": _extras(m)})
    if paths_bytes > MAX_PATHS_BYTES + MAX_PATHS_RATIO * len(data):
        raise _invalid("its paths together are too long")
    return data


def parse(data: bytes) -> Manifest:
    """Read a manifest from an untrusted source.

    Raises ContentError content.invalid, content.unsafe_path, content.link_outside; TrustError trust.needs_newer.
    """
    raw = bencoded.decode(data, _WHAT, MAX_DOCUMENT_BYTES)
    shoal, head = _dictionary(raw.get(b"shoal")), _dictionary(raw.get(b"info"))
    bencoded.check_format(shoal, _WHAT)
    # An unknown key would change the info hash, so a new one needs a name in `requires`.
    if head.keys() != _INFO_KEYS or head[b"meta version"] != 2 or not isinstance(head[b"piece length"], int):
        raise _invalid("its info dictionary is not that of a v2 torrent")
    entries: list[Entry] = []
    room = MAX_PATHS_BYTES + MAX_PATHS_RATIO * len(data)
    _read_folder(_dictionary(head[b"file tree"]), "", 0, room, entries)
    folders = shoal.get(b"empty folders")
    if not isinstance(folders, list):
        raise _invalid("its empty folders are no list")
    links = [(_text(path), _text(target)) for path, target in _dictionary(shoal.get(b"links")).items()]
    links.sort(key=lambda link: paths.order(link[0]))
    empty = tuple(_text(folder) for folder in folders)
    m = Manifest(_text(head[b"name"]), head[b"piece length"], tuple(entries), tuple(links), empty)
    _check(m)
    return m


def info(m: Manifest) -> dict[bytes, Any]:
    """The info dictionary (BEP 52)."""
    return {
        b"file tree": _file_tree(m.entries),
        b"meta version": 2,
        b"name": m.name.encode(),
        b"piece length": m.piece_bytes,
    }


def _extras(m: Manifest) -> dict[bytes, Any]:
    return {
        b"format": bencoded.FORMAT,
        b"requires": [],
        b"links": {path.encode(): target.encode() for path, target in m.links},
        b"empty folders": [folder.encode() for folder in m.empty_folders],
    }


def _file_tree(entries: Iterable[Entry]) -> dict[bytes, Any]:
    top: dict[bytes, Any] = {}
    folders = {"": top}
    for entry in entries:
        parent, _, name = entry.path.rpartition("/")
        folder = folders.get(parent) or _folder(folders, parent)
        leaf: dict[bytes, Any] = {b"attr": b"x"} if entry.executable else {}
        leaf[b"length"] = entry.size_bytes
        if entry.size_bytes:
            leaf[b"pieces root"] = entry.root
        folder[name.encode()] = {b"": leaf}
    return top


def _folder(folders: dict[str, dict[bytes, Any]], path: str) -> dict[bytes, Any]:
    if path not in folders:
        parent, _, name = path.rpartition("/")
        folders[path] = _folder(folders, parent).setdefault(name.encode(), {})
    return folders[path]


def _read_folder(folder: dict[bytes, Any], prefix: str, depth: int, room: int, entries: list[Entry]) -> int:
    """Add the entries of a folder. ``room`` is how many bytes paths may still take; returns what is left of it."""
    above_bytes = len(prefix.encode())
    for name, node in folder.items():
        if not name or not isinstance(node, dict) or not node or depth >= paths.MAX_DEPTH:
            raise _invalid("its file tree is too deep or holds something that is neither file nor folder")
        if b"/" in name:
            raise _invalid("a name in it holds a slash")
        path_bytes = above_bytes + len(name)
        room -= path_bytes
        if path_bytes > paths.MAX_PATH_BYTES or room < 0:
            raise _invalid("a path in it, or all of them together, are too long")
        path = prefix + _text(name)
        if b"" not in node:
            room = _read_folder(node, path + "/", depth + 1, room, entries)
        elif len(node) == 1:
            entries.append(_read_leaf(node[b""], path))
        else:
            raise _invalid("it uses a file as a folder")
    return room


def _read_leaf(leaf: object, path: str) -> Entry:
    if not isinstance(leaf, dict) or leaf.keys() - _LEAF_KEYS:
        raise _invalid("a file in it is not described as in BEP 52")
    size, root, attr = leaf.get(b"length"), leaf.get(b"pieces root"), leaf.get(b"attr")
    if not isinstance(size, int) or isinstance(root, bytes) != (size > 0) or attr not in (None, b"x"):
        raise _invalid("a file in it has a wrong length, root or attribute")
    return Entry(path, size, root or b"", attr is not None)


def _check(m: Manifest) -> int:
    """Check all rules for manifests. Returns the total length of its paths in bytes, as `paths.check_all` does."""
    _check_name(m.name)
    piece = m.piece_bytes
    if not merkle.BLOCK_BYTES <= piece <= MAX_PIECE_BYTES or piece & (piece - 1):
        raise _invalid("its piece length is no power of two between 16 KiB and 16 MiB")
    if len(m.entries) > MAX_ENTRIES or len(m.links) + len(m.empty_folders) > MAX_LINKS:
        raise _invalid("it has too many entries")
    files = [entry.path for entry in m.entries]
    links = [path for path, _ in m.links]
    for listed in (files, links, m.empty_folders):
        if any(paths.order(before) > paths.order(path) for before, path in pairwise(listed)):
            raise _invalid("it is not in order")
    paths_bytes = paths.check_all(chain(files, links, m.empty_folders))
    for path, target in m.links:
        paths.check_link(path, target)
    _check_contents(m.entries)
    if m.size_bytes > merkle.MAX_SIZE_BYTES or m.layout.count > MAX_PIECES:
        raise _invalid("it is too large")
    return paths_bytes


def _check_contents(entries: Iterable[Entry]) -> None:
    """Each root has one size, and an empty file has no root."""
    sizes: dict[bytes, int] = {b"": 0}
    for entry in entries:
        size, root = entry.size_bytes, entry.root
        if len(root) != (merkle.HASH_BYTES if size else 0) or sizes.setdefault(root, size) != size or size < 0:
            raise _invalid("a file in it has a size and a root that do not go together")


def _check_name(name: str) -> None:
    try:
        title, part = name.split(".")
        paths.check_name(title)
        paths.check_name(part)
    except (ValueError, UsageError) as error:
        raise _invalid("its name is not that of a title and a part") from error


def _dictionary(value: object) -> dict[bytes, Any]:
    if not isinstance(value, dict):
        raise _invalid("a dictionary is missing")
    return value


def _text(value: object) -> str:
    if not isinstance(value, bytes):
        raise _invalid("a name is missing")
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise _invalid("a name in it is not UTF-8") from error


def _invalid(reason: str) -> ContentError:
    return bencoded.invalid(_WHAT, reason)


# ---------------------------------------------------------------- hashes beside it, and the whole torrent


def torrent(
    m: Manifest, layers: Mapping[bytes, bytes], trackers: Sequence[str] = (), web_seeds: Sequence[str] = ()
) -> bytes:
    """A complete ``.torrent``: the manifest, its piece layers by root (`split_layers`), trackers and web seeds.

    Raises Mismatch when a layer is missing.
    """
    if not layers.keys() >= {entry.root for entry, _ in m.layered}:
        raise Mismatch("the piece layers of a manifest are not all here")
    seeds = {b"url-list": [url.encode() for url in web_seeds]} if web_seeds else {}
    beside = {b"piece layers": dict(layers), **_announce(trackers), **seeds}
    return bencode({b"info": info(m), b"shoal": _extras(m), **beside})


def _announce(trackers: Sequence[str]) -> dict[bytes, Any]:
    """The keys of a torrent that name its trackers, in order of preference (BEP 12)."""
    if not trackers:
        return {}
    return {b"announce": trackers[0].encode(), b"announce-list": [[url.encode()] for url in trackers]}


def join_layers(m: Manifest, layers: Mapping[bytes, bytes]) -> bytes:
    """The layers document: 32 bytes a piece for each file larger than a piece, in entry order.

    ``layers``: root to piece layer. Raises KeyError for a missing root.
    """
    return b"".join(layers[entry.root] for entry, _ in m.layered)


def split_layers(m: Manifest, document: bytes) -> dict[bytes, bytes]:
    """The piece layer of each root in a layers document, folded and compared. Raises Mismatch."""
    layers: dict[bytes, bytes] = {}
    at = 0
    for entry, length in m.layered:
        layer = document[at : at + length]
        at += length
        if len(layer) != length or merkle.root_of_layer(layer, m.piece_bytes) != entry.root:
            raise Mismatch("piece layers do not fold to the roots of their manifest")
        layers[entry.root] = layer
    if at != len(document):
        raise Mismatch("piece layers are longer than their manifest says")
    return layers

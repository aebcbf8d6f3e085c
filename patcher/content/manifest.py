"""The manifest of one part of a release: a BitTorrent v2 torrent (BEP 52) without piece layers.

``info`` holds regular files only, empty ones included, with ``attr: x`` for executables (BEP 47). Symbolic links and
empty folders are listed in ``shoal`` instead, because BitTorrent clients create links and fail where one exists. The
name is title and part without the version, so releases with the same files share one swarm.
"""

import hashlib
import io
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain, pairwise
from typing import Any

from bencode2 import bencode

from patcher.content import bencoded, file_tree, merkle, paths
from patcher.content.file_tree import Entry, FileTree
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
_BEGIN = b"d4:infod9:file tree"
_INFO_KEYS = {b"file tree", b"meta version", b"name", b"piece length"}


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
        return sum(self.layout.sizes)

    @cached_property
    def info_hash(self) -> bytes:
        """SHA-256 of the bencoded info dictionary, 32 bytes: the swarm's name."""
        return hashlib.sha256(info(self)).digest()

    @cached_property
    def layout(self) -> PieceLayout:
        """The piece numbers of its torrent, without layers."""
        entries = self.entries
        return PieceLayout(self.piece_bytes, tuple([e.size_bytes for e in entries]), tuple([e.root for e in entries]))

    @property
    def layered(self) -> Iterator[tuple[Entry, int]]:
        """The entries larger than a piece, which have a piece layer (BEP 52), and the size of each layer in bytes."""
        sizes = map(self.layout.layer_bytes, range(len(self.entries)))
        return ((entry, size) for entry, size in zip(self.entries, sizes, strict=True) if size)

    @cached_property
    def leaf_offsets(self) -> Sequence[int]:
        """Where each entry's leaves begin in the leaves document, in bytes, and the document's size last."""
        blocks = (-(-entry.size_bytes // merkle.BLOCK_BYTES) for entry in self.entries)
        return array("q", accumulate((merkle.HASH_BYTES * count for count in blocks), initial=0))


# ---------------------------------------------------------------- document


def encode(m: Manifest) -> bytes:
    """The signed document. Raises what `parse` would raise."""
    paths_bytes = _check(m)
    data = b"d4:info%b5:shoal%be" % (info(m), bencode(_extras(m)))
    _check_room(paths_bytes, data)
    return data


def parse(data: bytes) -> Manifest:
    """Read a manifest from an untrusted source.

    Raises ContentError content.invalid, content.unsafe_path, content.link_outside; TrustError trust.needs_newer.
    """
    return Parser().parse(data)


class Parser:
    """Reads manifests of one title one after the other: what a manifest has in common with the one before is shared."""

    def __init__(self) -> None:
        self._tree: FileTree | None = None
        self._before: Manifest | None = None
        self._paths_bytes = 0

    def begin_with(self, m: Manifest, document: bytes) -> None:
        """Share with a manifest that was not read but made, and with its document."""
        self._tree = file_tree.known_tree(document, len(_BEGIN), m.entries)

    def parse(self, data: bytes) -> Manifest:
        """As the function of this name."""
        data = bencoded.plain(data, _WHAT, MAX_DOCUMENT_BYTES)
        if not data.startswith(_BEGIN):
            data = _without_others(data)
        try:
            tree = file_tree.read(data, len(_BEGIN), _room(data), self._tree)
            raw = bencoded.decode(b"%bde%b" % (_BEGIN, data[tree.end :]), _WHAT, MAX_DOCUMENT_BYTES)
        except ContentError:
            bencoded.check_format(_dictionary(bencoded.decode(data, _WHAT, MAX_DOCUMENT_BYTES).get(b"shoal")), _WHAT)
            raise
        m = _read_rest(raw, tree.entries)
        self._paths_bytes = _check(m, self._before, self._paths_bytes)
        _check_room(self._paths_bytes, data)
        self._tree, self._before = tree, m
        return m


def _without_others(data: bytes) -> bytes:
    """A manifest without the keys that are unknown, before which the file tree must begin."""
    raw = bencoded.decode(data, _WHAT, MAX_DOCUMENT_BYTES)
    known = bencode({key: raw[key] for key in (b"info", b"shoal") if key in raw})
    if not known.startswith(_BEGIN):
        bencoded.check_format(_dictionary(raw.get(b"shoal")), _WHAT)
        raise _not_a_torrent()
    return known


def _read_rest(raw: dict[bytes, Any], entries: tuple[Entry, ...]) -> Manifest:
    """A manifest of these entries, from its document without the tree; not yet checked."""
    shoal, head = _dictionary(raw.get(b"shoal")), _dictionary(raw.get(b"info"))
    bencoded.check_format(shoal, _WHAT)
    # An unknown key would change the info hash, so a new one needs a name in `requires`.
    if head.keys() != _INFO_KEYS or head[b"meta version"] != 2 or not isinstance(head[b"piece length"], int):
        raise _not_a_torrent()
    folders = shoal.get(b"empty folders")
    if not isinstance(folders, list):
        raise _invalid("its empty folders are no list")
    links = [(_text(path), _text(target)) for path, target in _dictionary(shoal.get(b"links")).items()]
    links.sort(key=lambda link: paths.order(link[0]))
    empty = tuple(_text(folder) for folder in folders)
    return Manifest(_text(head[b"name"]), head[b"piece length"], entries, tuple(links), empty)


def info(m: Manifest) -> bytes:
    """The bencoded info dictionary (BEP 52)."""
    rest = bencode({b"meta version": 2, b"name": m.name.encode(), b"piece length": m.piece_bytes})
    with io.BytesIO() as written:  # holds no object for each file
        written.write(b"d9:file tree")
        written.writelines(file_tree.write(m.entries))
        written.write(rest[1:])
        return written.getvalue()


def _extras(m: Manifest) -> dict[bytes, Any]:
    return {
        b"format": bencoded.FORMAT,
        b"requires": [],
        b"links": {path.encode(): target.encode() for path, target in m.links},
        b"empty folders": [folder.encode() for folder in m.empty_folders],
    }


def _check(m: Manifest, before: Manifest | None = None, before_bytes: int = 0) -> int:
    """Check all rules for manifests. Returns the total length of its paths in bytes, as `paths.check_all` does.

    ``before``: a manifest that was checked, and that length; if this one has the same paths, they are good.
    """
    _check_name(m.name)
    piece = m.piece_bytes
    if not merkle.BLOCK_BYTES <= piece <= MAX_PIECE_BYTES or piece & (piece - 1):
        raise _invalid("its piece length is no power of two between 16 KiB and 16 MiB")
    if len(m.entries) > MAX_ENTRIES or len(m.links) + len(m.empty_folders) > MAX_LINKS:
        raise _invalid("it has too many entries")
    listed = files, links, folders = _listed(m)
    if any(above > below for some in (links, folders) for above, below in pairwise(map(paths.order, some))):
        raise _invalid("it is not in order")
    if not before or listed != _listed(before):
        before_bytes = paths.check_all(chain(files, links, folders))
    for path, target in m.links:
        paths.check_link(path, target)
    _check_contents(m.layout.sizes, m.layout.roots)
    if m.size_bytes > merkle.MAX_SIZE_BYTES or m.layout.count > MAX_PIECES:
        raise _invalid("it is too large")
    return before_bytes


def _listed(m: Manifest) -> tuple[list[str], list[str], Sequence[str]]:
    """The paths of files, of links and of empty folders."""
    return [entry.path for entry in m.entries], [path for path, _ in m.links], m.empty_folders


def _room(document: bytes) -> int:
    """How many bytes the paths of a manifest may take."""
    return MAX_PATHS_BYTES + MAX_PATHS_RATIO * len(document)


def _check_room(paths_bytes: int, document: bytes) -> None:
    if paths_bytes > _room(document):
        raise _invalid("its paths together are too long")


def _check_contents(sizes: Sequence[int], roots: Sequence[bytes]) -> None:
    """Each root has one size, and an empty file has no root."""
    size_of = dict(zip(roots, sizes, strict=True))
    good = not size_of.get(b"") and min(sizes, default=0) >= 0 and sizes.count(0) == roots.count(b"")
    if not good or {*map(len, size_of)} - {0, merkle.HASH_BYTES} or (*map(size_of.get, roots),) != sizes:
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


def _not_a_torrent() -> ContentError:
    return _invalid("its info dictionary is not that of a v2 torrent")


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
    others = {key: bencode(value) for key, value in {b"shoal": _extras(m), **beside}.items()}
    return bencoded.joined({b"info": info(m), **others})


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

"""The index of a patch: where each window lies in the pack, what it makes, and from which old bytes.

A *window* makes at most 16 MiB of new bytes: whole small files or runs of larger ones. It is decoded alone, from its
bytes in the pack and the old ranges it names. A *copy* is a window of any size that needs no bytes of the pack. A patch
makes whole files; a *full pack* (no old release) may leave windows out. A patch holds no content twice, and none that
the old release has anywhere.

A *filter* gives an old file of native code an address map. *Rebased* windows read that file with its references moved
by the map, so that they match the references of the new file.

The format is described in docs/formats/patches.md; `patcher.publish.patches.encode` writes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bencode2 import bencode

from patcher.content import bencoded, merkle
from patcher.content.codec import COPY, COPY_REBASED, HDIFF, HDIFF_REBASED, STORED, WINDOW_BYTES, ZSTD
from patcher.content.file_tree import Entry
from patcher.content.layout import PieceLayout, Range
from patcher.content.manifest import MAX_PIECE_BYTES, MIN_PIECE_BYTES, Manifest, info
from patcher.content.merkle import Ref
from patcher.content.native.sections import FILTERS
from patcher.errors import ContentError, NeedsNewer

INLINE_BYTES = 8 * 1024
"""The index itself holds a pack of at most this size, inline."""
SWARM_BYTES = 64 * 1024
"""Smaller packs have no torrent."""
MAX_INDEX_BYTES = 64 * 1024 * 1024
MAX_MAP_BYTES = 4 * 1024 * 1024
MAX_OLD_BYTES = 4 * WINDOW_BYTES
"""Old bytes that one decoded window may name."""

BEFORE_FIRST = Range(-1, 0, 0)
"""The range before the first one of a list."""

_WHAT = "a patch index"


def base_of(file: int, before: Range) -> int:
    """What the offset of a range of ``file`` counts from: the end of the range before it, if of the same file."""
    return before.end if before.file == file else 0


@dataclass(frozen=True, slots=True)
class Window:
    """Where a window is in the pack, the ranges that it makes and the old ranges that it needs, each side by side.

    ``sha256`` is that of its output. A copy has no bytes in the pack and no ``sha256``: each new range equals the old
    range at its place, and the roots of the files check it.
    """

    offset: int
    length: int
    codec: int
    new: tuple[Range, ...]
    old: tuple[Range, ...]
    output_bytes: int
    sha256: bytes

    @property
    def is_copy(self) -> bool:
        """Whether nothing has to be decoded."""
        return self.codec in {COPY, COPY_REBASED}

    @property
    def is_rebased(self) -> bool:
        """Whether old files that have a filter are read through it; all others are read unchanged."""
        return self.codec in {HDIFF_REBASED, COPY_REBASED}


@dataclass(frozen=True, slots=True)
class Filter:
    """Number of an old file, the method that finds its references, and where its address map is in the pack."""

    file: int
    name: str
    offset: int
    length: int
    sha256: bytes
    """Of the map as it is in the pack."""


@dataclass(frozen=True)
class Index:
    """A pack, its maps and its windows. ``pack`` is None when the pack is empty or ``inline``.

    ``layer`` is the pack's piece layer, ``b""`` for a pack of one piece.
    """

    pack: Ref | None
    piece_bytes: int
    layer: bytes
    windows: tuple[Window, ...]
    inline: bytes = b""
    filters: tuple[Filter, ...] = ()

    @property
    def pack_bytes(self) -> int:
        """Size of the pack, file or inline."""
        return self.pack.size_bytes if self.pack else len(self.inline)

    @property
    def has_swarm(self) -> bool:
        """Whether the pack is large enough for a torrent."""
        return self.pack is not None and self.pack.size_bytes >= SWARM_BYTES

    @property
    def requires(self) -> list[bytes]:
        """The features that a reader needs: the names of the filters, sorted."""
        return sorted({each.name.encode() for each in self.filters})

    @cached_property
    def layout(self) -> PieceLayout:
        """The piece numbers of the pack, with its layer."""
        root = self.pack.root if self.pack else b""
        return PieceLayout(self.piece_bytes, (self.pack_bytes,), (root,), {root: self.layer} if self.layer else {})

    def filters_of(self, window: Window) -> dict[int, Filter]:
        """The filters that a window reads through, by number of the old file."""
        if not window.is_rebased:
            return {}
        return {span.file: self._filters[span.file] for span in window.old if span.file in self._filters}

    @cached_property
    def _filters(self) -> dict[int, Filter]:
        return {each.file: each for each in self.filters}


def pack_manifest(index: Index, part: str) -> Manifest:
    """The pack as the only file of a torrent; ``part`` is the name in the new manifest.

    The same pack and part give the same swarm. Raises ContentError content.invalid when there is no pack file.
    """
    if index.pack is None:
        raise _invalid("there is no pack to make a torrent of")
    name = f"{part}.patch"
    return Manifest(name, index.piece_bytes, (Entry(name, index.pack.size_bytes, index.pack.root),))


def pack_torrent(index: Index, part: str) -> bytes:
    """The ``.torrent`` of `pack_manifest`, with its piece layer. Raises what that raises."""
    head = info(pack_manifest(index, part))
    return bencoded.joined({b"info": head, b"piece layers": bencode(index.layout.layers)})


def parse(data: bytes, new: Manifest, old: Manifest | None = None) -> Index:
    """Read an index, and check everything it names against the manifests; ``old`` is None for a full pack.

    Raises ContentError content.invalid; TrustError trust.needs_newer for a codec or filter unknown to this version.
    """
    raw = _decode(data)
    pack = _pack(raw)
    piece, layer, inline = (raw.get(key) for key in (b"piece length", b"layer", b"inline"))
    if not isinstance(piece, int) or not isinstance(layer, bytes) or not isinstance(inline, bytes):
        raise _invalid("its pack is not described")
    windows, filters = raw.get(b"windows"), raw.get(b"filters")
    if not isinstance(windows, list) or not isinstance(filters, list):
        raise _invalid("it has no list of windows or filters")
    used = tuple(_read_filter(value) for value in filters)
    entries = old.entries if old else ()
    index = Index(pack, piece, layer, tuple(_read_window(w, new.entries, entries) for w in windows), inline, used)
    if raw[b"requires"] != index.requires:
        raise _invalid("it does not require what its filters need")
    _check_pack(index)
    _check_offsets(index)
    _check_filters(index, len(entries))
    _check_outputs(index, new, whole=old is not None)
    return index


def pack_of(data: bytes) -> Ref | None:
    """The pack that an index describes; needs no manifests. Raises what `parse` raises."""
    return _pack(_decode(data))


def _decode(data: bytes) -> dict[bytes, Any]:
    raw = bencoded.decode(data, _WHAT, MAX_INDEX_BYTES)
    bencoded.check_format(raw, _WHAT, [name.encode() for name in FILTERS])
    return raw


def _pack(raw: dict[bytes, Any]) -> Ref | None:
    return Ref.from_bencode(raw[b"pack"]) if b"pack" in raw else None


def _read_filter(value: object) -> Filter:
    match value:
        case [int(file), bytes(name), int(offset), int(length), bytes(sha256)]:
            if (known := name.decode("ascii", "replace")) not in FILTERS:
                raise NeedsNewer(f"a patch index needs a newer Shoal: it has the filter {known[:40]!a}")
            return Filter(file, known, offset, length, sha256)
    raise _invalid("a filter is not described")


def _read_window(value: object, new: Sequence[Entry], old: Sequence[Entry]) -> Window:
    match value:
        case [int(offset), int(length), int(codec), list(made), list(used), int(output_bytes), bytes(sha256)]:
            if codec not in {STORED, ZSTD, HDIFF, COPY, HDIFF_REBASED, COPY_REBASED}:
                raise NeedsNewer(f"a patch index needs a newer Shoal: it has codec {codec}")
            ranges = _read_ranges(made, new), _read_ranges(used, old)
            window = Window(offset, length, codec, *ranges, output_bytes, sha256)
        case _:
            raise _invalid("a window is not described")
    fits = _is_copy if window.is_copy else _fits
    if sum(span.length for span in window.new) != output_bytes or not fits(window):
        raise _invalid("the sizes of a window do not go together")
    return window


def _is_copy(window: Window) -> bool:
    pairs = [span.length for span in window.new] == [span.length for span in window.old]
    return pairs and bool(window.new) and window.length == 0 and not window.sha256


def _fits(window: Window) -> bool:
    """Whether a decoded window keeps to the bounds of memory, and names old bytes only if it is a delta."""
    used_bytes = sum(span.length for span in window.old)
    sizes = 1 <= window.length <= window.output_bytes <= WINDOW_BYTES and used_bytes <= MAX_OLD_BYTES
    leans = window.codec in {HDIFF, HDIFF_REBASED}
    return sizes and len(window.sha256) == merkle.HASH_BYTES and (leans or not window.old)


def _read_ranges(values: list[object], entries: Sequence[Entry]) -> tuple[Range, ...]:
    spans: list[Range] = []
    before = BEFORE_FIRST
    for value in values:
        match value:
            case int(number) if 0 <= number < len(entries):
                before = Range(number, 0, entries[number].size_bytes)
            case [int(number), int(offset), int(length)] if 0 <= number < len(entries):
                before = Range(number, offset + base_of(number, before), length)
            case _:
                raise _invalid("a window names a file that is not there")
        if before.offset < 0 or before.length < 1 or before.end > entries[before.file].size_bytes:
            raise _invalid("a window names bytes outside of a file")
        spans.append(before)
    return tuple(spans)


def _check_pack(index: Index) -> None:
    pack, piece = index.pack, index.piece_bytes
    if pack is None:
        good = not index.layer and len(index.inline) <= INLINE_BYTES
    elif pack.size_bytes <= piece:
        good = not index.layer and not index.inline
    else:
        pieces = -(-pack.size_bytes // max(piece, 1))
        good = len(index.layer) == pieces * merkle.HASH_BYTES and not index.inline
        good = good and merkle.root_of_layer(index.layer, piece) == pack.root
    if not good or not MIN_PIECE_BYTES <= piece <= MAX_PIECE_BYTES or piece & (piece - 1):
        raise _invalid("its pack and what is said of it do not go together")


def _check_offsets(index: Index) -> None:
    """The pack holds the maps and then the windows, without gaps, and nothing else."""
    held: tuple[Filter | Window, ...] = (*index.filters, *index.windows)
    ends = [0, *(each.offset + each.length for each in held)]
    if [each.offset for each in held] != ends[:-1] or ends[-1] != index.pack_bytes:
        raise _invalid("its maps and windows do not fill its pack")


def _check_filters(index: Index, old_files: int) -> None:
    """Filters are in the order of their files, one a file. Each is used, and each rebased window uses one."""
    before, used = -1, {file for window in index.windows for file in index.filters_of(window)}
    for each in index.filters:
        in_order = before < each.file < old_files
        if not in_order or not 0 < each.length <= MAX_MAP_BYTES or len(each.sha256) != merkle.HASH_BYTES:
            raise _invalid("a filter is not of an old file or its map has no good size")
        before = each.file
    if len(used) != len(index.filters) or any(w.is_rebased and not index.filters_of(w) for w in index.windows):
        raise _invalid("its filters and windows do not go together")


def _check_outputs(index: Index, new: Manifest, *, whole: bool) -> None:
    """No byte is made twice. A patch makes whole files, a full pack makes whole pieces."""
    spans = sorted((span.file, span.offset, span.end) for window in index.windows for span in window.new)
    ends: dict[int, int] = {}
    for file, offset, end in spans:
        size, before = new.entries[file].size_bytes, ends.get(file, 0)
        aligned = whole or (offset % new.piece_bytes == 0 and (end == size or end % new.piece_bytes == 0))
        if offset < before or (whole and offset > before) or not aligned:
            raise _invalid("its windows overlap, leave gaps or do not keep to pieces")
        ends[file] = end
    if whole and any(end != new.entries[file].size_bytes for file, end in ends.items()):
        raise _invalid("it makes only a part of a file")


def _invalid(reason: str) -> ContentError:
    return bencoded.invalid(_WHAT, reason)

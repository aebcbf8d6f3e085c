"""The index of a patch: where each window lies in the pack, what it makes, and from which old bytes.

A *window* makes at most 16 MiB of new bytes: whole small files or runs of larger ones. It is decoded alone, from its
bytes in the pack and from the old ranges it names. A *copy* is a window of any size that needs no bytes of the pack. A
patch makes whole files; a *full pack* (no old release) may leave windows out. Content that the old release holds
anywhere is in no patch, and no content is in a patch twice.

A *filter* gives an old file of native code an address map. *Re-based* windows read that file with its references moved
by the map, so that they match the references of the new file.

The format is described in docs/formats/patches.md; `patcher.publish.patches.encode` writes it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bencode2 import bencode

from patcher.content import bencoded, merkle
from patcher.content.codec import COPY, COPY_REBASED, HDIFF, HDIFF_REBASED, STORED, WINDOW_BYTES, ZSTD
from patcher.content.layout import PieceLayout
from patcher.content.manifest import MAX_PIECE_BYTES, MIN_PIECE_BYTES, Entry, Manifest, announce
from patcher.content.merkle import Ref
from patcher.content.native.sections import FILTERS
from patcher.errors import ContentError, NeedsNewer

INLINE_BYTES = 8 * 1024
"""The index itself holds a pack of at most this size."""
SWARM_BYTES = 64 * 1024
"""Smaller packs have no torrent."""
MAX_INDEX_BYTES = 64 * 1024 * 1024
MAX_MAP_BYTES = 4 * 1024 * 1024
MAX_OLD_BYTES = 4 * WINDOW_BYTES
"""Old bytes that one decoded window may name."""

_WHAT = "a patch index"


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Bytes of one file; ``file`` is its number among a manifest's entries."""

    file: int
    offset: int
    length: int

    @property
    def end(self) -> int:
        """First offset behind it."""
        return self.offset + self.length

    def base_for(self, file: int) -> int:
        """Where the offset of the next range in a list counts from: the end of this one if it is of the same file."""
        return self.end if self.file == file else 0


BEFORE_FIRST = Range(-1, 0, 0)
"""Stands before the first range of a list."""


@dataclass(frozen=True, slots=True)
class Window:
    """Where a window lies in the pack, what it makes (``new``, side by side) and from what (``old``, side by side).

    A copy has no bytes in the pack and no ``sha256``: each new range equals the old range beside it, and is checked by
    the signed roots of the files.
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
        """Nothing has to be decoded."""
        return self.codec in {COPY, COPY_REBASED}

    @property
    def is_rebased(self) -> bool:
        """Old files that have a filter are read through it; all others are read unchanged."""
        return self.codec in {HDIFF_REBASED, COPY_REBASED}


@dataclass(frozen=True, slots=True)
class Filter:
    """Number of an old file, the method that finds its references, and where its address map lies in the pack."""

    file: int
    name: str
    offset: int
    length: int
    sha256: bytes
    """Of the map's bytes in the pack."""


@dataclass(frozen=True)
class Index:
    """A pack, its maps and its windows. ``pack`` is None when the pack is empty or stands in ``inline``.

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
        """Size of the pack, as a file or inline."""
        return self.pack.size_bytes if self.pack else len(self.inline)

    @property
    def has_swarm(self) -> bool:
        """A pack under `SWARM_BYTES` is not worth a torrent."""
        return self.pack is not None and self.pack.size_bytes >= SWARM_BYTES

    @property
    def requires(self) -> list[bytes]:
        """The features a reader must have: the names of the filters, sorted."""
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


def pack_torrent(index: Index, part: str, trackers: Sequence[str] = ()) -> bytes:
    """The pack as a v2 torrent of one file, with its piece layer; ``part`` is the name in the new manifest.

    The same pack and part give the same swarm. Raises ContentError content.invalid when there is no pack file.
    """
    return bencode({b"info": _info(index, part), b"piece layers": index.layout.layers, **announce(trackers)})


def pack_info_hash(index: Index, part: str) -> bytes:
    """The info hash of `pack_torrent`, 32 bytes. Raises what that raises."""
    return hashlib.sha256(bencode(_info(index, part))).digest()


def _info(index: Index, part: str) -> dict[bytes, Any]:
    if index.pack is None:
        raise _invalid("there is no pack to make a torrent of")
    name = f"{part}.patch".encode()
    return {
        b"file tree": {name: {b"": {b"length": index.pack.size_bytes, b"pieces root": index.pack.root}}},
        b"meta version": 2,
        b"name": name,
        b"piece length": index.piece_bytes,
    }


def parse(data: bytes, new: Manifest, old: Manifest | None = None) -> Index:
    """Read an index, and check all that it names against the manifests; ``old`` is None for a full pack.

    Raises ContentError content.invalid; TrustError trust.needs_newer for a codec or filter this version has not.
    """
    raw = _decode(data)
    pack = _pack(raw)
    piece, layer, inline = (raw.get(key) for key in (b"piece length", b"layer", b"inline"))
    if not isinstance(piece, int) or not isinstance(layer, bytes) or not isinstance(inline, bytes):
        raise _invalid("its pack is not described")
    windows, filters = raw.get(b"windows"), raw.get(b"filters")
    if not isinstance(windows, list) or not isinstance(filters, list):
        raise _invalid("it has no list of windows or filters")
    read = tuple(_read_filter(value) for value in filters)
    index = Index(pack, piece, layer, tuple(_read_window(w, new, old) for w in windows), inline, read)
    if raw[b"requires"] != index.requires:
        raise _invalid("it does not require what its filters need")
    _check_pack(index)
    _check_offsets(index)
    _check_filters(index, len(old.entries) if old else 0)
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
            pass
        case _:
            raise _invalid("a filter is not described")
    if (known := name.decode("ascii", "replace")) not in FILTERS:
        raise NeedsNewer(f"a patch index needs a newer Shoal: it has the filter {known[:40]!a}")
    return Filter(file, known, offset, length, sha256)


def _read_window(value: object, new: Manifest, old: Manifest | None) -> Window:
    match value:
        case [int(offset), int(length), int(codec), list(made), list(used), int(output_bytes), bytes(sha256)]:
            pass
        case _:
            raise _invalid("a window is not described")
    if codec not in {STORED, ZSTD, HDIFF, COPY, HDIFF_REBASED, COPY_REBASED}:
        raise NeedsNewer(f"a patch index needs a newer Shoal: it has codec {codec}")
    window = Window(
        offset,
        length,
        codec,
        _read_ranges(made, new.entries),
        _read_ranges(used, old.entries if old else ()),
        output_bytes,
        sha256,
    )
    fits = _is_copy if window.is_copy else _fits
    if sum(span.length for span in window.new) != output_bytes or not fits(window):
        raise _invalid("the sizes of a window do not go together")
    return window


def _is_copy(window: Window) -> bool:
    pairs = [span.length for span in window.new] == [span.length for span in window.old]
    return pairs and bool(window.new) and window.length == 0 and not window.sha256


def _fits(window: Window) -> bool:
    """A decoded window keeps to the bounds of memory, and only a delta names old bytes."""
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
                before = Range(number, offset + before.base_for(number), length)
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
    at = 0
    stretches = [(each.offset, each.length) for each in index.filters]
    for offset, length in stretches + [(window.offset, window.length) for window in index.windows]:
        if offset != at:
            raise _invalid("its maps and windows do not fill its pack")
        at += length
    if at != index.pack_bytes:
        raise _invalid("its maps and windows do not fill its pack")


def _check_filters(index: Index, old_files: int) -> None:
    """Filters are in the order of their files, one a file. Each is used, and each re-based window uses one."""
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

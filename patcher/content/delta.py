"""Patches as documents: the index of a pack, written down and read strictly against the manifests it speaks of."""

from collections.abc import Sequence
from typing import Any

from patcher.content import bencoded, merkle
from patcher.content.chunker import Common
from patcher.content.codec import (
    COPY,
    COPY_REBASED,
    HDIFF,
    HDIFF_REBASED,
    STORED,
    WINDOW_BYTES,
    ZSTD,
    apply,
    apply_manifest_delta,
    make,
    manifest_delta,
)
from patcher.content.index import INLINE_BYTES, WHAT, Filter, Index, Window, index_of, pack_torrent
from patcher.content.manifest import MAX_PIECE_BYTES, MIN_PIECE_BYTES, Entry, Manifest
from patcher.content.merkle import Ref
from patcher.content.native.sections import FILTERS
from patcher.errors import ContentError, NeedsNewer
from patcher.publish.patches.windows import MAX_OLD_BYTES, Compare, Cut, Range, bases, cut, to_chunk, worth_packing

__all__ = [
    "COPY", "COPY_REBASED", "HDIFF", "HDIFF_REBASED", "INLINE_BYTES", "STORED", "WINDOW_BYTES", "ZSTD", "Common",
    "Compare", "Cut", "Filter", "Index", "Range", "Window", "apply", "apply_manifest_delta", "bases", "cut", "encode",
    "index_of", "make", "manifest_delta", "pack_of", "pack_torrent", "parse", "to_chunk", "worth_packing",
]  # fmt: skip

MAX_INDEX_BYTES = 64 * 1024 * 1024
MAX_MAP_BYTES = 4 * 1024 * 1024


def encode(index: Index, new: Manifest, old: Manifest | None = None) -> bytes:
    """The document that `parse` reads with the same two manifests. Raises what `parse` would raise."""
    old_entries = old.entries if old else ()
    document: dict[bytes, Any] = {
        b"format": bencoded.FORMAT,
        b"requires": _required(index.filters),
        b"filters": [[f.file, f.name.encode(), f.offset, f.length, f.sha256] for f in index.filters],
        b"piece length": index.piece_bytes,
        b"layer": index.layer,
        b"inline": index.inline,
        b"windows": [
            [
                window.offset,
                window.length,
                window.codec,
                _write_ranges(window.new, new.entries),
                _write_ranges(window.old, old_entries),
                window.output_bytes,
                window.sha256,
            ]
            for window in index.windows
        ],
    }
    if index.pack:
        document[b"pack"] = index.pack.to_bencode()
    data = bencoded.encode(document)
    parse(data, new, old)
    return data


def _required(filters: Sequence[Filter]) -> list[bytes]:
    return sorted({each.name.encode() for each in filters})


def _write_ranges(spans: Sequence[Range], entries: Sequence[Entry]) -> list[int | list[int]]:
    """A whole file is its number alone: most ranges are, and an index is often larger than its pack."""
    written: list[int | list[int]] = []
    before = Range(-1, 0, 0)
    for span in spans:
        whole = span.offset == 0 and span.length == entries[span.file].size_bytes
        written.append(span.file if whole else [span.file, span.offset - _origin(before, span.file), span.length])
        before = span
    return written


def _origin(before: Range, file: int) -> int:
    """Where offsets count from: the end of the range before, when that is of the same file."""
    return before.end if before.file == file else 0


def parse(data: bytes, new: Manifest, old: Manifest | None = None) -> Index:
    """Read an index and check that all it names exists and fits; ``old`` is None for a full pack.

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
    if raw[b"requires"] != _required(index.filters):
        raise _invalid("it does not require what its filters need")
    _check_pack(index)
    _check_offsets(index)
    _check_filters(index, len(old.entries) if old else 0)
    _check_outputs(index, new, whole=old is not None)
    return index


def pack_of(data: bytes) -> Ref | None:
    """The pack that an index is of, for who has not its manifests. Raises what `parse` raises."""
    return _pack(_decode(data))


def _decode(data: bytes) -> dict[bytes, Any]:
    raw = bencoded.decode(data, WHAT, MAX_INDEX_BYTES)
    bencoded.check_format(raw, WHAT, [name.encode() for name in FILTERS])
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
    """A window that is decoded keeps to the bounds of memory, and only a delta leans on old bytes."""
    used_bytes = sum(span.length for span in window.old)
    sizes = 1 <= window.length <= window.output_bytes <= WINDOW_BYTES and used_bytes <= MAX_OLD_BYTES
    leans = window.codec in {HDIFF, HDIFF_REBASED}
    return sizes and len(window.sha256) == merkle.HASH_BYTES and (leans or not window.old)


def _read_ranges(values: list[object], entries: Sequence[Entry]) -> tuple[Range, ...]:
    spans: list[Range] = []
    before = Range(-1, 0, 0)
    for value in values:
        match value:
            case int(number) if 0 <= number < len(entries):
                before = Range(number, 0, entries[number].size_bytes)
            case [int(number), int(offset), int(length)] if 0 <= number < len(entries):
                before = Range(number, offset + _origin(before, number), length)
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
    """Maps, then windows lie in the pack one behind the other, and there is nothing else in it."""
    at = 0
    stretches = [(each.offset, each.length) for each in index.filters]
    for offset, length in stretches + [(window.offset, window.length) for window in index.windows]:
        if offset != at:
            raise _invalid("its maps and windows do not fill its pack")
        at += length
    if at != index.pack_bytes:
        raise _invalid("its maps and windows do not fill its pack")


def _check_filters(index: Index, old_files: int) -> None:
    """Old files in order, each once and for a window that reads it so; and no window is re-based for nothing."""
    before, used = -1, {file for window in index.windows for file in index.filters_of(window)}
    for each in index.filters:
        in_order = before < each.file < old_files
        if not in_order or not 0 < each.length <= MAX_MAP_BYTES or len(each.sha256) != merkle.HASH_BYTES:
            raise _invalid("a filter is not of an old file or its map has no good size")
        before = each.file
    if len(used) != len(index.filters) or any(w.is_rebased and not index.filters_of(w) for w in index.windows):
        raise _invalid("its filters and windows do not go together")


def _check_outputs(index: Index, new: Manifest, *, whole: bool) -> None:
    """No byte is made twice; a patch leaves no file half made, a full pack makes whole pieces."""
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
    return bencoded.invalid(WHAT, reason)

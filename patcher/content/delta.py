"""The index of a patch: what is where in a pack, and what comes of it.

A *window* is at most 16 MiB of new bytes, whole small files or runs of larger ones, decoded on its own from its bytes
in the pack and from the old ranges it names; or a copy, of any size, that needs no bytes of the pack. A patch makes its
files whole; a *full pack* (no old release) may leave windows out. Content that the old release holds anywhere is in no
patch, and no content is in it twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bencode2 import bencode

from patcher.content import documents, merkle
from patcher.content.chunks import Common
from patcher.content.codec import (
    COPY,
    HDIFF,
    STORED,
    WINDOW_BYTES,
    ZSTD,
    apply,
    apply_manifest_delta,
    make,
    manifest_delta,
)
from patcher.content.cutting import MAX_OLD_BYTES, Compare, Cut, Range, cut, to_chunk, worth_packing
from patcher.content.manifest import MAX_PIECE_BYTES, MIN_PIECE_BYTES, Entry, Manifest, announce, piece_bytes_for
from patcher.content.merkle import Ref
from patcher.errors import ContentError, TrustError

__all__ = [
    "COPY", "HDIFF", "STORED", "WINDOW_BYTES", "ZSTD", "Common", "Compare", "Cut", "Index", "Range", "Window", "apply",
    "apply_manifest_delta", "cut", "encode", "index_of", "make", "manifest_delta", "pack_of", "pack_torrent", "parse",
    "to_chunk", "worth_packing",
]  # fmt: skip

INLINE_BYTES = 8 * 1024
SWARM_BYTES = 64 * 1024
MAX_INDEX_BYTES = 64 * 1024 * 1024

_WHAT = "a patch index"


@dataclass(frozen=True, slots=True)
class Window:
    """Where a window lies in the pack, what it makes (``new``, side by side) and from what (``old``, side by side).

    A copy has no bytes in the pack and no ``sha256``: each new range is the old one beside it, and the files it is part
    of have their signed roots.
    """

    offset: int
    length: int
    codec: int
    new: tuple[Range, ...]
    old: tuple[Range, ...]
    output_bytes: int
    sha256: bytes


@dataclass(frozen=True)
class Index:
    """A pack and its windows. ``pack`` is None when the pack is empty or stands in ``inline``.

    ``layer`` is the pack's piece layer, ``b""`` for a pack of one piece.
    """

    pack: Ref | None
    piece_bytes: int
    layer: bytes
    windows: tuple[Window, ...]
    inline: bytes = b""

    @property
    def pack_bytes(self) -> int:
        """Size of the pack, wherever it is."""
        return self.pack.size_bytes if self.pack else len(self.inline)

    @property
    def has_swarm(self) -> bool:
        """A smaller pack is not worth a torrent."""
        return self.pack is not None and self.pack.size_bytes >= SWARM_BYTES


def index_of(windows: Iterable[Window], leaves: bytes, size_bytes: int, inline: bytes = b"") -> Index:
    """The index of a finished pack, from its leaves and size; of a pack of up to 8 KiB ``inline`` are its bytes."""
    piece = piece_bytes_for(size_bytes)
    if size_bytes <= INLINE_BYTES:
        return Index(None, piece, b"", tuple(windows), inline)
    return Index(Ref(merkle.root_of(leaves), size_bytes), piece, merkle.layer_of(leaves, piece), tuple(windows))


# ---------------------------------------------------------------- index document


def encode(index: Index, new: Manifest, old: Manifest | None = None) -> bytes:
    """The document that `parse` reads with the same two manifests. Raises what `parse` would raise."""
    old_entries = old.entries if old else ()
    document: dict[bytes, Any] = {
        b"format": documents.FORMAT,
        b"requires": [],
        b"filters": [],
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
    data = documents.encode(document)
    parse(data, new, old)
    return data


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
    if raw.get(b"filters") != []:
        raise TrustError("trust.needs_newer", "a patch index needs a newer Shoal: it has filters")
    pack = _pack(raw)
    piece, layer, inline, windows = (raw.get(key) for key in (b"piece length", b"layer", b"inline", b"windows"))
    if not isinstance(piece, int) or not isinstance(layer, bytes) or not isinstance(inline, bytes):
        raise _invalid("its pack is not described")
    if not isinstance(windows, list):
        raise _invalid("it has no list of windows")
    index = Index(pack, piece, layer, tuple(_read_window(w, new, old) for w in windows), inline)
    _check_pack(index)
    _check_offsets(index)
    _check_outputs(index, new, whole=old is not None)
    return index


def pack_of(data: bytes) -> Ref | None:
    """The pack that an index is of, for who has not its manifests. Raises what `parse` raises."""
    return _pack(_decode(data))


def _decode(data: bytes) -> dict[bytes, Any]:
    raw = documents.decode(data, _WHAT, MAX_INDEX_BYTES)
    documents.check_format(raw, _WHAT)
    return raw


def _pack(raw: dict[bytes, Any]) -> Ref | None:
    return Ref.from_bencode(raw[b"pack"]) if b"pack" in raw else None


def _read_window(value: object, new: Manifest, old: Manifest | None) -> Window:
    match value:
        case [int(offset), int(length), int(codec), list(made), list(used), int(output_bytes), bytes(sha256)]:
            pass
        case _:
            raise _invalid("a window is not described")
    if codec not in {STORED, ZSTD, HDIFF, COPY}:
        raise TrustError("trust.needs_newer", f"a patch index needs a newer Shoal: it has codec {codec}")
    window = Window(
        offset,
        length,
        codec,
        _read_ranges(made, new.entries),
        _read_ranges(used, old.entries if old else ()),
        output_bytes,
        sha256,
    )
    if sum(span.length for span in window.new) != output_bytes or not (_is_copy if codec == COPY else _fits)(window):
        raise _invalid("the sizes of a window do not go together")
    return window


def _is_copy(window: Window) -> bool:
    pairs = [span.length for span in window.new] == [span.length for span in window.old]
    return pairs and bool(window.new) and window.length == 0 and not window.sha256


def _fits(window: Window) -> bool:
    """A window that is decoded keeps to the bounds of memory, and only a delta leans on old bytes."""
    used_bytes = sum(span.length for span in window.old)
    sizes = 1 <= window.length <= window.output_bytes <= WINDOW_BYTES and used_bytes <= MAX_OLD_BYTES
    return sizes and len(window.sha256) == merkle.HASH_BYTES and (window.codec == HDIFF or not window.old)


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
    """Windows lie in the pack one behind the other, and there is nothing else in it."""
    at = 0
    for window in index.windows:
        if window.offset != at:
            raise _invalid("its windows do not fill its pack")
        at += window.length
    if at != index.pack_bytes:
        raise _invalid("its windows do not fill its pack")


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


def pack_torrent(index: Index, part: str, trackers: Sequence[str] = ()) -> bytes:
    """The pack as a v2 torrent of one file, with its piece layer; ``part`` is the name in the new manifest.

    The same pack and part make the same swarm. Raises ContentError content.invalid when there is no pack file.
    """
    if index.pack is None:
        raise _invalid("there is no pack to make a torrent of")
    name = f"{part}.patch".encode()
    file = {b"length": index.pack.size_bytes, b"pieces root": index.pack.root}
    info = {
        b"file tree": {name: {b"": file}},
        b"meta version": 2,
        b"name": name,
        b"piece length": index.piece_bytes,
    }
    layers = {index.pack.root: index.layer} if index.layer else {}
    return bencode({b"info": info, b"piece layers": layers, **announce(trackers)})


def _invalid(reason: str) -> ContentError:
    return documents.invalid(_WHAT, reason)

"""Encoding: what the readers in `patcher.content` take apart (patch indexes, windows, manifest deltas, documents).

The same input gives the same output as long as the libraries are the same.
"""

import hashlib
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import hdiffpatch
from bencode2 import bencode

from patcher.content import bencoded, codec, merkle, patch_index
from patcher.content.file_tree import Entry
from patcher.content.layout import Range
from patcher.content.manifest import Manifest
from patcher.content.merkle import Ref
from patcher.content.patch_index import BEFORE_FIRST, INLINE_BYTES, Filter, Index, Window, base_of
from patcher.errors import ContentError
from patcher.publish.build import piece_bytes_for

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_SAMPLE_BYTES = 64 * 1024
_QUICK_LEVEL = 9
_LARGE_BYTES = 1 << 20
"""Larger documents, of 10,000 files and more, are mostly hashes: level 19 would save 3 % in 15 times the time."""


def index_of(
    windows: Iterable[Window], leaves: bytes, size_bytes: int, inline: bytes = b"", filters: Iterable[Filter] = ()
) -> Index:
    """The index of a finished pack, from its leaves and size. ``inline`` holds the bytes of a pack of up to 8 KiB."""
    piece = piece_bytes_for(size_bytes)
    windows, filters = tuple(windows), tuple(filters)
    if size_bytes <= INLINE_BYTES:
        return Index(None, piece, b"", windows, inline, filters)
    pack = Ref(merkle.root_of(leaves), size_bytes)
    return Index(pack, piece, merkle.layer_of(leaves, piece), windows, b"", filters)


def write_index(index: Index, new: Manifest, old: Manifest | None = None) -> bytes:
    """The document that `patch_index.parse` reads with the same two manifests. Raises what `parse` would raise."""
    used = old.entries if old else ()
    document: dict[bytes, Any] = {
        b"format": bencoded.FORMAT,
        b"requires": index.requires,
        b"filters": [[f.file, f.name.encode(), f.offset, f.length, f.sha256] for f in index.filters],
        b"piece length": index.piece_bytes,
        b"layer": index.layer,
        b"inline": index.inline,
        b"windows": [_write_window(window, new.entries, used) for window in index.windows],
    }
    if index.pack:
        document[b"pack"] = index.pack.to_bencode()
    data = pack_document(bencode(document))
    patch_index.parse(data, new, old)
    return data


def _write_window(window: Window, new: Sequence[Entry], old: Sequence[Entry]) -> list[object]:
    ranges = _write_ranges(window.new, new), _write_ranges(window.old, old)
    return [window.offset, window.length, window.codec, *ranges, window.output_bytes, window.sha256]


def _write_ranges(spans: Sequence[Range], entries: Sequence[Entry]) -> list[int | list[int]]:
    """A whole file is its number alone: most ranges are whole files, and an index is often larger than its pack."""
    written: list[int | list[int]] = []
    before = BEFORE_FIRST
    for span in spans:
        whole = span.offset == 0 and span.length == entries[span.file].size_bytes
        written.append(span.file if whole else [span.file, span.offset - base_of(span.file, before), span.length])
        before = span
    return written


def make_window(new: bytes, old: bytes | None = None, *, is_quick: bool = False) -> tuple[int, bytes]:
    """The smallest form of ``new`` as (codec, bytes): stored, zstd, or a delta against ``old`` if that is not None.

    ``is_quick``: zstd in a twentieth of the time, some 10 % larger.

    A window in another codec than HDIFF names no old ranges.
    """
    best = (codec.STORED, new)
    if old is not None and not _is_noise(new, old):
        config = hdiffpatch.Lzma2Config(level=9, window=codec.WINDOW_LOG)
        delta = hdiffpatch.diff(old, new, config, validate=False, big_cache_match=True)
        if len(delta) < len(new) and _works(delta, old, new):
            best = (codec.HDIFF, delta)
    if _may_beat(len(best[1]), new):
        packed = zstd.compress(new, options=_long(codec.WINDOW_LOG, _QUICK_LEVEL if is_quick else 19))
        best = min(best, (codec.ZSTD, packed), key=lambda form: (len(form[1]), form[0]))
    return best


def _may_beat(best_bytes: int, new: bytes) -> bool:
    """Whether slow zstd may give less than ``best_bytes``. It saves at most a quarter more than quick zstd.

    zstd cannot beat a small delta, which took nearly all from the old bytes, nor compress noise.
    """
    if best_bytes * 8 <= len(new):
        return False
    quick_bytes = len(zstd.compress(new, options=_long(codec.WINDOW_LOG, 3)))
    return quick_bytes * 3 < best_bytes * 4 and quick_bytes * 50 < len(new) * 49


def _is_noise(new: bytes, old: bytes) -> bool:
    """Whether ``new`` neither shrinks nor shares 16 bytes with ``old``, like new media in an old pak. A search for a
    delta would then take a second a megabyte and find nothing.
    """
    sample = b"".join(new[at : at + _SAMPLE_BYTES] for at in range(0, len(new), 16 * _SAMPLE_BYTES))
    if len(zstd.compress(sample, level=1)) * 50 < len(sample) * 49:
        return False
    option = zstd.CompressionParameter
    options = _long(codec.prefix_log(old, len(new)), 1) | {option.ldm_min_match: 16, option.ldm_hash_rate_log: 4}
    return len(zstd.compress(new, options=options, zstd_dict=codec.prefix(old))) * 100 > len(new) * 99


def _works(delta: bytes, old: bytes, new: bytes) -> bool:
    """Whether a player can apply the delta: one that our own bounds refuse must never be published."""
    try:
        return codec.apply(codec.HDIFF, delta, old, len(new), hashlib.sha256(new).digest()) == new
    except ContentError:
        return False


def manifest_delta(old: bytes, new: bytes) -> bytes:
    """A document as a zstd frame that continues an older one."""
    level = 19 if len(new) < _LARGE_BYTES else _QUICK_LEVEL
    return zstd.compress(new, options=_long(codec.prefix_log(old, len(new)), level), zstd_dict=codec.prefix(old))


def readable_delta(old: bytes, new: bytes) -> bytes | None:
    """The `manifest_delta`; None if it is larger than the document, or so small that readers refuse it."""
    delta = manifest_delta(old, new)
    return delta if len(delta) < len(new) <= len(old) + codec.MAX_RATIO * len(delta) else None


def readable_delta_of(old: Path | None, new: Path) -> bytes | None:
    """The same of documents in files; from nothing without ``old``. Raises OSError."""
    return readable_delta(old.read_bytes() if old else b"", new.read_bytes())


def pack_document(plain: bytes) -> bytes:
    """A document as a zstd frame of its own; unchanged if that is not readable."""
    return readable_delta(b"", plain) or plain


def packed_bytes(data: bytes) -> int:
    """Size of ``data`` in a store that compresses each chunk alone and quickly."""
    return min(len(zstd.compress(data, level=9)), len(data))


def versions() -> dict[str, str]:
    """Name and version of the libraries on which the bytes of an encoding depend."""
    return {"hdiffpatch": metadata.version("hdiffpatch"), "zstd": zstd.zstd_version}


def _long(window_log: int, level: int) -> dict[int, int]:
    option = zstd.CompressionParameter
    return {option.compression_level: level, option.window_log: window_log, option.enable_long_distance_matching: 1}

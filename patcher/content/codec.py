"""Bytes from bytes: how one window, and a manifest, is made smaller and made whole again.

Every decoder's output is capped at its signed size, its memory by what the input says before it runs, and its result
is compared with its signed hash. Callers check the input's own hash first; the bounds here are for stolen keys.
"""

import hashlib
import sys

import hdiffpatch

from patcher.content import merkle
from patcher.errors import ContentError, Mismatch

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

STORED, ZSTD, HDIFF, COPY = 0, 1, 2, 3
HDIFF_REBASED, COPY_REBASED = 4, 5
"""The same, of old bytes that were read through address maps."""
ZSTD_MAGIC = bytes.fromhex("28b52ffd")
WINDOW_BYTES = 16 * 1024 * 1024
MAX_RATIO = 16
"""What a document that travels compressed may unfold to, in times its size: honest ones reach 10, bombs thousands."""

_WINDOW_LOG = WINDOW_BYTES.bit_length() - 1
_HDIFF_MAGIC = b"HDIFF13&lzma2\0"
_MAX_DICTIONARY_BYTES = 64 * 1024 * 1024
_MAX_PREFIX_LOG = 30
_SAMPLE_BYTES = 64 * 1024


def make(new: bytes, old: bytes | None = None) -> tuple[int, bytes]:
    """The smallest form of ``new`` as (codec, bytes): stored, zstd, or (``old`` is not None) a delta against ``old``.

    ``old`` is for HDIFF alone: a window in another codec names no old ranges. The same input gives the same output, as
    long as the libraries are the same.
    """
    best = (STORED, new)
    if old is not None and not _is_noise(new, old):
        config = hdiffpatch.Lzma2Config(level=9, window=_WINDOW_LOG)
        delta = hdiffpatch.diff(old, new, config, validate=False, big_cache_match=True)
        if len(delta) < len(new) and _works(delta, old, new):
            best = (HDIFF, delta)
    if _may_beat(len(best[1]), new):
        best = min(best, (ZSTD, zstd.compress(new, options=_long(_WINDOW_LOG, 19))), key=_cost)
    return best


def apply(codec: int, data: bytes, old: bytes, output_bytes: int, sha256: bytes) -> bytes:
    """The bytes that `make` was given. Raises ContentError content.window, whatever the input."""
    try:
        if codec in {HDIFF, HDIFF_REBASED}:
            _check_hdiff(data, len(old), output_bytes)
            output = hdiffpatch.apply(old, data)
        elif codec == ZSTD:
            output = _unzstd(data, output_bytes, None, _WINDOW_LOG)
        else:
            output = data if codec == STORED else b""
    except (hdiffpatch.HDiffPatchError, zstd.ZstdError, MemoryError, IndexError) as error:
        raise _damaged("it cannot be decoded") from error
    if len(output) != output_bytes or hashlib.sha256(output).digest() != sha256:
        raise _damaged("it does not give the signed bytes")
    return output


def manifest_delta(old: bytes, new: bytes) -> bytes:
    """A document as a zstd frame that continues an older one."""
    level = 19 if len(new) < 2 * WINDOW_BYTES else 12  # at 19 the largest manifests would take minutes
    return zstd.compress(new, options=_long(_prefix_log(old, len(new)), level), zstd_dict=_prefix(old))


def apply_manifest_delta(old: bytes, delta: bytes, ref: merkle.Ref) -> bytes:
    """The newer document, folded to its root. Raises Mismatch, whatever the input.

    It has at most `MAX_RATIO` bytes for each of the delta's, and as many as the old one.
    """
    log = _prefix_log(old, ref.size_bytes)
    if ref.size_bytes > len(old) + MAX_RATIO * len(delta):
        raise Mismatch("a manifest delta unfolds to too much")
    try:
        new = _unzstd(delta, ref.size_bytes, _prefix(old), log) if log <= _MAX_PREFIX_LOG else b""
    except (zstd.ZstdError, MemoryError) as error:
        raise Mismatch("a manifest delta cannot be decoded") from error
    if len(new) != ref.size_bytes or merkle.ref_of(new) != ref:
        raise Mismatch("a manifest delta does not give the signed manifest")
    return new


def packed_bytes(data: bytes) -> int:
    """What ``data`` would cost a store that compresses its chunks alone and quickly."""
    return min(len(zstd.compress(data, level=9)), len(data))


def pack_document(plain: bytes) -> bytes:
    """A document as a zstd frame of its own, or as it is where that is larger or too small to be believed."""
    frame = manifest_delta(b"", plain)
    return frame if len(frame) < len(plain) <= MAX_RATIO * len(frame) else plain


def unpack_document(data: bytes, max_bytes: int) -> bytes:
    """The document again.

    Raises ContentError content.invalid for anything but one frame of at most ``max_bytes``, and of at most `MAX_RATIO`
    for each byte of ``data``.
    """
    max_bytes = min(max_bytes, MAX_RATIO * len(data))
    try:
        plain = _unzstd(data, max_bytes, None, min(_prefix_log(b"", max_bytes), _MAX_PREFIX_LOG))
    except (zstd.ZstdError, MemoryError) as error:
        raise ContentError("content.invalid", "a packed document cannot be decoded") from error
    if not plain or len(plain) > max_bytes:
        raise ContentError("content.invalid", "a packed document is no frame or too large")
    return plain


def _may_beat(best_bytes: int, new: bytes) -> bool:
    """Whether slow zstd may give less than ``best_bytes``, judged by quick zstd: it saves a quarter more at most.

    A small delta took nearly all from the old bytes, which zstd does not see; noise stays noise.
    """
    if best_bytes * 8 <= len(new):
        return False
    quick_bytes = len(zstd.compress(new, options=_long(_WINDOW_LOG, 3)))
    return quick_bytes * 3 < best_bytes * 4 and quick_bytes * 50 < len(new) * 49


def _is_noise(new: bytes, old: bytes) -> bool:
    """Whether ``new`` neither shrinks nor has 16 bytes in common with ``old``: of that, looking for a delta takes a
    second a megabyte and finds nothing. Media that are new to an old pak are like that.
    """
    sample = b"".join(new[at : at + _SAMPLE_BYTES] for at in range(0, len(new), 16 * _SAMPLE_BYTES))
    if len(zstd.compress(sample, level=1)) * 50 < len(sample) * 49:
        return False
    option = zstd.CompressionParameter
    options = _long(_prefix_log(old, len(new)), 1) | {option.ldm_min_match: 16, option.ldm_hash_rate_log: 4}
    return len(zstd.compress(new, options=options, zstd_dict=_prefix(old))) * 100 > len(new) * 99


def _works(delta: bytes, old: bytes, new: bytes) -> bool:
    """Applied as a player will apply it: what our own bounds refuse must never be published."""
    try:
        return apply(HDIFF, delta, old, len(new), hashlib.sha256(new).digest()) == new
    except ContentError:
        return False


def _cost(form: tuple[int, bytes]) -> tuple[int, int]:
    return len(form[1]), form[0]


def _long(window_log: int, level: int) -> dict[int, int]:
    option = zstd.CompressionParameter
    return {option.compression_level: level, option.window_log: window_log, option.enable_long_distance_matching: 1}


def _prefix(old: bytes) -> tuple[zstd.ZstdDict, int] | None:
    return zstd.ZstdDict(old, is_raw=True).as_prefix if len(old) >= 8 else None


def _prefix_log(old: bytes, new_bytes: int) -> int:
    """The window that lets the last new byte refer to the first old one."""
    return max((len(old) + new_bytes).bit_length(), 10)


def _unzstd(data: bytes, output_bytes: int, prefix: tuple[zstd.ZstdDict, int] | None, window_log: int) -> bytes:
    """One frame, no more than it should be; whatever is not exactly that is cut short or empty."""
    limit: dict[int, int] = {zstd.DecompressionParameter.window_log_max: window_log}
    decoder = zstd.ZstdDecompressor(prefix, limit)
    output = decoder.decompress(data, output_bytes + 1)
    return output if decoder.eof and not decoder.unused_data else b""


def _check_hdiff(data: bytes, old_bytes: int, output_bytes: int) -> None:
    """Refuse a delta whose header would make the decoder take more memory or time than an honest one.

    HDIFF13: magic; then, each as a big-endian base-128 number, new size, old size, number of covers, and four sections
    as (size, packed size or 0): covers, two of run lengths, new bytes; then the sections. A packed section begins with
    its LZMA2 dictionary size.
    """
    if not data.startswith(_HDIFF_MAGIC):
        raise _damaged("it is no delta")
    numbers, at = [], len(_HDIFF_MAGIC)
    for _ in range(11):
        number, at = _number(data, at)
        numbers.append(number)
    new_size, old_size, covers, *sizes = numbers
    if new_size != output_bytes or old_size != old_bytes or covers > output_bytes:
        raise _damaged("it was made for other bytes")
    for size, packed in zip(sizes[::2], sizes[1::2], strict=True):
        if size > 4 * output_bytes + 64 or (packed and _dictionary_bytes(data[at]) > _MAX_DICTIONARY_BYTES):
            raise _damaged("it asks for too much memory")
        at += packed or size
    if at != len(data):
        raise _damaged("it has not the length it says")


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for end in range(at, at + 10):
        value = value << 7 | data[end] & 0x7F
        if data[end] < 0x80:
            return value, end + 1
    raise _damaged("it holds an endless number")


def _dictionary_bytes(code: int) -> int:
    """Of an LZMA2 properties byte (xz file format, 5.3.1)."""
    return (2 | code & 1) << (code // 2 + 11)


def _damaged(reason: str) -> ContentError:
    return ContentError("content.window", f"a window of a patch is damaged: {reason}")

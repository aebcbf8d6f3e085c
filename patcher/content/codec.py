"""Decodes windows, manifest deltas and packed documents, which `patcher.publish.patches.encode` makes.

Each output is capped at its signed size and compared with the signed hash. Each header is checked before a decoder
takes the memory that it asks for. Callers check the hash of the input first, so these bounds are for stolen keys.
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
"""The same as HDIFF and COPY, with old bytes that are read through address maps."""
ZSTD_MAGIC = bytes.fromhex("28b52ffd")
WINDOW_BYTES = 16 * 1024 * 1024
WINDOW_LOG = WINDOW_BYTES.bit_length() - 1
MAX_RATIO = 16
"""A packed document may be at most this many times as large unpacked. Honest ones reach 10, bombs thousands."""

_HDIFF_MAGIC = b"HDIFF13&lzma2\0"
_MAX_DICTIONARY_BYTES = 64 * 1024 * 1024
_MAX_LOG = 30


def apply(codec: int, data: bytes, old: bytes, output_bytes: int, sha256: bytes) -> bytes:
    """The output of a window. Raises ContentError content.window if it has not this size and hash."""
    try:
        if codec in {HDIFF, HDIFF_REBASED}:
            _check_hdiff(data, len(old), output_bytes)
            output = hdiffpatch.apply(old, data)
        elif codec == ZSTD:
            output = _unzstd(data, output_bytes, None, WINDOW_LOG)
        else:
            output = data if codec == STORED else b""
    except (hdiffpatch.HDiffPatchError, zstd.ZstdError, MemoryError, IndexError) as error:
        raise _damaged("it cannot be decoded") from error
    if len(output) != output_bytes or hashlib.sha256(output).digest() != sha256:
        raise _damaged("it does not give the signed bytes")
    return output


def apply_manifest_delta(old: bytes, delta: bytes, ref: merkle.Ref) -> bytes:
    """The newer document, checked against its root. Raises Mismatch for any bad input.

    It may be at most as large as the old document and `MAX_RATIO` times the delta together.
    """
    log = prefix_log(old, ref.size_bytes)
    if ref.size_bytes > len(old) + MAX_RATIO * len(delta):
        raise Mismatch("a manifest delta unfolds to too much")
    try:
        new = _unzstd(delta, ref.size_bytes, prefix(old), log) if log <= _MAX_LOG else b""
    except (zstd.ZstdError, MemoryError) as error:
        raise Mismatch("a manifest delta cannot be decoded") from error
    if len(new) != ref.size_bytes or merkle.ref_of(new) != ref:
        raise Mismatch("a manifest delta does not give the signed manifest")
    return new


def unpack_document(data: bytes, max_bytes: int) -> bytes:
    """The document in a zstd frame, of at most ``max_bytes`` and at most `MAX_RATIO` times as large as the frame.

    Raises ContentError content.invalid for anything else.
    """
    max_bytes = min(max_bytes, MAX_RATIO * len(data))
    try:
        plain = _unzstd(data, max_bytes, None, min(prefix_log(b"", max_bytes), _MAX_LOG))
    except (zstd.ZstdError, MemoryError) as error:
        raise ContentError("content.invalid", "a packed document cannot be decoded") from error
    if not plain or len(plain) > max_bytes:
        raise ContentError("content.invalid", "a packed document is no frame or too large")
    return plain


def prefix(old: bytes) -> tuple[zstd.ZstdDict, int] | None:
    """An older document as the zstd prefix of a newer one; None if it is too short for that."""
    return zstd.ZstdDict(old, is_raw=True).as_prefix if len(old) >= 8 else None


def prefix_log(old: bytes, new_bytes: int) -> int:
    """Log2 of the zstd window in which the last new byte can refer to the first old one."""
    return max((len(old) + new_bytes).bit_length(), 10)


def _unzstd(data: bytes, output_bytes: int, before: tuple[zstd.ZstdDict, int] | None, window_log: int) -> bytes:
    """The content of one whole frame of up to ``output_bytes``; a longer or an empty result for anything else."""
    limit: dict[int, int] = {zstd.DecompressionParameter.window_log_max: window_log}
    decoder = zstd.ZstdDecompressor(before, limit)
    output = decoder.decompress(data, output_bytes + 1)
    return output if decoder.eof and not decoder.unused_data else b""


def _check_hdiff(data: bytes, old_bytes: int, output_bytes: int) -> None:
    """Refuse a delta whose header makes the decoder take more memory or time than an honest one.

    HDIFF13 is the magic, then big-endian base-128 numbers: new size, old size, number of covers, and size and packed
    size (or 0) of four sections (covers, two of run lengths, new bytes); then the sections. A packed section begins
    with its LZMA2 dictionary size.
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
    """The dictionary size that an LZMA2 properties byte names (xz file format, 5.3.1)."""
    return (2 | code & 1) << (code // 2 + 11)


def _damaged(reason: str) -> ContentError:
    return ContentError("content.window", f"a window of a patch is damaged: {reason}")

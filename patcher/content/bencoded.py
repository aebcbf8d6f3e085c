"""Reads bencoded documents of a feed strictly, and checks their keys `format` and `requires`.

A document may be packed into one zstd frame. A bencoded dictionary begins with ``d``, a frame never does.
"""

from collections.abc import Collection, Mapping
from typing import Any

from bencode2 import bdecode, bencode

from patcher import processes
from patcher.content import codec
from patcher.errors import ContentError, NeedsNewer

FORMAT = 1


def decode(data: bytes, what: str, max_bytes: int) -> dict[bytes, Any]:
    """A bencoded dictionary in its one canonical form, packed or not, of at most ``max_bytes``.

    Takes memory of 40 times the plain document, which is at most `codec.MAX_RATIO` times as large as the packed one.
    Raises ContentError content.invalid for anything else.
    """
    data = plain(data, what, max_bytes)
    try:
        value = processes.with_stack(bdecode, data)
        same = isinstance(value, dict) and bencode(value) == data
    except (ValueError, RecursionError, OverflowError) as error:
        raise invalid(what, "it is not bencoded") from error
    if not same:
        raise invalid(what, "it is not a dictionary in canonical form")
    return dict(value)


def plain(data: bytes, what: str, max_bytes: int) -> bytes:
    """A document that may be packed, unpacked. Raises ContentError content.invalid if it is larger than that."""
    if data.startswith(codec.ZSTD_MAGIC) and len(data) <= max_bytes:
        data = codec.unpack_document(data, max_bytes)
    if len(data) > max_bytes:
        raise invalid(what, f"it is larger than {max_bytes} bytes")
    return data


def joined(values: Mapping[bytes, bytes]) -> bytes:
    """The encoding of a dictionary whose values are encoded already."""
    return b"d%be" % b"".join(part for key in sorted(values) for part in (bencode(key), values[key]))


def check_format(head: Mapping[bytes, Any], what: str, known: Collection[bytes] = ()) -> None:
    """Refuse a document that this version cannot read; ``known`` are the features it has.

    Raises TrustError trust.needs_newer, ContentError content.invalid.
    """
    number, requires = head.get(b"format"), head.get(b"requires")
    if not isinstance(number, int) or number < FORMAT or not isinstance(requires, list):
        raise invalid(what, "it says no format")
    unknown = [name for name in requires if name not in known]
    if number > FORMAT or unknown:
        wanted = ascii(unknown[:4]) if unknown else f"format {number}"
        raise NeedsNewer(f"{what} needs a newer Shoal: {wanted[:200]}")


def invalid(what: str, reason: str) -> ContentError:
    """The error for a document that is not valid."""
    return ContentError("content.invalid", f"{what} is not valid: {reason}")

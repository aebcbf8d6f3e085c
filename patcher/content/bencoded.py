"""Bencoded documents of a feed: one strict way to read them, and their keys `format` and `requires`.

A document may travel as one zstd frame; a bencoded dictionary begins with ``d`` and no frame does.
"""

from collections.abc import Collection, Mapping
from typing import Any

from bencode2 import bdecode, bencode

from patcher.content import codec
from patcher.errors import ContentError, NeedsNewer

FORMAT = 1


def decode(data: bytes, what: str, max_bytes: int) -> dict[bytes, Any]:
    """A bencoded dictionary in its one canonical form, packed or not.

    The memory it takes is bounded by the signed bytes: 40 times those of the plain document, which is at most
    `codec.MAX_RATIO` times as long as the packed one.
    Raises ContentError content.invalid for anything else, also for a document longer than ``max_bytes``.
    """
    if data.startswith(codec.ZSTD_MAGIC) and len(data) <= max_bytes:
        data = codec.unpack_document(data, max_bytes)
    if len(data) > max_bytes:
        raise invalid(what, f"it is larger than {max_bytes} bytes")
    try:
        value = bdecode(data)
        same = isinstance(value, dict) and bencode(value) == data
    except (ValueError, RecursionError, OverflowError) as error:
        raise invalid(what, "it is not bencoded") from error
    if not same:
        raise invalid(what, "it is not a dictionary in canonical form")
    return dict(value)


def check_format(head: Mapping[bytes, Any], what: str, known: Collection[bytes] = ()) -> None:
    """Refuse a document that this version, which has the features ``known``, cannot read.

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

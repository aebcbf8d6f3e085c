"""Sealed packs: contents of a release that is not live yet, encrypted (docs/formats/patches.md, "Sealed packs").

A sealed pack is a salt, and then one stream of AES-256 in counter mode: contents one after the other, a table that says
which, and the length of the table. Any range can be read alone. It has no tag: the pack itself is checked by its root
before it is used, and each content by its own.
"""

import hmac
from collections.abc import Callable, Iterable

from bencode2 import bencode
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from patcher.content import bencoded
from patcher.content.merkle import Ref

KEY_BYTES = SALT_BYTES = 32
_BLOCK = 16
_LENGTH_BYTES = 8
_MAX_TABLE_BYTES = 64 << 20
_WHAT = "the table of a sealed pack"


class Seal:
    """The key stream of one sealed pack. The same call encrypts and decrypts."""

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._key = hmac.digest(key, b"shoal sealed pack" + salt, "sha256")

    def apply(self, data: bytes, offset: int) -> bytes:
        """Encrypt or decrypt ``data``, which begins at ``offset`` of the stream."""
        block, skip = divmod(offset, _BLOCK)
        stream = Cipher(algorithms.AES(self._key), modes.CTR(block.to_bytes(_BLOCK))).encryptor()
        stream.update(bytes(skip))
        return stream.update(data)


def table(contents: Iterable[Ref]) -> bytes:
    """The end of the stream: which contents are in it, and how long this list is."""
    listed = bencode({b"format": 1, b"requires": [], b"contents": [[ref.root, ref.size_bytes] for ref in contents]})
    return listed + len(listed).to_bytes(_LENGTH_BYTES)


def salt_of(key: bytes, contents: Iterable[Ref]) -> bytes:
    """The salt: the same for the same contents, so that no two streams share key and salt."""
    return hmac.digest(key, table(contents), "sha256")


def places(key: bytes, size_bytes: int, read: Callable[[int, int], bytes]) -> tuple[Seal, dict[Ref, int]]:
    """The seal of a pack, and where each content begins in its stream.

    ``read`` returns a range of the pack. Raises ContentError (content.invalid), also for another key.
    """
    stream_bytes, seal = size_bytes - SALT_BYTES, Seal(key, read(0, SALT_BYTES))

    def opened(offset: int, length: int) -> bytes:
        return seal.apply(read(SALT_BYTES + offset, length), offset)

    end = stream_bytes - _LENGTH_BYTES
    length = int.from_bytes(opened(end, _LENGTH_BYTES)) if end >= 0 else -1
    if not 0 <= length <= min(end, _MAX_TABLE_BYTES):
        raise bencoded.invalid(_WHAT, "it is not where it should be")
    raw = bencoded.decode(opened(end - length, length), _WHAT, _MAX_TABLE_BYTES)
    bencoded.check_format(raw, _WHAT, [])
    found, offset = dict[Ref, int](), 0
    for ref in _refs(raw.get(b"contents")):
        found[ref] = offset
        offset += ref.size_bytes
    if offset != end - length:
        raise bencoded.invalid(_WHAT, "its contents do not fill the pack")
    return seal, found


def _refs(values: object) -> list[Ref]:
    if not isinstance(values, list):
        raise bencoded.invalid(_WHAT, "it lists nothing")
    found = []
    for value in values:
        match value:
            case [bytes(root), int(size_bytes)]:
                found.append(Ref(root, size_bytes))
            case _:
                raise bencoded.invalid(_WHAT, "a content is not named")
    return found

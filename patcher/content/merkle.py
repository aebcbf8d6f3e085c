"""BEP 52 hash trees: leaves, layers and roots.

A *leaf* is the SHA-256 of a 16 KiB block (the last block of a file is hashed at its own, shorter length). A *node* is
the SHA-256 of its two children. Leaves that are missing to a power of two are 32 zero bytes, so the padding of each
level is a constant. Leaves and layers are plain ``bytes``: 32 bytes a hash, side by side.

Everything is pure; hashing blocks lets other threads run, and threads are the caller's affair.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from patcher.errors import ContentError, TrustError

BLOCK_BYTES = 16384
HASH_BYTES = 32
MAX_SIZE_BYTES = 2**63 - 1

_BLANK = bytes(HASH_BYTES)
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


def _paddings() -> tuple[bytes, ...]:
    """The hash of an all-missing subtree, by height; 2^63 bytes of blocks are 49 levels."""
    pads = [_BLANK]
    for _ in range(50):
        pads.append(hashlib.sha256(pads[-1] + pads[-1]).digest())
    return tuple(pads)


_PADS = _paddings()


@dataclass(frozen=True, slots=True)
class Ref:
    """Names a content by the root of its bytes (32 bytes) and their number (at least one)."""

    root: bytes
    size_bytes: int

    def __post_init__(self) -> None:
        if len(self.root) != HASH_BYTES or not 1 <= self.size_bytes <= MAX_SIZE_BYTES:
            raise ContentError("content.invalid", "a content needs a root of 32 bytes and a size of at least one byte")

    @property
    def hex(self) -> str:
        """The root in 64 hex digits: the content's file name in a feed."""
        return self.root.hex()

    @property
    def file(self) -> str:
        """Its path below a feed's ``content/``: the root, and for a content of 64 bytes the size.

        BEP 52 does not tell leaves from nodes. So 64 bytes that are two hashes have the same root as the content whose
        halves have these hashes: a layers document of two pieces and its file. No other sizes can collide.
        """
        return f"{self.hex[:2]}/{self.hex}" + ("-64" if self.size_bytes == 2 * HASH_BYTES else "")

    def to_json(self) -> dict[str, object]:
        """``{"root": hex, "size": bytes}``, as in records."""
        return {"root": self.root.hex(), "size": self.size_bytes}

    @classmethod
    def from_json(cls, value: object) -> "Ref":
        """Raises TrustError trust.record."""
        if isinstance(value, dict):
            root, size = value.get("root"), value.get("size")
            if isinstance(root, str) and type(size) is int and 1 <= size <= MAX_SIZE_BYTES and _HEX.fullmatch(root):
                return cls(bytes.fromhex(root), size)
        raise TrustError("trust.record", "a {root, size} in a signed record is not valid")

    def to_bencode(self) -> dict[bytes, object]:
        """``{root, size}``, as in patch indexes."""
        return {b"root": self.root, b"size": self.size_bytes}

    @classmethod
    def from_bencode(cls, value: object) -> "Ref":
        """Raises ContentError content.invalid."""
        if isinstance(value, dict):
            root, size = value.get(b"root"), value.get(b"size")
            if isinstance(root, bytes) and isinstance(size, int):
                return cls(root, size)
        raise ContentError("content.invalid", "a {root, size} in a document is not valid")


class Hasher:
    """The leaves of a stream that comes in any portions."""

    def __init__(self) -> None:
        self._leaves: list[bytes] = []
        self._rest = bytearray()

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes of the stream."""
        view = memoryview(data).cast("B")
        start = 0
        if self._rest:
            start = min(BLOCK_BYTES - len(self._rest), len(view))
            self._rest += view[:start]
            if len(self._rest) < BLOCK_BYTES:
                return
            self._leaves.append(hashlib.sha256(self._rest).digest())
            self._rest.clear()
        end = start + (len(view) - start) // BLOCK_BYTES * BLOCK_BYTES
        sha256 = hashlib.sha256
        self._leaves += [sha256(view[at : at + BLOCK_BYTES]).digest() for at in range(start, end, BLOCK_BYTES)]
        self._rest += view[end:]

    def leaves(self) -> bytes:
        """All leaves, 32 bytes a block; empty for no data. The hasher is spent afterwards."""
        if self._rest:
            self._leaves.append(hashlib.sha256(self._rest).digest())
            self._rest.clear()
        return b"".join(self._leaves)


def leaves_of(data: bytes | bytearray | memoryview) -> bytes:
    """The leaves of bytes in memory, 32 bytes a block."""
    hasher = Hasher()
    hasher.update(data)
    return hasher.leaves()


def _height(count: int) -> int:
    """Levels between ``count`` leaves and their root."""
    return max(count - 1, 0).bit_length()


def _parents(nodes: bytes, pad: bytes) -> bytes:
    if len(nodes) % (2 * HASH_BYTES):
        nodes += pad
    sha256 = hashlib.sha256
    return b"".join([sha256(nodes[at : at + 64]).digest() for at in range(0, len(nodes), 64)])


def _climb(nodes: bytes, level: int, levels: int) -> bytes:
    """Nodes of height ``level`` → their ancestors ``levels`` higher."""
    for height in range(level, level + levels):
        nodes = _parents(nodes, _PADS[height])
    return nodes


def _count(hashes: bytes) -> int:
    count, odd = divmod(len(hashes), HASH_BYTES)
    if odd:
        raise ContentError("content.invalid", "a list of hashes has a length that is no multiple of 32")
    return count


def _piece_height(piece_bytes: int) -> int:
    height = (piece_bytes // BLOCK_BYTES).bit_length() - 1
    if height < 0 or piece_bytes != BLOCK_BYTES << height:
        raise ContentError("content.invalid", "a piece length is a power of two of at least 16 KiB")
    return height


def spans(blocks: Iterable[int], size_bytes: int) -> Iterator[tuple[int, int]]:
    """Offset and length of the ``blocks`` of a file, or piece, of this size; its last block may be short."""
    return ((block * BLOCK_BYTES, min(BLOCK_BYTES, size_bytes - block * BLOCK_BYTES)) for block in blocks)


def hash_at(hashes: bytes, index: int) -> bytes:
    """One of the hashes that stand side by side."""
    return hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]


def root_of(leaves: bytes) -> bytes:
    """The pieces root of a file (BEP 52); ``b""`` for a file without bytes."""
    return _climb(leaves, 0, _height(_count(leaves)))


def ref_of(data: bytes | bytearray | memoryview) -> Ref:
    """The reference of bytes in memory. Raises ContentError content.invalid for no bytes, which have no root."""
    return Ref(root_of(leaves_of(data)), len(data))


def layer_of(leaves: bytes, piece_bytes: int) -> bytes:
    """The piece layer: 32 bytes a piece; ``b""`` for a file of one piece or less, whose root is enough (BEP 52)."""
    height = _piece_height(piece_bytes)
    return _climb(leaves, 0, height) if _count(leaves) > 1 << height else b""


def root_of_layer(layer: bytes, piece_bytes: int) -> bytes:
    """The file's root from its piece layer; ``b""`` for an empty layer."""
    return _climb(layer, _piece_height(piece_bytes), _height(_count(layer)))


def piece_root(data: bytes | bytearray | memoryview, piece_bytes: int) -> bytes:
    """The hash of one piece (of at most ``piece_bytes``) in a layer: the root of a tree of full piece height."""
    return _climb(leaves_of(data), 0, _piece_height(piece_bytes))

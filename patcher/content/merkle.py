"""BEP 52 hash trees: leaves, layers and roots.

A *leaf* is the SHA-256 of a block of 16 KiB; the last block of a file may be shorter. A *node* is the SHA-256 of its
two children. Leaves are padded to a power of two with 32 zero bytes each, so each level has one constant padding node.
Leaves and layers are plain ``bytes``, 32 bytes a hash. Hashing a block releases the interpreter for other threads.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from patcher.errors import ContentError, TrustError

BLOCK_BYTES = 16384
HASH_BYTES = 32
MAX_SIZE_BYTES = 2**63 - 1

_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


def _paddings() -> tuple[bytes, ...]:
    """The root of a subtree of padding, by its height; a file of 2^63 bytes has 49 levels."""
    pads = [bytes(HASH_BYTES)]
    for _ in range(50):
        pads.append(hashlib.sha256(pads[-1] + pads[-1]).digest())
    return tuple(pads)


_PADS = _paddings()


@dataclass(frozen=True, slots=True)
class Ref:
    """Names a content by its root (32 bytes) and its size (at least one byte)."""

    root: bytes
    size_bytes: int

    def __post_init__(self) -> None:
        if len(self.root) != HASH_BYTES or not 1 <= self.size_bytes <= MAX_SIZE_BYTES:
            raise ContentError("content.invalid", "a content needs a root of 32 bytes and a size of at least one byte")

    @property
    def hex(self) -> str:
        """The root in 64 hex digits."""
        return self.root.hex()

    @property
    def file(self) -> str:
        """Its path below a feed's ``content/``: the root, and ``-64`` for a content of 64 bytes.

        BEP 52 does not tell leaves from nodes, so two hashes side by side can have the root of another content: a
        layers document of two pieces has that of its file. This happens with no other size.
        """
        name = self.hex
        return f"{name[:2]}/{name}-64" if self.size_bytes == 2 * HASH_BYTES else f"{name[:2]}/{name}"

    def to_json(self) -> dict[str, object]:
        """``{"root": hex, "size": bytes}``, as in records."""
        return {"root": self.hex, "size": self.size_bytes}

    @classmethod
    def from_json(cls, value: object) -> "Ref":
        """Raises TrustError trust.record."""
        match value:
            case {"root": str(root), "size": int(size)} if _HEX.fullmatch(root) and type(size) is int:
                if 1 <= size <= MAX_SIZE_BYTES:
                    return cls(bytes.fromhex(root), size)
        raise TrustError("trust.record", "a {root, size} in a signed record is not valid")

    def to_bencode(self) -> dict[bytes, object]:
        """``{root, size}``, as in patch indexes."""
        return {b"root": self.root, b"size": self.size_bytes}

    @classmethod
    def from_bencode(cls, value: object) -> "Ref":
        """Raises ContentError content.invalid."""
        match value:
            case {b"root": bytes(root), b"size": int(size)}:
                return cls(root, size)
        raise ContentError("content.invalid", "a {root, size} in a document is not valid")


class Hasher:
    """Hashes a stream that comes in portions of any size into its leaves."""

    def __init__(self, portions: Iterable[bytes | bytearray | memoryview] = ()) -> None:
        self._leaves: list[bytes] = []
        self._rest = bytearray()
        for data in portions:
            self.update(data)

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Hash the next bytes of the stream."""
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
        """All leaves, 32 bytes a block; empty for no data. Do not use the hasher afterwards."""
        if self._rest:
            self._leaves.append(hashlib.sha256(self._rest).digest())
        return b"".join(self._leaves)


def leaves_of(data: bytes | bytearray | memoryview) -> bytes:
    """The leaves of bytes in memory, 32 bytes a block."""
    if isinstance(data, bytes) and 0 < len(data) <= BLOCK_BYTES:  # as most files of very many: in a tenth of the time
        return hashlib.sha256(data).digest()
    return Hasher([data]).leaves()


def _height(count: int) -> int:
    """Levels between ``count`` leaves and their root."""
    return max(count - 1, 0).bit_length()


def _parents(nodes: bytes, pad: bytes) -> bytes:
    if len(nodes) % (2 * HASH_BYTES):
        nodes += pad
    sha256 = hashlib.sha256
    return b"".join([sha256(nodes[at : at + 64]).digest() for at in range(0, len(nodes), 64)])


def _climb(nodes: bytes, level: int, levels: int) -> bytes:
    """From the nodes of height ``level`` to their ancestors ``levels`` higher."""
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
    """Offset and length of these blocks of a file or piece of ``size_bytes``; its last block may be short."""
    return ((block * BLOCK_BYTES, min(BLOCK_BYTES, size_bytes - block * BLOCK_BYTES)) for block in blocks)


def hash_at(hashes: bytes, index: int) -> bytes:
    """Hash number ``index`` of a list of hashes."""
    return hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]


def root_of(leaves: bytes) -> bytes:
    """The pieces root of a file (BEP 52); ``b""`` for an empty one."""
    return _climb(leaves, 0, _height(_count(leaves)))


def ref_of(data: bytes | bytearray | memoryview) -> Ref:
    """The reference of bytes in memory. Raises ContentError content.invalid for empty ones, which have no root."""
    return Ref(root_of(leaves_of(data)), len(data))


def layer_of(leaves: bytes, piece_bytes: int) -> bytes:
    """The piece layer, 32 bytes a piece; ``b""`` for a file of at most one piece, which has none (BEP 52)."""
    height = _piece_height(piece_bytes)
    return _climb(leaves, 0, height) if _count(leaves) > 1 << height else b""


def root_of_layer(layer: bytes, piece_bytes: int) -> bytes:
    """The root of a file from its piece layer; ``b""`` for an empty layer."""
    return _climb(layer, _piece_height(piece_bytes), _height(_count(layer)))


def piece_root(data: bytes | bytearray | memoryview, piece_bytes: int) -> bytes:
    """The hash of one piece (of at most ``piece_bytes``) in a layer: the root of a tree of full piece height."""
    return _climb(leaves_of(data), 0, _piece_height(piece_bytes))

"""Proofs that a range of leaves belongs to a root (BEP 52, hash requests): a second look at how trees are built."""

from patcher.content import merkle
from patcher.errors import ContentError


def prove(leaves: bytes, first: int, count: int) -> bytes:
    """The hashes that `check_range` needs beside leaves ``first … first + count - 1``, lowest level first, left first.

    Raises ContentError content.invalid when the range is empty or leaves the file.
    """
    total = merkle._count(leaves)
    if first < 0 or count < 1 or first + count > total:
        raise ContentError("content.invalid", "a proof was asked for blocks outside of the file")
    proof, low, high = [], first, first + count
    for height in range(merkle._height(total)):
        if low % 2:
            proof.append(_node(leaves, low - 1))
        if high % 2 and high * merkle.HASH_BYTES < len(leaves):
            proof.append(_node(leaves, high))
        leaves = merkle._parents(leaves, merkle._PADS[height])
        low, high = low // 2, (high + 1) // 2
    return b"".join(proof)


def _node(nodes: bytes, index: int) -> bytes:
    return nodes[index * merkle.HASH_BYTES : (index + 1) * merkle.HASH_BYTES]


def check_range(root: bytes, leaf_count: int, first: int, leaves: bytes, proof: bytes) -> bool:
    """Are ``leaves`` the blocks from number ``first`` on of the file of ``leaf_count`` blocks with this root?"""
    if len(leaves) % merkle.HASH_BYTES or len(proof) % merkle.HASH_BYTES:
        return False
    low, high, total = first, first + len(leaves) // merkle.HASH_BYTES, leaf_count
    if not 0 <= low < high <= total:
        return False
    used = 0
    for height in range(merkle._height(total)):
        if low % 2:
            leaves = proof[used : used + merkle.HASH_BYTES] + leaves
            used += merkle.HASH_BYTES
        if high % 2 and high < total:
            leaves += proof[used : used + merkle.HASH_BYTES]
            used += merkle.HASH_BYTES
        if used > len(proof):
            return False
        leaves = merkle._parents(leaves, merkle._PADS[height])
        low, high, total = low // 2, (high + 1) // 2, (total + 1) // 2
    return used == len(proof) and leaves == root

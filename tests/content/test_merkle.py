"""BEP 52 hash trees, against a plain reading of the specification."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.content import merkle
from patcher.content.merkle import BLOCK_BYTES, Ref
from patcher.errors import ContentError, TrustError
from tests.support import proofs
from tests.support.trees import noise


def naive_root(nodes: list[bytes], width: int) -> bytes:
    """Pad to ``width`` with zero leaves and hash pairs until one is left."""
    nodes = nodes + [bytes(32)] * (width - len(nodes))
    while len(nodes) > 1:
        nodes = [sha256(nodes[i] + nodes[i + 1]).digest() for i in range(0, len(nodes), 2)]
    return nodes[0]


def width_of(count: int) -> int:
    width = 1
    while width < count:
        width *= 2
    return width


def fake_leaves(count: int) -> list[bytes]:
    return [sha256(bytes([i % 256, i // 256])).digest() for i in range(count)]


@given(st.integers(1, 200))
def test_the_root_is_that_of_the_padded_tree(count: int) -> None:
    leaves = fake_leaves(count)
    assert merkle.root_of(b"".join(leaves)) == naive_root(leaves, width_of(count))


@given(st.integers(1, 200), st.sampled_from([1, 2, 4, 16]))
def test_a_layer_is_a_subtree_a_piece_and_folds_to_the_root(count: int, blocks: int) -> None:
    leaves = fake_leaves(count)
    joined, piece_bytes = b"".join(leaves), blocks * BLOCK_BYTES
    layer = merkle.layer_of(joined, piece_bytes)
    if count <= blocks:
        assert layer == b""
    else:
        pieces = [naive_root(leaves[at : at + blocks], blocks) for at in range(0, count, blocks)]
        assert layer == b"".join(pieces)
        assert merkle.root_of_layer(layer, piece_bytes) == merkle.root_of(joined)


@pytest.mark.parametrize("size", [1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 5 * BLOCK_BYTES + 7])
def test_leaves_are_hashes_of_blocks_and_the_last_one_is_short(size: int) -> None:
    data = noise(size, size)
    expected = b"".join(sha256(data[at : at + BLOCK_BYTES]).digest() for at in range(0, size, BLOCK_BYTES))
    assert merkle.leaves_of(data) == expected


@given(st.lists(st.integers(0, 3 * BLOCK_BYTES), max_size=8))
def test_a_stream_hashes_the_same_in_any_portions(portions: list[int]) -> None:
    data = noise(7, sum(portions))
    hasher, at = merkle.Hasher(), 0
    for length in portions:
        hasher.update(memoryview(data)[at : at + length])
        at += length
    assert hasher.leaves() == merkle.leaves_of(data)


def test_a_piece_hashes_as_it_stands_in_the_layer() -> None:
    data, piece_bytes = noise(8, 150_000), 65_536
    layer = merkle.layer_of(merkle.leaves_of(data), piece_bytes)
    pieces = [merkle.piece_root(data[at : at + piece_bytes], piece_bytes) for at in range(0, len(data), piece_bytes)]
    assert b"".join(pieces) == layer


def test_no_bytes_have_no_leaves_and_no_root() -> None:
    assert (merkle.leaves_of(b""), merkle.root_of(b""), merkle.layer_of(b"", 65_536)) == (b"", b"", b"")
    with pytest.raises(ContentError):
        merkle.ref_of(b"")


@st.composite
def ranges(draw: st.DrawFn) -> tuple[int, int, int]:
    total = draw(st.integers(1, 130))
    first = draw(st.integers(0, total - 1))
    return total, first, draw(st.integers(1, total - first))


@given(ranges())
def test_a_range_proves_itself_with_the_fewest_hashes(which: tuple[int, int, int]) -> None:
    total, first, count = which
    leaves = fake_leaves(total)
    joined = b"".join(leaves)
    proof = proofs.prove(joined, first, count)
    assert proofs.check_range(merkle.root_of(joined), total, first, b"".join(leaves[first : first + count]), proof)
    assert len(proof) == 32 * naive_proof_length(total, first, count)


def naive_proof_length(total: int, first: int, count: int) -> int:
    """Subtrees next to the path that hold no block of the range and at least one real block."""
    known = [first <= i < first + count for i in range(width_of(total))]
    real = [i < total for i in range(width_of(total))]
    needed = 0
    while len(known) > 1:
        pairs = range(0, len(known), 2)
        needed += sum(known[i] != known[i + 1] and real[i if known[i + 1] else i + 1] for i in pairs)
        known = [known[i] or known[i + 1] for i in pairs]
        real = [real[i] or real[i + 1] for i in pairs]
    return needed


@given(ranges(), st.data())
def test_a_changed_leaf_hash_or_place_proves_nothing(which: tuple[int, int, int], data: st.DataObject) -> None:
    total, first, count = which
    joined = b"".join(fake_leaves(total))
    root, part, proof = merkle.root_of(joined), joined[32 * first :][: 32 * count], proofs.prove(joined, first, count)
    flip = data.draw(st.integers(0, len(part) - 1))
    assert not proofs.check_range(root, total, first, part[:flip] + bytes([part[flip] ^ 1]) + part[flip + 1 :], proof)
    if proof:
        assert not proofs.check_range(root, total, first, part, proof[32:])
        assert not proofs.check_range(root, total, first, part, bytes(32) + proof[32:])
    assert not proofs.check_range(root, total, first, part, proof + bytes(32))
    if first:
        assert not proofs.check_range(root, total, first - 1, part, proof)


@pytest.mark.parametrize(
    ("count", "first", "leaves", "proof"),
    [(0, 0, b"", b""), (1, 0, b"", b""), (2, -1, bytes(32), b""), (1, 1, bytes(32), b""), (1, 0, b"x", b""),
     (4, 0, bytes(32), b"short"), (10**12, 5, bytes(32), b"")],
)  # fmt: skip
def test_a_proof_of_nothing_sensible_is_no_proof(count: int, first: int, leaves: bytes, proof: bytes) -> None:
    assert not proofs.check_range(bytes(32), count, first, leaves, proof)


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0, 0), (2, 2), (3, 1)])
def test_only_what_is_there_can_be_proved(first: int, count: int) -> None:
    with pytest.raises(ContentError):
        proofs.prove(bytes(96), first, count)


@pytest.mark.parametrize("piece_bytes", [0, -1, 1, 16_383, 24_576, 49_152])
def test_a_piece_length_is_a_power_of_two_of_blocks(piece_bytes: int) -> None:
    with pytest.raises(ContentError):
        merkle.layer_of(bytes(64), piece_bytes)


def test_half_a_hash_is_refused() -> None:
    with pytest.raises(ContentError):
        merkle.root_of(bytes(33))


def test_a_ref_survives_both_codecs() -> None:
    ref = merkle.ref_of(b"content")
    assert Ref.from_json(ref.to_json()) == Ref.from_bencode(ref.to_bencode()) == ref
    assert ref.hex == sha256(b"content").hexdigest()


@pytest.mark.parametrize(
    "value",
    [None, {}, [], "x", {"root": "00" * 32}, {"root": "00" * 31, "size": 1}, {"root": "0" * 64, "size": 0},
     {"root": "0" * 64, "size": True}, {"root": "0" * 64, "size": 1.0}, {"root": "0" * 64, "size": 2**63},
     {"root": "A" * 64, "size": 1}, {"root": " 0" * 32, "size": 1}],
)  # fmt: skip
def test_a_ref_in_a_record_is_read_strictly(value: object) -> None:
    with pytest.raises(TrustError):
        Ref.from_json(value)


@pytest.mark.parametrize("value", [None, {}, {b"root": bytes(32)}, {b"root": bytes(31), b"size": 1},
                                   {b"root": bytes(32), b"size": -1}])  # fmt: skip
def test_a_ref_in_a_document_is_read_strictly(value: object) -> None:
    with pytest.raises(ContentError):
        Ref.from_bencode(value)

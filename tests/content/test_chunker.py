"""Chunks are the same wherever the bytes lie."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.trees import MIB, chunks_of, noise, prose


@settings(max_examples=20)
@given(st.integers(0, 12 * MIB), st.integers(1, 3 * MIB), st.booleans())
def test_chunks_do_not_depend_on_the_portions_they_come_in(size: int, portion: int, compressible: bool) -> None:
    data = prose(1, size) if compressible else noise(1, size)
    whole, portioned = chunks_of(data), chunks_of(data, portion)
    assert whole == portioned
    assert (whole.ends[-1] if size else 0) == size


def test_a_chunk_is_known_again_behind_other_bytes() -> None:
    data = noise(2, MIB)
    one, two = chunks_of(data), chunks_of(noise(3, 777) + data)
    mine, theirs = (set(chunks) for chunks in (one, two))
    assert len(mine & theirs) > 0.95 * len(mine)

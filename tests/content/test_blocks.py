"""The search for blocks: what is found is right, and what is not found was touched."""

import hashlib
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from patcher.content import landmarks, merkle
from patcher.content.blocks import Rebuild, Search, Source
from patcher.content.merkle import BLOCK_BYTES
from tests.support.trees import noise

_OLD = noise(1, 1_500_000)


def _searched(new: bytes, *olds: bytes, marks: bytes | None = None, here: bytes = b"") -> Rebuild:
    search = Search(merkle.ref_of(new), merkle.leaves_of(new))
    search.in_place(merkle.leaves_of(here))
    for number, old in enumerate(olds):
        source = Source(Path(str(number)), len(old), lambda at, length, old=old: old[at : at + length])  # type: ignore[misc]  # bound now
        search.look(source, landmarks.of([new], len(new)) if marks is None else marks)
    return search.result()


def _rebuilt(rebuild: Rebuild, new: bytes, *olds: bytes, here: bytes = b"") -> bytes:
    """What the file becomes when the missing blocks come from somewhere."""
    made = bytearray(here[: len(new)].ljust(len(new), b"\0"))
    for found in rebuild.found:
        old = olds[int(str(found.source))]
        made[found.offset : found.offset + found.length] = old[found.source_offset : found.source_offset + found.length]
    for block in rebuild.missing_blocks():
        made[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES] = new[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES]
    return bytes(made)


edits = st.lists(st.tuples(st.integers(0, len(_OLD)), st.integers(0, 70_000), st.binary(max_size=300)), max_size=6)


@settings(max_examples=60, deadline=None)
@given(edits)
def test_what_was_not_touched_is_found_wherever_it_went(changes: list[tuple[int, int, bytes]]) -> None:
    new = bytearray(_OLD)
    for at, cut, put in changes:
        new[at : at + cut] = put
    rebuild = _searched(bytes(new), _OLD)
    assert _rebuilt(rebuild, bytes(new), _OLD) == new
    missing = len(list(rebuild.missing_blocks()))
    # Each change breaks the blocks it touches; between two that are close there may be no landmark to go by.
    assert missing <= 1 + len(changes) * 8


@given(st.binary(max_size=2000))
def test_landmarks_that_lie_find_nothing_wrong(marks: bytes) -> None:
    new, old = _OLD[100_000:500_000], _OLD[:600_000]
    rebuild = _searched(new, old, marks=marks)
    assert _rebuilt(rebuild, new, old) == new


def test_landmarks_that_all_say_the_same_are_each_followed_once() -> None:
    old = bytes(400_000)
    digest = hashlib.sha256(bytes(landmarks.SECTION_BYTES)).digest()[:8]
    reads = 0

    def read(offset: int, length: int) -> bytes:
        nonlocal reads
        reads += 1
        return old[offset : offset + length]

    new = noise(5, 10_000_000)
    search = Search(merkle.ref_of(new), merkle.leaves_of(new))
    search.look(Source(Path("0"), len(old), read), (bytes(2) + digest) * 500)
    assert reads < 1100


def test_what_is_here_already_is_neither_found_nor_missing() -> None:
    new = noise(6, 300_000)
    here = new[:100_000] + bytes(100_000) + new[200_000:]
    rebuild = _searched(new, noise(7, 200_000), here=here)
    assert [*rebuild.missing_blocks()] == list(range(6, 13))
    assert (rebuild.found, rebuild.fetch_bytes) == ((), 7 * BLOCK_BYTES)
    assert _rebuilt(rebuild, new, here=here) == new
    assert _searched(new, here=new).missing == ()


def test_several_files_add_up_and_neighbours_are_one_stretch() -> None:
    one, two = noise(8, 400_000), noise(9, 400_000)
    new = one[:262_144] + two[262_144:]
    rebuild = _searched(new, one, two)
    assert [(found.offset, found.length, str(found.source)) for found in rebuild.found] == [
        (0, 262_144, "0"),
        (262_144, 400_000 - 262_144, "1"),
    ]
    assert (rebuild.found_bytes, rebuild.missing) == (400_000, ())


def test_the_last_block_is_short() -> None:
    new = noise(10, 5 * BLOCK_BYTES + 7)
    rebuild = _searched(new, new[: 5 * BLOCK_BYTES], marks=b"")
    assert (rebuild.missing, rebuild.fetch_bytes) == ((range(5, 6),), 7)
    assert rebuild.is_right(5, new[-7:]) and not rebuild.is_right(5, new[:7])
    nothing = Rebuild.of_nothing(merkle.ref_of(new))
    assert (nothing.fetch_bytes, list(nothing.missing_blocks())) == (len(new), list(range(6)))

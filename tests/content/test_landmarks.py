"""Landmarks: one a section, the same however the bytes come, and harmless whoever wrote them."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patcher.content import landmarks
from tests.support import trees
from tests.support.trees import MIB, File, noise, prose


def portions(data: bytes, size: int = 1 << 20) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def _by_the_book(data: bytes) -> bytes:
    """The landmarks as docs/formats/manifest.md describes them, byte by byte."""
    gear = [int.from_bytes(hashlib.md5(bytes([byte]) * 64).digest()[:8], "big") for byte in range(256)]
    marks, start = b"", 0
    while start < len(data):
        length, state = min(len(data) - start, 32768), 0
        for at in range(2048, length // 2 * 2):
            state = (state * 2 + gear[data[start + at]]) % 2**64
            if not state & (0xD90313530000 if at < 8192 else 0xD90103530000):
                length = at
                break
        if start // 32768 == len(marks) // 10:
            marks += (start % 32768).to_bytes(2, "big") + hashlib.sha256(data[start : start + length]).digest()[:8]
        start += length
    return marks.ljust(-(-len(data) // 32768) * 10, b"\0")


@pytest.mark.parametrize("size", [65_536, 65_537, 300_001])
def test_they_are_the_documented_ones(size: int) -> None:
    for data in (noise(1, size), prose(2, size), bytes(size)):
        assert landmarks.of([data], size) == _by_the_book(data)


@settings(max_examples=10, deadline=None)
@given(st.integers(landmarks.MIN_BYTES, 6 * MIB), st.integers(1000, 3 * MIB), st.booleans())
def test_each_section_has_one_however_the_bytes_come(size: int, portion: int, is_prose: bool) -> None:
    data = prose(1, size) if is_prose else noise(1, size)
    marks = landmarks.of(portions(data, portion), size)
    assert marks == landmarks.of([data], size)
    assert len(marks) == 10 * -(-size // landmarks.SECTION_BYTES)
    digests = [marks[at + 2 : at + 10] for at in range(0, len(marks), 10)]
    assert bytes(8) not in digests[:-1], "only in the last section no chunk may begin"


def test_small_files_have_none() -> None:
    small, large = noise(2, landmarks.MIN_BYTES - 1), noise(3, landmarks.MIN_BYTES)
    assert landmarks.of([small], len(small)) == b""
    m = trees.manifest_of({"a": File(small), "b": File(large), "c": File(b""), "d": File(large)})
    marks = landmarks.of([large], len(large))
    by_root = {
        entry.root: landmarks.of([d], len(d)) for entry, d in zip(m.entries, (small, large, b"", large), strict=True)
    }
    assert landmarks.document(m, by_root) == marks * 2
    assert landmarks.offsets(m) == (0, 0, 20, 20, 40)


@given(st.binary(max_size=200))
def test_anybodys_bytes_are_places_in_order(data: bytes) -> None:
    found = landmarks.by_digest(data)
    places = sorted(place for each in found.values() for place in each)
    assert len(places) == len(data) // 10
    assert all(0 <= place < (number + 2) * landmarks.SECTION_BYTES for number, place in enumerate(places))


def test_a_file_of_any_size_is_looked_for_by_a_bounded_number() -> None:
    huge = bytes(10) * (3 * (1 << 17) + 1)
    assert sum(map(len, landmarks.by_digest(huge).values())) <= 1 << 17

"""Lengths of instructions: what a disassembler says, from wherever decoding begins, and the same for ever."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.content.native import x86
from patcher.content.native.numbers import Bytes
from tests.support import disassembler
from tests.support.trees import noise

LEAD = bytes([x86.NOP]) * x86.LEAD_BYTES
TAIL = bytes(x86.TAIL_BYTES)


def padded(code: bytes) -> Bytes:
    """What is told of ``code``, with a lead before it and whole blocks."""
    return x86.decode(np.frombuffer(LEAD + code + bytes(-len(code) % x86.BLOCK_BYTES) + TAIL, np.uint8))


def decoded(code: bytes) -> Bytes:
    """What is told of the instruction that begins at each byte of ``code``."""
    return padded(code)[x86.LEAD_BYTES :][: len(code)]


@pytest.mark.parametrize(
    ("code", "length"),
    [
        ("c3", 1), ("90", 1), ("b8 78563412", 5), ("66 b8 3412", 4), ("48 b8 1122334455667788", 10), ("41 ff c0", 3),
        ("8b 00", 2), ("8b 04 24", 3), ("8b 04 25 00000000", 7), ("8b 44 24 10", 4), ("8b 84 24 00000000", 7),
        ("8b 05 00000000", 6), ("48 8d 3d 00000000", 7), ("f6 c1 01", 3), ("f6 d1", 2), ("f7 c1 01000000", 6),
        ("66 f7 c1 0100", 5), ("f7 d9", 2), ("81 f9 00010000", 6), ("66 81 f9 0001", 5), ("83 f9 01", 3),
        ("c7 45 f8 01000000", 7), ("66 c7 45 f8 0100", 6), ("0f 05", 2), ("0f b6 c0", 3), ("0f 1f 84 00 00000000", 8),
        ("0f 84 00010000", 6), ("0f a4 c2 05", 4), ("0f 38 00 c1", 4), ("0f 3a 0f c1 08", 5), ("c8 1000 00", 4),
        ("c2 0800", 3), ("a0 1122334455667788", 9), ("c5 f8 77", 3), ("c5 f9 70 c1 1b", 5), ("c4 e2 7d 18 c1", 5),
        ("c4 e3 7d 19 c1 01", 6), ("62 f1 7c 48 28 c1", 6), ("62 f3 7d 48 25 c1 ff", 7), ("e8 00000000", 5),
        ("e9 00000000", 5), ("eb 00", 2), ("68 00000000", 5), ("6a 00", 2), ("69 c0 00010000", 6), ("6b c0 03", 3),
    ],
)  # fmt: skip
def test_an_instruction_has_the_length_of_the_manual(code: str, length: int) -> None:
    data = bytes.fromhex(code)
    assert decoded(data + b"\xcc" * 16)[0] & 15 == length == len(data)


def test_a_legacy_prefix_that_changes_no_length_counts_for_itself() -> None:
    for prefix in bytes.fromhex("2e 36 3e 26 64 65 67 f0 f2 f3 66"):
        assert decoded(bytes([prefix]) + b"\x0f\x58\xc1")[0] & 15 == 1


@given(st.binary(min_size=1, max_size=64))
def test_what_an_instruction_is_depends_on_its_own_bytes_alone(code: bytes) -> None:
    told = decoded(code)
    lengths = told & 15
    assert np.all((lengths >= 1) & (lengths <= 13))
    for place in range(len(code)):
        if place + lengths[place] + 1 < len(code):
            assert decoded(code[place:])[0] == told[place]


# ---------------------------------------------------------------- beside a disassembler


@pytest.mark.parametrize("path", disassembler.libraries(), ids=lambda path: path.name.partition(".")[0])
def test_code_is_read_as_a_disassembler_reads_it(path: Path) -> None:
    same, either = disassembler.agreement(disassembler.opened(path), 200_000)
    assert either > 1000
    assert same >= disassembler.LEAST * either


def test_code_is_in_step_wherever_its_decoding_began() -> None:
    library = disassembler.opened(disassembler.libraries()[0])
    section = max(library.image.of_role("code"), key=lambda section: section.size_bytes)
    code = library.read(section.offset, 1 << 18)
    here, there = (np.flatnonzero(x86.beginnings(padded(code[skipped:]))) + skipped for skipped in (0, 101))
    later = here[here > 2 * x86.BLOCK_BYTES]
    assert np.isin(later, there).sum() > 0.9999 * later.size


# ---------------------------------------------------------------- frozen


def test_what_is_told_never_changes() -> None:
    told = padded(noise(1, 1 << 20))
    digest = hashlib.sha256(told.tobytes() + x86.beginnings(told).tobytes())
    assert digest.hexdigest()[:16] == "27d93b0d8bec3209"

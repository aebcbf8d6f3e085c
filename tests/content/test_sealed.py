"""Sealed packs: any range opens with the right key, and with another one nothing does."""

import hashlib

import pytest

from patcher.content import merkle, sealed
from patcher.content.merkle import Ref
from patcher.errors import ContentError

KEY = bytes(range(32))
CONTENTS = [b"a manifest" * 100, b"x", bytes(100_000)]
REFS = [merkle.ref_of(data) for data in CONTENTS]


def _pack(key: bytes = KEY, refs: list[Ref] = REFS, plain: bytes = b"".join(CONTENTS)) -> bytes:
    salt = sealed.salt_of(key, refs)
    return salt + sealed.Seal(key, salt).apply(plain + sealed.table(refs), 0)


def _places(pack: bytes, key: bytes = KEY) -> tuple[sealed.Seal, dict[Ref, int]]:
    return sealed.places(key, len(pack), lambda offset, length: pack[offset : offset + length])


@pytest.mark.parametrize(("start", "length"), [(0, 1), (3, 5), (15, 2), (16, 16), (999, 500), (0, 101_001)])
def test_every_range_opens_alone(start: int, length: int) -> None:
    pack = _pack()
    seal, places = _places(pack)
    assert places == {REFS[0]: 0, REFS[1]: 1000, REFS[2]: 1001}
    sealed_bytes = pack[32 + start : 32 + start + length]
    assert seal.apply(sealed_bytes, start) == b"".join(CONTENTS)[start : start + length]


def test_the_cipher_is_that_of_the_format() -> None:
    pack = _pack()
    table = b"d8:contentsl" + b"".join(b"l32:" + ref.root + b"i%dee" % ref.size_bytes for ref in REFS)
    table += b"e6:formati1e8:requireslee"
    assert sealed.table(REFS) == table + len(table).to_bytes(8, "big")
    assert len(pack) == 32 + 101_001 + len(table) + 8
    assert b"a manifest" not in pack


def test_the_same_contents_are_sealed_alike_and_others_never_share_a_key_stream() -> None:
    assert _pack() == _pack()
    other = _pack(refs=REFS[:2], plain=b"".join(CONTENTS[:2]))
    assert other[:32] != _pack()[:32]
    assert bytes(a ^ b for a, b in zip(other[32:1032], _pack()[32:1032], strict=True)) != bytes(1000)
    assert hashlib.sha256(_pack(key=bytes(32))).digest() != hashlib.sha256(_pack()).digest()


@pytest.mark.parametrize("case", ["another key", "cut", "too short", "empty", "table changed", "fills not"])
def test_what_is_no_pack_of_this_key_is_refused(case: str) -> None:
    pack = {
        "another key": _pack(key=bytes(32)),
        "cut": _pack()[:-9],
        "too short": _pack()[:39],
        "empty": b"",
        "table changed": _pack()[:-60] + bytes(52) + _pack()[-8:],
        "fills not": _pack(plain=b"".join(CONTENTS[:2])),
    }[case]
    with pytest.raises(ContentError) as caught:
        _places(pack)
    assert caught.value.code == "content.invalid"

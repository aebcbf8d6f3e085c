"""One window and one manifest, made smaller and made whole; hostile input costs nothing but an error."""

from hashlib import sha256

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from patcher.content import codec, merkle
from patcher.content.codec import HDIFF, STORED, ZSTD
from patcher.errors import ContentError
from patcher.publish.patches import encode
from tests.support.mutants import hdiff_header
from tests.support.trees import edited, noise, prose

OLD = noise(1, 40_000)
NEW = edited(OLD, 2)


def refused(kind: int, data: bytes, old: bytes = b"", output_bytes: int = len(NEW), digest: bytes = b"") -> None:
    with pytest.raises(ContentError) as caught:
        codec.apply(kind, data, old, output_bytes, digest or sha256(NEW).digest())
    assert caught.value.code == "content.window"


@given(st.sampled_from([HDIFF, ZSTD, STORED]), st.data())
def test_a_damaged_window_is_refused(kind: int, data: st.DataObject) -> None:
    new = prose(9, 3000) if kind == ZSTD else NEW
    form = {HDIFF: encode.make_window(NEW, OLD)[1], ZSTD: zstd.compress(new), STORED: NEW}[kind]
    place = data.draw(st.integers(0, len(form) - 1))
    extra = data.draw(st.binary(min_size=1, max_size=3).filter(lambda b: b != form[place : place + len(b)]))
    damaged = form[:place] + extra + form[place + data.draw(st.integers(0, 3)) :]
    try:
        output = codec.apply(kind, damaged, OLD if kind == HDIFF else b"", len(new), sha256(new).digest())
    except ContentError:
        return
    assert output == new  # a bit that no decoder looks at


def test_old_bytes_that_are_not_the_old_ones_are_noticed() -> None:
    form = encode.make_window(NEW, OLD)[1]
    refused(HDIFF, form, edited(OLD, 5))
    refused(HDIFF, form, OLD[:-1])
    refused(HDIFF, form, b"")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HDIFF13&lzma2\0",
        b"HDIFF13&zstd\0" + bytes(20),
        hdiff_header(1 << 40, len(OLD), 0, 0, 0, 0, 0, 0, 0, 0, 0),
        hdiff_header(len(NEW), 1 << 40, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        hdiff_header(len(NEW), len(OLD), 1 << 60, 0, 0, 0, 0, 0, 0, 0, 0),
        hdiff_header(len(NEW), len(OLD), 1, 1 << 40, 1, 0, 0, 0, 0, 0, 0, sections=b"\x00"),
        hdiff_header(len(NEW), len(OLD), 1, 9, 0, 0, 0, 0, 0, 1 << 50, 0, sections=bytes(9)),
        hdiff_header(len(NEW), len(OLD), 1, 9, 2, 0, 0, 0, 0, 0, 0, sections=b"\x28\x00"),  # a 4 GiB dictionary
        hdiff_header(len(NEW), len(OLD), 1, 9, 2, 0, 0, 0, 0, 0, 0, sections=b"\xff\x00"),
        hdiff_header(len(NEW), len(OLD), 1, 9, 2, 0, 0, 0, 0, 0, 0),
        hdiff_header(len(NEW), len(OLD), 0, 0, 0, 0, 0, 0, 0, 0, 0, sections=b"left over"),
        b"HDIFF13&lzma2\0" + b"\xff" * 40,
    ],
)
def test_a_delta_that_asks_for_more_than_it_may_is_refused_before_it_is_decoded(data: bytes) -> None:
    refused(HDIFF, data, OLD)


def test_a_bomb_is_cut_off_at_the_signed_size() -> None:
    refused(ZSTD, zstd.compress(bytes(1 << 28)))
    refused(ZSTD, zstd.compress(NEW + b"x"))
    refused(ZSTD, zstd.compress(NEW) + b"x")
    refused(ZSTD, zstd.compress(NEW) * 2)
    refused(ZSTD, zstd.compress(NEW)[:-1])


def test_a_frame_that_wants_a_huge_window_is_refused() -> None:
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 27}
    compressor = zstd.ZstdCompressor(options=options)
    refused(ZSTD, compressor.compress(NEW) + compressor.flush())


def test_an_unknown_codec_gives_nothing() -> None:
    refused(7, NEW)


# ---------------------------------------------------------------- manifests

LONG = b"".join(sha256(bytes([n % 256, n // 256])).digest() for n in range(4000))


@pytest.mark.parametrize("old", [b"", b"short", LONG, edited(LONG, 1), noise(1, 10)])
def test_a_manifest_comes_back_from_its_delta(old: bytes) -> None:
    new = edited(LONG, 3)
    form = encode.manifest_delta(old, new)
    assert codec.apply_manifest_delta(old, form, merkle.ref_of(new)) == new
    if len(old) > 1000:
        assert len(form) < 500


def test_a_manifest_delta_gives_the_signed_manifest_or_nothing() -> None:
    new = edited(LONG, 3)
    form, ref = encode.manifest_delta(LONG, new), merkle.ref_of(new)
    others = [(edited(LONG, 9), form, ref), (b"", form, ref), (LONG, form[:-1], ref), (LONG, b"", ref),
              (LONG, form, merkle.ref_of(LONG)), (LONG, form, merkle.Ref(ref.root, ref.size_bytes - 1)),
              (LONG, form, merkle.Ref(ref.root, ref.size_bytes + 1)), (LONG, form + b"x", ref),
              (LONG, form, merkle.Ref(ref.root, 1 << 50)), (LONG, zstd.compress(bytes(1 << 26)), ref)]  # fmt: skip
    for old, data, wanted in others:
        with pytest.raises(ContentError) as caught:
            codec.apply_manifest_delta(old, data, wanted)
        assert caught.value.code == "content.mismatch"


def test_a_dictionary_size_is_read_as_xz_writes_it() -> None:
    assert [codec._dictionary_bytes(code) for code in (0, 1, 24, 28, 40)] == [4096, 6144, 1 << 24, 1 << 26, 1 << 32]

"""Patch indexes: read strictly against their manifests, whatever anybody wrote."""

import re
import tracemalloc
from collections.abc import Callable
from typing import Any

import libtorrent as lt
import pytest
from bencode2 import bdecode, bencode
from hypothesis import given, settings
from hypothesis import strategies as st

from patcher.content import codec, merkle, patch_index
from patcher.content.layout import Range
from patcher.content.patch_index import Filter, Window
from patcher.errors import ContentError, ShoalError, TrustError
from patcher.publish.patches import encode
from tests.support import trees
from tests.support.indexes import BIG, COPIED, NEW, OLD, REST, RUN, big, copied, document, mapped, run, window
from tests.support.trees import MIB, noise

# ---------------------------------------------------------------- packs


@pytest.mark.parametrize("size", [65_536, 300_000])
def test_a_pack_is_a_torrent_that_others_can_load(size: int) -> None:
    pack = noise(size, size)
    index = encode.index_of((), merkle.leaves_of(pack), size)
    data = patch_index.pack_torrent(index, "0123abcd")
    params = lt.load_torrent_buffer(data)
    assert params.ti is not None
    assert (params.ti.name(), params.ti.layout().file_size(0), params.ti.piece_length()) == (
        "0123abcd.patch",
        size,
        65_536,
    )
    assert params.ti.layout().root(0).to_bytes() == merkle.ref_of(pack).root
    assert bdecode(data)[b"piece layers"] == ({index.pack.root: index.layer} if index.pack and index.layer else {})


def test_there_is_no_torrent_of_an_inline_pack() -> None:
    with pytest.raises(ContentError):
        patch_index.pack_torrent(encode.index_of((), b"", 0), "x")


# ---------------------------------------------------------------- hostile indexes


def test_an_index_with_copies_is_valid_and_travels_packed() -> None:
    index = patch_index.parse(bencode(document(*COPIED)), NEW, OLD)
    assert [(w.codec, w.length, w.output_bytes) for w in index.windows] == [
        (codec.COPY, 0, 20 * MIB - 100_000), (codec.HDIFF, 50, 100_000),
    ]  # fmt: skip
    packed = encode.write_index(index, NEW, OLD)
    assert len(packed) < len(bencode(document(*COPIED)))
    assert patch_index.parse(packed, NEW, OLD) == index


def test_a_packed_document_that_never_ends_is_refused_before_it_takes_memory() -> None:
    bomb = encode.manifest_delta(b"", b"d" + bytes(200 * MIB))
    assert len(bomb) < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(ContentError):
            patch_index.parse(bomb, NEW, OLD)
        assert tracemalloc.get_traced_memory()[1] < 4 * codec.MAX_RATIO * len(bomb)
    finally:
        tracemalloc.stop()


def test_an_index_with_maps_says_which_windows_read_through_them() -> None:
    index = patch_index.parse(bencode(mapped()), NEW, OLD)
    small, big = index.filters
    assert (small, big.file) == (Filter(0, "x86-1", 0, 20, bytes(32)), 1)
    assert [index.filters_of(window) for window in index.windows] == [{0: small}, {1: big}, {}]
    assert [(w.is_copy, w.is_rebased) for w in index.windows] == [(False, True), (True, True), (False, False)]
    assert patch_index.parse(encode.write_index(index, NEW, OLD), NEW, OLD) == index


def test_an_index_without_maps_is_what_it_was_before_there_were_any() -> None:
    plain = bencode(document())
    written = encode.write_index(patch_index.parse(plain, NEW, OLD), NEW, OLD)
    assert codec.unpack_document(written, len(plain)) == plain


def test_the_small_index_is_valid() -> None:
    index = patch_index.parse(bencode(document()), NEW, OLD)
    assert index.windows == (
        Window(0, 50, 2, (Range(0, 0, 100), Range(1, 0, 200)), (Range(0, 0, 90),), 300, bytes(32)),
    )
    patch_index.parse(bencode(document(big(0, 16 * MIB), big(16 * MIB, 4 * MIB, 25))), NEW, OLD)
    full = window(codec=0, length=100, new=[0], old=[], output=100)
    patch_index.parse(bencode(document(full, inline=bytes(100))), NEW, None)


FIRST, SECOND = [0, b"x86-1", 0, 20, bytes(32)], [1, b"x86-1", 20, 30, b"s" * 32]
BAD_FILTERS: list[list[Any]] = [
    [FIRST], [SECOND], [SECOND, FIRST], [FIRST, FIRST], [FIRST, SECOND, [2, b"x86-1", 50, 0, bytes(32)]],
    [[-1, *FIRST[1:]], SECOND], [FIRST, [2, *SECOND[1:]]], [FIRST, [0, *SECOND[1:]]], [FIRST[:4], SECOND],
    [[*FIRST, 0], SECOND], [[0, b"x86-1", 1, 20, bytes(32)], SECOND], [[0, b"x86-1", 0, 19, bytes(32)], SECOND],
    [[0, b"x86-1", 0, 0, bytes(32)], [1, b"x86-1", 0, 50, bytes(32)]], [[0, b"x86-1", 0, 20, bytes(31)], SECOND],
    [[0, b"x86-1", 0, -1, bytes(32)], [1, b"x86-1", -1, 51, bytes(32)]], [[b"0", *FIRST[1:]], SECOND],
    [FIRST, [1, b"x86-1", 20, 2**62, bytes(32)]], [FIRST, [1, b"x86-1", 20, 4 * MIB + 1, bytes(32)]],
    [[0, 1, 0, 20, bytes(32)], SECOND], [b"x", SECOND],
]  # fmt: skip
BAD: list[dict[bytes, Any]] = [
    document(window(offset=1)), document(window(offset=-1)), document(window(length=49)), document(window(length=51)),
    document(window(length=0)), document(window(output=299)), document(window(output=301)),
    document(window(output=-1)),
    document(window(sha=bytes(31))), document(window(sha=1)), document(window(new=[0])), document(window(new=[])),
    document(window(new=[0, 1, 1])), document(window(new=[0, 3])), document(window(new=[0, -1])),
    document(window(new=[0, b"1"])), document(window(new=[0, [1, 0]])), document(window(new=[0, [1, 0, 201]],
    output=301)),
    document(window(new=[0, [1, 1, 199]], output=299)), document(window(new=[0, [1, 0, 199]], output=299)),
    document(window(new=[0, [1, -5, 200]])), document(window(new=[0, [1, 0, 0]], output=100)),
    document(window(old=[2])), document(window(old=[[1, 19 * MIB, 1]])), document(window(old=[[1, 0, 2**62]])),
    document(window(old=[1, 1, 1, 1])), document(window(codec=0, length=50)), document(window(codec=1, old=[0])),
    document(window(codec=b"2")), document(window()[:-1]), document([*window(), 0]), document(b"x"), document({}),
    document(window(length=301, inline=bytes(301))), document(window(), window(offset=50, length=0)),
    document(window(length=25), window(offset=25, length=25)), document(big(0, 16 * MIB)), document(big(0, 17 * MIB)),
    document(big(0, 16 * MIB), big(16 * MIB, 3 * MIB, 25)), document(big(0, 16 * MIB), big(15 * MIB, 5 * MIB, 25)),
    document(big(5, 16 * MIB), big(16 * MIB + 5, 4 * MIB - 5, 25)), document(windows={}), document(inline=bytes(49)),
    document(inline=1), document(inline=bytes(8193)), document(layer=bytes(32)), document(piece_length=0),
    document(piece_length=-65_536), document(piece_length=65_537), document(piece_length=1 << 30), document(layer=[]),
    document(pack={b"root": bytes(32), b"size": 50}), document(pack={b"root": bytes(32), b"size": 50}, inline=b"",
    layer=bytes(32)),
    document(pack={b"root": bytes(32), b"size": 70_000}, inline=b"", layer=bytes(64)), document(pack=b"", inline=b""),
    document(pack={b"root": bytes(32), b"size": 0}, inline=b""), document(pack={b"root": bytes(32), b"size": 2**62},
    inline=b""),
    document(format=0), document(requires=b""),
    document(copied(length=1), COPIED[1]), document(copied(sha=bytes(32)), COPIED[1]),
    document(copied(old=[]), COPIED[1]),
    document(copied(output=20 * MIB), COPIED[1]), document(copied(new=REST[::-1]), COPIED[1]),
    document(copied(new=[*REST, RUN], output=20 * MIB), COPIED[1]), document(*COPIED[:1], inline=b""),
    document(copied(old=[[1, 0, 9 * MIB], [1, 0, 11 * MIB - 100_000]]), COPIED[1]),
    document(copied(new=[], old=[], output=0), *COPIED), document(COPIED[1], copied(offset=50), copied(offset=50)),
    document(window(codec=4)), document(copied(codec=5), COPIED[1]), document(requires=[b"x86-1"]), document(filters=0),
    document(filters=[[0, b"x86-1", 0, 1, bytes(32)]]), mapped(requires=[]), mapped(requires=[b"x86-1"] * 2),
    mapped(filters=b""), mapped(filters=[]), mapped(filters={}), *(mapped(filters=filters) for filters in BAD_FILTERS),
    mapped(windows=[window(codec=4, offset=50), copied(offset=100), run(offset=100)]),
    mapped(windows=[window(offset=50), copied(codec=5, offset=100), run(offset=100)]),
    mapped(windows=[window(codec=4, offset=50, old=[]), copied(codec=5, offset=100), run(offset=100)]),
    mapped(windows=[window(codec=4), copied(codec=5, offset=50), run(offset=50)]),
    mapped(windows=[window(codec=4, offset=50), copied(codec=5, offset=100, sha=bytes(32)), run(offset=100)]),
    mapped(windows=[window(codec=4, offset=50, sha=b""), copied(codec=5, offset=100), run(offset=100)]),
    mapped(windows=[window(codec=4, offset=50, old=[[1, 0, 19 * MIB]] * 4), copied(codec=5, offset=100),
    run(offset=100)]),
]  # fmt: skip


@pytest.mark.parametrize("raw", BAD, ids=lambda raw: re.sub(r"(\\x00)+", "0", str(raw))[:150])
def test_an_index_that_does_not_fit_is_refused(raw: dict[bytes, Any]) -> None:
    with pytest.raises(ContentError):
        patch_index.parse(bencode(raw), NEW, OLD)


@pytest.mark.parametrize(
    "raw",
    [document(window(codec=6)), document(requires=[b"x"]), document(format=2),
     mapped(filters=[[0, b"x86-9", 0, 50, bytes(32)]]), mapped(requires=[b"x86-1", b"x86-9"]), mapped(requires=[[]])],
)  # fmt: skip
def test_an_index_of_the_future_asks_for_a_newer_launcher(raw: dict[bytes, Any]) -> None:
    with pytest.raises(TrustError) as caught:
        patch_index.parse(bencode(raw), NEW, OLD)
    assert caught.value.code == "trust.needs_newer"


def test_a_full_pack_names_no_old_bytes() -> None:
    with pytest.raises(ContentError):
        patch_index.parse(bencode(document()), NEW, None)


MUTATIONS: list[Callable[[bytes, int, bytes], bytes]] = [
    lambda document, place, extra: document[:place] + extra + document[place + len(extra) :],
    lambda document, place, extra: document[:place] + extra + document[place:],
    lambda document, place, extra: document[:place] + document[place + extra[0] :],
]


@settings(max_examples=300)
@given(st.data())
def test_a_mutant_is_refused_or_fits(data: st.DataObject) -> None:
    scenario = trees.scenario("changed")
    new, old = trees.manifest_of(scenario.new), trees.manifest_of(scenario.old)
    mutant = bencode(data.draw(st.sampled_from([document(*BIG), document(*COPIED), mapped()])))
    if data.draw(st.booleans()):
        mutant = encode.pack_document(mutant)
    for _ in range(data.draw(st.integers(1, 3))):
        mutate = data.draw(st.sampled_from(MUTATIONS))
        mutant = mutate(mutant, data.draw(st.integers(0, len(mutant))), data.draw(st.binary(min_size=1, max_size=3)))
    for m, m_old in ((NEW, OLD), (new, old), (NEW, None)):
        try:
            index = patch_index.parse(mutant, m, m_old)
        except ShoalError:
            continue
        assert all(span.end <= m.entries[span.file].size_bytes for w in index.windows for span in w.new)
        assert all(w.output_bytes <= codec.WINDOW_BYTES or w.is_copy for w in index.windows)
        assert all(w.offset + w.length <= index.pack_bytes for w in index.windows)
        entries = m_old.entries if m_old else ()
        assert all(span.end <= entries[span.file].size_bytes for w in index.windows for span in w.old)

"""The manifest is a v2 torrent: the same one that BitTorrent's own tools make, and nothing else is accepted."""

from collections.abc import Callable
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest
from bencode2 import bdecode, bencode
from hypothesis import given, settings
from hypothesis import strategies as st

from patcher.content import manifest, merkle
from patcher.content.file_tree import Entry
from patcher.content.manifest import Manifest
from patcher.errors import ContentError, ShoalError, TrustError
from patcher.publish import build
from tests.support import trees
from tests.support.trees import File, Layout, noise

DEEP = "/".join(f"level{n}" for n in range(60)) + "/x"
LAYOUTS: dict[str, Layout] = {
    "one small file": {"only.bin": File(b"abc")},
    "one large file": {"only.bin": File(noise(1, 300_000), executable=True)},
    "one file in a folder": {"sub/only.bin": File(noise(2, 70_000))},
    "an empty file beside others": {"a": File(b""), "b": File(b"x"), "run": File(b"", executable=True)},
    "many depths": {
        "a/b": File(b"1"),
        "a-b": File(b"2"),
        "a.b/c": File(b"3"),
        "a/b2/c/d": File(b"4"),
        DEEP: File(b"5"),
    },
    "sizes around blocks and pieces": {
        f"{size}": File(noise(size, size), size % 2 == 0)
        for size in (1, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 131_072, 200_000)
    },
    "the same content twice": {"x/a": File(noise(3, 100_000)), "y/a": File(noise(3, 100_000))},
    "names of the world": trees.scenario("names of the world").new,
    "a game": trees.scenario("changed").new,
}


def made_by_libtorrent(folder: Path, layout: Layout, m: Manifest) -> dict[bytes, Any]:
    trees.write(folder / m.name, layout)
    executable = lt.file_flags_t.flag_executable
    files = [
        lt.create_file_entry(f"{m.name}/{e.path}", e.size_bytes, executable if e.executable else 0) for e in m.entries
    ]
    torrent = lt.create_torrent(files, m.piece_bytes, lt.create_torrent.v2_only)
    lt.set_piece_hashes(torrent, str(folder))
    return {bytes(key): value for key, value in torrent.generate().items()}


def layers_of(m: Manifest, layout: Layout) -> dict[bytes, bytes]:
    return manifest.split_layers(m, build.layers_document(m, trees.leaves_of(layout)))


@pytest.mark.parametrize("name", LAYOUTS)
def test_libtorrent_makes_the_same_torrent_of_the_same_tree(name: str, tmp_path: Path) -> None:
    layout = LAYOUTS[name]
    m = trees.manifest_of(layout)
    theirs = made_by_libtorrent(tmp_path, layout, m)
    ours = bdecode(manifest.torrent(m, layers_of(m, layout)))
    assert ours[b"info"] == theirs[b"info"]
    assert ours[b"piece layers"] == theirs.get(b"piece layers", {})
    assert sha256(lt.bencode(theirs[b"info"])).digest() == m.info_hash


@pytest.mark.parametrize("name", LAYOUTS)
def test_libtorrent_loads_our_torrent_with_the_same_roots_and_pieces(name: str) -> None:
    layout = LAYOUTS[name]
    m = trees.manifest_of(layout)
    data = manifest.torrent(m, layers_of(m, layout), ["udp://127.0.0.1:1/announce"])
    info = lt.load_torrent_buffer(data).ti
    assert info is not None
    files = info.layout()
    real = [i for i in range(files.num_files()) if not files.file_flags(i) & lt.file_flags_t.flag_pad_file]
    assert [files.root(i).to_bytes() for i in real] == [e.root or bytes(32) for e in m.entries]
    assert info.info_hashes().v2.to_bytes() == m.info_hash
    assert info.num_pieces() == m.layout.count
    for index, entry in zip(real, m.entries, strict=True):
        if entry.size_bytes:
            assert files.file_offset(index) == m.layout.firsts[m.entries.index(entry)] * m.piece_bytes


@pytest.mark.parametrize("name", trees.SCENARIOS)
def test_a_manifest_is_read_as_it_was_written(name: str) -> None:
    for layout in (trees.scenario(name).old, trees.scenario(name).new):
        m = trees.manifest_of(layout)
        document = manifest.encode(m)
        assert manifest.parse(document) == m
        assert manifest.encode(manifest.parse(document)) == document


def test_the_swarm_does_not_change_with_links_or_the_order_of_building() -> None:
    entries = [Entry(path, 5, sha256(path.encode()).digest()) for path in ("b", "a/c", "a-b")]
    one = build.manifest_of("game.main", entries)
    two = build.manifest_of("game.main", reversed(entries), [("l", "b")], ["e"])
    assert one.info_hash == two.info_hash
    assert [entry.path for entry in one.entries] == ["a/c", "a-b", "b"]


@pytest.mark.parametrize(
    ("total", "piece"),
    [(0, 64), (1, 64), (4000 << 16, 64), ((4000 << 16) + 1, 128), (4000 << 19, 512), (5 << 30, 1024),
     (1 << 40, 1024), (3 << 40, 2048), (1 << 62, 16384)],
)  # fmt: skip
def test_pieces_are_few_and_not_too_large(total: int, piece: int) -> None:
    assert build.piece_bytes_for(total) == piece * 1024


# ---------------------------------------------------------------- layers and leaves


def test_layers_and_leaves_stand_in_entry_order() -> None:
    layout = LAYOUTS["sizes around blocks and pieces"]
    m, leaves = trees.manifest_of(layout), trees.leaves_of(layout)
    document = build.leaves_document(m, leaves)
    for index, entry in enumerate(m.entries):
        offset, end = m.leaf_offsets[index : index + 2]
        assert merkle.root_of(document[offset:end]) == entry.root
    assert m.leaf_offsets[-1] == len(document)
    layers = manifest.split_layers(m, build.layers_document(m, leaves))
    assert layers.keys() == {entry.root for entry in m.entries if entry.size_bytes > m.piece_bytes}
    assert all(second - first == -(-e.size_bytes // m.piece_bytes)
               for (first, second), e in zip(pairwise(m.layout.firsts), m.entries, strict=True))  # fmt: skip


@given(st.data())
def test_changed_layers_are_refused(data: st.DataObject) -> None:
    layout = LAYOUTS["sizes around blocks and pieces"]
    m = trees.manifest_of(layout)
    document = bytearray(build.layers_document(m, trees.leaves_of(layout)))
    place = data.draw(st.integers(0, len(document) - 1))
    damaged = data.draw(
        st.sampled_from([bytes(document[:place]), bytes(document) + bytes(32), _flipped(bytes(document), place)])
    )
    with pytest.raises(ContentError) as caught:
        manifest.split_layers(m, damaged)
    assert caught.value.code == "content.mismatch"


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


# ---------------------------------------------------------------- hostile documents

R = bytes(range(32))


def raw(**changes: object) -> dict[bytes, Any]:
    """A small valid document, decoded; ``changes`` replace whole fields of info or shoal."""
    info: dict[bytes, Any] = {
        b"file tree": {b"a": {b"": {b"length": 3, b"pieces root": R}}, b"d": {b"b": {b"": {b"length": 0}}}},
        b"meta version": 2, b"name": b"game.main", b"piece length": 65_536,
    }  # fmt: skip
    shoal: dict[bytes, Any] = {b"format": 1, b"requires": [], b"links": {}, b"empty folders": []}
    for key, value in changes.items():
        name = key.replace("_", " ").encode()
        (info if name in info else shoal)[name] = value
    return {b"info": info, b"shoal": shoal}


def leaf(**fields: object) -> dict[bytes, Any]:
    return {b"": {key.replace("_", " ").encode(): value for key, value in fields.items()}}


def test_the_small_document_is_valid() -> None:
    assert manifest.parse(bencode(raw())).entries == (Entry("a", 3, R), Entry("d/b", 0, b""))


BAD_FIELDS: list[dict[str, object]] = [
    {"meta_version": 1}, {"meta_version": b"2"}, {"piece_length": 0}, {"piece_length": 65_537},
    {"piece_length": 8192}, {"piece_length": 1 << 25}, {"piece_length": b"x"}, {"name": b"game"}, {"name": b"a.b.c"},
    {"name": b"../x.main"}, {"name": b"\xff.main"}, {"name": 1}, {"file_tree": []}, {"file_tree": {b"": {}}},
    {"file_tree": {b"a": {}}}, {"file_tree": {b"a": 1}}, {"file_tree": {b"a": {b"": []}}},
    {"file_tree": {b"a": {b"": {b"length": 1, b"pieces root": R}, b"b": {b"": {b"length": 0}}}}},
    {"file_tree": {b"\xff": leaf(length=0)}}, {"file_tree": {b"..": leaf(length=0)}},
    {"file_tree": {b"a/b": leaf(length=0)}},
    {"file_tree": {b"a/b": leaf(length=0), b"a": {b"b": leaf(length=0)}}}, {"file_tree": {b"A": leaf(length=0),
    b"a": leaf(length=0)}}, {"file_tree": {b"a": leaf(length=-1)}}, {"file_tree": {b"a": leaf(length=1)}},
    {"file_tree": {b"a": leaf(length=0, pieces_root=b"")}}, {"file_tree": {b"a": leaf(length=0, pieces_root=R)}},
    {"file_tree": {b"a": leaf(length=1, pieces_root=R[1:])}}, {"file_tree": {b"a": leaf(length=2**63,
    pieces_root=R)}},
    {"file_tree": {b"a": leaf(length=1, pieces_root=R), b"b": leaf(length=2, pieces_root=R)}},
    {"file_tree": {b"a": leaf(length=1, pieces_root=R, attr=b"l")}}, {"file_tree": {b"a": leaf(length=0, attr=b"")}},
    {"file_tree": {b"a": leaf(length=0, symlink_path=[b"x"])}}, {"file_tree": {b"a": leaf(length=2**40,
    pieces_root=R)}},
    {"links": []}, {"links": {b"l": 1}}, {"links": {b"l": b"/etc"}}, {"links": {b"l": b"../x"}},
    {"links": {b"a": b"d"}},
    {"links": {b"a/x": b"y"}}, {"links": {b"l": b"\xff"}}, {"links": {b".shoal/x": b"y"}}, {"empty_folders": {}},
    {"empty_folders": [1]}, {"empty_folders": [b"d"]}, {"empty_folders": [b"x", b"e"]}, {"empty_folders": [b"e",
    b"e"]},
    {"empty_folders": [b"a/e"]}, {"format": 0}, {"format": b"1"}, {"requires": b""}, {"requires": {}},
]  # fmt: skip


@pytest.mark.parametrize("fields", BAD_FIELDS, ids=str)
def test_a_manifest_that_is_not_what_it_should_be_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ContentError):
        manifest.parse(bencode(raw(**fields)))


@pytest.mark.parametrize("fields", [{"format": 2}, {"requires": [b"encryption"]}, {"requires": [1]}])
def test_a_manifest_of_the_future_asks_for_a_newer_launcher(fields: dict[str, object]) -> None:
    with pytest.raises(TrustError) as caught:
        manifest.parse(bencode(raw(links=[], **fields)))
    assert caught.value.code == "trust.needs_newer"


def test_unknown_keys_are_ignored_but_never_in_what_the_swarm_hashes() -> None:
    document = raw(colour=b"blue") | {b"comment": b"hello"}
    assert manifest.parse(bencode(document)) == manifest.parse(bencode(raw()))
    document[b"info"][b"private"] = 1
    with pytest.raises(ContentError):
        manifest.parse(bencode(document))


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"de", b"le", b"i1e", bencode(raw())[:-1], bencode(raw()) + b"e", b"d4:infode5:shoaldee",
     bencode(raw()).replace(b"6:lengthi3e", b"6:lengthi03e"), b"d" * 100_000, b"l" * 100_000, b"d1:a" * 20_000,
     b"99999999999999999999:x", b"i" + b"9" * 10_000 + b"e", b"d5:shoald4:infoded"],
    ids=lambda data: repr(data[:30]),
)  # fmt: skip
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ContentError):
        manifest.parse(data)


def _nested(depth: int) -> dict[bytes, Any]:
    tree = leaf(length=0)
    for _ in range(depth):
        tree = {b"d": tree}
    return tree


@pytest.mark.parametrize("depth", [65, 900])
def test_a_tree_that_is_too_deep_is_refused(depth: int) -> None:
    with pytest.raises(ContentError):
        manifest.parse(bencode(raw(file_tree=_nested(depth))))


@settings(max_examples=300)
@given(st.data())
def test_a_mutant_is_refused_or_means_exactly_what_it_says(data: st.DataObject) -> None:
    document = bytearray(manifest.encode(trees.manifest_of(trees.scenario("links and empty folders").new)))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(document) - 1))
        mutate = data.draw(st.sampled_from(MUTATIONS))
        mutate(document, place, data.draw(st.binary(min_size=1, max_size=4)))
        document = document or bytearray(b"e")
    try:
        m = manifest.parse(bytes(document))
    except ShoalError:
        return
    assert sha256(bencode(bdecode(bytes(document))[b"info"])).digest() == m.info_hash
    assert manifest.parse(manifest.encode(m)) == m


def _overwrite(document: bytearray, place: int, extra: bytes) -> None:
    document[place : place + len(extra)] = extra


def _insert(document: bytearray, place: int, extra: bytes) -> None:
    document[place:place] = extra


def _remove(document: bytearray, place: int, extra: bytes) -> None:
    del document[place : place + extra[0]]


MUTATIONS: list[Callable[[bytearray, int, bytes], None]] = [_overwrite, _insert, _remove]


def test_what_cannot_be_read_is_not_written() -> None:
    for entry in (Entry("../x", 1, R), Entry("a", 1, b""), Entry("a", 0, R), Entry("a", -1, R), Entry("con", 0, b"")):
        with pytest.raises(ContentError):
            manifest.encode(Manifest("game.main", 65_536, (entry,)))
    with pytest.raises(ContentError):
        manifest.encode(Manifest("game.main", 65_536, (Entry("b", 0, b""), Entry("a", 0, b""))))

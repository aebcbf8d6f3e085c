"""The file tree of a torrent is read as any bencode reader would read it, and what two trees share is one object."""

import contextlib
import gc
from typing import Any

import pytest
from bencode2 import bdecode, bencode
from hypothesis import given, settings
from hypothesis import strategies as st

from patcher.content import file_tree, manifest, paths
from patcher.content.file_tree import Entry
from patcher.errors import ContentError
from patcher.publish import build

_ROOM = 1 << 30
_NAMES = st.sampled_from(["a", "b", "d", "e", "d0", "a-b", "a.b", "de", "é", "0", "d1", "1", "x" * 40])
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map("/".join)
_ROOTS = st.sampled_from([b"d0:d" * 8, b"ee11:pie" * 4, bytes(32), b"1:ad0:d6:lengthi0eee1:bd0:d6:len"])
_FILES = st.dictionaries(_PATHS, st.tuples(st.integers(0, 3), _ROOTS, st.booleans()), max_size=40)


def entries_of(files: dict[str, tuple[int, bytes, bool]]) -> list[Entry]:
    """Those of the files that can stand together, in order."""
    kept = {path: what for path, what in files.items() if not any(other.startswith(f"{path}/") for other in files)}
    made = (Entry(path, size, root if size else b"", runs) for path, (size, root, runs) in kept.items())
    return sorted(made, key=lambda entry: paths.order(entry.path))


def nested(entries: list[Entry]) -> dict[bytes, Any]:
    """The tree as BEP 52 describes it."""
    top: dict[bytes, Any] = {}
    for entry in entries:
        *above, name = entry.path.encode().split(b"/")
        folder = top
        for each in above:
            folder = folder.setdefault(each, {})
        leaf: dict[bytes, Any] = {b"length": entry.size_bytes}
        if entry.size_bytes:
            leaf[b"pieces root"] = entry.root
        folder[name] = {b"": leaf | ({b"attr": b"x"} if entry.executable else {})}
    return top


@settings(max_examples=300)
@given(files=_FILES, before=_FILES)
def test_a_tree_is_one_of_bencode_and_is_read_as_it_was_written(
    files: dict[str, tuple[int, bytes, bool]], before: dict[str, tuple[int, bytes, bool]]
) -> None:
    entries = entries_of(files)
    data = b"".join(file_tree.write(entries))
    assert data == bencode(nested(entries))
    old = b"".join(file_tree.write(entries_of({**before, **dict([*files.items()][::2])})))
    known = file_tree.read(b"xx" + old + b"d1:a", 2, _ROOM)
    for other in (None, known, file_tree.read(data, 0, _ROOM)):
        found = file_tree.read(b"xyz" + data + b"12:", 3, _ROOM, other)
        assert [*found.entries] == entries
        assert found.end == 3 + len(data)
        assert [*found.ends] == [*file_tree.read(b"xyz" + data, 3, _ROOM).ends]
        assert file_tree.known_tree(b"xyz" + data + b"12:", 3, found.entries) == found


def test_equal_files_of_two_releases_are_one_object() -> None:
    files = {f"d{n % 7}/{n:03}": (1, b"%032d" % n, False) for n in range(300)}
    changes = {"d3/003": (2, b"n" * 32, False), "d5/new": (1, b"m" * 32, True)}
    after = {path: what for path, what in (files | changes).items() if path != "d6/006"}
    old, new = (manifest.encode(build.manifest_of("game.main", entries_of(each))) for each in (files, after))
    parser = manifest.Parser()
    first, second = parser.parse(old), parser.parse(new)
    assert second == manifest.parse(new)
    known = {id(entry) for entry in first.entries}
    assert sum(id(entry) not in known for entry in second.entries) == len(changes) + 1, (
        "that, and what follows a new file"
    )


@settings(max_examples=300)
@given(files=_FILES, place=st.integers(0), value=st.integers(0, 255), shared=st.booleans())
def test_what_is_read_means_what_it_says(
    files: dict[str, tuple[int, bytes, bool]], place: int, value: int, shared: bool
) -> None:
    data = bytearray(b"".join(file_tree.write(entries_of(files))))
    known = file_tree.read(bytes(data), 0, _ROOM) if shared else None
    data[place % len(data)] = value
    try:
        found = file_tree.read(bytes(data), 0, _ROOM, known)
    except ContentError:
        return
    assert bdecode(bytes(data[: found.end])) == nested([*found.entries])


def test_paths_that_take_too_much_are_refused_before_all_are_there() -> None:
    entries = [Entry(f"{'a' * 200}/{number:03}", 0, b"") for number in range(100)]
    data = b"".join(file_tree.write(entries))
    whole_bytes = sum(len(entry.path) for entry in entries) + 201
    assert len(file_tree.read(data, 0, whole_bytes).entries) == len(entries)
    with pytest.raises(ContentError):
        file_tree.read(data, 0, whole_bytes - 1)


def test_a_manifest_is_checked_against_the_one_before_only_for_what_it_shares() -> None:
    """Two contents of one root, and a name beside another form of it, are found wherever they stand."""
    old = manifest.encode(build.manifest_of("game.main", [Entry("a", 1, b"r" * 32), Entry("b", 1, b"s" * 32)]))
    for wrong in (
        [Entry("a", 1, b"r" * 32), Entry("b", 2, b"r" * 32)],
        [Entry("a", 1, b"r" * 32), Entry("A", 1, b"s" * 32)],
    ):
        ordered = sorted(wrong, key=lambda entry: paths.order(entry.path))
        tree = b"".join(file_tree.write(ordered))
        begin, _, rest = old.partition(b"".join(file_tree.write(manifest.parse(old).entries)))
        parser = manifest.Parser()
        parser.parse(old)
        with pytest.raises(ContentError):
            parser.parse(begin + tree + rest)


def test_garbage_is_collected_again_once_a_tree_is_read() -> None:
    for data in (b"de", b"broken"):
        with contextlib.suppress(ContentError):
            file_tree.read(data, 0, 100)
        assert gc.isenabled()
    gc.disable()
    try:
        file_tree.read(b"de", 0, 100)
        assert not gc.isenabled()
    finally:
        gc.enable()

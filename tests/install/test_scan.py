"""What a scan believes: a stat it knows, or the bytes."""

import os
from pathlib import Path

import pytest

from patcher.beneath import below
from patcher.content import merkle
from patcher.errors import Cancelled, DiskError
from patcher.install import scan
from patcher.install.scan import Seen, seen
from tests.support import trees
from tests.support.trees import File
from tests.support.windows_like import WindowsLike

_LAYOUT: trees.Layout = {"a": File(trees.noise(1, 150_000)), "d/b": File(b"two"), "empty": File(b"")}


def _quiet(name: str, count: int) -> None: ...


def _known(folder: Path) -> dict[str, Seen]:
    return {path: stat for path in _LAYOUT if (stat := seen(folder / path))}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    trees.write(tmp_path / "game", _LAYOUT)
    return tmp_path / "game"


def test_a_known_stat_is_believed_and_another_one_is_not(folder: Path) -> None:
    entries, known = trees.manifest_of(_LAYOUT).entries, _known(folder)
    read: list[str] = []
    found = scan.installed(below(folder), entries, known, lambda name, count: read.append(name))
    assert (set(found.intact), read) == (set(_LAYOUT), [])
    os.utime(folder / "a")  # touched, not changed
    (folder / "d/b").write_bytes(b"TWO")
    found = scan.installed(below(folder), entries, known, _quiet)
    assert (set(found.intact), found.modified) == ({"a", "empty"}, ("d/b",))
    assert found.stats["a"] == seen(folder / "a")


def test_a_full_scan_finds_what_a_stat_hides(folder: Path) -> None:
    entries = trees.manifest_of(_LAYOUT).entries
    stat = (folder / "a").stat()
    with (folder / "a").open("r+b") as file:
        file.seek(70_000)
        file.write(b"rot")
    os.utime(folder / "a", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert scan.installed(below(folder), entries, _known(folder), _quiet).modified == ()
    assert scan.installed(below(folder), entries, None, _quiet).modified == ("a",)


@pytest.mark.posix("plays Windows")
def test_a_file_that_is_in_the_cloud_is_said_and_not_fetched_from_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan that knows its stat leaves it alone; who needs its bytes says so, and changes nothing."""
    entries, known = trees.manifest_of(_LAYOUT).entries, _known(folder)
    WindowsLike(recalled={folder / "d/b"}).take_over(monkeypatch.setattr)
    assert set(scan.installed(below(folder), entries, known, _quiet).intact) == set(_LAYOUT)
    with pytest.raises(DiskError, match="cloud service") as caught:
        scan.installed(below(folder), entries, None, _quiet)
    assert (caught.value.code, Path(str(caught.value.facts["path"])).name) == ("disk.cloud", "b")


@pytest.mark.posix("symlinks")
def test_a_link_or_a_folder_is_no_file_of_ours(folder: Path, tmp_path: Path) -> None:
    (folder / "a").rename(tmp_path / "elsewhere")
    (folder / "a").symlink_to(tmp_path / "elsewhere")
    (folder / "empty").unlink()
    (folder / "empty").mkdir()
    found = scan.installed(below(folder), trees.manifest_of(_LAYOUT).entries, None, _quiet)
    assert found.missing == ("a", "empty")


def test_half_a_staged_file_is_held_piece_by_piece(folder: Path) -> None:
    data = (folder / "a").read_bytes()
    leaves = merkle.leaves_of(data)
    piece, root = 65_536, merkle.root_of(leaves)
    layer = merkle.layer_of(leaves, piece)
    half = bytearray(len(data))
    half[65_536:131_072] = data[65_536:131_072]
    half[140_000:] = data[140_000:]
    assert scan.held_pieces(merkle.leaves_of(half), layer, root, piece) == {1}
    assert scan.held_pieces(leaves, layer, root, piece) == {0, 1, 2}
    assert scan.held_pieces(merkle.leaves_of(b"no"), b"", merkle.root_of(merkle.leaves_of(b"yes")), piece) == set()


@pytest.mark.posix("symlinks")
def test_only_a_file_of_our_own_counts_as_staged(folder: Path, tmp_path: Path) -> None:
    data = b"staged"
    root = merkle.root_of(merkle.leaves_of(data))
    (folder / root.hex()).write_bytes(data)
    assert scan.staging(below(folder), [root], _quiet) == {root: merkle.leaves_of(data)}
    os.link(folder / root.hex(), tmp_path / "somebodys")
    assert scan.staging(below(folder), [root], _quiet) == {}
    (folder / root.hex()).unlink()
    (folder / root.hex()).symlink_to(tmp_path / "somebodys")
    assert scan.staging(below(folder), [root], _quiet) == {}


def test_a_cancelled_scan_stops_and_leaves_no_thread(folder: Path) -> None:
    def cancel(name: str, count: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        scan.installed(below(folder), trees.manifest_of(_LAYOUT).entries, None, cancel)

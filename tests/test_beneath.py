"""Paths beneath a folder in which others may write: what they name, and what they never lead to."""

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher import beneath, disk, processes
from patcher.beneath import Beneath, below
from patcher.errors import DiskError
from patcher.lock import locked
from tests.support.windows_like import WindowsLike

_LIKE_WINDOWS = pytest.param("windows-like", marks=pytest.mark.posix("plays Windows"))


@pytest.fixture(params=["by descriptors", _LIKE_WINDOWS, "kept open"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Beneath]:
    """An empty folder beside ``outside/secret``; what is promised here is promised for each way to get there."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    (tmp_path / "game").mkdir()
    if request.param == "windows-like":
        WindowsLike().take_over(monkeypatch.setattr)
    if request.param == "kept open":
        with beneath.kept_open():
            yield below(tmp_path / "game")
    else:
        yield below(tmp_path / "game")


def _outside(root: Beneath) -> Path:
    return root.path.parent / "outside"


@pytest.mark.parametrize("name", ["", ".", "..", "a/..", "../outside", "/etc", "a//b", "a/", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(root: Beneath, name: str) -> None:
    with pytest.raises(DiskError) as caught:
        root / name
    assert caught.value.code == "disk.in_the_way"


@pytest.mark.posix("symlinks")
def test_what_is_there_is_seen_for_what_it_is(root: Beneath) -> None:
    disk.make_folder(root / "a/b")
    disk.write_atomic(root / "a/b/file", b"bytes")
    disk.symlink("b", root / "a/link")
    assert [name for name, _ in beneath.entries(root / "a")] == ["b", "link"]
    assert (beneath.is_folder(root / "a/b"), beneath.is_folder(root / "a/link")) == (True, False)
    assert (beneath.is_file(root / "a/b/file"), beneath.is_file(root / "a/link")) == (True, False)
    assert (beneath.link_target(root / "a/link"), beneath.link_target(root / "a/b/file")) == ("b", None)
    assert beneath.read(root / "a/b/file") == b"bytes"
    assert not beneath.exists(root / "a/none")
    assert beneath.entries(root / "none") == []


@pytest.mark.posix("symlinks")
@pytest.mark.parametrize("name", ["link/secret", "link", "inner/link/secret"])
def test_no_link_is_followed_wherever_it_stands(root: Beneath, name: str) -> None:
    disk.make_folder(root / "inner")
    (root.path / "inner" / "link").symlink_to(_outside(root))
    target = _outside(root) if "/" in name else _outside(root) / "secret"
    (root.path / "link").symlink_to(target)
    where = root / name
    before = {path: path.stat().st_mtime_ns for path in _outside(root).rglob("*")}
    if "/" in name:
        assert (beneath.status(where), beneath.entries(where.parent)) == (None, [])
        with pytest.raises(DiskError):
            beneath.check_parents(where)
    with pytest.raises(OSError, match=r".+"):
        beneath.read(where)
    attempts = (
        lambda: disk.Staged(where, 3),
        lambda: disk.append(where, b"x"),
        lambda: disk.make_folder(where / "new"),
        lambda: disk.create(where.parent / name.rpartition("/")[2], b"x"),
        lambda: disk.set_executable(where, True),
        lambda: disk.sync_file(where),
        lambda: locked(where, "me").__enter__(),
    )
    for attempt in attempts:
        with pytest.raises(DiskError):
            attempt()
    assert {path: path.stat().st_mtime_ns for path in _outside(root).rglob("*")} == before
    assert (_outside(root) / "secret").read_bytes() == b"secret"


@pytest.mark.posix("symlinks")
def test_a_tree_with_links_goes_without_what_they_lead_to(root: Beneath) -> None:
    disk.make_folder(root / "tree/deep")
    (root.path / "tree" / "deep" / "link").symlink_to(_outside(root))
    (root.path / "alone").symlink_to(_outside(root))
    disk.remove_tree(root / "tree")
    disk.remove_tree(root / "alone")
    assert beneath.entries(root) == []
    assert (_outside(root) / "secret").read_bytes() == b"secret"


@pytest.mark.posix("paths of any length: Windows has 32,767 characters")
def test_a_tree_that_is_deeper_than_any_of_ours_goes_in_short_steps(
    root: Beneath, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.make_folder(root / "tree")
    with monkeypatch.context() as here:
        here.chdir(root.path / "tree")
        for _ in range(1000):
            os.mkdir("d")
            os.chdir("d")
    longest = 0

    def note(_: str, arguments: tuple[object, ...]) -> None:
        nonlocal longest
        longest = max(longest, *(len(each.parts) for each in arguments if isinstance(each, Path)))

    monkeypatch.setattr(disk, "hook", note)
    disk.remove_tree(root / "tree")
    assert beneath.entries(root) == []
    assert longest < len(root.path.parts) + 200


@pytest.mark.posix("named pipes among files")
def test_a_pipe_is_no_file_and_keeps_nobody_waiting(root: Beneath) -> None:
    os.mkfifo(root.path / "pipe")
    with pytest.raises(OSError, match="Not a regular file"):
        beneath.open_file(root / "pipe")
    with pytest.raises(DiskError):
        disk.append(root / "pipe", b"x")


def test_a_folder_is_no_file(root: Beneath) -> None:
    disk.make_folder(root / "folder")
    with pytest.raises(OSError, match="Not a regular file"):
        beneath.open_file(root / "folder")


def test_a_file_with_a_second_name_is_not_written(root: Beneath) -> None:
    os.link(_outside(root) / "secret", root.path / "file")
    for attempt in (lambda: disk.Staged(root / "file", 0), lambda: disk.append(root / "file", b"x")):
        with pytest.raises(DiskError) as caught:
            attempt()
        assert caught.value.code == "disk.in_the_way"
    disk.write_atomic(root / "file", b"new")
    assert (_outside(root) / "secret").read_bytes() == b"secret"


def test_more_than_a_file_can_hold_is_not_read(root: Beneath) -> None:
    disk.write_atomic(root / "file", b"12345")
    assert beneath.read(root / "file", 5) == b"12345"
    with pytest.raises(OSError, match="Larger than it can be"):
        beneath.read(root / "file", 4)


@pytest.mark.posix("sparse files")
def test_a_file_that_is_too_large_costs_no_memory(root: Beneath) -> None:
    disk.Staged(root / "file", 1 << 40).close()
    tracemalloc.start()
    try:
        with pytest.raises(OSError, match="Larger than it can be"):
            beneath.read(root / "file")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.posix("symlinks")
def test_another_folder_in_its_place_is_not_taken_for_it(root: Beneath) -> None:
    disk.write_atomic(root / "file", b"mine")
    root.path.rename(root.path.with_name("aside"))
    root.path.symlink_to(_outside(root))
    other = below(root.path)
    assert beneath.is_file(other / "secret"), "whoever asks anew takes what stands there: it is the player's choice"
    if getattr(beneath._thread, "folders", None) is None:
        assert beneath.status(root / "secret") is None
    with pytest.raises(DiskError):
        disk.write_atomic(root / "deep/new", b"x")
    assert [path.name for path in _outside(root).iterdir()] == ["secret"]


def test_a_path_means_the_same_in_a_worker_process(root: Beneath) -> None:
    disk.write_atomic(root / "file", b"bytes")
    with processes.pool(1, 1 << 30) as workers:
        assert workers.submit(beneath.read, root / "file").result() == b"bytes"


# ---------------------------------------------------------------- kept open


def test_a_folder_that_we_replaced_is_walked_to_anew(tmp_path: Path) -> None:
    root = below(tmp_path)
    with beneath.kept_open():
        for name in ("old/deep", "new/deep"):
            disk.make_folder(root / name)
            disk.write_atomic(root / name / "file", name.encode())
        disk.rename(root / "old", root / "gone")
        disk.rename(root / "new", root / "old")
        assert beneath.read(root / "old/deep/file") == b"new/deep"
        disk.remove_tree(root / "old")
        disk.make_folder(root / "old/deep")
        disk.write_atomic(root / "old/deep/file", b"again")
        assert (tmp_path / "old" / "deep" / "file").read_bytes() == b"again"


@pytest.mark.posix("folders that are open by descriptor")
def test_few_folders_stay_open_and_none_for_ever(tmp_path: Path) -> None:
    root, before = below(tmp_path), len(os.listdir("/proc/self/fd"))
    with beneath.kept_open():
        for number in range(3 * beneath._MAX_OPEN):
            disk.make_folder(root / f"{number}/inner")
            disk.write_atomic(root / f"{number}/inner/file", b"")
            disk.rename(root / f"{number}/inner/file", root / "0/inner/file")
        assert len(os.listdir("/proc/self/fd")) <= before + beneath._MAX_OPEN
    assert len(os.listdir("/proc/self/fd")) == before


# ---------------------------------------------------------------- handed to a library


@pytest.mark.posix("symlinks")
def test_a_path_for_a_library_stays_in_the_folder_that_was_opened(tmp_path: Path) -> None:
    (tmp_path / "staging").mkdir()
    (tmp_path / "outside").mkdir()
    folders = beneath.OpenFolders()
    path = folders.path(below(tmp_path) / "staging/file")
    (tmp_path / "staging").rename(tmp_path / "moved")
    (tmp_path / "staging").symlink_to("outside")
    Path(path).write_bytes(b"bytes")
    assert (tmp_path / "moved" / "file").read_bytes() == b"bytes"
    assert list((tmp_path / "outside").iterdir()) == []
    folders.close()
    assert folders.path(tmp_path / "mine") == str(tmp_path / "mine")

"""What Windows alone has, as it is there. Linux has a disk that plays Windows (`tests/support/windows_like.py`)."""

import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from patcher import beneath, disk, windows
from patcher.errors import DiskError
from tests.support import programs

if sys.platform == "win32":
    import _winapi


def _path(text: str) -> str:
    return text.replace("/", os.sep)


def test_a_path_that_is_short_is_given_as_it_is(tmp_path: Path) -> None:
    assert windows.system_path(tmp_path) == str(tmp_path)


@pytest.mark.windows("paths of at most 260 characters")
@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("C:/games/" + "x" * 250, "//?/C:/games/" + "x" * 250),
        ("C:/games/../" + "x" * 250, "//?/C:/" + "x" * 250),
        ("//server/share/" + "x" * 250, "//?/UNC/server/share/" + "x" * 250),
        ("//?/C:/" + "x" * 250, "//?/C:/" + "x" * 250),
    ],
)
def test_a_path_that_is_long_is_given_in_the_form_that_has_no_limit(path: str, form: str) -> None:
    assert windows.system_path(_path(path)) == _path(form)


def test_a_deep_install_is_written_read_and_removed(tmp_path: Path) -> None:
    (tmp_path / "game").mkdir()
    game = beneath.below(tmp_path / "game")
    deep = game / "/".join("a" * 40 for _ in range(10))
    disk.make_folder(deep)
    disk.write_atomic(deep / "file", b"deep")
    assert beneath.read(deep / "file") == b"deep"
    assert [name for name, _ in beneath.entries(deep)] == ["file"]
    disk.remove_tree(game / ("a" * 40))
    assert beneath.entries(game) == []


# ---------------------------------------------------------------- files in use


@contextmanager
def _in_use(path: Path, use: str) -> Iterator[None]:
    """Another program has the file open, or the file is one that runs."""
    if use == "open":
        with path.open("rb"):  # Python lets others read and write it, not remove it
            yield
        return
    shutil.copyfile(programs.WAITS, path)
    with subprocess.Popen([path, *programs.ARGUMENTS], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as program:
        time.sleep(0.5)
        try:
            yield
        finally:
            program.communicate(b"\n")


@pytest.mark.windows("sharing violations")
@pytest.mark.parametrize("use", ["open", "running"])
def test_a_file_in_use_is_neither_replaced_nor_removed_and_told(tmp_path: Path, use: str) -> None:
    (tmp_path / "new.exe").write_bytes(b"new")
    (tmp_path / "old.exe").write_bytes(b"old")
    with _in_use(tmp_path / "old.exe", use):
        before = (tmp_path / "old.exe").read_bytes()
        with pytest.raises(DiskError) as replaced:
            disk.rename(tmp_path / "new.exe", tmp_path / "old.exe")
        with pytest.raises(DiskError) as removed:
            disk.remove(tmp_path / "old.exe")
        assert {replaced.value.code, removed.value.code} == {"disk.in_use"}
        assert (tmp_path / "old.exe").read_bytes() == before
    disk.rename(tmp_path / "new.exe", tmp_path / "old.exe")


@contextmanager
def _opened(path: Path, sharing: int) -> Iterator[None]:
    """Another program reads the file, and lets others do what ``sharing`` says (CreateFile)."""
    handle = 0
    if sys.platform == "win32":
        handle = _winapi.CreateFile(str(path), 0x80000000, sharing, 0, 3, 0, 0)
    yield
    if sys.platform == "win32":
        _winapi.CloseHandle(handle)


@pytest.mark.windows("sharing violations")
@pytest.mark.parametrize(
    "act", [lambda path: disk.append(path, b"x"), lambda path: disk.Staged(path, 9).close(), disk.sync_file]
)
def test_a_file_that_another_program_has_for_itself_is_in_use(tmp_path: Path, act: Callable[[Path], object]) -> None:
    (tmp_path / "file").write_bytes(b"data")
    with _opened(tmp_path / "file", 0), pytest.raises(DiskError) as caught:
        act(tmp_path / "file")
    assert caught.value.code == "disk.in_use"
    act(tmp_path / "file")


@pytest.mark.windows("names of files that are being deleted")
def test_a_name_whose_file_is_still_being_deleted_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "name").write_bytes(b"data")
    with _opened(tmp_path / "name", 7):
        (tmp_path / "name").unlink()
        with pytest.raises(DiskError):
            disk.make_folder(tmp_path / "name")
        with pytest.raises(DiskError):
            disk.remove_folder(tmp_path)
    disk.make_folder(tmp_path / "name")
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


@pytest.mark.windows("programs that run are renamed away")
def test_a_program_that_runs_makes_room_for_its_successor(tmp_path: Path) -> None:
    with _in_use(tmp_path / "game.exe", "running"):
        disk.check_replaceable(tmp_path / "game.exe")
        disk.rename(tmp_path / "game.exe", tmp_path / "kept.exe")
        disk.write_atomic(tmp_path / "game.exe", b"new")
    assert (tmp_path / "game.exe").read_bytes() == b"new"


@pytest.mark.windows("the read-only attribute")
def test_a_read_only_folder_is_removed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder").chmod(stat.S_IREAD)
    disk.remove_folder(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.windows("links that need a privilege")
def test_a_link_is_made_or_said_to_be_impossible(tmp_path: Path) -> None:
    assert disk.symlink("target", tmp_path / "link") == os.path.lexists(tmp_path / "link")


# ---------------------------------------------------------------- access lists


@pytest.mark.windows("access lists")
def test_a_folder_that_is_closed_to_others_stays_open_to_us(tmp_path: Path) -> None:
    """That others are kept out cannot be seen under Wine, which has one user."""
    (tmp_path / "home" / "inner").mkdir(parents=True)
    if sys.platform == "win32":
        windows.make_private(str(tmp_path / "home"))
    disk.write_atomic(tmp_path / "home" / "inner" / "file", b"ours")
    disk.check_writable(tmp_path / "home")
    assert (tmp_path / "home" / "inner" / "file").read_bytes() == b"ours"

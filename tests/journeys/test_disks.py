"""Disks that are not like the publisher's: they ignore case, keep no modes or links, are mounted somewhere."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from patcher import disk
from patcher.beneath import Where, path_of
from patcher.content import paths
from patcher.install.folder import InstallFolder
from tests.support import trees
from tests.support.ignore_case import IgnoreCase
from tests.support.trees import File, Folder, Layout, Link, edited, noise
from tests.support.world import Shoal, World, prepared_engine

_A, _B = noise(1, 70_000), noise(2, 30_000)
OLD: Layout = {
    "bin/game": File(b"#!/bin/sh\n", executable=True),
    "game_Data/a.bin": File(_A),
    "game_Data/Deep/b.bin": File(_B),
    "Readme.txt": File(b"read me"),
    "Current": Link("Readme.txt"),
    "Logs": Folder(),
    "Flat": File(b"a file that becomes a folder"),
    "Swap/inner": File(b"in a folder that becomes a file"),
}

pytestmark = pytest.mark.posix("symlinks; other disks are played here")


def _renamed(a: bytes, readme: bytes) -> Layout:
    return {
        "bin/game": File(b"#!/bin/sh\n", executable=True),
        "Game_Data/a.bin": File(a),
        "Game_Data/deep/B.bin": File(_B),
        "README.txt": File(readme),
        "current": Link("Readme.txt"),
        "logs/first": File(b""),
        "flat/new": File(b"new"),
        "swap": File(b"a file now"),
    }


RENAMED = _renamed(_A, b"read me")
CHANGED = _renamed(edited(_A, 3), b"read me again")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("world")) as made:
        for title, new in (("renamed", RENAMED), ("changed", CHANGED)):
            for version, layout in (("1", OLD), ("2", new)):
                trees.write(made.root / title / version, layout)
                made.release(version, made.root / title / version, title=title)
        yield made


@pytest.fixture
def player(world: World, tmp_path: Path) -> Iterator[Shoal]:
    player = world.player(tmp_path.name, peers="none")
    yield player
    player.stop_engine()


def installed(player: Shoal, folder: Path, title: str) -> None:
    player.run("install", title, "--to", folder)
    player.run("update", title, "--version", "1")
    assert trees.read(folder) == OLD


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(("title", "new"), [("renamed", RENAMED), ("changed", CHANGED)])
def test_names_that_change_only_in_case_change_where_the_disk_ignores_it(
    player: Shoal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, title: str, new: Layout
) -> None:
    (tmp_path / "disk").mkdir()
    IgnoreCase(tmp_path / "disk").take_over(monkeypatch.setattr)
    folder, other = tmp_path / "disk" / "game", tmp_path / "disk" / "other"
    installed(player, folder, title)
    player.run("update", title)
    assert trees.read(folder) == new
    assert player.run("verify", title)["damaged"] == []
    (folder / "README.txt").write_bytes(b"scribble")
    (folder / "Game_Data" / "a.bin").unlink()
    player.run("repair", title)
    assert trees.read(folder) == new
    player.run("update", title, "--version", "1")
    assert trees.read(folder) == OLD
    player.run("rollback", title)
    assert trees.read(folder) == new
    player.run("move", title, other)
    assert trees.read(other) == new
    player.run("uninstall", title)
    assert os.listdir(tmp_path / "disk") == []


def test_what_the_player_put_into_a_folder_stays_when_its_name_changes_in_case(
    player: Shoal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    IgnoreCase(tmp_path).take_over(monkeypatch.setattr)
    folder = tmp_path / "game"
    installed(player, folder, "changed")
    trees.write(folder, {"game_Data/mods/mine": File(b"mine")})
    player.run("update", "changed")
    now = {paths.fold(path): item for path, item in trees.read(folder).items()}
    assert now == {paths.fold(path): item for path, item in CHANGED.items()} | {"game_data/mods/mine": File(b"mine")}
    player.run("uninstall", "changed")
    assert [each.data for each in trees.read(folder).values() if isinstance(each, File)] == [b"mine"]


@pytest.mark.parametrize("name", ["GAME", "link"])
def test_another_name_of_the_folder_is_no_other_place_to_move_to(
    player: Shoal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    IgnoreCase(tmp_path).take_over(monkeypatch.setattr)
    folder = tmp_path / "game"
    installed(player, folder, "renamed")
    (tmp_path / "link").symlink_to(folder)
    player.run("move", "renamed", tmp_path / name)
    assert trees.read(folder) == OLD
    assert player.run("verify", "renamed")["damaged"] == []
    assert InstallFolder.at(tmp_path / name).current.exists


# ---------------------------------------------------------------- what a disk cannot hold


def test_on_a_disk_without_modes_and_links_neither_is_missed(
    player: Shoal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(disk, "os", SimpleNamespace(**{**vars(os), "fchmod": refuse, "symlink": refuse}))
    folder = tmp_path / "game"
    player.run("install", "changed", "--to", folder)
    plain = {path: File(each.data) for path, each in CHANGED.items() if isinstance(each, File)}
    assert trees.read(folder) == plain
    assert player.run("verify", "changed")["damaged"] == []
    before = os.stat(folder / ".shoal" / "installed").st_ino
    player.run("repair", "changed")
    assert os.stat(folder / ".shoal" / "installed").st_ino == before, "there was something to repair"


def test_on_a_disk_with_modes_and_links_both_are_missed(player: Shoal, tmp_path: Path) -> None:
    folder = tmp_path / "game"
    player.run("install", "changed", "--to", folder)
    (folder / "bin" / "game").chmod(0o644)
    (folder / "current").unlink()
    assert player.run("verify", "changed", expect=10)["damaged"] == ["bin/game", "current"]
    player.run("repair", "changed")
    assert trees.read(folder) == CHANGED


def test_a_disk_that_makes_up_the_numbers_of_its_files_is_no_reason_to_cry(
    player: Shoal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAT does, when the system forgot a file meanwhile."""
    real = disk.rename

    def renumbered(source: Where, where: Where) -> None:
        real(source, where)
        path = path_of(where)
        if ".shoal" not in path.parts and path.is_file():
            shutil.copy2(path, tmp_path / "copy")
            os.replace(tmp_path / "copy", path)

    monkeypatch.setattr(disk, "rename", renumbered)
    player.run("install", "changed", "--to", tmp_path / "game")
    monkeypatch.undo()
    assert player.run("verify", "changed")["damaged"] == []


# ---------------------------------------------------------------- where an install lies


@pytest.mark.parametrize("kind", ["a link", "a drive of its own", "in a folder of somebody else's"])
def test_an_own_empty_folder_that_cannot_be_removed_is_no_failure(
    player: Shoal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    folder, other = tmp_path / "game", tmp_path / "other"
    if kind == "a link":
        (tmp_path / "real").mkdir()
        folder.symlink_to(tmp_path / "real")
    else:
        number = errno.EBUSY if kind == "a drive of its own" else errno.EACCES
        real = os.rmdir

        def rmdir(path: str, dir_fd: int | None = None) -> None:
            if Path(path) == folder:
                raise OSError(number, os.strerror(number))
            real(path, dir_fd=dir_fd)

        monkeypatch.setattr(disk, "os", SimpleNamespace(**{**vars(os), "rmdir": rmdir}))
    installed(player, folder, "renamed")
    player.run("update", "renamed")
    player.run("rollback", "renamed")
    player.run("move", "renamed", other)
    assert trees.read(other) == OLD
    assert os.listdir(folder) == []
    player.run("move", "renamed", folder)
    assert trees.read(folder) == OLD
    player.run("uninstall", "renamed")
    assert os.listdir(folder) == []
    assert not other.exists()
    assert player.error("play", "renamed", expect=2)["code"] == "usage.not_installed"


@pytest.mark.parametrize(
    "name", ["lost+found", ".Trash-1000", "System Volume Information", "$RECYCLE.BIN", ".DS_Store"]
)
def test_what_systems_put_on_a_fresh_drive_does_not_make_it_full(player: Shoal, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "drive"
    (folder / name).mkdir(parents=True)
    player.run("install", "renamed", "--to", folder)
    player.run("uninstall", "renamed")
    assert os.listdir(folder) == [name]


def test_a_drive_mounted_inside_an_install_is_said_before_anything_is_fetched_or_changed(
    world: World, player: Shoal, tmp_path: Path
) -> None:
    folder = tmp_path / "game"
    installed(player, folder, "changed")
    shutil.copytree(folder / "game_Data", tmp_path / "data")
    world.requests()
    mount = f"mount --bind {tmp_path}/data {folder}/game_Data"
    with prepared_engine(player, mount=mount):
        error = player.error("update", "changed", expect=6)
        assert (error["code"], error["facts"]["path"]) == ("disk.volume", str(folder / "game_Data"))
        assert player.run("verify", "changed")["damaged"] == []
        assert player.error("uninstall", "changed", expect=6)["code"] == "disk.volume"
        assert player.run("verify", "changed")["damaged"] == []
    assert trees.read(folder) == OLD
    player.run("update", "changed")
    assert trees.read(folder) == CHANGED

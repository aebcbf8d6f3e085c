"""A drive that is not connected: said everywhere, never a success, and over when it is back, located or forgotten."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import trees
from tests.support.trees import File
from tests.support.waiting import wait_until
from tests.support.world import Shoal, World

_OLD: trees.Layout = {"bin/game": File(b"#!/bin/sh\nexit 0\n", executable=True), "data/a": File(trees.noise(1, 50_000))}
_NEW: trees.Layout = {**_OLD, "data/a": File(trees.noise(2, 50_000))}
_LAUNCH = ("--launch", "bin/game")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("world")
    trees.write(root / "old", _OLD)
    trees.write(root / "new", _NEW)
    with World(root) as made:
        for title in ("game", "other"):
            made.release("1", root / "old", *_LAUNCH, "--channel", "old", title=title)
            made.release("2", root / "new", *_LAUNCH, title=title)
        yield made


@pytest.fixture
def player(world: World, tmp_path: Path) -> Iterator[Shoal]:
    """Somebody with the old release, whose drive is not connected."""
    made = world.player(tmp_path.name, peers="none")
    made.run("install", "game", "--to", tmp_path / "drive" / "game", "--channel", "old")
    os.rename(tmp_path / "drive", tmp_path / "away")
    yield made
    made.stop_engine()


@pytest.mark.parametrize("is_mount_point", [False, True], ids=["no folder", "an empty folder"])
@pytest.mark.parametrize(
    "words",
    [("update", "game"), ("update",), ("update", "game", "--check"), ("play", "game"), ("repair", "game"),
     ("verify", "game"), ("rollback", "game"), ("tags", "game", "lang:de"), ("uninstall", "game"),
     ("install", "game"), ("install", "game", "--plan"), ("move", "game", "/tmp/elsewhere")],
    ids=" ".join,
)  # fmt: skip
def test_no_verb_succeeds(player: Shoal, tmp_path: Path, words: tuple[str, ...], is_mount_point: bool) -> None:
    if is_mount_point:
        (tmp_path / "drive" / "game").mkdir(parents=True)
    error = player.error(*words, expect=6)
    assert error["code"] == "disk.folder_missing"
    assert error["facts"]["path"] == str(tmp_path / "drive" / "game")
    assert "--locate" in error["hint"] and "--forget" in error["hint"]
    assert not (tmp_path / "drive" / "game").exists() or not os.listdir(tmp_path / "drive" / "game")


def test_status_and_doctor_say_so_and_all_is_well_when_it_is_back(player: Shoal, tmp_path: Path) -> None:
    [shown] = player.run("status", "game")["titles"]
    assert (shown["folder_missing"], shown["installed"], shown["version"]) == (True, False, "1")
    assert shown["failure"]["code"] == "disk.folder_missing"
    assert player.run("doctor")["missing_folders"] == {"demo/game": str(tmp_path / "drive" / "game")}
    player.error("update", "game", expect=6)
    os.rename(tmp_path / "away", tmp_path / "drive")
    wait_until(lambda: not player.run("status", "game")["titles"][0]["failure"], "the drive to be seen")
    [shown] = player.run("status", "game")["titles"]
    assert (shown["folder_missing"], shown["installed"], shown["version"]) == (False, True, "1")
    player.run("update", "game", "--version", "2")
    assert trees.read(tmp_path / "drive" / "game") == _NEW


def test_it_is_located_where_it_is_now(player: Shoal, tmp_path: Path) -> None:
    found = player.run("install", "game", "--to", tmp_path / "away" / "game", "--locate")
    assert found["fetched"]["origin_bytes"] == found["written_bytes"] == 0
    assert player.run("verify", "game")["damaged"] == []
    player.run("uninstall", "game")
    assert not (tmp_path / "away" / "game").exists()


@pytest.mark.parametrize("is_known", [True, False], ids=["of this home", "of another home"])
def test_the_folder_of_another_title_is_neither_located_nor_moved_to(
    world: World, player: Shoal, tmp_path: Path, is_known: bool
) -> None:
    owner = player if is_known else world.player(f"{tmp_path.name}-other", peers="none")
    owner.run("install", "other", "--to", tmp_path / "other", "--channel", "old")
    folders = [tmp_path / "other"]
    if sys.platform != "win32":
        folders.append(tmp_path / "link")
        folders[1].symlink_to(folders[0])
    for folder in folders:
        error = player.error("install", "game", "--to", folder, "--locate", expect=6)
        assert error["code"] == "disk.not_empty"
        assert "other" in error["message"]
    if is_known:
        os.rename(tmp_path / "other", tmp_path / "other-away")
        os.rename(tmp_path / "away", tmp_path / "drive")
        assert player.error("move", "game", tmp_path / "other", expect=6)["code"] == "disk.not_empty"
        os.rename(tmp_path / "other-away", tmp_path / "other")
    assert owner.run("verify", "other")["damaged"] == []
    assert trees.read(tmp_path / "other") == _OLD
    owner.stop_engine()


def test_it_is_forgotten_only_when_that_is_asked_for_and_its_files_stay(player: Shoal, tmp_path: Path) -> None:
    player.run("uninstall", "game", "--forget")
    [shown] = player.run("status", "game")["titles"]
    assert (shown["folder_missing"], shown["installed"], shown["folder"]) == (False, False, "")
    assert trees.read(tmp_path / "away" / "game") == _OLD
    player.run("install", "game", "--to", tmp_path / "new")
    error = player.error("uninstall", "game", "--forget", expect=2)
    assert error["code"] == "usage.argument"
    assert trees.read(tmp_path / "new") == _NEW


def test_another_title_is_updated_all_the_same(player: Shoal, tmp_path: Path) -> None:
    player.run("install", "other", "--to", tmp_path / "other", "--channel", "old")
    lines = player.run("update", expect=6)["lines"]
    assert [line["title"] for line in lines if line["event"] == "result" and line["ok"]] == ["demo/other"]
    assert lines[-1]["error"]["code"] == "disk.folder_missing"

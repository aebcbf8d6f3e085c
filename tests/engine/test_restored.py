"""What an engine makes of a home whose files are lost: what this home knew, and nothing that merely lies there."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.config import Home
from patcher.feed.guard import Floor
from patcher.install.registry import Registry
from tests.engine.test_server import kept_engine
from tests.support import trees
from tests.support.trees import File
from tests.support.waiting import wait_until
from tests.support.world import Shoal, World

_TREE: trees.Layout = {"readme.txt": File(b"read me"), "data": File(trees.noise(64, 50_000))}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    trees.write(tmp_path / "tree", _TREE)
    with World(tmp_path) as made:
        made.release("1", tmp_path / "tree")
        yield made


@pytest.fixture
def player(world: World) -> Shoal:
    """Somebody with an install where they chose it."""
    made = world.player("ann", peers="none")
    made.run("install", "game", "--to", world.folder(made))
    made.stop_engine()
    return made


def _floor(player: Shoal) -> dict[str, int]:
    (feed,) = player.run("feed", "list")["feeds"]
    return Floor(Home(player.home).registry).versions(feed["fingerprint"])


def test_a_lost_registry_is_made_anew_with_what_this_home_chose(world: World, player: Shoal) -> None:
    before, registry = _floor(player), Registry(Home(player.home).registry)
    known = (registry.installs(), registry.install_id)
    player.stop_engine()
    (player.home / "registry.sqlite").unlink()
    shown = player.run("status", "game")
    (notice,) = [line["error"] for line in shown["lines"] if line["event"] == "notice"]
    assert notice["code"] == "disk.registry"
    assert "the newest versions that were seen" in notice["message"]
    assert (registry.installs(), registry.install_id) == known
    assert shown["titles"][0]["version"] == "1"
    assert registry.files_seen("demo/game") == {}, "nothing counts as verified"
    assert _floor(player) == before, "as far as the metadata here says"
    assert player.run("repair", "game")["fetched"]["origin_bytes"] == 0


def test_a_title_on_a_drive_that_is_not_connected_outlives_the_registry(world: World, player: Shoal) -> None:
    folder, away = world.folder(player), world.root / "away"
    folder.rename(away)
    for _ in range(2):  # also with the registry that was made of the copy
        player.stop_engine()
        (player.home / "registry.sqlite").unlink()
        (shown,) = player.run("status", "game")["titles"]
        assert shown["folder_missing"] and shown["version"] == "1"
        assert player.error("play", "game", expect=6)["code"] == "disk.folder_missing"
    away.rename(folder)
    assert player.run("verify", "game")["damaged"] == []
    player.run("uninstall", "game")
    player.stop_engine()
    (player.home / "registry.sqlite").unlink()
    (shown,) = player.run("status", "game")["titles"]
    assert not shown["folder_missing"], "it was uninstalled and is missed no more"


def test_a_folder_that_only_looks_like_an_install_is_named_and_not_adopted(world: World, player: Shoal) -> None:
    games = world.root / "shared drive"
    player.run("settings", "games_folder", games)
    player.stop_engine()
    shutil.copytree(world.folder(player), games / "planted")
    (player.home / "registry.sqlite").write_bytes(b"")
    (player.home / "installs.json").write_bytes(b"{}")
    shown = player.run("status")
    (text,) = [line["text"] for line in shown["lines"] if line["event"] == "notice"]
    assert str(games / "planted") in text
    assert not any(title["installed"] for title in shown["titles"])
    assert player.error("play", "game", expect=2)["code"] == "usage.not_installed"
    (games / "planted" / "readme.txt").write_text("another")
    located = player.run("install", "game", "--to", games / "planted", "--locate")
    assert located["version_to"] == "1"
    assert trees.read(games / "planted") == _TREE


def test_a_new_home_has_no_problems(tmp_path: Path) -> None:
    player = Shoal(tmp_path / "home")
    assert player.run("doctor")["problems"] == []
    assert player.run("doctor")["kept"] == []
    player.stop_engine()


def test_an_engine_whose_registry_is_damaged_makes_room_for_one_that_mends_it(home: Path) -> None:
    with kept_engine(home) as engine:
        player = Shoal(home)
        player.run("settings", "listen_port", 4000)
        (home / "registry.sqlite").write_bytes(b"damaged")
        wait_until(lambda: engine.poll() is not None, "the engine's end")
    assert player.run("doctor")["kept"] == [str(home / "registry.sqlite.damaged")]
    player.stop_engine()


def test_doctor_reports_what_keeps_an_engine_from_beginning(home: Path) -> None:
    (home / "engine.lock").mkdir()
    report = Shoal(home).run("doctor")
    assert "engine.lock" in report["engine"]
    assert report["free_bytes"] > 0


@pytest.mark.parametrize("words", [("sharing",), ("sharing", "lan")])
def test_a_wrong_value_in_the_settings_is_told_once(home: Path, words: tuple[str, ...]) -> None:
    (home / "settings.toml").write_text('peers = "maybe"\n')
    player = Shoal(home)
    notices = [line for line in player.run("settings", *words)["lines"] if line["event"] == "notice"]
    player.stop_engine()
    assert [notice["error"]["code"] for notice in notices] == ["usage.setting"]

"""The main job of a player, on a real engine, feed, origin and tracker: by mouse, and by keyboard alone."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from launcher.page import PrimaryAction
from patcher.publish import build
from tests.launcher.desk import Desk, Hands, Keyboard, Mouse
from tests.support import trees
from tests.support.peers import Player, torrent_of
from tests.support.trees import File
from tests.support.world import Shoal, World

_PAK = trees.noise(60, 2_000_000)
_GAME = File(b"#!/bin/sh\nsleep 1\n", executable=True)
_OLD: trees.Layout = {**trees.scenario("changed").old, "data/large.pak": File(_PAK), "bin/play": _GAME}
_NEW: trees.Layout = {
    **trees.scenario("changed").new,
    "data/large.pak": File(_PAK[:1_000_000] + trees.noise(61, 200_000) + _PAK[1_000_000:]),
    "bin/play": _GAME,
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    trees.write(tmp_path / "old", _OLD)
    trees.write(tmp_path / "new", _NEW)
    with World(tmp_path) as made:
        made.release("1", tmp_path / "old", "--launch", "bin/play")
        yield made


@pytest.fixture
def desk(world: World, qtbot: QtBot, qapp: QApplication) -> Iterator[Desk]:
    """A new player, whose engine keeps to this machine."""
    player = Shoal(world.root / "ann", "--ca", str(world.ca))
    for key, value in {"listen_host": "127.0.0.1", "local_discovery": "off"}.items():
        player.run("settings", key, value)
    with Desk(qtbot, qapp, player, world.ca) as made:
        yield made


def _text_of(desk: Desk, name: str) -> str:
    label = desk.widget(name)
    assert isinstance(label, QLabel)
    return label.text()


@pytest.mark.qt_log_ignore(
    "Keyboard event not accepted", extend=True
)  # a menu that closes does not wait for the key's release
@pytest.mark.parametrize("hands_of", [Mouse, Keyboard])
def test_a_player_installs_updates_plays_shares_repairs_and_uninstalls(
    world: World, desk: Desk, hands_of: Callable[[Desk], Hands]
) -> None:
    hands, folder = hands_of(desk), world.root / "games" / "game"
    hands.press("not-now")
    hands.write("address", world.origin.url)
    hands.press("look")
    desk.until(lambda: desk.is_there("add"))
    assert _text_of(desk, "fingerprint").replace(" ", "") == world.invitation["fingerprint"]
    hands.press("add")

    desk.until(lambda: desk.act() is PrimaryAction.INSTALL)
    hands.press("action")
    hands.write("folder", str(folder))
    desk.until(lambda: desk.window.state.of("demo/game").planned is not None)
    hands.press("go")
    desk.until(lambda: desk.act() is PrimaryAction.PLAY)
    assert trees.read(folder) == _OLD

    world.release("2", world.root / "new", "--launch", "bin/play")
    desk.window.look_for_news()
    desk.until(lambda: desk.act() is PrimaryAction.UPDATE and desk.window.state.of("demo/game").planned is not None)
    hands.press("action")
    desk.until(lambda: desk.act() is PrimaryAction.PLAY)
    assert trees.read(folder) == _NEW
    outcome = desk.window.state.of("demo/game").outcome
    assert outcome is not None and 0 < outcome.planned_bytes < 400_000

    hands.press("action")
    desk.until(lambda: desk.act() is PrimaryAction.PLAYING)
    desk.until(lambda: desk.act() is PrimaryAction.PLAY)

    _share(world, desk, hands)

    (folder / "data/large.pak").write_bytes(b"damaged")
    hands.choose("Check files")
    desk.until(lambda: desk.act() is PrimaryAction.REPAIR)
    hands.press("action")
    desk.until(lambda: desk.act() is PrimaryAction.PLAY)
    assert trees.read(folder) == _NEW

    hands.choose("Uninstall…")
    hands.press("yes")
    desk.until(lambda: desk.act() is PrimaryAction.INSTALL)
    assert not folder.exists()


def _share(world: World, desk: Desk, hands: Hands) -> None:
    """Not one byte leaves before the player says so; then another player gets the whole game."""
    assert desk.window.state.snapshot is not None
    assert desk.window.state.snapshot.settings["sharing"] == "off"
    hands.press("share")
    desk.until(lambda: bool((title := desk.title()) and title.seeding))
    named = world.root / "strangers" / "game.main"
    shutil.copytree(world.root / "new", named)
    torrent = torrent_of(named, build.piece_bytes_for(sum(e.size_bytes for e in trees.manifest_of(_NEW).entries)))
    port = desk.window.state.snapshot.listen_port
    with Player() as stranger:
        stranger.want(torrent, world.root / "taken" / "game.main", ("127.0.0.1", port))
        desk.until(lambda: stranger.is_complete)
    assert trees.read(world.root / "taken" / "game.main") == _NEW
    hands.press("share")
    desk.until(lambda: not ((title := desk.title()) and title.seeding))

"""The main job of a player, on a real engine, feed, origin and tracker: by mouse, and by keyboard alone.

The systems speak languages of which there is no translation, so the window speaks English.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from launcher.page import PrimaryAction
from patcher.publish import build
from tests.launcher.ui import HastyMouse, InputDevice, Keyboard, LauncherUi, Mouse
from tests.support import trees
from tests.support.peers import Player, torrent_of
from tests.support.trees import File
from tests.support.world import Shoal, World

_PAK = trees.noise(60, 2_000_000)
_PLAY = "bin/play.bat" if os.name == "nt" else "bin/play"
_SCRIPT = f'@"{sys.executable}" -c "import time; time.sleep(3)"\r\n' if os.name == "nt" else "#!/bin/sh\nsleep 1\n"
_GAME = File(_SCRIPT.encode(), executable=True)
_OLD: trees.Layout = {**trees.scenario("changed").old, "data/large.pak": File(_PAK), _PLAY: _GAME}
_NEW: trees.Layout = {
    **trees.scenario("changed").new,
    "data/large.pak": File(_PAK[:1_000_000] + trees.noise(61, 200_000) + _PAK[1_000_000:]),
    _PLAY: _GAME,
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    trees.write(tmp_path / "old", _OLD)
    trees.write(tmp_path / "new", _NEW)
    with World(tmp_path, processes=True) as made:
        made.release("1", tmp_path / "old", "--launch", _PLAY)
        yield made


@pytest.fixture
def ui(
    world: World, qtbot: QtBot, qapp: QApplication, speak: Callable[[str], None], locale: str
) -> Iterator[LauncherUi]:
    """A new player, whose engine keeps to this machine."""
    speak(locale)
    player = Shoal(world.root / "ann", "--ca", str(world.ca))
    for key, value in {"listen_host": "127.0.0.1", "local_discovery": "off"}.items():
        player.run("settings", key, value)
    with LauncherUi(qtbot, qapp, player, world.ca) as made:
        yield made


def _text_of(ui: LauncherUi, name: str) -> str:
    label = ui.widget(name)
    assert isinstance(label, QLabel)
    return label.text()


@pytest.mark.qt_log_ignore(
    "Keyboard event not accepted", extend=True
)  # a menu that closes does not wait for the key's release
@pytest.mark.parametrize(("device_of", "locale"), [(Mouse, "fr_FR"), (Keyboard, "ar_EG"), (HastyMouse, "C")])
def test_a_player_installs_updates_plays_shares_repairs_and_uninstalls(
    world: World, ui: LauncherUi, device_of: Callable[[LauncherUi], InputDevice]
) -> None:
    device, folder = device_of(ui), world.root / "games" / "game"
    device.press("not-now")
    device.write("address", world.origin.url)
    device.press("look")
    ui.until(lambda: ui.is_there("add"))
    assert _text_of(ui, "fingerprint").replace(" ", "") == world.invitation["fingerprint"]
    device.press("add")

    ui.until(lambda: ui.action() is PrimaryAction.INSTALL)
    device.press("action")
    device.write("folder", str(folder))
    ui.until(lambda: ui.window.state.activity("demo/game").planned is not None)
    device.press("go")
    ui.until(lambda: ui.action() is PrimaryAction.PLAY)
    assert trees.read(folder) == _OLD

    world.release("2", world.root / "new", "--launch", _PLAY)
    ui.window.refresh_feeds()
    ui.until(lambda: ui.action() is PrimaryAction.UPDATE and ui.window.state.activity("demo/game").planned is not None)
    device.press("action")
    ui.until(lambda: ui.action() is PrimaryAction.PLAY)
    assert trees.read(folder) == _NEW
    outcome = ui.window.state.activity("demo/game").outcome
    assert outcome is not None and 0 < outcome.planned_bytes < 400_000

    device.press("action")
    ui.until(lambda: ui.action() is PrimaryAction.PLAYING)
    ui.until(lambda: ui.action() is PrimaryAction.PLAY)

    if os.name != "nt":  # where the stranger's torrent would have no executable files, and be another one
        _share(world, ui, device)

    (folder / "data/large.pak").write_bytes(b"damaged")
    device.choose("Check files")
    ui.until(lambda: "data/large.pak" in ui.window.state.activity("demo/game").damaged)  # else only the change was seen
    ui.until(lambda: ui.action() is PrimaryAction.REPAIR)
    device.press("action")
    ui.until(lambda: ui.action() is PrimaryAction.PLAY)
    assert trees.read(folder) == _NEW

    device.choose("Uninstall…")
    device.press("yes")
    ui.until(lambda: ui.action() is PrimaryAction.INSTALL)
    assert not folder.exists()


def _share(world: World, ui: LauncherUi, device: InputDevice) -> None:
    """Not one byte leaves before the player says so; then another player gets the whole game."""
    assert ui.window.state.snapshot is not None
    assert ui.window.state.snapshot.settings["sharing"] == "off"
    device.press("share")
    device.press("yes")
    ui.until(lambda: bool((title := ui.title()) and title.seeding))
    named = world.root / "strangers" / "game.main"
    shutil.copytree(world.root / "new", named)
    torrent = torrent_of(named, build.piece_bytes_for(sum(e.size_bytes for e in trees.manifest_of(_NEW).entries)))
    port = ui.window.state.snapshot.listen_port
    with Player() as stranger:
        stranger.want(torrent, world.root / "taken" / "game.main", ("127.0.0.1", port))
        ui.until(lambda: stranger.is_complete)
    assert trees.read(world.root / "taken" / "game.main") == _NEW
    device.press("share")
    ui.until(lambda: not ((title := ui.title()) and title.seeding))

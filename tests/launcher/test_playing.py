"""A game that does not start, closes at once or outlives a real engine: what the window says and offers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from launcher.page import PrimaryAction
from tests.launcher.ui import LauncherUi, Mouse
from tests.support import trees
from tests.support.trees import File
from tests.support.world import Shoal, World

pytestmark = pytest.mark.posix("scripts of the shell")

_PROGRAM = File(b"#!/bin/sh\n. ./today\n", executable=True)
"""The game does what the file `today` says, which is the player's own."""
_TREE: trees.Layout = {"bin/play": _PROGRAM, "data": File(trees.noise(7, 9000))}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("world")
    trees.write(root / "tree", _TREE)
    with World(root, processes=True) as made:
        made.release("1", root / "tree", "--launch", "bin/play")
        yield made


@pytest.fixture(scope="module")
def player(world: World) -> Shoal:
    """Somebody with the game."""
    made = world.player("ann", peers="none")
    made.run("install", "game", "--to", world.folder(made))
    return made


@pytest.fixture
def ui(world: World, player: Shoal, qtbot: QtBot, qapp: QApplication) -> Iterator[LauncherUi]:
    with LauncherUi(qtbot, qapp, player, world.ca, welcomed=True, keep_engine=True) as made:
        made.until(lambda: made.action() is PrimaryAction.PLAY)
        yield made


def test_a_game_that_closes_at_once_is_said_with_its_code_and_its_log(
    world: World, ui: LauncherUi, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    (world.folder(ui.player) / "today").write_text("echo no such device >&2\nexit 3\n")
    mouse = Mouse(ui)
    mouse.press("action")
    ui.until(lambda: ui.is_there("verify"))
    assert ui.window.title_page.banner.accessibleName() == "The game closed at once (code 3)."
    assert ui.action() is PrimaryAction.PLAY
    mouse.press("open-log")
    assert Path(opened[0].toLocalFile()).read_text() == "no such device\n"
    mouse.press("verify")
    ui.until(lambda: "All files are intact." in ui.window.title_page.status.text())
    ui.until(lambda: not ui.window.title_page.banner.isVisible())


def test_a_game_whose_program_is_missing_is_repaired_from_where_it_is_said(world: World, ui: LauncherUi) -> None:
    program = world.folder(ui.player) / "bin" / "play"
    program.unlink()
    mouse = Mouse(ui)
    mouse.press("action")
    ui.until(lambda: ui.is_there("repair"))
    assert ui.window.title_page.banner.accessibleName() == "A file of the game is missing."
    mouse.press("repair")
    ui.until(lambda: ui.action() is PrimaryAction.PLAY)
    assert program.read_bytes() == _PROGRAM.data


def test_a_game_that_plays_on_while_the_engine_is_killed_is_still_shown_as_playing(
    world: World, ui: LauncherUi
) -> None:
    running = world.folder(ui.player) / "running"
    running.touch()
    (world.folder(ui.player) / "today").write_text("while [ -e running ]; do sleep 0.1; done\n")
    Mouse(ui).press("action")
    ui.until(lambda: bool((title := ui.title()) and title.playing))
    before = ui.player.engine_pid()
    ui.player.kill_engine()
    ui.until(lambda: ui.player.engine_pid() not in {0, before} and bool((title := ui.title()) and title.playing))
    assert ui.action() is PrimaryAction.PLAYING
    running.unlink()
    ui.until(lambda: ui.action() is PrimaryAction.PLAY)

"""The engine dies while the window shows an update; and a second window, a closed one, a refused one."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from launcher.page import PrimaryAction
from launcher.state import Link
from patcher.protocol import commands
from patcher.protocol.events import Phase
from tests.launcher.ui import LauncherUi
from tests.support import trees
from tests.support.trees import File
from tests.support.world import Shoal, World

_PAK = trees.noise(62, 3_000_000)
_OLD: trees.Layout = {"readme.txt": File(b"old"), "data/large.pak": File(_PAK[:500_000])}
_NEW: trees.Layout = {"readme.txt": File(b"new"), "data/large.pak": File(_PAK)}
_SLOW_BPS = 500_000
_RECOVERY_S = 15.0 if os.name == "nt" else 5.0
"""Wine takes seconds to start a process."""


@pytest.fixture(scope="module")
def players(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, list[Shoal]]]:
    """Players with an old release installed and a slow line; a new release is out."""
    root = tmp_path_factory.mktemp("world")
    trees.write(root / "old", _OLD)
    trees.write(root / "new", _NEW)
    with World(root, processes=True) as world:
        world.release("1", root / "old")
        made = [world.player(f"ann{number}", peers="none", download_limit_bps=_SLOW_BPS) for number in range(4)]
        for player in made:
            player.run("install", "game", "--to", world.folder(player))
        world.release("2", root / "new")
        for player in made:
            player.stop_engine()
        yield world, made


@pytest.fixture
def ui(players: tuple[World, list[Shoal]], qtbot: QtBot, qapp: QApplication) -> Iterator[LauncherUi]:
    """One of them, who answered the question of the first start."""
    world, waiting = players
    with LauncherUi(qtbot, qapp, waiting.pop(), world.ca, welcomed=True) as made:
        yield made


def _fetched_bytes(ui: LauncherUi) -> int:
    progress = ui.window.state.activity("demo/game").progress
    return progress.done_bytes if progress and progress.phase is Phase.FETCH else 0


def test_an_engine_killed_while_updating_is_said_and_goes_on_within_five_seconds(ui: LauncherUi) -> None:
    ui.until(lambda: ui.action() is PrimaryAction.UPDATE and ui.is_there("action"))
    ui.window.submitted.emit(commands.Update("demo/game"))
    ui.until(lambda: _fetched_bytes(ui) > 500_000)
    ui.player.kill_engine()
    killed_s = time.monotonic()
    ui.until(lambda: ui.window.state.link is Link.LOST and ui.window.notice.isVisible())
    assert ui.window.isVisible()
    ui.until(lambda: ui.window.state.link is Link.UP and ui.action() in {PrimaryAction.PAUSE, PrimaryAction.QUEUED})
    assert time.monotonic() - killed_s < _RECOVERY_S
    ui.until(lambda: _fetched_bytes(ui) > 0)
    ui.until(lambda: not ui.window.notice.isVisible())
    ui.window.submitted.emit(commands.ChangeSetting("download_limit_bps", "0"))
    ui.until(lambda: ui.action() is PrimaryAction.PLAY)
    title = ui.title()
    assert title is not None
    assert trees.read(Path(title.folder)) == _NEW


def test_a_paused_update_says_resume_and_goes_on_where_it_was(ui: LauncherUi) -> None:
    ui.until(lambda: ui.action() is PrimaryAction.UPDATE and ui.is_there("action"))
    ui.window.submitted.emit(commands.Update("demo/game"))
    ui.until(lambda: _fetched_bytes(ui) > 1_000_000)
    ui.window.title_page.pause.click()
    ui.until(lambda: ui.action() is PrimaryAction.RESUME)
    ui.window.submitted.emit(commands.ChangeSetting("download_limit_bps", "0"))
    ui.window.title_page.action.click()
    ui.until(lambda: ui.action() is PrimaryAction.PLAY)
    outcome = ui.window.state.activity("demo/game").outcome
    assert outcome is not None
    assert outcome.fetched.origin_bytes < 2_000_000


def test_a_click_on_update_goes_before_the_question_what_it_would_take(ui: LauncherUi) -> None:
    ui.until(lambda: ui.action() is PrimaryAction.UPDATE and ui.is_there("action"))
    ui.window.submitted.emit(commands.Update("demo/game", only="plan"))
    ui.window.submitted.emit(commands.Update("demo/game"))
    ui.until(lambda: _fetched_bytes(ui) > 0)
    assert ui.window.state.activity("demo/game").failure is None


def test_a_closed_window_stops_nothing(ui: LauncherUi) -> None:
    ui.until(lambda: ui.action() is PrimaryAction.UPDATE and ui.is_there("action"))
    ui.window.submitted.emit(commands.Update("demo/game"))
    ui.until(lambda: _fetched_bytes(ui) > 0)
    assert "continues" in ui.window.title_page.status.text()
    ui.window.close()
    ui.launcher.bridge.close()
    shown = ui.player.run("status", "game")["titles"][0]
    assert shown["verb"] == "update"


def test_a_server_that_is_gone_is_said_calmly_and_playing_stays(
    tmp_path: Path, qtbot: QtBot, qapp: QApplication
) -> None:
    trees.write(tmp_path / "old", _OLD)
    with World(tmp_path, processes=True) as world:
        world.release("1", tmp_path / "old")
        player = world.player("ann", peers="none")
        player.run("install", "game", "--to", world.folder(player))
        world.origin.close()
        with LauncherUi(qtbot, qapp, player, world.ca, welcomed=True) as ui:
            ui.until(ui.window.notice.isVisible)
            assert ui.action() is PrimaryAction.PLAY
            ui.until(lambda: ui.is_there("action"))


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path, qtbot: QtBot, qapp: QApplication) -> None:
    (tmp_path / "home").write_text("a file where a folder must be")
    with LauncherUi(qtbot, qapp, Shoal(tmp_path / "home"), welcomed=True) as ui:
        ui.until(ui.window.notice.isVisible)
        assert ui.window.state.link is Link.LOST

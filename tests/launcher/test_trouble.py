"""Bad input and bad luck, on a real engine: a calm banner says it, and offers what can be done."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from launcher import failures
from launcher.failures import Remedy
from launcher.page import PrimaryAction
from launcher.state import Link
from patcher.protocol import commands
from tests.launcher.ui import LauncherUi
from tests.support import trees
from tests.support.trees import File
from tests.support.world import Shoal, World, prepared_engine

_TREE: trees.Layout = {"readme.txt": File(b"x"), "data/large.pak": File(trees.noise(63, 1_500_000))}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("world")
    trees.write(root / "tree", _TREE)
    with World(root, processes=True) as made:
        made.release("1", root / "tree")
        yield made


@pytest.fixture(scope="module")
def player(world: World) -> Iterator[Shoal]:
    """A player without a feed, whose engine outlives the windows."""
    made = Shoal(world.root / "bob")
    yield made
    made.stop_engine()


@pytest.fixture
def ui(world: World, player: Shoal, qtbot: QtBot, qapp: QApplication) -> Iterator[LauncherUi]:
    """The player's window."""
    with LauncherUi(qtbot, qapp, player, world.ca, welcomed=True, keep_engine=True) as made:
        yield made


def _says(ui: LauncherUi, code: str) -> bool:
    """Whether the page of feeds shows the banner of this error."""
    failure = ui.window.state.problems.get("+")
    return failure is not None and failure.code == code and ui.is_there("details")


@pytest.mark.parametrize(
    ("address", "code"),
    [("https://127.0.0.1:1/feed", "origin.unreachable"), ("ftp://127.0.0.1/feed", "usage.argument"),
     ("nothing.shoalfeed", "usage.argument")],
)  # fmt: skip
def test_a_wrong_address_is_said(ui: LauncherUi, address: str, code: str) -> None:
    ui.window.go("feeds")
    ui.window.submitted.emit(commands.AddFeed(address, only="look"))
    ui.until(lambda: _says(ui, code))
    assert not ui.is_there("add")


def test_a_file_with_another_fingerprint_is_refused(world: World, ui: LauncherUi, tmp_path: Path) -> None:
    invitation = (world.root / "feed").parent / "wrong.shoalfeed"
    invitation.write_text(f'{{"format": 1, "url": "{world.origin.url}", "fingerprint": "{"ab" * 32}"}}')
    ui.window.open_words([str(invitation)])
    ui.until(lambda: _says(ui, "trust.fingerprint"))
    assert ui.window.state.snapshot is not None
    assert ui.window.state.snapshot.feeds == ()


@pytest.mark.posix("unshare")
@pytest.mark.parametrize(
    ("options", "code"), [("size=1m", "disk.full"), ("ro", "disk.read_only")], ids=["full", "read-only"]
)
def test_a_drive_that_will_not_do_is_said_with_the_way_to_another(
    world: World, tmp_path: Path, qtbot: QtBot, qapp: QApplication, options: str, code: str
) -> None:
    player = world.player(f"ann-{code.replace('.', '-')}", peers="none")
    drive = tmp_path / "drive"
    drive.mkdir()
    mount = f"mount -t tmpfs -o {options} tmpfs {drive}"
    with prepared_engine(player, mount=mount), LauncherUi(qtbot, qapp, player, world.ca, welcomed=True) as ui:
        ui.until(lambda: ui.action() is PrimaryAction.INSTALL)
        ui.window.submitted.emit(commands.Install("demo/game", str(drive / "game")))
        ui.until(lambda: ui.is_there("retry") and ui.is_there("folder"))
        ui.until(lambda: ui.window.state.activity("demo/game").failure is not None)  # a snapshot may say it first
        failure = ui.window.state.activity("demo/game").failure
        assert failure is not None and failure.code == code
        assert ui.window.title_page.banner.accessibleName() == failures.explain(failure).title
        ui.window.title_page.triggered.emit(Remedy.FOLDER)
        ui.until(lambda: ui.is_there("go"))


def _empty_page(ui: LauncherUi) -> str:
    return "\n".join(label.text() for label in ui.window.empty.findChildren(QLabel))


def test_a_start_that_fails_is_said_with_its_file_until_it_succeeds(
    world: World, tmp_path: Path, qtbot: QtBot, qapp: QApplication
) -> None:
    player = Shoal(tmp_path / "home")
    player.run("status")
    player.stop_engine()
    with closing(sqlite3.connect(player.home / "registry.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with LauncherUi(qtbot, qapp, player, world.ca, welcomed=True) as ui:
            ui.until(lambda: "Shoal cannot start" in _empty_page(ui) and ui.is_there("details"))
            assert str(player.home) in _empty_page(ui)  # the end of a long path is left out
            assert ui.window.notice.accessibleName() == failures.EXPLANATIONS["disk.in_use"].title
            other.rollback()
            ui.until(lambda: ui.window.state.link is Link.UP and "Your library is empty" in _empty_page(ui))


def test_settings_that_were_damaged_are_said_once(
    world: World, tmp_path: Path, qtbot: QtBot, qapp: QApplication
) -> None:
    player = Shoal(tmp_path / "home")
    player.home.mkdir()
    (player.home / "settings.toml").write_bytes(bytes(100))
    with LauncherUi(qtbot, qapp, player, world.ca, welcomed=True) as ui:
        ui.until(lambda: ui.is_there("close") and ui.is_there("details"))
        assert ui.window.notice.accessibleName() == failures.EXPLANATIONS["disk.settings"].title
        ui.window.notice.action_chosen.emit("close")
        assert not ui.window.notice.isVisible()

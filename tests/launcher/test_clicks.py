"""A click means what was there when the player decided to click: double-clicks and focus."""

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QWidget
from pytestqt.qtbot import QtBot

from launcher.state import Accepted, Message, is_plan_only, title_of
from launcher.views.window import MainWindow
from patcher.protocol import commands
from patcher.protocol.commands import Verb
from patcher.protocol.events import Phase, Progress
from tests.launcher.scenes import NAME, installed, messages, show, snapshot, title, window
from tests.launcher.ui import click_at


@pytest.fixture
def shown(tmp_path: Path, qapp: QApplication) -> MainWindow:
    """A window in which a double-click may take as long as on a real desktop."""
    qapp.setDoubleClickInterval(400)
    return window(tmp_path)


@pytest.fixture
def submitted(shown: MainWindow) -> list[commands.Command]:
    """The commands of the player. The window's own are about feeds, or only plan."""
    heard: list[commands.Command] = []
    shown.submitted.connect(lambda c: heard.append(c) if title_of(c) and not is_plan_only(c) else None)
    return heard


def _press(shown: MainWindow, widget: QWidget, key: Qt.Key | None) -> None:
    """One press by key, or by mouse wherever the widget was."""
    if key is None:
        click_at(shown, widget.mapTo(shown, QPoint(24, widget.height() // 2)))
    else:
        QTest.keyClick(QApplication.focusWidget() or shown, key)


def _settle() -> None:
    QTest.qWait(QApplication.doubleClickInterval() + 50)


def _answer(shown: MainWindow, *answers: Message) -> None:
    """The engine answers between the two clicks."""
    for message in answers:
        shown.handle_message(message)
    shown.refresh()


@pytest.mark.parametrize("key", [None, Qt.Key.Key_Space], ids=["mouse", "keyboard"])
@pytest.mark.parametrize("is_quick", [True, False], ids=["quick", "slow"])
def test_a_double_click_on_update_starts_it_once(
    shown: MainWindow, submitted: list[commands.Command], key: Qt.Key | None, is_quick: bool
) -> None:
    show(shown, "ready")
    shown.activateWindow()
    shown.title_page.action.setFocus()
    _settle()
    _press(shown, shown.title_page.action, key)
    if is_quick:  # else the second click comes before the answer
        _answer(shown, Accepted(commands.Update(NAME), 7), snapshot(installed(job=7, verb=Verb.UPDATE)))
    _press(shown, shown.title_page.action, key)
    assert submitted == [commands.Update(NAME)]
    if is_quick:
        _settle()
        _press(shown, shown.title_page.action, key)
        assert submitted[1:] == [commands.Cancel(NAME, pause=True)]


def test_a_burst_of_clicks_counts_once(shown: MainWindow, submitted: list[commands.Command]) -> None:
    """Each further click comes within a double-click's time of the one before, the last long after the first."""
    show(shown, "ready")
    _settle()
    _press(shown, shown.title_page.action, None)
    _answer(shown, Accepted(commands.Update(NAME), 7), snapshot(installed(job=7, verb=Verb.UPDATE)))
    for _ in range(4):
        QTest.qWait(QApplication.doubleClickInterval() // 2)
        _press(shown, shown.title_page.action, None)
    assert submitted == [commands.Update(NAME)]
    _settle()
    _press(shown, shown.title_page.action, None)
    assert submitted[1:] == [commands.Cancel(NAME, pause=True)]


def test_a_double_click_on_pause_does_not_start_the_game(shown: MainWindow, submitted: list[commands.Command]) -> None:
    """When the button goes, the one for Play comes to its place."""
    show(shown, "updating")
    _settle()
    place = shown.title_page.pause.mapTo(shown, QPoint(24, 16))
    click_at(shown, place)
    came = Progress(0, NAME, Phase.FETCH, 1, 2)
    _answer(shown, snapshot(installed(paused=True, progress=came)))
    click_at(shown, place)
    assert submitted == [commands.Cancel(NAME, pause=True)]


def test_a_button_that_changes_under_the_pointer_is_not_pressed(
    shown: MainWindow, submitted: list[commands.Command]
) -> None:
    """The update ends between press and release of Pause: the game does not start."""
    show(shown, "updating")
    _settle()
    button, place = shown.title_page.action, QPoint(24, 20)
    QTest.mousePress(button, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    _answer(shown, *messages("playable")[-2:])
    QTest.mouseRelease(button, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    assert submitted == []
    assert not button.isDown()


@pytest.mark.parametrize("key", [None, Qt.Key.Key_Space], ids=["mouse", "keyboard"])
def test_a_double_click_on_install_chooses_nothing_in_the_sheet(
    shown: MainWindow, submitted: list[commands.Command], key: Qt.Key | None
) -> None:
    parts = title("emberfall", "Emberfall", offered_version="1.9.0")
    for message in [*messages("not-installed")[:1], snapshot(parts)]:
        shown.handle_message(message)
    shown.refresh()
    shown.activateWindow()
    shown.title_page.action.setFocus()
    _settle()
    _press(shown, shown.title_page.action, key)
    sheet = shown.title_actions.sheet
    assert sheet is not None
    box = sheet.findChild(QCheckBox, "part-lang:de")
    assert isinstance(box, QCheckBox)
    if key is None:
        click_at(shown, box.mapTo(shown, QPoint(10, box.height() // 2)))
    else:
        QTest.keyClick(QApplication.focusWidget() or shown, key)
    assert shown.title_actions.sheet is sheet
    assert (submitted, box.isChecked()) == ([], False)
    _settle()
    click_at(shown, box.mapTo(shown, QPoint(10, box.height() // 2)))
    assert box.isChecked()


def test_a_double_click_on_a_sheet_reaches_nothing_below_it(
    shown: MainWindow, submitted: list[commands.Command]
) -> None:
    show(shown, "not-installed")
    shown.title_page.action.click()
    _settle()
    sheet = shown.title_actions.sheet
    assert sheet is not None
    cancel = sheet.findChild(QWidget, "cancel")
    assert isinstance(cancel, QWidget)
    click_at(shown, cancel.mapTo(shown, cancel.rect().center()))
    assert shown.title_actions.sheet is None
    click_at(shown, shown.title_page.action.mapTo(shown, QPoint(24, 20)))
    assert shown.title_actions.sheet is None
    assert submitted == []


# ---------------------------------------------------------------- focus


def test_the_arrows_stay_in_the_library(shown: MainWindow, qtbot: QtBot) -> None:
    show(shown, "ready")
    shown.activateWindow()
    qtbot.waitUntil(shown.isActiveWindow)
    QTest.keyClick(shown, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    seen = []
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up):
        QTest.keyClick(QApplication.focusWidget() or shown, key)
        assert QApplication.focusWidget() is shown.library.list
        seen.append(shown.title_page.hero.accessibleName())
    assert seen == ["Tidebound", "Verdant Rift", "Tidebound"]


def test_the_button_keeps_the_focus_while_it_waits(shown: MainWindow, qtbot: QtBot) -> None:
    """A commit, and then Play, find the keyboard where it was."""
    show(shown, "updating")
    shown.activateWindow()
    qtbot.waitUntil(shown.isActiveWindow)
    shown.title_page.action.setFocus()
    committing = Progress(7, NAME, Phase.COMMIT)
    _answer(shown, committing)
    assert not shown.title_page.pause.isVisible()
    QTest.keyClick(shown.title_page.action, Qt.Key.Key_Space)
    _answer(shown, *messages("playable")[-2:])
    assert QApplication.focusWidget() is shown.title_page.action

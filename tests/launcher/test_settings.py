"""The page of settings: each is a command at once, shown as it is and written only when it was changed."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
)

from launcher import theme
from launcher.prefs import Prefs
from launcher.state import Link, LinkChanged
from launcher.views.widgets import Text
from launcher.views.window import MainWindow
from patcher.protocol import commands
from tests.launcher.scenes import (
    control,
    installed,
    show,
    snapshot,
)


def test_each_setting_is_a_command_at_once(shown: MainWindow, submitted: list[commands.Command]) -> None:
    show(shown, "playable")
    shown.go("settings")
    peers, limit = control(shown, "peers"), control(shown, "download_limit_bps")
    assert isinstance(peers, QComboBox) and isinstance(limit, QDoubleSpinBox)
    peers.setFocus()
    QTest.keyClick(peers, Qt.Key.Key_End)
    limit.setFocus()
    limit.selectAll()
    QTest.keyClicks(limit, "2500")
    QTest.keyClick(limit, Qt.Key.Key_Return)
    assert commands.ChangeSetting("peers", "none") in submitted
    assert commands.ChangeSetting("download_limit_bps", "2500000") in submitted


def test_times_of_lower_limits_are_a_command_when_they_were_changed(
    shown: MainWindow, submitted: list[commands.Command]
) -> None:
    shown.handle_message(LinkChanged(Link.UP))
    shown.handle_message(snapshot(installed(), low_hours="18:00-23:30"))
    shown.go("settings")
    field = control(shown, "low_hours")
    assert isinstance(field, QLineEdit) and field.text() == "18:00-23:30"
    submitted.clear()
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert submitted == []
    QTest.keyClicks(field, ", 06:00-08:00")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert submitted == [commands.ChangeSetting("low_hours", "18:00-23:30, 06:00-08:00")]


@pytest.mark.parametrize(
    ("limit", "text"),
    [(0, "No limit"), (60_000, "60 kB/s"), (9_000, "9 kB/s"), (1, "0.001 kB/s"), (123_456, "123.456 kB/s")],
)
def test_a_limit_is_shown_as_it_is_and_written_only_when_it_is_changed(
    shown: MainWindow, submitted: list[commands.Command], limit: int, text: str
) -> None:
    shown.handle_message(LinkChanged(Link.UP))
    shown.handle_message(snapshot(installed(), download_limit_bps=limit, monthly_upload_cap_bytes=1_500_000_001))
    shown.go("settings")
    box = control(shown, "download_limit_bps")
    assert isinstance(box, QDoubleSpinBox) and box.text() == text
    submitted.clear()
    for name in ("upload_limit_bps", "monthly_upload_cap_bytes", "download_limit_bps", "games_folder"):
        control(shown, name).setFocus()
        shown.handle_message(snapshot(installed(), download_limit_bps=70_000))  # meanwhile another client changes it
        QTest.keyClick(control(shown, name), Qt.Key.Key_Tab)
    assert submitted == []
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "0.5")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert submitted == [commands.ChangeSetting("download_limit_bps", "500")]


def test_the_look_changes_at_once_and_is_remembered(shown: MainWindow, tmp_path: Path, qapp: QApplication) -> None:
    shown.go("settings")
    box = control(shown, "theme")
    assert isinstance(box, QComboBox)
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_End)
    assert theme.tokens().name == "light"
    assert Prefs(tmp_path).theme == "light"


@pytest.mark.parametrize(
    ("port", "settings", "words"),
    [
        (40_000, {"listen_port": 30_000}, "Another program uses port 30000, so port 40000 is used instead."),
        (0, {"listen_host": "192.0.2.1"}, "This computer has no address 192.0.2.1"),
    ],
)
def test_the_window_says_why_other_players_cannot_reach_this_one(
    shown: MainWindow, port: int, settings: dict[str, str | int], words: str
) -> None:
    for message in (LinkChanged(Link.UP), well := snapshot(installed(), **settings)):
        shown.handle_message(message)
    shown.go("settings")
    assert "reach" not in {text.objectName() for text in shown.findChildren(Text) if text.isVisible()}
    assert shown.toast.isHidden()
    shown.handle_message(replace(well, listen_port=port, listen_problem="in the engine's words"))
    shown.refresh()
    reach = control(shown, "reach")
    assert isinstance(reach, Text) and reach.text().startswith(words)
    assert shown.toast.accessibleName().startswith(words), "also on other pages"

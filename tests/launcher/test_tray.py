"""The icon in the system tray: a way back to the window, and a voice while it is not looked at."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QSystemTrayIcon

from launcher.prefs import Prefs
from launcher.views.tray import TrayIcon
from launcher.views.widgets import icons
from launcher.views.window import MainWindow
from tests.launcher.scenes import show, window

pytestmark = pytest.mark.qt_log_ignore("systemTrayWindowChanged")  # the offscreen platform has no tray

Reason = QSystemTrayIcon.ActivationReason


@pytest.fixture
def shown(tmp_path: Path) -> MainWindow:
    Prefs(tmp_path).tray = True
    shown = window(tmp_path)
    show(shown, "updating")
    return shown


@pytest.fixture
def tray(shown: MainWindow) -> TrayIcon:
    return TrayIcon(shown, icons.icon("shoal", "#ffffff", "#888888"), "Shoal")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What the desktop is asked to show; there is no desktop in a test."""
    said: list[tuple[str, ...]] = []
    monkeypatch.setattr(QSystemTrayIcon, "showMessage", lambda _icon, *words: said.append(words[:2]))
    return said


def _icon(tray: TrayIcon) -> QSystemTrayIcon:
    icon = tray.findChild(QSystemTrayIcon)
    assert icon
    assert icon.isVisible()
    return icon


def test_a_closed_window_stays_in_the_tray_and_comes_back_by_a_click(shown: MainWindow, tray: TrayIcon) -> None:
    for reason in (Reason.Trigger, Reason.DoubleClick, Reason.MiddleClick):
        shown.close()
        assert not shown.isVisible()
        _icon(tray).activated.emit(reason)
        assert shown.isVisible()


def test_the_click_that_opens_the_menu_does_not_open_the_window(shown: MainWindow, tray: TrayIcon) -> None:
    shown.close()
    _icon(tray).activated.emit(Reason.Context)
    assert not shown.isVisible()


def test_the_menu_opens_the_window_and_quits(shown: MainWindow, tray: TrayIcon) -> None:
    quits: list[bool] = []
    tray.quit_requested.connect(lambda: quits.append(True))
    opened, quit_ = _icon(tray).contextMenu().actions()
    shown.close()
    opened.trigger()
    assert (shown.isVisible(), quits) == (True, [])
    quit_.trigger()
    assert quits == [True]


def test_the_desktop_says_what_happens_while_the_window_is_not_looked_at(
    shown: MainWindow, tray: TrayIcon, said: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MainWindow, "isActiveWindow", lambda _window: False)
    shown.notified.emit("Meadow", "Update finished.")
    assert said == [("Meadow", "Update finished.")]


def test_the_desktop_says_nothing_while_the_window_is_looked_at(
    shown: MainWindow, tray: TrayIcon, said: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MainWindow, "isActiveWindow", lambda _window: True)
    shown.notified.emit("Meadow", "Update finished.")
    assert said == []

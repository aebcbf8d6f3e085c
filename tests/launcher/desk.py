"""A player at a desk: the whole launcher on a real engine, and two kinds of hands that work it."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit, QMenu, QWidget
from pytestqt.exceptions import TimeoutError  # noqa: A004 - pytest-qt calls its error so
from pytestqt.qtbot import QtBot

from launcher.__main__ import Launcher
from launcher.page import PrimaryAction, page_of
from launcher.views.window import Window
from patcher.protocol.events import TitleSnapshot
from tests.support.world import Shoal

PATIENCE_MS = 30_000
_TABS = 80


class Desk:
    """One launcher, its window shown. Use as a context manager."""

    def __init__(
        self, qtbot: QtBot, app: QApplication, player: Shoal, ca: Path | None = None, *, welcomed: bool = False
    ) -> None:
        self.qtbot, self.app, self.player = qtbot, app, player
        self.launcher = Launcher(app, player.home, str(ca) if ca else "")
        if welcomed:
            self.launcher.prefs.welcomed = True

    def __enter__(self) -> Self:
        self.launcher.start()
        self.come_back()
        return self

    def __exit__(self, *_: object) -> None:
        self.launcher.close()
        self.app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        self.player.stop_engine()

    @property
    def window(self) -> Window:
        """What the player sees."""
        return self.launcher.window

    def come_back(self) -> None:
        """A desktop gives the window its focus back when a menu closes; the one of the tests has to be told."""
        self.until(lambda: self.app.activePopupWidget() is None)
        self.window.activateWindow()
        self.until(self.window.isActiveWindow)

    def until(self, fact: Callable[[], bool]) -> None:
        """Go on as soon as it is true."""
        try:
            self.qtbot.waitUntil(fact, timeout=PATIENCE_MS)
        except TimeoutError as error:
            self.window.grab().save(str(self.player.home / "window.png"))
            raise AssertionError(f"waited a minute; the window knows {self.window.state}") from error

    def title(self, name: str = "demo/game") -> TitleSnapshot | None:
        """The title as the window knows it."""
        return self.window.state.title(name)

    def act(self, name: str = "demo/game") -> PrimaryAction:
        """What the big button is."""
        title = self.title(name)
        return page_of(self.window.state, title).act if title else PrimaryAction.WAIT

    def widget(self, name: str) -> QWidget:
        """The visible control of that name."""
        found = [widget for widget in self.window.findChildren(QWidget, name) if widget.isVisible()]
        assert found, f"nobody sees {name}"
        return found[-1]

    def is_there(self, name: str) -> bool:
        """Whether the control can be used now."""
        return any(w.isVisible() and w.isEnabled() for w in self.window.findChildren(QWidget, name))


class Hands(Protocol):
    """How a person works the window."""

    def press(self, name: str) -> None: ...
    def write(self, name: str, words: str) -> None: ...
    def choose(self, label: str) -> None: ...


class Mouse:
    """Clicks what it sees."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def press(self, name: str) -> None:
        self._desk.until(lambda: self._desk.is_there(name))
        widget = self._desk.widget(name)
        place = QPoint(24, widget.height() // 2) if isinstance(widget, QAbstractButton) else widget.rect().center()
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)

    def write(self, name: str, words: str) -> None:
        self.press(name)
        field = self._desk.widget(name)
        assert isinstance(field, QLineEdit)
        field.selectAll()
        QTest.keyClicks(field, words)

    def choose(self, label: str) -> None:
        self.press("options")
        menu = _menu(self._desk)
        action = next(action for action in menu.actions() if action.text() == label)
        QTest.mouseClick(
            menu, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, menu.actionGeometry(action).center()
        )
        self._desk.come_back()


class Keyboard:
    """Tab, arrows, Space and Return; the mouse is unplugged."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def _go_to(self, name: str) -> QWidget:
        self._desk.until(lambda: self._desk.is_there(name))
        seen = []
        for _ in range(_TABS):
            here = self._desk.app.focusWidget()
            seen.append(here.objectName() or type(here).__name__ if here else "nothing")
            if here is not None and here.objectName() == name:
                return here
            QTest.keyClick(here or self._desk.window, Qt.Key.Key_Tab)
        raise AssertionError(f"Tab never came to {name}: {seen}")

    def press(self, name: str) -> None:
        QTest.keyClick(self._go_to(name), Qt.Key.Key_Space)

    def write(self, name: str, words: str) -> None:
        field = self._go_to(name)
        QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClicks(field, words)

    def choose(self, label: str) -> None:
        self.press("options")
        menu = _menu(self._desk)
        for _ in menu.actions():
            if menu.activeAction().text() == label:
                break
            QTest.keyClick(menu, Qt.Key.Key_Down)
        QTest.keyClick(menu, Qt.Key.Key_Return)
        self._desk.come_back()


def _menu(desk: Desk) -> QMenu:
    desk.until(lambda: isinstance(desk.app.activePopupWidget(), QMenu))
    menu = desk.app.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu

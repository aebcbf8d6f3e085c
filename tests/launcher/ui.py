"""The whole launcher on a real engine, and the two input devices that operate it."""

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
from launcher.views.window import MainWindow
from patcher.protocol.events import TitleSnapshot
from tests.support.world import Shoal

TIMEOUT_MS = 30_000
_TABS = 80


def click_at(window: QWidget, place: QPoint, *, is_second: bool = False) -> None:
    """Click whatever is there in the window; ``is_second``: as the second half of a double-click."""
    target = window.childAt(place) or window
    place, left, none = target.mapFrom(window, place), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    if is_second:
        QTest.mouseDClick(target, left, none, place)
    else:
        QTest.mouseClick(target, left, none, place)


class LauncherUi:
    """One launcher whose window is shown; a context manager."""

    def __init__(
        self,
        qtbot: QtBot,
        app: QApplication,
        player: Shoal,
        ca: Path | None = None,
        *,
        welcomed: bool = False,
        keep_engine: bool = False,
    ) -> None:
        self.qtbot, self.app, self.player, self._keep_engine = qtbot, app, player, keep_engine
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
        if not self._keep_engine:
            self.player.stop_engine()

    @property
    def window(self) -> MainWindow:
        """The launcher's window."""
        return self.launcher.window

    def come_back(self) -> None:
        """Activate the window after a menu has closed; a real desktop does this, the offscreen platform does not."""
        self.until(lambda: self.app.activePopupWidget() is None)
        self.window.activateWindow()
        self.until(self.window.isActiveWindow)

    def until(self, fact: Callable[[], bool]) -> None:
        """Wait until it is true; fail after 30 seconds."""
        try:
            self.qtbot.waitUntil(fact, timeout=TIMEOUT_MS)
        except TimeoutError as error:
            self.window.grab().save(str(self.player.home / "window.png"))
            raise AssertionError(f"waited 30 seconds; the state is {self.window.state}") from error

    def title(self, name: str = "demo/game") -> TitleSnapshot | None:
        """The title in the window's state."""
        return self.window.state.title(name)

    def action(self, name: str = "demo/game") -> PrimaryAction:
        """The action of the big button."""
        title = self.title(name)
        return page_of(self.window.state, title).action if title else PrimaryAction.WAIT

    def widget(self, name: str) -> QWidget:
        """The visible control of that name."""
        found = [widget for widget in self.window.findChildren(QWidget, name) if widget.isVisible()]
        assert found, f"no visible {name}"
        return found[-1]

    def is_there(self, name: str) -> bool:
        """Whether the control can be used now."""
        return any(w.isVisible() and w.isEnabled() for w in self.window.findChildren(QWidget, name))


class InputDevice(Protocol):
    """How a player operates the window."""

    def press(self, name: str) -> None: ...
    def write(self, name: str, words: str) -> None: ...
    def choose(self, label: str) -> None: ...


class Mouse:
    """Clicks visible controls."""

    def __init__(self, ui: LauncherUi) -> None:
        self._ui = ui

    def press(self, name: str) -> None:
        self._ui.until(lambda: self._ui.is_there(name))
        widget = self._ui.widget(name)
        place = QPoint(24, widget.height() // 2) if isinstance(widget, QAbstractButton) else widget.rect().center()
        self._click(widget, place)

    def _click(self, widget: QWidget, place: QPoint) -> None:
        click_at(self._ui.window, widget.mapTo(self._ui.window, place))

    def write(self, name: str, words: str) -> None:
        self.press(name)
        field = self._ui.widget(name)
        assert isinstance(field, QLineEdit)
        field.selectAll()
        QTest.keyClicks(field, words)

    def choose(self, label: str) -> None:
        self.press("options")
        menu = _menu(self._ui)
        action = next(action for action in menu.actions() if action.text() == label)
        QTest.mouseClick(
            menu, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, menu.actionGeometry(action).center()
        )
        self._ui.come_back()


class HastyMouse(Mouse):
    """Double-clicks everything in the smallest window, as many people do; the engine answers between the clicks."""

    def __init__(self, ui: LauncherUi) -> None:
        super().__init__(ui)
        ui.app.setDoubleClickInterval(400)
        ui.window.resize(ui.window.minimumSize())

    def _click(self, widget: QWidget, place: QPoint) -> None:
        window, place = self._ui.window, widget.mapTo(self._ui.window, place)
        QTest.qWait(QApplication.doubleClickInterval() + 50)
        click_at(window, place)
        QTest.qWait(120)
        click_at(window, place, is_second=True)


class Keyboard:
    """Tab, arrows, Space and Return, without a mouse."""

    def __init__(self, ui: LauncherUi) -> None:
        self._ui = ui

    def _go_to(self, name: str) -> QWidget:
        self._ui.until(lambda: self._ui.is_there(name))
        seen = []
        for _ in range(_TABS):
            here = self._ui.app.focusWidget()
            seen.append(here.objectName() or type(here).__name__ if here else "nothing")
            if here is not None and here.objectName() == name:
                return here
            QTest.keyClick(here or self._ui.window, Qt.Key.Key_Tab)
        raise AssertionError(f"Tab never came to {name}: {seen}")

    def press(self, name: str) -> None:
        QTest.keyClick(self._go_to(name), Qt.Key.Key_Space)

    def write(self, name: str, words: str) -> None:
        field = self._go_to(name)
        QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClicks(field, words)

    def choose(self, label: str) -> None:
        self.press("options")
        menu = _menu(self._ui)
        for _ in menu.actions():
            if menu.activeAction().text() == label:
                break
            QTest.keyClick(menu, Qt.Key.Key_Down)
        QTest.keyClick(menu, Qt.Key.Key_Return)
        self._ui.come_back()


def _menu(ui: LauncherUi) -> QMenu:
    ui.until(lambda: isinstance(ui.app.activePopupWidget(), QMenu))
    menu = ui.app.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu

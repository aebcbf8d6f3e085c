"""For players who use a screen reader or no mouse: every control has a name and a role, and Tab reaches it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from launcher import state
from launcher.page import MenuAction, PrimaryAction
from launcher.views.window import MainWindow
from patcher.protocol.events import FeedFound, FeedSnapshot
from tests.launcher.scenes import FINGERPRINT, show, window

_SCENES = ("starting", "empty", "not-installed", "ready", "updating", "playable", "failed", "lost")
_PAGES = ("welcome", "feeds", "settings", "install", "uninstall")
_CONTROLS = {
    QAccessible.Role.Button, QAccessible.Role.CheckBox, QAccessible.Role.ComboBox, QAccessible.Role.EditableText,
    QAccessible.Role.List, QAccessible.Role.SpinBox, QAccessible.Role.Link, QAccessible.Role.RadioButton,
    QAccessible.Role.ListItem, QAccessible.Role.Dialog, QAccessible.Role.Graphic, QAccessible.Role.ProgressBar,
}  # fmt: skip


def _window(folder: Path, what: str) -> MainWindow:
    """A window in one of its states, or on one of its pages."""
    made = window(folder, welcomed=what != "welcome")
    show(made, what if what in _SCENES else "not-installed" if what == "install" else "ready")
    if what in {"feeds", "settings"}:
        made.go(what)
        found = FeedSnapshot("shop", "https://example.org", FINGERPRINT, ("one",))
        made.state = state.apply(made.state, FeedFound(1, "", found))
        made.refresh()
    if what == "install":
        made.title_page.triggered.emit(PrimaryAction.INSTALL)
    if what == "uninstall":
        made.title_page.triggered.emit(MenuAction.UNINSTALL)
    QApplication.processEvents()
    return made


def _walk(node: QAccessibleInterface) -> Iterator[QAccessibleInterface]:
    yield node
    for number in range(node.childCount()):
        child = node.child(number)
        if child.isValid() and not child.state().invisible:
            yield from _walk(child)


def _described(node: QAccessibleInterface) -> str:
    return f"{node.role().name} {node.object().objectName()}"


@pytest.mark.parametrize("what", [*_SCENES, *_PAGES])
def test_every_control_has_a_name_and_a_role(tmp_path: Path, what: str) -> None:
    shown = _window(tmp_path, what)
    root = QAccessible.queryAccessibleInterface(shown)
    assert root is not None
    nameless, roleless, seen = [], [], 0
    for node in _walk(root):
        widget, name = node.object(), node.text(QAccessible.Text.Name).strip()
        takes_focus = isinstance(widget, QWidget) and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        if node.role() in _CONTROLS or takes_focus:
            seen += 1
            nameless += [] if name else [_described(node)]
        if node.role() in {QAccessible.Role.NoRole, QAccessible.Role.UserRole}:
            roleless.append(_described(node))
    assert (nameless, roleless) == ([], [])
    assert seen >= (2 if what == "welcome" else 4)


@pytest.mark.parametrize(
    "what", ["ready", "updating", "failed", "welcome", "feeds", "settings", "install", "uninstall"]
)
def test_tab_comes_to_every_control_and_back(tmp_path: Path, what: str) -> None:
    shown = _window(tmp_path, what)
    shown.activateWindow()
    wanted = {
        widget
        for widget in shown.findChildren(QWidget)
        if widget.isVisible() and widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.focusProxy() is None and widget.objectName() != "qt_spinbox_lineedit"
    }  # fmt: skip
    assert len(wanted) >= 2
    met = []
    for _ in range(3 * len(wanted)):
        here = QApplication.focusWidget()
        met.append(here)
        QTest.keyClick(here or shown, Qt.Key.Key_Tab)
    assert {w.objectName() or type(w).__name__ for w in wanted - set(met)} == set()


@pytest.mark.parametrize("what", ["ready", "feeds", "settings"])
def test_the_focus_is_seen(tmp_path: Path, what: str) -> None:
    """Each stop of the Tab key looks different from how it looks without."""
    shown = _window(tmp_path, what)
    shown.activateWindow()
    for _ in range(6):
        QTest.keyClick(QApplication.focusWidget() or shown, Qt.Key.Key_Tab)
        here = QApplication.focusWidget()
        if here is None or not here.isVisible():
            continue
        focused = here.grab().toImage()
        here.clearFocus()
        assert here.grab().toImage() != focused, here.objectName()
        here.setFocus(Qt.FocusReason.TabFocusReason)


def test_escape_closes_a_dialog_and_gives_the_focus_back(tmp_path: Path) -> None:
    shown = _window(tmp_path, "ready")
    shown.activateWindow()
    shown.title_page.options.setFocus()
    shown.title_page.triggered.emit(MenuAction.UNINSTALL)
    sheet = shown.title_actions.sheet
    here = QApplication.focusWidget()
    assert sheet is not None
    assert here is not None
    assert sheet.isAncestorOf(here)
    QTest.keyClick(here, Qt.Key.Key_Escape)
    assert shown.title_actions.sheet is None
    assert QApplication.focusWidget() is shown.title_page.options

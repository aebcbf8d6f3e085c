"""Every page holds in a small and in a very large window, with the longest texts, and with a thousand titles."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from launcher import state
from launcher.page import MenuAction, PrimaryAction
from launcher.state import Link, LinkChanged
from launcher.views.widgets import ActionButton, ElidedLabel
from launcher.views.widgets.painted import Graphic
from launcher.views.window import MainWindow
from patcher.protocol.events import Progress, Snapshot
from tests.launcher.scenes import messages, snapshot, title, window
from tests.launcher.test_pages import pseudo

__all__ = ["pseudo"]

_SCENES = ("ready", "updating", "paused", "failed", "playable", "lost")
_SIZES = [(900, 600), (3840, 2160)]
_WORD = "W" * 230
_NAME = "A name that is far too long for any line of any window " * 3


def _long(message: state.Message) -> state.Message:
    """The same with texts as long as a publisher or a disk can make them."""
    if isinstance(message, Progress):
        return replace(message, rates=replace(message.rates, lan_bps=999_900_000), upload_bps=999_900_000, peers=1000)
    if not isinstance(message, Snapshot) or not message.titles:
        return message
    first = message.titles[0]
    texts = {"en": _WORD}
    about = replace(first.about, labels={"en": _NAME}, summaries=texts, notes=f"# {_WORD}\n\n{_WORD}", licence=_WORD)
    first = replace(first, about=about, version="1.8.2-" + "x" * 100, folder="/deep" * 80)
    return replace(message, titles=(first, *message.titles[1:]))


def _pages(folder: Path, size: tuple[int, int]) -> Iterator[tuple[str, MainWindow]]:
    for scene in _SCENES:
        shown = window(folder / scene)
        shown.resize(*size)
        for number, message in enumerate(messages(scene)):
            shown.state = state.apply(shown.state, _long(message), 100.0 + number)
        shown.refresh()
        yield scene, shown
        for name in ("feeds", "settings"):
            shown.go(name)
            yield f"{scene}, {name}", shown
        shown.go("title")
        for action in (PrimaryAction.INSTALL, MenuAction.UNINSTALL):
            shown.title_page.triggered.emit(action)
            yield f"{scene}, {action}", shown
            if shown.title_actions.sheet:
                shown.title_actions.sheet.reject()
                shown.title_actions.sheet = None
        shown.close()
    yield "welcome", window(folder / "first", welcomed=False)


def _visible(shown: MainWindow) -> list[QWidget]:
    return [widget for widget in shown.findChildren(QWidget) if widget.isVisible()]


def _cut(shown: MainWindow) -> Iterator[str]:
    """The labels and buttons that are too small for their texts, but for those that say so by an ellipsis."""
    for widget in _visible(shown):
        if isinstance(widget, ActionButton | ElidedLabel | Graphic) or not isinstance(widget, QLabel | QAbstractButton):
            continue
        needed = widget.minimumSizeHint()
        if isinstance(widget, QLabel) and widget.wordWrap():
            needed = QSize(0, widget.heightForWidth(widget.width()))
        if widget.text() and (widget.width() < needed.width() or widget.height() < needed.height()):
            yield f"{widget.text()[:30]!r} is {widget.size().toTuple()} and needs {needed.toTuple()}"


def _covered(shown: MainWindow) -> Iterator[str]:
    """The widgets of one layout that cover each other."""
    for parent in _visible(shown):
        if layout := parent.layout():
            items = [layout.itemAt(number) for number in range(layout.count())]
            placed = [item.widget() for item in items if item is not None]
            here = [widget for widget in placed if widget is not None and widget.isVisible()]
            for one, other in itertools.combinations(here, 2):
                if one.geometry().intersects(other.geometry()):
                    yield f"{type(one).__name__} covers {type(other).__name__} in {type(parent).__name__}"


@pytest.mark.parametrize("size", _SIZES, ids=str)
@pytest.mark.parametrize("direction", [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft])
@pytest.mark.usefixtures("pseudo")
def test_no_text_is_cut_and_nothing_covers_anything(
    tmp_path: Path, qapp: QApplication, size: tuple[int, int], direction: Qt.LayoutDirection
) -> None:
    qapp.setLayoutDirection(direction)
    faults = {}
    for name, shown in _pages(tmp_path, size):
        QApplication.processEvents()
        shown.toast.hide()
        faults[name] = [*_cut(shown), *_covered(shown)]
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize("size", _SIZES, ids=str)
def test_a_thousand_titles_are_shown_and_chosen_by_keyboard(
    tmp_path: Path, qtbot: QtBot, size: tuple[int, int]
) -> None:
    shown = window(tmp_path)
    shown.resize(*size)
    shown.activateWindow()
    titles = [title(f"t{n}", f"Title {n}", installed=n % 2 == 0, version="1", offered_version="1") for n in range(1000)]
    shown.handle_message(LinkChanged(Link.UP))
    shown.handle_message(replace(snapshot(), titles=tuple(titles)))
    shown.refresh()
    qtbot.waitUntil(shown.isActiveWindow)
    library = shown.library.list
    QTest.keyClick(shown, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(library, Qt.Key.Key_End)
    assert shown.title_page.hero.accessibleName() == "Title 999"
    shown.handle_message(replace(snapshot(), titles=(*titles[:-1], replace(titles[-1], installed=True))))
    shown.refresh()
    QApplication.processEvents()
    assert [index.row() for index in library.selectedIndexes()] == [500]
    assert QApplication.focusWidget() is library
    assert (list(_cut(shown)), list(_covered(shown))) == ([], [])

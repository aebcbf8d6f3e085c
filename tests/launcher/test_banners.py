"""Messages come in front of a page: nothing that the player is about to click moves."""

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QWidget

from launcher.state import Accepted, Link, LinkChanged, Message, Refused
from launcher.views.widgets import Banner
from launcher.views.window import MainWindow
from patcher.protocol import commands
from patcher.protocol.events import Failed
from tests.launcher.scenes import LOST, NAME, NO_SOURCE, show, window

_FAILED: dict[str, list[Message]] = {
    "title": [Failed(3, NAME, NO_SOURCE)],
    "install": [Failed(3, NAME, NO_SOURCE)],
    "feeds": [Refused(commands.AddFeed("x"), NO_SOURCE)],
    "settings": [Refused(commands.ChangeSetting("listen_port", "x"), NO_SOURCE)],
}
_UNREAD: list[Message] = [Accepted(commands.RefreshFeed("demo"), 4), Failed(4, "", NO_SOURCE)]


def _places(shown: MainWindow) -> dict[str, tuple[QPoint, int]]:
    """Where everything is that can be clicked, but for what banners bring themselves."""
    kinds: tuple[type[QWidget], ...] = (QAbstractButton, QLineEdit, QComboBox)
    found = [widget for kind in kinds for widget in shown.findChildren(kind) if widget.isVisible()]
    return {
        f"{type(widget).__name__} {widget.objectName()}": (widget.mapTo(shown, QPoint()), widget.height())
        for widget in found
        if not isinstance(widget.parent(), Banner)
    }


@pytest.mark.parametrize("size", [(900, 600), (1240, 780)], ids=str)
@pytest.mark.parametrize("page", _FAILED)
@pytest.mark.parametrize("problem", ["page", "lost", "feed"])
def test_what_goes_wrong_moves_nothing_under_the_pointer(
    tmp_path: Path, size: tuple[int, int], page: str, problem: str
) -> None:
    shown = window(tmp_path)
    shown.resize(*size)
    show(shown, "not-installed")
    if page == "install":
        shown.title_page.action.click()
        QTest.qWait(350)
    else:
        shown.go(page)
    shown.handle_message(Accepted(commands.Install(NAME, "x", only="plan" if page == "install" else ""), 3))
    shown.refresh()
    QApplication.processEvents()
    before = _places(shown)
    heard: dict[str, list[Message]] = {"page": _FAILED[page], "lost": [LinkChanged(Link.LOST, LOST)], "feed": _UNREAD}
    for message in heard[problem]:
        shown.handle_message(message)
    shown.refresh()
    QApplication.processEvents()
    assert any(banner.isVisible() for banner in shown.findChildren(Banner))
    after = _places(shown)
    same = before.keys() & after.keys()
    assert len(same) > 4
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_an_error_of_the_page_is_not_hidden_by_one_of_a_feed(tmp_path: Path) -> None:
    shown = window(tmp_path)
    show(shown, "failed")
    for message in _UNREAD:
        shown.handle_message(message)
    shown.refresh()
    assert (shown.title_page.banner.isVisible(), shown.notice.isVisible()) == (True, False)
    shown.go("settings")
    assert shown.notice.isVisible()

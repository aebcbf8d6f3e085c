"""The page of feeds: a feed is added after a look, and removed when nothing needs it."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QLineEdit,
    QListView,
    QPushButton,
    QWidget,
)

from launcher.state import Accepted, Refused
from launcher.views.sheet import ConfirmSheet
from launcher.views.window import MainWindow
from patcher.protocol import commands
from patcher.protocol.events import (
    Failed,
    FeedFound,
    FeedSnapshot,
    Finished,
    Outcome,
)
from tests.launcher.scenes import (
    FINGERPRINT,
    NO_SOURCE,
    control,
    installed,
    show,
    snapshot,
)


def test_a_feed_is_added_only_after_a_look(shown: MainWindow, submitted: list[commands.Command]) -> None:
    show(shown, "empty")
    shown.go("feeds")
    address = control(shown, "address")
    assert isinstance(address, QLineEdit)
    QTest.keyClicks(address, "https://updates.example.org/feed")
    QTest.keyClick(address, Qt.Key.Key_Return)
    look = commands.AddFeed("https://updates.example.org/feed", only="look")
    assert submitted == [look]
    shown.handle_message(Accepted(look, 3))
    shown.handle_message(FeedFound(3, "", FeedSnapshot("shop", "https://updates.example.org/feed", FINGERPRINT)))
    shown.handle_message(Finished(3, "", Outcome()))
    shown.refresh()
    QTest.mouseClick(control(shown, "add"), Qt.MouseButton.LeftButton)
    assert submitted[1:] == [commands.AddFeed("https://updates.example.org/feed", FINGERPRINT)]


@pytest.mark.parametrize(
    ("url", "label"), [("https://updates.example.org/feed", ""), ("https://new.example.org/feed", "Use this address")]
)
def test_a_feed_that_is_there_already_is_not_added_twice(shown: MainWindow, url: str, label: str) -> None:
    show(shown, "playable")
    shown.go("feeds")
    look = commands.AddFeed(url, only="look")
    for message in (
        Accepted(look, 9),
        FeedFound(9, "", FeedSnapshot("demo", url, FINGERPRINT)),
        Finished(9, "", Outcome()),
    ):
        shown.handle_message(message)
    shown.refresh()
    add = shown.findChild(QPushButton, "add")
    assert isinstance(add, QPushButton)
    assert (add.isVisible(), add.text()) == (bool(label), label or add.text())
    assert control(shown, "refuse").isVisible()


def test_a_look_at_a_feed_can_be_cancelled(shown: MainWindow, submitted: list[commands.Command]) -> None:
    show(shown, "empty")
    shown.go("feeds")
    assert not any(button.isVisible() for button in shown.findChildren(QWidget, "stop-look"))
    shown.handle_message(Accepted(commands.AddFeed("https://slow.example.org", only="look"), 3))
    shown.refresh()
    QTest.mouseClick(control(shown, "stop-look"), Qt.MouseButton.LeftButton)
    assert submitted[-1] == commands.Cancel(job=3)
    shown.handle_message(Failed(3, "", None))
    shown.refresh()
    assert control(shown, "look").isEnabled()


def test_a_wrong_address_is_a_banner_with_a_way_out(shown: MainWindow, submitted: list[commands.Command]) -> None:
    show(shown, "empty")
    shown.go("feeds")
    shown.handle_message(Refused(commands.AddFeed("x", only="look"), NO_SOURCE))
    shown.refresh()
    assert control(shown, "details").isVisible()
    QTest.mouseClick(control(shown, "details"), Qt.MouseButton.LeftButton)
    assert "origin.no_source" in QGuiApplication.clipboard().text()


def test_a_feed_in_use_cannot_be_removed_and_says_why(shown: MainWindow, submitted: list[commands.Command]) -> None:
    show(shown, "playable")
    shown.go("feeds")
    feeds = control(shown, "feed-list")
    assert isinstance(feeds, QListView)
    feeds.setCurrentIndex(feeds.model().index(0, 0))
    assert not control(shown, "remove").isEnabled()
    shown.handle_message(snapshot(replace(installed(), installed=False)))
    shown.state = replace(shown.state, snapshot=replace(snapshot(installed()), titles=()))
    shown.refresh()
    before = len(submitted)
    for answer, command in (("no", []), ("yes", [commands.RemoveFeed("demo")])):
        QTest.mouseClick(control(shown, "remove"), Qt.MouseButton.LeftButton)
        assert isinstance(shown.title_actions.sheet, ConfirmSheet)
        QTest.mouseClick(control(shown, answer), Qt.MouseButton.LeftButton)
        assert submitted[before:] == command

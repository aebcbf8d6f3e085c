"""A publisher's own launcher on a real engine, and the line about a launcher's own next version."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QLocale, QSize, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from launcher import theme
from launcher.__main__ import Launcher, translate
from launcher.own import Own
from launcher.prefs import Prefs
from launcher.state import Accepted, Link, LinkChanged, Refused
from launcher.views.window import MainWindow
from patcher import brand
from patcher.brand import Brand
from patcher.protocol import commands
from patcher.protocol.commands import Verb
from patcher.protocol.events import Failed, Failure, FeedSnapshot, Finished, Outcome, Snapshot, TitleSnapshot
from patcher.stub import StartedBy
from patcher.versions import Program
from tests.launcher import scenes
from tests.support import trees
from tests.support.launchers import lay_stub, lay_version, start
from tests.support.trees import File
from tests.support.waiting import is_alive
from tests.support.world import Shoal, World, world

MEADOW = Brand(
    "org.example.meadow", "Meadow", "org.example.meadow", "https://updates.example.org", scenes.FINGERPRINT,
    "emberfall", "launcher", False, "#c2185b",
)  # fmt: skip
STUB = StartedBy(("stub",), "program", "1-1.0", "1.0")
OWN = Own(MEADOW, STUB)
FEED = FeedSnapshot("demo", MEADOW.url, scenes.FINGERPRINT)


def _snapshot(**facts: object) -> Snapshot:
    """Of a library with a title, and the launcher itself."""
    mine = TitleSnapshot("demo/launcher", "Launcher", installed=True, version="1.0", offered_version="1.0")
    titles = (replace(mine, **facts), scenes.installed())  # type: ignore[arg-type]  # tests name its fields
    return replace(scenes.snapshot(scenes.installed()), feeds=(FEED,), titles=titles)


@pytest.fixture
def meadow(tmp_path: Path) -> MainWindow:
    """The window of a publisher's launcher, without an engine."""
    prefs = Prefs(tmp_path, OWN)
    prefs.welcomed = True
    made = MainWindow(prefs, OWN)
    made.show()
    made.handle_message(LinkChanged(Link.UP))
    return made


@pytest.fixture
def asked(meadow: MainWindow) -> list[commands.Command]:
    """What it asks for, but for what it reads and plans."""
    heard: list[commands.Command] = []

    def hear(command: commands.Command) -> None:
        if not isinstance(command, commands.RefreshFeed | commands.Update):
            heard.append(command)

    meadow.submitted.connect(hear)
    return heard


def _restart(window: MainWindow) -> QWidget:
    window.refresh()
    return window.library.restart


# ---------------------------------------------------------------- the next version


def test_the_next_version_is_fetched_once_between_two_readings_and_only_when_nothing_else_is_to_do(
    meadow: MainWindow, asked: list[commands.Command]
) -> None:
    update = commands.SelfUpdate("demo/launcher", "program")
    busy = _snapshot(offered_version="1.1")
    other = replace(busy.titles[1], playing=True)
    meadow.handle_message(replace(busy, titles=(busy.titles[0], other)))
    assert asked == []
    for _ in range(3):
        meadow.handle_message(_snapshot(offered_version="1.1"))
    assert asked == [update]
    meadow.refresh_feeds()
    meadow.handle_message(_snapshot(offered_version="1.1"))
    assert asked == [update, update]


def test_an_update_that_made_way_for_the_player_is_tried_again_and_none_is_a_notification(
    meadow: MainWindow, asked: list[commands.Command]
) -> None:
    said: list[str] = []
    meadow.notified.connect(lambda title, words: said.append(words))
    update = commands.SelfUpdate("demo/launcher", "program")
    news, offline = _snapshot(offered_version="1.1"), Failure("origin.unreachable", "", "", "", 4)
    cancelled: tuple[Failed | Refused, ...] = (Failed(1, "demo/launcher", None), Refused(update, offline))
    for count, end in enumerate(cancelled, 2):
        meadow.handle_message(news)
        meadow.handle_message(Accepted(update, 1))
        meadow.handle_message(end)
        meadow.handle_message(Finished(1, "demo/launcher", Outcome()))
        meadow.handle_message(news)
        assert asked == [update] * count
    ends: tuple[Failed | Finished, ...] = (
        Failed(1, "demo/launcher", offline), Finished(1, "demo/launcher", Outcome("1.0", "1.1")),
    )  # fmt: skip
    for each in ends:
        meadow.handle_message(Accepted(update, 1))
        meadow.handle_message(each)
        meadow.handle_message(news)
    assert (asked, said) == ([update] * 3, [])
    assert meadow.toast.isHidden()


def test_a_launcher_that_no_stub_started_does_not_update_itself(tmp_path: Path) -> None:
    state = replace(MainWindow(Prefs(tmp_path)).state, link=Link.UP, snapshot=_snapshot(offered_version="1.1"))
    assert OWN.update(state) == commands.SelfUpdate("demo/launcher", "program")
    assert Own(MEADOW).update(state) is None
    assert Own(Brand(), STUB).update(state) is None


def test_one_line_says_that_the_next_version_is_ready_and_a_click_restarts(meadow: MainWindow, qtbot: QtBot) -> None:
    meadow.handle_message(_snapshot())
    assert _restart(meadow).isHidden()
    meadow.handle_message(_snapshot(version="1.1"))
    assert not _restart(meadow).isHidden()
    assert meadow.library.news.text() == "Meadow 1.1 is ready."
    with qtbot.waitSignal(meadow.restart_requested):
        QTest.mouseClick(meadow.library.restart, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("facts", [{"playing": True}, {"job": 7, "verb": Verb.INSTALL}], ids=["plays", "works"])
def test_nobody_is_asked_to_restart_while_a_title_plays_or_a_job_runs(
    meadow: MainWindow, facts: dict[str, object]
) -> None:
    now = _snapshot(version="1.1")
    other = replace(now.titles[1], **facts)  # type: ignore[arg-type]  # the cases name its fields
    meadow.handle_message(replace(now, titles=(now.titles[0], other)))
    assert _restart(meadow).isHidden()


def test_a_version_that_did_not_start_is_told_and_not_offered_again(tmp_path: Path) -> None:
    own = Own(MEADOW, replace(STUB, failed=("1.1",)))
    window = MainWindow(Prefs(tmp_path, own), own)
    for message in (LinkChanged(Link.UP), _snapshot(version="1.1", offered_version="1.1")):
        window.handle_message(message)
    assert _restart(window).isHidden()
    assert window.library.news.text() == "Meadow 1.1 did not start here, so the version before it runs."
    window.handle_message(_snapshot(version="1.2", offered_version="1.2"))
    assert not _restart(window).isHidden()
    assert window.library.news.text() == "Meadow 1.2 is ready."


def test_a_version_that_is_not_whole_is_put_together_anew_before_it_is_offered(tmp_path: Path) -> None:
    own = Own(MEADOW, replace(STUB, damaged=("1.1",)))
    state = replace(MainWindow(Prefs(tmp_path)).state, link=Link.UP)
    state = replace(state, snapshot=_snapshot(version="1.1", offered_version="1.1"))
    assert own.ready(state) == ""
    assert own.update(state) == commands.SelfUpdate("demo/launcher", "program")


def test_the_launchers_own_title_is_in_no_list_and_no_progress(meadow: MainWindow) -> None:
    meadow.handle_message(_snapshot(job=3, verb=Verb.SELF_UPDATE))
    assert [title.title for title in meadow.state.titles] == [scenes.NAME]
    assert not meadow.state.is_working


def test_a_version_is_healthy_when_its_engine_answers_or_says_why_it_cannot(tmp_path: Path) -> None:
    failure = Failure("disk.home", "It cannot be written.", "", "", 6)
    assert OWN.is_healthy_with(None)
    assert OWN.is_healthy_with(failure)
    assert not OWN.is_healthy_with(replace(failure, code="internal.engine_lost"))


@pytest.mark.timeout(300)
@pytest.mark.posix("a process that becomes another program")
def test_the_window_tells_the_stub_that_it_is_well(tmp_path: Path, home: Path) -> None:
    (tmp_path / "program").mkdir()
    lay_stub(tmp_path / "program", "stub._HEALTHY_S = 100.0")
    window = f"os.execv({sys.executable!r}, [{sys.executable!r}, '-m', 'launcher', '--home', {str(home)!r}])"
    act = f"with open(sys.argv[1] + '.pid', 'w') as mine:\n    mine.write(str(os.getpid()))\n{window}"
    lay_version(tmp_path / "program", "1.0", act)
    try:
        started = start(tmp_path / "program")
        assert (started.code, started.versions) == (0, ("1.0",))
        assert Program(tmp_path / "program").pointer().current == "0-1.0"
        pid = int((tmp_path / "heard.pid").read_text())
        assert is_alive(pid)
        lay_version(tmp_path / "program", "1.1", window, sequence=1)
        assert (again := start(tmp_path / "program")).versions == ("1.1",)
        assert again.code == 0
        assert Program(tmp_path / "program").pointer().current == "0-1.0", "it only handed its words over"
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(int((tmp_path / "heard.pid").read_text())).kill()
        Shoal(home).stop_engine()


# ---------------------------------------------------------------- the publisher's


def test_name_icon_and_colour_are_the_publishers_everywhere(
    meadow: MainWindow, qapp: QApplication, speak: Callable[[str], None]
) -> None:
    assert meadow.windowTitle() == "Meadow"
    assert [label.text() for label in meadow.findChildren(QLabel, "brand")] == ["MEADOW"]
    assert meadow.library.feeds.isHidden()
    speak("de_DE")
    translate(qapp, QLocale("de_DE"), "Meadow")
    for context, text in (
        ("FirstRun", "Welcome to Shoal"),
        ("Errors", "Shoal cannot do that."),
        ("TrayIcon", "Open Shoal"),
    ):
        said = qapp.translate(context, text)
        assert "Meadow" in said and "Shoal" not in said and said != text.replace("Shoal", "Meadow")


@pytest.mark.parametrize("locale", ["en_US", "C", "fr_FR", "ar_EG"])
def test_without_a_translation_the_publishers_launcher_speaks_whole_english(
    qapp: QApplication, speak: Callable[[str], None], locale: str
) -> None:
    speak(locale)
    translate(qapp, QLocale(locale), "Meadow")
    assert qapp.translate("FirstRun", "Welcome to Shoal") == "Welcome to Meadow"
    assert qapp.translate("FirstRun", "Not now") == "Not now"
    assert qapp.translate("Elsewhere", "%n files", None, 2) == "2 files"


@pytest.mark.parametrize("colour", ["#c2185b", "#000000", "#ffffff", "#ffff00", "#0000ff", "#808080"])
@pytest.mark.parametrize("tokens", [theme.DARK, theme.LIGHT], ids=["dark", "light"])
def test_every_colour_of_a_publisher_can_be_read(tokens: theme.Tokens, colour: str) -> None:
    made = theme.with_accent(tokens, colour)
    assert made.accent == colour
    assert theme.contrast(QColor(made.on_accent), QColor(made.accent)) >= 4.5
    for ground in (made.window, made.card, made.sidebar):
        assert theme.contrast(QColor(made.accent_text), QColor(ground)) >= 4.5
    assert theme.with_accent(tokens, "") == tokens


def test_the_pinned_feed_is_added_by_itself_and_by_its_root(meadow: MainWindow, asked: list[commands.Command]) -> None:
    adding = commands.AddFeed(MEADOW.url, scenes.FINGERPRINT)
    meadow.handle_message(replace(scenes.snapshot(scenes.installed()), feeds=(), titles=()))
    assert asked == [adding]
    meadow.handle_message(Accepted(adding, 1))
    meadow.handle_message(replace(scenes.snapshot(scenes.installed()), feeds=(), titles=()))
    assert asked == [adding]
    assert any("takes a moment" in label.text() for label in meadow.empty.findChildren(QLabel))
    other = Failure("trust.fingerprint", "Another root.", "", "", 3)
    meadow.handle_message(Failed(1, "", other))
    meadow.handle_message(replace(scenes.snapshot(scenes.installed()), feeds=(), titles=()))
    meadow.refresh()
    assert any("could not be read" in label.text() for label in meadow.empty.findChildren(QLabel))
    assert asked == [adding], "it is not asked for again and again"
    assert not meadow.notice.isHidden()
    meadow.refresh_feeds()
    assert asked == [adding, adding]
    meadow.handle_message(Accepted(adding, 2))
    meadow.handle_message(Finished(2, "", Outcome(feed="demo")))
    meadow.handle_message(_snapshot())
    meadow.refresh()
    assert meadow.notice.isHidden()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A feed with two titles."""
    root = tmp_path_factory.mktemp("shop")
    trees.write(root / "tree", {"bin/game": File(b"#!/bin/sh\n", executable=True)})
    with world(root) as made:
        for title in ("another", "game"):
            made.release("1", root / "tree", title=title)
        yield made


@pytest.fixture
def branded(shop: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a brand that `shoal publish launcher` made."""
    icon = QImage(QSize(256, 256), QImage.Format.Format_RGB32)
    icon.fill(QColor("#c2185b"))
    assert icon.save(str(tmp_path / "icon.png"))
    words = ("--title", "game", "--name", "Meadow", "--icon", tmp_path / "icon.png", "--id", "org.example.meadow")
    made = shop.publisher.run(
        "publish", "launcher", shop.feed, *words, "--accent", "#c2185b", "--out", tmp_path / "out"
    )
    assert made["fingerprint"] == shop.invitation["fingerprint"]
    monkeypatch.setenv(brand.VARIABLE, str(tmp_path / "out" / "brand.json"))
    return tmp_path / "out" / "brand.json"


@pytest.fixture
def started(
    shop: World, branded: Path, home: Path, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Launcher]]:
    """Starts the publisher's launcher, on an engine of its own home."""
    made: list[Launcher] = []
    player = Shoal(shop.root / home.parent.name, "--ca", str(shop.ca))
    player.run("settings", "listen_host", "127.0.0.1")

    def start() -> Launcher:
        made.append(Launcher(qapp, player.home, str(shop.ca), Own.read()))
        made[-1].start()
        return made[-1]

    yield start
    for each in made:
        each.close()
    theme.set_accent("")
    player.stop_engine()


def _click(window: MainWindow, name: str, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: any(each.isVisible() for each in window.findChildren(QWidget, name)), timeout=30_000)
    QTest.qWait(600)
    QTest.mouseClick(next(e for e in window.findChildren(QWidget, name) if e.isVisible()), Qt.MouseButton.LeftButton)


def test_from_the_first_start_to_an_installed_title_in_two_clicks_and_the_question(
    started: Callable[[], Launcher], qtbot: QtBot
) -> None:
    window = started().window
    assert theme.tokens().accent == "#c2185b"
    _click(window, "not-now", qtbot)
    qtbot.waitUntil(lambda: window.stack.currentWidget() is window.title_page, timeout=30_000)
    shown = window.state.snapshot
    assert shown
    assert [feed.fingerprint for feed in shown.feeds] == [window._own.brand.fingerprint]
    assert window._title == f"{shown.feeds[0].name}/game", "the publisher's title is first, and not the first by name"
    assert shown.settings["sharing"] == "off"
    _click(window, "action", qtbot)
    _click(window, "go", qtbot)
    qtbot.waitUntil(lambda: any(title.installed for title in window.state.titles), timeout=30_000)


def test_another_feed_at_the_address_of_the_pinned_one_is_refused(
    shop: World, started: Callable[[], Launcher], qtbot: QtBot, tmp_path: Path
) -> None:
    thief = Shoal(tmp_path / "thief")
    thief.run("publish", "init", tmp_path / "fake", "--origin", shop.origin.url, "--name", "demo", "--demo-keys")
    shop.feed.rename(tmp_path / "genuine")
    (tmp_path / "fake").rename(shop.feed)
    try:
        window = started().window
        window._prefs.welcomed = True
        qtbot.waitUntil(lambda: "+" in window.state.problems, timeout=30_000)
        assert window.state.problems["+"].code == "trust.fingerprint"
        window.refresh()
        assert not window.notice.isHidden()
        assert window.state.snapshot
        assert window.state.snapshot.feeds == ()
    finally:
        shop.feed.rename(tmp_path / "fake")
        (tmp_path / "genuine").rename(shop.feed)


def test_the_engine_adds_no_other_feed_and_the_own_one_only_by_its_root(
    shop: World, branded: Path, tmp_path: Path
) -> None:
    player = Shoal(shop.root / "closed", "--ca", str(shop.ca))
    error = player.error("feed", "add", "https://other.example.org", expect=2)
    assert error["code"] == "usage.argument"
    player.run("feed", "add", shop.origin.url, "--fingerprint", "00" * 32)
    assert player.run("feed", "list")["feeds"][0]["fingerprint"] == shop.invitation["fingerprint"]
    fields = json.loads(branded.read_text())
    branded.write_text(json.dumps({**fields, "name": 7}))
    player.stop_engine()
    assert Shoal(shop.root / "damaged", "--ca", str(shop.ca)).answer("feed", "list")["error"]["code"] == "disk.damaged"

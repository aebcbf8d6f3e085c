"""The window's own doings, without an engine: what it asks for, and what it shows of the answers."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from launcher.failures import Remedy
from launcher.page import MenuAction
from launcher.prefs import Prefs
from launcher.roles import TitleRole
from launcher.state import Accepted, Link, LinkChanged
from launcher.views.sheet import ConfirmSheet
from launcher.views.widgets import Legend, Switch
from launcher.views.window import MainWindow
from patcher.protocol import commands
from patcher.protocol.events import (
    About,
    Failed,
    Finished,
    Outcome,
    Phase,
    Planned,
    Progress,
    Rates,
)
from tests.launcher.scenes import (
    NAME,
    NO_SOURCE,
    TOTALS,
    choose,
    control,
    installed,
    show,
    snapshot,
    window,
)

# ---------------------------------------------------------------- asked by itself


def test_every_feed_is_read_once_and_an_update_planned_when_it_is_shown(
    shown: MainWindow, submitted: list[commands.Command], qtbot: QtBot
) -> None:
    for message in (LinkChanged(Link.UP), snapshot(installed()), snapshot(installed())):
        shown.handle_message(message)
    qtbot.waitUntil(lambda: len(submitted) >= 2)
    assert submitted == [commands.RefreshFeed("demo"), commands.Update(NAME, only="plan")]
    shown.handle_message(Accepted(commands.Update(NAME, only="plan"), 5))
    shown.handle_message(Planned(5, NAME, "1.8.2", "1.9.0", TOTALS))
    shown.handle_message(Finished(5, NAME, Outcome()))
    shown.refresh()
    assert "412 MB" in shown.title_page.action.accessibleDescription()
    assert len(submitted) == 2
    QTest.keyClick(shown, Qt.Key.Key_F5)
    assert submitted[2:] == [commands.RefreshFeed("demo")]


def test_the_rate_at_the_top_is_that_of_the_legend_and_never_the_disks(shown: MainWindow) -> None:
    show(shown, "updating")
    fetching = Progress(7, NAME, Phase.FETCH, 1, 2, 60_000, rates=Rates(0, 40_000, 20_000))
    for progress, is_shown in ((fetching, True), (Progress(7, NAME, Phase.VERIFY, 1, 2, 400_000_000), False)):
        shown.handle_message(progress)
        shown.refresh()
        assert ("▼ 60 kB/s" in shown.title_page.status.text()) is is_shown
        assert ("▼" in shown.title_page.status.text()) is is_shown
        legend = next(w.accessibleName() for w in shown.findChildren(Legend))
        assert ("From players 40 kB/s, From server 20 kB/s" in legend) is is_shown


def test_without_room_the_button_says_what_is_missing(shown: MainWindow) -> None:
    shown.free_bytes = lambda folder: 1_000_000_000
    show(shown, "ready")
    assert shown.title_page.action.text() == "NEEDS SPACE"
    assert "1.3 GB needed, 1.0 GB free" in shown.title_page.action.accessibleDescription()


def test_after_an_update_the_page_is_about_the_title_again(shown: MainWindow) -> None:
    show(shown, "updating")
    assert shown.title_page.transfer.isVisible()
    show(shown, "playable")
    assert not shown.title_page.transfer.isVisible()


def test_a_new_release_that_another_job_saw_has_its_feed_read_again_for_its_notes(
    shown: MainWindow, submitted: list[commands.Command]
) -> None:
    news = installed(version="2.0", offered_version="2.0")
    for message in (LinkChanged(Link.UP), snapshot(installed()), snapshot(replace(news, about=About()))):
        shown.handle_message(message)
    shown.handle_message(snapshot(news))
    assert submitted == 2 * [commands.RefreshFeed("demo")]


# ---------------------------------------------------------------- options, errors


@pytest.mark.parametrize(
    ("action", "command"),
    [
        (MenuAction.VERIFY, commands.Verify(NAME)),
        (MenuAction.REPAIR, commands.Repair(NAME)),
        (MenuAction.ROLLBACK, commands.Rollback(NAME)),
    ],
)
def test_an_option_is_a_command(
    shown: MainWindow, submitted: list[commands.Command], action: MenuAction, command: commands.Command
) -> None:
    show(shown, "playable")
    shown.title_page.triggered.emit(action)
    assert submitted == [command]


@pytest.mark.parametrize("is_installed", [True, False])
def test_what_is_paused_can_be_given_up_and_says_what_is_kept(
    shown: MainWindow, submitted: list[commands.Command], is_installed: bool
) -> None:
    came = Progress(0, NAME, Phase.FETCH, 1_210_000, 2_200_000)
    begun = installed(paused=True, progress=came)
    if not is_installed:
        begun = replace(begun, installed=False, version="", folder="/games/emberfall")
    for message in (LinkChanged(Link.UP), snapshot(begun)):
        shown.handle_message(message)
    shown.refresh()
    assert (shown.title_page.action.text(), shown.title_page.action.accessibleDescription().split(" C")[0]) == (
        "RESUME",
        "1.2 MB of 2.2 MB",
    )
    row = shown.library.titles.row_of(NAME)
    assert shown.library.titles.index(row).data(TitleRole.STATUS) == "Paused · 55%"
    submitted.clear()
    QTest.mouseClick(control(shown, "discard"), Qt.MouseButton.LeftButton)
    sheet = shown.title_actions.sheet
    assert isinstance(sheet, ConfirmSheet) and submitted == []
    kept = "Version 1.8.2 stays installed" if is_installed else "removed from /games/emberfall"
    assert kept in sheet.accessibleDescription()
    QTest.mouseClick(control(shown, "yes"), Qt.MouseButton.LeftButton)
    assert submitted == [commands.Cancel(NAME) if is_installed else commands.Uninstall(NAME)]


def test_a_release_to_come_is_fetched_at_a_click_and_then_said_to_be_here(
    shown: MainWindow, submitted: list[commands.Command]
) -> None:
    show(shown, "preload")
    submitted.clear()
    QTest.mouseClick(control(shown, "preload"), Qt.MouseButton.LeftButton)
    assert submitted == [commands.Preload(NAME)]
    show(shown, "preloaded")
    assert not shown.title_page.preload.isVisible()
    assert "sealed until its launch" in shown.title_page.status.text()


def test_moving_asks_where_to(shown: MainWindow, submitted: list[commands.Command], tmp_path: Path) -> None:
    show(shown, "playable")
    shown.title_page.triggered.emit(MenuAction.MOVE)
    assert submitted == []
    choose(shown, str(tmp_path))
    assert submitted == [commands.Move(NAME, str(tmp_path / "emberfall"))]
    shown.title_page.triggered.emit(MenuAction.MOVE)
    choose(shown, "")
    assert len(submitted) == 1


def test_a_step_back_that_the_publisher_does_not_allow_is_asked_about(
    shown: MainWindow, submitted: list[commands.Command]
) -> None:
    show(shown, "playable")
    submitted.clear()
    refused = replace(NO_SOURCE, code="trust.step_back", exit_code=3)
    for message in (Accepted(commands.Rollback(NAME), 8), Failed(8, NAME, refused)):
        shown.handle_message(message)
    for answer, command in (("no", []), ("yes", [commands.Rollback(NAME, confirmed=True)])):
        shown.title_page.triggered.emit(Remedy.STEP_BACK)
        assert isinstance(shown.title_actions.sheet, ConfirmSheet)
        QTest.mouseClick(control(shown, answer), Qt.MouseButton.LeftButton)
        assert submitted == command


def test_the_ways_out_of_an_error_work(shown: MainWindow, submitted: list[commands.Command]) -> None:
    show(shown, "failed")
    submitted.clear()
    shown.title_page.triggered.emit(Remedy.DETAILS)
    assert "origin.no_source" in QGuiApplication.clipboard().text()
    shown.title_page.triggered.emit(Remedy.SERVER_ONLY)
    shown.title_page.triggered.emit(Remedy.RETRY)
    assert submitted == [commands.Update(NAME, network=commands.Network(server_only=True)), commands.Update(NAME)]
    shown.title_page.triggered.emit(Remedy.CLOSE)
    shown.refresh()
    assert not shown.title_page.banner.isVisible()


# ---------------------------------------------------------------- the library


def test_a_title_that_leaves_the_library_while_it_is_shown_makes_room_for_the_first(shown: MainWindow) -> None:
    show(shown, "ready")
    shown.show_title("demo/verdant")
    known = snapshot(installed())
    shown.handle_message(replace(known, titles=known.titles[:2]))
    shown.refresh()
    assert shown.title_page.hero.accessibleName() == "Emberfall"
    assert [shown.library.titles.name_at(row) for row in range(shown.library.titles.rowCount())] == [
        NAME, "demo/tidebound",
    ]  # fmt: skip


def test_a_library_that_changes_does_not_turn_the_page(shown: MainWindow) -> None:
    show(shown, "ready")
    shown.show_title("demo/tidebound")
    selected: list[str] = []
    shown.library.title_selected.connect(selected.append)
    shown.handle_message(snapshot(replace(installed(), installed=False)))  # the rows change places
    shown.refresh()
    assert shown.title_page.hero.accessibleName() == "Tidebound"
    shown.go("feeds")
    shown.handle_message(snapshot())
    shown.refresh()
    assert control(shown, "address").isVisible()
    assert selected == []


# ---------------------------------------------------------------- starts


def test_a_later_start_finds_the_window_again_also_when_it_is_minimised(shown: MainWindow) -> None:
    shown.showMinimized()
    shown.open_words([])
    assert not shown.isMinimized()
    assert shown.isVisible()


def test_how_far_the_work_is_is_told_with_the_rest(shown: MainWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(shown.advanced) as told:
        shown.refresh()
    assert told.args == [shown.state.percent_done]


def test_a_link_shows_a_title_and_does_nothing_else(shown: MainWindow, submitted: list[commands.Command]) -> None:
    show(shown, "playable")
    shown.go("settings")
    shown.open_words(["shoal://demo/verdant"])
    assert shown.title_page.isVisible()
    assert shown.title_page.action.text() == "INSTALL"
    assert submitted == []


def test_a_feed_file_is_looked_at_first(shown: MainWindow, submitted: list[commands.Command]) -> None:
    show(shown, "playable")
    shown.open_words(["games.shoalfeed"])
    assert submitted == [commands.AddFeed("games.shoalfeed", only="look")]


def test_words_that_mean_nothing_are_not_followed(shown: MainWindow, submitted: list[commands.Command]) -> None:
    show(shown, "playable")
    shown.open_words(["shoal://demo/nothing", "shoal://", "--help", "file:///etc", "\0"])
    assert submitted == []


@pytest.mark.parametrize("answer", ["not-now", "help-others"])
def test_both_answers_to_the_question_lead_on(tmp_path: Path, answer: str) -> None:
    shown = window(tmp_path, welcomed=False)
    heard: list[commands.Command] = []
    shown.submitted.connect(heard.append)
    show(shown, "empty")
    heard.clear()
    QTest.mouseClick(control(shown, answer), Qt.MouseButton.LeftButton)
    assert heard == [commands.ChangeSetting("sharing", "everyone" if answer == "help-others" else "off")]
    assert Prefs(tmp_path).welcomed
    assert control(shown, "address").isVisible()


def test_the_switch_returns_to_the_last_answer(shown: MainWindow, submitted: list[commands.Command]) -> None:
    for sharing, expected in {"lan": "off", "off": "lan"}.items():
        shown.handle_message(LinkChanged(Link.UP))
        shown.handle_message(snapshot(sharing=sharing, last_sharing="lan"))
        shown.refresh()
        submitted.clear()
        QTest.mouseClick(control(shown, "share"), Qt.MouseButton.LeftButton)
        assert submitted == [commands.ChangeSetting("sharing", expected)]


@pytest.mark.parametrize("answer", ["no", "yes"])
def test_nobody_shares_with_everyone_unasked(shown: MainWindow, submitted: list[commands.Command], answer: str) -> None:
    show(shown, "empty")
    submitted.clear()
    switch = control(shown, "share")
    QTest.mouseClick(switch, Qt.MouseButton.LeftButton)
    assert isinstance(switch, Switch) and not switch.isChecked()
    assert submitted == []
    assert control(shown, "yes").property("kind") == "primary", "it takes nothing away"
    QTest.mouseClick(control(shown, answer), Qt.MouseButton.LeftButton)
    assert submitted == [commands.ChangeSetting("sharing", "everyone")] * (answer == "yes")


def test_a_window_for_the_tray_hides_and_says_that_work_goes_on(shown: MainWindow, tmp_path: Path) -> None:
    texts: list[str] = []
    shown.notified.connect(lambda title, words: texts.append(words))
    shown.stays_in_tray = True
    Prefs(tmp_path).tray = True
    show(shown, "updating")
    assert not shown.close()
    assert not shown.isVisible()
    assert texts == ["The download continues."]

"""The window's own doings, without an engine: what it asks for, and what it shows of the answers."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QListView,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from launcher import state, text, theme
from launcher.failures import Remedy
from launcher.page import MenuAction
from launcher.prefs import Prefs
from launcher.roles import TitleRole
from launcher.state import Accepted, Link, LinkChanged, Refused
from launcher.views import install
from launcher.views.install import InstallSheet, own_folder, tag_label
from launcher.views.sheet import ConfirmSheet
from launcher.views.widgets import Legend, Switch
from launcher.views.window import MainWindow
from patcher.protocol import commands
from patcher.protocol.events import (
    About,
    Failed,
    FeedFound,
    FeedSnapshot,
    Finished,
    Outcome,
    Phase,
    Planned,
    Progress,
    Rates,
)
from tests.launcher.scenes import FINGERPRINT, NAME, NO_SOURCE, TOTALS, installed, show, snapshot, window


@pytest.fixture
def shown(tmp_path: Path) -> MainWindow:
    return window(tmp_path)


@pytest.fixture
def submitted(shown: MainWindow) -> list[commands.Command]:
    """The commands that the window submits."""
    heard: list[commands.Command] = []
    shown.submitted.connect(heard.append)
    return heard


def _control(shown: MainWindow, name: str) -> QWidget:
    return next(w for w in shown.findChildren(QWidget, name) if w.isVisible())


def _sheet(shown: MainWindow) -> InstallSheet:
    assert isinstance(shown.title_actions.sheet, InstallSheet)
    return shown.title_actions.sheet


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


# ---------------------------------------------------------------- installing


def test_the_install_dialog_asks_again_with_every_choice(
    shown: MainWindow, submitted: list[commands.Command], qtbot: QtBot, tmp_path: Path
) -> None:
    show(shown, "not-installed")
    shown.title_page.action.click()
    submitted.clear()
    sheet = _sheet(shown)
    qtbot.waitUntil(lambda: len(submitted) == 1)
    folder = sheet.folder.text()
    assert submitted == [commands.Install(NAME, folder, only="plan")]
    german = _control(shown, "part-lang:de")
    assert isinstance(german, QCheckBox) and german.text() == "Deutsch · 400 MB"
    german.click()
    qtbot.waitUntil(lambda: len(submitted) == 2)
    assert submitted[1] == commands.Install(NAME, folder, tags=("lang:de",), only="plan")
    shown.handle_message(Planned(5, NAME, "", "1.9.0", TOTALS))
    shown.refresh()
    texts = [label.text() for label in sheet.findChildren(QWidget) if hasattr(label, "text") and label.isVisible()]
    assert {"412 MB", "1.3 GB"} <= set(texts)
    sheet.confirm.click()
    assert submitted[-1] == commands.Install(NAME, folder, tags=("lang:de",))
    assert shown.title_actions.sheet is None


def _choose(shown: MainWindow, folder: str) -> None:
    """Choose a folder in the open dialog, or (empty) close it."""
    dialog = shown.findChild(QFileDialog)
    assert isinstance(dialog, QFileDialog) and dialog.isVisible()
    if folder:
        dialog.setDirectory(folder)
        dialog.fileSelected.emit(folder)
    dialog.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_a_folder_that_will_not_do_is_said_in_the_dialog(shown: MainWindow, qtbot: QtBot) -> None:
    show(shown, "not-installed")
    shown.title_page.action.click()
    sheet = _sheet(shown)
    QTest.qWait(350)
    plan = commands.Install(NAME, "x", only="plan")
    shown.handle_message(Accepted(plan, 5))
    shown.handle_message(Failed(5, NAME, NO_SOURCE))
    shown.refresh()
    assert sheet.banner.isVisible()
    sheet.reject()
    shown.refresh()
    assert not shown.title_page.banner.isVisible()


def test_a_folder_that_is_not_named_in_full_is_said_while_it_is_typed(
    shown: MainWindow, submitted: list[commands.Command], qtbot: QtBot
) -> None:
    show(shown, "not-installed")
    shown.title_page.action.click()
    sheet = _sheet(shown)
    qtbot.waitUntil(lambda: len(submitted) == 1)
    sheet.folder.clear()
    QTest.keyClicks(sheet.folder, "G")
    assert sheet.banner.isVisible() and not sheet.confirm.isEnabled()
    QTest.keyClick(sheet.folder, Qt.Key.Key_Backspace)
    assert sheet.banner.isVisible() and not sheet.confirm.isEnabled()
    QTest.qWait(350)
    assert len(submitted) == 1, "nothing is planned for it"
    QTest.keyClicks(sheet.folder, "~/Games")
    assert not sheet.banner.isVisible() and sheet.confirm.isEnabled()
    qtbot.waitUntil(lambda: len(submitted) == 2)
    assert submitted[1] == commands.Install(NAME, "~/Games", only="plan")


def test_a_folder_that_the_engine_refuses_cannot_be_installed_to(shown: MainWindow) -> None:
    show(shown, "not-installed")
    shown.title_page.action.click()
    sheet = _sheet(shown)
    QTest.qWait(350)
    for failure, is_enabled in ((NO_SOURCE, True), (replace(NO_SOURCE, code="disk.denied"), False)):
        shown.handle_message(Accepted(commands.Install(NAME, "/proc/x", only="plan"), 5))
        shown.handle_message(Failed(5, NAME, failure))
        shown.refresh()
        assert sheet.banner.isVisible()
        assert sheet.confirm.isEnabled() == is_enabled


def test_the_dialog_says_how_much_space_is_missing(shown: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "free_bytes", lambda folder: 1_000_000_000)
    show(shown, "not-installed")
    shown.title_page.action.click()
    sheet = _sheet(shown)
    shown.handle_message(Planned(5, NAME, "", "1.9.0", TOTALS))
    shown.refresh()
    texts = [label.text() for label in sheet.banner.findChildren(QLabel)]
    assert any(f"{text.size(TOTALS.peak_extra_bytes - 1_000_000_000)} more are needed" in each for each in texts)
    assert not sheet.confirm.isEnabled()


def test_a_missing_folder_is_located_or_forgotten(
    shown: MainWindow, submitted: list[commands.Command], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    failure = replace(NO_SOURCE, code="disk.folder_missing")
    missing = installed(installed=False, folder_missing=True, failure=failure, tags=("lang:de",))
    for message in (LinkChanged(Link.UP), snapshot(missing)):
        shown.handle_message(message)
    shown.refresh()
    assert shown.title_page.action.text() == "LOCATE…"
    assert shown.title_page.banner.isVisible()
    shown.title_page.action.click()
    assert submitted.pop() == commands.Install(NAME, str(tmp_path), tags=("lang:de",), locate=True)
    shown.title_page.triggered.emit(MenuAction.FORGET)
    assert isinstance(shown.title_actions.sheet, ConfirmSheet)
    _control(shown, "yes").click()  # type: ignore[attr-defined]  # it is a button
    assert submitted.pop() == commands.Uninstall(NAME, forget=True)


def test_a_games_folder_is_checked_while_it_is_typed(shown: MainWindow, submitted: list[commands.Command]) -> None:
    show(shown, "ready")
    page = shown._settings
    QTest.keyClicks(page.folder, "Games")
    assert not page.banner.isHidden()
    page.folder.clear()
    QTest.keyClicks(page.folder, "~/Games")
    assert page.banner.isHidden()
    page.show_state(state.apply(shown.state, Refused(commands.ChangeSetting("games_folder", "/proc/x"), NO_SOURCE)))
    assert not page.banner.isHidden()


def test_what_is_installed_already_is_located(
    shown: MainWindow, submitted: list[commands.Command], tmp_path: Path
) -> None:
    show(shown, "not-installed")
    shown.title_page.action.click()
    _sheet(shown).locate.click()
    _choose(shown, str(tmp_path))
    assert submitted[-1] == commands.Install(NAME, str(tmp_path), locate=True)


def test_a_chosen_folder_with_something_in_it_gets_one_of_the_titles_own(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert own_folder(str(tmp_path / "empty"), NAME) == str(tmp_path / "empty")
    assert own_folder(str(tmp_path), NAME) == str(tmp_path / "emberfall")


@pytest.mark.parametrize(
    ("tag", "label"),
    [
        ("lang:de", "Deutsch"),
        ("lang:en", "English"),
        ("extra:hd", "HD"),
        ("extra:concept-art", "Concept art"),
        ("os:windows", "os: windows"),
        ("lang:x y", "lang: x y"),
    ],
)
def test_a_tag_is_written_as_people_say_it(tag: str, label: str) -> None:
    assert tag_label(tag) == label


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
    QTest.mouseClick(_control(shown, "discard"), Qt.MouseButton.LeftButton)
    sheet = shown.title_actions.sheet
    assert isinstance(sheet, ConfirmSheet) and submitted == []
    kept = "Version 1.8.2 stays installed" if is_installed else "removed from /games/emberfall"
    assert kept in sheet.accessibleDescription()
    QTest.mouseClick(_control(shown, "yes"), Qt.MouseButton.LeftButton)
    assert submitted == [commands.Cancel(NAME) if is_installed else commands.Uninstall(NAME)]


def test_moving_asks_where_to(shown: MainWindow, submitted: list[commands.Command], tmp_path: Path) -> None:
    show(shown, "playable")
    shown.title_page.triggered.emit(MenuAction.MOVE)
    assert submitted == []
    _choose(shown, str(tmp_path))
    assert submitted == [commands.Move(NAME, str(tmp_path / "emberfall"))]
    shown.title_page.triggered.emit(MenuAction.MOVE)
    _choose(shown, "")
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
        QTest.mouseClick(_control(shown, answer), Qt.MouseButton.LeftButton)
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


# ---------------------------------------------------------------- feeds, settings


def test_a_feed_is_added_only_after_a_look(shown: MainWindow, submitted: list[commands.Command]) -> None:
    show(shown, "empty")
    shown.go("feeds")
    address = _control(shown, "address")
    assert isinstance(address, QLineEdit)
    QTest.keyClicks(address, "https://updates.example.org/feed")
    QTest.keyClick(address, Qt.Key.Key_Return)
    look = commands.AddFeed("https://updates.example.org/feed", only="look")
    assert submitted == [look]
    shown.handle_message(Accepted(look, 3))
    shown.handle_message(FeedFound(3, "", FeedSnapshot("shop", "https://updates.example.org/feed", FINGERPRINT)))
    shown.handle_message(Finished(3, "", Outcome()))
    shown.refresh()
    QTest.mouseClick(_control(shown, "add"), Qt.MouseButton.LeftButton)
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
    assert _control(shown, "refuse").isVisible()


def test_a_look_at_a_feed_can_be_cancelled(shown: MainWindow, submitted: list[commands.Command]) -> None:
    show(shown, "empty")
    shown.go("feeds")
    assert not any(button.isVisible() for button in shown.findChildren(QWidget, "stop-look"))
    shown.handle_message(Accepted(commands.AddFeed("https://slow.example.org", only="look"), 3))
    shown.refresh()
    QTest.mouseClick(_control(shown, "stop-look"), Qt.MouseButton.LeftButton)
    assert submitted[-1] == commands.Cancel(job=3)
    shown.handle_message(Failed(3, "", None))
    shown.refresh()
    assert _control(shown, "look").isEnabled()


def test_a_wrong_address_is_a_banner_with_a_way_out(shown: MainWindow, submitted: list[commands.Command]) -> None:
    show(shown, "empty")
    shown.go("feeds")
    shown.handle_message(Refused(commands.AddFeed("x", only="look"), NO_SOURCE))
    shown.refresh()
    assert _control(shown, "details").isVisible()
    QTest.mouseClick(_control(shown, "details"), Qt.MouseButton.LeftButton)
    assert "origin.no_source" in QGuiApplication.clipboard().text()


def test_a_feed_in_use_cannot_be_removed_and_says_why(shown: MainWindow, submitted: list[commands.Command]) -> None:
    show(shown, "playable")
    shown.go("feeds")
    feeds = _control(shown, "feed-list")
    assert isinstance(feeds, QListView)
    feeds.setCurrentIndex(feeds.model().index(0, 0))
    assert not _control(shown, "remove").isEnabled()
    shown.handle_message(snapshot(replace(installed(), installed=False)))
    shown.state = replace(shown.state, snapshot=replace(snapshot(installed()), titles=()))
    shown.refresh()
    before = len(submitted)
    for answer, command in (("no", []), ("yes", [commands.RemoveFeed("demo")])):
        QTest.mouseClick(_control(shown, "remove"), Qt.MouseButton.LeftButton)
        assert isinstance(shown.title_actions.sheet, ConfirmSheet)
        QTest.mouseClick(_control(shown, answer), Qt.MouseButton.LeftButton)
        assert submitted[before:] == command


def test_each_setting_is_a_command_at_once(shown: MainWindow, submitted: list[commands.Command]) -> None:
    show(shown, "playable")
    shown.go("settings")
    peers, limit = _control(shown, "peers"), _control(shown, "download_limit_bps")
    assert isinstance(peers, QComboBox) and isinstance(limit, QDoubleSpinBox)
    peers.setFocus()
    QTest.keyClick(peers, Qt.Key.Key_End)
    limit.setFocus()
    limit.selectAll()
    QTest.keyClicks(limit, "2500")
    QTest.keyClick(limit, Qt.Key.Key_Return)
    assert commands.ChangeSetting("peers", "none") in submitted
    assert commands.ChangeSetting("download_limit_bps", "2500000") in submitted


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
    box = _control(shown, "download_limit_bps")
    assert isinstance(box, QDoubleSpinBox) and box.text() == text
    submitted.clear()
    for name in ("upload_limit_bps", "monthly_upload_cap_bytes", "download_limit_bps", "games_folder"):
        _control(shown, name).setFocus()
        shown.handle_message(snapshot(installed(), download_limit_bps=70_000))  # meanwhile another client changes it
        QTest.keyClick(_control(shown, name), Qt.Key.Key_Tab)
    assert submitted == []
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "0.5")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert submitted == [commands.ChangeSetting("download_limit_bps", "500")]


def test_the_look_changes_at_once_and_is_remembered(shown: MainWindow, tmp_path: Path, qapp: QApplication) -> None:
    shown.go("settings")
    box = _control(shown, "theme")
    assert isinstance(box, QComboBox)
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_End)
    assert theme.tokens().name == "light"
    assert Prefs(tmp_path).theme == "light"


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
    assert _control(shown, "address").isVisible()
    assert selected == []


# ---------------------------------------------------------------- starts


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
    QTest.mouseClick(_control(shown, answer), Qt.MouseButton.LeftButton)
    assert heard == [commands.ChangeSetting("sharing", "everyone" if answer == "help-others" else "off")]
    assert Prefs(tmp_path).welcomed
    assert _control(shown, "address").isVisible()


def test_the_switch_returns_to_the_last_answer(shown: MainWindow, submitted: list[commands.Command]) -> None:
    for sharing, expected in {"lan": "off", "off": "lan"}.items():
        shown.handle_message(LinkChanged(Link.UP))
        shown.handle_message(snapshot(sharing=sharing, last_sharing="lan"))
        shown.refresh()
        submitted.clear()
        QTest.mouseClick(_control(shown, "share"), Qt.MouseButton.LeftButton)
        assert submitted == [commands.ChangeSetting("sharing", expected)]


@pytest.mark.parametrize("answer", ["no", "yes"])
def test_nobody_shares_with_everyone_unasked(shown: MainWindow, submitted: list[commands.Command], answer: str) -> None:
    show(shown, "empty")
    submitted.clear()
    switch = _control(shown, "share")
    QTest.mouseClick(switch, Qt.MouseButton.LeftButton)
    assert isinstance(switch, Switch) and not switch.isChecked()
    assert submitted == []
    QTest.mouseClick(_control(shown, answer), Qt.MouseButton.LeftButton)
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

"""The dialog before an install: what it chooses for the player, and what it says when that will not do."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QCheckBox,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from launcher import state, text
from launcher.failures import Remedy
from launcher.page import MenuAction
from launcher.state import Accepted, Link, LinkChanged, Refused
from launcher.views.install import own_folder, tag_label
from launcher.views.sheet import ConfirmSheet
from launcher.views.window import MainWindow
from patcher.protocol import commands
from patcher.protocol.events import (
    Failed,
    Finished,
    Outcome,
    PartFact,
    Planned,
)
from tests.launcher.scenes import (
    NAME,
    NO_SOURCE,
    TOTALS,
    choose,
    control,
    install_sheet,
    installed,
    show,
    snapshot,
    title,
)


def test_too_little_space_is_said_in_the_dialog_with_the_amount_and_a_way_out(
    shown: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shown.title_actions, "_free_bytes", lambda folder: 1_000_000_000)
    show(shown, "not-installed")
    shown.title_page.action.click()
    shown.handle_message(Planned(5, NAME, "", "1.9.0", TOTALS))
    shown.refresh()
    sheet = install_sheet(shown)
    assert not sheet.confirm.isEnabled()
    assert (
        f"{text.size(TOTALS.peak_extra_bytes - 1_000_000_000)} more are needed" in sheet.banner.accessibleDescription()
    )
    way_out = sheet.banner.findChild(QPushButton)
    assert isinstance(way_out, QPushButton)
    QTest.mouseClick(way_out, Qt.MouseButton.LeftButton)
    choose(shown, str(tmp_path))
    assert sheet.folder.text().startswith(str(tmp_path))


def test_an_error_of_another_choice_does_not_stay_beside_a_fresh_plan(shown: MainWindow) -> None:
    show(shown, "not-installed")
    shown.title_page.action.click()
    QTest.qWait(350)
    plan = commands.Install(NAME, "x", only="plan")
    for job, message in ((5, Failed(5, NAME, NO_SOURCE)), (6, Finished(6, NAME, Outcome()))):
        shown.handle_message(Accepted(plan, job))
        shown.handle_message(message)
        shown.refresh()
        assert install_sheet(shown).banner.isVisible() is (job == 5)


@pytest.mark.parametrize(
    ("locale", "tags", "chosen"),
    [
        ("fr_FR", ("lang:de", "lang:fr"), "lang:fr"),
        ("fr_FR", ("lang:de", "lang:en"), "lang:en"),
        ("C", ("lang:de", "lang:en"), "lang:en"),
        ("ar_EG", ("lang:en-us", "extra:hd"), "lang:en-us"),
        ("pt_BR", ("lang:pt", "lang:pt-br"), "lang:pt-br"),
        ("pt_PT", ("lang:en", "lang:pt-br"), "lang:pt-br"),
        ("fr_FR", ("lang:de",), ""),
    ],
)
def test_the_players_language_is_chosen_else_english(
    shown: MainWindow, locale: str, tags: tuple[str, ...], chosen: str
) -> None:
    QLocale.setDefault(QLocale(locale))
    offered = title("emberfall", "Emberfall", offered_version="1.9.0")
    parts = tuple(PartFact(tag, (tag,), 1) for tag in tags)
    offered = replace(offered, about=replace(offered.about, parts=parts))
    for message in (LinkChanged(Link.UP), snapshot(offered)):
        shown.handle_message(message)
    shown.refresh()
    shown.title_page.action.click()
    boxes = [box for box in install_sheet(shown).findChildren(QCheckBox) if box.isChecked()]
    assert [box.objectName() for box in boxes] == ([f"part-{chosen}"] if chosen else [])


def test_the_install_dialog_asks_again_with_every_choice(
    shown: MainWindow, submitted: list[commands.Command], qtbot: QtBot, tmp_path: Path
) -> None:
    show(shown, "not-installed")
    shown.title_page.action.click()
    submitted.clear()
    sheet = install_sheet(shown)
    qtbot.waitUntil(lambda: len(submitted) == 1)
    folder = sheet.folder.text()
    assert submitted == [commands.Install(NAME, folder, only="plan")]
    german = control(shown, "part-lang:de")
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


def test_a_folder_that_will_not_do_is_said_in_the_dialog(shown: MainWindow, qtbot: QtBot) -> None:
    show(shown, "not-installed")
    shown.title_page.action.click()
    sheet = install_sheet(shown)
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
    sheet = install_sheet(shown)
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
    sheet = install_sheet(shown)
    QTest.qWait(350)
    for failure, is_enabled in ((NO_SOURCE, True), (replace(NO_SOURCE, code="disk.denied"), False)):
        shown.handle_message(Accepted(commands.Install(NAME, "/proc/x", only="plan"), 5))
        shown.handle_message(Failed(5, NAME, failure))
        shown.refresh()
        assert sheet.banner.isVisible()
        assert sheet.confirm.isEnabled() == is_enabled


def test_a_missing_folder_is_located_or_forgotten(
    shown: MainWindow, submitted: list[commands.Command], tmp_path: Path
) -> None:
    failure = replace(NO_SOURCE, code="disk.folder_missing")
    missing = installed(installed=False, folder_missing=True, failure=failure, tags=("lang:de",))
    for message in (LinkChanged(Link.UP), snapshot(missing)):
        shown.handle_message(message)
    shown.refresh()
    assert shown.title_page.action.text() == "LOCATE…"
    assert shown.title_page.banner.isVisible()
    shown.title_page.action.click()
    choose(shown, str(tmp_path))
    assert submitted.pop() == commands.Install(NAME, str(tmp_path), tags=("lang:de",), locate=True)
    for event in (
        Accepted(commands.Install(NAME, str(tmp_path), locate=True), 7),
        Failed(7, NAME, replace(NO_SOURCE, code="disk.not_empty", facts={"path": str(tmp_path), "title": "other"})),
    ):
        shown.handle_message(event)
    shown.refresh()
    assert shown.title_page.banner.accessibleName() == "Another title is in this folder."
    shown.title_page.triggered.emit(Remedy.FOLDER)
    choose(shown, str(tmp_path / "elsewhere"))
    again = submitted.pop()
    assert isinstance(again, commands.Install) and again.locate, "no other folder is installed into"
    shown.title_page.triggered.emit(MenuAction.FORGET)
    assert isinstance(shown.title_actions.sheet, ConfirmSheet)
    control(shown, "yes").click()  # type: ignore[attr-defined]  # it is a button
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
    install_sheet(shown).locate.click()
    choose(shown, str(tmp_path))
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

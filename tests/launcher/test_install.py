"""The dialog before an install: what it chooses for the player, and what it says when that will not do."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QFileDialog, QPushButton

from launcher.state import Accepted, Link, LinkChanged
from launcher.views.install import InstallSheet
from launcher.views.window import MainWindow
from patcher.protocol import commands
from patcher.protocol.events import Failed, Finished, Outcome, PartFact, Planned
from tests.launcher.scenes import NAME, NO_SOURCE, TOTALS, show, snapshot, title, window


@pytest.fixture
def shown(tmp_path: Path) -> MainWindow:
    return window(tmp_path)


def _sheet(shown: MainWindow) -> InstallSheet:
    assert isinstance(shown.title_actions.sheet, InstallSheet)
    return shown.title_actions.sheet


def test_too_little_space_is_said_in_the_dialog_with_the_amount_and_a_way_out(
    shown: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("launcher.views.install.free_bytes", lambda folder: 1_000_000_000)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    show(shown, "not-installed")
    shown.title_page.action.click()
    shown.handle_message(Planned(5, NAME, "", "1.9.0", TOTALS))
    shown.refresh()
    sheet = _sheet(shown)
    assert not sheet.confirm.isEnabled()
    assert "1.3 GB needed, 1.0 GB free." in sheet.banner.accessibleDescription()
    choose = sheet.banner.findChild(QPushButton)
    assert isinstance(choose, QPushButton)
    QTest.mouseClick(choose, Qt.MouseButton.LeftButton)
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
        assert _sheet(shown).banner.isVisible() is (job == 5)


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
    boxes = [box for box in _sheet(shown).findChildren(QCheckBox) if box.isChecked()]
    assert [box.objectName() for box in boxes] == ([f"part-{chosen}"] if chosen else [])

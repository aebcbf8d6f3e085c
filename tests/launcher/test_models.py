"""The list models keep Qt's promises, whatever the snapshots do."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from launcher import state
from launcher.models import ListModel, Made, feed_rows, title_rows
from launcher.own import Own
from launcher.roles import TitleRole
from launcher.state import Link, LinkChanged, State
from launcher.views.library import Library
from patcher.protocol.events import FeedSnapshot, TitleSnapshot
from tests.launcher.scenes import NO_SOURCE, installed, messages, snapshot, title, window


def _state(titles: list[TitleSnapshot], feeds: list[FeedSnapshot]) -> State:
    known = state.apply(State(), LinkChanged(Link.UP))
    return state.apply(known, replace(snapshot(), titles=tuple(titles), feeds=tuple(feeds)))


def _watch(tester: ModelTester, model: ListModel) -> None:
    tester.check(model)  # type: ignore[no-untyped-call]  # the plugin has no types


def test_rows_come_go_and_change_places_one_by_one(qtmodeltester: ModelTester) -> None:
    titles, feeds = ListModel(), ListModel()
    _watch(qtmodeltester, titles)
    dice = random.Random(1)
    everything = [title(f"t{number}", f"Title {number}", installed=number % 2 == 0) for number in range(6)]
    for _ in range(60):
        chosen = dice.sample(everything, dice.randint(0, 6))
        known = _state(chosen, [FeedSnapshot(t.label, "https://example.org", "ab") for t in chosen])
        titles.set_rows(title_rows(known))
        feeds.set_rows(feed_rows(known))
        expected = [t.title for t in sorted(chosen, key=lambda t: not t.installed)]
        assert [titles.name_at(row) for row in range(titles.rowCount())] == expected
        assert feeds.rowCount() == len(chosen)


def test_a_title_that_is_installed_moves_up_and_stays_selected(qtmodeltester: ModelTester, qtbot: QtBot) -> None:
    """Rows move in front of a view that follows its selection; none is doubled, and no state is that of another."""
    library = Library(Own())
    qtbot.addWidget(library)
    library.show()
    _watch(qtmodeltester, library.titles)
    chosen: list[str] = []
    library.title_selected.connect(chosen.append)
    titles = [title(f"t{number}", f"Title {number}", offered_version="1") for number in range(6)]
    library.show_state(_state(titles, []), "demo/t4", "title")
    jumps: list[object] = []
    library.titles.rowsRemoved.connect(lambda *rows: jumps.append(rows))
    library.list.selectionModel().selectionChanged.connect(lambda *rows: jumps.append(rows))
    for number in (4, 2, 5, 0):
        titles[number] = replace(titles[number], installed=True, version="1")
        library.show_state(_state(titles, []), "demo/t4", "title")
        names = [library.titles.name_at(row) for row in range(library.titles.rowCount())]
        assert names == [t.title for t in sorted(titles, key=lambda t: not t.installed)]
        assert [library.titles.row_of(name) for name in names] == list(range(6))
        statuses = [library.titles.index(row).data(TitleRole.STATUS) for row in range(6)]
        installed_count = sum(t.installed for t in titles)
        assert statuses == ["Ready to play"] * installed_count + ["Not installed"] * (6 - installed_count)
        assert [library.titles.name_at(i.row()) for i in library.list.selectedIndexes()] == ["demo/t4"]
        QApplication.processEvents()
    assert (chosen, jumps) == ([], [])


def test_rows_are_shown_one_refresh_after_the_other(tmp_path: Path, qtmodeltester: ModelTester) -> None:
    """A view that asks for another refresh in the middle of one gets it afterwards."""
    shown = window(tmp_path)
    _watch(qtmodeltester, shown.library.titles)
    for signal in (shown.library.titles.rowsInserted, shown.library.titles.rowsMoved, shown.library.titles.rowsRemoved):
        signal.connect(shown.refresh)
    titles = [title(f"t{number}", f"Title {number}", offered_version="1") for number in range(4)]
    for known in (titles, [*titles[:3], replace(titles[3], installed=True, version="1")], titles[1:]):
        shown.state = _state(known, [])
        shown.refresh()
        names = [shown.library.titles.name_at(row) for row in range(shown.library.titles.rowCount())]
        assert names == [t.title for t in sorted(known, key=lambda t: not t.installed)]


def test_a_row_is_made_anew_only_when_something_changed() -> None:
    titles = [installed(), title("tidebound", "Tidebound", offered_version="1")]
    made: Made = {}
    first = title_rows(_state(titles, []), made)
    again = title_rows(_state([replace(t) for t in titles], []), made)
    assert [a is b for a, b in zip(first, again, strict=True)] == [True, True]
    changed = title_rows(_state([replace(titles[0], playing=True), titles[1]], []), made)
    assert (changed[0].status, changed[1] is first[1]) == ("Playing", True)


def test_a_row_says_what_its_title_does(qtmodeltester: ModelTester) -> None:
    known = State()
    for number, message in enumerate(messages("updating")):
        known = state.apply(known, message, 10.0 + number)
    model = ListModel()
    _watch(qtmodeltester, model)
    model.set_rows(title_rows(known))
    first = model.index(0)
    assert first.data() == "Emberfall"
    assert first.data(TitleRole.STATUS) == "Updating · 36%"
    assert 0.36 < first.data(TitleRole.FRACTION) < 0.37
    assert model.index(2).data(TitleRole.STATUS) == "Not installed"
    assert model.name_at(model.row_of("demo/verdant")) == "demo/verdant"
    assert model.name_at(9) == "" and model.row_of("x") == -1
    assert model.data(model.index(9)) is None


@pytest.mark.parametrize(("scene", "kind"), [("ready", "update"), ("failed", "error"), ("playable", "")])
def test_a_mark_shows_who_wants_something(scene: str, kind: str) -> None:
    known, model = State(), ListModel()
    for message in messages(scene):
        known = state.apply(known, message)
    model.set_rows(title_rows(known))
    assert model.index(0).data(TitleRole.KIND) == kind


def test_an_unchanged_state_changes_no_row() -> None:
    known, model, changes = _state([installed()], []), ListModel(), []
    model.set_rows(title_rows(known))
    model.dataChanged.connect(lambda *rows: changes.append(rows))
    model.set_rows(title_rows(known))
    assert changes == []


def test_a_feed_in_trouble_says_so() -> None:
    known = replace(_state([], [FeedSnapshot("demo", "https://example.org", "ab")]), problems={"demo": NO_SOURCE})
    model = ListModel()
    model.set_rows(feed_rows(known))
    assert model.index(0).data(TitleRole.KIND) == "error"
    assert model.index(0).data(TitleRole.STATUS).startswith("Neither the server")

"""The list models keep Qt's promises, whatever the snapshots do."""

import random
from dataclasses import replace

import pytest
from pytestqt.modeltest import ModelTester

from launcher import state
from launcher.models import ListModel, feed_rows, title_rows
from launcher.roles import TitleRole
from launcher.state import Link, LinkChanged, State
from patcher.protocol.events import FeedSnapshot, TitleSnapshot
from tests.launcher.scenes import NO_SOURCE, installed, messages, snapshot, title


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

"""Slow answers come from other threads, and come once."""

import threading

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from launcher.answers import Answers


class Oracle:
    """Answers when it may, and knows who asked."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.asked: list[tuple[str, int]] = []

    def ask(self, question: str) -> str:
        self.asked.append((question, threading.get_ident()))
        assert self.may_answer.wait(30)
        return question.upper()


def test_an_answer_is_found_on_another_thread_and_nobody_waits(qtbot: QtBot) -> None:
    oracle, parent = Oracle(), QObject()
    answers = Answers(oracle.ask, 8, parent)
    assert [answers.get("a"), answers.get("a")] == [None, None]
    with qtbot.waitSignal(answers.changed, timeout=30_000):
        oracle.may_answer.set()
    assert answers.get("a") == "A"
    assert [question for question, _ in oracle.asked] == ["a"]
    assert oracle.asked[0][1] != threading.get_ident()


def test_only_so_many_answers_are_kept(qtbot: QtBot) -> None:
    oracle, parent = Oracle(), QObject()
    oracle.may_answer.set()
    answers = Answers(oracle.ask, 2, parent)
    for question in "abc":
        with qtbot.waitSignal(answers.changed, timeout=30_000):
            answers.get(question)
    assert [answers.get("b"), answers.get("c")] == ["B", "C"]
    assert answers.get("a") is None
    qtbot.waitUntil(lambda: answers.get("a") == "A", timeout=30_000)


def test_an_old_answer_is_shown_until_there_is_a_new_one(qtbot: QtBot) -> None:
    oracle, parent = Oracle(), QObject()
    oracle.may_answer.set()
    answers = Answers(oracle.ask, 2, parent, fresh_s=0.0)
    qtbot.waitUntil(lambda: answers.get("a") == "A", timeout=30_000)
    before = len(oracle.asked)
    assert answers.get("a") == "A"
    qtbot.waitUntil(lambda: answers.get("a") == "A" and len(oracle.asked) > before, timeout=30_000)


def test_an_answer_that_comes_after_the_window_was_closed_is_dropped(qtbot: QtBot) -> None:
    oracle, parent = Oracle(), QObject()
    answers = Answers(oracle.ask, 2, parent)
    answers.get("a")
    with qtbot.waitSignal(parent.destroyed, timeout=30_000):
        parent.deleteLater()
    oracle.may_answer.set()
    qtbot.waitUntil(lambda: len(oracle.asked) == 1, timeout=30_000)

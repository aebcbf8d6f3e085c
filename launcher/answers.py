"""Answers that take time, found on other threads: the window draws on while a disk sleeps or a picture is read."""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QThreadPool, Signal, Slot


class Answers(QObject):
    """The last ``most`` answers of one slow function, which raises nothing. `changed` says that one is new."""

    changed = Signal()
    _found = Signal(object, object)

    def __init__(self, ask: Callable[..., Any], most: int, parent: QObject, *, fresh_s: float = math.inf) -> None:
        """After ``fresh_s`` an answer is looked for again."""
        super().__init__(parent)
        self._ask, self._most, self._fresh_s = ask, most, fresh_s
        self._known: dict[tuple[object, ...], tuple[Any, float]] = {}
        """Question to the answer and the time when it was found. The one that was used last is at the end."""
        self._asked: set[tuple[object, ...]] = set()
        self._found.connect(self._keep)

    def get(self, *question: object) -> Any:
        """The answer as last known, None at first. Never waits."""
        answer, age_s = None, math.inf
        if question in self._known:
            self._known[question] = answer, found_s = self._known.pop(question)
            age_s = time.monotonic() - found_s
        if age_s >= self._fresh_s and question not in self._asked:
            self._asked.add(question)
            QThreadPool.globalInstance().start(partial(self._find, question))
        return answer

    def _find(self, question: tuple[object, ...]) -> None:
        answer = self._ask(*question)
        with suppress(RuntimeError):  # the window was closed meanwhile
            self._found.emit(question, answer)

    @Slot(object, object)
    def _keep(self, question: tuple[object, ...], answer: object) -> None:
        self._asked.discard(question)
        before, _ = self._known.pop(question, (None, 0.0))
        self._known[question] = (answer, time.monotonic())
        while len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        if answer != before:
            self.changed.emit()

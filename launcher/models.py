"""One list model for the library and the list of feeds. It changes single rows, so that the selection is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from launcher import failures, page, text
from launcher.page import PrimaryAction
from launcher.roles import TitleRole
from launcher.state import State
from patcher.protocol.events import FeedSnapshot, TitleSnapshot

_Index = QModelIndex | QPersistentModelIndex
_KINDS = {PrimaryAction.PLAYING: "playing", PrimaryAction.UPDATE: "update"}


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One row; ``name`` is ``feed/title`` or the name of a feed. `TitleRole` describes the other fields."""

    name: str
    label: str
    status: str
    art: str = ""
    fraction: float | None = None
    kind: str = ""

    def value(self, role: int) -> object:
        """The data for a role, or None."""
        return {
            TitleRole.LABEL.value: self.label,
            TitleRole.STATUS.value: self.status,
            TitleRole.ART.value: self.art,
            TitleRole.FRACTION.value: self.fraction,
            TitleRole.KIND.value: self.kind,
            Qt.ItemDataRole.AccessibleTextRole.value: f"{self.label}, {self.status}",
        }.get(int(role))


Made = dict[str, tuple[object, ModelRow]]
"""By title: what its row was made from, and the row."""


def title_rows(state: State, made: Made | None = None) -> list[ModelRow]:
    """The library: installed titles first, in the order of the feeds.

    ``made`` keeps the rows for the next call, which makes only those anew of which something has changed.
    """
    made = {} if made is None else made
    working = [title.title for title in state.titles if title.job]
    rows = []
    for title in sorted(state.titles, key=lambda title: not title.installed):
        facts = (title, state.activities.get(title.title), state.link, working if title.job else None)
        before = made.get(title.title)
        row = before[1] if before and before[0] == facts else _title_row(state, title)
        made[title.title] = (facts, row)
        rows.append(row)
    return rows


def _title_row(state: State, title: TitleSnapshot) -> ModelRow:
    shown = page.page_of(state, title)
    status = text.status_line(shown, has_update=page.has_update(title), installed=title.installed)
    kind = "error" if shown.failure else _KINDS.get(shown.action, "")
    return ModelRow(title.title, text.label_of(title), status, title.about.art, shown.fraction, kind)


def feed_rows(state: State) -> list[ModelRow]:
    """The feeds that the player added; a failure replaces a feed's address."""
    return [_feed_row(state, feed) for feed in (state.snapshot.feeds if state.snapshot else ())]


def _feed_row(state: State, feed: FeedSnapshot) -> ModelRow:
    failure = state.problems.get(feed.name)
    count = text.Plurals().titles(len(feed.titles))
    status = failures.explain(failure).title if failure else f"{text.plain(feed.url)} · {count}"
    return ModelRow(feed.name, text.plain(feed.name), status, kind="error" if failure or feed.problem else "")


class ListModel(QAbstractListModel):
    """Rows with unique names."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[ModelRow] = []
        self._numbers: dict[str, int] = {}
        """By name."""

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature; an invalid index is never changed
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self._rows):
            return None
        return self._rows[index.row()].value(role)

    def row_of(self, name: str) -> int:
        """The number of the row called ``name``, or -1."""
        return self._numbers.get(name, -1)

    def name_at(self, number: int) -> str:
        """The name of that row; empty if there is no such row."""
        return self._rows[number].name if 0 <= number < len(self._rows) else ""

    def set_rows(self, rows: Sequence[ModelRow]) -> None:
        """Remove, move, insert and change rows until they are ``rows``. The model is never reset.

        A row that moves stays selected. A row that is the same object costs next to nothing.
        """
        names = {row.name for row in rows}
        for number in reversed(range(len(self._rows))):
            if self._rows[number].name not in names:
                self.beginRemoveRows(QModelIndex(), number, number)
                del self._numbers[self._rows.pop(number).name]
                self._count(number)
                self.endRemoveRows()
        for number, row in enumerate(rows):
            self._place(number, row)
            if self._rows[number] is not row and self._rows[number] != row:
                self._rows[number] = row
                self.dataChanged.emit(self.index(number), self.index(number))

    def _place(self, number: int, row: ModelRow) -> None:
        """Bring the row of that name to ``number``; all before it are in place."""
        old = self.row_of(row.name)
        if old < 0:
            self.beginInsertRows(QModelIndex(), number, number)
            self._rows.insert(number, row)
            self._count(number)
            self.endInsertRows()
        elif old != number:
            self.beginMoveRows(QModelIndex(), old, old, QModelIndex(), number)
            self._rows.insert(number, self._rows.pop(old))
            self._count(number)
            self.endMoveRows()

    def _count(self, first: int) -> None:
        """Number the rows from ``first`` on anew."""
        for number in range(first, len(self._rows)):
            self._numbers[self._rows[number].name] = number

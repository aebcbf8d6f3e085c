"""List models over the snapshot: the library and the feeds. They change rows in place, so that a selection stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from launcher import page, text
from launcher.roles import TitleRole
from launcher.state import State
from patcher.protocol.events import FeedSnapshot

_Index = QModelIndex | QPersistentModelIndex
NAME_ROLE = Qt.ItemDataRole.UserRole.value + 40
"""str: ``feed/title``, or a feed's name."""


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    label: str
    status: str
    art: str = ""
    fraction: float | None = None
    kind: str = ""

    def value(self, role: int) -> object:
        """What the model answers for a role."""
        return {
            TitleRole.LABEL.value: self.label,
            TitleRole.STATUS.value: self.status,
            TitleRole.ART.value: self.art,
            TitleRole.FRACTION.value: self.fraction,
            TitleRole.KIND.value: self.kind,
            Qt.ItemDataRole.AccessibleTextRole.value: f"{self.label}, {self.status}",
            NAME_ROLE: self.name,
        }.get(int(role))


class _Lines(QAbstractListModel):
    """Lines by name, in an order."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: list[_Line] = []

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature; an invalid index is never changed
        return 0 if parent.isValid() else len(self._lines)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self._lines):
            return None
        return self._lines[index.row()].value(role)

    def row_of(self, name: str) -> int:
        """Where ``name`` stands, -1 when it does not."""
        return next((row for row, line in enumerate(self._lines) if line.name == name), -1)

    def name_at(self, row: int) -> str:
        """The name in that row, or nothing."""
        return self._lines[row].name if 0 <= row < len(self._lines) else ""

    def _show(self, lines: Sequence[_Line]) -> None:
        """Make the model these lines: rows are removed, inserted and changed, never all at once."""
        wanted = {line.name for line in lines}
        for row in reversed(range(len(self._lines))):
            if self._lines[row].name not in wanted:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._lines[row]
                self.endRemoveRows()
        for row, line in enumerate(lines):
            if row == len(self._lines) or self.row_of(line.name) != row:
                self._place(row, line)
            elif self._lines[row] != line:
                self._lines[row] = line
                here = self.index(row)
                self.dataChanged.emit(here, here)

    def _place(self, row: int, line: _Line) -> None:
        old = self.row_of(line.name)
        if old >= 0:
            self.beginRemoveRows(QModelIndex(), old, old)
            del self._lines[old]
            self.endRemoveRows()
        self.beginInsertRows(QModelIndex(), row, row)
        self._lines.insert(row, line)
        self.endInsertRows()


class Titles(_Lines):
    """The library: what is installed first, in the order of the feeds."""

    def show(self, state: State) -> None:
        """Follow the state."""
        titles = sorted(state.snapshot.titles if state.snapshot else (), key=lambda title: not title.installed)
        lines = []
        for title in titles:
            row = page.row_of(state, title)
            status = text.status(row, has_news=page.has_news(title), installed=title.installed)
            kind = "error" if row.is_failed else "playing" if row.act is page.PrimaryAction.PLAYING else ""
            kind = kind or ("update" if row.act is page.PrimaryAction.UPDATE else "")
            lines.append(_Line(title.title, text.label_of(title), status, title.about.art, row.fraction, kind))
        self._show(lines)


class FeedLines(_Lines):
    """The feeds the player added."""

    def show(self, state: State) -> None:
        """Follow the state."""
        feeds = state.snapshot.feeds if state.snapshot else ()
        self._show(
            [_Line(feed.name, text.plain(feed.name), _about(feed, state), kind=_kind(feed, state)) for feed in feeds]
        )


def _about(feed: FeedSnapshot, state: State) -> str:
    from launcher.failures import told

    if feed.name in state.troubles:
        return told(state.troubles[feed.name]).title
    count = text.Counted().titles(len(feed.titles))
    return f"{text.plain(feed.url)} · {count}"


def _kind(feed: FeedSnapshot, state: State) -> str:
    return "error" if feed.name in state.troubles or feed.problem else ""

"""Building blocks that several pages share: layouts, labels, tables, lists and banners of failures."""

from collections.abc import Container, Sequence

from PySide6.QtCore import QAbstractItemModel, QSize, Qt
from PySide6.QtWidgets import (
    QBoxLayout,
    QGridLayout,
    QHBoxLayout,
    QLayout,
    QListView,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from launcher import failures
from launcher.failures import Remedy
from launcher.views.widgets import Banner, ElidedLabel, Text, TitleDelegate
from patcher.protocol.events import Failure

_Item = QWidget | QLayout | int | tuple[QWidget | QLayout, int]
"""A widget or a layout, perhaps with its stretch factor; a number alone is an empty stretch."""
_Margins = tuple[int, int, int, int]
_NONE: _Margins = (0, 0, 0, 0)


def row(*items: _Item, spacing: int = -1, margins: _Margins = _NONE, parent: QWidget | None = None) -> QHBoxLayout:
    """A horizontal layout. ``margins`` are left, top, right and bottom; -1 is the style's spacing."""
    layout = QHBoxLayout(parent) if parent else QHBoxLayout()
    _fill(layout, items, spacing, margins)
    return layout


def column(*items: _Item, spacing: int = -1, margins: _Margins = _NONE, parent: QWidget | None = None) -> QVBoxLayout:
    """A vertical layout; see `row`."""
    layout = QVBoxLayout(parent) if parent else QVBoxLayout()
    _fill(layout, items, spacing, margins)
    return layout


def _fill(layout: QBoxLayout, items: Sequence[_Item], spacing: int, margins: _Margins) -> None:
    layout.setSpacing(spacing)
    layout.setContentsMargins(*margins)
    for item in items:
        if isinstance(item, int):
            layout.addStretch(item)
            continue
        part, stretch = item if isinstance(item, tuple) else (item, 0)
        if isinstance(part, QWidget):
            layout.addWidget(part, stretch)
        else:
            layout.addLayout(part, stretch)


def paragraph(text: str = "", role: str = "", parent: QWidget | None = None) -> Text:
    """A label that wraps its text; ``role`` is one of the style sheet."""
    return Text(text, role, wrap=True, parent=parent)


def list_view(model: QAbstractItemModel, name: str, label: str, parent: QWidget) -> QListView:
    """A list of titles or feeds. ``name`` is its object name, ``label`` its accessible name."""
    view = QListView(parent)
    view.setObjectName(name)
    view.setAccessibleName(label)
    view.setModel(model)
    view.setItemDelegate(TitleDelegate(view))
    view.setFrameShape(QListView.Shape.NoFrame)
    view.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
    return view


def show_failure(
    banner: Banner,
    failure: Failure | None,
    remedies: Container[Remedy] = (),
    *,
    title: str = "",
    installed: bool = True,
) -> None:
    """Explain a failure in a banner with those of ``remedies`` that apply; without a failure, hide the banner.

    ``title`` replaces the title of the explanation. ``installed`` is that of the title that failed.
    """
    if failure is None:
        banner.hide()
        return
    told = failures.explain(failure, installed=installed)
    offered = [remedy for remedy in (*told.remedies, Remedy.CLOSE) if remedy in remedies]
    actions = {remedy.value: failures.remedy_label(remedy) for remedy in offered}
    banner.set_state("info" if told.is_offline else "warn", title or told.title, told.text, actions)


class FactTable(QWidget):
    """Names and values in two columns."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        self._rows: list[tuple[Text, ElidedLabel]] = []
        self._shown: tuple[tuple[str, str], ...] = ()

    def set_rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """Show names and values. Labels are reused, so that a screen reader keeps its position."""
        if tuple(rows) == self._shown:
            return
        self._shown = tuple(rows)
        while len(self._rows) < len(rows):
            self._add()
        for number, (name, value) in enumerate(self._rows):
            is_used = number < len(rows)
            name.setVisible(is_used)
            value.setVisible(is_used)
            if is_used:
                name.setText(rows[number][0])
                value.setText(rows[number][1])
                value.setAccessibleName(f"{rows[number][0]}: {rows[number][1]}")

    def _add(self) -> None:
        name, value = Text(role="muted", parent=self), ElidedLabel("", self)
        value.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        number = len(self._rows)
        self._grid.addWidget(name, number, 0)
        self._grid.addWidget(value, number, 1)
        self._rows.append((name, value))


class ScrollPage(QScrollArea):
    """A page whose `column` of widgets is at most ``width`` pixels wide and scrolls vertically."""

    def __init__(self, width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        inner.setObjectName("page")
        inner.setMaximumWidth(width)
        self.column = column(spacing=16, margins=(28, 24, 28, 28), parent=inner)
        self.setWidget(inner)
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter)

    def sizeHint(self) -> QSize:
        return QSize(900, 600)

"""Rows, columns and layers of widgets."""

from collections.abc import Sequence

from PySide6.QtWidgets import QBoxLayout, QGridLayout, QLayout, QWidget

_Item = QWidget | QLayout | int | tuple[QWidget | QLayout, int]
"""A widget or a layout, perhaps with its stretch factor; a number alone is an empty stretch."""
_Margins = tuple[int, int, int, int]
_NONE: _Margins = (0, 0, 0, 0)


def row(*items: _Item, spacing: int = -1, margins: _Margins = _NONE, parent: QWidget | None = None) -> QBoxLayout:
    """A horizontal layout, perhaps that of ``parent``.

    ``margins`` are left, top, right and bottom. A spacing of -1 is that of the layout around it, or of the style.
    """
    return _box(QBoxLayout.Direction.LeftToRight, items, spacing, margins, parent)


def column(*items: _Item, spacing: int = -1, margins: _Margins = _NONE, parent: QWidget | None = None) -> QBoxLayout:
    """A vertical layout; see `row`."""
    return _box(QBoxLayout.Direction.TopToBottom, items, spacing, margins, parent)


def layers(*items: QWidget | QLayout, parent: QWidget | None = None) -> QGridLayout:
    """A layout, perhaps that of ``parent``, of items that fill one place, each in front of those before it."""
    layout = QGridLayout(parent)
    layout.setContentsMargins(*_NONE)
    for item in items:
        if isinstance(item, QWidget):
            layout.addWidget(item, 0, 0)
        else:
            layout.addLayout(item, 0, 0)
    return layout


def _box(
    direction: QBoxLayout.Direction, items: Sequence[_Item], spacing: int, margins: _Margins, parent: QWidget | None
) -> QBoxLayout:
    layout = QBoxLayout(direction, parent)
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
    return layout

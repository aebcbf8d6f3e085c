"""A line of the library: art, name, state, a small progress."""

import enum

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem


class TitleRole(enum.IntEnum):
    """What `TitleDelegate` asks a model for."""

    LABEL = Qt.ItemDataRole.DisplayRole.value
    """str."""
    STATUS = Qt.ItemDataRole.UserRole.value + 1
    """str: "Updating · 40 %"."""
    ART = Qt.ItemDataRole.UserRole.value + 2
    """str: a file that may be an image; empty: none."""
    FRACTION = Qt.ItemDataRole.UserRole.value + 3
    """float 0..1 or None."""
    KIND = Qt.ItemDataRole.UserRole.value + 4
    """str: "", "update" (something is offered), "error", "playing": a mark beside the name."""


class TitleDelegate(QStyledItemDelegate):
    """Paints an item of a QListView. The model's AccessibleTextRole should say label and status."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(220, 60)

"""What a list says of its lines beside the text, agreed between models and those who paint them."""

import enum

from PySide6.QtCore import Qt


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
    """str: "", "update" (something is offered), "error", "playing": a mark at the line's end."""

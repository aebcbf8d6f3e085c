"""The item data roles shared by `launcher.models` and the delegate that paints them."""

import enum

from PySide6.QtCore import Qt


class TitleRole(enum.IntEnum):
    """The data that `TitleDelegate` reads from a model."""

    LABEL = Qt.ItemDataRole.DisplayRole.value
    """str."""
    STATUS = Qt.ItemDataRole.UserRole.value + 1
    """str: "Updating · 40 %"."""
    ART = Qt.ItemDataRole.UserRole.value + 2
    """str: the path of a file that may be an image, or empty."""
    FRACTION = Qt.ItemDataRole.UserRole.value + 3
    """float 0..1 or None."""
    KIND = Qt.ItemDataRole.UserRole.value + 4
    """str: "update" (one is available), "error" or "playing" shows a mark at the end of the row; empty shows none."""

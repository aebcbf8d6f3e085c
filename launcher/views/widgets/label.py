"""Labels that hold against any text."""

from typing import Literal

from PySide6.QtWidgets import QLabel, QWidget

BadgeKind = Literal["info", "ok", "warn", "error", "plain"]


class ElidedLabel(QLabel):
    """One line of plain text that gives way with an ellipsis; the whole text is its tooltip then."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)


class Badge(QLabel):
    """A word in a pill: "Update", "Offline", "Verified"."""

    def __init__(self, text: str = "", kind: BadgeKind = "plain", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)

    def set_state(self, text: str, kind: BadgeKind) -> None:
        """Another word."""
        self.setText(text)

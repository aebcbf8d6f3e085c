"""The one big button that is the state machine: a word, what it is about, and how far it is."""

from typing import Literal

from PySide6.QtCore import QSize
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QWidget

from launcher.views.widgets.paint import stub

ActionKind = Literal["accent", "go", "calm", "warn"]
"""What it stands for: install or update · play · waiting or playing · needs the player."""


class ActionButton(QAbstractButton):
    """Shows ``text`` large, ``detail`` below it and, where ``fraction`` is not None, a fill."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._detail = ""

    def set_state(
        self,
        text: str,
        detail: str = "",
        fraction: float | None = None,
        *,
        kind: ActionKind = "accent",
        enabled: bool = True,
    ) -> None:
        """All of it at once. ``fraction`` is 0..1; a fill glides there."""
        self.setText(text)
        self._detail = detail
        self.setEnabled(enabled)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(248, 58)

    def paintEvent(self, event: QPaintEvent) -> None:
        stub(self, f"{self.text()} {self._detail}")

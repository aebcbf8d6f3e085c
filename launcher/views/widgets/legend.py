"""What the colours of graph and piece map stand for."""

from collections.abc import Mapping

from PySide6.QtCore import QSize
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

from launcher.views.widgets.paint import stub


class Legend(QLabel):
    """Coloured squares with texts; wraps."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""

    def set_entries(self, entries: Mapping[str, str]) -> None:
        """Token name (``players``, ``server``, ``lan``, ``upload``, ``here``, ``track``) → text, in the order shown."""
        self._text = " · ".join(entries.values())
        self.setAccessibleName(self._text)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(400, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        stub(self, self._text)

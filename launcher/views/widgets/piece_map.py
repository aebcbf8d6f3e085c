"""Which pieces are here and where they came from."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

from launcher.views.widgets.paint import stub


class PieceMap(QLabel):
    """A grid of the letters of `patcher.events.Progress.pieces` (``.hlpoa``); unknown letters count as missing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)

    def set_pieces(self, pieces: str) -> None:
        """At most 256 letters are shown; empty: an empty grid."""

    def sizeHint(self) -> QSize:
        return QSize(486, 100)

    def paintEvent(self, event: QPaintEvent) -> None:
        stub(self, "pieces")

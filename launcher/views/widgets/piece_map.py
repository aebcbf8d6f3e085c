"""Which pieces are here and where they came from."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from launcher import theme
from launcher.views.widgets import paint
from launcher.views.widgets.painted import Picture

MOST = 256
_GAP = 2
_LARGEST = 16
_EMPTY = "." * MOST


class PieceMap(Picture):
    """A grid of the letters of `Progress.pieces` (``.hlpoa``); unknown letters count as missing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(QSize(486, 100), parent)
        self._pieces = _EMPTY

    def set_pieces(self, pieces: str) -> None:
        """At most 256 letters are shown; empty: an empty grid."""
        pieces = pieces[:MOST] or _EMPTY
        if pieces != self._pieces:
            self._pieces = pieces
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.tokens()
        colours = {"h": now.here, "l": now.lan, "p": now.players, "o": now.server}
        pitch, columns = self._grid()
        with paint.begin(self) as painter:
            painter.setPen(Qt.PenStyle.NoPen)
            for number, letter in enumerate(self._pieces):
                row, column = divmod(number, columns)
                left = round(column * (self.width() - pitch + _GAP) / max(1, columns - 1))  # flush at both sides
                cell = QRectF(left, row * pitch, pitch - _GAP, pitch - _GAP)
                self._paint_cell(painter, paint.mirror(self, cell), letter, colours.get(letter, now.track))

    def _paint_cell(self, painter: QPainter, cell: QRectF, letter: str, colour: str) -> None:
        if letter == "a":  # on its way: a frame, so that it is told from what is here without colours
            paint.outline(painter, cell, 2, theme.tokens().arriving, 2)
            painter.setPen(Qt.PenStyle.NoPen)
            return
        painter.setBrush(QColor(colour))
        painter.drawRoundedRect(cell, 2, 2)

    def _grid(self) -> tuple[int, int]:
        """The largest whole-pixel pitch at which all cells fit, and how many stand in a row."""
        count = len(self._pieces)
        for pitch in range(_LARGEST + _GAP, 3, -1):
            columns = max(1, (self.width() + _GAP) // pitch)
            rows = -(-count // columns)
            if rows * pitch - _GAP <= self.height():
                return pitch, columns
        return 4, max(1, (self.width() + _GAP) // 4)

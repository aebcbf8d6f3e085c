"""A map of the pieces: which are here, and which source each came from."""

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent

from launcher import theme
from launcher.views.widgets import paint
from launcher.views.widgets.painted import Graphic

MAX_PIECES = 256
_GAP = 2
_LARGEST = 16
_EMPTY = "." * MAX_PIECES


class PieceMap(Graphic):
    """A grid of `Progress.pieces` (letters ``.hlpoa``); an unknown letter is drawn as missing."""

    def __init__(self) -> None:
        super().__init__(QSize(486, 100))
        self._pieces = _EMPTY

    def set_pieces(self, pieces: str) -> None:
        """Show at most 256 letters; an empty text shows an empty grid."""
        pieces = pieces[:MAX_PIECES] or _EMPTY
        if pieces != self._pieces:
            self._pieces = pieces
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        colours = {"h": tokens.here, "l": tokens.lan, "p": tokens.players, "o": tokens.server}
        pitch, columns = self._grid()
        with paint.begin(self) as painter:
            for number, letter in enumerate(self._pieces):
                row, column = divmod(number, columns)
                left = round(column * (self.width() - pitch + _GAP) / max(1, columns - 1))  # justified
                cell = QRectF(left, row * pitch, pitch - _GAP, pitch - _GAP)
                self._paint_cell(painter, paint.mirror(self, cell), letter, colours.get(letter, tokens.track))

    def _paint_cell(self, painter: QPainter, cell: QRectF, letter: str, colour: str) -> None:
        if letter == "a":  # on its way: a frame, which can be told from a filled cell without colours
            paint.outline(painter, cell, 2, theme.tokens().arriving, 2)
        else:
            paint.fill(painter, cell, 2, colour)

    def _grid(self) -> tuple[int, int]:
        """The largest whole-pixel pitch at which all cells fit, and the number of columns."""
        count = len(self._pieces)
        for pitch in range(_LARGEST + _GAP, 3, -1):
            columns = max(1, (self.width() + _GAP) // pitch)
            rows = -(-count // columns)
            if rows * pitch - _GAP <= self.height():
                return pitch, columns
        return 4, max(1, (self.width() + _GAP) // 4)

"""The legend of the transfer graph and the piece map."""

from collections.abc import Iterator, Mapping

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy

from launcher import theme
from launcher.views.widgets import paint
from launcher.views.widgets.painted import Graphic

_LINE = 20
_SQUARE = 10
_GAP = 16


class Legend(Graphic):
    """Coloured squares with texts, on as many lines as needed."""

    def __init__(self) -> None:
        super().__init__(QSize(400, _LINE))
        self._entries: dict[str, str] = {}
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_entries(self, entries: Mapping[str, str]) -> None:
        """Map tokens (``players``, ``server``, ``lan``, ``upload``) to texts, in order."""
        if dict(entries) == self._entries:
            return
        self._entries = dict(entries)
        self.setAccessibleName(", ".join(entries.values()))
        self._fit()
        self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        rows = [spot.y() for _, _, spot in self._positions(width)]
        return round(rows[-1]) + _LINE if rows else _LINE

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.setFixedHeight(self.heightForWidth(self.width()))

    def _positions(self, width: int) -> Iterator[tuple[str, str, QRectF]]:
        x, y = 0.0, 0.0
        for colour, text in self._entries.items():
            needs = _SQUARE + 6 + paint.text_width(text, self.font())
            if x and x + needs > width:
                x, y = 0.0, y + _LINE
            yield colour, text, QRectF(x, y, min(needs, width), _LINE)
            x += needs + _GAP

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        with paint.begin(self) as painter:
            for colour, text, spot in self._positions(self.width()):
                square = QRectF(spot.x(), spot.y() + (_LINE - _SQUARE) / 2, _SQUARE, _SQUARE)
                paint.fill(painter, paint.mirror(self, square), 3, getattr(tokens, colour))
                words = QRectF(square.right() + 6, spot.y(), spot.right() - square.right() - 4, _LINE)
                paint.draw_text(painter, paint.mirror(self, words), text, self.font(), tokens.text, paint.leading(self))

"""What the colours of graph and piece map stand for."""

from collections.abc import Iterator, Mapping

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from launcher import theme
from launcher.views.widgets import paint
from launcher.views.widgets.painted import Picture

_LINE = 20
_SQUARE = 10
_GAP = 16


class Legend(Picture):
    """Coloured squares with texts; wraps."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(QSize(400, _LINE), parent)
        self._entries: dict[str, str] = {}
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_entries(self, entries: Mapping[str, str]) -> None:
        """Token (``players``, ``server``, ``lan``, ``upload``, ``here``, ``arriving``, ``track``) → text, in order."""
        if dict(entries) == self._entries:
            return
        self._entries = dict(entries)
        self.setAccessibleName(", ".join(entries.values()))
        self._fit()
        self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        rows = [spot.y() for _, _, spot in self._spots(width)]
        return round(rows[-1]) + _LINE if rows else _LINE

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.setFixedHeight(self.heightForWidth(self.width()))

    def _spots(self, width: int) -> Iterator[tuple[str, str, QRectF]]:
        x, y = 0.0, 0.0
        for colour, text in self._entries.items():
            needs = _SQUARE + 6 + paint.text_width(text, self.font())
            if x and x + needs > width:
                x, y = 0.0, y + _LINE
            yield colour, text, QRectF(x, y, min(needs, width), _LINE)
            x += needs + _GAP

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.tokens()
        with paint.begin(self) as painter:
            for colour, text, spot in self._spots(self.width()):
                square = QRectF(spot.x(), spot.y() + (_LINE - _SQUARE) / 2, _SQUARE, _SQUARE)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(getattr(now, colour)))
                painter.drawRoundedRect(paint.mirror(self, square), 3, 3)
                words = QRectF(square.right() + 6, spot.y(), spot.right() - square.right() - 4, _LINE)
                paint.line(painter, paint.mirror(self, words), text, self.font(), now.text, paint.start(self))

"""Labels that show any text safely."""

import re

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

from launcher.views.widgets import paint

_LEAST = 60
_LONG_WORD = re.compile(r"\S{20}(?=\S{5})")


class Text(QLabel):
    """Plain text, never taken for markup. It is aligned with the layout, whatever the language of the text.

    ``role`` is one of the style sheet: page, heading, strong, muted, code; empty for ordinary text.
    """

    def __init__(self, text: str = "", role: str = "", *, wrap: bool = True) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setWordWrap(wrap)
        self.setText(text)
        self._align()

    def setText(self, text: str) -> None:
        """Show a text. A word too long for a line may be broken, and never makes the page wider."""
        super().setText(_LONG_WORD.sub("\\g<0>\u200b", text) if self.wordWrap() else text)

    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        return QSize(min(hint.width(), _LEAST), hint.height()) if self.wordWrap() else hint

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LayoutDirectionChange:
            self._align()

    def _align(self) -> None:
        up = Qt.AlignmentFlag.AlignTop if self.wordWrap() else Qt.AlignmentFlag.AlignVCenter
        self.setAlignment(paint.leading(self) | up)


class ElidedLabel(QLabel):
    """One line of plain text, elided if there is too little room; the whole text is then its tooltip."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        return QSize(min(hint.width(), 4000), self.fontMetrics().height() + 4)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        paint.show_whole_in_tooltip(self, self.text(), self.font(), self.width() - 1)
        with paint.begin(self) as painter:
            ink = self.palette().color(self.foregroundRole())
            paint.draw_text(painter, QRectF(self.rect()), self.text(), self.font(), ink, paint.leading(self))

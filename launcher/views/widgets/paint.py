"""Strokes that several widgets share."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QWidget

from launcher import theme


def stub(widget: QWidget, text: str) -> None:
    """A rectangle with a text in it."""
    painter = QPainter(widget)
    painter.fillRect(widget.rect(), QColor(theme.tokens().track))
    painter.setPen(QColor(theme.tokens().text))
    painter.drawText(widget.rect(), Qt.AlignmentFlag.AlignCenter, text)

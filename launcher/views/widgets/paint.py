"""Strokes that several widgets share."""

import html

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QWidget

from launcher import theme

RING = 2.0
"""Width of the focus ring."""


def begin(widget: QWidget) -> QPainter:
    """A painter on ``widget`` that smooths edges and pictures. Use it in a ``with``."""
    painter = QPainter(widget)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    return painter


def ratio(painter: QPainter) -> float:
    """Device pixels a pixel, of what is painted on: a screen's or a picture's."""
    return painter.device().devicePixelRatio()


def rounded(rect: QRectF, radius: float) -> QPainterPath:
    """A rectangle with round corners."""
    path = QPainterPath()
    path.addRoundedRect(rect, radius, radius)
    return path


def outline(painter: QPainter, rect: QRectF, radius: float, colour: str | QColor, width: float = 1.0) -> None:
    """A line of ``width`` just inside ``rect``."""
    painter.setPen(QPen(QColor(colour), width))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    half = width / 2
    painter.drawRoundedRect(rect.adjusted(half, half, -half, -half), radius - half, radius - half)


def focus_ring(painter: QPainter, rect: QRectF, radius: float) -> None:
    """The ring of what the keyboard is on, just inside ``rect``."""
    outline(painter, rect, radius, theme.tokens().accent_text, RING)


def faded(colour: str, alpha: float) -> QColor:
    """``colour`` with ``alpha`` 0..1."""
    made = QColor(colour)
    made.setAlphaF(alpha)
    return made


def mirror(widget: QWidget, rect: QRectF) -> QRectF:
    """``rect`` as thought for left to right, where the widget's direction puts it."""
    if widget.layoutDirection() == Qt.LayoutDirection.RightToLeft:
        return QRectF(widget.width() - rect.right(), rect.y(), rect.width(), rect.height())
    return rect


def start(widget: QWidget) -> Qt.AlignmentFlag:
    """Where a line begins: left, or right when mirrored. Whatever language the text itself is in."""
    mirrored = widget.layoutDirection() == Qt.LayoutDirection.RightToLeft
    return (Qt.AlignmentFlag.AlignRight if mirrored else Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignAbsolute


def line(
    painter: QPainter, rect: QRectF, text: str, font: QFont, colour: str | QColor, align: Qt.AlignmentFlag
) -> None:
    """One line of plain text within ``rect``, elided where it is too long, centred in height."""
    painter.setFont(font)
    painter.setLayoutDirection(Qt.LayoutDirection.LayoutDirectionAuto)  # a text runs as its own language does
    painter.setPen(QColor(colour))
    flags = align | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
    painter.drawText(rect, int(flags), elided(text, font, rect.width()))


def elided(text: str, font: QFont, width: float) -> str:
    """``text`` on one line no wider than ``width``."""
    one_line = " ".join(text[:400].split())
    return QFontMetrics(font).elidedText(one_line, Qt.TextElideMode.ElideRight, int(width) + 1)


def text_width(text: str, font: QFont) -> int:
    """Pixels that ``text`` takes on one line."""
    return QFontMetrics(font).horizontalAdvance(text)


def bounds(widget: QWidget) -> QRectF:
    """The widget's own rectangle."""
    return QRectF(QRect(0, 0, widget.width(), widget.height()))


def tip(text: str) -> str:
    """``text`` for a tooltip, which would take some of it for markup."""
    return f"<qt>{html.escape(text)}</qt>" if "<" in text else text

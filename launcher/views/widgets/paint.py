"""Drawing functions that several widgets share."""

import html

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QStyle, QWidget

from launcher import theme

RING = 2.0
"""Width of the focus ring in pixels."""


def begin(widget: QWidget) -> QPainter:
    """An antialiasing painter on ``widget``, to be used in a ``with`` statement."""
    painter = QPainter(widget)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    return painter


def rounded(rect: QRectF, radius: float) -> QPainterPath:
    """A rectangle with rounded corners, as a path."""
    path = QPainterPath()
    path.addRoundedRect(rect, radius, radius)
    return path


def fill(painter: QPainter, rect: QRectF, radius: float, colour: str | QColor) -> None:
    """A filled rectangle with rounded corners."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(rect, radius, radius)


def outline(painter: QPainter, rect: QRectF, radius: float, colour: str | QColor, width: float = 1.0) -> None:
    """A line of ``width`` just inside ``rect``."""
    painter.setPen(QPen(QColor(colour), width))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    half = width / 2
    painter.drawRoundedRect(rect.adjusted(half, half, -half, -half), radius - half, radius - half)


def focus_ring(painter: QPainter, rect: QRectF, radius: float) -> None:
    """The keyboard focus ring, just inside ``rect``."""
    outline(painter, rect, radius, theme.tokens().accent_text, RING)


def with_alpha(colour: str, alpha: float) -> QColor:
    """``colour`` with an opacity of ``alpha``, from 0 to 1."""
    made = QColor(colour)
    made.setAlphaF(alpha)
    return made


def mirror(widget: QWidget, rect: QRectF) -> QRectF:
    """``rect``, given for left to right, mirrored if the widget's layout runs from right to left."""
    if widget.isRightToLeft():
        return QRectF(widget.width() - rect.right(), rect.y(), rect.width(), rect.height())
    return rect


def leading(widget: QWidget) -> Qt.AlignmentFlag:
    """The alignment to the leading side of the layout (right if mirrored), whatever the language of the text."""
    return QStyle.visualAlignment(widget.layoutDirection(), Qt.AlignmentFlag.AlignLeft)


def draw_text(
    painter: QPainter, rect: QRectF, text: str, font: QFont, colour: str | QColor, align: Qt.AlignmentFlag
) -> None:
    """One line of plain text, vertically centred in ``rect`` and elided if it is too long."""
    painter.setFont(font)
    painter.setLayoutDirection(Qt.LayoutDirection.LayoutDirectionAuto)  # the direction of the text's own language
    painter.setPen(QColor(colour))
    flags = align | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
    painter.drawText(rect, int(flags), elided(text, font, rect.width()))


def elided(text: str, font: QFont, width: float) -> str:
    """``text`` on one line, elided to ``width`` pixels."""
    one_line = " ".join(text[:400].split())
    return QFontMetrics(font).elidedText(one_line, Qt.TextElideMode.ElideRight, int(width) + 1)


def text_width(text: str, font: QFont) -> int:
    """The width of ``text`` on one line, in pixels."""
    return QFontMetrics(font).horizontalAdvance(text)


def show_whole_in_tooltip(widget: QWidget, text: str, font: QFont, width: float) -> None:
    """Give ``widget`` a tooltip with ``text`` if that is elided to ``width`` pixels; else remove the tooltip."""
    whole = " ".join(text[:400].split())
    is_elided = elided(text, font, width) != whole
    if is_elided != bool(widget.toolTip()):
        escaped = f"<qt>{html.escape(whole)}</qt>" if "<" in whole else whole  # Qt could take it for markup
        widget.setToolTip(escaped if is_elided else "")

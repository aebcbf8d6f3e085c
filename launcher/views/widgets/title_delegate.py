"""A line of the library: art, name, state, a small progress."""

from pathlib import Path

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from launcher import theme
from launcher.roles import TitleRole
from launcher.views.widgets import art, icons, paint

_THUMB = 40
_MARKS = {
    "update": ("circle-arrow-up", "accent_text"),
    "error": ("triangle-alert", "error"),
    "playing": ("play", "ok"),
}
Index = QModelIndex | QPersistentModelIndex


class TitleDelegate(QStyledItemDelegate):
    """Paints an item of a QListView. The model's AccessibleTextRole should say label and status."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, 60)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        now = theme.tokens()
        line = _Line(option)
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        line.paint_ground(painter)
        label, file = _text(index, TitleRole.LABEL), _text(index, TitleRole.ART)
        picture = art.thumbnail((file, _changed_ns(file)), label, _THUMB, paint.ratio(painter))
        painter.drawImage(line.place(12, 10, _THUMB, _THUMB).topLeft(), picture)
        width = line.width - 64 - 12
        mark = _MARKS.get(_text(index, TitleRole.KIND))
        if mark:
            icons.draw(painter, line.place(line.width - 28, 11, 16, 16), mark[0], getattr(now, mark[1]))
        bold = theme.font(now.font_px, QFont.Weight.DemiBold)
        small = theme.font(now.small_px)
        paint.line(painter, line.place(64, 9, width - 20 * bool(mark), 19), label, bold, now.text, line.align)
        status = _text(index, TitleRole.STATUS)
        paint.line(painter, line.place(64, 28, width, 16), status, small, now.muted, line.align)
        fraction = index.data(TitleRole.FRACTION)
        if isinstance(fraction, float | int):
            line.paint_progress(painter, width, float(fraction))
        painter.restore()


class _Line:
    """Where things stand in one item."""

    def __init__(self, option: QStyleOptionViewItem) -> None:
        self._rect = QRectF(option.rect)
        self._state = option.state
        self._mirrored = option.direction == Qt.LayoutDirection.RightToLeft
        side = Qt.AlignmentFlag.AlignRight if self._mirrored else Qt.AlignmentFlag.AlignLeft
        self.align = side | Qt.AlignmentFlag.AlignAbsolute
        self.width = self._rect.width()

    def place(self, x: float, y: float, width: float, height: float) -> QRectF:
        """A rectangle thought for left to right."""
        left = self._rect.right() - x - width if self._mirrored else self._rect.x() + x
        return QRectF(left, self._rect.y() + y, width, height)

    def paint_ground(self, painter: QPainter) -> None:
        """Chosen, hovered, focused."""
        now = theme.tokens()
        box = self._rect.adjusted(0, 1, 0, -1)
        painter.setPen(Qt.PenStyle.NoPen)
        if self._state & QStyle.StateFlag.State_Selected:
            painter.setBrush(QColor(now.raised))
            painter.drawRoundedRect(box, now.radius_small, now.radius_small)
            painter.setBrush(QColor(now.accent_text))
            painter.drawRoundedRect(self.place(0, 16, 3, 28), 1.5, 1.5)
        elif self._state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(paint.faded(now.raised, 0.6))
            painter.drawRoundedRect(box, now.radius_small, now.radius_small)
        keyboard = QStyle.StateFlag.State_HasFocus | QStyle.StateFlag.State_KeyboardFocusChange
        if self._state & keyboard == keyboard:
            paint.focus_ring(painter, box, now.radius_small)

    def paint_progress(self, painter: QPainter, width: float, fraction: float) -> None:
        """A thin bar below the texts."""
        now = theme.tokens()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(now.track if self._state & QStyle.StateFlag.State_Selected else now.border))
        painter.drawRoundedRect(self.place(64, 49, width, 4), 2, 2)
        painter.setBrush(QColor(now.accent_text))
        painter.drawRoundedRect(self.place(64, 49, max(4.0, width * min(max(fraction, 0), 1)), 4), 2, 2)


def _text(index: Index, role: TitleRole) -> str:
    value = index.data(role)
    return value if isinstance(value, str) else ""


def _changed_ns(file: str) -> int:
    try:
        return Path(file).stat().st_mtime_ns if file else 0
    except (OSError, ValueError):
        return 0

"""A row of the library: art, label, status and a thin progress bar."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from launcher import theme
from launcher.answers import Answers
from launcher.roles import TitleRole
from launcher.views.widgets import art, icons, paint

_THUMB = 40
_MAX_THUMBS = 256
_MARKS = {
    "update": ("circle-arrow-up", "accent_text"),
    "error": ("triangle-alert", "error"),
    "playing": ("play", "ok"),
}
Index = QModelIndex | QPersistentModelIndex


class TitleDelegate(QStyledItemDelegate):
    """Paints an item of a QListView whose model has the roles of `TitleRole`. Art is shown as soon as it is read."""

    def __init__(self, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._art = Answers(art.thumbnail, _MAX_THUMBS, self)
        self._art.changed.connect(view.viewport().update)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, 60)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tokens = theme.tokens()
        row = _RowGeometry(option)
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        row.paint_ground(painter)
        label, file = _text(index, TitleRole.LABEL), _text(index, TitleRole.ART)
        scale = painter.device().devicePixelRatio()
        picture = self._art.get(file, label, _THUMB, scale) if file else None
        if picture is None:
            picture = art.thumbnail("", label, _THUMB, scale)
        painter.drawImage(row.place(12, 10, _THUMB, _THUMB).topLeft(), picture)
        width = row.width - 64 - 12
        mark = _MARKS.get(_text(index, TitleRole.KIND))
        if mark:
            icons.draw(painter, row.place(row.width - 28, 11, 16, 16), mark[0], getattr(tokens, mark[1]))
        bold = theme.font(tokens.font_px, QFont.Weight.DemiBold)
        small = theme.font(tokens.small_px)
        paint.draw_text(painter, row.place(64, 9, width - 20 * bool(mark), 19), label, bold, tokens.text, row.align)
        status = _text(index, TitleRole.STATUS)
        paint.draw_text(painter, row.place(64, 28, width, 16), status, small, tokens.muted, row.align)
        fraction = index.data(TitleRole.FRACTION)
        if isinstance(fraction, float | int):
            row.paint_progress(painter, width, float(fraction))
        painter.restore()


class _RowGeometry:
    """The positions in one item, and its ground."""

    def __init__(self, option: QStyleOptionViewItem) -> None:
        self._rect = QRectF(option.rect)
        self._state = option.state
        self._mirrored = option.direction == Qt.LayoutDirection.RightToLeft
        self.align = QStyle.visualAlignment(option.direction, Qt.AlignmentFlag.AlignLeft)
        self.width = self._rect.width()

    def place(self, x: float, y: float, width: float, height: float) -> QRectF:
        """A rectangle relative to the leading upper corner of the item."""
        left = self._rect.right() - x - width if self._mirrored else self._rect.x() + x
        return QRectF(left, self._rect.y() + y, width, height)

    def paint_ground(self, painter: QPainter) -> None:
        """Paint the ground of a selected, hovered or focused item."""
        tokens = theme.tokens()
        box = self._rect.adjusted(0, 1, 0, -1)
        if self._state & QStyle.StateFlag.State_Selected:
            paint.fill(painter, box, tokens.radius_small, tokens.raised)
            paint.fill(painter, self.place(0, 16, 3, 28), 1.5, tokens.accent_text)
        elif self._state & QStyle.StateFlag.State_MouseOver:
            paint.fill(painter, box, tokens.radius_small, paint.with_alpha(tokens.raised, 0.6))
        keyboard = QStyle.StateFlag.State_HasFocus | QStyle.StateFlag.State_KeyboardFocusChange
        if self._state & keyboard == keyboard:
            paint.focus_ring(painter, box, tokens.radius_small)

    def paint_progress(self, painter: QPainter, width: float, fraction: float) -> None:
        """Paint the bar below the texts."""
        tokens = theme.tokens()
        track = tokens.track if self._state & QStyle.StateFlag.State_Selected else tokens.border
        paint.fill(painter, self.place(64, 49, width, 4), 2, track)
        paint.fill(painter, self.place(64, 49, max(4.0, width * min(max(fraction, 0), 1)), 4), 2, tokens.accent_text)


def _text(index: Index, role: TitleRole) -> str:
    value = index.data(role)
    return value if isinstance(value, str) else ""

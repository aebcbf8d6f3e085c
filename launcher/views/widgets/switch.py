"""On or off, with its label."""

from PySide6.QtCore import QEasingCurve, QRectF, QSize, Qt, QVariantAnimation, Slot
from PySide6.QtGui import QColor, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from launcher import theme
from launcher.views.widgets import paint
from launcher.views.widgets.painted import PaintedButton

_TRACK = QSize(38, 22)
_PAD = 4
_GAP = 10
_SLIDE_MS = 120


class Switch(PaintedButton):
    """A check box that looks like a switch; its text is the label. ``toggled(bool)``, ``setChecked``, ``isChecked``."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._where = 0.0
        self._slide = QVariantAnimation(self)
        self._slide.setDuration(_SLIDE_MS)
        self._slide.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._slide.valueChanged.connect(self._slid)
        self.setCheckable(True)
        self.setText(text)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.toggled.connect(self._move)

    @Slot(bool)
    def _move(self, on: bool) -> None:
        self._slide.stop()
        if theme.calm() or not self.isVisible():
            self._slid(float(on))
            return
        self._slide.setStartValue(self._where)
        self._slide.setEndValue(float(on))
        self._slide.start()

    @Slot(object)
    def _slid(self, value: float) -> None:
        self._where = value
        self.update()

    def sizeHint(self) -> QSize:
        label = _GAP + paint.text_width(self.text(), self.font()) + 4 if self.text() else 0
        return QSize(_TRACK.width() + 2 * _PAD + label, _TRACK.height() + 2 * _PAD)

    def minimumSizeHint(self) -> QSize:
        return QSize(_TRACK.width() + 2 * _PAD, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.tokens()
        box = paint.bounds(self)
        track = QRectF(_PAD, (box.height() - _TRACK.height()) / 2, _TRACK.width(), _TRACK.height())
        with paint.begin(self) as painter:
            placed = paint.mirror(self, track)
            on, off = self._shades()
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_between(off, on, self._where))
            painter.drawRoundedRect(placed, 11, 11)
            if self._where < 1:
                paint.outline(painter, placed, 11, now.field_border if self.isEnabled() else now.border)
            size = 16.0
            knob = QRectF(track.x() + 3 + self._where * (track.width() - 6 - size), track.y() + 3, size, size)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_between(now.muted if self.isEnabled() else now.faint, "#ffffff", self._where))
            painter.drawEllipse(paint.mirror(self, knob))
            left = track.right() + _GAP
            label = paint.mirror(self, QRectF(left, 0, box.width() - left, box.height()))
            ink = now.text if self.isEnabled() else now.faint
            paint.line(painter, label, self.text(), self.font(), ink, paint.start(self))
            if self.ringed:
                paint.focus_ring(painter, box, now.radius_small)

    def _shades(self) -> tuple[str, str]:
        now = theme.tokens()
        if not self.isEnabled():
            return now.here, now.track
        return now.switch, now.raised if self.underMouse() else now.track


def _between(low: str, high: str, where: float) -> QColor:
    a, b = QColor(low), QColor(high)
    parts = ((a.red(), b.red()), (a.green(), b.green()), (a.blue(), b.blue()))
    return QColor(*(round(x + (y - x) * where) for x, y in parts))

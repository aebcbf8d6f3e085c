"""A switch with its label."""

from collections.abc import Callable

from PySide6.QtCore import QEasingCurve, QRectF, QSize, Slot
from PySide6.QtGui import QColor, QPaintEvent
from PySide6.QtWidgets import QSizePolicy

from launcher import theme
from launcher.views.widgets import paint
from launcher.views.widgets.painted import PaintedButton

_TRACK = QSize(38, 22)
_PAD = 4
_GAP = 10


class Switch(PaintedButton):
    """A check box that looks like a switch. Its text is the label."""

    def __init__(self, text: str = "", *, name: str = "", clicked: Callable[[bool], object] | None = None) -> None:
        super().__init__(120, QEasingCurve.Type.InOutCubic)
        self.setObjectName(name)
        if clicked:
            self.clicked.connect(clicked)
        self.setCheckable(True)
        self.setText(text)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.toggled.connect(self._slide)

    @Slot(bool)
    def _slide(self, on: bool) -> None:
        self._show(float(on))

    def sizeHint(self) -> QSize:
        label = _GAP + paint.text_width(self.text(), self.font()) + 4 if self.text() else 0
        return QSize(_TRACK.width() + 2 * _PAD + label, _TRACK.height() + 2 * _PAD)

    def minimumSizeHint(self) -> QSize:
        return QSize(_TRACK.width() + 2 * _PAD, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        box = QRectF(self.rect())
        track = QRectF(_PAD, (box.height() - _TRACK.height()) / 2, _TRACK.width(), _TRACK.height())
        size = 16.0
        knob = QRectF(track.x() + 3 + self.shown * (track.width() - 6 - size), track.y() + 3, size, size)
        label = QRectF(track.right() + _GAP, 0, box.width() - track.right() - _GAP, box.height())
        on, off = self._shades()
        border, dot, ink = (
            (tokens.field_border, tokens.muted, tokens.text)
            if self.isEnabled()
            else (tokens.border, tokens.faint, tokens.faint)
        )
        with paint.begin(self) as painter:
            paint.fill(painter, paint.mirror(self, track), 11, _between(off, on, self.shown))
            if self.shown < 1:
                paint.outline(painter, paint.mirror(self, track), 11, border)
            paint.fill(painter, paint.mirror(self, knob), size / 2, _between(dot, "#ffffff", self.shown))
            paint.draw_text(painter, paint.mirror(self, label), self.text(), self.font(), ink, paint.leading(self))
            if self.shows_focus_ring:
                paint.focus_ring(painter, box, tokens.radius_small)

    def _shades(self) -> tuple[str, str]:
        tokens = theme.tokens()
        if not self.isEnabled():
            return tokens.here, tokens.track
        return tokens.switch, tokens.raised if self.underMouse() else tokens.track


def _between(low: str, high: str, fraction: float) -> QColor:
    """The colour at ``fraction`` of the way from ``low`` to ``high``."""
    a, b = QColor(low), QColor(high)
    parts = ((a.red(), b.red()), (a.green(), b.green()), (a.blue(), b.blue()))
    return QColor(*(round(x + (y - x) * fraction) for x, y in parts))

"""The one big button that is the state machine: a word, what it is about, and how far it is."""

from typing import Literal

from PySide6.QtCore import QEasingCurve, QRectF, QSize, Qt, QVariantAnimation, Slot
from PySide6.QtGui import QColor, QFont, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from launcher import theme
from launcher.views.widgets import icons, paint
from launcher.views.widgets.painted import PaintedButton

ActionKind = Literal["accent", "go", "calm", "warn"]
"""What it stands for: install or update · play · waiting or playing · needs the player."""

_GLIDE_MS = 300
_ICON = 20


class ActionButton(PaintedButton):
    """Shows ``text`` large, ``detail`` below it and, where ``fraction`` is not None, a fill."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._detail = ""
        self._icon = ""
        self._kind: ActionKind = "accent"
        self._fraction: float | None = None
        self._shown = 0.0
        self._glide = QVariantAnimation(self)
        self._glide.setDuration(_GLIDE_MS)
        self._glide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._glide.valueChanged.connect(self._glided)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)

    def set_state(
        self,
        text: str,
        detail: str = "",
        fraction: float | None = None,
        *,
        kind: ActionKind = "accent",
        icon: str = "",
        enabled: bool = True,
    ) -> None:
        """All of it at once. ``fraction`` is 0..1; a fill glides there. The detail is the accessible description."""
        if (text, detail, icon, kind) != (self.text(), self._detail, self._icon, self._kind):
            self._detail, self._icon, self._kind = detail, icon, kind
            self.setText(text)
            self.setAccessibleName(text)
            self.setAccessibleDescription(detail)
            self.updateGeometry()
            self.update()
        self.setEnabled(enabled)
        self._set_fraction(fraction)

    def shown_fraction(self) -> float:
        """How far the fill is now, on its way to what was set."""
        return self._shown

    def _set_fraction(self, fraction: float | None) -> None:
        before, self._fraction = self._fraction, None if fraction is None else min(max(fraction, 0.0), 1.0)
        if self._fraction == before:
            return
        self._glide.stop()
        if self._fraction is None or before is None or self._fraction < before or theme.calm() or not self.isVisible():
            self._shown = self._fraction or 0.0
            self.update()
            return
        self._glide.setStartValue(self._shown)
        self._glide.setEndValue(self._fraction)
        self._glide.start()

    @Slot(object)
    def _glided(self, value: float) -> None:
        steps = self.width() * self.devicePixelRatio()
        moved = round(value * steps) != round(self._shown * steps)
        self._shown = value
        if moved:  # a step of less than a pixel costs nothing
            self.update()

    # ------------------------------------------------------------ size and paint

    def sizeHint(self) -> QSize:
        big, small = self._fonts()
        width = max(paint.text_width(self.text(), big) + self._icon_width(), paint.text_width(self._detail, small))
        return QSize(min(max(248, width + 40), 380), 58)

    def minimumSizeHint(self) -> QSize:
        return QSize(180, 58)

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.tokens()
        box = paint.bounds(self)
        with paint.begin(self) as painter:
            painter.setClipPath(paint.rounded(box, now.radius))
            if self._fraction is None:
                fill, ink = self._colours()
                painter.fillRect(box, fill)
                self._draw_texts(painter, box, ink)
            else:
                self._paint_progress(painter, box)
            painter.setClipping(False)
            if self._kind == "warn" and self.isEnabled():
                paint.outline(painter, box, now.radius, paint.faded(now.warn, 0.5))
            elif self._fraction is not None or self._kind == "calm" or not self.isEnabled():
                paint.outline(painter, box, now.radius, now.border)
            if self.ringed:
                paint.outline(painter, box, now.radius, now.text, 2 * paint.RING)
                paint.outline(painter, box.adjusted(2, 2, -2, -2), now.radius - 2, now.window, paint.RING)

    def _paint_progress(self, painter: QPainter, box: QRectF) -> None:
        now = theme.tokens()
        painter.fillRect(box, QColor(now.raised if self.underMouse() and self.isEnabled() else now.track))
        step = paint.ratio(painter)
        done = QRectF(box.x(), box.y(), round(box.width() * self._shown * step) / step, box.height())
        todo = QRectF(done.width(), box.y(), box.width() - done.width(), box.height())
        done, todo = paint.mirror(self, done), paint.mirror(self, todo)
        painter.fillRect(done, _sheen(box, now.accent_hover, now.accent))
        for part, ink in ((done, now.on_accent), (todo, now.text)):  # a word on the edge is half and half
            painter.save()
            painter.setClipRect(part, Qt.ClipOperation.IntersectClip)
            self._draw_texts(painter, box, ink)
            painter.restore()

    def _colours(self) -> tuple[QLinearGradient, str]:
        now = theme.tokens()
        box = paint.bounds(self)
        if not self.isEnabled() or self._kind == "calm":
            plain = now.raised if self.underMouse() and self.isEnabled() else now.track
            return _sheen(box, plain, plain), now.text if self._kind == "calm" else now.muted
        if self._kind == "warn":
            return _sheen(box, now.warn_soft, now.warn_soft), now.warn
        shades = (
            (now.go, now.go_hover, now.go_pressed)
            if self._kind == "go"
            else (now.accent, now.accent_hover, now.accent_pressed)
        )
        ink = now.on_go if self._kind == "go" else now.on_accent
        if self.isDown():
            return _sheen(box, shades[2], shades[2]), ink
        if self.underMouse():
            return _sheen(box, shades[1], shades[1]), ink
        return _sheen(box, shades[1], shades[0]), ink

    def _draw_texts(self, painter: QPainter, box: QRectF, ink: str) -> None:
        big, small = self._fonts()
        inner = box.adjusted(14, 0, -14, 0)
        upper = QRectF(inner.x(), box.y() + 7, inner.width(), 26) if self._detail else inner
        shift = self._icon_width()
        words = paint.mirror(self, upper.adjusted(shift, 0, 0, 0))
        paint.line(painter, words, self.text(), big, ink, Qt.AlignmentFlag.AlignHCenter)
        if self._icon:
            width = min(paint.text_width(self.text(), big), int(upper.width()) - shift)
            left = upper.center().x() - (width + shift) / 2
            spot = QRectF(round(left), round(upper.center().y() - _ICON / 2), _ICON, _ICON)
            icons.draw(painter, paint.mirror(self, spot), self._icon, ink)
        if self._detail:
            lower = QRectF(inner.x(), box.y() + 33, inner.width(), 17)
            paint.line(painter, lower, self._detail, small, ink, Qt.AlignmentFlag.AlignHCenter)

    def _icon_width(self) -> int:
        return _ICON + 8 if self._icon else 0

    def _fonts(self) -> tuple[QFont, QFont]:
        return theme.font(19, QFont.Weight.Bold), theme.font(theme.tokens().small_px)


def _sheen(box: QRectF, upper: str, lower: str) -> QLinearGradient:
    gradient = QLinearGradient(box.topLeft(), box.bottomLeft())
    gradient.setColorAt(0, QColor(upper))
    gradient.setColorAt(1, QColor(lower))
    return gradient

"""The big button of a title's page: a label, a detail below it, and the progress as a fill."""

from typing import Literal

from PySide6.QtCore import QEasingCurve, QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QKeyEvent, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy

from launcher import theme
from launcher.views.widgets import icons, paint
from launcher.views.widgets.painted import PaintedButton

ActionKind = Literal["accent", "go", "calm", "warn"]
"""accent: install, update, resume · go: play · calm: waiting or playing · warn: needs the player."""

_ICON = 20


class ActionButton(PaintedButton):
    """Shows ``text`` large and ``detail`` below it; a ``fraction`` that is not None fills the button."""

    def __init__(self) -> None:
        super().__init__(300, QEasingCurve.Type.OutCubic)
        self._detail = ""
        self._icon = ""
        self._kind: ActionKind = "accent"
        self._fraction: float | None = None
        self._is_enabled = True
        """A button that waits keeps the focus, which Qt would move on if it were disabled."""
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

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
        """Set everything. A growing ``fraction`` (0..1) is animated; ``detail`` is also the accessible description."""
        if (text, detail, icon, kind) != (self.text(), self._detail, self._icon, self._kind):
            self._detail, self._icon, self._kind = detail, icon, kind
            self.setText(text)
            self.setAccessibleName(text)
            self.setAccessibleDescription(detail)
            self.updateGeometry()
            self.update()
        if enabled != self._is_enabled:
            self._is_enabled = enabled
            self.setCursor(Qt.CursorShape.PointingHandCursor if enabled else Qt.CursorShape.ArrowCursor)
            self.update()
        self._set_fraction(fraction)

    def _set_fraction(self, fraction: float | None) -> None:
        before, self._fraction = self._fraction, None if fraction is None else min(max(fraction, 0.0), 1.0)
        if self._fraction != before:
            is_growing = self._fraction is not None and before is not None and self._fraction > before
            self._show(self._fraction or 0.0, animated=is_growing)

    def hitButton(self, pos: QPoint) -> bool:
        return self._is_enabled and super().hitButton(pos)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._is_enabled or event.key() not in {Qt.Key.Key_Space, Qt.Key.Key_Select}:
            super().keyPressEvent(event)

    # ------------------------------------------------------------ size and paint

    def sizeHint(self) -> QSize:
        big, small = self._fonts()
        width = max(paint.text_width(self.text(), big) + self._icon_width(), paint.text_width(self._detail, small))
        return QSize(min(max(248, width + 40), 380), 58)

    def minimumSizeHint(self) -> QSize:
        return QSize(180, 58)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        box = QRectF(self.rect())
        with paint.begin(self) as painter:
            painter.setClipPath(paint.rounded(box, tokens.radius))
            if self._fraction is None:
                fill, ink = self._colours()
                painter.fillRect(box, fill)
                self._draw_texts(painter, box, ink)
            else:
                self._paint_progress(painter, box)
            painter.setClipping(False)
            if self._kind == "warn" and self._is_enabled:
                paint.outline(painter, box, tokens.radius, paint.with_alpha(tokens.warn, 0.5))
            elif self._fraction is not None or self._kind == "calm" or not self._is_enabled:
                paint.outline(painter, box, tokens.radius, tokens.border)
            if self.shows_focus_ring:
                paint.outline(painter, box, tokens.radius, tokens.text, 2 * paint.RING)
                paint.outline(painter, box.adjusted(2, 2, -2, -2), tokens.radius - 2, tokens.window, paint.RING)

    def _paint_progress(self, painter: QPainter, box: QRectF) -> None:
        tokens = theme.tokens()
        painter.fillRect(box, QColor(tokens.raised if self.underMouse() and self._is_enabled else tokens.track))
        step = painter.device().devicePixelRatio()
        done = QRectF(box.x(), box.y(), round(box.width() * self.shown * step) / step, box.height())
        todo = QRectF(done.width(), box.y(), box.width() - done.width(), box.height())
        done, todo = paint.mirror(self, done), paint.mirror(self, todo)
        painter.fillRect(done, _gradient(box, tokens.accent_hover, tokens.accent))
        for part, ink in (
            (done, tokens.on_accent),
            (todo, tokens.text),
        ):  # the text changes its colour at the edge of the fill
            painter.save()
            painter.setClipRect(part, Qt.ClipOperation.IntersectClip)
            self._draw_texts(painter, box, ink)
            painter.restore()

    def _colours(self) -> tuple[QLinearGradient, str]:
        tokens = theme.tokens()
        box = QRectF(self.rect())
        if not self._is_enabled or self._kind == "calm":
            plain = tokens.raised if self.underMouse() and self._is_enabled else tokens.track
            return _gradient(box, plain, plain), tokens.text if self._kind == "calm" else tokens.muted
        if self._kind == "warn":
            return _gradient(box, tokens.warn_soft, tokens.warn_soft), tokens.warn
        if self._kind == "go":
            plain, hover, pressed, ink = tokens.go, tokens.go_hover, tokens.go_pressed, tokens.on_go
        else:
            plain, hover, pressed, ink = tokens.accent, tokens.accent_hover, tokens.accent_pressed, tokens.on_accent
        if self.isDown():
            return _gradient(box, pressed, pressed), ink
        return _gradient(box, hover, hover if self.underMouse() else plain), ink

    def _draw_texts(self, painter: QPainter, box: QRectF, ink: str) -> None:
        big, small = self._fonts()
        inner = box.adjusted(14, 0, -14, 0)
        upper = QRectF(inner.x(), box.y() + 7, inner.width(), 26) if self._detail else inner
        shift = self._icon_width()
        words = paint.mirror(self, upper.adjusted(shift, 0, 0, 0))
        paint.draw_text(painter, words, self.text(), big, ink, Qt.AlignmentFlag.AlignHCenter)
        if self._icon:
            width = min(paint.text_width(self.text(), big), int(upper.width()) - shift)
            left = upper.center().x() - (width + shift) / 2
            spot = QRectF(round(left), round(upper.center().y() - _ICON / 2), _ICON, _ICON)
            icons.draw(painter, paint.mirror(self, spot), self._icon, ink)
        if self._detail:
            lower = QRectF(inner.x(), box.y() + 33, inner.width(), 17)
            paint.draw_text(painter, lower, self._detail, small, ink, Qt.AlignmentFlag.AlignHCenter)

    def _icon_width(self) -> int:
        return _ICON + 8 if self._icon else 0

    def _fonts(self) -> tuple[QFont, QFont]:
        return theme.font(19, QFont.Weight.Bold), theme.font(theme.tokens().small_px)


def _gradient(box: QRectF, upper: str, lower: str) -> QLinearGradient:
    gradient = QLinearGradient(box.topLeft(), box.bottomLeft())
    gradient.setColorAt(0, QColor(upper))
    gradient.setColorAt(1, QColor(lower))
    return gradient

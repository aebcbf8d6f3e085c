"""Base classes of the painted widgets: `PaintedButton` and `Graphic`."""

from PySide6.QtCore import QEasingCurve, QSize, Qt, QVariantAnimation, Slot
from PySide6.QtGui import QFocusEvent, QPixmap
from PySide6.QtWidgets import QAbstractButton, QLabel, QSizePolicy

from launcher import theme

_BY_KEYBOARD = {Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason}

_STILL = {Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason}
"""The window was activated again; the focus itself did not move."""


class PaintedButton(QAbstractButton):
    """A button that paints itself. It shows a focus ring only if the focus came by keyboard.

    `shown` is a number from 0 to 1 that subclasses paint, such as a fill; `_show` sets it or animates it.
    """

    def __init__(self, duration_ms: int, curve: QEasingCurve.Type) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._came_by_keyboard = False
        self.shown = 0.0
        self._animation = QVariantAnimation(self, duration=duration_ms, easingCurve=QEasingCurve(curve))
        self._animation.valueChanged.connect(self._animate)

    def _show(self, value: float, *, animated: bool = True) -> None:
        self._animation.stop()
        if not animated or theme.reduced_motion() or not self.isVisible():
            self.shown = value
            self.update()
            return
        self._animation.setStartValue(self.shown)
        self._animation.setEndValue(value)
        self._animation.start()

    @Slot(object)
    def _animate(self, value: float) -> None:
        pixels = self.width() * self.devicePixelRatio()
        has_moved = round(value * pixels) != round(self.shown * pixels)
        self.shown = value
        if has_moved:  # nothing to paint for less than a device pixel
            self.update()

    @property
    def shows_focus_ring(self) -> bool:
        """Whether to paint the focus ring."""
        return self._came_by_keyboard and self.hasFocus()

    def focusInEvent(self, event: QFocusEvent) -> None:
        if event.reason() not in _STILL:
            self._came_by_keyboard = event.reason() in _BY_KEYBOARD
        super().focusInEvent(event)


class Graphic(QLabel):
    """A painted picture. Its accessible role is "graphic"; the page sets its accessible name."""

    def __init__(self, size: QSize) -> None:
        super().__init__()
        self._size = size
        pixmap = QPixmap(1, 1)  # a QLabel with a pixmap has the accessible role "graphic"
        pixmap.fill(Qt.GlobalColor.transparent)
        self.setPixmap(pixmap)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def sizeHint(self) -> QSize:
        return self._size

    def minimumSizeHint(self) -> QSize:
        return QSize(self._size.width() // 4, self._size.height() // 4)

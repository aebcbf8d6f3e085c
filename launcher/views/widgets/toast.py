"""A short message that disappears by itself."""

from PySide6.QtCore import QEasingCurve, QEvent, QObject, QPoint, QPropertyAnimation, QRectF, QTimer, Signal, Slot
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QColor, QEnterEvent, QPaintEvent
from PySide6.QtWidgets import QFrame, QWidget

from launcher import theme
from launcher.views.widgets import paint
from launcher.views.widgets.boxes import row
from launcher.views.widgets.button import Button
from launcher.views.widgets.label import ElidedLabel

_SHADOW = 14
_FROM_BELOW = 20
_SLIDE_MS = 180


class Toast(QFrame):
    """A line at the bottom of its parent for some seconds, with at most one action. The next message replaces it."""

    action_chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._key = ""
        self._label = ElidedLabel()
        self._action = Button(kind="link", clicked=self._choose)
        margins = (_SHADOW + 18, _SHADOW + 8, _SHADOW + 12, _SHADOW + 8)
        row(self._label, self._action, spacing=14, margins=margins, parent=self)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.hide)
        self._animation = QPropertyAnimation(self, b"pos", self)
        self._animation.setDuration(_SLIDE_MS)
        self._animation.setEasingCurve(QEasingCurve.Type.OutCubic)
        parent.installEventFilter(self)
        self.hide()

    def show_message(self, text: str, action: str = "", key: str = "", *, stay_ms: int = 6000) -> None:
        """Show ``text`` and, if ``action`` is not empty, a button with that label; `action_chosen` carries ``key``."""
        self._key = key
        self._label.setText(text)
        self._action.setText(action)
        self._action.setVisible(bool(action))
        self.setAccessibleName(text)
        place = self._place()
        self._animation.stop()
        if theme.reduced_motion() or self.isVisible():
            self.move(place)
        else:
            self._animation.setStartValue(place + QPoint(0, _FROM_BELOW))
            self._animation.setEndValue(place)
            self._animation.start()
        self.show()
        self.raise_()
        self._timer.start(stay_ms)
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, text))

    def _place(self) -> QPoint:
        parent = self.parentWidget()
        assert parent is not None
        self.setFixedWidth(min(self.sizeHint().width(), parent.width() - 24))
        self.adjustSize()
        return QPoint((parent.width() - self.width()) // 2, parent.height() - self.height() - 10)

    @Slot()
    def _choose(self) -> None:
        self.hide()
        self.action_chosen.emit(self._key)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._animation.stop()
            self.move(self._place())
        return super().eventFilter(watched, event)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._timer.stop()  # the player is reading it

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._timer.start(2000)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        box = QRectF(self.rect()).adjusted(_SHADOW, _SHADOW, -_SHADOW, -_SHADOW)
        with paint.begin(self) as painter:
            opacity = 0.08 * QColor(tokens.shadow).alphaF()
            for width in range(_SHADOW, 0, -1):
                shade = paint.with_alpha(tokens.shadow, opacity * (1 - width / (_SHADOW + 1)))
                paint.fill(painter, box.adjusted(-width, -width + 4, width, width + 4), tokens.radius + width, shade)
            paint.fill(painter, box, tokens.radius, tokens.raised)
            paint.outline(painter, box, tokens.radius, tokens.border)

"""Labels that hold against any text."""

from typing import Literal

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from launcher import theme
from launcher.views.widgets import paint

BadgeKind = Literal["info", "ok", "warn", "error", "plain"]


class Text(QLabel):
    """Plain text, nothing in it is ever markup. Starts where the page's lines start, whatever language it is in.

    ``role`` is one of the style sheet's: page, heading, strong, muted, small, warn, error, code; empty: as it is.
    """

    def __init__(self, text: str = "", role: str = "", *, wrap: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setWordWrap(wrap)
        self.setText(text)
        self._align()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LayoutDirectionChange:
            self._align()

    def _align(self) -> None:
        up = Qt.AlignmentFlag.AlignTop if self.wordWrap() else Qt.AlignmentFlag.AlignVCenter
        self.setAlignment(paint.start(self) | up)


class ElidedLabel(QLabel):
    """One line of plain text that gives way with an ellipsis; the whole text is its tooltip then."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        return QSize(min(hint.width(), 4000), self.fontMetrics().height() + 4)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = paint.elided(self.text(), self.font(), self.width() - 1)
        whole = " ".join(self.text()[:400].split())
        if (self.toolTip() != "") != (shown != whole):
            self.setToolTip(paint.tip(whole) if shown != whole else "")
        with paint.begin(self) as painter:
            ink = self.palette().color(self.foregroundRole())
            paint.line(painter, paint.bounds(self), self.text(), self.font(), ink, paint.start(self))


class Badge(QLabel):
    """A word in a pill: "Update", "Offline", "Verified"."""

    def __init__(self, text: str = "", kind: BadgeKind = "plain", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind: BadgeKind = kind
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.set_state(text, kind)

    def set_state(self, text: str, kind: BadgeKind) -> None:
        """Another word."""
        self._kind = kind
        self.setText(text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(paint.text_width(self.text(), self._font()) + 18, 22)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.tokens()
        ink = now.text if self._kind == "plain" else getattr(now, self._kind)
        ground = now.track if self._kind == "plain" else getattr(now, f"{self._kind}_soft")
        box = paint.bounds(self)
        with paint.begin(self) as painter:
            painter.fillPath(paint.rounded(box, box.height() / 2), QColor(ground))
            paint.line(painter, box, self.text(), self._font(), ink, Qt.AlignmentFlag.AlignHCenter)

    def _font(self) -> QFont:
        return theme.font(theme.tokens().small_px, QFont.Weight.DemiBold)

"""A dialog inside the window: a card over a dimmed page. One at a time; Escape closes it, Tab stays in it."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from launcher.views.facts import line
from launcher.views.widgets import Button, Card

_WIDTH = 600


class Sheet(QDialog):
    """Put widgets into `body` and buttons into `buttons`. `over` is the window whose content it covers."""

    closed = Signal()

    def __init__(self, over: QWidget, behind: QWidget, title: str) -> None:
        super().__init__(over)
        self.setWindowFlags(Qt.WindowType.Widget)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setObjectName("over")
        self.setStyleSheet("#over { background: transparent; }")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._behind = behind
        self._before = over.focusWidget()
        behind.setEnabled(False)
        inner = QWidget()
        inside = QVBoxLayout(inner)
        inside.setContentsMargins(0, 6, 0, 0)
        inside.setSpacing(14)
        self.body = QVBoxLayout()
        self.body.setSpacing(12)
        inside.addLayout(self.body)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(10)
        inside.addLayout(self.buttons)
        card = Card(title, inner, self)
        card.setFixedWidth(min(_WIDTH, over.width() - 48))
        outer = QVBoxLayout(self)
        outer.addWidget(card, 0, Qt.AlignmentFlag.AlignCenter)
        over.installEventFilter(self)
        self.setGeometry(over.rect())
        self.finished.connect(self._leave)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and isinstance(watched, QWidget):
            self.setGeometry(watched.rect())
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), QColor(8, 10, 16, 150))

    def _leave(self) -> None:
        self._behind.setEnabled(True)
        if self._before is not None:
            self._before.setFocus(Qt.FocusReason.OtherFocusReason)
        self.closed.emit()
        self.deleteLater()


class Question(Sheet):
    """A question with a yes and a no; `accepted` is the yes."""

    def __init__(self, over: QWidget, behind: QWidget, title: str, text: str, yes: str, no: str) -> None:
        super().__init__(over, behind, title)
        self.body.addWidget(line(text, parent=self))
        self.setAccessibleDescription(text)
        refuse = Button(no, parent=self)
        refuse.setObjectName("no")
        refuse.clicked.connect(self.reject)
        agree = Button(yes, kind="danger", parent=self)
        agree.setObjectName("yes")
        agree.setAutoDefault(False)
        agree.clicked.connect(self.accept)
        self.buttons.addStretch(1)
        self.buttons.addWidget(refuse)
        self.buttons.addWidget(agree)
        refuse.setFocus()

"""Dialogs inside the window: a card over the dimmed page, one at a time."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QWidget

from launcher.views.layout import over
from launcher.views.widgets import Banner, Button, ButtonKind, Card, Text, column, layers, row

_WIDTH = 600


class Sheet(QDialog):
    """Subclasses put widgets into `body` and `buttons`. While it is open, ``content`` of ``window`` is disabled.

    `banner` says what is wrong; it is in front of the card, which never moves.
    """

    def __init__(self, window: QWidget, content: QWidget, title: str) -> None:
        super().__init__(window)
        self.setWindowFlags(Qt.WindowType.Widget)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setObjectName("over")
        self.setStyleSheet("#over { background: transparent; }")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._content = content
        self._focus_before = window.focusWidget()
        content.setEnabled(False)
        self.body = column(spacing=12)
        self.buttons = row(spacing=10)
        card = Card(title, column(self.body, self.buttons, spacing=14, margins=(0, 6, 0, 0)))
        card.setFixedWidth(min(_WIDTH, window.width() - 48))
        self.banner = Banner()
        outer = layers(parent=self)
        outer.addWidget(card, 0, 0, Qt.AlignmentFlag.AlignCenter)
        outer.addLayout(over(self.banner, _WIDTH), 0, 0)
        window.installEventFilter(self)
        self.setGeometry(window.rect())
        self.finished.connect(self._leave)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and isinstance(watched, QWidget):
            self.setGeometry(watched.rect())
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), QColor(8, 10, 16, 150))

    def _leave(self) -> None:
        self._content.setEnabled(True)
        if self._focus_before is not None:
            self._focus_before.setFocus(Qt.FocusReason.OtherFocusReason)
        self.deleteLater()


class ConfirmSheet(Sheet):
    """A question with two answers; `accepted` is the ``yes``, which is red unless it is of another ``kind``.

    The focus is on the ``no``.
    """

    def __init__(
        self, window: QWidget, content: QWidget, title: str, text: str, yes: str, no: str, kind: ButtonKind = "danger"
    ) -> None:
        super().__init__(window, content, title)
        self.body.addWidget(Text(text))
        self.setAccessibleDescription(text)
        refuse = Button(no, name="no", clicked=self.reject)
        agree = Button(yes, kind=kind, name="yes", clicked=self.accept)
        self.buttons.addStretch(1)
        self.buttons.addWidget(refuse)
        self.buttons.addWidget(agree)
        refuse.setFocus()

"""A placeholder for a page that has nothing to show yet."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from launcher import theme
from launcher.views.widgets import icons, paint
from launcher.views.widgets.button import Button
from launcher.views.widgets.painted import Graphic


class EmptyState(QWidget):
    """An icon, a heading, a text and, if ``action`` is not empty, a primary button."""

    action_clicked = Signal()

    def __init__(self, icon: str, title: str = "", text: str = "", action: str = "") -> None:
        super().__init__()
        self._title = _line("page")
        self._text = _line("muted")
        self._text.setWordWrap(True)
        self._text.setMaximumWidth(420)
        self._text.setMinimumWidth(320)
        self._action = Button(kind="primary", clicked=self.action_clicked)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        words = QHBoxLayout()  # in a line of its own a text is as high as its own width needs, and not the page's
        words.addStretch()
        words.addWidget(self._text)
        words.addStretch()
        layout.addStretch(2)
        for part in (_Disc(icon), self._title):
            layout.addWidget(part, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addLayout(words)
        layout.addWidget(self._action, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)
        self.set_texts(title, text, action)

    def set_texts(self, title: str, text: str, action: str = "") -> None:
        """Change the texts."""
        self._title.setText(title)
        self._text.setText(text)
        self._action.setText(action)
        self._action.setVisible(bool(action))


class _Disc(Graphic):
    """The icon on a tinted disc."""

    def __init__(self, icon: str) -> None:
        super().__init__(QSize(88, 88))
        self._icon = icon
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(icon)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        with paint.begin(self) as painter:
            box = QRectF(self.rect())
            painter.fillPath(paint.rounded(box, box.height() / 2), paint.with_alpha(tokens.accent, 0.14))
            icons.draw(painter, box.adjusted(26, 26, -26, -26), self._icon, tokens.accent_text)


def _line(role: str) -> QLabel:
    made = QLabel()
    made.setProperty("role", role)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    return made

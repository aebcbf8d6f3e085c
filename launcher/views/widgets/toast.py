"""A word in passing."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget


class Toast(QFrame):
    """A line at the bottom of its parent for some seconds, with at most one action. A new one replaces it."""

    action_chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._label = QLabel()
        QHBoxLayout(self).addWidget(self._label)
        self.hide()

    def say(self, text: str, action: str = "", key: str = "", *, stay_ms: int = 6000) -> None:
        """Show ``text``; ``action`` is a button's label and ``key`` what ``action_chosen`` says then.."""
        self._label.setText(text)
        self.adjustSize()
        self.show()
        self.raise_()

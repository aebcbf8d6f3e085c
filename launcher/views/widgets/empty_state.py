"""What stands where nothing is yet."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from launcher.views.widgets.button import Button


class EmptyState(QWidget):
    """An icon, a heading, a sentence and, where ``action`` is not empty, a primary button."""

    chosen = Signal()

    def __init__(self, icon: str, title: str, text: str, action: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(title))
        layout.addWidget(QLabel(text))
        button = Button(action, kind="primary")
        button.clicked.connect(self.chosen)
        layout.addWidget(button)

    def set_texts(self, title: str, text: str, action: str = "") -> None:
        """Other texts."""

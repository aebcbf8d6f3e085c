"""A raised panel with a heading."""

from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget


class Card(QFrame):
    """``title`` as a heading (empty: none) over ``body``, which it owns."""

    def __init__(self, title: str, body: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = QLabel(title)
        layout = QVBoxLayout(self)
        layout.addWidget(self._title)
        layout.addWidget(body, 1)

    def set_title(self, title: str) -> None:
        """Another heading."""
        self._title.setText(title)

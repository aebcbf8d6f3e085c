"""A panel with a heading."""

from PySide6.QtWidgets import QFrame, QLayout, QWidget

from launcher.views.widgets.boxes import column
from launcher.views.widgets.label import Text


class Card(QFrame):
    """A panel with ``title`` above ``body``."""

    def __init__(self, title: str, body: QWidget | QLayout) -> None:
        super().__init__()
        self._title = Text(role="heading")
        column(self._title, (body, 1), spacing=10, margins=(18, 15, 18, 16), parent=self)
        self.set_title(title)

    def set_title(self, title: str) -> None:
        """Change the heading."""
        self._title.setText(title)
        self.setAccessibleName(title)

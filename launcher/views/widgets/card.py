"""A panel with a heading."""

from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from launcher.views.widgets.label import Text


class Card(QFrame):
    """A panel that owns ``body`` and shows ``title`` above it; an empty title is hidden."""

    def __init__(self, title: str, body: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = Text(role="heading")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 15, 18, 16)
        layout.setSpacing(10)
        layout.addWidget(self._title)
        layout.addWidget(body, 1)
        self.set_title(title)

    def set_title(self, title: str) -> None:
        """Change the heading."""
        self._title.setText(title)
        self._title.setVisible(bool(title))
        self.setAccessibleName(title)

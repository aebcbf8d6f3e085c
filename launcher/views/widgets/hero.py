"""The picture of a title with its name over it."""

from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

from launcher.views.widgets.paint import stub


class HeroWidget(QLabel):
    """Title and subtitle over art that fades into the page; a pattern of our own where there is no usable art."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = ""

    def set_texts(self, title: str, subtitle: str = "") -> None:
        """Plain texts; what is too long is elided and stands in the tooltip."""
        self._title = title
        self.setAccessibleName(title)
        self.setAccessibleDescription(subtitle)
        self.update()

    def set_image(self, path: Path | None) -> None:
        """The art: any bytes at all. Read within bounds; not an image → as with None."""

    def sizeHint(self) -> QSize:
        return QSize(1004, 320)

    def paintEvent(self, event: QPaintEvent) -> None:
        stub(self, self._title)

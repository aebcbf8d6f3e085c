"""On or off, with its label."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QWidget

from launcher.views.widgets.paint import stub


class Switch(QAbstractButton):
    """A check box that looks like a switch; its text is the label. ``toggled(bool)``, ``setChecked``, ``isChecked``."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setText(text)

    def sizeHint(self) -> QSize:
        return QSize(200, 28)

    def paintEvent(self, event: QPaintEvent) -> None:
        stub(self, self.text())

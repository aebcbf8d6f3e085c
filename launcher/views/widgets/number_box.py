"""A spin box."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox


class NumberBox(QDoubleSpinBox):
    """A spin box that ignores the mouse wheel unless it has the focus, so that the page can be scrolled."""

    def __init__(self) -> None:
        super().__init__()
        self.lineEdit().setTextMargins(9, 0, 9, 0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

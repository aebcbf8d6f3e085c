"""A spin box for numbers of bytes."""

from PySide6.QtCore import QLocale, Qt, Signal, Slot
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox


class NumberBox(QDoubleSpinBox):
    """A whole number, shown in a unit of 10 to the power of ``digits``, exactly and without needless zeros.

    `edited` carries the number only when the player has changed it. The box ignores the mouse wheel unless it has the
    focus, so that the page can be scrolled.
    """

    edited = Signal(object)

    def __init__(self, digits: int = 0) -> None:
        super().__init__()
        locale = self.locale()
        locale.setNumberOptions(QLocale.NumberOption.OmitGroupSeparator)
        self.setLocale(locale)
        self.setDecimals(digits)
        self._count = 0
        self.lineEdit().setTextMargins(9, 0, 9, 0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.editingFinished.connect(self._tell)

    def set_count(self, count: int) -> None:
        """Show a number that the player did not enter."""
        self._count = count
        self.setValue(count / 10 ** self.decimals())

    @Slot()
    def _tell(self) -> None:
        count = round(self.value() * 10 ** self.decimals())
        if count != self._count:
            self._count = count
            self.edited.emit(count)

    def textFromValue(self, value: float) -> str:
        shown = super().textFromValue(value)
        point = self.locale().decimalPoint()
        return shown.rstrip("0").removesuffix(point) if point in shown else shown

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

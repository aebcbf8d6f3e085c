"""Ordinary buttons: a text, an icon from ``assets/icons``, a weight."""

from typing import Literal

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QPushButton, QWidget

from launcher import theme
from launcher.views.widgets import icons

ButtonKind = Literal["primary", "plain", "quiet", "danger", "link", "nav"]
"""``nav``: a line of the sidebar; checkable."""

_ICON = 16
_GAP = 4  # and four more that Qt leaves


class Button(QPushButton):
    """``icon`` is a name in ``assets/icons``, coloured as the theme says; without text: a square, and needs a name."""

    def __init__(
        self, text: str = "", icon: str = "", kind: ButtonKind = "plain", parent: QWidget | None = None
    ) -> None:
        super().__init__(text, parent)
        self._icon = icon
        self._kind: ButtonKind = kind
        self.setProperty("kind", kind)
        self.setProperty("square", not text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAutoDefault(False)
        self.setCheckable(kind == "nav")
        self._colour_icon()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.LayoutDirectionChange}:
            self._colour_icon()

    def _colour_icon(self) -> None:
        if not self._icon:
            self.setIcon(QIcon())
            return
        now = theme.tokens()
        colours = {"primary": now.on_accent, "danger": now.error, "link": now.accent_text}
        mirrored = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        gap = _GAP if self.text() else 0
        colour = colours.get(self._kind, now.text)
        self.setIconSize(QSize(_ICON + gap, _ICON))
        self.setIcon(icons.icon(self._icon, colour, now.faint, _ICON, gap=gap, mirrored=mirrored))

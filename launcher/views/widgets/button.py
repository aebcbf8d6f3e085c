"""An ordinary button with a text, an icon from ``assets/icons`` and a kind."""

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import QEvent, QSize, Qt, SignalInstance
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QPushButton

from launcher import theme
from launcher.views.widgets import icons

ButtonKind = Literal["primary", "plain", "quiet", "danger", "link", "nav"]
"""``nav``: a checkable entry of the sidebar."""

_ICON = 16
_GAP = 4  # Qt adds four pixels more


class Button(QPushButton):
    """``icon`` is a name in ``assets/icons``, drawn in the theme's colour; ``name`` is the object name."""

    def __init__(
        self,
        text: str = "",
        icon: str = "",
        kind: ButtonKind = "plain",
        *,
        name: str = "",
        clicked: Callable[..., object] | SignalInstance | None = None,
    ) -> None:
        super().__init__(text)
        self.setObjectName(name)
        if clicked:
            self.clicked.connect(clicked)
        self._icon = icon
        self._kind: ButtonKind = kind
        self.setProperty("kind", kind)
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
        tokens = theme.tokens()
        colours = {"primary": tokens.on_accent, "danger": tokens.error, "link": tokens.accent_text}
        gap = _GAP if self.text() else 0
        colour = colours.get(self._kind, tokens.text)
        self.setIconSize(QSize(_ICON + gap, _ICON))
        self.setIcon(icons.icon(self._icon, colour, tokens.faint, _ICON, gap=gap, mirrored=self.isRightToLeft()))

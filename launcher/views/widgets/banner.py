"""A message in the page that stays until its cause is gone or the player dismisses it."""

from collections.abc import Mapping
from typing import Literal

from PySide6.QtCore import QEvent, QRectF, Signal, Slot
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QPaintEvent
from PySide6.QtWidgets import QFrame

from launcher import theme
from launcher.views.widgets import icons, paint
from launcher.views.widgets.boxes import column, row
from launcher.views.widgets.button import Button, ButtonKind
from launcher.views.widgets.label import Text

BannerKind = Literal["info", "ok", "warn", "error"]

_ICONS = {"info": "info", "ok": "circle-check", "warn": "triangle-alert", "error": "circle-x"}


class Banner(QFrame):
    """A title, a text and buttons. It is hidden until `set_state`, which also announces it to screen readers."""

    action_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._kind: BannerKind = "info"
        self._state: tuple[object, ...] = ()
        self._title, self._text, self._row = Text(role="heading"), Text(), row(spacing=8)
        column(self._title, self._text, self._row, spacing=6, parent=self)
        self._set_margins()
        self.hide()

    def set_state(self, kind: BannerKind, title: str, text: str = "", actions: Mapping[str, str] | None = None) -> None:
        """Show a message. ``actions`` maps the keys of `action_chosen` to labels; the first one is highlighted."""
        state = (kind, title, text, tuple((actions or {}).items()))
        if state != self._state:
            self._state, self._kind = state, kind
            self._title.setText(title)
            self._text.setText(text)
            self._text.setVisible(bool(text))
            self._put_buttons(actions or {})
            self.setAccessibleName(title)
            self.setAccessibleDescription(text)
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, f"{title} {text}"))
            self.update()
        self.show()

    def _put_buttons(self, actions: Mapping[str, str]) -> None:
        while item := self._row.takeAt(0):
            if gone := item.widget():
                gone.hide()
                gone.deleteLater()
        for number, (key, label) in enumerate(actions.items()):
            kind: ButtonKind = "plain" if number else "primary"
            self._row.addWidget(Button(label, kind=kind, name=key, clicked=self._choose))
        self._row.addStretch(1)

    @Slot()
    def _choose(self) -> None:
        self.action_chosen.emit(self.sender().objectName())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LayoutDirectionChange:
            self._set_margins()

    def _set_margins(self) -> None:
        if layout := self.layout():
            left, right = (18, 50) if self.isRightToLeft() else (50, 18)
            layout.setContentsMargins(left, 14, right, 14)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        box = QRectF(self.rect())
        ink = getattr(tokens, self._kind)
        with paint.begin(self) as painter:
            paint.fill(painter, box, tokens.radius, getattr(tokens, f"{self._kind}_soft"))
            paint.outline(painter, box, tokens.radius, paint.with_alpha(ink, 0.45))
            icons.draw(painter, paint.mirror(self, QRectF(18, 15, 20, 20)), _ICONS[self._kind], ink)

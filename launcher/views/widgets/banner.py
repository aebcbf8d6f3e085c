"""A calm message in the page that stays until it is settled."""

from collections.abc import Mapping
from typing import Literal

from PySide6.QtCore import QEvent, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from launcher import theme
from launcher.views.widgets import icons, paint
from launcher.views.widgets.button import Button
from launcher.views.widgets.label import Text

BannerKind = Literal["info", "ok", "warn", "error"]

_ICONS = {"info": "info", "ok": "circle-check", "warn": "triangle-alert", "error": "circle-x"}


class Banner(QFrame):
    """What happened, what stays safe, and ways out. Hidden until `set_state`; announced to screen readers."""

    action_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind: BannerKind = "info"
        self._state: tuple[object, ...] = ()
        self._title = Text(role="heading", wrap=True)
        self._text = Text(wrap=True)
        self._row = QHBoxLayout()
        self._row.setSpacing(8)
        layout = QVBoxLayout(self)
        layout.setSpacing(6)
        layout.addWidget(self._title)
        layout.addWidget(self._text)
        layout.addLayout(self._row)
        self._set_margins()
        self.hide()

    def set_state(self, kind: BannerKind, title: str, text: str = "", actions: Mapping[str, str] | None = None) -> None:
        """``actions``: key → label; the key comes back in ``action_chosen``. The first is our proposal."""
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
            button = Button(label, kind="plain" if number else "primary")
            button.setObjectName(key)
            button.clicked.connect(self._choose)
            self._row.addWidget(button)
        self._row.addStretch(1)

    @Slot()
    def _choose(self) -> None:
        self.action_chosen.emit(self.sender().objectName())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LayoutDirectionChange:
            self._set_margins()
        self.update()

    def _set_margins(self) -> None:
        if layout := self.layout():
            mirrored = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
            layout.setContentsMargins(18 if mirrored else 50, 14, 50 if mirrored else 18, 14)

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.tokens()
        box = paint.bounds(self)
        ink = getattr(now, self._kind)
        with paint.begin(self) as painter:
            painter.fillPath(paint.rounded(box, now.radius), paint.faded(getattr(now, f"{self._kind}_soft"), 1))
            paint.outline(painter, box, now.radius, paint.faded(ink, 0.45))
            icons.draw(painter, paint.mirror(self, QRectF(18, 15, 20, 20)), _ICONS[self._kind], ink)

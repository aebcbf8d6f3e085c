"""A calm message in the page that stays until it is settled."""

from collections.abc import Mapping
from typing import Literal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from launcher.views.widgets.button import Button

BannerKind = Literal["info", "ok", "warn", "error"]


class Banner(QFrame):
    """What happened, what stays safe, and ways out. Hidden until `set_state`; announced to screen readers."""

    action_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        QVBoxLayout(self)
        self.hide()

    def set_state(self, kind: BannerKind, title: str, text: str = "", actions: Mapping[str, str] | None = None) -> None:
        """``actions``: key → label; the key comes back in ``action_chosen``. The first is our proposal."""
        layout = self.layout()
        assert layout is not None
        while item := layout.takeAt(0):
            if gone := item.widget():
                gone.deleteLater()
        layout.addWidget(QLabel(title))
        layout.addWidget(QLabel(text))
        for key, label in (actions or {}).items():
            button = Button(label)
            button.setObjectName(key)
            button.clicked.connect(lambda _=False, key=key: self.action_chosen.emit(key))
            layout.addWidget(button)
        self.show()

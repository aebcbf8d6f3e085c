"""Ordinary buttons: a text, an icon from ``assets/icons``, a weight."""

from typing import Literal

from PySide6.QtWidgets import QPushButton, QWidget

ButtonKind = Literal["primary", "plain", "quiet", "danger", "link"]


class Button(QPushButton):
    """``icon`` is a name in ``assets/icons``, coloured as the theme says; without text it is a square."""

    def __init__(
        self, text: str = "", icon: str = "", kind: ButtonKind = "plain", parent: QWidget | None = None
    ) -> None:
        super().__init__(text, parent)
        self.setProperty("kind", kind)

    def set_icon(self, name: str) -> None:
        """Another icon; empty: none."""

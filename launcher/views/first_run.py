"""The page of the first start: it asks whether to help others download."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QBoxLayout, QGridLayout, QWidget

from launcher.views.widgets import Button, Card, HeroWidget, Text, column, row

_HERO_PX = 240


class FirstRun(QWidget):
    """`answered` carries whether the player helps others. Neither answer is highlighted; both can be changed later."""

    answered = Signal(bool)

    def __init__(self, art: str = "") -> None:
        """``art`` is an image file of the launcher's publisher."""
        super().__init__()
        hero = HeroWidget()
        hero.set_image(Path(art) if art else None)
        hero.setMinimumHeight(_HERO_PX)
        words = self.tr("Shoal keeps your games up to date. One question before you start.")
        hero.set_texts(self.tr("Welcome to Shoal"), words)
        card = Card(self.tr("Help others download?"), self._make_question())
        column((hero, 1), row(card, margins=(28, 8, 28, 28)), parent=self)

    def _make_question(self) -> QBoxLayout:
        points = (
            (self.tr("What is shared"), self.tr("Parts of the games you install with Shoal. Never other files.")),
            (self.tr("With whom"), self.tr("With players who install or update the same game.")),
            (
                self.tr("What they see"),
                self.tr("Your internet address, as with any download from other players. Nothing else about you."),
            ),
            (
                self.tr("What changes"),
                self.tr("Downloads work either way. You can set limits, or stop at any time."),
            ),
        )
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(14)
        grid.setColumnStretch(1, 1)
        for number, (name, answer) in enumerate(points):
            grid.addWidget(Text(name, "strong"), number, 0)
            grid.addWidget(Text(answer, "muted"), number, 1)
        later = self._make_answer(self.tr("Not now"), "not-now", helps=False)
        later.setAccessibleDescription(self.tr("Nothing is shared. You can change this at any time."))
        agree = self._make_answer(self.tr("Yes, help others"), "help-others", helps=True)
        agree.setAccessibleDescription(self.tr("Share with everyone who has the same game."))
        note = Text(self.tr("You can change this at any time, here in the window or in the settings."), "muted")
        note.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        answers = row((later, 1), (agree, 1), spacing=12, margins=(0, 14, 0, 0))
        return column(grid, answers, note, spacing=10, margins=(0, 4, 0, 0))

    def _make_answer(self, label: str, name: str, *, helps: bool) -> Button:
        button = Button(label, kind="primary", name=name, clicked=lambda: self.answered.emit(helps))
        button.setMinimumHeight(40)
        return button

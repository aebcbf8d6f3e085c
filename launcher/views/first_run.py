"""The first page a player sees: what Shoal does, and the one question it has to ask."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from launcher.views.facts import line
from launcher.views.widgets import Button, Card, HeroWidget

_HERO_PX = 240


class FirstRun(QWidget):
    """`answered` carries whether the player helps others. Both answers are as good, and can be changed at any time."""

    answered = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hero = HeroWidget(self)
        self._hero.setMinimumHeight(_HERO_PX)
        words = self.tr("Shoal keeps your games up to date. It asks one thing before it starts.")
        self._hero.set_texts(self.tr("Welcome to Shoal"), words)
        card = Card(self.tr("Help others download?"), self._make_question(), self)
        below = QHBoxLayout()
        below.setContentsMargins(28, 8, 28, 28)
        below.addWidget(card)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._hero, 1)
        layout.addLayout(below)

    def _make_question(self) -> QWidget:
        body = QWidget(self)
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(10)
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
        for row, (name, answer) in enumerate(points):
            grid.addWidget(line(name, "strong", body), row, 0)
            grid.addWidget(line(answer, "muted", body), row, 1)
        column.addLayout(grid)
        buttons = QHBoxLayout()
        buttons.setSpacing(12)
        self.later = Button(self.tr("Not now"), kind="primary", parent=body)
        self.later.setObjectName("not-now")
        self.later.setAccessibleDescription(self.tr("Nothing is shared. You can change this at any time."))
        self.agree = Button(self.tr("Yes, help others"), kind="primary", parent=body)
        self.agree.setObjectName("help-others")
        self.agree.setAccessibleDescription(self.tr("Share with everyone who has the same game."))
        for button in (self.later, self.agree):
            button.setMinimumHeight(40)
            button.clicked.connect(self._answer)
            buttons.addWidget(button, 1)
        column.addSpacing(14)
        column.addLayout(buttons)
        note = line(self.tr("You can change this at any time, here in the window or in the settings."), "muted", body)
        note.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(note)
        return body

    @Slot()
    def _answer(self) -> None:
        self.answered.emit(self.sender() is self.agree)

"""The page of the first start: it asks whether to help others download."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QWidget

from launcher.views.layout import column, paragraph, row
from launcher.views.widgets import Button, Card, HeroWidget

_HERO_PX = 240


class FirstRun(QWidget):
    """`answered` carries whether the player helps others. Neither answer is highlighted; both can be changed later."""

    answered = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hero = HeroWidget(self)
        self._hero.setMinimumHeight(_HERO_PX)
        words = self.tr("Shoal keeps your games up to date. One question before you start.")
        self._hero.set_texts(self.tr("Welcome to Shoal"), words)
        card = Card(self.tr("Help others download?"), self._make_question(), self)
        column((self._hero, 1), row(card, margins=(28, 8, 28, 28)), parent=self)

    def _make_question(self) -> QWidget:
        body = QWidget(self)
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
            grid.addWidget(paragraph(name, "strong", body), number, 0)
            grid.addWidget(paragraph(answer, "muted", body), number, 1)
        later_label, agree_label = self.tr("Not now"), self.tr("Yes, help others")
        later = Button(later_label, kind="primary", parent=body, name="not-now", clicked=self._refuse)
        later.setAccessibleDescription(self.tr("Nothing is shared. You can change this at any time."))
        agree = Button(agree_label, kind="primary", parent=body, name="help-others", clicked=self._agree)
        agree.setAccessibleDescription(self.tr("Share with everyone who has the same game."))
        for button in (later, agree):
            button.setMinimumHeight(40)
        note_text = self.tr("You can change this at any time, here in the window or in the settings.")
        note = paragraph(note_text, "muted", body)
        note.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        layout = column(grid, spacing=10, margins=(0, 4, 0, 0), parent=body)
        layout.addSpacing(14)
        layout.addLayout(row((later, 1), (agree, 1), spacing=12))
        layout.addWidget(note)
        return body

    @Slot()
    def _refuse(self) -> None:
        self.answered.emit(False)

    @Slot()
    def _agree(self) -> None:
        self.answered.emit(True)

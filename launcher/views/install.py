"""The dialog before an install, and for the optional parts of what is installed: folder, space, parts, live total."""

import shutil
from pathlib import Path

from PySide6.QtCore import QLocale, QTimer, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from launcher import failures, text
from launcher.page import page_of
from launcher.state import State
from launcher.views.facts import Facts, line
from launcher.views.sheet import Sheet
from launcher.views.widgets import Banner, Button
from patcher.protocol import commands
from patcher.protocol.events import TitleSnapshot, Totals

_PATIENCE_MS = 300


class InstallSheet(Sheet):
    """Emits the command, and quiet ones that ask for the total while the player still chooses."""

    wished = Signal(object)

    def __init__(self, over: QWidget, behind: QWidget, title: TitleSnapshot, folder: str) -> None:
        part = text.translate("InstallSheet", "Parts of {title}")
        whole = text.translate("InstallSheet", "Install {title}")
        super().__init__(over, behind, (part if title.installed else whole).format(title=text.label_of(title)))
        self._title = title
        self._plan_shown: Totals | None = None
        self._stale: Totals | None = None
        self._ask = QTimer(self, singleShot=True, interval=_PATIENCE_MS)
        self._ask.timeout.connect(self._plan)
        if not title.installed:
            self.body.addLayout(self._make_folder(folder))
        else:
            self.folder = QLineEdit(title.folder, self)
            self.folder.hide()
        self._boxes = self._make_parts(title)
        self._facts = Facts(self)
        self.body.addWidget(self._facts)
        self.banner = Banner(self)
        self.body.addWidget(self.banner)
        self._make_buttons()
        self._facts.set_rows([(self.tr("Download"), "…"), (self.tr("Space needed"), "…")])
        self._ask.start()

    def _make_folder(self, folder: str) -> QVBoxLayout:
        self.folder = QLineEdit(folder, self)
        self.folder.setObjectName("folder")
        self.folder.setAccessibleName(self.tr("Folder"))
        self.folder.setAccessibleDescription(self.tr("Where the title is installed"))
        self.folder.textEdited.connect(self._edited)
        choose = Button(self.tr("Choose…"), "folder-open", parent=self)
        choose.setObjectName("choose")
        choose.setAutoDefault(False)
        choose.clicked.connect(self._choose)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.folder, 1)
        row.addWidget(choose)
        label = line(self.tr("Folder"), "muted", self)
        label.setBuddy(self.folder)
        column = QVBoxLayout()
        column.setSpacing(6)
        column.addWidget(label)
        column.addLayout(row)
        return column

    def _make_parts(self, title: TitleSnapshot) -> dict[str, QCheckBox]:
        boxes = {}
        column = QVBoxLayout()
        column.setSpacing(0)
        self.body.addLayout(column)
        tags = list(dict.fromkeys(tag for part in title.about.parts for tag in part.tags))[:40]
        mine = set(title.tags) if title.installed else _usual(tags)
        if tags:
            column.addWidget(line(self.tr("Optional parts"), "muted", self))
        for tag in tags:
            count = sum(part.size_bytes for part in title.about.parts if tag in part.tags)
            box = QCheckBox(f"{text.button_text(tag_label(tag))} · {text.size(count)}", self)
            box.setObjectName(f"part-{tag}")
            box.setChecked(tag in mine)
            box.toggled.connect(self._edited)
            column.addWidget(box)
            boxes[tag] = box
        return boxes

    def _make_buttons(self) -> None:
        self.locate = Button(self.tr("Locate installed…"), "search", "quiet", self)
        self.locate.setObjectName("locate")
        self.locate.setAccessibleDescription(self.tr("Use a folder where this title is installed already"))
        self.locate.setVisible(not self._title.installed)
        self.locate.clicked.connect(self._locate)
        cancel = Button(self.tr("Cancel"), parent=self)
        cancel.setObjectName("cancel")
        cancel.clicked.connect(self.reject)
        self.go = Button(self.tr("Change") if self._title.installed else self.tr("Install"), "", "primary", self)
        self.go.setObjectName("go")
        self.go.setDefault(True)
        self.go.clicked.connect(self._go)
        for button in (self.locate, cancel):
            button.setAutoDefault(False)
        self.buttons.addWidget(self.locate)
        self.buttons.addStretch(1)
        self.buttons.addWidget(cancel)
        self.buttons.addWidget(self.go)
        self.go.setFocus()

    # ------------------------------------------------------------ shown

    def show_state(self, state: State) -> None:
        """Follow the state: the total, the space, and what is wrong with the choice."""
        title = state.title(self._title.title)
        if title is None:
            self.reject()
            return
        free = free_bytes(self.folder.text())
        page = page_of(state, title, free)
        rows = [(self.tr("Download"), "…"), (self.tr("Space needed"), "…")]
        self._plan_shown = page.plan
        is_known = page.plan is not None and page.plan is not self._stale
        if page.plan and is_known:
            rows = [
                (self.tr("Download"), text.size(page.plan.fetch_bytes)),
                (self.tr("Space needed"), text.size(page.plan.peak_extra_bytes)),
            ]
        rows.append((self.tr("Free on this drive"), text.size(free) if free >= 0 else "…"))
        self._facts.set_rows(rows)
        self.go.setEnabled(not (is_known and page.needed_bytes))
        self._show_trouble(state)

    def _show_trouble(self, state: State) -> None:
        seen = state.of(self._title.title)
        if seen.failure is None or state.is_asking(self._title.title) or self._ask.isActive():
            self.banner.hide()
            return
        told = failures.told(seen.failure, installed=self._title.installed)
        self.banner.set_state("info" if told.is_offline else "warn", told.title, told.text)

    # ------------------------------------------------------------ asked

    def _tags(self) -> tuple[str, ...]:
        return tuple(tag for tag, box in self._boxes.items() if box.isChecked())

    @Slot()
    def _edited(self) -> None:
        """What was planned is not what is chosen now."""
        self._stale = self._plan_shown
        self._ask.start()

    @Slot()
    def _plan(self) -> None:
        name = self._title.title
        if self._title.installed:
            self.wished.emit(commands.SetTags(name, self._tags(), only="plan"))
        else:
            self.wished.emit(commands.Install(name, self.folder.text(), tags=self._tags(), only="plan"))

    @Slot()
    def _go(self) -> None:
        name = self._title.title
        self._ask.stop()
        self.accept()
        if self._title.installed:
            self.wished.emit(commands.SetTags(name, self._tags()))
        else:
            self.wished.emit(commands.Install(name, self.folder.text(), tags=self._tags()))

    @Slot()
    def _choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Where to install"), _existing(self.folder.text()))
        if chosen:
            self.folder.setText(own_folder(chosen, self._title.title))
            self._edited()

    @Slot()
    def _locate(self) -> None:
        chosen = QFileDialog.getExistingDirectory(
            self, self.tr("Where is it installed?"), _existing(self.folder.text())
        )
        if chosen:
            self._ask.stop()
            self.accept()
            self.wished.emit(commands.Install(self._title.title, chosen, tags=self._tags(), locate=True))


def own_folder(chosen: str, title: str) -> str:
    """The chosen folder when it is empty, else one of the title's own in it."""
    path = Path(chosen)
    try:
        is_empty = not any(path.iterdir())
    except OSError:
        is_empty = True
    return str(path) if is_empty else str(path / title.partition("/")[2])


def _existing(folder: str) -> str:
    path = Path(folder or ".").absolute()
    return str(next((place for place in (path, *path.parents) if place.is_dir()), path))


def free_bytes(folder: str) -> int:
    """The room on the drive that ``folder`` is or will be on; -1 when nobody can say."""
    try:
        return shutil.disk_usage(_existing(folder)).free if folder else -1
    except OSError:
        return -1


def tag_label(tag: str) -> str:
    """``lang:de`` as people say it."""
    group, _, value = tag.partition(":")
    if group == "lang":
        locale = QLocale(value)
        if locale.language() is QLocale.Language.English and "-" not in value:
            return "English"
        if name := locale.nativeLanguageName():
            return name[0].upper() + name[1:]
    elif group == "extra" and value:  # the group says no more than that this part is optional, as they all are
        words = value.replace("-", " ")
        return text.plain(words.upper() if len(words) < 3 else words[0].upper() + words[1:], 60)
    return text.plain(f"{group}: {value}", 60)


def _usual(tags: list[str]) -> set[str]:
    """The player's own language, where there is a choice of languages."""
    mine = f"lang:{QLocale().name().partition('_')[0]}"
    return {mine} & set(tags)

"""The dialog before an install (folder, parts, download size, space), and for the parts of an installed title."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QLocale, QTimer, Signal, Slot
from PySide6.QtWidgets import QBoxLayout, QCheckBox, QLineEdit, QWidget

from launcher import text
from launcher.failures import Remedy, no_space
from launcher.page import page_of
from launcher.state import State
from launcher.views.layout import FactTable, choose_folder, folder_failure, show_failure
from launcher.views.sheet import Sheet
from launcher.views.widgets import Button, Text, column, row
from patcher.protocol import commands
from patcher.protocol.events import Failure, TitleSnapshot, Totals

_PLAN_DELAY_MS = 300
_MAX_TAGS = 40
_OF_THE_FOLDER = ("disk.", "usage.folder")
"""Codes of failures that another folder mends."""


class InstallSheet(Sheet):
    """Submits the player's command and, while the player still chooses, commands that only plan it."""

    submitted = Signal(object)

    def __init__(
        self,
        window: QWidget,
        content: QWidget,
        title: TitleSnapshot,
        folder: str,
        free_bytes: Callable[[str], int],
    ) -> None:
        """``free_bytes`` says how much is free on the drive of a folder, as `free_bytes` does; -1 if unknown."""
        change = text.translate("InstallSheet", "Parts of {title}")
        install = text.translate("InstallSheet", "Install {title}")
        super().__init__(window, content, (change if title.installed else install).format(title=text.label_of(title)))
        self._title, self._free_bytes = title, free_bytes
        self._state: State | None = None
        self._plan_shown: Totals | None = None
        self._stale_plan: Totals | None = None
        self._plan_timer = QTimer(self, singleShot=True, interval=_PLAN_DELAY_MS)
        self._plan_timer.timeout.connect(self._request_plan)
        self.folder = QLineEdit(folder)
        if not title.installed:
            self.body.addLayout(self._make_folder())
        self._boxes = self._make_parts(title)
        self._facts = FactTable()
        self.body.addWidget(self._facts)
        self.banner.action_chosen.connect(self._choose_folder)
        self._make_buttons()
        self._plan_timer.start()

    def _make_folder(self) -> QBoxLayout:
        self.folder.setObjectName("folder")
        self.folder.setAccessibleName(self.tr("Folder"))
        self.folder.setAccessibleDescription(self.tr("Where the title is installed"))
        self.folder.textEdited.connect(self._edited)
        choose = Button(self.tr("Choose…"), "folder-open", name="choose", clicked=self._choose_folder)
        label = Text(self.tr("Folder"), "muted")
        label.setBuddy(self.folder)
        return column(label, row((self.folder, 1), choose, spacing=10), spacing=6)

    def _make_parts(self, title: TitleSnapshot) -> dict[str, QCheckBox]:
        boxes = {}
        tags = list(dict.fromkeys(tag for part in title.about.parts for tag in part.tags))[:_MAX_TAGS]
        chosen = set(title.tags) if title.installed else _default_tags(tags)
        parts = column(spacing=0)
        self.body.addLayout(parts)
        if tags:
            parts.addWidget(Text(self.tr("Optional parts"), "muted"))
        for tag in tags:
            size_bytes = sum(part.size_bytes for part in title.about.parts if tag in part.tags)
            box = QCheckBox(f"{text.button_text(tag_label(tag))} · {text.size(size_bytes)}")
            box.setObjectName(f"part-{tag}")
            box.setChecked(tag in chosen)
            box.toggled.connect(self._edited)
            parts.addWidget(box)
            boxes[tag] = box
        return boxes

    def _make_buttons(self) -> None:
        self.locate = Button(self.tr("Locate installed…"), "search", "quiet", name="locate", clicked=self._locate)
        self.locate.setAccessibleDescription(self.tr("Use a folder where this title is installed already"))
        cancel = Button(self.tr("Cancel"), name="cancel", clicked=self.reject)
        confirm_label = self.tr("Change") if self._title.installed else self.tr("Install")
        self.confirm = Button(confirm_label, kind="primary", name="go", clicked=self._confirm)
        self.confirm.setDefault(True)
        if not self._title.installed:
            self.buttons.addWidget(self.locate)
        self.buttons.addStretch(1)
        self.buttons.addWidget(cancel)
        self.buttons.addWidget(self.confirm)
        self.confirm.setFocus()

    # ------------------------------------------------------------ shown

    def show_state(self, state: State) -> None:
        """Show the plan, the free space, and what is wrong with the player's choice."""
        title = state.title(self._title.title)
        if title is None:
            self.reject()
            return
        self._state = state
        free = self._free_bytes(self.folder.text())
        page = page_of(state, title, free)
        self._plan_shown = page.plan
        plan = page.plan if page.plan is not self._stale_plan else None
        self._facts.set_facts(
            (self.tr("Download"), text.size(plan.fetch_bytes) if plan else "…"),
            (self.tr("Space needed"), text.size(plan.peak_extra_bytes) if plan else "…"),
            (self.tr("Free on this drive"), text.size(free) if free >= 0 else "…"),
        )
        failure = self._problem(state)
        if plan and page.needed_bytes:
            failure = no_space(self.folder.text(), page.needed_bytes, free)
        self.confirm.setEnabled(failure is None or not failure.code.startswith(_OF_THE_FOLDER))
        ways = () if self._title.installed else {Remedy.FOLDER}
        show_failure(self.banner, failure, ways, installed=self._title.installed)

    def _problem(self, state: State) -> Failure | None:
        """What is wrong with the folder as it is typed, or with the last plan for it."""
        is_settled = not state.is_planning(self._title.title) and not self._plan_timer.isActive()
        mistyped = None if self._title.installed else folder_failure(self.folder.text())
        return mistyped or (state.activity(self._title.title).failure if is_settled else None)

    # ------------------------------------------------------------ clicks

    def _tags(self) -> tuple[str, ...]:
        return tuple(tag for tag, box in self._boxes.items() if box.isChecked())

    def _command(self, only: Literal["", "plan"] = "") -> commands.Install | commands.SetTags:
        name = self._title.title
        if self._title.installed:
            return commands.SetTags(name, self._tags(), only=only)
        return commands.Install(name, self.folder.text(), tags=self._tags(), only=only)

    def _leave_with(self, command: commands.Command) -> None:
        self._plan_timer.stop()
        self.accept()
        self.submitted.emit(command)

    @Slot()
    def _edited(self) -> None:
        """The shown plan is not for this choice."""
        self._stale_plan = self._plan_shown
        self._plan_timer.start()
        if self._state:
            self.show_state(self._state)

    @Slot()
    def _request_plan(self) -> None:
        if self._title.installed or not folder_failure(self.folder.text()):
            self.submitted.emit(self._command(only="plan"))

    @Slot()
    def _confirm(self) -> None:
        self._leave_with(self._command())

    @Slot()
    def _choose_folder(self) -> None:
        def install_in(chosen: str) -> None:
            self.folder.setText(own_folder(chosen, self._title.title))
            self._edited()

        choose_folder(self, self.tr("Where to install"), _existing(self.folder.text()), install_in)

    @Slot()
    def _locate(self) -> None:
        def locate(chosen: str) -> None:
            self._leave_with(commands.Install(self._title.title, chosen, tags=self._tags(), locate=True))

        choose_folder(self, self.tr("Where is it installed?"), _existing(self.folder.text()), locate)


def own_folder(chosen: str, title: str) -> str:
    """``chosen`` if it is empty or missing, else a folder in it with the title's name."""
    path = Path(chosen)
    try:
        is_empty = not any(path.iterdir())
    except OSError:
        is_empty = True
    return str(path) if is_empty else str(path / title.partition("/")[2])


def _existing(folder: str) -> str:
    path = Path(os.path.expanduser(folder or ".")).absolute()
    return str(next((place for place in (path, *path.parents) if place.is_dir()), path))


def free_bytes(folder: str) -> int:
    """The free space on the drive of ``folder``, which need not exist yet; -1 if unknown."""
    try:
        return shutil.disk_usage(_existing(folder)).free if folder else -1
    except OSError:
        return -1


def tag_label(tag: str) -> str:
    """The label of a tag: "Deutsch" for ``lang:de``."""
    group, _, value = tag.partition(":")
    if group == "lang":
        locale = QLocale(value)
        if locale.language() is QLocale.Language.English and "-" not in value:
            return "English"
        if name := locale.nativeLanguageName():
            return name[0].upper() + name[1:]
    elif group == "extra" and value:  # the group says only that the part is optional
        words = value.replace("-", " ")
        return text.plain(words.upper() if len(words) < 3 else words[0].upper() + words[1:], 60)
    return text.plain(f"{group}: {value}", 60)


def _default_tags(tags: list[str]) -> set[str]:
    """The player's language, with or without its region; if it is not among the tags, English."""
    for language in (*QLocale().uiLanguages(), "en"):
        spoken = f"lang:{language}".lower()
        found = [tag for tag in tags if tag.lower() == spoken] or [tag for tag in tags if tag.startswith(f"{spoken}-")]
        if found:
            return {found[0]}
    return set()

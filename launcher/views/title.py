"""The page of one title: its picture, the one big button, what is new, and what an update takes or took."""

from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QUrl, Signal, Slot
from PySide6.QtGui import QAction, QDesktopServices, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from launcher import failures, text
from launcher.failures import Remedy
from launcher.page import MenuAction, Page, PrimaryAction
from launcher.views.facts import Facts, line
from launcher.views.notes import Notes
from launcher.views.transfer import Transfer
from launcher.views.widgets import ActionButton, ActionKind, Banner, Button, Card, HeroWidget
from patcher.protocol import commands
from patcher.protocol.events import TitleSnapshot

_KINDS: dict[PrimaryAction, ActionKind] = {
    PrimaryAction.PLAY: "go", PrimaryAction.QUEUED: "calm", PrimaryAction.PLAYING: "calm", PrimaryAction.WAIT: "calm",
    PrimaryAction.NEEDS_SPACE: "warn", PrimaryAction.REPAIR: "warn",
}  # fmt: skip
_HERO = 0.41
_ICONS = {
    PrimaryAction.INSTALL: "download",
    PrimaryAction.UPDATE: "circle-arrow-up",
    PrimaryAction.RESUME: "play",
    PrimaryAction.QUEUED: "clock",
    PrimaryAction.PLAY: "play",
    PrimaryAction.REPAIR: "wrench",
    PrimaryAction.NEEDS_SPACE: "hard-drive",
}


class TitlePage(QWidget):
    """`acted` is a click on the big button, `chosen` one of the options, `helped` a way out of an error."""

    wished = Signal(object)
    acted = Signal(str)
    chosen = Signal(str)
    helped = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._page: Page | None = None
        self._shown: TitleSnapshot | None = None
        self._art: str | None = None
        self.hero = HeroWidget(self)
        self.hero.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.banner = Banner(self)
        self.banner.action_chosen.connect(self.helped)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.hero)
        layout.addLayout(self._make_actions())
        below = QVBoxLayout()
        below.setContentsMargins(28, 0, 28, 22)
        below.setSpacing(14)
        below.addWidget(self.banner)
        below.addLayout(self._make_cards(), 1)
        layout.addLayout(below, 1)

    # ------------------------------------------------------------ made once

    def _make_actions(self) -> QHBoxLayout:
        self.action = ActionButton(self)
        self.action.setObjectName("action")
        self.action.setMinimumSize(248, 58)
        self.action.clicked.connect(self._act)
        self.pause = self._button(self.tr("Pause"), "pause", "pause")
        self.pause.clicked.connect(self._pause)
        self.play = self._button(self.tr("Play"), "play", "play")
        self.play.clicked.connect(self._play)
        self.options = self._button(self.tr("Options"), "settings", "options")
        self.options.setAccessibleDescription(self.tr("More that can be done with this title"))
        self.options.clicked.connect(self._open_menu)
        self._rates = QLabel(self)
        self._rates.setTextFormat(Qt.TextFormat.PlainText)
        self._rates.setProperty("role", "muted")
        self._rates.setAlignment(Qt.AlignmentFlag.AlignTrailing | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout()
        row.setContentsMargins(28, 0, 28, 14)
        row.setSpacing(12)
        for widget in (self.action, self.pause, self.play, self.options):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._rates, 1)
        return row

    def _button(self, label: str, icon: str, name: str) -> Button:
        button = Button(label, icon, parent=self)
        button.setObjectName(name)
        button.setMinimumHeight(34)
        return button

    def _make_cards(self) -> QHBoxLayout:
        self.notes = Notes(self)
        self.notes.setObjectName("notes")
        self.notes.setAccessibleName(self.tr("What’s new"))
        self._links = QHBoxLayout()
        self._links.setSpacing(8)
        news = QWidget(self)
        column = QVBoxLayout(news)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.notes, 1)
        column.addLayout(self._links)
        self._site = self._link(self.tr("Website"), "site")
        self._support = self._link(self.tr("Support"), "support")
        self._links.addStretch(1)
        self.transfer, self._facts = Transfer(self), Facts(self)
        about = QWidget(self)
        about_column = QVBoxLayout(about)
        about_column.setContentsMargins(0, 0, 0, 0)
        about_column.setSpacing(12)
        self._summary = line(parent=about)
        self._result = line(role="muted", parent=about)
        for widget in (self._summary, self._facts, self._result):
            about_column.addWidget(widget)
        about_column.addStretch(1)
        self._side = QStackedWidget(self)
        self._side.addWidget(about)
        self._side.addWidget(self.transfer)
        self._side_card = Card(self.tr("About"), self._side, self)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(Card(self.tr("What’s new"), news, self), 7)
        row.addWidget(self._side_card, 9)
        return row

    def _link(self, label: str, kind: str) -> Button:
        button = Button(label, "external-link", kind="link", parent=self)
        button.setObjectName(f"link-{kind}")
        button.setProperty("link", kind)
        button.clicked.connect(self._open_link)
        self._links.addWidget(button)
        return button

    # ------------------------------------------------------------ shown

    def show_page(self, page: Page, title: TitleSnapshot) -> None:
        """Follow the state."""
        self._page, before, self._shown = page, self._shown, title
        self.hero.set_texts(text.label_of(title), text.version_line(title, page.version_to))
        if title.about.art != self._art:
            self._art = title.about.art
            self.hero.set_image(Path(self._art) if self._art else None)
        self._show_actions(page)
        self._show_banner(page, title)
        self.notes.set_notes(title.about.notes or self.tr("The publisher wrote no notes for this release."))
        self._site.setVisible("site" in title.about.links)
        self._support.setVisible("support" in title.about.links)
        if before is None or before.title != title.title:
            self.action.setFocus(Qt.FocusReason.OtherFocusReason)
        is_moving = page.progress is not None or bool(page.flows)
        self._side.setCurrentIndex(1 if is_moving else 0)
        self._side_card.set_title(self._side_title(page, title, is_moving=is_moving))
        if is_moving:
            self.transfer.show_page(page)
        else:
            self._show_about(page, title)

    def _side_title(self, page: Page, title: TitleSnapshot, *, is_moving: bool) -> str:
        if is_moving:
            return self.tr("Transfer")
        if page.plan is None:
            return self.tr("About")
        return self.tr("This update") if title.installed else self.tr("This download")

    def _show_actions(self, page: Page) -> None:
        word, below = text.button(page)
        kind = _KINDS.get(page.act, "accent")
        icon = _ICONS.get(page.act, "")
        self.action.set_state(word, below, page.fraction, kind=kind, icon=icon, enabled=page.enabled)
        hint = text.hint_of(page)
        self.action.setAccessibleDescription(" ".join(part for part in (below, hint) if part))
        self.action.setToolTip(hint)
        self.pause.setVisible(page.act in {PrimaryAction.PAUSE, PrimaryAction.STOP, PrimaryAction.QUEUED})
        self.pause.setText(self.tr("Stop") if page.act is PrimaryAction.STOP else self.tr("Pause"))
        self.play.setVisible(page.can_play and page.act is not PrimaryAction.PLAY)
        self.options.setVisible(bool(page.choices))
        self._rates.setText(self._rates_line(page))

    def _rates_line(self, page: Page) -> str:
        progress = page.progress
        if progress is None:
            return text.result_line(page.result_verb, page.result) if page.result else ""
        down, up = text.rate(progress.rate_bps), text.rate(progress.upload_bps)
        players = self.tr("%n player(s)", "", progress.peers)
        safe = self.tr("You can close this window: the download goes on.")
        return f"▼ {down}   ▲ {up}   {players}\n{safe}" if progress.rate_bps else safe

    def _show_banner(self, page: Page, title: TitleSnapshot) -> None:
        if page.failure is None:
            self.banner.hide()
            return
        told = failures.told(page.failure, installed=title.installed)
        actions = {way.value: failures.remedy_label(way) for way in (*told.ways, Remedy.CLOSE)}
        self.banner.set_state("info" if told.is_offline else "warn", told.title, told.text, actions)

    def _show_about(self, page: Page, title: TitleSnapshot) -> None:
        self._summary.setText(text.summary_of(title.about))
        self._summary.setVisible(bool(self._summary.text()) and page.plan is None)
        rows = self._plan_rows(page) if page.plan else []
        self._facts.set_rows([*rows, *self._title_rows(title)])
        line_ = text.sources_line(page.result) if page.result else ""
        self._result.setText(line_)
        self._result.setVisible(bool(line_))

    def _plan_rows(self, page: Page) -> list[tuple[str, str]]:
        assert page.plan is not None
        plan = page.plan
        rows = [
            (self.tr("Download"), text.size(plan.fetch_bytes)),
            (self.tr("Write to disk"), text.size(plan.write_bytes)),
            (self.tr("Space needed"), text.size(plan.peak_extra_bytes)),
            (self.tr("Files"), self._files(page)),
        ]
        if page.free_bytes >= 0:
            rows.insert(3, (self.tr("Free on this drive"), text.size(page.free_bytes)))
        return rows

    def _files(self, page: Page) -> str:
        plan = page.plan
        assert plan is not None
        counts = {"changed": plan.files_changed, "added": plan.files_added, "removed": plan.files_removed}
        return self.tr("{changed} changed, {added} new, {removed} removed").format(**counts)

    def _title_rows(self, title: TitleSnapshot) -> list[tuple[str, str]]:
        whole = sum(part.size_bytes for part in title.about.parts)
        rows = [
            (self.tr("Version"), text.plain(title.version)),
            (self.tr("Size"), text.size(title.size_bytes or whole) if title.size_bytes or whole else ""),
            (self.tr("Folder"), text.plain(title.folder, 400) if title.installed else ""),
            (self.tr("Parts"), text.plain(", ".join(title.tags))),
            (self.tr("Given to others"), text.size(title.uploaded_bytes) if title.uploaded_bytes else ""),
            (self.tr("Licence"), text.plain(title.about.licence)),
            (self.tr("Feed"), title.title.partition("/")[0]),
        ]
        return [row for row in rows if row[1]]

    def said(self) -> str:
        """The line beside the buttons: rates and reassurance, or how the last job ended."""
        return self._rates.text()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The picture takes its share of the height, whatever is below it."""
        self.hero.setFixedHeight(max(140, min(400, round(self.height() * _HERO))))

    # ------------------------------------------------------------ asked

    @Slot()
    def _act(self) -> None:
        if self._page:
            self.acted.emit(self._page.act.value)

    @Slot()
    def _pause(self) -> None:
        if self._page:
            self.wished.emit(commands.Cancel(self._page.title, pause=self._page.act is not PrimaryAction.STOP))

    @Slot()
    def _play(self) -> None:
        if self._page:
            self.wished.emit(commands.Play(self._page.title))

    @Slot()
    def _open_link(self) -> None:
        url = QUrl(self._shown.about.links.get(self.sender().property("link"), "") if self._shown else "")
        if url.scheme() in {"https", "http"}:
            QDesktopServices.openUrl(url)

    def _choices(self) -> list[tuple[MenuAction, str]]:
        return [
            (MenuAction.VERIFY, self.tr("Check files")),
            (MenuAction.REPAIR, self.tr("Repair")),
            (MenuAction.PARTS, self.tr("Languages and parts…")),
            (MenuAction.ROLLBACK, self.tr("Step back to the previous release")),
            (MenuAction.MOVE, self.tr("Move to another folder…")),
            (MenuAction.OPEN_FOLDER, self.tr("Open folder")),
            (MenuAction.UNINSTALL, self.tr("Uninstall…")),
        ]

    @Slot()
    def _open_menu(self) -> None:
        menu = QMenu(self)
        menu.setObjectName("menu")
        menu.setAccessibleName(self.tr("Options"))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        allowed = self._page.choices if self._page else frozenset()
        for choice, label in self._choices():
            if choice in allowed:
                if choice in {MenuAction.OPEN_FOLDER, MenuAction.UNINSTALL}:
                    menu.addSeparator()
                menu.addAction(label).setData(choice.value)
        menu.triggered.connect(self._choose)
        corner = self.options.rect().bottomRight() if self.layoutDirection() is Qt.LayoutDirection.RightToLeft else None
        place = QPoint(corner.x() - menu.sizeHint().width(), corner.y()) if corner else self.options.rect().bottomLeft()
        menu.popup(self.options.mapToGlobal(place + QPoint(0, 6)))
        if actions := menu.actions():
            menu.setActiveAction(actions[0])

    @Slot(QAction)
    def _choose(self, action: QAction) -> None:
        self.chosen.emit(str(action.data()))

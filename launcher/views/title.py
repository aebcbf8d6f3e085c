"""The page of one title: its picture, the big button, the notes, and the plan, transfer and result of an update."""

from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QLabel, QMenu, QSizePolicy, QStackedWidget, QWidget

from launcher import text
from launcher.failures import Remedy
from launcher.page import MenuAction, Page, PrimaryAction
from launcher.views.layout import ClickGuard, FactTable, Scroller, over, show_failure
from launcher.views.notes import NotesView
from launcher.views.transfer import TransferPanel
from launcher.views.widgets import ActionButton, ActionKind, Banner, Button, Card, HeroWidget, Text, column, layers, row
from patcher.protocol.events import Phase, TitleSnapshot

_KINDS: dict[PrimaryAction, ActionKind] = {
    PrimaryAction.PLAY: "go", PrimaryAction.QUEUED: "calm", PrimaryAction.PLAYING: "calm", PrimaryAction.WAIT: "calm",
    PrimaryAction.NEEDS_SPACE: "warn", PrimaryAction.REPAIR: "warn", PrimaryAction.LOCATE: "warn",
}  # fmt: skip
_NO_BREAK = "\N{NO-BREAK SPACE}"
_HERO_SHARE = 0.41
_BELOW_HERO = 418
_ICONS = {
    PrimaryAction.INSTALL: "download",
    PrimaryAction.UPDATE: "circle-arrow-up",
    PrimaryAction.RESUME: "play",
    PrimaryAction.QUEUED: "clock",
    PrimaryAction.PLAY: "play",
    PrimaryAction.REPAIR: "wrench",
    PrimaryAction.LOCATE: "search",
    PrimaryAction.NEEDS_SPACE: "hard-drive",
}


class TitlePage(QWidget):
    """`triggered` carries the PrimaryAction, MenuAction or Remedy that the player clicked."""

    triggered = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._page: Page | None = None
        self._shown: TitleSnapshot | None = None
        self._art: str | None = None
        self._offered: tuple[object, ...] = ()
        self.hero = HeroWidget()
        self.hero.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.banner = Banner()
        self.banner.action_chosen.connect(lambda remedy: self.triggered.emit(Remedy(remedy)))
        actions, cards = self._make_actions(), self._make_cards()
        below = column((cards, 1), margins=(28, 0, 28, 22))
        column(layers(self.hero, over(self.banner)), actions, (below, 1), spacing=0, parent=self)
        self._guard = ClickGuard(self)

    # ------------------------------------------------------------ construction

    def _make_actions(self) -> QBoxLayout:
        self.action = ActionButton()
        self.action.setObjectName("action")
        self.action.setMinimumSize(180, 58)
        self.action.clicked.connect(self._run_primary)
        self.pause = Button(self.tr("Pause"), "pause", name="pause", clicked=self._pause)
        self.discard = Button(self.tr("Cancel…"), "circle-x", name="discard", clicked=self._discard)
        self.discard.setAccessibleDescription(self.tr("Give up what is paused; asks first"))
        self.play = Button(self.tr("Play"), "play", name="play", clicked=self._play)
        self.preload = Button(self.tr("Preload"), "download", name="preload", clicked=self._preload)
        self.preload.setAccessibleDescription(text.preload_line("offered"))
        self.options = Button(self.tr("Options"), "settings", name="options", clicked=self._open_menu)
        self.options.setAccessibleDescription(self.tr("More actions for this title"))
        self.status = QLabel()
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.status.setProperty("role", "muted")
        self.status.setWordWrap(True)
        self.status.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.status.setAlignment(Qt.AlignmentFlag.AlignTrailing | Qt.AlignmentFlag.AlignVCenter)
        buttons = (self.pause, self.discard, self.play, self.preload, self.options)
        layout = row(spacing=12, margins=(28, 0, 28, 14))
        for button in (self.action, *buttons):
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        for button in buttons:
            button.setMinimumHeight(34)
        layout.addWidget(self.status, 1)
        return layout

    def _make_cards(self) -> QBoxLayout:
        self.notes = NotesView()
        self.notes.setObjectName("notes")
        self.notes.setAccessibleName(self.tr("What’s new"))
        self._site = self._make_link(self.tr("Website"), "site")
        self._support = self._make_link(self.tr("Support"), "support")
        news = column((self.notes, 1), row(self._site, self._support, 1, spacing=8), spacing=6)
        self.transfer, self._facts, about = TransferPanel(), FactTable(), QWidget()
        self._summary, self._sources = Text(), Text(role="muted")
        column(self._summary, self._facts, self._sources, 1, spacing=12, parent=about)
        self._side = QStackedWidget()
        scroller = Scroller()
        scroller.setWidget(about)
        self._side.addWidget(scroller)
        self._side.addWidget(self.transfer)
        self._side_card = Card(self.tr("About"), self._side)
        return row((Card(self.tr("What’s new"), news), 7), (self._side_card, 9), spacing=16)

    def _make_link(self, label: str, kind: str) -> Button:
        return Button(label, "external-link", "link", name=f"link-{kind}", clicked=lambda: self._open_link(kind))

    # ------------------------------------------------------------ shown

    def show_page(self, page: Page, title: TitleSnapshot) -> None:
        """Show a page of a title."""
        self._page, self._shown = page, title
        offered = (title.title, page.action, page.failure, page.can_play, page.preload)
        if offered != self._offered:
            self._offered = offered
            self._guard.arm()
        self.hero.set_texts(text.label_of(title), text.version_line(title, page.version_to))
        if title.about.art != self._art:
            self._art = title.about.art
            self.hero.set_image(Path(self._art) if self._art else None)
        self._show_actions(page)
        show_failure(self.banner, page.failure, tuple(Remedy), installed=title.installed)
        self.notes.set_notes(title.about.notes or self.tr("The publisher wrote no notes for this release."))
        self._site.setVisible("site" in title.about.links)
        self._support.setVisible("support" in title.about.links)
        is_moving = page.progress is not None
        self._side.setCurrentIndex(1 if is_moving else 0)
        self._side_card.set_title(self._side_title(page, title, is_moving=is_moving))
        if is_moving:
            self.transfer.show_page(page)
        else:
            self._show_about(page, title)
        self._tell_hero()

    def _side_title(self, page: Page, title: TitleSnapshot, *, is_moving: bool) -> str:
        if is_moving:
            return self.tr("Transfer")
        if page.plan is None:
            return self.tr("About")
        return self.tr("This update") if title.installed else self.tr("This download")

    def _show_actions(self, page: Page) -> None:
        label, detail = text.button_texts(page)
        kind, icon = _KINDS.get(page.action, "accent"), _ICONS.get(page.action, "")
        self.action.set_state(label, detail, page.fraction, kind=kind, icon=icon, enabled=page.enabled)
        hint = text.hint_of(page)
        self.action.setAccessibleDescription(" ".join(part for part in (detail, hint) if part))
        self.action.setToolTip(hint)
        self.pause.setVisible(page.action in {PrimaryAction.PAUSE, PrimaryAction.STOP, PrimaryAction.QUEUED})
        self.pause.setText(self.tr("Stop") if page.action is PrimaryAction.STOP else self.tr("Pause"))
        self.discard.setVisible(page.can_discard)
        self.play.setVisible(page.can_play and page.action is not PrimaryAction.PLAY)
        self.preload.setVisible(page.preload == "offered")
        self.options.setVisible(bool(page.menu_actions))
        self.status.setText(self._status_text(page))

    def _status_text(self, page: Page) -> str:
        progress = page.progress
        if progress is None or page.action is PrimaryAction.RESUME:
            result = text.result_line(page.result_verb, page.result) if page.result else ""
            return "\n".join(filter(None, (result, text.preload_line(page.preload))))
        down, up = text.rate(progress.rate_bps), text.rate(progress.upload_bps)
        players = self.tr("%n player(s)", "", progress.peers).replace(" ", _NO_BREAK)
        safe = self.tr("You can close this window: the download continues.")
        is_receiving = progress.phase is Phase.FETCH and progress.rate_bps > 0  # other phases have the rate of the disk
        return f"▼ {down}   ▲ {up}   {players}\n{safe}" if is_receiving else safe

    def _show_about(self, page: Page, title: TitleSnapshot) -> None:
        self._summary.setText(text.summary_of(title.about))
        self._summary.setVisible(bool(self._summary.text()) and page.plan is None)
        self._facts.set_facts(*self._plan_facts(page), *self._title_facts(title))
        self._sources.setText(text.sources_line(page.result) if page.result else "")
        self._sources.setVisible(bool(self._sources.text()))

    def _plan_facts(self, page: Page) -> list[tuple[str, str]]:
        if (plan := page.plan) is None:
            return []
        counts = {"changed": plan.files_changed, "added": plan.files_added, "removed": plan.files_removed}
        files = self.tr("{changed} changed, {added} new, {removed} removed").format(**counts)
        return [
            (self.tr("Download"), text.size(plan.fetch_bytes)),
            (self.tr("Write to disk"), text.size(plan.write_bytes)),
            (self.tr("Space needed"), text.size(plan.peak_extra_bytes)),
            (self.tr("Free on this drive"), text.size(page.free_bytes) if page.free_bytes >= 0 else ""),
            (self.tr("Files"), files),
        ]

    def _title_facts(self, title: TitleSnapshot) -> list[tuple[str, str]]:
        size_bytes = title.size_bytes or sum(part.size_bytes for part in title.about.parts)
        return [
            (self.tr("Version"), text.plain(title.version)),
            (self.tr("Size"), text.size(size_bytes) if size_bytes else ""),
            (self.tr("Folder"), text.plain(title.folder, 400) if title.installed or title.folder_missing else ""),
            (self.tr("Parts"), text.plain(", ".join(title.tags))),
            (self.tr("Uploaded to others"), text.size(title.uploaded_bytes) if title.uploaded_bytes else ""),
            (self.tr("Licence"), text.plain(title.about.licence)),
            (self.tr("Feed"), title.title.partition("/")[0]),
        ]

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The picture takes a fixed share of the height, but leaves the cards enough of a small window."""
        height = self.height()
        self.hero.setFixedHeight(max(140, min(400, round(height * _HERO_SHARE), height - _BELOW_HERO)))
        self._tell_hero()

    def _tell_hero(self) -> None:
        """How far down the banner lies in front of it."""
        if layout := self.layout():
            layout.activate()
        self.hero.setContentsMargins(0, 0 if self.banner.isHidden() else self.banner.geometry().bottom(), 0, 0)

    # ------------------------------------------------------------ clicks

    @Slot()
    def _run_primary(self) -> None:
        if self._page:
            self._trigger(self._page.action)

    @Slot()
    def _pause(self) -> None:
        is_stop = self._page is not None and self._page.action is PrimaryAction.STOP
        self._trigger(PrimaryAction.STOP if is_stop else PrimaryAction.PAUSE)

    @Slot()
    def _play(self) -> None:
        self._trigger(PrimaryAction.PLAY)

    @Slot()
    def _preload(self) -> None:
        self._trigger(MenuAction.PRELOAD)

    @Slot()
    def _discard(self) -> None:
        self._trigger(MenuAction.DISCARD)

    def _trigger(self, action: PrimaryAction | MenuAction) -> None:
        self._guard.arm()
        self.triggered.emit(action)

    def _open_link(self, kind: str) -> None:
        url = QUrl(self._shown.about.links.get(kind, "") if self._shown else "")
        if url.scheme() in {"https", "http"}:
            QDesktopServices.openUrl(url)

    def _menu_labels(self) -> list[tuple[MenuAction, str]]:
        return [
            (MenuAction.VERIFY, self.tr("Check files")),
            (MenuAction.REPAIR, self.tr("Repair")),
            (MenuAction.PARTS, self.tr("Languages and parts…")),
            (MenuAction.ROLLBACK, self.tr("Step back to the previous release")),
            (MenuAction.MOVE, self.tr("Move to another folder…")),
            (MenuAction.OPEN_FOLDER, self.tr("Open folder")),
            (MenuAction.UNINSTALL, self.tr("Uninstall…")),
            (MenuAction.FORGET, self.tr("Forget…")),
        ]

    @Slot()
    def _open_menu(self) -> None:
        menu = QMenu(self)
        menu.setObjectName("menu")
        menu.setAccessibleName(self.tr("Options"))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        enabled = self._page.menu_actions if self._page else frozenset()
        for action, label in self._menu_labels():
            if action in enabled:
                if action in {MenuAction.OPEN_FOLDER, MenuAction.UNINSTALL}:
                    menu.addSeparator()
                menu.addAction(label).setData(action.value)
        menu.triggered.connect(lambda action: self.triggered.emit(MenuAction(action.data())))
        below = self.options.rect().bottomLeft() + QPoint(0, 6)
        if self.isRightToLeft():
            below.setX(self.options.rect().right() - menu.sizeHint().width())
        menu.popup(self.options.mapToGlobal(below))
        if actions := menu.actions():
            menu.setActiveAction(actions[0])

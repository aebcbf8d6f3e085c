"""The window: holds the state, shows the page the player is on, and passes commands on."""

import time

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QApplication, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from launcher import failures, page, state, text, theme
from launcher.failures import Remedy
from launcher.page import MenuAction, PrimaryAction
from launcher.prefs import Prefs
from launcher.state import Link, State
from launcher.views.actions import Acts
from launcher.views.install import InstallSheet, free_bytes
from launcher.views.library import Library
from launcher.views.title import TitlePage
from launcher.views.widgets import Banner, EmptyState, Toast
from patcher.protocol import commands
from patcher.protocol.events import Failed, Finished, Progress, Snapshot

_PROGRESS_MS = 250
_NEWS_MS = 3_600_000
_SIZE = (1240, 780)
_RESULTS = frozenset({"install", "update", "rollback", "settags", "repair", "move", "verify", "uninstall"})


class Window(QWidget):
    """`hear` takes messages of the bridge, `wished` carries commands to it; `left` says that the player is done."""

    wished = Signal(object)
    noticed = Signal(str, str)
    left = Signal()

    def __init__(self, prefs: Prefs) -> None:
        super().__init__()
        self.state, self._prefs = State(), prefs
        self._title, self._page = prefs.title, "title"
        self._read: set[str] = set()
        self._link = ""
        self.stays_in_tray = False
        self.free_bytes = free_bytes
        self.setWindowTitle("Shoal")
        self.setMinimumSize(900, 600)
        self.resize(*_SIZE)
        self._soon = QTimer(self, singleShot=True)
        self._soon.timeout.connect(self.refresh)
        self._news = QTimer(self, singleShot=True, interval=_NEWS_MS)
        self._news.timeout.connect(self.look_for_news)
        self._make_pages()
        self._make_shortcuts()
        self.restoreGeometry(prefs.geometry)
        self.refresh()

    # ------------------------------------------------------------ made once

    def _make_pages(self) -> None:
        content = QWidget(self)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(content)
        self.acts = Acts(self, content)
        self.acts.wished.connect(self.wished)
        self.acts.settled.connect(self._settle)
        self.acts.said.connect(self._say)
        self.library = Library(content)
        self.library.wished.connect(self.wished)
        self.library.picked.connect(self.show_title)
        self.library.went.connect(self.go)
        self.notice = Banner(content)
        self.notice.action_chosen.connect(self._help_feeds)
        self.stack = QStackedWidget(content)
        self.title_page = TitlePage(self.stack)
        self.title_page.wished.connect(self.wished)
        self.title_page.acted.connect(self._act)
        self.title_page.chosen.connect(self._choose)
        self.title_page.helped.connect(self._help)
        self.empty = EmptyState("library", "", "", self.tr("Add a feed"), self.stack)
        self.empty.chosen.connect(lambda: self.go("feeds"))
        self._pages: dict[str, QWidget] = {"title": self.title_page, "empty": self.empty}
        for made in self._pages.values():
            self.stack.addWidget(made)
        side = QVBoxLayout()
        side.setSpacing(0)
        above = QVBoxLayout()
        above.setContentsMargins(12, 0, 12, 0)
        above.addWidget(self.notice)
        side.addLayout(above)
        side.addWidget(self.stack, 1)
        row = QHBoxLayout(content)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.library)
        row.addLayout(side, 1)
        self.toast = Toast(self)
        self.toast.action_chosen.connect(self._play)

    def _make_shortcuts(self) -> None:
        for keys, act in (
            (QKeySequence(QKeySequence.StandardKey.Refresh), self.look_for_news),
            (QKeySequence("Ctrl+,"), lambda: self.go("settings")),
            (QKeySequence("Ctrl+L"), self.library.list.setFocus),
        ):
            QShortcut(keys, self, act)

    def _page_for(self, name: str) -> QWidget:
        """Pages that not every start shows are made when they are first shown."""
        if name not in self._pages:
            self._pages[name] = made = self._make(name)
            self.stack.addWidget(made)
        return self._pages[name]

    def _make(self, name: str) -> QWidget:
        if name == "welcome":
            from launcher.views.first_run import FirstRun

            first = FirstRun(self.stack)
            first.answered.connect(self._answer)
            return first
        if name == "feeds":
            from launcher.views.feeds import FeedsPage

            feeds = FeedsPage(self.stack)
            feeds.wished.connect(self.wished)
            feeds.copied.connect(self._copy_trouble)
            return feeds
        from launcher.views.settings import SettingsPage

        settings = SettingsPage(self.stack)
        settings.wished.connect(self.wished)
        settings.kept.connect(self._keep)
        return settings

    # ------------------------------------------------------------ heard

    @Slot(object)
    def hear(self, message: state.Message) -> None:
        """Take one message. Samples are shown four times a second, all else at once."""
        before = self.state
        self.state = state.after(before, message, time.monotonic())
        match message:
            case Progress():
                self._schedule(_PROGRESS_MS)
                return
            case Finished():
                self._tell_result(before, message)
            case state.Taken(commands.Play()):
                self.toast.hide()
            case Failed(title=title, failure=failure) if failure and title:
                self.noticed.emit(self._label(title), failures.told(failure).title)
            case Snapshot():
                self._read_news(message)
            case state.Linked(Link.UP) if before.link is Link.LOST:
                self._say(self.tr("The engine is back. What was running goes on."))
        self._schedule(0)

    def _schedule(self, delay_ms: int) -> None:
        if not self._soon.isActive() or self._soon.remainingTime() > delay_ms:
            self._soon.start(delay_ms)

    def _tell_result(self, before: State, message: Finished) -> None:
        command = before.jobs.get(message.job)
        seen = self.state.of(message.title)
        if message.title and seen.outcome is message.outcome and seen.verb in _RESULTS:
            line = text.result_line(seen.verb, message.outcome)
            can_play = seen.verb in {"install", "update", "rollback", "repair"}
            said = f"{self._label(message.title)} · {line}"
            self.toast.say(said, self.tr("Play") if can_play else "", message.title)
            if seen.verb in {"install", "update"}:
                self.noticed.emit(self._label(message.title), line)
        elif isinstance(command, commands.AddFeed) and not command.only:
            self._say(self.tr("The feed was added."))
            self.go("title")

    def _read_news(self, snapshot: Snapshot) -> None:
        """Read each feed once: after the start, when it was added, and when news are wanted."""
        for feed in snapshot.feeds:
            if feed.name not in self._read:
                self._read.add(feed.name)
                self.wished.emit(commands.RefreshFeed(feed.name))
        self._news.start()

    @Slot()
    def look_for_news(self) -> None:
        """Read all feeds again."""
        self._read.clear()
        if self.state.snapshot and self.state.link is Link.UP:
            self._read_news(self.state.snapshot)

    # ------------------------------------------------------------ shown

    @Slot()
    def refresh(self) -> None:
        """Show the state. Cheap: widgets change only where something is different."""
        known = self.state.title(self._title)
        titles = self.state.snapshot.titles if self.state.snapshot else ()
        if known is None and titles:
            known = titles[0]
            self._title = known.title
        name = self._current(has_title=known is not None)
        self.stack.setCurrentWidget(self._page_for(name))
        self.library.show_state(self.state, self._title if name == "title" else "", name)
        self.library.setVisible(name != "welcome")
        self._show_notice()
        if name == "title" and known:
            shown = page.page_of(self.state, known, self.free_bytes(known.folder) if self._needs_room() else -1)
            self.title_page.show_page(shown, known)
            if (plan := page.plan_wanted(self.state, known.title)) and self.acts.sheet is None:
                self.wished.emit(plan)
        else:
            self._show_other(name)
        if isinstance(self.acts.sheet, InstallSheet):
            self.acts.sheet.show_state(self.state)

    def _current(self, *, has_title: bool) -> str:
        if not self._prefs.welcomed:
            return "welcome"
        return "empty" if self._page == "title" and not has_title else self._page

    def _needs_room(self) -> bool:
        seen, title = self.state.of(self._title), self.state.title(self._title)
        failure = seen.failure or (title.failure if title else None)
        return seen.planned is not None or (failure is not None and failure.code == "disk.full")

    def _show_other(self, name: str) -> None:
        if name == "empty":
            if self.state.snapshot is None:
                self.empty.set_texts(self.tr("Starting Shoal"), self.tr("The engine starts; this takes a moment."), "")
            else:
                words = self.tr("Add the feed of a publisher, and its titles are here.")
                self.empty.set_texts(self.tr("Your library is empty"), words, self.tr("Add a feed"))
        elif show := getattr(self._pages[name], "show_state", None):
            show(self.state)

    def _show_notice(self) -> None:
        """The engine lost, a feed out of reach: once, above every page."""
        trouble = next((f for name, f in self.state.troubles.items() if name not in {"+", "="}), None)
        failure = self.state.link_failure if self.state.link is Link.LOST else trouble
        key = f"{self.state.link}{failure}"
        if key == self._link:
            return
        self._link = key
        if failure is None:
            self.notice.hide()
            return
        told = failures.told(failure)
        is_lost = self.state.link is Link.LOST
        ways = () if is_lost else tuple(way for way in told.ways if way in {Remedy.RETRY, Remedy.DETAILS})
        actions = {way.value: failures.remedy_label(way) for way in ways}
        self.notice.set_state("info" if told.is_offline else "warn", told.title, told.text, actions)

    # ------------------------------------------------------------ asked

    @Slot(str)
    def show_title(self, name: str) -> None:
        """Go to a title's page."""
        self._title = self._prefs.title = name
        self.go("title")

    @Slot(str)
    def go(self, name: str) -> None:
        """Go to a page: title, feeds, settings."""
        self._page = name
        if name == "settings":
            from launcher.views.settings import SettingsPage

            made = self._page_for(name)
            assert isinstance(made, SettingsPage)
            made.show_prefs(self._prefs.theme, tray=self._prefs.tray, autostart=self._prefs.autostart)
        self.refresh()
        if name == "feeds":
            address = self._page_for(name).findChild(QWidget, "address")
            assert isinstance(address, QWidget)
            address.setFocus()

    @Slot(list)
    def open_words(self, words: list[str]) -> None:
        """What a start was given: feeds to look at, ``shoal://feed/title`` to show. Nothing is done without a click."""
        for word in words:
            if word.startswith("shoal://"):
                self.show_title(text.plain(word.removeprefix("shoal://").strip("/")))
            elif word.endswith(commands.PIN_SUFFIX) or word.startswith("https://"):
                from launcher.views.feeds import FeedsPage

                self.go("feeds")
                feeds = self._page_for("feeds")
                assert isinstance(feeds, FeedsPage)
                feeds.open_source(word)
        self.show()
        self.raise_()
        self.activateWindow()

    @Slot(str)
    def _act(self, act: str) -> None:
        if title := self.state.title(self._title):
            self.acts.act(PrimaryAction(act), self.state, title)

    @Slot(str)
    def _choose(self, choice: str) -> None:
        if title := self.state.title(self._title):
            self.acts.choose(MenuAction(choice), self.state, title)

    @Slot(str)
    def _help(self, way: str) -> None:
        if title := self.state.title(self._title):
            self.acts.help(Remedy(way), self.state, title)

    @Slot(str)
    def _help_feeds(self, way: str) -> None:
        if way == Remedy.RETRY:
            self.look_for_news()
        elif failure := next(iter(self.state.troubles.values()), None):
            self.acts.copy(failure, self.state)

    @Slot(str)
    def _copy_trouble(self, key: str) -> None:
        if failure := self.state.troubles.get(key):
            self.acts.copy(failure, self.state)

    @Slot(str)
    def _settle(self, name: str) -> None:
        self.state = state.put_away(self.state, name)
        self._schedule(0)

    @Slot(bool)
    def _answer(self, on: bool) -> None:
        self._prefs.welcomed = True
        self.wished.emit(commands.ChangeSetting("sharing", "everyone" if on else "off"))
        has_feeds = bool(self.state.snapshot and self.state.snapshot.feeds)
        self.go("title" if has_feeds else "feeds")

    @Slot(str, object)
    def _keep(self, key: str, value: object) -> None:
        setattr(self._prefs, key, value)
        if key == "theme":
            app = QApplication.instance()
            assert isinstance(app, QApplication)
            theme.apply(app, self._prefs.theme)

    @Slot(str)
    def _play(self, name: str) -> None:
        self.wished.emit(commands.Play(name))

    @Slot(str)
    def _say(self, words: str) -> None:
        self.toast.say(words)

    def _label(self, name: str) -> str:
        title = self.state.title(name)
        return text.label_of(title) if title else text.plain(name)

    def closeEvent(self, event: QCloseEvent) -> None:
        """The engine goes on with what it does, whoever looks."""
        self._prefs.geometry = self.saveGeometry()
        if self.stays_in_tray and self._prefs.tray:
            self.hide()
            event.ignore()
            if self.state.is_working:
                self.noticed.emit("Shoal", self.tr("The download goes on."))
            return
        event.accept()
        self.left.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self.toast.isVisible():
            self.toast.raise_()

"""The window: it holds the state, shows the current page, and passes commands on."""

import dataclasses
import functools
import time
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QStackedWidget, QWidget

from launcher import failures, page, state, text
from launcher.answers import Answers
from launcher.failures import Remedy
from launcher.own import Own
from launcher.prefs import Prefs
from launcher.state import NEW_FEED, Link, State
from launcher.views.actions import Action, TitleActions
from launcher.views.install import InstallSheet, free_bytes
from launcher.views.layout import over, show_failure
from launcher.views.library import Library
from launcher.views.title import TitlePage
from launcher.views.widgets import Banner, EmptyState, Toast, column, layers, row
from patcher.protocol import commands
from patcher.protocol.commands import Verb
from patcher.protocol.events import Failed, Finished, Progress, Snapshot, TitleSnapshot

if TYPE_CHECKING:
    from launcher.views.feeds import FeedsPage
    from launcher.views.first_run import FirstRun
    from launcher.views.settings import SettingsPage

_PROGRESS_MS = 250
_FEED_REFRESH_MS = 3_600_000
_SIZE = (1240, 780)
_DRIVE_S = 2.0
"""The free space on a drive is looked at again after this."""
_MAX_DRIVES = 16
_SHOAL = Own()


class MainWindow(QWidget):
    """`handle_message` takes the bridge's messages, `submitted` carries commands to it.

    `notified` carries the title and the text of a desktop notification, `advanced` how far the work is, in percent, and
    -1 when there is none.
    """

    submitted = Signal(object)
    notified = Signal(str, str)
    advanced = Signal(int)
    quit_requested = Signal()
    restart_requested = Signal()

    def __init__(self, prefs: Prefs, own: Own = _SHOAL) -> None:
        super().__init__()
        self.state, self._prefs, self._own = State(), prefs, own
        self._tried_version = ""
        """Of this launcher's own next one: it is tried once between two readings of the feeds."""
        self._title, self._page = prefs.title, "title"
        self._refreshed_feeds: set[str] = set()
        self.stays_in_tray = self._is_refreshing = False
        self._drives = Answers(free_bytes, _MAX_DRIVES, self, fresh_s=_DRIVE_S)
        self._drives.changed.connect(self._schedule_refresh)
        self.free_bytes = self._free_bytes
        self.setWindowTitle(own.brand.name)
        self.setMinimumSize(900, 600)
        self.resize(*_SIZE)
        self._refresh_timer = QTimer(self, singleShot=True)
        self._refresh_timer.timeout.connect(self.refresh)
        self._feed_timer = QTimer(self, singleShot=True, interval=_FEED_REFRESH_MS)
        self._feed_timer.timeout.connect(self.refresh_feeds)
        self._make_pages()
        self._make_shortcuts()
        self.restoreGeometry(prefs.geometry)
        self.refresh()

    # ------------------------------------------------------------ construction

    def _make_pages(self) -> None:
        content = QWidget(self)
        column(content, parent=self)
        self.title_actions = TitleActions(self, content, self.free_bytes)
        self.title_actions.submitted.connect(self.submitted)
        self.title_actions.dismissed.connect(self._dismiss)
        self.library = Library(self._own)
        self.library.restart_requested.connect(self.restart_requested)
        self.library.submitted.connect(self.submitted)
        self.library.title_selected.connect(self.show_title)
        self.library.page_requested.connect(self.go)
        self.library.sharing_asked.connect(self.title_actions.ask_sharing)
        self.notice = Banner()
        self.notice.action_chosen.connect(self._run_notice_remedy)
        self.stack = QStackedWidget()
        self.title_page = TitlePage()
        self.title_page.triggered.connect(self._run)
        self.empty = EmptyState("library", action=self.tr("Add a feed"))
        self.empty.action_clicked.connect(lambda: self.go("feeds"))
        self.stack.addWidget(self.title_page)
        self.stack.addWidget(self.empty)
        row(self.library, (layers(self.stack, over(self.notice)), 1), spacing=0, parent=content)
        self.toast = Toast(self)
        self.toast.action_chosen.connect(lambda name: self.submitted.emit(commands.Play(name)))
        self.title_actions.message.connect(self.toast.show_message)

    def _make_shortcuts(self) -> None:
        for keys, slot in (
            (QKeySequence(QKeySequence.StandardKey.Refresh), self.refresh_feeds),
            (QKeySequence("Ctrl+,"), lambda: self.go("settings")),
            (QKeySequence("Ctrl+L"), self.library.list.setFocus),
        ):
            QShortcut(keys, self, slot)

    # Pages that are not part of every start are made when they are first shown.

    @functools.cached_property
    def _first_run(self) -> "FirstRun":
        from launcher.views.first_run import FirstRun

        made = FirstRun(self._own.brand.art)
        made.answered.connect(self._answer)
        self.stack.addWidget(made)
        return made

    @functools.cached_property
    def _feeds(self) -> "FeedsPage":
        from launcher.views.feeds import FeedsPage

        made = FeedsPage()
        made.submitted.connect(self.submitted)
        made.copy_requested.connect(self._copy_problem)
        made.remove_requested.connect(self.title_actions.ask_remove_feed)
        self.stack.addWidget(made)
        return made

    @functools.cached_property
    def _settings(self) -> "SettingsPage":
        from launcher.views.settings import SettingsPage

        made = SettingsPage(self._prefs)
        made.submitted.connect(self.submitted)
        self.stack.addWidget(made)
        return made

    # ------------------------------------------------------------ messages

    @Slot(object)
    def handle_message(self, message: state.Message) -> None:
        """Apply one message. Progress is shown four times a second, everything else at once."""
        before = self.state
        self.state = state.apply(before, message, time.monotonic())
        if not self._is_of_own(message):
            self._react(before, message)
        self._schedule_refresh(_PROGRESS_MS if isinstance(message, Progress) else 0)

    def _react(self, before: State, message: state.Message) -> None:
        match message:
            case Finished():
                self._show_result(before, message)
            case state.Accepted(commands.Play()):
                self.toast.hide()
            case Failed(title=title, failure=failure) if failure and title:
                self.notified.emit(self._label(title), failures.explain(failure).title)
            case Snapshot():
                self._look_after_own(message)
                self._refreshed_feeds -= _feeds_with_news(before, message)
                self._refresh_new_feeds(message)
                known = before.snapshot.listen_problem if before.snapshot else ""
                if message.listen_problem not in {"", known}:
                    self.toast.show_message(text.reach_line(message))
            case state.LinkChanged(Link.UP) if before.link is Link.LOST:
                self.toast.show_message(self.tr("The engine is running again. Its work continues."))

    def _is_of_own(self, message: state.Message) -> bool:
        """Whether the launcher's own update ended, of which a line in the library says enough.

        One that made way for the player is tried again.
        """
        is_refused = isinstance(message, state.Refused) and isinstance(message.command, commands.SelfUpdate)
        is_ended = isinstance(message, Finished | Failed) and message.title == self.state.own != ""
        if is_refused or (is_ended and isinstance(message, Failed) and message.failure is None):
            self._tried_version = ""
        return is_refused or is_ended

    @Slot()
    def _schedule_refresh(self, delay_ms: int = 0) -> None:
        if not self._refresh_timer.isActive() or self._refresh_timer.remainingTime() > delay_ms:
            self._refresh_timer.start(delay_ms)

    def _show_result(self, before: State, message: Finished) -> None:
        command = before.jobs.get(message.job)
        activity = self.state.activity(message.title)
        if message.title and activity.outcome is message.outcome:
            label, line = self._label(message.title), text.result_line(activity.verb, message.outcome)
            can_play = activity.verb in {Verb.INSTALL, Verb.UPDATE, Verb.ROLLBACK, Verb.REPAIR}
            self.toast.show_message(f"{label} · {line}", self.tr("Play") if can_play else "", message.title)
            if activity.verb in {Verb.INSTALL, Verb.UPDATE, Verb.PRELOAD}:
                self.notified.emit(label, line)
        elif isinstance(command, commands.AddFeed) and command.source == self._own.brand.url:
            self.go("title")
        elif isinstance(command, commands.AddFeed) and not command.only:
            self.toast.show_message(self.tr("The feed was added."))
            self.go("title")

    def _refresh_new_feeds(self, snapshot: Snapshot) -> None:
        """Read each feed that has not been read since the start or since `refresh_feeds`."""
        for feed in snapshot.feeds:
            if feed.name not in self._refreshed_feeds:
                self._refreshed_feeds.add(feed.name)
                self.submitted.emit(commands.RefreshFeed(feed.name))
        self._feed_timer.start()

    def _look_after_own(self, snapshot: Snapshot) -> None:
        """Add the feed of this launcher, once it is there hide the launcher's own title, and bring that up to date."""
        own = self._own
        self.state = dataclasses.replace(self.state, own=own.name_of(snapshot, own.brand.launcher))
        is_adding = any(isinstance(command, commands.AddFeed) for command in self.state.jobs.values())
        if own.needs_feed(snapshot) and not is_adding and NEW_FEED not in self.state.problems:
            self.submitted.emit(own.add_feed())
        title, update = own.title(self.state), own.update(self.state)
        if title and update and title.offered_version != self._tried_version:
            self._tried_version = title.offered_version
            self.submitted.emit(update)

    @Slot()
    def refresh_feeds(self) -> None:
        """Read all feeds again."""
        self._refreshed_feeds.clear()
        self._tried_version = ""
        if self.state.snapshot and self._own.needs_feed(self.state.snapshot):
            self.submitted.emit(self._own.add_feed())
        if self.state.snapshot and self.state.link is Link.UP:
            self._refresh_new_feeds(self.state.snapshot)

    # ------------------------------------------------------------ shown

    @Slot()
    def refresh(self) -> None:
        """Show the state. This is cheap: widgets change only where something is different."""
        if self._is_refreshing:  # a view that changes asks for more: one after the other
            self._schedule_refresh(0)
            return
        self._is_refreshing = True
        try:
            self._show_state()
        finally:
            self._is_refreshing = False

    def _show_state(self) -> None:
        first = self._own.name_of(self.state.snapshot, self._own.brand.title)
        title = self.state.title(self._title)
        if title is None and self.state.titles:
            title = self.state.title(first) or self.state.titles[0]
            self._title = title.title
        name = self._page if self._prefs.welcomed else "welcome"
        self.library.show_state(self.state, self._title if name == "title" and title else "", name)
        self.library.setVisible(name != "welcome")
        if name == "title" and title:
            self._show_title_page(title)
        else:
            self._show_page(name)
        self._show_notice()
        self.advanced.emit(self.state.percent_done)
        if isinstance(self.title_actions.sheet, InstallSheet):
            self.title_actions.sheet.show_state(self.state)

    def _show_title_page(self, title: TitleSnapshot) -> None:
        self.stack.setCurrentWidget(self.title_page)
        is_planned, failure = self.state.activity(title.title).planned is not None, self.state.failure(title)
        needs_space = is_planned or (failure is not None and failure.code == "disk.full")
        free = self.free_bytes(title.folder) if needs_space else -1
        self.title_page.show_page(page.page_of(self.state, title, free), title)
        if (plan := page.plan_to_request(self.state, title.title)) and self.title_actions.sheet is None:
            self.submitted.emit(plan)

    def _free_bytes(self, folder: str) -> int:
        """The free space on the drive of ``folder``, as it was a moment ago; -1 if unknown."""
        found = self._drives.get(folder)
        return -1 if found is None else int(found)

    def _show_page(self, name: str) -> None:
        match name:
            case "welcome":
                self.stack.setCurrentWidget(self._first_run)
            case "feeds":
                self._feeds.show_state(self.state)
                self.stack.setCurrentWidget(self._feeds)
            case "settings":
                self._settings.show_state(self.state)
                self.stack.setCurrentWidget(self._settings)
            case _:
                self.stack.setCurrentWidget(self.empty)
                self._show_empty()

    def _show_empty(self) -> None:
        if self.state.snapshot is None and self.state.link is Link.LOST:  # the notice says why
            path = self.state.link_failure.facts.get("path", "") if self.state.link_failure else ""
            self.empty.set_texts(self.tr("Shoal cannot start"), text.plain(f"{self.tr('It keeps trying.')} {path}"))
        elif self.state.snapshot is None:
            self.empty.set_texts(self.tr("Starting Shoal"), self.tr("Starting the engine; this takes a moment."))
        elif self._own.brand.url:
            words = self.tr("The publisher's titles are read; this takes a moment.")
            if NEW_FEED in self.state.problems:
                words = self.tr("The publisher's titles could not be read. Shoal tries again later.")
            self.empty.set_texts(self._own.brand.name, words)
        else:
            words = self.tr("Add a publisher's feed to see its titles here.")
            self.empty.set_texts(self.tr("Your library is empty"), words, self.tr("Add a feed"))

    def _show_notice(self) -> None:
        """Show a banner in front of every page while the engine is lost, or the home or a feed cannot be read.

        A banner of the page itself is at the same place and goes before a feed's.
        """
        page_now = self.stack.currentWidget()
        is_free = page_now is None or all(banner.isHidden() for banner in page_now.findChildren(Banner))
        if self.state.link is Link.LOST:
            show_failure(self.notice, self.state.link_failure, () if self.state.snapshot else {Remedy.DETAILS})
        elif self.state.home_problem:
            show_failure(self.notice, self.state.home_problem, {Remedy.CLOSE, Remedy.DETAILS})
        else:
            needs_feed = self.state.snapshot is not None and self._own.needs_feed(self.state.snapshot)
            key = NEW_FEED if needs_feed else self.state.unread_feed
            problem = self.state.problems.get(key) if is_free else None
            show_failure(self.notice, problem, {Remedy.RETRY, Remedy.DETAILS})

    # ------------------------------------------------------------ clicks

    @Slot(str)
    def show_title(self, name: str) -> None:
        """Go to the page of the title called ``feed/name``."""
        self._title = self._prefs.title = name
        self.go("title")

    @Slot(str)
    def go(self, name: str) -> None:
        """Go to a page: "title", "feeds" or "settings"."""
        self._page = name
        self.refresh()
        if name == "feeds":
            self._feeds.address.setFocus()

    @Slot(list)
    def open_words(self, words: list[str]) -> None:
        """Open the words of a start: feeds, or titles as ``shoal://feed/title``. Nothing is done without a click."""
        for word in words:
            if word.startswith("shoal://"):
                self.show_title(text.plain(word.removeprefix("shoal://").strip("/")))
            elif word.endswith(commands.PIN_SUFFIX) or word.startswith("https://"):
                self.go("feeds")
                self._feeds.open_source(word)
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    @Slot(object)
    def _run(self, action: Action) -> None:
        if title := self.state.title(self._title):
            self.title_actions.run(action, self.state, title)

    @Slot(str)
    def _run_notice_remedy(self, remedy: str) -> None:
        if remedy == Remedy.RETRY:
            self.refresh_feeds()
        elif remedy == Remedy.CLOSE:
            self.state = state.dismiss_home_problem(self.state)
            self.refresh()
        elif problem := self.state.link_failure or self.state.home_problem:
            self.title_actions.copy_details(problem, self.state)
        else:
            self._copy_problem(self.state.unread_feed)

    @Slot(str)
    def _copy_problem(self, key: str) -> None:
        self.title_actions.copy_details(self.state.problems.get(key), self.state)

    @Slot(str)
    def _dismiss(self, title: str) -> None:
        self.state = state.dismiss(self.state, title)
        self._schedule_refresh(0)

    @Slot(bool)
    def _answer(self, on: bool) -> None:
        self._prefs.welcomed = True
        self.submitted.emit(commands.ChangeSetting("sharing", "everyone" if on else "off"))
        has_feeds = bool(self._own.brand.url or (self.state.snapshot and self.state.snapshot.feeds))
        self.go("title" if has_feeds else "feeds")

    def _label(self, name: str) -> str:
        title = self.state.title(name)
        return text.label_of(title) if title else text.plain(name)

    def closeEvent(self, event: QCloseEvent) -> None:
        """The engine goes on with its jobs."""
        self._prefs.geometry = self.saveGeometry()
        if self.stays_in_tray and self._prefs.tray:
            self.hide()
            event.ignore()
            if self.state.is_working:
                self.notified.emit(self._own.brand.name, self.tr("The download continues."))
            return
        event.accept()
        self.quit_requested.emit()


def _feeds_with_news(before: State, now: Snapshot) -> set[str]:
    """The feeds of titles whose new release was seen by another job, which reads no notes."""
    known = {title.title: title.offered_version for title in before.titles}
    news = (title for title in now.titles if known.get(title.title, title.offered_version) != title.offered_version)
    return {title.title.partition("/")[0] for title in news if not title.about.notes}

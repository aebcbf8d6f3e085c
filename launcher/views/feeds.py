"""The page of the feeds: look one up by address or file, compare its fingerprint, add it, remove it."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QBoxLayout, QFileDialog, QLineEdit

from launcher import text
from launcher.failures import Remedy
from launcher.models import ListModel, feed_rows
from launcher.state import NEW_FEED, Link, State
from launcher.views.layout import FactTable, ScrollPage, list_view, show_failure
from launcher.views.widgets import Banner, Button, Card, Text, column, row
from patcher.protocol import commands
from patcher.protocol.events import FeedSnapshot

_BODY = (0, 4, 0, 0)
"""The margins of a card's body."""


class FeedsPage(ScrollPage):
    """Submits AddFeed, and Cancel for a look-up.

    `remove_requested` carries the name of a feed, `copy_requested` a key of `State.problems`.
    """

    submitted = Signal(object)
    remove_requested = Signal(str)
    copy_requested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._source, self._look_job = "", 0
        self._found: FeedSnapshot | None = None
        self._in_use: set[str] = set()
        self.setAcceptDrops(True)
        about = self.tr("A feed lists a publisher's titles. It is signed; the fingerprint identifies the signer.")
        self.banner = Banner()
        self.banner.action_chosen.connect(self._run_remedy)
        self._found_card = Card(self.tr("Is this the publisher you mean?"), self._make_found())
        self._found_card.hide()
        self._list_card = Card(self.tr("Your feeds"), self._make_list())
        form = Card(self.tr("Add a feed"), self._make_form())
        title = Text(self.tr("Feeds"), "page")
        cards = (form, self._found_card, self._list_card)
        self.set_content(title, Text(about, "muted"), *cards, banner=self.banner)

    def _make_form(self) -> QBoxLayout:
        self.address = QLineEdit()
        self.address.setObjectName("address")
        self.address.setPlaceholderText("https://")
        self.address.setAccessibleName(self.tr("Address of the feed"))
        self.address.setAccessibleDescription(self.tr("As the publisher gives it, or a .shoalfeed file"))
        self.address.setMaxLength(2000)
        self.address.returnPressed.connect(self.look)
        self.search = Button(self.tr("Look up"), "search", "primary", name="look", clicked=self.look)
        file = Button(self.tr("Open a file…"), "file-text", name="open-feed", clicked=self._open)
        self._hint = Text(role="muted")
        self.stop = Button(self.tr("Cancel"), kind="link", name="stop-look", clicked=self._stop)
        kept = self.stop.sizePolicy()
        kept.setRetainSizeWhenHidden(True)
        self.stop.setSizePolicy(kept)
        below = row((self._hint, 1), self.stop, spacing=10)
        return column(row((self.address, 1), self.search, file, spacing=10), below, spacing=6, margins=_BODY)

    def _make_found(self) -> QBoxLayout:
        self._facts = FactTable()
        self.fingerprint = Text(role="code")
        self.fingerprint.setObjectName("fingerprint")
        self.fingerprint.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.fingerprint.setAccessibleName(self.tr("Fingerprint"))
        self._question = Text(role="muted")
        self.add = Button(self.tr("Add this feed"), "check", "primary", name="add", clicked=self._add)
        refuse = Button(self.tr("Do not add"), name="refuse", clicked=self._refuse)
        buttons = row(self.add, refuse, 1, spacing=10)
        return column(self._facts, self.fingerprint, self._question, buttons, spacing=12, margins=_BODY)

    def _make_list(self) -> QBoxLayout:
        self.feeds = ListModel(self)
        self.list = list_view(self.feeds, "feed-list", self.tr("Your feeds"))
        self.list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.selectionModel().currentChanged.connect(self._select)
        self.remove = Button(self.tr("Remove"), "trash-2", name="remove", clicked=self._remove)
        self.remove.setAccessibleDescription(self.tr("Remove the selected feed; its titles must be uninstalled first"))
        self._in_use_note = Text(role="muted")
        return column(self.list, row(self.remove, (self._in_use_note, 1), spacing=6), spacing=6, margins=_BODY)

    # ------------------------------------------------------------ shown

    def show_state(self, state: State) -> None:
        """Show the feeds, the feed that was looked up, and what is wrong with it."""
        self.feeds.set_rows(feed_rows(state))
        self._in_use = {title.title.partition("/")[0] for title in state.titles if title.installed}
        self._select()
        self._list_card.setVisible(self.feeds.rowCount() > 0)
        self.list.setFixedHeight(60 * self.feeds.rowCount() + 4)
        looks = (job for job, command in state.jobs.items() if isinstance(command, commands.AddFeed))
        self._look_job = next(looks, 0)
        self.search.setEnabled(state.link is Link.UP and not self._look_job)
        self.add.setEnabled(state.link is Link.UP and not self._look_job)
        self.stop.setVisible(bool(self._look_job))
        self._hint.setText(
            self.tr("Reading the feed…")
            if self._look_job
            else self.tr("Nothing is added until you have compared the fingerprint.")
        )
        if state.found_feed is not self._found:
            self._show_found(state.found_feed, state.snapshot.feeds if state.snapshot else ())
        failure = state.problems.get(NEW_FEED)
        is_no_feed = failure is not None and failure.code == "usage.argument"
        title = self.tr("This is neither the address of a feed nor a feed file.") if is_no_feed else ""
        show_failure(self.banner, failure, set(Remedy) - {Remedy.CLOSE, Remedy.LOG}, title=title, installed=False)

    def _show_found(self, found: FeedSnapshot | None, feeds: Sequence[FeedSnapshot]) -> None:
        self._found = found
        self._found_card.setVisible(found is not None)
        if found is None:
            return
        titles = text.plain(", ".join(found.titles), 200)
        self._facts.set_facts(
            (self.tr("Name"), text.plain(found.name)),
            (self.tr("Address"), text.plain(found.url, 400)),
            (self.tr("Titles"), titles or self.tr("none yet")),
        )
        self.fingerprint.setText(_grouped(found.fingerprint))
        self.fingerprint.setAccessibleDescription(self.fingerprint.text())
        same = [feed for feed in feeds if feed.fingerprint == found.fingerprint]
        is_new_here = found.url not in [feed.url for feed in same]
        self._question.setText(self._question_about(is_known=bool(same), is_new_here=is_new_here))
        self.add.setText(self.tr("Use this address") if same else self.tr("Add this feed"))
        self.add.setVisible(is_new_here)

    def _question_about(self, *, is_known: bool, is_new_here: bool) -> str:
        if not is_new_here:
            return self.tr("This feed is one of yours already.")
        if is_known:
            return self.tr("You have this feed from another address. From now on it would be read from this one.")
        return self.tr(
            "Compare this fingerprint with the one that the publisher shows. Add the feed only if they are identical."
        )

    def open_source(self, source: str) -> None:
        """Look up a feed from the command line, a second start or a dropped file."""
        self.address.setText(source)
        self.look()

    # ------------------------------------------------------------ clicks

    @Slot()
    def look(self) -> None:
        """Look up the feed at the address."""
        self._source = self.address.text().strip()
        if self._source and not self._look_job:  # the bridge keeps the command until there is an engine
            self.submitted.emit(commands.AddFeed(self._source, only="look"))

    @Slot()
    def _stop(self) -> None:
        self.submitted.emit(commands.Cancel(job=self._look_job))

    @Slot()
    def _add(self) -> None:
        if self._found:
            self.submitted.emit(commands.AddFeed(self._source or self._found.url, self._found.fingerprint))
            self._refuse()

    @Slot()
    def _refuse(self) -> None:
        self._found_card.hide()
        self.address.setFocus()

    @Slot(str)
    def _run_remedy(self, remedy: str) -> None:
        if remedy == Remedy.RETRY:
            self.look()
        else:
            self.copy_requested.emit(NEW_FEED)

    @Slot()
    def _open(self) -> None:
        kinds = self.tr("Feed files (*.shoalfeed)")
        path, _ = QFileDialog.getOpenFileName(self, self.tr("Open a feed file"), "", kinds)
        if path:
            self.open_source(path)

    @Slot()
    def _select(self) -> None:
        name = self.feeds.name_at(self.list.currentIndex().row())
        self.remove.setEnabled(bool(name) and name not in self._in_use)
        note = self.tr("Uninstall the titles of this feed first, then it can be removed.")
        self._in_use_note.setText(note if name in self._in_use else "")

    @Slot()
    def _remove(self) -> None:
        if name := self.feeds.name_at(self.list.currentIndex().row()):
            self.remove_requested.emit(name)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _feed_file(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.open_source(_feed_file(event))


def _feed_file(event: QDropEvent) -> str:
    """The first ``.shoalfeed`` file that is dragged, or empty."""
    files = (url.toLocalFile() for url in event.mimeData().urls())
    return next((file for file in files if file.endswith(commands.PIN_SUFFIX)), "")


def _grouped(fingerprint: str) -> str:
    """The 64 hex digits in groups of four, for comparing."""
    digits = text.plain(fingerprint, 80)
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))

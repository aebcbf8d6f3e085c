"""The feeds: add one by address or file, with its fingerprint shown to compare; look at them, remove them."""

from dataclasses import replace

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QListView, QVBoxLayout, QWidget

from launcher import failures, text
from launcher.failures import Remedy
from launcher.models import FeedLines
from launcher.state import Link, State
from launcher.views.facts import Facts, Scroll, line
from launcher.views.widgets import Banner, Button, Card, TitleDelegate
from patcher.protocol import commands
from patcher.protocol.events import FeedSnapshot

_ADD = "+"


class FeedsPage(Scroll):
    """Emits AddFeed and RemoveFeed; `copied` carries a key of `State.troubles`."""

    wished = Signal(object)
    copied = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(820, parent)
        self._source, self._is_looking = "", False
        self._found: FeedSnapshot | None = None
        self._in_use: set[str] = set()
        self.setAcceptDrops(True)
        self.column.addWidget(line(self.tr("Feeds"), "page", self))
        about = self.tr("A feed is where a publisher offers titles. It is signed; the fingerprint names the signer.")
        self.column.addWidget(line(about, "muted", self))
        self.banner = Banner(self)
        self.banner.action_chosen.connect(self._help)
        self.column.addWidget(self.banner)
        self.column.addWidget(Card(self.tr("Add a feed"), self._make_form(), self))
        self._found_card = Card(self.tr("Is this the publisher you mean?"), self._make_found(), self)
        self._found_card.hide()
        self.column.addWidget(self._found_card)
        self._list_card = Card(self.tr("Your feeds"), self._make_list(), self)
        self.column.addWidget(self._list_card)
        self.column.addStretch(1)

    def _make_form(self) -> QWidget:
        form = QWidget(self)
        self.address = QLineEdit(form)
        self.address.setObjectName("address")
        self.address.setPlaceholderText("https://")
        self.address.setAccessibleName(self.tr("Address of the feed"))
        self.address.setAccessibleDescription(self.tr("As the publisher gives it, or a .shoalfeed file"))
        self.address.setMaxLength(2000)
        self.address.setClearButtonEnabled(False)
        self.address.returnPressed.connect(self.look)
        self.search = Button(self.tr("Look"), "search", "primary", form)
        self.search.setObjectName("look")
        self.search.clicked.connect(self.look)
        file = Button(self.tr("Open a file…"), "file-text", parent=form)
        file.setObjectName("open-feed")
        file.clicked.connect(self._open)
        row = QHBoxLayout()
        row.setSpacing(10)
        for widget in (self.address, self.search, file):
            row.addWidget(widget, 1 if widget is self.address else 0)
        layout = QVBoxLayout(form)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addLayout(row)
        self._hint = line(self.tr("Nothing is trusted before you have seen the fingerprint."), "muted", form)
        layout.addWidget(self._hint)
        return form

    def _make_found(self) -> QWidget:
        body = QWidget(self)
        self._facts = Facts(body)
        self.fingerprint = line(parent=body, role="code")
        self.fingerprint.setObjectName("fingerprint")
        self.fingerprint.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.fingerprint.setAccessibleName(self.tr("Fingerprint"))
        question = self.tr(
            "Compare with the fingerprint that the publisher shows. Add the feed when all of it is the same."
        )
        self.add = Button(self.tr("Add this feed"), "check", "primary", body)
        self.add.setObjectName("add")
        self.add.clicked.connect(self._add)
        refuse = Button(self.tr("Do not add"), parent=body)
        refuse.setObjectName("refuse")
        refuse.clicked.connect(self._refuse)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addWidget(self.add)
        buttons.addWidget(refuse)
        buttons.addStretch(1)
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(12)
        for widget in (self._facts, self.fingerprint, line(question, "muted", body)):
            layout.addWidget(widget)
        layout.addLayout(buttons)
        return body

    def _make_list(self) -> QWidget:
        body = QWidget(self)
        self.feeds = FeedLines(self)
        self.list = QListView(body)
        self.list.setObjectName("feed-list")
        self.list.setModel(self.feeds)
        self.list.setItemDelegate(TitleDelegate(self.list))
        self.list.setFrameShape(QListView.Shape.NoFrame)
        self.list.setAccessibleName(self.tr("Your feeds"))
        self.list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.list.selectionModel().currentChanged.connect(self._choose)
        self.remove = Button(self.tr("Remove"), "trash-2", parent=body)
        self.remove.setObjectName("remove")
        self.remove.setAccessibleDescription(self.tr("Forget the chosen feed; its titles must be uninstalled first"))
        self.remove.setEnabled(False)
        self.remove.clicked.connect(self._remove)
        row = QHBoxLayout()
        self._why = line(role="muted", parent=body)
        row.addWidget(self.remove)
        row.addWidget(self._why, 1)
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addWidget(self.list)
        layout.addLayout(row)
        return body

    # ------------------------------------------------------------ shown

    def show_state(self, state: State) -> None:
        """Follow the state."""
        self.feeds.show(state)
        titles = state.snapshot.titles if state.snapshot else ()
        self._in_use = {title.title.partition("/")[0] for title in titles if title.installed}
        self._choose()
        self._list_card.setVisible(self.feeds.rowCount() > 0)
        self.list.setFixedHeight(60 * self.feeds.rowCount() + 4)
        self._is_looking = is_looking = any(isinstance(command, commands.AddFeed) for command in state.jobs.values())
        self.search.setEnabled(state.link is Link.UP and not is_looking)
        self.add.setEnabled(state.link is Link.UP and not is_looking)
        self._hint.setText(
            self.tr("Reading the feed…")
            if is_looking
            else self.tr("Nothing is trusted before you have seen the fingerprint.")
        )
        if state.found is not self._found:
            self._show_found(state.found)
        failure = state.troubles.get(_ADD)
        if failure is None:
            self.banner.hide()
            return
        told = failures.told(failure, installed=False)
        if failure.code == "usage.argument":
            told = replace(told, title=self.tr("This is neither the address of a feed nor a feed file."))
        ways = {way.value: failures.remedy_label(way) for way in told.ways}
        self.banner.set_state("info" if told.is_offline else "warn", told.title, told.text, ways)

    def _show_found(self, found: FeedSnapshot | None) -> None:
        self._found = found
        self._found_card.setVisible(found is not None)
        if found is None:
            return
        titles = text.plain(", ".join(found.titles), 200)
        self._facts.set_rows(
            [
                (self.tr("Name"), text.plain(found.name)),
                (self.tr("Address"), text.plain(found.url, 400)),
                (self.tr("Titles"), titles or self.tr("none yet")),
            ]
        )
        spelt = grouped(found.fingerprint)
        self.fingerprint.setText(spelt)
        self.fingerprint.setAccessibleDescription(spelt)
        self.add.setFocus(Qt.FocusReason.OtherFocusReason)

    def open_source(self, source: str) -> None:
        """Look at a feed that was named outside: on the command line, by a second start, by a drop."""
        self.address.setText(source)
        self.look()

    # ------------------------------------------------------------ asked

    @Slot()
    def look(self) -> None:
        """Ask what is at the address."""
        self._source = self.address.text().strip()
        if self._source and not self._is_looking:  # before the engine answers, the bridge keeps the command
            self.wished.emit(commands.AddFeed(self._source, only="look"))

    @Slot()
    def _add(self) -> None:
        if self._found:
            self.wished.emit(commands.AddFeed(self._source or self._found.url, self._found.fingerprint))
            self._refuse()

    @Slot()
    def _refuse(self) -> None:
        self._found_card.hide()
        self.address.setFocus()

    @Slot(str)
    def _help(self, way: str) -> None:
        if way == Remedy.RETRY:
            self.look()
        else:
            self.copied.emit(_ADD)

    @Slot()
    def _open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, self.tr("Open a feed file"), "", self.tr("Feed files (*.shoalfeed)")
        )
        if path:
            self.open_source(path)

    @Slot()
    def _choose(self) -> None:
        name = self.feeds.name_at(self.list.currentIndex().row())
        self.remove.setEnabled(bool(name) and name not in self._in_use)
        keep = self.tr("Uninstall the titles of this feed first, then it can be removed.")
        self._why.setText(keep if name in self._in_use else "")

    @Slot()
    def _remove(self) -> None:
        if name := self.feeds.name_at(self.list.currentIndex().row()):
            self.wished.emit(commands.RemoveFeed(name))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.toLocalFile().endswith(commands.PIN_SUFFIX) for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        names = [url.toLocalFile() for url in event.mimeData().urls()]
        if found := next((name for name in names if name.endswith(commands.PIN_SUFFIX)), ""):
            self.open_source(found)


def grouped(fingerprint: str) -> str:
    """64 digits in groups of four, as people compare them."""
    clean = text.plain(fingerprint, 80)
    return " ".join(clean[at : at + 4] for at in range(0, len(clean), 4))

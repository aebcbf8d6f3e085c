"""The sidebar: the library, the buttons of the feeds and settings pages, and the sharing switch."""

from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QListView, QWidget

from launcher import text
from launcher.models import ListModel, Made, title_rows
from launcher.own import Own
from launcher.state import Link, State
from launcher.views.layout import list_view
from launcher.views.widgets import Button, ElidedLabel, Switch, Text, column, row
from patcher.protocol import commands

_WIDTH = 236


class Library(QWidget):
    """`title_selected` carries ``feed/title``, `page_requested` "feeds" or "settings".

    `sharing_asked`: the player would share for the first time, and must be asked with whom.
    """

    submitted = Signal(object)
    sharing_asked = Signal()
    title_selected = Signal(str)
    page_requested = Signal(str)
    restart_requested = Signal()

    def __init__(self, own: Own) -> None:
        super().__init__()
        self._own = own
        self.setObjectName("sidebar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(_WIDTH)
        brand = QLabel("SHOAL") if own.brand.is_shoal else ElidedLabel(text.plain(own.brand.name.upper()))
        brand.setObjectName("brand")
        brand.setProperty("role", "brand")
        head = row(brand, margins=(26, 6, 8, 8))
        self.titles = ListModel(self)
        self._made: Made = {}
        self._is_following = False
        self._last_sharing = ""
        self.list = self._make_list()
        self.feeds = Button(self.tr("Feeds"), "rss", "nav", name="feeds", clicked=self._request_page)
        self.settings = Button(self.tr("Settings"), "settings", "nav", name="settings-page", clicked=self._request_page)
        self.share = Switch(self.tr("Help others download"), name="share", clicked=self._share)
        self.share.setAccessibleDescription(
            self.tr(
                "Other players get parts of your installed titles from this computer. They see its internet address."
            )
        )
        self.feeds.setVisible(own.brand.other_feeds)
        self.news = Text("", "muted")
        self.news.hide()
        self.restart = Button(self.tr("Restart"), "circle-arrow-up", "link", name="restart")
        self.restart.clicked.connect(self.restart_requested)
        self.restart.hide()
        self.held = Text("", "muted")
        self.held.hide()
        titles = column(self.list, margins=(8, 0, 8, 0))
        pages = column(self.feeds, self.settings, spacing=2, margins=(10, 0, 10, 0))
        foot = column(self.news, self.restart, self.share, self.held, margins=(18, 4, 14, 16))
        column(head, (titles, 1), pages, foot, spacing=6, margins=(0, 12, 0, 0), parent=self)

    def _make_list(self) -> QListView:
        view = list_view(self.titles, "library", self.tr("Library"))
        view.setAccessibleDescription(self.tr("Your titles; the arrow keys select one"))
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setUniformItemSizes(True)
        view.setMouseTracking(True)
        view.selectionModel().selectionChanged.connect(self._select)
        return view

    def show_state(self, state: State, title: str, page: str) -> None:
        """Show the titles. ``title`` is the selected one, empty if ``page`` is not the page of a title."""
        self.feeds.setChecked(page == "feeds")
        self.settings.setChecked(page == "settings")
        self._is_following = True  # the list selects another row by itself if the selected one is removed
        self.titles.set_rows(title_rows(state, self._made))
        number = self.titles.row_of(title)
        index, selection = self.titles.index(number), self.list.selectionModel()
        if number < 0:
            selection.clearSelection()
        elif not selection.isSelected(index):
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._is_following = False
        settings = state.snapshot.settings if state.snapshot else {}
        self._last_sharing = str(settings.get("last_sharing", ""))
        self.share.setChecked(settings.get("sharing", "off") != "off")
        self.share.setEnabled(state.link is Link.UP)
        self._show_own(state)
        words = text.held(state.snapshot) if state.snapshot else ""
        self.held.setText(words)
        self.held.setVisible(bool(words))

    def _show_own(self, state: State) -> None:
        """The launcher's next version is ready, or did not start."""
        name, version, failed = self._own.brand.name, self._own.ready(state), self._own.failed()
        ready = self.tr("{name} {version} is ready.").format(name=name, version=version)
        words = self.tr("{name} {version} did not start here, so the version before it runs.")
        self.news.setText(text.plain(ready if version else words.format(name=name, version=failed)))
        self.news.setVisible(bool(version or failed))
        self.restart.setVisible(bool(version))

    @Slot(QItemSelection, QItemSelection)
    def _select(self, selected: QItemSelection, _deselected: QItemSelection) -> None:
        if selected.indexes() and not self._is_following:
            self.title_selected.emit(self.titles.name_at(selected.indexes()[0].row()))

    @Slot()
    def _request_page(self) -> None:
        self.page_requested.emit("feeds" if self.sender() is self.feeds else "settings")

    @Slot(bool)
    def _share(self, on: bool) -> None:
        if on and not self._last_sharing:
            self.share.setChecked(False)
            self.sharing_asked.emit()
        else:
            self.submitted.emit(commands.ChangeSetting("sharing", self._last_sharing if on else "off"))

"""The side of the window: the library, the way to feeds and settings, and the consent to help others."""

from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QListView, QVBoxLayout, QWidget

from launcher.models import Titles
from launcher.state import Link, State
from launcher.views.widgets import Button, Switch, TitleDelegate
from patcher.protocol import commands

_WIDTH = 236


class Library(QWidget):
    """`picked` names the title the player chose; `went` the page: feeds or settings."""

    wished = Signal(object)
    picked = Signal(str)
    went = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidebar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(_WIDTH)
        brand = QLabel("SHOAL", self)
        brand.setObjectName("brand")
        brand.setProperty("role", "brand")
        brand.setContentsMargins(26, 6, 0, 8)
        self.titles = Titles(self)
        self._is_following = False
        self.list = self._make_list()
        self.feeds = self._button(self.tr("Feeds"), "rss", "feeds")
        self.settings = self._button(self.tr("Settings"), "settings", "settings-page")
        self.share = Switch(self.tr("Help others download"), self)
        self.share.setObjectName("share")
        self.share.setAccessibleDescription(
            self.tr(
                "Other players get parts of your installed titles from this computer. They see its internet address."
            )
        )
        self.share.clicked.connect(self._share)
        row = QVBoxLayout()
        row.setContentsMargins(10, 0, 10, 0)
        row.setSpacing(2)
        row.addWidget(self.feeds)
        row.addWidget(self.settings)
        foot = QVBoxLayout()
        foot.setContentsMargins(18, 4, 14, 16)
        foot.addWidget(self.share)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 12, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(brand)
        middle = QVBoxLayout()
        middle.setContentsMargins(8, 0, 8, 0)
        middle.addWidget(self.list)
        layout.addLayout(middle, 1)
        layout.addLayout(row)
        layout.addLayout(foot)

    def _make_list(self) -> QListView:
        view = QListView(self)
        view.setObjectName("library")
        view.setModel(self.titles)
        view.setItemDelegate(TitleDelegate(view))
        view.setAccessibleName(self.tr("Library"))
        view.setAccessibleDescription(self.tr("Your titles; arrow keys choose one"))
        view.setFrameShape(QListView.Shape.NoFrame)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setUniformItemSizes(True)
        view.setMouseTracking(True)
        view.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        view.selectionModel().selectionChanged.connect(self._pick)
        return view

    def _button(self, label: str, icon: str, name: str) -> Button:
        button = Button(label, icon, "nav", self)
        button.setObjectName(name)
        button.clicked.connect(self._go)
        return button

    def show_state(self, state: State, current: str, page: str) -> None:
        """Follow the state; ``current`` is the title whose ``page`` is shown, empty when another one is."""
        self.feeds.setChecked(page == "feeds")
        self.settings.setChecked(page == "settings")
        self.titles.show(state)
        row = self.titles.row_of(current)
        index, selection = self.titles.index(row), self.list.selectionModel()
        self._is_following = True
        if row < 0:
            selection.clearSelection()
        elif not selection.isSelected(index):
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._is_following = False
        sharing = state.snapshot.settings.get("sharing", "off") if state.snapshot else "off"
        self.share.setChecked(sharing != "off")
        self.share.setEnabled(state.link is Link.UP)

    @Slot(QItemSelection, QItemSelection)
    def _pick(self, chosen: QItemSelection, _before: QItemSelection) -> None:
        if chosen.indexes() and not self._is_following:
            self.picked.emit(self.titles.name_at(chosen.indexes()[0].row()))

    @Slot()
    def _go(self) -> None:
        self.went.emit("feeds" if self.sender() is self.feeds else "settings")

    @Slot(bool)
    def _share(self, on: bool) -> None:
        self.wished.emit(commands.ChangeSetting("sharing", "everyone" if on else "off"))

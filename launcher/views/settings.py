"""The settings: every change is a command at once; what the engine says is shown."""

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QSystemTrayIcon,
    QWidget,
)  # fmt: skip

from launcher import failures
from launcher.state import Link, State
from launcher.views.facts import Scroll, line
from launcher.views.widgets import Banner, Button, Card, NumberBox, Switch, Text
from patcher.protocol import commands

_MB, _GB = 1_000_000, 1_000_000_000


class SettingsPage(Scroll):
    """`wished` carries ChangeSetting; `kept` a key and value that the window itself remembers."""

    wished = Signal(object)
    kept = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(820, parent)
        self._choices: dict[str, QComboBox] = {}
        self._numbers: dict[str, tuple[QDoubleSpinBox, int]] = {}
        self.column.addWidget(line(self.tr("Settings"), "page", self))
        self.banner = Banner(self)
        self.column.addWidget(self.banner)
        for heading, body in (
            (self.tr("Sharing"), self._make_sharing()),
            (self.tr("Downloads"), self._make_downloads()),
            (self.tr("Window"), self._make_window()),
        ):
            self.column.addWidget(Card(heading, body, self))
        self.column.addStretch(1)

    # ------------------------------------------------------------ made once

    def _make_sharing(self) -> QWidget:
        body, grid = self._grid()
        sharing = (
            ("off", self.tr("Off: nothing is shared")),
            ("lan", self.tr("Local network: players in the same house")),
            ("everyone", self.tr("Everyone: players who have the same game")),
        )
        self._row(grid, self.tr("Help others download"), self._choice("sharing", sharing))
        self._row(grid, self.tr("Upload at most"), self._number("upload_limit_bps", _MB, self.tr(" MB/s")))
        self._row(
            grid, self.tr("Upload a month at most"), self._number("monthly_upload_cap_bytes", _GB, self.tr(" GB"))
        )
        words = self.tr(
            "Whoever downloads from you sees your internet address. Only files of installed titles are shared."
        )
        grid.addWidget(line(words, "muted", body), grid.rowCount(), 0, 1, 2)
        return body

    def _make_downloads(self) -> QWidget:
        body, grid = self._grid()
        peers = (
            ("all", self.tr("Players and the server")),
            ("lan", self.tr("Local network and the server")),
            ("none", self.tr("Only the publisher's server")),
        )
        self._row(grid, self.tr("Download from"), self._choice("peers", peers))
        self._row(grid, self.tr("Download at most"), self._number("download_limit_bps", _MB, self.tr(" MB/s")))
        self.folder = QLineEdit(body)
        self.folder.setObjectName("games_folder")
        self.folder.setPlaceholderText(self.tr("In Shoal's own folder"))
        self.folder.editingFinished.connect(self._folder_typed)
        choose = Button(self.tr("Choose…"), "folder-open", parent=body)
        choose.setObjectName("choose-games")
        choose.clicked.connect(self._choose_folder)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.folder, 1)
        row.addWidget(choose)
        self._row(grid, self.tr("Install new titles in"), self.folder, row)
        return body

    def _make_window(self) -> QWidget:
        body, grid = self._grid()
        looks = (("system", self.tr("As the system says")), ("dark", self.tr("Dark")), ("light", self.tr("Light")))
        self.theme = self._combo("theme", looks)
        self.theme.activated.connect(self._keep_theme)
        self._row(grid, self.tr("Look"), self.theme)
        self.autostart = self._switch(self.tr("Start with the system"), "autostart")
        self.tray = self._switch(self.tr("Keep an icon in the tray when the window is closed"), "tray")
        self.tray.setVisible(QSystemTrayIcon.isSystemTrayAvailable())
        for switch in (self.autostart, self.tray):
            grid.addWidget(switch, grid.rowCount(), 0, 1, 2)
        return body

    def _grid(self) -> tuple[QWidget, QGridLayout]:
        body = QWidget(self)
        grid = QGridLayout(body)
        grid.setContentsMargins(0, 4, 0, 0)
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(12)
        grid.setColumnStretch(1, 1)
        grid.setColumnMinimumWidth(0, 210)
        return body, grid

    def _row(self, grid: QGridLayout, name: str, control: QWidget, layout: QHBoxLayout | None = None) -> None:
        label = Text(name, parent=self)
        label.setBuddy(control)
        control.setAccessibleName(name)
        control.setAccessibleDescription(self.tr("Changes at once"))
        row = grid.rowCount()
        grid.addWidget(label, row, 0)
        if layout:
            grid.addLayout(layout, row, 1)
        else:
            grid.addWidget(control, row, 1)

    def _combo(self, key: str, options: tuple[tuple[str, str], ...]) -> QComboBox:
        box = QComboBox(self)
        box.setObjectName(key)
        for value, label in options:
            box.addItem(label, value)
        return box

    def _choice(self, key: str, options: tuple[tuple[str, str], ...]) -> QComboBox:
        box = self._choices[key] = self._combo(key, options)
        box.activated.connect(self._chosen)
        return box

    def _number(self, key: str, unit: int, suffix: str) -> QDoubleSpinBox:
        box = NumberBox(self)
        box.setObjectName(key)
        box.setRange(0, 10_000)
        box.setDecimals(1)
        box.setSuffix(suffix)
        box.setSpecialValueText(self.tr("No limit"))
        box.editingFinished.connect(self._typed)
        self._numbers[key] = (box, unit)
        return box

    def _switch(self, label: str, key: str) -> Switch:
        switch = Switch(label, self)
        switch.setObjectName(key)
        switch.clicked.connect(self._switched)
        return switch

    # ------------------------------------------------------------ shown

    def show_state(self, state: State) -> None:
        """Follow the engine's settings; what is being edited is left alone."""
        settings = state.snapshot.settings if state.snapshot else {}
        for key, box in self._choices.items():
            box.setCurrentIndex(max(0, box.findData(settings.get(key))))
            box.setEnabled(state.link is Link.UP)
        for key, (number, unit) in self._numbers.items():
            if not number.hasFocus():
                with QSignalBlocker(number):
                    number.setValue(int(settings.get(key, 0)) / unit)
        if not self.folder.hasFocus():
            self.folder.setText(str(settings.get("games_folder", "")))
        failure = state.troubles.get("=")
        if failure is None:
            self.banner.hide()
        else:
            told = failures.told(failure, installed=False)
            self.banner.set_state("warn", told.title, told.text)

    def show_prefs(self, theme: str, *, tray: bool, autostart: bool) -> None:
        """What the window remembers itself."""
        self.theme.setCurrentIndex(max(0, self.theme.findData(theme)))
        self.tray.setChecked(tray)
        self.autostart.setChecked(autostart)

    # ------------------------------------------------------------ asked

    @Slot(int)
    def _chosen(self, _row: int) -> None:
        box = self.sender()
        assert isinstance(box, QComboBox)
        self.wished.emit(commands.ChangeSetting(box.objectName(), str(box.currentData())))

    @Slot()
    def _typed(self) -> None:
        box = self.sender()
        assert isinstance(box, QDoubleSpinBox)
        _, unit = self._numbers[box.objectName()]
        self.wished.emit(commands.ChangeSetting(box.objectName(), str(round(box.value() * unit))))

    @Slot()
    def _folder_typed(self) -> None:
        self.wished.emit(commands.ChangeSetting("games_folder", self.folder.text().strip()))

    @Slot()
    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Where to install new titles"), self.folder.text())
        if chosen:
            self.folder.setText(chosen)
            self._folder_typed()

    @Slot(int)
    def _keep_theme(self, _row: int) -> None:
        self.kept.emit("theme", self.theme.currentData())

    @Slot(bool)
    def _switched(self, on: bool) -> None:
        self.kept.emit(self.sender().objectName(), on)

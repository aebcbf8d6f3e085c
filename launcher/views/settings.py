"""The page of the settings. Every change is submitted at once."""

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
)

from launcher.state import Link, State
from launcher.views.layout import ScrollPage, paragraph, row, show_failure
from launcher.views.widgets import Banner, Button, Card, NumberBox, Switch, Text
from patcher.protocol import commands

_MB, _GB = 1_000_000, 1_000_000_000


class SettingsPage(ScrollPage):
    """Submits ChangeSetting. `preference_changed` carries a name and a value for `launcher.prefs.Prefs`."""

    submitted = Signal(object)
    preference_changed = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(820, parent)
        self._choices: dict[str, QComboBox] = {}
        self._numbers: dict[str, tuple[QDoubleSpinBox, int]] = {}
        self.column.addWidget(paragraph(self.tr("Settings"), "page", self))
        self.banner = Banner(self)
        self.column.addWidget(self.banner)
        for heading, body in (
            (self.tr("Sharing"), self._make_sharing()),
            (self.tr("Downloads"), self._make_downloads()),
            (self.tr("Window"), self._make_window()),
        ):
            self.column.addWidget(Card(heading, body, self))
        self.column.addStretch(1)

    # ------------------------------------------------------------ construction

    def _make_sharing(self) -> QWidget:
        body, grid = self._grid()
        sharing = (
            ("off", self.tr("Off: nothing is shared")),
            ("lan", self.tr("Local network: players on your network")),
            ("everyone", self.tr("Everyone: players who have the same game")),
        )
        self._row(grid, self.tr("Help others download"), self._choice("sharing", sharing))
        self._row(grid, self.tr("Upload limit"), self._number("upload_limit_bps", _MB, self.tr(" MB/s")))
        self._row(grid, self.tr("Monthly upload limit"), self._number("monthly_upload_cap_bytes", _GB, self.tr(" GB")))
        words = self.tr(
            "Players who download from you see your internet address. Only files of installed titles are shared."
        )
        grid.addWidget(paragraph(words, "muted", body), grid.rowCount(), 0, 1, 2)
        return body

    def _make_downloads(self) -> QWidget:
        body, grid = self._grid()
        peers = (
            ("all", self.tr("Players and the server")),
            ("lan", self.tr("Local network and the server")),
            ("none", self.tr("Only the publisher's server")),
        )
        self._row(grid, self.tr("Download from"), self._choice("peers", peers))
        self._row(grid, self.tr("Download limit"), self._number("download_limit_bps", _MB, self.tr(" MB/s")))
        self.folder = QLineEdit(body)
        self.folder.setObjectName("games_folder")
        self.folder.setPlaceholderText(self.tr("In Shoal's own folder"))
        self.folder.editingFinished.connect(self._folder_changed)
        choose_label = self.tr("Choose…")
        choose = Button(choose_label, "folder-open", parent=body, name="choose-games", clicked=self._choose_folder)
        self._row(grid, self.tr("Install new titles in"), self.folder, row((self.folder, 1), choose, spacing=10))
        return body

    def _make_window(self) -> QWidget:
        body, grid = self._grid()
        looks = (("system", self.tr("Same as the system")), ("dark", self.tr("Dark")), ("light", self.tr("Light")))
        self.theme = self._combo("theme", looks)
        self.theme.activated.connect(self._theme_changed)
        self._row(grid, self.tr("Appearance"), self.theme)
        self.autostart = self._switch(self.tr("Start when you sign in"), "autostart")
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
        control.setAccessibleDescription(self.tr("Takes effect immediately"))
        number = grid.rowCount()
        grid.addWidget(label, number, 0)
        if layout:
            grid.addLayout(layout, number, 1)
        else:
            grid.addWidget(control, number, 1)

    def _combo(self, key: str, options: tuple[tuple[str, str], ...]) -> QComboBox:
        box = QComboBox(self)
        box.setObjectName(key)
        for value, label in options:
            box.addItem(label, value)
        return box

    def _choice(self, key: str, options: tuple[tuple[str, str], ...]) -> QComboBox:
        box = self._choices[key] = self._combo(key, options)
        box.activated.connect(self._choice_changed)
        return box

    def _number(self, key: str, unit: int, suffix: str) -> QDoubleSpinBox:
        box = NumberBox(self)
        box.setObjectName(key)
        box.setRange(0, 10_000)
        box.setDecimals(1)
        box.setSuffix(suffix)
        box.setSpecialValueText(self.tr("No limit"))
        box.editingFinished.connect(self._number_changed)
        self._numbers[key] = (box, unit)
        return box

    def _switch(self, label: str, key: str) -> Switch:
        switch = Switch(label, self)
        switch.setObjectName(key)
        switch.clicked.connect(self._switch_changed)
        return switch

    # ------------------------------------------------------------ shown

    def show_state(self, state: State) -> None:
        """Show the engine's settings, except in a field that is being edited."""
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
        show_failure(self.banner, state.problems.get("="), installed=False)

    def show_prefs(self, theme: str, *, tray: bool, autostart: bool) -> None:
        """Show the window's own preferences."""
        self.theme.setCurrentIndex(max(0, self.theme.findData(theme)))
        self.tray.setChecked(tray)
        self.autostart.setChecked(autostart)

    # ------------------------------------------------------------ edits

    @Slot(int)
    def _choice_changed(self, _row: int) -> None:
        box = self.sender()
        assert isinstance(box, QComboBox)
        self.submitted.emit(commands.ChangeSetting(box.objectName(), str(box.currentData())))

    @Slot()
    def _number_changed(self) -> None:
        box = self.sender()
        assert isinstance(box, QDoubleSpinBox)
        _, unit = self._numbers[box.objectName()]
        self.submitted.emit(commands.ChangeSetting(box.objectName(), str(round(box.value() * unit))))

    @Slot()
    def _folder_changed(self) -> None:
        self.submitted.emit(commands.ChangeSetting("games_folder", self.folder.text().strip()))

    @Slot()
    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Where to install new titles"), self.folder.text())
        if chosen:
            self.folder.setText(chosen)
            self._folder_changed()

    @Slot(int)
    def _theme_changed(self, _row: int) -> None:
        self.preference_changed.emit("theme", self.theme.currentData())

    @Slot(bool)
    def _switch_changed(self, on: bool) -> None:
        self.preference_changed.emit(self.sender().objectName(), on)

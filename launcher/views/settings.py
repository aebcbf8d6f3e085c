"""The page of the settings. Every change is carried out at once."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QGridLayout,
    QLineEdit,
    QSystemTrayIcon,
    QWidget,
)

from launcher import text, theme
from launcher.prefs import Prefs
from launcher.state import SETTINGS, Link, State
from launcher.views.layout import ScrollPage, choose_folder, folder_failure, show_failure
from launcher.views.widgets import Banner, Button, Card, NumberBox, Switch, Text, row
from patcher.protocol import commands
from patcher.protocol.events import Failure

_KILO, _GIGA = 3, 9
"""Digits of the units in which numbers of bytes are shown."""
_MAX_BYTES = 10**13
_Options = tuple[tuple[str, str], ...]
"""Values and their labels."""


class SettingsPage(ScrollPage):
    """Submits ChangeSetting for the engine's settings, and changes the window's own preferences itself."""

    submitted = Signal(object)

    def __init__(self, prefs: Prefs) -> None:
        super().__init__()
        self._prefs = prefs
        self._choices: dict[str, QComboBox] = {}
        self._numbers: dict[str, NumberBox] = {}
        self._rules: dict[str, Switch] = {}
        self._refused: Failure | None = None
        self.banner = Banner()
        self.set_content(
            Text(self.tr("Settings"), "page"),
            Card(self.tr("Sharing"), self._make_sharing()),
            Card(self.tr("Downloads"), self._make_downloads()),
            Card(self.tr("Window"), self._make_window()),
            banner=self.banner,
        )

    # ------------------------------------------------------------ construction

    def _make_sharing(self) -> QGridLayout:
        grid = _grid()
        sharing = (
            ("off", self.tr("Off: nothing is shared")),
            ("lan", self.tr("Local network: players on your network")),
            ("everyone", self.tr("Everyone: players who have the same game")),
        )
        self._add(grid, self.tr("Help others download"), self._choice("sharing", sharing))
        self._add(grid, self.tr("Upload limit"), self._number("upload_limit_bps", _KILO, self.tr(" kB/s")))
        self._add(
            grid, self.tr("Monthly upload limit"), self._number("monthly_upload_cap_bytes", _GIGA, self.tr(" GB"))
        )
        self._add(
            grid, self.tr("Upload limit while playing"), self._number("low_upload_limit_bps", _KILO, self.tr(" kB/s"))
        )
        self.hours = QLineEdit()
        self.hours.setObjectName("low_hours")
        self.hours.setPlaceholderText(self.tr("Times, such as 18:00-23:30"))
        self.hours.editingFinished.connect(self._hours_changed)
        self._add(grid, self.tr("Limits while playing also at"), self.hours)
        for key, label in (
            ("share_on_battery", self.tr("Share on battery, too")),
            ("share_on_metered", self.tr("Share on metered connections, too")),
            ("share_over_vpn", self.tr("Share through a VPN, too")),
            ("exempt_lan", self.tr("None of this limits the local network")),
        ):
            grid.addWidget(self._rule(key, label), grid.rowCount(), 0, 1, 2)
        self.sharing_now = Text("", "muted")
        self.sharing_now.setObjectName("sharing-now")
        grid.addWidget(self.sharing_now, grid.rowCount(), 0, 1, 2)
        words = self.tr(
            "Players who download from you see your internet address. Only files of installed titles are shared."
        )
        grid.addWidget(Text(words, "muted"), grid.rowCount(), 0, 1, 2)
        self._reach = Text(role="warn")
        self._reach.setObjectName("reach")
        grid.addWidget(self._reach, grid.rowCount(), 0, 1, 2)
        return grid

    def _make_downloads(self) -> QGridLayout:
        grid = _grid()
        peers = (
            ("all", self.tr("Players and the server")),
            ("lan", self.tr("Local network and the server")),
            ("none", self.tr("Only the publisher's server")),
        )
        self._add(grid, self.tr("Download from"), self._choice("peers", peers))
        self._add(grid, self.tr("Download limit"), self._number("download_limit_bps", _KILO, self.tr(" kB/s")))
        self._add(
            grid,
            self.tr("Download limit while playing"),
            self._number("low_download_limit_bps", _KILO, self.tr(" kB/s")),
        )
        self.folder = QLineEdit()
        self.folder.setObjectName("games_folder")
        self.folder.setPlaceholderText(self.tr("In Shoal's own folder"))
        self.folder.editingFinished.connect(self._folder_changed)
        self.folder.textEdited.connect(self._show_problem)
        choose = Button(self.tr("Choose…"), "folder-open", name="choose-games", clicked=self._choose_folder)
        self._add(grid, self.tr("Install new titles in"), self.folder, choose)
        return grid

    def _make_window(self) -> QGridLayout:
        grid = _grid()
        looks = (("system", self.tr("Same as the system")), ("dark", self.tr("Dark")), ("light", self.tr("Light")))
        self.theme = _combo("theme", looks, self._change_theme)
        self._add(grid, self.tr("Appearance"), self.theme)
        self.autostart = self._switch(self.tr("Start when you sign in"), "autostart")
        self.tray = self._switch(self.tr("Keep an icon in the tray when the window is closed"), "tray")
        grid.addWidget(self.autostart, grid.rowCount(), 0, 1, 2)
        if QSystemTrayIcon.isSystemTrayAvailable():
            grid.addWidget(self.tray, grid.rowCount(), 0, 1, 2)
        return grid

    def _add(self, grid: QGridLayout, name: str, control: QWidget, *beside: QWidget) -> None:
        label = Text(name, wrap=False)
        label.setBuddy(control)
        control.setAccessibleName(name)
        control.setAccessibleDescription(self.tr("Takes effect immediately"))
        number = grid.rowCount()
        grid.addWidget(label, number, 0)
        grid.addLayout(row((control, 1), *beside, spacing=10), number, 1)

    def _choice(self, key: str, options: _Options) -> QComboBox:
        box = self._choices[key] = _combo(key, options, lambda value: self._change(key, value))
        return box

    def _number(self, key: str, digits: int, suffix: str) -> NumberBox:
        box = NumberBox(digits)
        box.setLocale(text.numbers())
        box.setObjectName(key)
        box.setRange(0, _MAX_BYTES / 10**digits)
        box.setSingleStep(100 if digits == _KILO else 1)
        box.setSuffix(suffix)
        box.setSpecialValueText(self.tr("No limit"))
        box.edited.connect(lambda count: self._change(key, str(count)))
        self._numbers[key] = box
        return box

    def _rule(self, key: str, label: str) -> Switch:
        box = Switch(label, name=key, clicked=lambda on: self._change(key, "on" if on else "off"))
        self._rules[key] = box
        return box

    def _switch(self, label: str, key: str) -> Switch:
        return Switch(label, name=key, clicked=lambda on: setattr(self._prefs, key, on))

    # ------------------------------------------------------------ shown

    def show_state(self, state: State) -> None:
        """Show the settings, except in a field that is being edited."""
        settings = state.snapshot.settings if state.snapshot else {}
        for key, box in self._choices.items():
            box.setCurrentIndex(max(0, box.findData(settings.get(key))))
            box.setEnabled(state.link is Link.UP)
        for key, rule in self._rules.items():
            rule.setChecked(bool(settings.get(key, False)))
            rule.setEnabled(state.link is Link.UP)
        now = state.snapshot
        lines = (text.held(now), text.reach(now.reach)) if now else ()
        self.sharing_now.setText("\n".join(line for line in lines if line))
        self.sharing_now.setVisible(any(lines))
        for key, number in self._numbers.items():
            if not number.hasFocus():
                number.set_count(int(settings.get(key, 0)))
        if not self.hours.hasFocus():
            self.hours.setText(str(settings.get("low_hours", "")))
        if not self.folder.hasFocus():
            self.folder.setText(str(settings.get("games_folder", "")))
        self._reach.setText(text.reach_line(state.snapshot) if state.snapshot else "")
        self._reach.setVisible(bool(self._reach.text()))
        self._refused = state.problems.get(SETTINGS)
        self._show_problem()
        self.theme.setCurrentIndex(self.theme.findData(self._prefs.theme))
        self.tray.setChecked(self._prefs.tray)
        self.autostart.setChecked(self._prefs.autostart)

    @Slot()
    def _show_problem(self) -> None:
        """While a folder is typed, whether it is named in full; the engine looks at its drive when that is done."""
        text = self.folder.text().strip()
        mistyped = folder_failure(text) if text and self.folder.isModified() else None
        show_failure(self.banner, mistyped or self._refused, installed=False)

    # ------------------------------------------------------------ edits

    def _change(self, key: str, value: str) -> None:
        self.submitted.emit(commands.ChangeSetting(key, value))

    @Slot()
    def _folder_changed(self) -> None:
        if self.folder.isModified():  # the field may only have been passed by
            self.folder.setModified(False)
            self._change("games_folder", self.folder.text().strip())

    @Slot()
    def _hours_changed(self) -> None:
        if self.hours.isModified():
            self.hours.setModified(False)
            self._change("low_hours", self.hours.text().strip())

    @Slot()
    def _choose_folder(self) -> None:
        def choose(chosen: str) -> None:
            self.folder.setText(chosen)
            self._change("games_folder", chosen)

        choose_folder(self, self.tr("Where to install new titles"), self.folder.text(), choose)

    def _change_theme(self, mode: theme.Mode) -> None:
        self._prefs.theme = mode
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, mode)


def _grid() -> QGridLayout:
    grid = QGridLayout()
    grid.setContentsMargins(0, 4, 0, 0)
    grid.setHorizontalSpacing(20)
    grid.setVerticalSpacing(12)
    grid.setColumnStretch(1, 1)
    grid.setColumnMinimumWidth(0, 210)
    return grid


def _combo(key: str, options: _Options, chosen: Callable[[Any], None]) -> QComboBox:
    box = QComboBox()
    box.setObjectName(key)
    for value, label in options:
        box.addItem(label, value)
    box.activated.connect(lambda: chosen(box.currentData()))
    return box

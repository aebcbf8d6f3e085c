"""The window's own preferences, in ``launcher.ini`` of the home. The engine does not need them."""

import sys
from pathlib import Path
from typing import cast

from PySide6.QtCore import QByteArray, QDir, QFile, QSaveFile, QSettings, QStandardPaths

from launcher.theme import Mode

_DESKTOP_ENTRY = """[Desktop Entry]
Type=Application
Name=Shoal
Exec={command}
X-GNOME-Autostart-enabled=true
"""
_RUN_KEY = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Run"


class Prefs:
    """Typed keys of the settings file."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._file = QSettings(str(home / "launcher.ini"), QSettings.Format.IniFormat)

    @property
    def theme(self) -> Mode:
        """Dark, light, or the system's choice."""
        mode = str(self._file.value("theme", "system"))
        return cast(Mode, mode) if mode in {"dark", "light", "system"} else "system"

    @theme.setter
    def theme(self, mode: Mode) -> None:
        self._file.setValue("theme", mode)

    @property
    def welcomed(self) -> bool:
        """Whether the player has answered the question of the first start."""
        return self._flag("welcomed")

    @welcomed.setter
    def welcomed(self, on: bool) -> None:
        self._file.setValue("welcomed", on)

    @property
    def tray(self) -> bool:
        """Whether closing the window leaves an icon in the system tray, if there is one."""
        return self._flag("tray")

    @tray.setter
    def tray(self, on: bool) -> None:
        self._file.setValue("tray", on)

    @property
    def title(self) -> str:
        """The last title shown, as ``feed/title``."""
        return str(self._file.value("title", ""))

    @title.setter
    def title(self, name: str) -> None:
        self._file.setValue("title", name)

    @property
    def geometry(self) -> QByteArray:
        """The window's saved geometry."""
        found = self._file.value("geometry", QByteArray())
        return found if isinstance(found, QByteArray) else QByteArray()

    @geometry.setter
    def geometry(self, geometry: QByteArray) -> None:
        self._file.setValue("geometry", geometry)

    def _flag(self, key: str) -> bool:
        return str(self._file.value(key, "false")).lower() == "true"

    # ------------------------------------------------------------ autostart

    @property
    def autostart(self) -> bool:
        """Whether Shoal starts when the player signs in."""
        if sys.platform == "win32":
            return QSettings(_RUN_KEY, QSettings.Format.NativeFormat).contains("Shoal")
        return _desktop_entry().exists()

    @autostart.setter
    def autostart(self, on: bool) -> None:
        words = [sys.executable, "-m", "launcher", "--home", str(self._home), "--hidden"]
        command = " ".join(_quoted(word) for word in words)
        if sys.platform == "win32":
            run = QSettings(_RUN_KEY, QSettings.Format.NativeFormat)
            run.setValue("Shoal", command) if on else run.remove("Shoal")
        elif on:
            _write_entry(_DESKTOP_ENTRY.format(command=command.replace("%", "%%")))
        else:
            QFile.remove(str(_desktop_entry()))


def _quoted(word: str) -> str:
    """``word`` quoted as in the Desktop Entry Specification, which Windows understands too."""
    for character in '\\"`$' if sys.platform != "win32" else '"':
        word = word.replace(character, "\\" + character)
    return f'"{word}"'


def _desktop_entry() -> Path:
    config = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.ConfigLocation)
    return Path(config) / "autostart" / "shoal.desktop"


def _write_entry(text: str) -> None:
    QDir().mkpath(str(_desktop_entry().parent))
    file = QSaveFile(str(_desktop_entry()))
    if file.open(QSaveFile.OpenModeFlag.WriteOnly):
        file.write(text.encode())
        file.commit()

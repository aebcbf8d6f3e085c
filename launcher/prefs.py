"""What the window remembers for itself, in ``launcher.ini`` of the home: looks and habits, nothing the engine needs."""

import sys
from pathlib import Path
from typing import cast

from PySide6.QtCore import QByteArray, QSaveFile, QSettings, QStandardPaths

from launcher.theme import Mode

_ENTRY = """[Desktop Entry]
Type=Application
Name=Shoal
Exec={command}
X-GNOME-Autostart-enabled=true
"""
_RUN = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Run"


class Prefs:
    """Typed keys over a settings file."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._file = QSettings(str(home / "launcher.ini"), QSettings.Format.IniFormat)

    @property
    def theme(self) -> Mode:
        """Dark, light, or as the system says."""
        mode = str(self._file.value("theme", "system"))
        return cast(Mode, mode) if mode in {"dark", "light", "system"} else "system"

    @theme.setter
    def theme(self, mode: Mode) -> None:
        self._file.setValue("theme", mode)

    @property
    def welcomed(self) -> bool:
        """The player has answered whether to help others."""
        return self._flag("welcomed")

    @welcomed.setter
    def welcomed(self, on: bool) -> None:
        self._file.setValue("welcomed", on)

    @property
    def tray(self) -> bool:
        """Closing the window leaves an icon, where there is a place for one."""
        return self._flag("tray")

    @tray.setter
    def tray(self, on: bool) -> None:
        self._file.setValue("tray", on)

    @property
    def title(self) -> str:
        """The title that was shown last."""
        return str(self._file.value("title", ""))

    @title.setter
    def title(self, name: str) -> None:
        self._file.setValue("title", name)

    @property
    def geometry(self) -> QByteArray:
        """Where the window was."""
        found = self._file.value("geometry", QByteArray())
        return found if isinstance(found, QByteArray) else QByteArray()

    @geometry.setter
    def geometry(self, geometry: QByteArray) -> None:
        self._file.setValue("geometry", geometry)

    def _flag(self, key: str) -> bool:
        return str(self._file.value(key, "false")).lower() == "true"

    # ------------------------------------------------------------ start with the system

    @property
    def autostart(self) -> bool:
        """Shoal starts when the player signs in."""
        if sys.platform == "win32":
            return QSettings(_RUN, QSettings.Format.NativeFormat).contains("Shoal")
        return _entry().exists()

    @autostart.setter
    def autostart(self, on: bool) -> None:
        words = [sys.executable, "-m", "launcher", "--home", str(self._home), "--hidden"]
        command = " ".join(_quoted(word) for word in words)
        if sys.platform == "win32":
            run = QSettings(_RUN, QSettings.Format.NativeFormat)
            run.setValue("Shoal", command) if on else run.remove("Shoal")
        elif on:
            _write_entry(_ENTRY.format(command=command.replace("%", "%%")))
        else:
            from PySide6.QtCore import QFile

            QFile.remove(str(_entry()))


def _quoted(word: str) -> str:
    """As the Desktop Entry Specification has it; Windows reads the same."""
    for character in '\\"`$' if sys.platform != "win32" else '"':
        word = word.replace(character, "\\" + character)
    return f'"{word}"'


def _entry() -> Path:
    config = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.ConfigLocation)
    return Path(config) / "autostart" / "shoal.desktop"


def _write_entry(text: str) -> None:
    from PySide6.QtCore import QDir

    QDir().mkpath(str(_entry().parent))
    file = QSaveFile(str(_entry()))
    if file.open(QSaveFile.OpenModeFlag.WriteOnly):
        file.write(text.encode())
        file.commit()

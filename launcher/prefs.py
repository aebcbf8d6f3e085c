"""The window's own preferences, in ``launcher.ini`` of the home. The engine does not need them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar, cast, get_args

from PySide6.QtCore import QByteArray, QDir, QFile, QSaveFile, QSettings, QStandardPaths

from launcher.theme import Mode

_DESKTOP_ENTRY = """[Desktop Entry]
Type=Application
Name=Shoal
Exec={command}
X-GNOME-Autostart-enabled=true
"""
_Value = TypeVar("_Value")
_RUN_KEY = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Run"


class _Key(Generic[_Value]):
    """A key of the settings file; ``read`` makes a valid value of the stored one, which is None if absent."""

    def __init__(self, read: Callable[[object], _Value]) -> None:
        self._read = read

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, prefs: QSettings, _owner: type) -> _Value:
        return self._read(prefs.value(self._name))

    def __set__(self, prefs: QSettings, value: _Value) -> None:
        prefs.setValue(self._name, value)


def _flag(stored: object) -> bool:
    return str(stored).lower() == "true"


class Prefs(QSettings):
    """The settings file with typed keys, and whether Shoal starts with the system."""

    theme = _Key(lambda stored: cast(Mode, stored) if stored in get_args(Mode) else "system")
    """Dark, light, or the system's choice."""
    welcomed = _Key(_flag)
    """Whether the player has answered the question of the first start."""
    tray = _Key(_flag)
    """Whether closing the window leaves an icon in the system tray, if there is one."""
    title = _Key(lambda stored: str(stored or ""))
    """The last title shown, as ``feed/title``."""
    geometry = _Key(lambda stored: stored if isinstance(stored, QByteArray) else QByteArray())
    """The window's size and position, as Qt saves them."""

    def __init__(self, home: Path) -> None:
        super().__init__(str(home / "launcher.ini"), QSettings.Format.IniFormat)
        self._home = home

    @property
    def autostart(self) -> bool:
        """Whether Shoal starts when the player signs in."""
        if sys.platform == "win32":
            return QSettings(_RUN_KEY, QSettings.Format.NativeFormat).contains("Shoal")
        return _desktop_entry().exists()

    @autostart.setter
    def autostart(self, on: bool) -> None:
        words = [_without_console(), "-m", "launcher", "--home", str(self._home), "--hidden"]
        command = " ".join(_quoted(word) for word in words)
        if sys.platform == "win32":
            run = QSettings(_RUN_KEY, QSettings.Format.NativeFormat)
            run.setValue("Shoal", command) if on else run.remove("Shoal")
        elif on:
            _write_entry(_DESKTOP_ENTRY.format(command=command.replace("%", "%%")))
        else:
            QFile.remove(str(_desktop_entry()))


def _without_console() -> str:
    """The interpreter; on Windows the one that opens no console."""
    windowed = Path(sys.executable).with_name("pythonw.exe")
    return str(windowed) if windowed.exists() else sys.executable


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

"""How the desktop knows Shoal: it starts with the player's session; on Windows it also opens links and feed files, and
its button in the taskbar shows how far the work is.

All of it is the player's own, for this account only. Windows keeps it in the registry, other systems in a file.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from subprocess import list2cmdline

from PySide6.QtCore import QDir, QFile, QObject, QSaveFile, QSettings, QStandardPaths, Slot
from PySide6.QtWidgets import QWidget

from patcher import windows
from patcher.brand import Brand
from patcher.protocol.commands import PIN_SUFFIX

_DESKTOP_ENTRY = """[Desktop Entry]
Type=Application
Name={name}
Exec={command}
X-GNOME-Autostart-enabled=true
"""
_RUN = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Run"
_CLASSES = r"HKEY_CURRENT_USER\Software\Classes"
_SCHEME, _FILES = "shoal", "Shoal.Feed"


def starts_with_session(brand: Brand) -> bool:
    """Whether the launcher starts when the player signs in."""
    if sys.platform == "win32":
        return QSettings(_RUN, QSettings.Format.NativeFormat).contains(_key(brand))
    return _desktop_entry(brand).exists()


def start_with_session(brand: Brand, command: Sequence[str], home: Path, on: bool) -> None:
    """Start the launcher by its ``command``, hidden, when the player signs in; or no more."""
    words = [*command, "--home", str(home), "--hidden"]
    if sys.platform == "win32":
        run = QSettings(_RUN, QSettings.Format.NativeFormat)
        run.setValue(_key(brand), list2cmdline(words)) if on else run.remove(_key(brand))
    elif on:
        line = " ".join(_quoted(word) for word in words)
        _write_entry(_desktop_entry(brand), _DESKTOP_ENTRY.format(name=brand.name, command=line.replace("%", "%%")))
    else:
        QFile.remove(str(_desktop_entry(brand)))


def _key(brand: Brand) -> str:
    return "Shoal" if brand.is_shoal else brand.id


def register(words: Sequence[str]) -> None:
    """Have Windows open ``shoal:`` links and feed files with the command ``words``, and show Shoal in the Start menu.

    On other systems that is the business of the package that was installed.
    """
    if os.name != "nt":
        return
    # Whatever a link holds, behind "--" it is no option.
    command = f'{list2cmdline(words)} -- "%1"'
    classes = QSettings(_CLASSES, QSettings.Format.NativeFormat)
    for name, what in ((_SCHEME, "URL:Shoal"), (_FILES, "Shoal feed")):
        classes.setValue(f"{name}/.", what)
        classes.setValue(f"{name}/shell/open/command/.", command)
    classes.setValue(f"{_SCHEME}/URL Protocol", "")
    classes.setValue(f"{PIN_SUFFIX}/.", _FILES)
    classes.sync()
    if len(words) == 1:  # a program of its own
        menu = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.ApplicationsLocation)
        QFile.link(words[0], f"{menu}/Shoal.lnk")


class TaskbarProgress(QObject):
    """The bar over the window's button in the taskbar, where there is such a thing."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window, self._shown = window, -1

    @Slot(int)
    def show(self, percent: int) -> None:
        """Show how far the work is; below 0 there is none."""
        if sys.platform == "win32" and percent != self._shown:
            with suppress(OSError), closing(windows.Taskbar()) as taskbar:  # without the Explorer there is none
                taskbar.show(int(self._window.winId()), percent)
        self._shown = percent


def _quoted(word: str) -> str:
    """``word`` quoted as in the Desktop Entry Specification."""
    for character in '\\"`$':
        word = word.replace(character, "\\" + character)
    return f'"{word}"'


def _desktop_entry(brand: Brand) -> Path:
    config = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.ConfigLocation)
    return Path(config) / "autostart" / f"{brand.id}.desktop"


def _write_entry(entry: Path, text: str) -> None:
    QDir().mkpath(str(entry.parent))
    file = QSaveFile(str(entry))
    if file.open(QSaveFile.OpenModeFlag.WriteOnly):
        file.write(text.encode())
        file.commit()

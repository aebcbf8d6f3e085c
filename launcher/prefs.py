"""The window's own preferences, in ``launcher.ini`` of the home. The engine does not need them."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar, cast, get_args

from PySide6.QtCore import QByteArray, QSettings

from launcher import desktop
from launcher.own import Own
from launcher.theme import Mode
from patcher import programs

_Value = TypeVar("_Value")
_SHOAL = Own()


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
    """The settings file with typed keys, and whether Shoal starts with the player's session."""

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

    def __init__(self, home: Path, own: Own = _SHOAL) -> None:
        super().__init__(str(home / "launcher.ini"), QSettings.Format.IniFormat)
        self._home, self._own = home, own

    @property
    def autostart(self) -> bool:
        """Whether this launcher starts when the player signs in."""
        return desktop.starts_with_session(self._own.brand)

    @autostart.setter
    def autostart(self, on: bool) -> None:
        desktop.start_with_session(self._own.brand, self._own.start or programs.launcher(), self._home, on)

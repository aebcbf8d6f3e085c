"""Where Shoal keeps its own files, and the player's settings.

A `Home` is the folder of one player; several homes can be used side by side. Settings are a TOML file that people may
edit; `changed` is the only way to set a key from text.
"""

import dataclasses
import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, get_args, get_type_hints

import platformdirs
import tomlkit

from patcher import disk
from patcher.errors import DiskError, UsageError


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one player. Shoal writes nothing outside it except the installs."""

    root: Path

    @property
    def keys(self) -> Path:
        """A publisher's secret keys."""
        return self.root / "keys"

    @property
    def feeds(self) -> Path:
        """A folder for each feed: pinned root, verified metadata, cached records."""
        return self.root / "feeds"

    @property
    def titles(self) -> Path:
        """Where titles are installed if the player has set no games folder."""
        return self.root / "titles"

    def title_folder(self, title: str, games_folder: str) -> Path:
        """Where ``feed/title`` is installed if the player names no folder. ``games_folder`` is the setting."""
        return (Path(games_folder) if games_folder else self.titles) / title.partition("/")[2]

    @property
    def packs(self) -> Path:
        """Patch packs kept for other players."""
        return self.root / "packs"

    @property
    def registry(self) -> Path:
        """The SQLite database: installs, commands, trust floors, ledger."""
        return self.root / "registry.sqlite"

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.root / "settings.toml"

    @property
    def lock(self) -> Path:
        """The lock that the engine process holds while it runs."""
        return self.root / "engine.lock"

    @property
    def address(self) -> Path:
        """Where the engine listens, and the secret of its socket; only the player can read it."""
        return self.root / "engine.json"

    @property
    def log(self) -> Path:
        """The engine's rotating log."""
        return self.root / "engine.log"

    def make(self) -> None:
        """Create the folder, private to the player. Raises DiskError, as `check` does."""
        disk.make_folder(self.root)
        self.check()
        disk.set_private(self.root)
        if os.name != "nt" and self.root.stat().st_mode & 0o022:
            text = f"Others may write into the home folder {self.root}, and its drive takes no other permissions."
            raise DiskError("disk.home_owner", text, path=str(self.root))

    def check(self) -> None:
        """Raises DiskError (disk.home_owner) when the folder exists and belongs to another user.

        Its owner could make Shoal run and trust anything, and could not read the files that Shoal writes there.
        """
        if os.name == "nt" or not self.root.is_dir():
            return
        owner = self.root.stat().st_uid
        if owner != os.geteuid():
            text = f"The home folder {self.root} belongs to another user (number {owner})."
            raise DiskError("disk.home_owner", text, path=str(self.root), owner=owner, mine=os.geteuid())


def default_home() -> Home:
    """The current user's home, in the platform's folder for user data."""
    return Home(platformdirs.user_data_path("shoal", appauthor=False))


@dataclass(frozen=True, slots=True)
class Settings:
    """The player's settings. The defaults are safe: nothing is uploaded until the player allows it."""

    sharing: Literal["off", "lan", "everyone"] = "off"
    peers: Literal["none", "lan", "all"] = "all"
    listen_port: int = 0
    listen_host: str = ""
    local_discovery: bool = True
    download_limit_bps: int = 0
    upload_limit_bps: int = 0
    monthly_upload_cap_bytes: int = 0
    pack_cache_bytes: int = 2 << 30
    games_folder: str = ""

    def as_dict(self) -> dict[str, str | int | bool]:
        """Key to value, in the order of the fields."""
        return dataclasses.asdict(self)


_HINTS = get_type_hints(Settings)
_WORDS = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}


def load(home: Home) -> Settings:
    """Read the settings of ``home``, ignoring unknown keys. Raises DiskError (disk.home) when the file is not valid."""
    try:
        table = tomllib.loads(home.settings.read_text("utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError, RecursionError) as error:
        raise DiskError("disk.home", f"The settings cannot be read: {error}.", path=str(home.settings)) from error
    settings = Settings()
    for field in fields(Settings):
        if field.name in table:
            settings = changed(settings, field.name, str(table[field.name]))
    return settings


def changed(settings: Settings, key: str, text: str) -> Settings:
    """A copy with ``key`` set from ``text``. Raises UsageError (usage.setting) for an unknown key or a wrong value."""
    if key not in _HINTS:
        raise UsageError("usage.setting", f"There is no setting {key!r}.", key=key)
    return dataclasses.replace(settings, **{key: _value(key, text)})  # type: ignore[arg-type]  # _value checked it by the key's own type


def save(home: Home, settings: Settings) -> None:
    """Write the settings atomically. Comments in the file are kept."""
    document = tomlkit.parse(home.settings.read_text("utf-8")) if home.settings.exists() else tomlkit.document()
    for key, value in settings.as_dict().items():
        document[key] = value
    disk.write_atomic(home.settings, tomlkit.dumps(document).encode())


def _value(key: str, text: str) -> str | int | bool:
    hint, text = _HINTS[key], text.strip()
    if get_args(hint):
        return _choice(key, text, get_args(hint))
    if hint is bool:
        if text.lower() not in _WORDS:
            raise UsageError("usage.setting", f"{key} takes on or off, not {text!r}.", key=key)
        return _WORDS[text.lower()]
    return _number(key, text) if hint is int else text


def _choice(key: str, text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise UsageError("usage.setting", f"{key} takes {', '.join(choices)}; not {text!r}.", key=key)
    return text


def _number(key: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise UsageError("usage.setting", f"{key} takes a whole number from 0; not {text!r}.", key=key)
    number = int(text)
    if key == "listen_port" and number > 65535:
        raise UsageError("usage.setting", f"{key} takes a port from 0 to 65535; not {text!r}.", key=key)
    return number

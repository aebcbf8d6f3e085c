"""The player's settings: where Shoal keeps its own files, and typed settings with safe defaults.

`Home` names everything one player has on a machine; several homes run side by side. Settings are a TOML file that a
person may edit; `changed` is the only way to set a key from text.
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
    """The folder of one player. Nothing outside it but the installs themselves is ever written."""

    root: Path

    @property
    def keys(self) -> Path:
        """Publisher's secret keys."""
        return self.root / "keys"

    @property
    def feeds(self) -> Path:
        """One folder a feed: pinned root, verified metadata, cached records."""
        return self.root / "feeds"

    @property
    def packs(self) -> Path:
        """Patch packs kept for other players."""
        return self.root / "packs"

    @property
    def registry(self) -> Path:
        """SQLite: installs, trust floors, ledger."""
        return self.root / "registry.sqlite"

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.root / "settings.toml"

    @property
    def lock(self) -> Path:
        """Held by the engine process as long as it lives."""
        return self.root / "engine.lock"

    @property
    def address(self) -> Path:
        """Where the engine listens and the secret that opens it; readable by the player alone."""
        return self.root / "engine.json"

    @property
    def log(self) -> Path:
        """The engine's log, rotating."""
        return self.root / "engine.log"

    def make(self) -> None:
        """Create the folder, open to the player alone. Raises DiskError, as `check` does."""
        disk.make_folder(self.root)
        self.check()
        disk.set_private(self.root)
        if os.name != "nt" and self.root.stat().st_mode & 0o022:
            text = f"Others may write into the home folder {self.root}, and its drive takes no other permissions."
            raise DiskError("disk.home_owner", text, path=str(self.root))

    def check(self) -> None:
        """Raises DiskError (disk.home_owner) when the folder is there and belongs to another user.

        Its owner could have us run and trust anything, and what we write there would lock the owner out.
        """
        if os.name == "nt" or not self.root.is_dir():
            return
        owner = self.root.stat().st_uid
        if owner != os.geteuid():
            text = f"The home folder {self.root} belongs to another user (number {owner})."
            raise DiskError("disk.home_owner", text, path=str(self.root), owner=owner, mine=os.geteuid())


def default_home() -> Home:
    """The home of the player who runs this, in the platform's place."""
    return Home(platformdirs.user_data_path("shoal", appauthor=False))


@dataclass(frozen=True, slots=True)
class Settings:
    """What the player decided. Defaults are the careful choice: nothing is uploaded until the player says so."""

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
        """Key to value, in order."""
        return dataclasses.asdict(self)


_HINTS = get_type_hints(Settings)
_WORDS = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}


def load(home: Home) -> Settings:
    """The settings of ``home``; unknown keys are ignored. Raises DiskError (disk.home) when the file is not valid."""
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
    """A copy with ``key`` set from ``text``. Raises UsageError (usage.setting)."""
    if key not in _HINTS:
        raise UsageError("usage.setting", f"There is no setting {key!r}.", key=key)
    return dataclasses.replace(settings, **{key: _value(key, text)})  # type: ignore[arg-type]  # _value checked it by the key's own type


def save(home: Home, settings: Settings) -> None:
    """Write the settings so that a reader finds the old or the new file. Comments a person wrote stay."""
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

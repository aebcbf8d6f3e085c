"""Where Shoal keeps its own files, and the player's settings.

A `Home` is the folder of one player; several homes can be used side by side. Settings are a TOML file that people may
edit; `changed` is the only way to set a key from text.
"""

import dataclasses
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args, get_type_hints

import platformdirs
import tomlkit

from patcher import beneath, disk
from patcher.errors import Damaged, DiskError, ShoalError, UsageError


class _Inside:
    """A path in the folder of the `Home` that is asked for it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, home: "Home", owner: type["Home"]) -> Path:
        return home.root / self._name


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one player. Shoal writes nothing outside it except the installs."""

    root: Path

    keys = _Inside("keys")
    """A publisher's secret keys."""
    feeds = _Inside("feeds")
    """A folder for each feed: pinned root, verified metadata, cached records."""
    titles = _Inside("titles")
    """Where titles are installed if the player has set no games folder."""
    packs = _Inside("packs")
    """Patch packs kept for other players."""
    registry = _Inside("registry.sqlite")
    """The SQLite database: installs, commands, trust floors, ledger."""
    settings = _Inside("settings.toml")
    lock = _Inside("engine.lock")
    """The engine process holds it while it runs."""
    address = _Inside("engine.json")
    """Where the engine listens, and the secret of its socket; only the player can read it."""
    log = _Inside("engine.log")
    """The engine's log; it rotates."""

    def title_folder(self, title: str, games_folder: str) -> Path:
        """Where ``feed/title`` is installed if the player names no folder. ``games_folder`` is the setting."""
        return (Path(games_folder) if games_folder else self.titles) / title.partition("/")[2]

    def make(self) -> None:
        """Create the folder, private to the player. Raises DiskError, also those of `check`."""
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


_HINTS = get_type_hints(Settings)
_WORDS = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}


def load(home: Home) -> Settings:
    """Read the settings of ``home``, ignoring unknown keys.

    Raises Damaged, DiskError when the file cannot be read, and UsageError (usage.setting) for a wrong value.
    """
    settings, wrong = _settings(home.settings)
    for error in wrong:
        raise error
    return settings


def restored(home: Home) -> tuple[Settings, list[ShoalError]]:
    """The settings as far as they can be read, and what is wrong with them. Raises DiskError.

    A wrong value counts as the default, and so do all values of a file that cannot be read. A damaged one is set aside.
    """
    costs = "The defaults count: nothing is shared, and limits, ports and folders that you chose are not known."
    path = str(home.settings)
    try:
        settings, wrong = _settings(home.settings)
    except Damaged as error:
        kept = disk.set_aside(home.settings)
        text = f"{error.message} It is kept as {kept}. {costs}"
        return Settings(), [DiskError("disk.settings", text, path=path, kept=kept)]
    except DiskError as error:  # it may be well: another program has it open, or its mode is wrong
        return Settings(), [DiskError("disk.settings", f"{error.message} {costs}", path=path)]
    texts = ((each, f"{home.settings}: {each.message} Until that is corrected, the default counts.") for each in wrong)
    return settings, [UsageError(each.code, text, path=path, **each.facts) for each, text in texts]


def _settings(path: Path) -> tuple[Settings, list[UsageError]]:
    settings, wrong = Settings(), list[UsageError]()
    table = _table(path)
    for key in _HINTS:
        try:
            settings = changed(settings, key, str(table[key])) if key in table else settings
        except UsageError as error:
            wrong.append(error)
    return settings, wrong


def _table(path: Path) -> dict[str, object]:
    """The file as TOML; empty if there is none. Some editors write a byte order mark."""
    with beneath.translated(path):
        if not os.path.lexists(path):
            return {}
        data = b"" if path.is_dir() else path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
        if not text.strip():
            raise ValueError("it is empty, or no file")
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"The settings {path} cannot be read: {error}.", path=str(path)) from error


def changed(settings: Settings, key: str, text: str) -> Settings:
    """A copy with ``key`` set from ``text``. Raises UsageError (usage.setting) for an unknown key or a wrong value."""
    if key not in _HINTS:
        raise UsageError("usage.setting", f"There is no setting {key!r}.", key=key)
    return dataclasses.replace(settings, **{key: _value(key, text)})  # type: ignore[arg-type]  # _value checked it by the key's own type


def save(home: Home, settings: Settings) -> None:
    """Write the settings atomically. Comments in the file are kept."""
    document = tomlkit.parse(home.settings.read_text("utf-8-sig")) if home.settings.exists() else tomlkit.document()
    document.update(dataclasses.asdict(settings))
    disk.write_atomic(home.settings, tomlkit.dumps(document).encode())


def _value(key: str, text: str) -> str | int | bool:
    hint, text = _HINTS[key], text.strip()
    choices = get_args(hint)
    if hint is str or text in choices:
        return text
    if hint is bool and text.lower() in _WORDS:
        return _WORDS[text.lower()]
    most = 65535 if key == "listen_port" else 10**15 - 1
    if hint is int and text.isascii() and text.isdigit() and len(text) <= 15 and int(text) <= most:
        return int(text)
    wanted = ", ".join(choices) or ("on or off" if hint is bool else f"a whole number from 0 to {most}")
    raise UsageError("usage.setting", f"{key} takes {wanted}; not {text!r}.", key=key)

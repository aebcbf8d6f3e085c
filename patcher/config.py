"""Where Shoal keeps its own files, and the player's settings.

A `Home` is the folder of one player; several homes can be used side by side. Settings are a TOML file that people may
edit; `changed` is the only way to set a key from text.
"""

import contextlib
import dataclasses
import ipaddress
import os
import re
import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args, get_type_hints
from urllib.parse import urlsplit

import platformdirs

from patcher import beneath, brand, disk, windows
from patcher.errors import Damaged, DiskError, ShoalError, UsageError

RESERVE_BYTES = 1 << 20
_PLENTY_BYTES = 1 << 28


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
    preloads = _Inside("preloads")
    """A publisher's releases that wait for their launch, with the keys of their sealed packs."""
    registry = _Inside("registry.sqlite")
    """The SQLite database: installs, commands, trust floors, ledger."""
    settings = _Inside("settings.toml")
    lock = _Inside("engine.lock")
    """The engine process holds it while it runs."""
    address = _Inside("engine.json")
    """Where the engine listens, and the secret of its socket; only the player can read it."""
    log = _Inside("engine.log")
    """The engine's log; it rotates."""
    logs = _Inside("logs")
    """What each title wrote when it was started last."""
    reserve = _Inside("reserve")
    """Space that is given back when the drive is full, so that the engine still starts and says so."""

    def title_folder(self, title: str, games_folder: str) -> Path:
        """Where ``feed/title`` is installed if the player names no folder. ``games_folder`` is the setting.

        Raises UsageError (usage.folder).
        """
        return (full_path(games_folder) if games_folder else self.titles) / title.partition("/")[2]

    def make(self) -> None:
        """Create the folder, private to the player, and keep a reserve in it. Raises DiskError, also of `check`."""
        disk.make_folder(self.root)
        self.check()
        disk.set_private(self.root)
        if os.name != "nt" and self.root.stat().st_mode & 0o022:
            text = f"Others may write into the home folder {self.root}, and its drive takes no other permissions."
            raise DiskError("disk.home_owner", text, path=str(self.root))
        free_bytes = disk.free_bytes(self.root)
        if free_bytes < RESERVE_BYTES and self.reserve.exists():
            disk.remove(self.reserve)
        elif free_bytes > _PLENTY_BYTES and not self.reserve.exists():
            disk.create(self.reserve, os.urandom(RESERVE_BYTES))  # zeros might take no space

    def check(self) -> None:
        """Raises DiskError (disk.home_owner) when the folder exists and belongs to another user.

        Its owner could make Shoal run and trust anything, and could not read the files that Shoal writes there.
        """
        if not self.root.is_dir():
            return
        owner, mine = _owner(self.root)
        if owner != mine:
            text = f"The home folder {self.root} belongs to another user (number {owner})."
            raise DiskError("disk.home_owner", text, path=str(self.root), owner=owner, mine=mine)


def _owner(folder: Path) -> tuple[str | int, str | int]:
    """Who owns the folder, and who we are."""
    if sys.platform == "win32":
        mine = windows.own_name()
        return windows.foreign_owner(windows.system_path(folder)) or mine, mine
    return folder.stat().st_uid, os.geteuid()


def default_home() -> Home:
    """The current user's home, in the platform's folder for user data. Raises Damaged, if the brand's file is."""
    return Home(platformdirs.user_data_path(brand.current().home, appauthor=False))


@dataclass(frozen=True, slots=True)
class Settings:
    """The player's settings. The defaults are safe: nothing is uploaded until the player allows it."""

    sharing: Literal["off", "lan", "everyone"] = "off"
    last_sharing: Literal["", "lan", "everyone"] = ""
    """The last answer that was not "off"; follows `sharing`. Who turns sharing on again returns to it."""
    peers: Literal["none", "lan", "all"] = "all"
    listen_port: int = 0
    listen_host: str = ""
    local_discovery: bool = True
    peer_exchange: bool = True
    """Hear of peers from peers (BEP 11). Without it and `local_discovery`, a tracker alone says who meets whom."""
    download_limit_bps: int = 0
    upload_limit_bps: int = 0
    monthly_upload_cap_bytes: int = 0
    share_on_battery: bool = False
    share_on_metered: bool = False
    share_over_vpn: bool = False
    exempt_lan: bool = False
    """The limits, the cap and the three rules before do not bind what goes to the local network."""
    low_upload_limit_bps: int = 0
    low_download_limit_bps: int = 0
    low_while_playing: bool = True
    """The lower limits count while a title of Shoal is played, …"""
    low_hours: str = ""
    """… and at these times of the day: ``18:00-23:30``, several with commas between."""
    pack_cache_bytes: int = 2 << 30
    games_folder: str = ""
    proxy: str = ""
    """The URL of the proxy for servers, or `NO_PROXY`. Empty: that of the engine's environment, or of the system."""


NO_PROXY = "none"
FIRST_CAP_BYTES = 20 * 10**9
"""The monthly cap of who shares for the first time and has set none."""


def full_path(text: str) -> Path:
    """The folder that a player names, ``~`` expanded. Raises UsageError (usage.folder) for one that is not named in
    full, as the engine's own folder is none of the player's.
    """
    path = Path(text.strip())
    with contextlib.suppress(RuntimeError):  # the player has no home folder
        path = path.expanduser() if path.parts[:1] == ("~",) else path  # of other users' Windows could only guess
        if path.is_absolute() and "\0" not in text:
            return path
    raise UsageError("usage.folder", f"{text!r} is not the full path of a folder.", path=text)


def check_place(path: Path) -> None:
    """Raises DiskError when no title can be put in the folder ``path``, which need not exist yet: disk.in_the_way,
    disk.denied, disk.read_only. Changes nothing.
    """
    place = next(each for each in (path, *path.parents) if os.path.lexists(each) or each == each.parent)
    if not place.is_dir():
        raise DiskError("disk.in_the_way", f"{place} is no folder.", path=str(place))
    disk.check_writable(place)
    if not shutil.disk_usage(place).total:
        raise DiskError("disk.denied", f"{place} is not on a drive that holds files.", path=str(place))


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
    settings = dataclasses.replace(settings, **{key: _value(key, text)})  # type: ignore[arg-type]  # _value checked it by the key's own type
    return settings if settings.sharing == "off" else dataclasses.replace(settings, last_sharing=settings.sharing)


def capped(settings: Settings, before: Settings) -> Settings:
    """With a monthly cap, if sharing was never on before and the player has set none."""
    is_first = settings.sharing != "off" and not before.last_sharing
    if not is_first or settings.monthly_upload_cap_bytes:
        return settings
    return dataclasses.replace(settings, monthly_upload_cap_bytes=FIRST_CAP_BYTES)


def save(home: Home, settings: Settings, *keys: str) -> Settings:
    """Write these keys (all, without any) into the file, atomically; what else people wrote there stays, also comments.

    Returns what the file says then; a value that is wrong counts as the default. Raises Damaged, DiskError.
    """
    import tomlkit  # a window opens without it

    _table(home.settings)
    document = tomlkit.parse(home.settings.read_text("utf-8-sig")) if home.settings.exists() else tomlkit.document()
    for key in keys or _HINTS:
        document[key] = getattr(settings, key)
    if "sharing" in keys:
        document["last_sharing"] = settings.last_sharing
        document["monthly_upload_cap_bytes"] = settings.monthly_upload_cap_bytes
    disk.write_atomic(home.settings, tomlkit.dumps(document).encode())
    return _settings(home.settings)[0]


def _value(key: str, text: str) -> str | int | bool:
    hint, text = _HINTS[key], text.strip()
    choices = get_args(hint)
    if key in _FORMS and text and not _FORMS[key][0](text):
        raise UsageError("usage.setting", f"{key} takes {_FORMS[key][1]}; not {text!r}.", key=key)
    if hint is str or text in choices:
        return text
    if hint is bool and text.lower() in _WORDS:
        return _WORDS[text.lower()]
    most = 65535 if key == "listen_port" else 10**15 - 1
    if hint is int and text.isascii() and text.isdigit() and len(text) <= 15 and int(text) <= most:
        return int(text)
    wanted = ", ".join(choices) or ("on or off" if hint is bool else f"a whole number from 0 to {most}")
    raise UsageError("usage.setting", f"{key} takes {wanted}; not {text!r}.", key=key)


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def hours(text: str) -> list[tuple[int, int]]:
    """Times of the day, each as its first minute and the one after its last. Raises ValueError."""
    found = [_SPAN.fullmatch(each.strip()) for each in text.split(",") if each.strip()]
    if None in found:
        raise ValueError(text)
    numbers = (list(map(int, each.groups())) for each in found if each)
    return [(60 * h + m, 60 * until_h + until_m) for h, m, until_h, until_m in numbers]


def _is_hours(text: str) -> bool:
    try:
        return bool(hours(text))
    except ValueError:
        return False


def _is_proxy(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return text == NO_PROXY or bool(parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0)
    except ValueError:
        return False


_FORMS = {
    "low_hours": (_is_hours, "times such as 18:00-23:30, several with commas between, or nothing"),
    "listen_host": (_is_ip_address, "an IP address of this computer, or nothing for all of them"),
    "proxy": (_is_proxy, f"an address such as http://proxy.example:3128, {NO_PROXY}, or nothing for the system's"),
}
"""What the texts of some settings must be, unless they are empty."""

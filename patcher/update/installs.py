"""The registry: which titles are installed where, what their files looked like, and wishes that wait.

An install describes itself in its own ``.shoal`` folder (`Installed`, and the manifests beside it); the registry only
says where that folder is, so `locate` rebuilds a lost one.
"""

import contextlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from patcher import database, wire
from patcher.content import manifest, merkle, records
from patcher.content.manifest import Manifest
from patcher.errors import DiskError, TrustError
from patcher.wishes import Wish

POINTER = "installed"
MANIFESTS = "manifests"
LAYERS = "layers"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS installs (
    title TEXT PRIMARY KEY, folder TEXT NOT NULL, channel TEXT NOT NULL, tags TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seen (
    title TEXT NOT NULL, path TEXT NOT NULL, size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL, PRIMARY KEY (title, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS wishes (title TEXT PRIMARY KEY, wish TEXT NOT NULL, paused INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS left_behind (title TEXT PRIMARY KEY, folder TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS identity (id BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What `stat` said of a file whose bytes were verified."""

    size_bytes: int
    mtime_ns: int
    inode: int


def seen(path: Path) -> Seen | None:
    """The stat of a regular file, or None when there is none (a link is none)."""
    try:
        stat = path.lstat()
    except OSError:
        return None
    return Seen(stat.st_size, stat.st_mtime_ns, stat.st_ino) if (stat.st_mode & 0o170000) == 0o100000 else None


@dataclass(frozen=True, slots=True)
class Install:
    """Where a title is, and what the player chose for it."""

    title: str
    folder: Path
    channel: str = "live"
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Installed:
    """``.shoal/installed``: what an install folder says of itself."""

    feed_fingerprint: str
    title: str
    channel: str
    tags: tuple[str, ...]
    release: records.Release

    @property
    def parts(self) -> tuple[records.Part, ...]:
        """The parts of the release that are here."""
        return tuple(part for part in self.release.parts if records.chosen(part, self.tags))

    def encode(self) -> bytes:
        """Canonical JSON; the release stands in it as the publisher signed it."""
        document = {
            "format": 1,
            "feed": self.feed_fingerprint,
            "title": self.title,
            "channel": self.channel,
            "tags": list(self.tags),
            "release": json.loads(records.encode_release(self.release)),
        }
        return json.dumps(document, sort_keys=True).encode()


def read_installed(state: Path) -> Installed | None:
    """What the ``.shoal`` (or ``previous``) folder ``state`` says, or None when it says nothing.

    Raises DiskError (disk.failed) when it is damaged, TrustError when a newer Shoal wrote it.
    """
    try:
        document = json.loads((state / POINTER).read_bytes())
        if document["format"] != 1:
            raise TrustError("trust.needs_newer", "A newer Shoal wrote this install.", path=str(state))
        release = records.parse_release(json.dumps(document["release"]).encode())
        tags = tuple(str(tag) for tag in document["tags"])
        return Installed(str(document["feed"]), str(document["title"]), str(document["channel"]), tags, release)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DiskError("disk.failed", f"What {state} says of itself is damaged: {error}.", path=str(state)) from error


def manifest_data(state: Path, ref: merkle.Ref) -> bytes | None:
    """The manifest ``ref`` as it is kept in an install's ``.shoal``, or None when it is missing or damaged."""
    try:
        data = (state / MANIFESTS / ref.hex).read_bytes()
    except OSError:
        return None
    return data if data and merkle.ref_of(data) == ref else None


def read_manifests(state: Path, installed: Installed) -> dict[str, Manifest]:
    """Part name to manifest; damaged or missing ones are left out."""
    found = {part.name: manifest_data(state, part.manifest) for part in installed.parts}
    return {name: manifest.parse(data) for name, data in found.items() if data}


class Registry:
    """SQLite in the home folder; safe for the engine's threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with database.opened(self._path) as db:
            db.executescript(_SCHEMA)
            if db.execute("SELECT id FROM identity").fetchone() is None:
                db.execute("INSERT INTO identity VALUES (?)", (secrets.token_bytes(16),))

    @property
    def install_id(self) -> bytes:
        """A random number that decides on rollouts and never leaves the machine."""
        with database.opened(self._path) as db:
            return bytes(db.execute("SELECT id FROM identity").fetchone()[0])

    def installs(self) -> list[Install]:
        """All installs, by title."""
        with database.opened(self._path) as db:
            rows = db.execute("SELECT title, folder, channel, tags FROM installs ORDER BY title").fetchall()
        return [Install(title, Path(folder), channel, tuple(json.loads(tags))) for title, folder, channel, tags in rows]

    def find(self, title: str) -> Install | None:
        """The install of ``title``, or None."""
        return next((install for install in self.installs() if install.title == title), None)

    def put(self, install: Install, *, left: Path | None = None) -> None:
        """Remember an install, and the folder that it ``left``, which is still to be emptied."""
        with database.opened(self._path) as db:
            if left:
                db.execute("INSERT OR REPLACE INTO left_behind VALUES (?, ?)", (install.title, str(left)))
            row = (install.title, str(install.folder), install.channel, json.dumps(install.tags))
            db.execute("INSERT OR REPLACE INTO installs VALUES (?, ?, ?, ?)", row)

    def left(self, title: str) -> Path | None:
        """The folder that an install left when it moved, until `emptied`."""
        with database.opened(self._path) as db:
            row = db.execute("SELECT folder FROM left_behind WHERE title = ?", (title,)).fetchone()
        return Path(row[0]) if row else None

    def emptied(self, title: str) -> None:
        """The folder that the install left holds nothing of it any more."""
        with database.opened(self._path) as db:
            db.execute("DELETE FROM left_behind WHERE title = ?", (title,))

    def forget(self, title: str) -> None:
        """Forget an install and what its files looked like."""
        with database.opened(self._path) as db:
            db.execute("DELETE FROM installs WHERE title = ?", (title,))
            db.execute("DELETE FROM seen WHERE title = ?", (title,))

    def files_seen(self, title: str) -> dict[str, Seen]:
        """Path to the stat taken when its bytes were last verified."""
        with database.opened(self._path) as db:
            rows = db.execute("SELECT path, size_bytes, mtime_ns, inode FROM seen WHERE title = ?", (title,))
            return {path: Seen(*stat) for path, *stat in rows}

    def see(self, title: str, stats: Mapping[str, Seen]) -> None:
        """Record path to stat of every verified file of a title, in place of what was known."""
        with database.opened(self._path) as db:
            db.execute("DELETE FROM seen WHERE title = ?", (title,))
            rows = [(title, path, s.size_bytes, s.mtime_ns, s.inode) for path, s in stats.items()]
            db.executemany("INSERT INTO seen VALUES (?, ?, ?, ?, ?)", rows)

    def wishes(self) -> dict[str, tuple[Wish, bool]]:
        """Title to the wish that waits for it, and whether the player paused it; those of another version aside."""
        with database.opened(self._path) as db:
            rows = db.execute("SELECT title, wish, paused FROM wishes").fetchall()
        found = {}
        for title, wish, paused in rows:
            with contextlib.suppress(ValueError):
                found[title] = (wire.from_json(wish.encode()), bool(paused))
        return found

    def keep_wish(self, title: str, wish: Wish, *, paused: bool = False) -> None:
        """Remember what to go on with after a crash (or, paused, when asked)."""
        with database.opened(self._path) as db:
            db.execute("INSERT OR REPLACE INTO wishes VALUES (?, ?, ?)", (title, wire.to_json(wish).decode(), paused))

    def drop_wish(self, title: str) -> None:
        """The wish is fulfilled, failed or withdrawn."""
        with database.opened(self._path) as db:
            db.execute("DELETE FROM wishes WHERE title = ?", (title,))

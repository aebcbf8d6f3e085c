"""The registry: where titles are installed, the stat of their verified files, and commands that wait.

An install describes itself in its own ``.shoal`` folder (`InstallFolder`). The registry says where that folder is and
which releases the feed signed for it. `genuine` tells when a description counts.

A copy beside it, as JSON, says where the installs are, and which version each was. A new registry begins with it, and
so adopts no folder that this home did not choose, and misses one whose drive is not connected. What was verified or
signed is not in the copy: that is asked and read again.
"""

import contextlib
import hashlib
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from patcher import beneath, database, disk, strict_json
from patcher.content import records
from patcher.errors import DiskError, UsageError
from patcher.install.folder import InstallFolder
from patcher.install.scan import Seen
from patcher.protocol import wire
from patcher.protocol.commands import Command

FOLDER_MISSING = "disk.folder_missing"
"""The code of `folder_missing`."""
_COPY = "installs.json"
_COPY_BYTES = 1 << 24
_TAGS_BYTES = 1 << 20
_SCHEMA = """
CREATE TABLE IF NOT EXISTS installs (
    title TEXT PRIMARY KEY, folder TEXT NOT NULL, channel TEXT NOT NULL, tags TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seen (
    title TEXT NOT NULL, path TEXT NOT NULL, size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL, PRIMARY KEY (title, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS wishes (title TEXT PRIMARY KEY, wish TEXT NOT NULL, paused INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS downloads (
    title TEXT PRIMARY KEY, goal TEXT NOT NULL, done_bytes INTEGER NOT NULL, total_bytes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS began (title TEXT PRIMARY KEY, times INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS left_behind (title TEXT PRIMARY KEY, folder TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS copied (title TEXT PRIMARY KEY, version TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS identity (id BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS journals (title TEXT PRIMARY KEY, digest BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS games (title TEXT PRIMARY KEY, process INTEGER NOT NULL, start_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS signed (
    title TEXT NOT NULL, digest BLOB NOT NULL, record BLOB NOT NULL, placed INTEGER NOT NULL,
    PRIMARY KEY (title, digest));
"""
_NOTE = """
INSERT INTO signed VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET placed = signed.placed OR excluded.placed
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """Where a title is, and what the player chose for it."""

    title: str
    folder: InstallFolder
    channel: str = "live"
    tags: tuple[str, ...] = ()


class Registry:
    """SQLite in the home folder; safe for the engine's threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._copy = path.with_name(_COPY)
        self._copying = threading.Lock()
        self._run = partial(database.run, path)
        self._signed = set[tuple[str, bytes]]()
        """Titles and digests of releases that are known as signed; `forget` empties it."""
        with database.opened(self._path) as db:
            db.executescript(_SCHEMA)
            self.is_new = db.execute("SELECT id FROM identity").fetchone() is None
            if self.is_new:
                install_id, rows, versions = _copied(self._copy)
                db.execute("INSERT INTO identity VALUES (?)", (install_id,))
                db.executemany("INSERT INTO installs VALUES (?, ?, ?, ?)", rows)
                db.executemany("INSERT INTO copied VALUES (?, ?)", versions.items())
        self._keep_copy()

    def check(self) -> None:
        """Raises DiskError, Damaged when the file is no registry any more."""
        self._run("SELECT 1 FROM identity")

    @property
    def install_id(self) -> bytes:
        """A random number that decides on rollouts and never leaves the machine."""
        return bytes(self._run("SELECT id FROM identity")[0][0])

    def installs(self) -> list[Installation]:
        """All installs, by title. An unreadable row is left out; `locate` replaces it."""
        found = []
        rows = self._run("SELECT title, folder, channel, tags FROM installs ORDER BY title")
        for title, folder, channel, tags in rows:
            with contextlib.suppress(ValueError, TypeError, AttributeError):
                chosen = tuple(str(tag) for tag in strict_json.loads(tags.encode(), _TAGS_BYTES))
                title.encode(), channel.encode()  # a column holds what it is given, be it no text
                found.append(Installation(title, InstallFolder.at(Path(folder)), channel, chosen))
        return found

    def find(self, title: str) -> Installation | None:
        """The install of ``title``, or None."""
        return next((install for install in self.installs() if install.title == title), None)

    def required(self, title: str) -> Installation:
        """The install of ``title``. Raises DiskError (disk.folder_missing), UsageError (usage.not_installed)."""
        install = self.find(title)
        if install and self.missing(install):
            raise folder_missing(install)
        if install is None or not install.folder.exists:
            raise UsageError("usage.not_installed", f"{title} is not installed.", title=title)
        return install

    def missing(self, install: Installation) -> str:
        """The version that was installed in a folder that is not there now, as its drive is not connected, or empty.

        An empty folder counts, too: the drive may be mounted there.
        """
        folder = install.folder
        is_there = folder.current.exists or (folder.exists and beneath.entries(folder.root))
        return "" if is_there else self._version(install.title)

    def _version(self, title: str) -> str:
        """The version that was last in the title's folder, if only by the copy; empty if none was."""
        if release := self.installed_release(title):
            return release.version
        rows = self._run("SELECT version FROM copied WHERE title = ?", title)
        return str(rows[0][0]) if rows else ""

    def put(self, install: Installation, *, left: InstallFolder | None = None) -> None:
        """Remember an install, and the folder that it ``left`` when it moved, which must still be emptied."""
        with database.opened(self._path) as db:
            if left:
                db.execute("INSERT OR REPLACE INTO left_behind VALUES (?, ?)", (install.title, str(left)))
            row = (install.title, str(install.folder), install.channel, json.dumps(install.tags))
            db.execute("INSERT OR REPLACE INTO installs VALUES (?, ?, ?, ?)", row)
        self._keep_copy()

    def _keep_copy(self) -> None:
        """Write the copy, unless it says all this already. The registry is right without it."""
        installs = [
            {
                "title": each.title,
                "folder": str(each.folder),
                "channel": each.channel,
                "tags": each.tags,
                "version": self._version(each.title),
            }
            for each in self.installs()
        ]
        data = json.dumps({"format": 1, "id": self.install_id.hex(), "installs": installs}, indent=1).encode()
        with self._copying, contextlib.suppress(DiskError, OSError):
            if not self._copy.is_file() or self._copy.read_bytes() != data:
                disk.write_atomic(self._copy, data)

    def left(self, title: str) -> InstallFolder | None:
        """The folder that an install left when it moved, until `clear_left`."""
        rows = self._run("SELECT folder FROM left_behind WHERE title = ?", title)
        return InstallFolder.at(Path(rows[0][0])) if rows else None

    def clear_left(self, title: str) -> None:
        """Note that the folder that the install left is empty of its files."""
        self._run("DELETE FROM left_behind WHERE title = ?", title)

    def forget(self, title: str) -> None:
        """Forget an install, what its files looked like and which releases it had."""
        self._signed.clear()
        with database.opened(self._path) as db:
            db.execute("DELETE FROM installs WHERE title = ?", (title,))
            db.execute("DELETE FROM seen WHERE title = ?", (title,))
            db.execute("DELETE FROM signed WHERE title = ?", (title,))
            db.execute("DELETE FROM copied WHERE title = ?", (title,))
        self._keep_copy()

    def note_journal(self, title: str, digest: bytes) -> None:
        """Remember the digest of the large journal that is about to be written for a title."""
        self._run("INSERT OR REPLACE INTO journals VALUES (?, ?)", title, digest)

    def journal(self, title: str) -> bytes:
        """The digest that was noted last; empty if none was."""
        rows = self._run("SELECT digest FROM journals WHERE title = ?", title)
        return bytes(rows[0][0]) if rows else b""

    def note_signed(self, title: str, release: records.Release, *, placed: bool) -> None:
        """Remember a release of the title's signed feed; ``placed``: it is, or is about to be, installed."""
        record = records.encode(release)
        with database.opened(self._path) as db:
            if placed:
                db.execute("UPDATE signed SET placed = 0 WHERE title = ?", (title,))
            db.execute(_NOTE, (title, hashlib.sha256(record).digest(), record, placed))
        self._keep_copy()

    def is_signed(self, title: str, release: records.Release) -> bool:
        """Whether this very record came from the title's signed feed."""
        known = title, hashlib.sha256(records.encode(release)).digest()
        if known not in self._signed and self._run("SELECT 1 FROM signed WHERE title = ? AND digest = ?", *known):
            self._signed.add(known)
        return known in self._signed

    def installed_release(self, title: str) -> records.Release | None:
        """The signed release that was last installed, or found, in the title's folder."""
        rows = self._run("SELECT record FROM signed WHERE title = ? AND placed", title)
        return records.parse(records.Release, rows[0][0]) if rows else None

    def note_removed(self, title: str) -> None:
        """Note that no release is installed any more."""
        self._run("UPDATE signed SET placed = 0 WHERE title = ?", title)
        self._run("DELETE FROM copied WHERE title = ?", title)
        self._keep_copy()

    def files_seen(self, title: str) -> dict[str, Seen]:
        """Path to the stat taken when its bytes were last verified."""
        rows = self._run("SELECT path, size_bytes, mtime_ns, inode FROM seen WHERE title = ?", title)
        return {path: Seen(*stat) for path, *stat in rows}

    def note_seen(self, title: str, stats: Mapping[str, Seen]) -> None:
        """Replace the recorded path and stat of every verified file of a title."""
        with database.opened(self._path) as db:
            db.execute("DELETE FROM seen WHERE title = ?", (title,))
            rows = [(title, path, s.size_bytes, s.mtime_ns, s.inode) for path, s in stats.items()]
            db.executemany("INSERT INTO seen VALUES (?, ?, ?, ?, ?)", rows)

    def games(self) -> dict[str, tuple[int, float]]:
        """Title to the process that plays it, as last known: its number, and when it began (Unix time)."""
        rows = self._run("SELECT title, process, start_s FROM games")
        return {title: (number, start_s) for title, number, start_s in rows}

    def note_game(self, title: str, number: int, start_s: float) -> None:
        """Remember the process that plays a title."""
        self._run("INSERT OR REPLACE INTO games VALUES (?, ?, ?)", title, number, start_s)

    def forget_game(self, title: str) -> None:
        """Forget the process that played a title."""
        self._run("DELETE FROM games WHERE title = ?", title)

    def commands(self) -> dict[str, tuple[Command, bool]]:
        """Title to the command that waits for it, and whether the player paused it. Unknown commands are left out."""
        found = {}
        for title, command, paused in self._run("SELECT title, wish, paused FROM wishes"):
            with contextlib.suppress(ValueError, AttributeError):
                title.encode()
                found[title] = (wire.from_json(command.encode()), bool(paused))
        return found

    def unfinished_jobs(self) -> dict[str, int]:
        """Title to the number of jobs in a row that began and did not end, because the engine died."""
        rows = self._run("SELECT title, times FROM began")
        return {title: times for title, times in rows if isinstance(title, str) and isinstance(times, int)}

    def begin(self, title: str) -> None:
        """Note that a job begins. `end` follows in any case, unless the engine dies."""
        self._run("INSERT INTO began VALUES (?, 1) ON CONFLICT (title) DO UPDATE SET times = times + 1", title)

    def end(self, title: str) -> None:
        """Note that a job ended, well or not."""
        self._run("DELETE FROM began WHERE title = ?", title)

    def keep_command(self, title: str, command: Command, *, paused: bool = False) -> None:
        """Remember the command to resume after a crash or, if it is paused, when the player asks."""
        text = wire.to_json(command).decode()
        self._run("INSERT OR REPLACE INTO wishes VALUES (?, ?, ?)", title, text, paused)

    def drop_command(self, title: str) -> None:
        """Forget the command: it is done, failed or withdrawn."""
        self._run("DELETE FROM wishes WHERE title = ?", title)

    def note_download(self, title: str, goal: str, done_bytes: int, total_bytes: int) -> None:
        """Remember how far the download of a title came on its way to ``goal``."""
        self._run("INSERT OR REPLACE INTO downloads VALUES (?, ?, ?, ?)", title, goal, done_bytes, total_bytes)

    def clear_download(self, title: str) -> None:
        """Forget it: the goal was reached, or what was downloaded is gone."""
        self._run("DELETE FROM downloads WHERE title = ?", title)

    def downloads(self) -> dict[str, tuple[str, int, int]]:
        """Title to the goal of its unfinished download, how many bytes of it are here, and in all."""
        rows = self._run("SELECT title, goal, done_bytes, total_bytes FROM downloads")
        return {title: (goal, done, total) for title, goal, done, total in rows if _are_counts(done, total)}


def folder_missing(install: Installation) -> DiskError:
    """The error of a title whose folder is not there."""
    text = f"The folder of {install.title} is not there: {install.folder}."
    return DiskError(FOLDER_MISSING, text, title=install.title, path=str(install.folder))


def _copied(copy: Path) -> tuple[bytes, list[tuple[str, str, str, str]], dict[str, str]]:
    """The number, the rows of installs, and their versions in a copy; a new number if there is no copy to read."""
    try:
        document = strict_json.load(copy, _COPY_BYTES)
        installs = {each["title"]: each for each in document["installs"]}
        rows = [
            (str(each["title"]), str(each["folder"]), str(each["channel"]), json.dumps(each["tags"]))
            for each in installs.values()
        ]
        versions = {str(title): str(each.get("version", "")) for title, each in installs.items()}
        return bytes.fromhex(document["id"]), rows, versions
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        disk.set_aside(copy)
    return secrets.token_bytes(16), [], {}


def _are_counts(*values: object) -> bool:
    """A column holds what it is given, be it no number."""
    return all(isinstance(value, int) and value >= 0 for value in values)

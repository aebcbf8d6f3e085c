"""An install folder: where everything of ours in it lies, what it says of itself, and who may write it now.

Others may write in it too, so every path is one `beneath` it, and what it says of itself is only a claim.
"""

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from patcher import beneath, disk, strict_json
from patcher.beneath import Beneath
from patcher.content import manifest, merkle, paths, records
from patcher.content.manifest import Manifest
from patcher.errors import BusyError, DiskError, NeedsNewer
from patcher.lock import locked

STATE = paths.OWN_FOLDER
POINTER, MANIFESTS, LAYERS = "installed", "manifests", "layers"
_LOCK = "lock"
_DOCUMENT = re.compile(r"[0-9a-z]+")
_POINTER_BYTES = 4 << 20
_FOLDERS = ("", "/staging", "/trash", "/trash/files", "/previous", "/previous/files")
_DOCUMENTS = ("", "/trash", "/previous")


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

    @classmethod
    def parse(cls, data: bytes) -> "Installed":
        """Raises ValueError, KeyError, TypeError when it is damaged; TrustError when a newer Shoal wrote it."""
        document = strict_json.loads(data, _POINTER_BYTES)
        if document["format"] != 1:
            raise NeedsNewer("A newer Shoal wrote this install.")
        release = records.parse_release(json.dumps(document["release"]).encode())
        tags = tuple(str(tag) for tag in document["tags"])
        return cls(str(document["feed"]), str(document["title"]), str(document["channel"]), tags, release)


@dataclass(frozen=True, slots=True)
class Description:
    """The documents that say which release a folder holds: ``.shoal`` of the one in place, ``previous`` of the last."""

    folder: Beneath

    def installed(self) -> Installed | None:
        """What the folder says it holds, or None when it says nothing.

        Raises DiskError (disk.failed) when that is damaged, TrustError when a newer Shoal wrote it.
        """
        pointer = self.folder / POINTER
        if not beneath.exists(pointer):
            return None
        try:
            return Installed.parse(beneath.read(pointer, _POINTER_BYTES))
        except (OSError, ValueError, KeyError, TypeError) as error:
            text = f"What {self.folder} says of itself is damaged: {error}."
            raise DiskError("disk.failed", text, path=str(self.folder)) from error

    def manifest_data(self, ref: merkle.Ref) -> bytes | None:
        """The manifest ``ref``, or None when it is missing or damaged."""
        try:
            data = beneath.read(self.folder / MANIFESTS / ref.hex, ref.size_bytes)
        except OSError:
            return None
        return data if data and merkle.ref_of(data) == ref else None

    def manifests(self, installed: Installed) -> dict[str, Manifest]:
        """Part name to manifest; damaged or missing ones are left out."""
        found = {part.name: self.manifest_data(part.manifest) for part in installed.parts}
        return {name: manifest.parse(data) for name, data in found.items() if data}

    def layers(self, m: Manifest, ref: merkle.Ref) -> bytes | None:
        """The piece layers of the manifest ``ref`` as they lie there, unchecked; None when they do not."""
        pieces = (-(-entry.size_bytes // m.piece_bytes) for entry in m.entries if entry.size_bytes > m.piece_bytes)
        try:
            return beneath.read(self.folder / LAYERS / ref.hex, merkle.HASH_BYTES * sum(pieces))
        except OSError:
            return None

    def names(self) -> list[str]:
        """The documents that are here, as paths below the folder; what else lies there, and is not ours, stays."""
        pointer = [POINTER] if beneath.exists(self.folder / POINTER) else []
        found = ((kind, *entry) for kind in (LAYERS, MANIFESTS) for entry in beneath.entries(self.folder / kind))
        ours = (each for each in found if stat.S_ISREG(each[2].st_mode) and _DOCUMENT.fullmatch(each[1]))
        return pointer + [f"{kind}/{name}" for kind, name, _ in ours]


@dataclass(frozen=True, slots=True)
class InstallFolder:
    """Where one title is installed, or is to be. Names everything in ``.shoal``."""

    root: Beneath

    @classmethod
    def at(cls, path: Path) -> "InstallFolder":
        """The folder that stands there now, or the place where one can be made."""
        return cls(beneath.below(path))

    @property
    def path(self) -> Path:
        """Where it is, for messages and for what only looks."""
        return self.root.path

    def __str__(self) -> str:
        """For messages."""
        return str(self.path)

    @property
    def is_there(self) -> bool:
        """Whether the folder stood there when we first looked."""
        return self.root.base.identity is not None

    def _made(self) -> "InstallFolder":
        disk.make_folder(self.path)
        with beneath.translated(self.path):
            return InstallFolder(Beneath(self.root.base.made()))

    @property
    def state(self) -> Beneath:
        """Our own folder in it."""
        return self.root / STATE

    @property
    def staging(self) -> Beneath:
        """New files under way."""
        return self.state / "staging"

    @property
    def trash(self) -> Beneath:
        """Old files and documents during a commit."""
        return self.state / "trash"

    @property
    def journal(self) -> Beneath:
        """Exists only during a commit."""
        return self.state / "journal"

    @property
    def current(self) -> Description:
        """What it says of the release in place."""
        return Description(self.state)

    @property
    def previous(self) -> Description:
        """What it says of the release before, which is kept with the files that were replaced."""
        return Description(self.state / "previous")

    @property
    def previous_files(self) -> Beneath:
        """The files that the last update replaced."""
        return self.previous.folder / "files"

    def check(self) -> None:
        """Raises DiskError (disk.in_the_way) when a link, or anything that is no folder, stands for one of ours.

        Nothing would ever be written through it; so the player hears of it before a job begins.
        """
        documents = (f"{above}/{kind}" for above in _DOCUMENTS for kind in (MANIFESTS, LAYERS))
        for name in (*_FOLDERS, *documents):
            folder = self.root / (STATE + name)
            if beneath.exists(folder) and not beneath.is_folder(folder):
                text = f"{folder} is a link or a file, and Shoal keeps a folder of its own there."
                raise DiskError("disk.in_the_way", text, path=str(folder))

    def erase(self, home: Path) -> None:
        """Remove all of ours, as far as it is there. Raises BusyError, DiskError."""
        if beneath.exists(self.state):
            with self.locked(home) as mine:
                for name, _ in beneath.entries(mine.state):
                    if name != _LOCK:
                        disk.remove_tree(mine.state / name)
                if os.name != "nt":  # Windows removes no file that is open
                    disk.remove(mine.state / _LOCK)
            if os.name == "nt":
                disk.remove(mine.state / _LOCK)
            if not beneath.entries(mine.state):  # another may have begun here since
                disk.remove_folder(mine.state)

    @contextmanager
    def locked(self, home: Path) -> Iterator["InstallFolder"]:
        """The folder, made where missing, with nobody else writing in it. Raises BusyError (busy.locked), DiskError.

        ``home`` is whose engine we are, for others to read.
        """
        self.check()
        mine = self if self.is_there else self._made()
        disk.make_folder(mine.state)
        with locked(mine.state / _LOCK, f"process {os.getpid()}, home {home}") as other:
            if other:
                text = f"{self.path} is being changed by another Shoal ({other})."
                raise BusyError("busy.locked", text, path=str(self.path))
            yield mine

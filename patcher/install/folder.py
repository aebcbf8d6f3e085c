"""An install folder: the layout of `.shoal` in it, what its documents say, and who may change it now.

Everything in ``.shoal`` is named here and nowhere else (docs/formats/install.md). Others may write in the folder too,
so every path is one `beneath` it, and what the documents say is only a claim: `genuine` tells when it counts.
"""

import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from patcher import beneath, disk, strict_json
from patcher.beneath import Beneath, Where
from patcher.content import manifest, merkle, paths, records
from patcher.content.manifest import Manifest
from patcher.errors import BusyError, ContentError, DiskError, NeedsNewer
from patcher.install import scan
from patcher.install.scan import Watch
from patcher.lock import locked

_POINTER, _MANIFESTS, _LAYERS = "installed", "manifests", "layers"
_LOCK = "lock"
_HARMLESS = frozenset(
    [
        "lost+found", ".trash", ".trashes", "system volume information", "$recycle.bin", "recycler", "found.000",
        ".fseventsd", ".spotlight-v100", ".temporaryitems", ".documentrevisions-v100", ".ds_store", ".apdisk",
        "thumbs.db", "desktop.ini", ".directory", ".hidden", ".snapshots", "@eadir", "#recycle",
    ]
)  # fmt: skip
"""What systems put into a folder, above all into that of a whole drive, in lower case."""
_TRASH_OF_A_USER = ".trash-"
_DOCUMENT = re.compile(r"[0-9a-z]+")
_POINTER_BYTES = 4 << 20
_POINTERS_READ = 256
"""So many stay in memory: clients look at all installs again and again."""


@dataclass(frozen=True, slots=True)
class Installed:
    """``.shoal/installed``: the release that an install folder says it holds."""

    feed_fingerprint: str
    title: str
    channel: str
    tags: tuple[str, ...]
    release: records.Release

    @property
    def parts(self) -> tuple[records.Part, ...]:
        """The parts of the release that are here."""
        return tuple(part for part in self.release.parts if records.chosen(part, self.tags))

    def released(self, manifests: Mapping[str, Manifest]) -> list[Manifest]:
        """Of the ``manifests`` by part: those of parts whose files are not the player's own (`defaults`)."""
        defaults = {part.name for part in self.parts if part.defaults}
        return [m for name, m in manifests.items() if name not in defaults]

    def encode(self) -> bytes:
        """Canonical JSON; the release stands in it as the publisher signed it."""
        document = {
            "format": 1,
            "feed": self.feed_fingerprint,
            "title": self.title,
            "channel": self.channel,
            "tags": list(self.tags),
            "release": json.loads(records.encode(self.release)),
        }
        return json.dumps(document, sort_keys=True).encode()

    @classmethod
    @lru_cache(maxsize=_POINTERS_READ)
    def parse(cls, data: bytes) -> "Installed":
        """Raises ValueError, KeyError, TypeError when it is damaged; TrustError when a newer Shoal wrote it."""
        document = strict_json.loads(data, _POINTER_BYTES)
        if document["format"] != 1:
            raise NeedsNewer("A newer Shoal wrote this install.")
        release = records.parse(records.Release, json.dumps(document["release"]).encode())
        tags = tuple(str(tag) for tag in document["tags"])
        return cls(str(document["feed"]), str(document["title"]), str(document["channel"]), tags, release)


class NewPart(NamedTuple):
    """A part of the release to install: its record, its manifest as signed and as read, piece layers known by root."""

    part: records.Part
    document: bytes
    manifest: Manifest
    layers: Mapping[bytes, bytes]


class _Below:
    """A path below another one of the same object."""

    def __init__(self, above: str, name: str) -> None:
        self._above, self._name = above, name

    def __get__(self, owner: object, _: type) -> Beneath:
        above: Beneath = getattr(owner, self._above)
        return above / self._name


@dataclass(frozen=True, slots=True)
class Description:
    """The documents that describe a release: those in ``.shoal`` the one in place, those in ``previous`` the last."""

    folder: Beneath

    manifests_folder = _Below("folder", _MANIFESTS)
    """Holds the manifest of each part that is here."""
    layers_folder = _Below("folder", _LAYERS)
    """Holds piece layers, each document under the name of its manifest."""

    @property
    def exists(self) -> bool:
        """Whether the folder describes a release at all, truly or not."""
        return beneath.exists(self.folder / _POINTER)

    def installed(self) -> Installed | None:
        """The release that the folder says it holds; None when it says nothing.

        Raises DiskError (disk.failed) when the document is damaged, TrustError when a newer Shoal wrote it.
        """
        if not self.exists:
            return None
        try:
            return Installed.parse(beneath.read(self.folder / _POINTER, _POINTER_BYTES))
        except (OSError, ValueError, KeyError, TypeError) as error:
            text = f"What {self.folder} says of itself is damaged: {error}."
            raise DiskError("disk.failed", text, path=str(self.folder)) from error

    def put_installed(self, installed: Installed) -> None:
        """Write what is installed anew; the damaged one is kept beside. The caller has locked the folder."""
        disk.set_aside(self.folder / _POINTER)
        disk.write_atomic(self.folder / _POINTER, installed.encode())

    def put_manifest(self, ref: merkle.Ref, document: bytes) -> None:
        """Put a manifest back; a damaged one is kept beside. The caller has locked the folder."""
        where = self.manifests_folder / ref.hex
        if beneath.exists(where):
            disk.set_aside(where)
        disk.make_folder(self.manifests_folder)
        disk.write_atomic(where, document)

    def manifest_data(self, ref: merkle.Ref) -> bytes | None:
        """The manifest ``ref``, or None when it is missing or damaged."""
        try:
            data = beneath.read(self.manifests_folder / ref.hex, ref.size_bytes)
        except OSError:
            return None
        return data if data and merkle.ref_of(data) == ref else None

    def documents(self, installed: Installed) -> dict[str, bytes]:
        """Part name to manifest as it was signed; damaged or missing ones are left out."""
        found = {part.name: self.manifest_data(part.manifest) for part in installed.parts}
        return {name: data for name, data in found.items() if data}

    def manifests(
        self, installed: Installed, known: Mapping[merkle.Ref, Manifest] = MappingProxyType({})
    ) -> dict[str, Manifest]:
        """Part name to manifest; damaged or missing ones are left out. ``known``: those that are read already."""
        refs = {part.name: part.manifest for part in installed.parts}
        return {n: known.get(refs[n]) or manifest.parse(data) for n, data in self.documents(installed).items()}

    def layers(self, m: Manifest, ref: merkle.Ref) -> bytes | None:
        """The layers document of the manifest ``ref``, unchecked; None when it cannot be read."""
        try:
            return beneath.read(self.layers_folder / ref.hex, sum(length for _, length in m.layered))
        except OSError:
            return None

    def names(self) -> list[str]:
        """The documents that are here, as paths below the folder. Anything else in it is not ours and is left out."""
        found = ((kind, *entry) for kind in (_LAYERS, _MANIFESTS) for entry in beneath.entries(self.folder / kind))
        ours = (each for each in found if stat.S_ISREG(each[2].st_mode) and _DOCUMENT.fullmatch(each[1]))
        return ([_POINTER] if self.exists else []) + [f"{kind}/{name}" for kind, name, _ in ours]


@dataclass(frozen=True, slots=True)
class InstallFolder:
    """Where one title is installed, or is to be. Names everything in ``.shoal``."""

    root: Beneath

    state = _Below("root", paths.OWN_FOLDER)
    """Our own folder in it, ``.shoal``."""
    staging = _Below("state", "staging")
    """New files under way."""
    trash = _Below("state", "trash")
    """Old documents, and the folder of old files, during a commit."""
    trash_files = _Below("trash", "files")
    """Old files during a commit, each under its own path."""
    trial = _Below("state", "trial")
    """Made and removed at once, to find out what the disk can hold."""
    journal = _Below("state", "journal")
    """Exists only during a commit."""
    previous_folder = _Below("state", "previous")
    """Documents of the release before, and the folder of its files."""
    previous_files = _Below("previous_folder", "files")
    """The files that the last update replaced, each under its own path."""

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
    def exists(self) -> bool:
        """Whether the folder stood there when we first looked."""
        return self.root.base.identity is not None

    def is_same(self, other: "InstallFolder") -> bool:
        """Whether both are one folder, by whatever name: through a link, a second mount, in another spelling."""
        mine, theirs = self.root.base.identity, other.root.base.identity
        return self.path.resolve() == other.path.resolve() or (mine is not None and mine == theirs)

    def _made(self) -> "InstallFolder":
        new = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        disk.make_folder(self.path)
        for folder in reversed(new):
            disk.sync_folder(folder.parent)  # before the registry knows a release here, or it would be a missing folder
        with beneath.translated(self.path):
            return InstallFolder(Beneath(self.root.base.made()))

    @property
    def current(self) -> Description:
        """Describes the release in place."""
        return Description(self.state)

    @property
    def previous(self) -> Description:
        """Describes the release before, which is kept with the files that were replaced."""
        return Description(self.previous_folder)

    # ------------------------------------------------------------ who may change it

    def check(self) -> None:
        """Raises DiskError (disk.in_the_way) when a link, or anything that is no folder, stands for one of ours.

        Nothing would ever be written through it, so the player is told before a job begins.
        """
        folders = (self.state, self.staging, self.trash, self.trash_files, self.previous_folder, self.previous_files)
        described = (self.current, Description(self.trash), self.previous)
        inner = [folder for each in described for folder in (each.manifests_folder, each.layers_folder)]
        for folder in (*folders, *inner):
            if beneath.exists(folder) and not beneath.is_folder(folder):
                text = f"{folder} is a link or a file, and Shoal keeps a folder of its own there."
                raise DiskError("disk.in_the_way", text, path=str(folder))

    def check_empty(self) -> None:
        """Raises DiskError unless the folder is absent or empty; a ``.shoal`` left by an abandoned try may be there."""
        names = [name for name, _ in beneath.entries(self.root)]
        strangers = [name for name in names if name != paths.OWN_FOLDER and not _is_harmless(name.lower())]
        if strangers:
            text = f"{self} is not empty: it holds {', '.join(strangers[:3])}."
            raise DiskError("disk.not_empty", text, path=str(self), files=len(strangers))
        if not names and os.path.lexists(self.path) and not self.path.is_dir():
            raise DiskError("disk.in_the_way", f"{self} is no folder.", path=str(self))

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
        """The folder, made where missing, locked against other writers. Raises BusyError (busy.locked), DiskError.

        ``home`` is that of our engine; others read it in the lock.
        """
        self.check()
        mine = self if self.exists else self._made()
        if not beneath.is_folder(mine.state):
            disk.make_folder(mine.state)
            disk.sync_folder(mine.root)
        if beneath.is_folder(mine.state / _LOCK):
            disk.set_aside(mine.state / _LOCK)
        with locked(mine.state / _LOCK, f"process {os.getpid()}, home {home}") as other:
            if other:
                text = f"{self.path} is being changed by another Shoal ({other})."
                raise BusyError("busy.locked", text, path=str(self.path))
            yield mine

    # ------------------------------------------------------------ what the next commit will put there

    def stage_documents(
        self,
        installed: Installed | None,
        parts: Iterable[NewPart],
        layers: Mapping[bytes, bytes],
        old: Mapping[str, Manifest],
        watch: Watch,
    ) -> list[tuple[str, str]]:
        """Stage the documents of a release (None: of no release).

        ``layers``: root to piece layer of the staged files. ``old``: part name to manifest of the release in place.
        Returns the staged name and the path below ``.shoal`` of each; the name is empty for those that must go.
        """
        documents = {_POINTER: installed.encode()} if installed else {}
        for new in parts:
            name = new.part.manifest.hex
            documents[f"{_MANIFESTS}/{name}"] = new.document
            if not new.part.defaults:
                kept = self._kept_layers(old[new.part.name]) if new.part.name in old else {}
                known = self._layers(new.manifest, (layers, kept, new.layers), watch)
                documents[f"{_LAYERS}/{name}"] = manifest.join_layers(new.manifest, known)
        staged = {path: f"meta.{number}" for number, path in enumerate(documents)}
        for path, name in staged.items():
            disk.write_atomic(self.staging / name, documents[path])
        stale = [("", path) for path in self.current.names() if path not in documents]
        return [(name, path) for path, name in staged.items()] + stale

    def _layers(self, m: Manifest, sources: tuple[Mapping[bytes, bytes], ...], watch: Watch) -> dict[bytes, bytes]:
        """Root to piece layer, from the first source that has it, else by hashing the installed file."""
        found: dict[bytes, bytes] = {}
        for entry, length in m.layered:  # another part may have other pieces
            known = (source.get(entry.root, b"") for source in sources)
            layer = next((layer for layer in known if len(layer) == length), b"")
            found[entry.root] = layer or merkle.layer_of(scan.hash_file(self.root / entry.path, watch), m.piece_bytes)
        return found

    def _kept_layers(self, old: Manifest) -> dict[bytes, bytes]:
        """Root to piece layer of the release in place; nothing when they do not fold to its roots."""
        try:
            return manifest.split_layers(old, self.current.layers(old, merkle.ref_of(manifest.encode(old))) or b"")
        except ContentError:
            return {}


def remove_own_folder(where: Where) -> None:
    """Remove an empty folder, unless the disk refuses: as a mount point, or in a folder of root's, it may stay."""
    with suppress(DiskError):
        disk.remove_folder(where)


def _is_harmless(name: str) -> bool:
    return name in _HARMLESS or name.startswith(_TRASH_OF_A_USER)

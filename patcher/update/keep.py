"""What is installed, as torrents: the payload of each is the install tree itself, so there is no second copy."""

import threading
from pathlib import Path

from patcher.content import manifest
from patcher.errors import DiskError, ShoalError
from patcher.transfer.fetch import Torrent
from patcher.transfer.packs import Packs
from patcher.transfer.session import Session
from patcher.update.commit import STATE
from patcher.update.installs import LAYERS, Install, Registry, manifest_data, read_installed, seen


def torrents(folder: Path, trackers: tuple[str, ...]) -> list[Torrent]:
    """One torrent for each part that is seeded, from what the install says of itself.

    A part whose layers are not known is left out; `defaults` parts belong to the player and are never offered.
    """
    state = folder / STATE
    installed = read_installed(state)
    found = []
    for part in installed.parts if installed else ():
        data = manifest_data(state, part.manifest)
        layers = state / LAYERS / part.manifest.hex
        if data is None or part.defaults or not layers.exists():
            continue
        m = manifest.parse(data)
        paths = tuple(folder / entry.path for entry in m.entries)
        if m.size_bytes:
            found.append(Torrent(manifest.torrent(m, layers.read_bytes()), paths, trackers))
    return found


class Keeper:
    """Keeps titles in the session, and takes them out before a commit, before play, and when their files changed."""

    def __init__(self, session: Session, registry: Registry, packs: Packs) -> None:
        self._session, self._registry, self._packs = session, registry, packs
        self._kept: dict[str, list[bytes]] = {}
        self._lock = threading.Lock()

    def keep(self, install: Install, trackers: tuple[str, ...]) -> None:
        """Offer a title as far as the session's allowances go. One whose files do not look as verified is left out."""
        with self._lock:
            if install.title in self._kept or not self._looks_verified(install):
                return
            try:
                self._kept[install.title] = [self._session.keep(t) for t in torrents(install.folder, trackers)]
            except (ShoalError, OSError):
                self._kept[install.title] = []

    def keep_packs(self, trackers: tuple[str, ...]) -> None:
        """Offer the patch packs of past updates."""
        for torrent in self._packs.torrents(trackers):
            try:
                self._session.keep(torrent)
            except DiskError:
                continue

    def release(self, title: str) -> None:
        """Let go of a title's files; returns when they are closed."""
        with self._lock:
            for info_hash in self._kept.pop(title, []):
                self._session.release(info_hash)

    def watch(self) -> list[str]:
        """Titles whose files are not as they were when they were offered; they are out of the swarm now."""
        gone = set(self._session.changed())
        return [title for title, hashes in self._kept.items() if gone & set(hashes)]

    def hashes(self, title: str) -> list[bytes]:
        """The info hashes under which a title is offered."""
        return list(self._kept.get(title, ()))

    def _looks_verified(self, install: Install) -> bool:
        known = self._registry.files_seen(install.title)
        return bool(known) and all(seen(install.folder / path) == stat for path, stat in known.items())

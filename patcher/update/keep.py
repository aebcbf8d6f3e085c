"""What is installed, as torrents: the payload of each is the install tree itself, so there is no second copy."""

import contextlib
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from patcher.content import manifest
from patcher.errors import DiskError, ShoalError
from patcher.events import Sources
from patcher.feed.feeds import Feeds
from patcher.transfer.layout import Layout, Torrent
from patcher.transfer.ledger import Ledger
from patcher.transfer.packs import Packs
from patcher.transfer.session import Session
from patcher.update.commit import STATE
from patcher.update.installs import LAYERS, Install, Registry, manifest_data, read_installed, seen

_OTHER = "patches"
"""Under which name the ledger counts what belongs to no installed title: patches, and trees on their way."""


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

    def __init__(self, session: Session, registry: Registry, ledger: Ledger, packs: Packs, feeds: Feeds) -> None:
        self._session, self._registry, self._ledger = session, registry, ledger
        self._packs, self._feeds = packs, feeds
        self._kept: dict[str, list[bytes]] = {}
        self._lock = threading.Lock()
        self._away: set[str] = set()
        self._noted_bytes: dict[bytes, int] = {}

    def tend(self, away: Callable[[], Collection[str]]) -> list[str]:
        """Offer what may be offered, withdraw what changed, note what was given. To be called every few seconds.

        ``away`` says which titles to leave alone now: a job or the player has them. Returns the titles whose files
        changed.
        """
        self._note_given()
        with self._lock:
            self._away = set(away())  # asked under the lock: whoever lets go later is noted here
            gone = set(self._session.changed())
            changed = [title for title, hashes in self._kept.items() if gone & set(hashes)]
            for title in changed:
                self._kept[title] = [info_hash for info_hash in self._kept[title] if info_hash not in gone]
        self._packs.trim(self._session.release)
        if self._session.allowances.upload != "off":
            for install in self._registry.installs():
                self._keep(install)
            self._keep_packs()
        return changed

    def release(self, title: str) -> None:
        """Let go of a title's files; returns when they are closed."""
        with self._lock:
            self._away.add(title)  # a look that began before must not offer it again
            for info_hash in self._kept.pop(title, []):
                self._session.release(info_hash)

    def is_offered(self, title: str) -> bool:
        """Whether the title is in the session, as far as the allowances go."""
        return bool(self._kept.get(title)) and self._session.allowances.upload != "off"

    def given_bytes(self, title: str) -> int:
        """What was given of the title since this engine began."""
        counters = self._session.counters()
        return sum(counters[h].sent_bytes for h in self._kept.get(title, ()) if h in counters)

    def _keep(self, install: Install) -> None:
        """Offer a title. One whose files do not look as verified is left out until they do."""
        with self._lock:
            if install.title in self._kept.keys() | self._away or not self._looks_verified(install):
                return
            kept: list[bytes] = []
            with contextlib.suppress(ShoalError, OSError):
                found = torrents(install.folder, self._feeds.trackers(install.title))
                kept.extend(self._session.keep(torrent) for torrent in found)
            self._kept[install.title] = kept

    def _keep_packs(self) -> None:
        """Offer the patch packs of past updates."""
        trackers = (tracker for name in self._feeds.names() for tracker in self._feeds.trackers(f"{name}/"))
        torrents = self._packs.torrents(tuple(dict.fromkeys(trackers)))
        offered = {Layout.parse(torrent.data).info_hash: torrent for torrent in torrents}
        for info_hash in offered.keys() - self._session.kept():
            with contextlib.suppress(DiskError):
                self._session.keep(offered[info_hash])

    def _looks_verified(self, install: Install) -> bool:
        known = self._registry.files_seen(install.title)
        return bool(known) and all(seen(install.folder / path) == stat for path, stat in known.items())

    def _note_given(self) -> None:
        with self._lock:
            titles = {info_hash: title for title, hashes in self._kept.items() for info_hash in hashes}
        for info_hash, counters in self._session.counters().items():
            if more := counters.sent_bytes - self._noted_bytes.get(info_hash, 0):
                self._ledger.add(titles.get(info_hash, _OTHER), Sources(), more)
                self._noted_bytes[info_hash] = counters.sent_bytes

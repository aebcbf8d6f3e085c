"""What is installed, as torrents: the payload of each is the install tree itself, so there is no second copy."""

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Iterator

from patcher.content import manifest
from patcher.content.layout import Layout, Torrent
from patcher.feed.feeds import Feeds
from patcher.install import genuine
from patcher.install.registry import Install, Registry
from patcher.install.scan import seen
from patcher.protocol.events import Sources
from patcher.seeding.pack_cache import Packs
from patcher.seeding.sharing import Sharing
from patcher.seeding.traffic import Ledger
from patcher.transfer.swarm.session import Session

_OTHER = "patches"
"""Under which name the ledger counts what belongs to no installed title: patches, and trees on their way."""
_log = logging.getLogger("shoal.keep")


def torrents(registry: Registry, install: Install, trackers: tuple[str, ...]) -> list[Torrent]:
    """One torrent for each part that is seeded, from what the install says of itself; none where no signature backs it.

    A part whose layers are not known is left out; `defaults` parts belong to the player and are never offered.
    """
    folder, installed = install.folder, genuine.proved(registry, install.title, install.folder.current)
    found = []
    for part in installed.parts if installed else ():
        data = folder.current.manifest_data(part.manifest)
        if data is None or part.defaults:
            continue
        m = manifest.parse(data)
        layers = folder.current.layers(m, part.manifest)
        paths = tuple(folder.root / entry.path for entry in m.entries)
        if m.size_bytes and layers is not None:
            found.append(Torrent(manifest.torrent(m, layers), paths, trackers))
    return found


@contextlib.contextmanager
def _apart(what: str) -> Iterator[None]:
    """Log whatever fails within, and go on: the next look may do better."""
    try:
        yield
    except Exception:  # noqa: BLE001 - one damaged title or file must not keep the others offered, or from being so
        _log.exception("%s failed", what)


class Seeder:
    """Keeps titles in the session while nobody holds them; takes those out whose files changed. For several threads."""

    def __init__(self, sharing: Sharing, registry: Registry, ledger: Ledger, packs: Packs, feeds: Feeds) -> None:
        self._sharing, self._registry, self._ledger = sharing, registry, ledger
        self._packs, self._feeds = packs, feeds
        self._lock = threading.Lock()
        self._kept: dict[str, list[bytes]] = {}
        """The info hashes of each title that was looked at and let be; none where nothing of it can be offered."""
        self._holders: Counter[str] = Counter()
        self._noted_bytes: dict[bytes, int] = {}

    @contextlib.contextmanager
    def holding(self, title: str) -> Iterator[None]:
        """The title's files are somebody's own: they are closed when this begins, and may be offered when it ends."""
        with self._lock:
            self._holders[title] += 1
            self._release(title)
        try:
            yield
        finally:
            with self._lock:
                self._holders[title] -= 1

    def renew(self, title: str) -> None:
        """The title's files are as released, whatever touched them: the next look may offer them again."""
        with self._lock:
            self._release(title)

    def tend(self) -> list[str]:
        """Withdraw what is not as it was, note what was given, offer what may be. To be called every few seconds.

        No part's failure keeps another from running. Returns the titles whose files changed.
        """
        session, changed = None, list[str]()
        with _apart("opening the session"):
            session = self._sharing.to_offer()
        if session is None:
            with _apart("trimming the pack cache"):
                self._packs.trim()
            return []
        with _apart("withdrawing what changed"):
            changed = self._withdraw_changed(session)
        with _apart("withdrawing what is not installed"):
            self._withdraw_unknown()
        with _apart("looking at the month"):
            self._sharing.look()
        with _apart("counting what was given"):
            self._note_given(session)
        with _apart("trimming the pack cache"):
            self._packs.trim(session.release)
        with _apart("offering"):
            self._offer(session)
        return changed

    def _withdraw_changed(self, session: Session) -> list[str]:
        gone = set(session.changed())
        with self._lock:
            changed = [title for title, hashes in self._kept.items() if gone & set(hashes)]
            for title in changed:
                self._kept[title] = [info_hash for info_hash in self._kept[title] if info_hash not in gone]
        return changed

    def _withdraw_unknown(self) -> None:
        """If the registry cannot be read, no title counts as installed."""
        known: set[str] = set()
        try:
            known.update(install.title for install in self._registry.installs())
        finally:
            with self._lock:
                for title in self._kept.keys() - known:
                    self._release(title)

    def _offer(self, session: Session) -> None:
        if session.allowances.upload == "off":
            return
        with _apart("offering packs"):
            self._keep_packs(session)
        for install in self._registry.installs():
            with _apart(f"offering {install.title}"):
                self._keep(install, session)

    @property
    def is_offering(self) -> bool:
        """Whether anything is in the session for others, packs included."""
        session = self._sharing.session
        return session is not None and session.allowances.upload != "off" and bool(session.kept())

    def is_offered(self, title: str) -> bool:
        """Whether the title is in the session, as far as the allowances go."""
        session = self._sharing.session
        return session is not None and session.allowances.upload != "off" and bool(self._kept.get(title))

    def given_bytes(self, title: str) -> int:
        """What was given of the title since this engine began."""
        session = self._sharing.session
        counters = session.counters() if session else {}
        return sum(counters[h].sent_bytes for h in self._kept.get(title, ()) if h in counters)

    def shown(self) -> dict[str, tuple[bool, int]]:
        """What clients show of each title: whether it is offered, and how much of it was given."""
        return {title: (self.is_offered(title), self.given_bytes(title)) for title in list(self._kept)}

    def _release(self, title: str) -> None:
        for info_hash in self._kept.pop(title, []):
            if self._sharing.session:
                self._sharing.session.release(info_hash)

    def _keep(self, install: Install, session: Session) -> None:
        """Offer a title. One whose files do not look as verified is left out until they do."""
        with self._lock:
            if install.title in self._kept or self._holders[install.title] or not self._looks_verified(install):
                return
            kept = self._kept[install.title] = list[bytes]()  # looked at, whatever comes of it
            for torrent in torrents(self._registry, install, self._feeds.trackers(install.title)):
                kept.append(session.keep(torrent))

    def _keep_packs(self, session: Session) -> None:
        """Offer the patch packs of past updates."""
        trackers: list[str] = []
        for name in self._feeds.names():
            with _apart(f"reading the feed {name}"):
                trackers += self._feeds.trackers(f"{name}/")
        torrents = self._packs.torrents(tuple(dict.fromkeys(trackers)))
        offered = {Layout.parse(torrent.data).info_hash: torrent for torrent in torrents}
        for info_hash in offered.keys() - session.kept():
            with _apart("offering a pack"):
                session.keep(offered[info_hash])

    def _looks_verified(self, install: Install) -> bool:
        known, root = self._registry.files_seen(install.title), install.folder.root
        return bool(known) and all(seen(root / path) == stat for path, stat in known.items())

    def _note_given(self, session: Session) -> None:
        with self._lock:
            titles = {info_hash: title for title, hashes in self._kept.items() for info_hash in hashes}
        for info_hash, counters in session.counters().items():
            if more := counters.sent_bytes - self._noted_bytes.get(info_hash, 0):
                self._ledger.add(titles.get(info_hash, _OTHER), Sources(), more)
                self._noted_bytes[info_hash] = counters.sent_bytes

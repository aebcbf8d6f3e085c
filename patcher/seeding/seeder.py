"""What other players may have from this machine, and the one session that offers it.

The payload of a title's torrents is the install tree itself, so there is no second copy. The `Seeder` holds the desired
state, title by title and pack by pack; `Session.offer` alone brings the session in line with it.
"""

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from patcher.config import Settings
from patcher.content import manifest
from patcher.errors import DiskError
from patcher.feed.feeds import Feeds
from patcher.install import genuine
from patcher.install.registry import Installation, Registry
from patcher.install.scan import seen
from patcher.protocol.commands import Network
from patcher.protocol.events import Sources
from patcher.seeding.pack_cache import Packs
from patcher.seeding.traffic import Ledger
from patcher.transfer.swarm.policy import Surroundings, allowances
from patcher.transfer.swarm.session import Session
from patcher.transfer.swarm.swarm import Counters
from patcher.transfer.swarm.torrent import Torrent

_OTHER = "patches"
"""The ledger's name for uploads that belong to no installed title: patches, and trees on their way."""
_log = logging.getLogger("shoal.seeding")


def torrents(registry: Registry, install: Installation, trackers: tuple[str, ...]) -> list[Torrent]:
    """One torrent for each part that may be offered, from what the install says of itself if a signature backs that.

    A part whose layers are missing is left out. `defaults` parts belong to the player and are never offered. Raises
    ContentError when a manifest or its layers are damaged.
    """
    folder, installed = install.folder, genuine.proved(registry, install.title, install.folder.current)
    found = []
    for part in installed.parts if installed else ():
        data = folder.current.manifest_data(part.manifest)
        if data is None or part.defaults:
            continue
        m = manifest.parse(data)
        document = folder.current.layers(m, part.manifest)
        if m.size_bytes and document is not None:
            paths = [folder.root / entry.path for entry in m.entries]
            torrent = Torrent.of_tree(m, manifest.split_layers(m, document), paths)
            found.append(replace(torrent, trackers=trackers))
    return found


@contextlib.contextmanager
def _apart(what: str) -> Iterator[None]:
    """Log whatever fails within, and go on: the next look may do better."""
    try:
        yield
    except Exception:  # noqa: BLE001 - one damaged title or file must not keep the others offered, or from being so
        _log.exception("%s failed", what)


class Seeding(NamedTuple):
    """What clients show of a title."""

    is_offered: bool = False
    """As far as the allowances go."""
    uploaded_bytes: int = 0
    """Since this engine began."""


class Seeder:
    """Offers titles while nobody holds them, and whole packs. Safe for several threads; `close` ends it."""

    def __init__(self, settings: Settings, registry: Registry, ledger: Ledger, packs: Packs, feeds: Feeds) -> None:
        self._settings, self._registry, self._ledger = settings, registry, ledger
        self._packs, self._feeds = packs, feeds
        self.session: Session | None = None
        """Opened when it is first needed, and always as the settings and the month allow."""
        self._session_lock = threading.Lock()
        self._lock = threading.Lock()
        """Of what is to be offered:"""
        self._titles: dict[str, list[Torrent]] = {}
        """The torrents of each title that was looked at; none where nothing of it can be offered."""
        self._pack_torrents: list[Torrent] = []
        self._holders: Counter[str] = Counter()
        self._counted_bytes: dict[bytes, int] = {}

    # ------------------------------------------------------------ the session

    def session_for(self, network: Network) -> Session | None:
        """The session for a job, or None when it must do without peers."""
        with self._session_lock:
            if network.server_only or self._settings.peers == "none":
                return None
            if self.session is None:
                self.session = Session(self._settings, self._surroundings())
            return self.session

    def apply(self, settings: Settings) -> None:
        """Obey other settings from now on. When this returns, nothing leaves that they forbid."""
        with self._session_lock:
            self._settings = settings
            if self.session:
                self.session.apply(settings, self._surroundings())

    def close(self) -> None:
        """Let go of everything."""
        if self.session:
            self.session.close()

    @property
    def listen_port(self) -> int:
        """The port other players reach us at; 0 when none is open."""
        return self.session.listen_port if self.session else 0

    def _surroundings(self) -> Surroundings:
        """What counts under a cap. A month that cannot be read is used up; without a cap it is not read."""
        cap = self._settings.monthly_upload_cap_bytes
        try:
            return Surroundings(self._ledger.month_uploaded_bytes() if cap else 0)
        except DiskError:
            return Surroundings(cap)

    # ------------------------------------------------------------ what is offered

    @contextlib.contextmanager
    def holding(self, title: str) -> Iterator[None]:
        """Keep a title from being offered. All its files are closed when this begins."""
        with self._lock:
            self._holders[title] += 1
            self._forget([title])
        try:
            yield
        finally:
            with self._lock:
                self._holders[title] -= 1

    def renew(self, title: str) -> None:
        """The title's files are as released, whatever changed them before: the next look may offer them again."""
        with self._lock:
            self._forget([title])

    @property
    def is_offering(self) -> bool:
        """Whether anything is offered, packs included."""
        session = self.session
        return session is not None and session.allowances.upload != "off" and bool(session.offered())

    def snapshot(self) -> dict[str, Seeding]:
        """What clients show of each title that was looked at."""
        session = self.session
        if session is None:
            return {}
        is_allowed, counters = session.allowances.upload != "off", session.counters()

        def shown(torrents: list[Torrent]) -> Seeding:
            mine = (counters.get(torrent.info_hash, Counters()) for torrent in torrents)
            return Seeding(is_allowed and bool(torrents), sum(each.sent_bytes for each in mine))

        return {title: shown(torrents) for title, torrents in list(self._titles.items())}

    def _forget(self, titles: Iterable[str]) -> None:
        for title in titles:
            self._titles.pop(title, None)
        self._reconcile()

    def _reconcile(self) -> None:
        if self.session:
            self.session.offer([*self._pack_torrents, *(each for mine in self._titles.values() for each in mine)])

    # ------------------------------------------------------------ every few seconds

    def refresh(self) -> list[str]:
        """Withdraw what changed, count what was uploaded, offer what may be. To be called every few seconds.

        No step's failure keeps another from running. Returns the titles whose files changed.
        """
        session, changed, installs = None, list[str](), list[Installation]()
        with _apart("opening the session"):
            session = self.session or (None if self._settings.sharing == "off" else self.session_for(Network()))
        if session is None:
            with _apart("trimming the pack cache"):
                self._packs.remove(self._packs.to_remove())
            return []
        with _apart("withdrawing what changed"):
            changed = self._drop_changed(session)
        with _apart("withdrawing what is not installed"):
            installs = self._installed()
        with _apart("looking at the month"):
            self._look_at_month(session)
        with _apart("counting uploads"):
            self._count_uploads(session)
        with _apart("offering packs"):
            self._offer_packs()
        for install in installs if session.allowances.upload != "off" else ():
            with _apart(f"offering {install.title}"):
                self._offer(install)
        return changed

    def _drop_changed(self, session: Session) -> list[str]:
        with self._lock:
            gone = set(session.changed())
            changed = [title for title, mine in self._titles.items() if any(each.info_hash in gone for each in mine)]
            for title in changed:
                self._titles[title] = [each for each in self._titles[title] if each.info_hash not in gone]
        return changed

    def _installed(self) -> list[Installation]:
        """All installs; other titles are withdrawn. If the registry cannot be read, no title counts as installed."""
        installs = list[Installation]()
        try:
            installs += self._registry.installs()
        finally:
            with self._lock:
                self._forget(self._titles.keys() - {install.title for install in installs})
        return installs

    def _look_at_month(self, session: Session) -> None:
        """The month's cap may be used up, or a new month begun."""
        with self._session_lock:
            now = self._surroundings()
            if allowances(self._settings, now) != session.allowances:
                session.apply(self._settings, now)

    def _count_uploads(self, session: Session) -> None:
        with self._lock:
            titles = {each.info_hash: title for title, mine in self._titles.items() for each in mine}
        for info_hash, counters in session.counters().items():
            if more := counters.sent_bytes - self._counted_bytes.get(info_hash, 0):
                self._ledger.add(titles.get(info_hash, _OTHER), Sources(), more)
                self._counted_bytes[info_hash] = counters.sent_bytes

    def _offer_packs(self) -> None:
        """Offer the patch packs of past updates, but for those that must go: they are withdrawn, then removed."""
        trackers: list[str] = []
        for name in self._feeds.names():
            with _apart(f"reading the feed {name}"):
                trackers += self._feeds.trackers(f"{name}/")
        gone = self._packs.to_remove()
        whole = self._packs.torrents(tuple(dict.fromkeys(trackers)))
        with self._lock:
            self._pack_torrents = [torrent for torrent in whole if torrent.layout.roots[0] not in gone]
            self._reconcile()
        self._packs.remove(gone)

    def _offer(self, install: Installation) -> None:
        """Offer a title. One whose files do not look as verified is left out until they do."""
        with self._lock:
            if install.title in self._titles or self._holders[install.title] or not self._looks_verified(install):
                return
            self._titles[install.title] = []  # looked at, whatever comes of it
            self._titles[install.title] = torrents(self._registry, install, self._feeds.trackers(install.title))
            self._reconcile()

    def _looks_verified(self, install: Installation) -> bool:
        known, root = self._registry.files_seen(install.title), install.folder.root
        return bool(known) and all(seen(root / path) == stat for path, stat in known.items())

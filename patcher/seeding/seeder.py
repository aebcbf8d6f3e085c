"""Offers installed titles and patch packs to other players, through the engine's one session.

The payload of a title's torrents is the install tree itself, so there is no second copy. The `Seeder` holds the desired
state, title by title and pack by pack; `Session.offer` alone brings the session in line with it.
"""

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Literal, NamedTuple

from patcher.config import Settings
from patcher.content import manifest
from patcher.content.merkle import Ref
from patcher.errors import DiskError
from patcher.feed.feeds import Feeds
from patcher.install import genuine
from patcher.install.registry import Installation, Registry
from patcher.install.scan import seen
from patcher.protocol.events import Held, Reachability, Sources
from patcher.seeding.pack_cache import Packs
from patcher.seeding.traffic import Ledger
from patcher.transfer.swarm.policy import Surroundings, allowed, held
from patcher.transfer.swarm.session import Session, listen_problem
from patcher.transfer.swarm.torrent import Torrent

_OTHER = "patches"
"""The ledger's name for uploads that belong to no installed title: patches, and trees on their way."""
_log = logging.getLogger("shoal.seeding")


def torrents(registry: Registry, install: Installation, trackers: tuple[str, ...]) -> list[Torrent]:
    """One torrent for each part that may be offered, of the release that the install describes, if it is signed.

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
            found.append(Torrent.of_tree(m, manifest.split_layers(m, document), paths, trackers))
    return found


@contextlib.contextmanager
def _apart(what: str) -> Iterator[None]:
    """Log whatever fails within, and go on: the next refresh may do better."""
    try:
        yield
    except Exception:  # noqa: BLE001 - a damaged title or file affects no other
        _log.exception("%s failed", what)


class Seeding(NamedTuple):
    """What clients show of a title."""

    is_offered: bool = False
    uploaded_bytes: int = 0
    """Since this engine began, as the last `Seeder.refresh` counted them."""


class Seeder:
    """Offers titles while they are not held, and whole packs. Safe for several threads; `close` ends it."""

    def __init__(self, settings: Settings, registry: Registry, ledger: Ledger, packs: Packs, feeds: Feeds) -> None:
        self._settings, self._registry, self._ledger = settings, registry, ledger
        self._packs, self._feeds = packs, feeds
        self._around = Surroundings()
        self._month_bytes = 0
        self.session: Session | None = None
        self._session_lock = threading.Lock()  # of the session and its settings
        self._lock = threading.Lock()  # of all below; held while a disk is read, so that settings do not wait for it
        self._titles: dict[str, list[Torrent]] = {}
        """The torrents of each title that was looked at; empty if nothing of it can be offered."""
        self._pack_torrents: list[Torrent] = []
        self._holders: Counter[str] = Counter()
        self._counted_bytes: Counter[bytes] = Counter()

    # ------------------------------------------------------------ the session

    def open(self) -> Session:
        """The session, opened when it is first needed."""
        with self._session_lock:
            if self.session is None:
                self._month_bytes = self._month_uploaded_bytes()
                self.session = Session(self._settings, self._month_bytes, self._around)
            return self.session

    def download_limit(self) -> int:
        """The download limit in bytes a second as things are; 0 is none."""
        return allowed(self._settings, self._month_bytes, self._around).download_limit_bps

    def apply(self, settings: Settings) -> None:
        """Obey other settings from now on. When this returns, nothing leaves that they forbid."""
        with self._session_lock:
            self._settings = settings
            self._look_at_month()

    def surround(self, around: Surroundings) -> bool:
        """Obey the settings as things are, from now on. Returns whether they were different before.

        Call this every second: uploads follow the room on the line, too.
        """
        with self._session_lock:
            before, self._around = self._around, around
            if around != before:
                self._apply()
            if self.session:
                self.session.pace()
        return around != before

    def _look_at_month(self) -> None:
        self._month_bytes = self._month_uploaded_bytes()
        self._apply()

    def _apply(self) -> None:
        if self.session:
            self.session.apply(self._settings, self._month_bytes, self._around)

    def close(self) -> None:
        """Close the session, its uploads counted."""
        if self.session:
            with _apart("counting uploads"):
                self._count_uploads(self.session)
            self.session.close()

    @property
    def listen_port(self) -> int:
        """The port other players reach us at; 0 when none is open."""
        return self.session.listen_port if self.session else 0

    @property
    def listen_problem(self) -> str:
        """Why other players cannot reach us where the settings say; empty if they can, or need not."""
        return "" if allowed(self._settings).peers == "none" else listen_problem(self._settings, self.listen_port)

    @property
    def reach(self) -> Reachability:
        """Whether players of the Internet can reach this one."""
        return self.session.reach if self.session else Reachability()

    @property
    def held(self) -> Held:
        """Why less is shared than the settings say."""
        return held(self._settings, self._month_bytes, self._around)

    @property
    def sharing(self) -> Literal["off", "lan", "everyone"]:
        """With whom is shared, as things are."""
        return allowed(self._settings, self._month_bytes, self._around).sharing

    def _month_uploaded_bytes(self) -> int:
        """Uploads that count under the cap. A month that cannot be read is used up; without a cap it is not read."""
        cap = self._settings.monthly_upload_cap_bytes
        try:
            return self._ledger.month_uploaded_bytes() if cap else 0
        except DiskError:
            return cap

    # ------------------------------------------------------------ what is offered

    @contextlib.contextmanager
    def holding(self, title: str) -> Iterator[None]:
        """Keep a title from being offered. All its files are closed when this begins.

        Its files may be offered again afterwards, by a later `refresh`, even if they had changed before.
        """
        with self._lock:
            self._holders[title] += 1
            self._forget([title])
        try:
            yield
        finally:
            with self._lock:
                self._holders[title] -= 1

    @property
    def is_offering(self) -> bool:
        """Whether anything is offered, packs included, or will be when sharing is held no more."""
        return bool(self.session and allowed(self._settings).sharing != "off" and self.session.offered())

    def snapshot(self) -> dict[str, Seeding]:
        """The state of each title that was looked at. Asks nobody, and waits for nothing."""
        session, counted = self.session, self._counted_bytes
        is_reachable = session is not None and session.settings.sharing != "off" and session.listen_port > 0
        return {
            title: Seeding(is_reachable and bool(mine), sum(counted[each.info_hash] for each in mine))
            for title, mine in list(self._titles.items())
        }

    def _forget(self, titles: Iterable[str]) -> None:
        for title in titles:
            self._titles.pop(title, None)
        self._reconcile()

    def _reconcile(self) -> None:
        if self.session:
            self.session.offer([*self._pack_torrents, *chain.from_iterable(self._titles.values())])

    # ------------------------------------------------------------ every few seconds

    def refresh(self) -> list[str]:
        """Withdraw what changed, count uploads, offer what may be offered. Call this every few seconds.

        A step that fails stops no other. Returns the titles whose files changed.
        """
        session, gone, changed, installs = None, set[bytes](), list[str](), list[Installation]()
        with _apart("opening the session"):
            session = self.session or (None if allowed(self._settings).sharing == "off" else self.open())
        if session is None:
            with _apart("trimming the pack cache"):
                self._packs.remove(self._packs.to_remove())
            return []
        with _apart("withdrawing what changed"), self._lock:
            gone |= set(session.changed())
            changed += [title for title, mine in self._titles.items() if any(each.info_hash in gone for each in mine)]
            for title in changed:
                self._titles[title] = [each for each in self._titles[title] if each.info_hash not in gone]
        with _apart("withdrawing what is not installed"):
            try:
                installs = self._registry.installs()
            finally:  # if the registry cannot be read, no title counts as installed
                with self._lock:
                    self._forget(self._titles.keys() - {install.title for install in installs})
        with _apart("looking at the month"), self._session_lock:
            self._look_at_month()
        with _apart("counting uploads"):
            self._count_uploads(session)
        with _apart("offering packs"):
            self._offer_packs(gone)
        for install in installs if allowed(self._settings).sharing != "off" else ():
            with _apart(f"offering {install.title}"):
                self._offer(install)
        return changed

    def _count_uploads(self, session: Session) -> None:
        with self._lock:
            titles = {each.info_hash: title for title, mine in self._titles.items() for each in mine}
        for info_hash, counters in session.counters().items():
            if more := counters.sent_bytes - self._counted_bytes[info_hash]:
                self._ledger.add(titles.get(info_hash, _OTHER), Sources(), more)
                self._counted_bytes[info_hash] = counters.sent_bytes

    def _offer_packs(self, changed: set[bytes]) -> None:
        """Offer the whole packs. Those that ``changed`` (info hashes) or have no room are withdrawn, then removed."""
        trackers: list[str] = []
        for name in self._feeds.names():
            with _apart(f"reading the feed {name}"):
                trackers += self._feeds.trackers(f"{name}/")
        whole = self._packs.torrents(tuple(dict.fromkeys(trackers)))
        gone = {*self._packs.to_remove(), *(pack.layout.roots[0] for pack in whole if pack.info_hash in changed)}
        with self._lock:
            self._pack_torrents = [pack for pack in whole if pack.layout.roots[0] not in gone]
            self._reconcile()
        self._packs.remove(gone)

    def drop_packs(self, missing_bytes: int, keep: Iterable[Ref]) -> None:
        """Remove packs, but those to ``keep``, until so many more bytes are free."""
        self.drop(self._packs.to_remove(missing_bytes, keep))

    def drop(self, roots: Iterable[bytes]) -> None:
        """Withdraw packs, and remove them."""
        gone = set(roots)
        with self._lock:
            self._pack_torrents = [pack for pack in self._pack_torrents if pack.layout.roots[0] not in gone]
            self._reconcile()
        self._packs.remove(gone)

    def _offer(self, install: Installation) -> None:
        """Offer a title, if its files look as they did when they were verified."""
        with self._lock:
            if install.title in self._titles or self._holders[install.title] or not self._looks_verified(install):
                return
            self._titles[install.title] = []  # looked at, whatever comes of it
            self._titles[install.title] = torrents(self._registry, install, self._feeds.trackers(install.title))
            self._reconcile()

    def _looks_verified(self, install: Installation) -> bool:
        known, root = self._registry.files_seen(install.title), install.folder.root
        return bool(known) and all(seen(root / path) == stat for path, stat in known.items())

"""The feeds a player added: one folder each, named as the publisher names the feed."""

import contextlib
import dataclasses
import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import patcher
from patcher import beneath, brand, disk
from patcher.brand import Brand
from patcher.config import Home
from patcher.content import feed_paths, manifest, records
from patcher.content.patch_index import Index
from patcher.errors import DiskError, NeedsNewer, NotOffered, OriginError, ShoalError, TrustError, UsageError, never
from patcher.feed import catalog
from patcher.feed.catalog import Catalog, TitleFacts
from patcher.feed.guard import Floor, turn
from patcher.feed.pin import PIN_FILE, Pin, read_pin
from patcher.feed.reader import Reader
from patcher.feed.rollout import in_rollout
from patcher.feed.trust import Trust, first_fingerprint
from patcher.feed.verified import ROOT
from patcher.protocol.commands import PIN_SUFFIX, Network
from patcher.protocol.events import FeedSnapshot
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.http import Received


@dataclass(frozen=True, slots=True)
class Opened:
    """A feed that a job reads from."""

    reader: Reader
    origin: Origin
    record: records.Feed
    fingerprint: str
    is_behind: bool = False
    """Read offline, and older than the newest version seen here."""

    def live(self, title: str, channel: str, install_id: bytes, installed: int = 0) -> records.Release:
        """The release that a channel offers to this install: the one before, while a rollout has not reached it.

        A rollout takes nothing back: who has ``installed`` what is newer than the one before stays there. Raises
        TrustError (trust.not_offered, trust.needs_newer) and what `Reader` raises.
        """
        offer = self.reader.channel(title, channel)
        if _is_too_new(offer):
            raise NeedsNewer(f"{title} needs Shoal {offer.min_launcher}.", title=title)
        if offer.release < max(1, offer.not_below):
            raise NotOffered(f"{title} has no release in channel {channel}.", title=title)
        if not in_rollout(offer, install_id):
            known = [number for number in self.reader.releases(title) if offer.not_below <= number]
            older = [number for number in known if number == offer.before] or [n for n in known if n < offer.release]
            if older:
                kept = installed in known and older[-1] < installed <= offer.release
                return self.reader.release(title, installed if kept else older[-1])
        return self.reader.release(title, offer.release)

    def allows(self, release: records.Release, channel: str, *, unknown: bool) -> bool:
        """Whether a channel lets its installs be brought to the release (`records.Channel.not_below`).

        ``unknown`` is the answer where the channel's record is not there. Raises TrustError (trust.record, …).
        """
        try:
            return release.sequence >= self.reader.channel(release.title, channel).not_below
        except NotOffered:
            return unknown

    def stops(self, release: records.Release, start: int, channel: str) -> Iterator[records.Release]:
        """Intermediate releases for an update from the release ``start`` that has no patch, newest first.

        There is a patch from ``start`` to each, and from each to ``release``; the channel allows each. Raises what
        `Reader` raises.
        """
        title, offer = release.title, self.reader.channel(release.title, channel)
        onward = self.reader.patches(title, release.sequence)
        starts = onward.starts if onward else frozenset()
        if start in starts or _is_too_new(offer):
            return
        floor, top = max(min(start, release.sequence) + 1, offer.not_below), max(start, release.sequence)
        for number in sorted(starts.intersection(range(floor, top), self.reader.releases(title)), reverse=True):
            patches = self.reader.patches(title, number)
            if patches and start in patches.starts:
                yield self.reader.release(title, number)

    def packs(self, release: records.Release) -> Iterator[tuple[str, Index]]:
        """The packs that lead to a release from older ones that are still signed: name of the part's manifest, index.

        Reads two manifests a pack. Raises what `Reader` raises.
        """
        patches = self.reader.patches(release.title, release.sequence)
        known = set(self.reader.releases(release.title))
        for patch in patches.parts if patches else ():
            for step in patch.deltas:
                if step.index is None or step.from_sequence not in known:
                    continue
                pair = (release, self.reader.release(release.title, step.from_sequence))
                parts = [next(part for part in each.parts if part.name == patch.part) for each in pair]
                new, old = (manifest.parse(self.reader.manifest(part, None, None)) for part in parts)
                yield new.name, self.reader.index(step.index, new, old)

    def version(self, title: str, version: str, channel: str) -> records.Release:
        """The newest release of that name, for an install of the channel.

        Raises TrustError (trust.not_offered, trust.too_old for one that the channel allows no more).
        """
        for number in reversed(self.reader.releases(title)):
            release = self.reader.release(title, number)
            if release.version == version:
                if not self.allows(release, channel, unknown=True):
                    raise too_old("trust.too_old", release, channel)
                return release
        raise NotOffered(f"{title} has no release {version}.", title=title, version=version)


class Feeds:
    """All feeds of one home. Safe for several threads."""

    def __init__(self, home: Home, proxy: str = "") -> None:
        self.proxy = proxy
        """The player's setting, which may change at any time."""
        self._folder, self._brand = home.feeds, brand.current()
        self._floor = Floor(home.registry)
        self._lock = threading.RLock()
        self._refreshes: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        """By feed: its art is written by one refresh at a time."""
        self._catalogs: dict[str, Catalog] = {}

    def names(self) -> list[str]:
        """The feeds, in the order they were added."""
        added = dict[str, int]()
        for file in (ROOT, PIN_FILE):  # one of them may be lost
            for place in self._folder.glob(f"*/{file}"):
                if (found := beneath.status(place)) and place.parent.name[0] != ".":
                    added[place.parent.name] = found.st_mtime_ns
        return sorted(added, key=lambda name: (added[name], name))

    def add(self, source: str, fingerprint: str, network: Network, cancel: Callable[[], bool]) -> str:
        """Trust a feed from now on; returns its name here. Adding it again changes its address, or mends it.

        ``source`` is a URL or a ``.shoalfeed`` file. Raises TrustError, OriginError, UsageError, DiskError.
        """
        pin = _pin_of(source, fingerprint, self._brand)
        with self._pinned(pin, network, cancel) as (folder, trust, feed):
            name = self._free_name(feed.name, trust.fingerprint)
            if (self._folder / name).exists():
                self._renew(name, read_pin(folder / PIN_FILE))
            else:
                disk.rename(folder, self._folder / name)
                disk.sync_folder(self._folder)
        with self.open(name, network, cancel):
            return name

    @contextlib.contextmanager
    def _pinned(
        self, pin: Pin, network: Network, cancel: Callable[[], bool]
    ) -> Iterator[tuple[Path, Trust, records.Feed]]:
        """A feed in a folder that is removed afterwards, unless it was renamed."""
        folder = self._folder / f".{hashlib.sha256(pin.url.encode()).hexdigest()[:16]}"
        disk.make_folder(self._folder)
        disk.remove_tree(folder)
        try:
            trust = Trust.pin(
                folder,
                pin.url,
                network.ca,
                self._floor,
                fingerprint=pin.fingerprint,
                cancel=cancel,
                proxy=self.proxy,
            )
            with contextlib.closing(trust):
                trust.refresh()
                yield folder, trust, Reader(trust, trust.origin).feed()
        finally:
            disk.remove_tree(folder)

    def remove(self, name: str) -> None:
        """Forget a feed; its trust floor stays, so that adding it again cannot roll it back. Raises UsageError."""
        if name not in self.names():  # whatever its own file says: this is the way out when that is damaged
            raise UsageError("usage.unknown_feed", f"There is no feed {name!r} here.", feed=name)
        aside = self._folder / f".{name}"
        with self._lock:
            self._catalogs.pop(name, None)
        disk.remove_tree(aside)
        disk.rename(self._folder / name, aside)  # at once: half a feed is none, and is in the way of its own return
        disk.sync_folder(self._folder)
        with contextlib.suppress(DiskError):  # it is no feed any more
            disk.remove_tree(aside)

    def remove_unfinished(self) -> None:
        """Remove what a crash left of feeds being added or removed. Nobody else may use the feeds meanwhile."""
        for folder in self._folder.glob(".*"):
            disk.remove_tree(folder)

    @contextlib.contextmanager
    def open(
        self,
        name: str,
        network: Network,
        cancel: Callable[[], bool],
        *,
        title: str = "",
        offline: bool = False,
        received: Received | None = None,
    ) -> Iterator[Opened]:
        """A feed for one job, refreshed first. ``offline``: as last known, even if it is expired or `Opened.is_behind`.

        ``received`` counts the bytes from the servers, also when this fails.
        What clients show of ``title`` (without one: of all titles) is updated too; each title costs metadata.
        Raises UsageError (usage.unknown_feed), TrustError, OriginError.
        """
        with contextlib.closing(self._trust(name, network, cancel, received, offline=offline)) as trust:
            if not offline:
                self._refresh(name, trust)
            reader = Reader(trust, trust.origin)
            is_behind = offline and trust.is_behind(
                (feed_paths.FEED, feed_paths.release(title, 0), feed_paths.title(title))
            )
            record = _last_known(reader, name) if offline else reader.feed()
            opened = Opened(reader, trust.origin, record, trust.fingerprint, is_behind)
            if not offline:
                self._remember(name, reader, title)  # not after the job: what is done cannot be cancelled any more
            yield opened

    def preview(self, source: str, fingerprint: str, network: Network, cancel: Callable[[], bool]) -> FeedSnapshot:
        """What `add` would trust; nothing is kept. Raises like `add`."""
        with self._pinned(_pin_of(source, fingerprint, self._brand), network, cancel) as (_, trust, feed):
            return FeedSnapshot(feed.name, trust.url, trust.fingerprint, feed.titles)

    def refresh(self, name: str, network: Network, cancel: Callable[[], bool]) -> None:
        """Read all that clients show of a feed, art and notes included. Raises like `open`."""
        with turn(self._refreshes[name], cancel), self.open(name, network, cancel) as opened:
            read = catalog.with_art(self._catalog(name), opened.reader, opened.origin, self._folder / name)
            self._keep(name, read)

    def raise_floors(self) -> None:
        """Take what is known here of each feed for the newest that was seen, after the floor was lost."""
        for name in self.names():
            with contextlib.suppress(ShoalError):
                with contextlib.closing(self._trust(name, Network(), never, offline=True)) as trust:
                    trust.raise_floor()

    def snapshots(self) -> list[FeedSnapshot]:
        """What clients see of the feeds."""
        return [self._catalog(name).shown for name in self.names()]

    def about(self, title: str) -> TitleFacts:
        """What clients see of ``feed/title``, as last known."""
        feed, _, name = title.partition("/")
        return self._catalog(feed).titles.get(name, TitleFacts(name))

    def trackers(self, title: str) -> tuple[str, ...]:
        """The trackers of a title's feed, as last known."""
        return self._catalog(title.partition("/")[0]).trackers

    # ------------------------------------------------------------ details

    def _trust(
        self,
        name: str,
        network: Network,
        cancel: Callable[[], bool],
        received: Received | None = None,
        *,
        offline: bool,
    ) -> Trust:
        """A feed by its pin. Offline it does without: what servers are asked for then is known by its root."""
        known = self._catalog(name)
        try:
            pin = self._pin(name)
        except DiskError:
            if not offline:
                raise
            pin = Pin(known.shown.url, known.shown.fingerprint)
        return Trust(
            self._folder / name,
            pin.url,
            network.ca or (pin.ca if Path(pin.ca).is_file() else ""),
            self._floor,
            cancel=cancel,
            offline=offline,
            mirrors=known.mirrors,
            hosts=known.hosts,
            near=pin.near,
            fingerprint=pin.fingerprint,
            proxy=self.proxy,
            received=received,
        )

    def _pin(self, name: str) -> Pin:
        """Raises UsageError (usage.unknown_feed), DiskError (disk.pin), TrustError (trust.needs_newer)."""
        path = self._folder / name / PIN_FILE
        try:
            return read_pin(path)
        except NeedsNewer:
            raise
        except (OSError, TrustError) as error:
            if name not in self.names():
                raise UsageError("usage.unknown_feed", f"There is no feed {name!r} here.", feed=name) from error
            text = f"The address of the feed {name} cannot be read: {path} is damaged."
            raise DiskError("disk.pin", text, path=str(path), feed=name) from error

    def _renew(self, name: str, pin: Pin) -> None:
        """Give a feed this address, which serves the same root, and nothing older than was seen."""
        place = self._folder / name / PIN_FILE
        try:
            if self._pin(name) == pin:
                return
        except ShoalError:
            if beneath.exists(place):
                disk.set_aside(place)
        disk.write_atomic(place, pin.encode())
        self._keep(name, self._catalog(name).showing(url=pin.url))

    def _free_name(self, name: str, fingerprint: str) -> str:
        """The feed's own name, with a number if another publisher's feed has it already, or one that is not known."""
        for number in range(1, 100):
            here = name if number == 1 else f"{name}-{number}"
            if not (self._folder / here).exists() or self._fingerprint(here) == fingerprint:
                return here
        raise UsageError("usage.argument", f"Too many feeds are called {name}.", feed=name)

    def _fingerprint(self, name: str) -> str:
        """The fingerprint of a feed; if its pin is damaged, as it was shown last."""
        try:
            return self._pin(name).fingerprint
        except ShoalError:
            return self._catalog(name).shown.fingerprint

    def _refresh(self, name: str, trust: Trust) -> None:
        try:
            trust.refresh()
        except (TrustError, OriginError) as error:
            self._keep(name, self._catalog(name).showing(problem=error.message))
            raise

    def _catalog(self, name: str) -> Catalog:
        with self._lock:
            if name not in self._catalogs:
                folder = self._folder / name
                kept = catalog.load(folder)
                try:
                    pin = self._pin(name)
                except ShoalError as error:  # gone or damaged: that hides no other feed, nor what is known of this one
                    known = kept or Catalog(FeedSnapshot(name, "", first_fingerprint(folder)))
                    return known.showing(problem=error.message)
                self._catalogs[name] = kept or Catalog(FeedSnapshot(name, pin.url, pin.fingerprint))
            return self._catalogs[name]

    def _keep(self, name: str, read: Catalog) -> None:
        with self._lock:
            if self._catalogs.get(name) != read:
                self._catalogs[name] = read
                catalog.save(self._folder / name, read)

    def _remember(self, name: str, reader: Reader, title: str) -> None:
        with contextlib.suppress(ShoalError):
            known = self._catalog(name)
            stale = set(known.titles) if not title else {title}
            self._keep(name, catalog.read(known, reader, stale))


def _last_known(reader: Reader, name: str) -> records.Feed:
    """The feed's own record; an empty one if it is lost, since installed titles need none."""
    try:
        return reader.feed()
    except NotOffered:
        return records.Feed(name, name, ())


def too_old(code: str, release: records.Release, channel: str) -> TrustError:
    """The error for a release that `Opened.allows` refuses."""
    text = f"{release.title} {release.version} is older than what its publisher still allows in the channel {channel}."
    return TrustError(code, text, title=release.title, version=release.version)


def _is_too_new(offer: records.Channel) -> bool:
    return numbers(offer.min_launcher) > numbers(patcher.__version__)


def numbers(version: str) -> tuple[int, ...]:
    """A dotted version, comparable; an empty one is the oldest. Raises ValueError for any other text."""
    return tuple(int(number) for number in version.split(".") if number)


def _pin_of(source: str, fingerprint: str, ours: Brand) -> Pin:
    """What to trust. A publisher's launcher knows its own feed, and takes others only if the publisher lets it."""
    if source.endswith(PIN_SUFFIX):
        try:
            pin = read_pin(Path(source))
        except OSError as error:
            raise UsageError("usage.argument", f"{source} cannot be read: {error.strerror}.", path=source) from error
        pin = dataclasses.replace(pin, fingerprint=fingerprint or pin.fingerprint)
    else:
        pin = Pin(source.rstrip("/"), fingerprint)
    if ours.url and pin.url == ours.url:
        return dataclasses.replace(pin, fingerprint=ours.fingerprint)
    if not ours.other_feeds and pin.fingerprint != ours.fingerprint:
        raise UsageError("usage.argument", f"{ours.name} shows the titles of one publisher, and adds no other feed.")
    return pin

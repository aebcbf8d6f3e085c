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
from patcher import beneath, disk
from patcher.config import Home
from patcher.content import feed_paths, manifest, records
from patcher.content.patch_index import Index
from patcher.errors import DiskError, NeedsNewer, NotOffered, OriginError, ShoalError, TrustError, UsageError
from patcher.feed import catalog
from patcher.feed.catalog import Catalog, TitleFacts
from patcher.feed.guard import Floor, turn
from patcher.feed.pin import PIN_FILE, Pin, read_pin
from patcher.feed.reader import Reader
from patcher.feed.rollout import in_rollout
from patcher.feed.trust import Trust
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

    def live(self, title: str, channel: str, install_id: bytes) -> records.Release:
        """The release that a channel offers to this install: the one before, while a rollout has not reached it.

        Raises TrustError (trust.not_offered, trust.needs_newer) and what `Reader` raises.
        """
        offer = self.reader.channel(title, channel)
        if _is_too_new(offer):
            raise NeedsNewer(f"{title} needs Shoal {offer.min_launcher}.", title=title)
        if offer.release < max(1, offer.not_below):
            raise NotOffered(f"{title} has no release in channel {channel}.", title=title)
        if not in_rollout(offer, install_id):
            older = [number for number in self.reader.releases(title) if offer.not_below <= number < offer.release]
            if older:
                return self.reader.release(title, older[-1])
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
        self._folder = home.feeds
        self._floor = Floor(home.registry)
        self._lock = threading.RLock()
        self._refreshes: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        """By feed: its art is written by one refresh at a time."""
        self._catalogs: dict[str, Catalog] = {}

    def names(self) -> list[str]:
        """The feeds, in the order they were added."""
        pins = ((pin.parent.name, beneath.status(pin)) for pin in self._folder.glob(f"*/{PIN_FILE}"))
        added = ((found.st_mtime_ns, name) for name, found in pins if found and name[0] != ".")
        return [name for _, name in sorted(added)]

    def add(self, source: str, fingerprint: str, network: Network, cancel: Callable[[], bool]) -> str:
        """Trust a feed from now on; returns its name here. Adding it again changes nothing but its address.

        ``source`` is a URL or a ``.shoalfeed`` file. Raises TrustError, OriginError, UsageError, DiskError.
        """
        pin = _pin_of(source, fingerprint)
        with self._pinned(pin, network, cancel) as (folder, trust, feed):
            name = self._free_name(feed.name, trust.fingerprint)
            if not (self._folder / name).exists():
                disk.rename(folder, self._folder / name)
                disk.sync_folder(self._folder)
            elif self._pin(name) != (pinned := self._pin(folder.name)):
                self._move(name, pinned)
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
        pin = self._pin(name)
        known = self._catalog(name)
        trust = Trust(
            self._folder / name,
            pin.url,
            network.ca,
            self._floor,
            cancel=cancel,
            offline=offline,
            mirrors=known.mirrors,
            hosts=known.hosts,
            near=pin.near,
            proxy=self.proxy,
            received=received,
        )
        with contextlib.closing(trust):
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
        with self._pinned(_pin_of(source, fingerprint), network, cancel) as (_, trust, feed):
            return FeedSnapshot(feed.name, trust.url, trust.fingerprint, feed.titles)

    def refresh(self, name: str, network: Network, cancel: Callable[[], bool]) -> None:
        """Read all that clients show of a feed, art and notes included. Raises like `open`."""
        with turn(self._refreshes[name], cancel), self.open(name, network, cancel) as opened:
            read = catalog.with_art(self._catalog(name), opened.reader, opened.origin, self._folder / name)
            self._keep(name, read)

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

    def _pin(self, name: str) -> Pin:
        try:
            return read_pin(self._folder / name / PIN_FILE)
        except OSError as error:
            raise UsageError("usage.unknown_feed", f"There is no feed {name!r} here.", feed=name) from error

    def _move(self, name: str, pin: Pin) -> None:
        """Give a feed another address: one that serves the same root, and nothing older than was seen."""
        known = self._catalog(name)
        disk.write_atomic(self._folder / name / PIN_FILE, pin.encode())
        self._keep(name, dataclasses.replace(known, shown=dataclasses.replace(known.shown, url=pin.url)))

    def _free_name(self, name: str, fingerprint: str) -> str:
        """The feed's own name, with a number if another publisher's feed has it already."""
        for number in range(1, 100):
            here = name if number == 1 else f"{name}-{number}"
            if here not in self.names() or self._pin(here).fingerprint == fingerprint:
                return here
        raise UsageError("usage.argument", f"Too many feeds are called {name}.", feed=name)

    def _refresh(self, name: str, trust: Trust) -> None:
        try:
            trust.refresh()
        except (TrustError, OriginError) as error:
            known = self._catalog(name)
            self._keep(name, dataclasses.replace(known, shown=dataclasses.replace(known.shown, problem=error.message)))
            raise

    def _catalog(self, name: str) -> Catalog:
        with self._lock:
            if name not in self._catalogs:
                try:
                    pin = self._pin(name)
                except ShoalError as error:  # gone or damaged: that hides no other feed
                    return Catalog(FeedSnapshot(name, "", "", problem=error.message))
                shown = FeedSnapshot(name, pin.url, pin.fingerprint)
                self._catalogs[name] = catalog.load(self._folder / name) or Catalog(shown)
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
    return _numbers(offer.min_launcher) > _numbers(patcher.__version__)


def _numbers(version: str) -> tuple[int, ...]:
    """A dotted version, comparable; an empty one is the oldest."""
    return tuple(int(number) for number in version.split(".") if number)


def _pin_of(source: str, fingerprint: str) -> Pin:
    if source.endswith(PIN_SUFFIX):
        try:
            pin = read_pin(Path(source))
        except OSError as error:
            raise UsageError("usage.argument", f"{source} cannot be read: {error.strerror}.", path=source) from error
        return dataclasses.replace(pin, fingerprint=fingerprint or pin.fingerprint)
    return Pin(source.rstrip("/"), fingerprint)

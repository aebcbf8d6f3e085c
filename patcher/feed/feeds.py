"""The feeds a player added: one folder each, named as the publisher names the feed."""

import contextlib
import dataclasses
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from patcher import disk
from patcher.config import Home
from patcher.content import records
from patcher.errors import OriginError, ShoalError, TrustError, UsageError
from patcher.events import FeedSnapshot, Network
from patcher.feed.floor import Floor
from patcher.feed.pin import PIN_FILE, Pin, parse_pin
from patcher.feed.reader import Reader
from patcher.feed.trust import Trust
from patcher.transfer.origin import Origin

_LIVE = "live"


@dataclass(frozen=True, slots=True)
class Opened:
    """A feed that a job reads from."""

    reader: Reader
    origin: Origin
    record: records.Feed
    fingerprint: str

    def live(self, title: str, channel: str, install_id: bytes) -> records.Release:
        """The release that a channel offers to this install; while a rollout has not reached it, the one before.

        Raises TrustError (trust.not_offered) and what `Reader` raises.
        """
        offer = self.reader.channel(title, channel)
        if not records.in_rollout(offer, install_id):
            older = [number for number in self.reader.releases(title) if offer.not_below <= number < offer.release]
            if older:
                return self.reader.release(title, older[-1])
        return self.reader.release(title, offer.release)

    def version(self, title: str, version: str) -> records.Release:
        """The newest release of that name. Raises TrustError (trust.not_offered)."""
        for number in reversed(self.reader.releases(title)):
            release = self.reader.release(title, number)
            if release.version == version:
                return release
        raise TrustError("trust.not_offered", f"{title} has no release {version}.", title=title, version=version)


@dataclass(frozen=True, slots=True)
class _Catalog:
    """What faces show of a feed, as last read."""

    shown: FeedSnapshot
    trackers: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()
    """Other addresses of the same feed."""
    titles: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    """Title to label and offered version."""


class Feeds:
    """All feeds of one home. Safe for several threads."""

    def __init__(self, home: Home) -> None:
        self._folder = home.feeds
        self._floor = Floor(home.registry)
        self._lock = threading.RLock()
        self._catalogs: dict[str, _Catalog] = {}

    def names(self) -> list[str]:
        """The feeds, in the order they were added."""
        pins = self._folder.glob(f"*/{PIN_FILE}")
        return [p.parent.name for p in sorted(pins, key=lambda p: p.stat().st_mtime_ns) if p.parent.name[0] != "."]

    def add(self, source: str, fingerprint: str, network: Network, cancel: Callable[[], bool]) -> str:
        """Trust a feed from now on; returns its name here. Adding it again changes nothing.

        ``source`` is a URL or a ``.shoalfeed`` file. Raises TrustError, OriginError, UsageError, DiskError.
        """
        pin = _pin_of(source, fingerprint)
        made = self._folder / f".{hashlib.sha256(pin.url.encode()).hexdigest()[:16]}"
        disk.make_folder(self._folder)
        disk.remove_tree(made)
        try:
            trust = Trust.pin(made, pin.url, network.ca, self._floor, fingerprint=pin.fingerprint, cancel=cancel)
            with contextlib.closing(trust):
                trust.refresh()
                name = self._free_name(Reader(trust, trust.origin).feed().name, trust.fingerprint)
            if not (self._folder / name).exists():
                disk.rename(made, self._folder / name)
                disk.sync_folder(self._folder)
        finally:
            disk.remove_tree(made)
        with self.open(name, network, cancel):
            return name

    def remove(self, name: str) -> None:
        """Forget a feed; its trust floor stays, so that adding it again cannot roll it back. Raises UsageError."""
        self._pin(name)
        with self._lock:
            self._catalogs.pop(name, None)
        disk.remove_tree(self._folder / name)

    @contextlib.contextmanager
    def open(
        self, name: str, network: Network, cancel: Callable[[], bool], *, title: str = "", offline: bool = False
    ) -> Iterator[Opened]:
        """A feed for one job, refreshed first; ``offline``: as last known, expired or not.

        What faces see of ``title`` is brought up to date on the way, without one of all titles: each costs metadata.
        Raises UsageError (usage.unknown_feed), TrustError, OriginError.
        """
        pin = self._pin(name)
        mirrors = self._catalog(name).mirrors
        trust = Trust(
            self._folder / name, pin.url, network.ca, self._floor, cancel=cancel, offline=offline, mirrors=mirrors
        )
        with contextlib.closing(trust):
            if not offline:
                self._refresh(name, trust)
            reader = Reader(trust, trust.origin)
            yield Opened(reader, trust.origin, reader.feed(), trust.fingerprint)
            if not offline:
                self._remember(name, reader, pin, title)

    def snapshots(self) -> list[FeedSnapshot]:
        """What faces see of the feeds."""
        return [self._catalog(name).shown for name in self.names()]

    def label(self, title: str) -> tuple[str, str]:
        """How ``feed/title`` is called, and the version its live channel offers, as last known."""
        feed, _, name = title.partition("/")
        return self._catalog(feed).titles.get(name, (name, ""))

    def trackers(self, title: str) -> tuple[str, ...]:
        """The trackers of a title's feed, as last known."""
        return self._catalog(title.partition("/")[0]).trackers

    # ------------------------------------------------------------ details

    def _pin(self, name: str) -> Pin:
        try:
            return parse_pin((self._folder / name / PIN_FILE).read_bytes())
        except OSError as error:
            raise UsageError("usage.unknown_feed", f"There is no feed {name!r} here.", feed=name) from error

    def _free_name(self, name: str, fingerprint: str) -> str:
        """The feed's own name, or with a number where another publisher took it first."""
        for number in range(1, 100):
            here = name if number == 1 else f"{name}-{number}"
            if here not in self.names() or self._pin(here).fingerprint == fingerprint:
                return here
        raise UsageError("usage.argument", f"Too many feeds are called {name}.", feed=name)

    def _refresh(self, name: str, trust: Trust) -> None:
        try:
            trust.refresh()
        except (TrustError, OriginError) as error:
            shown = dataclasses.replace(self._catalog(name).shown, problem=error.message)
            with self._lock:
                self._catalogs[name] = dataclasses.replace(self._catalog(name), shown=shown)
            raise

    def _catalog(self, name: str) -> _Catalog:
        with self._lock:
            if name not in self._catalogs:
                self._catalogs[name] = self._read(name)
            return self._catalogs[name]

    def _read(self, name: str) -> _Catalog:
        """The catalog from what is on the disk, for a start without a network."""
        pin = self._pin(name)
        try:
            trust = Trust(self._folder / name, pin.url, "", self._floor, offline=True)
            with contextlib.closing(trust):
                return _catalog_of(name, pin, Reader(trust, trust.origin), {})
        except ShoalError as error:
            return _Catalog(FeedSnapshot(name, pin.url, pin.fingerprint, problem=error.message))

    def _remember(self, name: str, reader: Reader, pin: Pin, title: str) -> None:
        with contextlib.suppress(ShoalError):
            known = self._catalog(name).titles if title else {}
            catalog = _catalog_of(name, pin, reader, {t: words for t, words in known.items() if t != title})
            with self._lock:
                self._catalogs[name] = catalog


def _catalog_of(name: str, pin: Pin, reader: Reader, known: Mapping[str, tuple[str, str]]) -> _Catalog:
    feed = reader.feed()
    titles = {title: known.get(title) or _title_of(title, reader) for title in feed.titles}
    mirrors = tuple(url.rstrip("/") for url in feed.origins if url.rstrip("/") != pin.url.rstrip("/"))
    return _Catalog(FeedSnapshot(name, pin.url, pin.fingerprint, feed.titles), feed.trackers, mirrors, titles)


def _title_of(title: str, reader: Reader) -> tuple[str, str]:
    try:
        texts = reader.title(title).texts
        label = texts["en"].label if "en" in texts else next((text.label for text in texts.values()), title)
        return label, reader.release(title, reader.channel(title, _LIVE).release).version
    except TrustError:
        return title, ""


def _pin_of(source: str, fingerprint: str) -> Pin:
    if source.endswith(".shoalfeed"):
        try:
            pin = parse_pin(Path(source).read_bytes())
        except OSError as error:
            raise UsageError("usage.argument", f"{source} cannot be read: {error.strerror}.", path=source) from error
        return dataclasses.replace(pin, fingerprint=fingerprint or pin.fingerprint)
    return Pin(source.rstrip("/"), fingerprint)

"""A feed as a whole: `init` makes it, `feed` changes its addresses, `status` shows it, `export` writes its torrents."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from patcher import disk
from patcher.config import Home
from patcher.content import manifest, paths, records
from patcher.content.feed_paths import FEED, METADATA, TARGETS, TIMESTAMP
from patcher.content.json_fields import is_address
from patcher.errors import UsageError
from patcher.feed.pin import Pin
from patcher.protocol.commands import PIN_SUFFIX
from patcher.publish import ceremony, publication, repository
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.publication import LOCK, folder_locked, locked, opened
from patcher.publish.release import history, stated
from patcher.publish.repository import Changes, Repository
from patcher.publish.store import Store, make_folder
from patcher.transfer.origin.hosts import Reach

_LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class NewFeed:
    """A new feed: the fingerprint that players pin, and the file that holds it."""

    name: str
    fingerprint: str
    invitation: Path
    """``NAME.shoalfeed`` in the feed folder."""
    request: Path | None = None
    """Waits for ``missing`` further holders; until then there is no feed, and no fingerprint."""
    missing: int = 0


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """The expiry of a role."""

    role: str
    version: int
    expires: datetime


@dataclass(frozen=True, slots=True)
class TitleStatus:
    """One title: the version that is live in each channel, and all genuine versions, oldest first."""

    title: str
    channels: dict[str, str]
    versions: tuple[str, ...]


def init(
    folder: Path, home: Home, origins: Sequence[str], trackers: Sequence[str], name: str, profile: str, demo_keys: bool,
    passphrases: Passphrases, holders: Sequence[Path] = (),
) -> NewFeed:  # fmt: skip
    """Make an empty feed and its keys, but for those ``holders`` whose public halves are given: they sign a request.

    Repeating the call finishes an interrupted one, and one whose request is signed.
    Raises UsageError (usage.argument, usage.feed_folder, usage.passphrase, usage.signatures), DiskError.
    """
    feed = _feed(folder, origins, trackers, name)
    with stated("usage.argument", "The addresses of the feed are not valid"):
        record = records.encode(feed)
    ring = KeyRing(home.keys / feed.name, passphrases)
    invitation = folder / f"{feed.name}{PIN_SUFFIX}"
    with locked(home, feed.name):
        repo = _existing(folder, record)
        if repo is None:
            _check_keys(home, feed.name)
            order = ceremony.FirstKeys(feed.name, profile, tuple(holders), not demo_keys)
            request = home.root / "requests" / f"{feed.name}-init.json"
            done = ceremony.create(folder, record, order, ring, request, datetime.now(UTC))
            if isinstance(done, int):
                return NewFeed(feed.name, "", invitation, request, done)
            repo = done
        disk.write_atomic(_owner(home, feed.name), repo.fingerprint.encode())
        with folder_locked(folder, home):
            disk.write_atomic(invitation, Pin(feed.origins[0], repo.fingerprint).published())
    return NewFeed(feed.name, repo.fingerprint, invitation)


def move(
    folder: Path, home: Home, origins: Sequence[str], trackers: Sequence[str] | None, passphrases: Passphrases
) -> tuple[records.Feed, bool]:
    """Publish other ``origins`` or ``trackers``, signed by the online key; without any (None) these stay.

    Returns what the feed says now, and whether that is new. Players who added it elsewhere stay there, and learn of the
    new origins; the invitation names the first one. Raises UsageError (usage.argument, usage.expired, usage.passphrase,
    usage.key_missing), BusyError, DiskError, TrustError; players then see no change.
    """
    with opened(folder, home) as repo:
        before = repo.feed
        wanted = _feed(
            folder, origins or before.origins, before.trackers if trackers is None else trackers, before.name
        )
        after = replace(before, origins=wanted.origins, trackers=wanted.trackers, hosts=wanted.hosts)
        with stated("usage.argument", "The addresses of the feed are not valid"):
            record = records.encode(after)
        ring = KeyRing(home.keys / before.name, passphrases)
        repo.open_online_keys(ring)
        put = {FEED: record} if after != before else {}
        publication.publish(repo, home, ring, Changes(put), online_only=True)
        invitation = folder / f"{before.name}{PIN_SUFFIX}"
        disk.write_atomic(invitation, Pin(after.origins[0], repo.fingerprint).published())
    return after, after != before


def status(folder: Path) -> tuple[records.Feed, list[TitleStatus], list[RoleStatus]]:
    """What the feed offers and how long its signatures last. Raises UsageError, TrustError."""
    repo = repository.load(folder)
    feed = repo.feed
    titles = []
    for title in feed.titles:
        past = history(repo, title)
        live = ((name, past.releases.get(channel.release)) for name, channel in sorted(past.channels.items()))
        channels = {name: release.version for name, release in live if release}
        titles.append(TitleStatus(title, channels, tuple(r.version for _, r in sorted(past.releases.items()))))
    return feed, titles, expiries(repo)


def expiries(repo: Repository) -> list[RoleStatus]:
    """Every role, in the order of expiry."""
    return sorted(
        (RoleStatus(name, role.version, role.expires) for name, role in repo.lives.items()),
        key=lambda r: (r.expires, r.role),
    )


def export(folder: Path, title: str, to: Path, web_seeds: Sequence[str] = ()) -> list[Path]:
    """Write ``TITLE.PART.torrent`` for each part of the live release, for any v2 client.

    A web seed (BEP 19) must serve the unpacked tree below ``TITLE.PART/``; the feed's own content is named by hash.
    Raises UsageError (usage.unknown_title), ContentError, DiskError.
    """
    repo = repository.load(folder)
    feed, store = repo.feed, Store(folder)
    past = history(repo, title)
    channel = past.channels.get("live") or next(iter(past.channels.values()), records.Channel(0))
    if channel.release not in past.releases:
        raise UsageError("usage.unknown_title", f"The feed has no release of {title!r} to export.", title=title)
    make_folder(to)
    written = []
    for part in past.releases[channel.release].parts:
        one = manifest.parse(store.read(part.manifest))
        layers = manifest.split_layers(one, store.read(part.layers) if part.layers else b"")
        path = to / f"{one.name}.torrent"
        disk.write_atomic(path, manifest.torrent(one, layers, feed.trackers, web_seeds))
        written.append(path)
    return written


def _feed(folder: Path, origins: Sequence[str], trackers: Sequence[str], name: str) -> records.Feed:
    slug = name or re.sub(r"[^a-z0-9]+", "-", folder.absolute().name.lower()).strip("-")[:41] or "feed"
    paths.check_name(slug)
    try:
        hosts = {urlsplit(url).hostname or "" for url in (*origins, *trackers)} - {""}
    except ValueError as error:
        raise UsageError("usage.argument", f"An address of the feed is not valid: {error}.") from error
    for url in origins:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
            message = f"The origin {url!r} must begin with https:// (http:// only for this machine)."
            raise UsageError("usage.argument", message, origin=url)
        if not is_address(url, (parts.scheme,)):
            message = f"The origin {url!r} may have a host and a path, but no user, query (?), fragment (#) or space."
            raise UsageError("usage.argument", message, origin=url)
    for url in (*origins, *trackers):
        if not Reach.of_url(origins[0]).may_name(url):
            message = f"No player would use {url!r}: it leads nearer to them than {origins[0]!r}, the first origin."
            raise UsageError("usage.argument", message, origin=url)
    return records.Feed(slug, slug, tuple(url.rstrip("/") for url in origins), tuple(trackers), tuple(sorted(hosts)))


def _existing(folder: Path, record: bytes) -> Repository | None:
    """The feed in the folder if it is the wanted one; None if a new one can be made there."""
    if (folder / METADATA / TIMESTAMP).exists():
        repo = repository.load(folder)
        if repo.paths() != [FEED] or repo.record(FEED) != record:
            raise UsageError("usage.feed_folder", f"{folder} is a feed already.", path=str(folder))
        return repo
    found = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if found - {METADATA, TARGETS, LOCK} or folder.is_file():
        raise UsageError("usage.feed_folder", f"{folder} is not empty and not a feed.", path=str(folder))
    return None


def _check_keys(home: Home, name: str) -> None:
    """Refuse to share keys between feeds: metadata of one could be served as that of the other."""
    if _owner(home, name).exists():
        message = f"{home.keys / name} holds the keys of another feed; give this one another --name."
        raise UsageError("usage.feed_folder", message, path=str(home.keys / name))


def _owner(home: Home, name: str) -> Path:
    """The file that says which feed the keys belong to."""
    return home.keys / name / "fingerprint"

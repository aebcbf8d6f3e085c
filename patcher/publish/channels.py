"""`promote`, `halt`, `rollback`, `pin`: which genuine release a channel offers, and to how many players.

The online key signs a channel, so a bad release is taken back in a minute. No release changes, and no content.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from patcher.config import Home
from patcher.content import feed_paths, paths, records
from patcher.content.records import Channel, Release, Rollout
from patcher.errors import UsageError
from patcher.publish import publication
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.publication import opened
from patcher.publish.release import History, history, steady
from patcher.publish.repository import Changes

EVERYONE = Rollout(100, "")


@dataclass(frozen=True, slots=True)
class ChannelPlace:
    """A channel of a feed folder, and the keys to sign it with."""

    folder: Path
    home: Home
    title: str
    channel: str
    passphrases: Passphrases


@dataclass(frozen=True, slots=True)
class ChannelOffer:
    """What a channel offers now: ``version`` to ``percent`` of the players, ``before`` to the others."""

    version: str
    percent: int
    before: str
    not_below: str
    changed: bool
    has_patches: bool
    """Whether patches lead to ``version``; else players fetch what they lack file by file."""


def promote(place: ChannelPlace, version: str, percent: int) -> ChannelOffer:
    """Offer ``version`` to a share of the channel's players; to more of them when it is offered already.

    Raises UsageError (usage.unknown_title, usage.release, usage.expired, usage.passphrase, usage.key_missing),
    BusyError, DiskError, TrustError; players then see no change. So do the functions below.
    """

    def decide(past: History, now: Channel) -> Channel:
        wanted = _named(past, version)
        _check_floor(past, now, wanted.sequence)
        rollout = Rollout(percent, f"{place.title}/{place.channel}/{wanted.sequence}") if percent < 100 else EVERYONE
        if wanted.sequence == now.release:
            return replace(now, rollout=rollout)
        return replace(now, release=wanted.sequence, rollout=rollout, before=steady(now))

    return _decided(place, decide)


def halt(place: ChannelPlace) -> ChannelOffer:
    """Offer the release to nobody further. Players who have it stay there; the others are offered the one before."""

    def decide(past: History, now: Channel) -> Channel:
        _check_offered(place, now)
        older = [s for s in past.releases if now.not_below <= s < now.release]
        if not older and now.before not in past.releases:
            version = past.releases[now.release].version
            raise UsageError("usage.release", f"There is no release besides {version} that {place.channel} can offer.")
        return replace(now, rollout=replace(now.rollout, percent=0))

    return _decided(place, decide)


def rollback(place: ChannelPlace) -> ChannelOffer:
    """Offer everyone the release that the channel offered before: the emergency brake. Doing it again changes nothing.

    It is signed as a newer state of the channel. Players who kept that release return to it without a download.
    """

    def decide(past: History, now: Channel) -> Channel:
        _check_offered(place, now)
        if now.before and now.before > now.release:
            return now
        older = [s for s in past.releases if s < now.release]
        target = now.before if now.before in past.releases else max(older, default=0)
        if not target:
            raise UsageError("usage.release", f"{place.channel} offered no release before.", channel=place.channel)
        _check_floor(past, now, target)
        return replace(now, release=target, rollout=EVERYONE, before=now.release)

    return _decided(place, decide)


def pin(place: ChannelPlace, version: str) -> ChannelOffer:
    """Offer ``version`` to everyone, and bring nobody below it from now on."""

    def decide(past: History, now: Channel) -> Channel:
        wanted = _named(past, version).sequence
        before = now.before if wanted == now.release else steady(now)
        return replace(now, release=wanted, rollout=EVERYONE, not_below=wanted, before=before)

    return _decided(place, decide)


def _decided(place: ChannelPlace, decide: Callable[[History, Channel], Channel]) -> ChannelOffer:
    paths.check_name(place.channel)
    with opened(place.folder, place.home) as repo:
        if place.title not in repo.feed.titles:
            raise UsageError("usage.unknown_title", f"The feed has no title {place.title!r}.", title=place.title)
        past = history(repo, place.title)
        before = past.channels.get(place.channel, Channel(0))
        after = decide(past, before)
        ring = KeyRing(place.home.keys / repo.feed.name, place.passphrases)
        repo.open_online_keys(ring)
        put = {feed_paths.channel(place.title, place.channel): records.encode(after)} if after != before else {}
        publication.publish(repo, place.home, ring, Changes(put), place.title, online_only=True)
        has_patches = repo.record(feed_paths.patches(place.title, after.release)) is not None
    versions = {0: "", **{sequence: release.version for sequence, release in past.releases.items()}}
    named = (versions.get(sequence or 0, "") for sequence in (after.release, after.before, after.not_below))
    version, older, floor = named
    return ChannelOffer(version, after.rollout.percent, older, floor, after != before, has_patches)


def _named(past: History, version: str) -> Release:
    if found := past.named(version):
        return found
    known = ", ".join(release.version for _, release in sorted(past.releases.items()))
    raise UsageError("usage.release", f"There is no release {version}; the feed has {known}.", version=version)


def _check_offered(place: ChannelPlace, now: Channel) -> None:
    if not now.release:
        raise UsageError("usage.release", f"The channel {place.channel} offers no release.", channel=place.channel)


def _check_floor(past: History, now: Channel, sequence: int) -> None:
    if sequence < now.not_below:
        floor = past.releases[now.not_below].version if now.not_below in past.releases else str(now.not_below)
        message = (
            f"The channel is pinned: nobody is brought below {floor}. `shoal publish pin` pins it to another release."
        )
        raise UsageError("usage.release", message)

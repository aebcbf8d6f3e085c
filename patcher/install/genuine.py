"""Whether the feed signed the release that a folder describes. If not, the folder holds only bytes to scan.

Other users who can write into an install can rewrite ``.shoal/installed`` and ``.shoal/previous/installed``, manifests
included. The registry is private to the player. It keeps each release that came from the signed feed, written before
the commit that installs it, so that a crash between the two leaves no doubt; a release stays known after the feed
retires it. Everything that reads a description does so through this module.
"""

import contextlib
from dataclasses import replace
from pathlib import Path

from patcher.content import records
from patcher.errors import DiskError, NeedsNewer, ShoalError, TrustError, UsageError, never
from patcher.feed.feeds import Feeds, Opened
from patcher.feed.reader import Reader
from patcher.install.folder import Description, Installed
from patcher.install.registry import Installation, Registry
from patcher.plain import quoted
from patcher.protocol.commands import Network


def proved(registry: Registry, title: str, description: Description) -> Installed | None:
    """The release of ``feed/title`` that a folder describes; None if the feed did not sign it.

    Raises TrustError (trust.needs_newer) when a newer Shoal wrote it.
    """
    installed = _described(description)
    return installed if installed and registry.is_signed(title, installed.release) else None


def is_changed(registry: Registry, install: Installation) -> bool:
    """Whether the install's folder describes a release that the feed did not sign."""
    current = install.folder.current
    return current.exists and proved(registry, install.title, current) is None


def required(registry: Registry, install: Installation) -> Installed:
    """The genuine release in an install's folder; if its description cannot be read, the last that this home put there.

    Raises UsageError (usage.not_installed) if the folder describes none, TrustError (trust.description) if its
    description was changed.
    """
    title, current = install.title, install.folder.current
    installed = proved(registry, title, current)
    if installed is None and current.exists and _described(current) is None:
        installed = _last(registry, install)
    if installed is None and current.exists:
        text = f"What {current.folder} says of {title} is nothing that its publisher signed."
        raise TrustError("trust.description", text, title=title, path=str(current.folder))
    if installed is None:
        raise UsageError("usage.not_installed", f"{title} is not installed.", title=title)
    return installed


def installed(registry: Registry, install: Installation) -> Installed | None:
    """The release in an install's folder: the described one or, if that was changed, the last that this home put there.

    Raises TrustError (trust.needs_newer).
    """
    installed = proved(registry, install.title, install.folder.current)
    return installed or (_last(registry, install) if install.folder.current.exists else None)


def restore(registry: Registry, install: Installation, home: Path) -> bool:
    """Write a description that cannot be read anew, as of the last release that this home put there; the other is kept.

    Perhaps that release did not arrive, so its files count as verified only when they were read again. ``home`` is that
    of our engine. Returns whether there was one. Raises BusyError, DiskError, TrustError (trust.needs_newer).
    """
    current = install.folder.current
    last = _last(registry, install) if current.exists and _described(current) is None else None
    if last:
        with install.folder.locked(home) as mine:
            registry.note_seen(install.title, {})
            mine.current.put_installed(last)
    return last is not None


def _last(registry: Registry, install: Installation) -> Installed | None:
    """The release that this home put last into the install's folder."""
    known, release = registry.find(install.title), registry.installed_release(install.title)
    if known is None or known.folder.path != install.folder.path or release is None:
        return None
    return Installed("", release.title, known.channel, known.tags, release)


def ask(registry: Registry, title: str, description: Description, reader: Reader) -> None:
    """Note the release that a folder describes if the feed signed it, as another home may have put it there.

    Raises what `Reader.release` raises, but for a release that is not offered (any more).
    """
    if described := _unproved(registry, title, description):
        with contextlib.suppress(TrustError):
            signed = reader.release(title.partition("/")[2], described.release.sequence)
            if signed == described.release:
                known = registry.find(title)
                placed = known is not None and known.folder.current.folder.path == description.folder.path
                registry.note_signed(title, signed, placed=placed)


def ask_offline(registry: Registry, feeds: Feeds, install: Installation) -> None:
    """The same for an install's current and previous release, by the feed's last known records."""
    both = (install.folder.current, install.folder.previous)
    with contextlib.suppress(ShoalError):  # then the description is as good as it was
        unproved = [each for each in both if _unproved(registry, install.title, each)]
        if unproved:
            feed = install.title.partition("/")[0]
            with feeds.open(feed, Network(), never, offline=True) as opened:
                for description in unproved:
                    ask(registry, install.title, description, opened.reader)


def _unproved(registry: Registry, title: str, description: Description) -> Installed | None:
    """What the folder says, if we do not know whether the feed signed it."""
    described = _described(description)
    return described if described and not registry.is_signed(title, described.release) else None


def check_own_place(registry: Registry, install: Installation) -> None:
    """Raises DiskError (disk.not_empty) if the folder is another title's, be its drive connected or not."""
    folder, title = install.folder, install.title
    titles = [known.title for known in registry.installs() if known.folder.is_same(folder)]
    if title not in titles and (described := _described(folder.current)):
        titles.append(title if described.title == title.partition("/")[2] else described.title)
    if others := sorted({*titles} - {title}):
        text = f"{folder} is the folder of {quoted(others[0])}, not of {title}."
        raise DiskError("disk.not_empty", text, path=str(folder), title=quoted(others[0]))


def adopted(registry: Registry, install: Installation, opened: Opened) -> tuple[Installation, records.Release | None]:
    """The install with the tags and channel of a genuine folder, as far as release and feed have them; and its release.

    None for a release that is not genuine, or that the channel allows no more. Raises what `ask` raises.
    """
    ask(registry, install.title, install.folder.current, opened.reader)
    installed = proved(registry, install.title, install.folder.current)
    if installed is None:
        return install, None
    release, tags = installed.release, {tag for part in installed.release.parts for tag in part.tags}
    install = replace(install, tags=tuple(tag for tag in installed.tags if tag in tags))
    with contextlib.suppress(TrustError):
        opened.reader.channel(release.title, installed.channel)
        install = replace(install, channel=installed.channel)
    return install, release if opened.allows(release, install.channel, unknown=True) else None


def _described(description: Description) -> Installed | None:
    """What the folder says, genuine or not; None if it cannot be read."""
    try:
        return description.installed()
    except NeedsNewer:
        raise
    except (DiskError, TrustError):
        return None

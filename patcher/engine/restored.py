"""The files of a home, opened for an engine that begins. What is damaged is kept beside and made anew.

Nothing counts for having been found. A new registry knows the installs that this home chose (`Registry`), and no folder
that only looks like one: those are named, for the player to `locate`. Their releases have to be proved genuine again,
and their files to be read. The trust floor starts with the metadata here, whose signatures are checked; so it may have
fallen, and the player is told.
"""

import contextlib
from pathlib import Path
from typing import NamedTuple

from patcher import beneath, config, database
from patcher.config import Home, Settings
from patcher.errors import Damaged, DiskError, ShoalError, UsageError
from patcher.feed.feeds import Feeds
from patcher.install.folder import InstallFolder
from patcher.install.registry import Registry
from patcher.protocol.events import Failure

_MOST_NAMED = 20
"""Folders in a message."""


class Files(NamedTuple):
    """What an engine works with."""

    settings: Settings
    registry: Registry
    feeds: Feeds
    problems: tuple[Failure, ...]
    """What is wrong, or was, and what that costs."""


def open_files(home: Home) -> Files:
    """Open them; nobody else may use the home meanwhile. Raises DiskError for what cannot be read or written at all."""
    settings, problems = config.restored(home)
    kept, why = "", f"The registry {home.registry} is missing."
    try:
        database.check(home.registry)
        registry = Registry(home.registry)
    except Damaged as error:
        kept = database.set_aside(home.registry)
        why = f"{error.message} It is kept as {kept}."
        registry = Registry(home.registry)
    feeds = Feeds(home, settings.proxy)
    if registry.is_new and (feeds.names() or registry.installs()):
        feeds.raise_floors()
        problems.append(_lost_registry(home, settings, registry, why, kept))
    return Files(settings, registry, feeds, tuple(map(Failure.of, problems)))


def _lost_registry(home: Home, settings: Settings, registry: Registry, why: str, kept: str) -> ShoalError:
    installs = registry.installs()
    text = (
        f"{why} The new one knows {len(installs)} installs from a copy, and their files are read again. Jobs that "
        "waited and the traffic of past months are forgotten, and so are the newest versions that were seen of your "
        "feeds, beyond what is here of them."
    )
    if found := _unknown(home, settings, {install.folder.path for install in installs}):
        text += f" These folders may hold installs, too: {', '.join(map(str, found[:_MOST_NAMED]))}."
    return DiskError("disk.registry", text, path=str(home.registry), kept=kept, installs=len(installs))


def _unknown(home: Home, settings: Settings, known: set[Path]) -> list[Path]:
    """Folders where titles are installed by default, that look like installs; who made them is not known."""
    places = [home.titles]
    with contextlib.suppress(UsageError):
        places += [config.full_path(settings.games_folder)]
    found = [place / name for place in places for name, _ in beneath.entries(place)]
    return [folder for folder in found if folder not in known and InstallFolder.at(folder).current.exists]

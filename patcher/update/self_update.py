"""A launcher is a title of its own feed: its next release is installed beside the version that runs.

It is an ordinary install whose sources are the versions that are there. Nothing is changed in their folders, and the
new one has an entry (`patcher.versions`) only after its commit; the stub decides which of them starts. The newest
version and the one that starts now are kept.
"""

import contextlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from patcher import config, disk
from patcher.content import records
from patcher.content.manifest import Manifest
from patcher.errors import BusyError, ContentError, DiskError, TrustError, UsageError
from patcher.feed.feeds import Opened, numbers
from patcher.install import genuine, launch
from patcher.install.folder import Installed, InstallFolder
from patcher.install.registry import Installation, Registry
from patcher.protocol import commands
from patcher.protocol.commands import Command, Verb
from patcher.protocol.events import Outcome
from patcher.update.target import Access, Target, remote_offers
from patcher.versions import Program, ProgramVersion

Open = Callable[[str, commands.Network], AbstractContextManager[tuple[Opened, Access]]]
_OTHERS = {Verb.ROLLBACK, Verb.SET_TAGS, Verb.REPAIR, Verb.MOVE, Verb.UNINSTALL, Verb.PLAY}
"""What would change the folder of a version that runs, or start it without the stub."""
_NO_NAME = re.compile(r"[^A-Za-z0-9._+-]")


def program_of(registry: Registry, title: str) -> Program | None:
    """The program among whose versions the title is installed."""
    install = registry.find(title)
    return Program.around(install.folder.path) if install else None


def check(command: Command, registry: Registry, *, is_busy: bool) -> None:
    """Refuse what must not be done to a launcher, or not now.

    Raises UsageError (usage.argument), BusyError (busy.title).
    """
    title = getattr(command, "title", "")
    if command.verb in _OTHERS and program_of(registry, title):
        raise UsageError("usage.argument", f"{title} is a launcher, which keeps its versions itself.", title=title)
    if command.verb is Verb.SELF_UPDATE and is_busy:
        raise BusyError("busy.title", "A launcher is updated when no job runs and no title plays.", title=title)


@dataclass(frozen=True, slots=True)
class _Base:
    """The version that patches start from, and what its folder says of itself if the feed signed that."""

    version: ProgramVersion
    folder: InstallFolder
    installed: Installed | None

    def manifests(self) -> dict[str, Manifest]:
        """By part; nothing without a description."""
        return self.folder.current.manifests(self.installed) if self.installed else {}


def run(
    command: commands.SelfUpdate, registry: Registry, opened_by: Open, reach: Callable[[Target], Outcome]
) -> Outcome:
    """Install the title's live release beside the versions of the program, unless it is one of them.

    Raises UsageError (usage.argument), TrustError (trust.rollback), ContentError (content.launch), and what an
    install raises.
    """
    program = Program(config.full_path(command.program))
    versions, _ = program.whole()
    if not versions:
        text = f"{program.root} holds no version of a launcher."
        raise UsageError("usage.argument", text, title=command.title, path=str(program.root))
    with opened_by(command.title, command.network) as (opened, access):
        known, name = registry.find(command.title), command.title.partition("/")[2]
        channel = known.channel if known else "live"
        newest = versions[-1]
        release = opened.live(name, channel, registry.install_id, newest.sequence)
        if release.version == newest.version or release.sequence == newest.sequence:
            _remove_old(program)  # unless all of that was done before a crash
            return Outcome(newest.version, newest.version)
        _check_forward(release, program.versions())
        argv = _argv(release)
        place = program.place(f"{release.sequence}-{_NO_NAME.sub('_', release.version)[:64]}")
        base = _base(registry, command.title, program, newest, opened)
        target = _target(Installation(command.title, InstallFolder.at(place), channel), release, base, opened, access)
        program.forget(place.name)  # one that is not whole any more is put together anew
        outcome = reach(target)
        _note(program, place, target, argv)
        _remove_old(program)
    return outcome


def _remove_old(program: Program) -> None:
    with contextlib.suppress(DiskError):  # another time: a window of an old version may still be open
        program.remove_old()


def _check_forward(release: records.Release, versions: list[ProgramVersion]) -> None:
    """A launcher never goes back: an old one may have faults that its publisher has mended since."""
    newest = versions[-1]
    is_older = release.sequence < newest.sequence
    if newest.sequence == 0:  # an installer's, which knows no sequence
        with contextlib.suppress(ValueError):
            is_older = numbers(release.version) < numbers(newest.version)
    if is_older:
        text = f"The feed offers {release.title} {release.version}, and {newest.version} is here."
        raise TrustError("trust.rollback", text, title=release.title, version=release.version)


def _argv(release: records.Release) -> tuple[str, ...]:
    command = release.launch.get(launch.SYSTEM)
    if command is None:
        text = f"{release.title} {release.version} says no command for {launch.SYSTEM}."
        raise UsageError("usage.no_launch", text, title=release.title)
    return command.argv


def _base(registry: Registry, title: str, program: Program, version: ProgramVersion, opened: Opened) -> _Base:
    folder = InstallFolder.at(program.place(version.name))
    genuine.ask(registry, title, folder.current, opened.reader)
    return _Base(version, folder, genuine.proved(registry, title, folder.current))


def _target(install: Installation, release: records.Release, base: _Base, opened: Opened, access: Access) -> Target:
    """The release in its own folder. An installer's files say nothing of themselves: what the release has is looked for
    among them.
    """
    start = base.installed
    documents = base.folder.current.documents(start) if start else {}
    offers = remote_offers(opened.reader, release, install.tags, start.release if start else None, documents)
    _check_launch(release, {e.path for offer in offers for e in offer.manifest.entries if e.executable})
    manifests = base.manifests().values() or [offer.manifest for offer in offers]
    return Target(install, release, offers, access, borrow=((base.folder.root, tuple(manifests)),))


def _check_launch(release: records.Release, programs: set[str]) -> None:
    path = release.launch[launch.SYSTEM].argv[0]
    if path not in programs:
        text = f"{release.title} {release.version} starts with {path}, which is no program of the release."
        raise ContentError("content.launch", text, path=path)


def _note(program: Program, place: Path, target: Target, argv: tuple[str, ...]) -> None:
    assert target.release
    files = {entry.path: entry.size_bytes for m in target.released for entry in m.entries}
    try:
        version = ProgramVersion.of(place, target.release.version, target.release.sequence, argv, files)
    except OSError as error:
        raise DiskError("disk.failed", f"{place / argv[0]} cannot be read: {error}.", path=str(place)) from error
    disk.sync_folder(place.parent)
    program.note(version)

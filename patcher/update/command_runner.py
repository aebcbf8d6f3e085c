"""From a command to a target: which signed release, which parts, which folder, and what may be used to get there."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from patcher import beneath, disk
from patcher.beneath import Beneath
from patcher.config import Home, Settings
from patcher.content import records
from patcher.errors import BusyError, DiskError, OriginError, TrustError, UsageError
from patcher.feed.feeds import Feeds, Opened, too_old
from patcher.install import commit, genuine, launch
from patcher.install.folder import Installed, InstallFolder
from patcher.install.registry import Installation, Registry
from patcher.protocol import commands, events
from patcher.protocol.events import Outcome, Phase, Sources
from patcher.seeding.pack_cache import Packs
from patcher.seeding.seeder import Seeder
from patcher.seeding.traffic import Ledger
from patcher.transfer.swarm.session import Session
from patcher.update import detour, offers
from patcher.update.download import Downloader
from patcher.update.pipeline import Job, recover, unfinished
from patcher.update.plan import Offer
from patcher.update.progress import Meter
from patcher.update.target import Network, Target


@dataclass(frozen=True, slots=True)
class Tools:
    """What the engine lends to each job."""

    home: Home
    settings: Settings
    registry: Registry
    ledger: Ledger
    packs: Packs
    feeds: Feeds
    session_for: Callable[[commands.Network], Session | None]
    seeder: Seeder


class CommandRunner:
    """Carries out one command: `run` calls the method of its verb, which hands a target to the pipeline."""

    def __init__(
        self, tools: Tools, number: int, meter: Meter, emit: Callable[[events.Event], None], *, resumed: bool = False
    ) -> None:
        self._tools, self._meter, self._number, self._emit, self._resumed = tools, meter, number, emit, resumed
        self._job = Job(number, tools.home.root, tools.registry, tools.packs, tools.seeder, meter, emit)
        self._leg = Job(number, tools.home.root, tools.registry, tools.packs, tools.seeder, meter, lambda _: None)
        self._verbs: dict[type, Callable[[Any], Outcome]] = {
            commands.AddFeed: self._add_feed,
            commands.RefreshFeed: self._refresh_feed,
            commands.RemoveFeed: self._remove_feed,
            commands.Install: self._install,
            commands.Update: self._update,
            commands.SetTags: self._update,
            commands.Repair: self._repair,
            commands.Rollback: self._rollback,
            commands.Move: self._move,
            commands.Verify: self._verify,
            commands.Uninstall: self._uninstall,
            commands.Seed: self._seed,
        }

    def run(self, command: commands.Command) -> Outcome:
        """CommandRunner the command. Raises ShoalError, Cancelled."""
        outcome: Outcome = self._verbs[type(command)](command)
        title = getattr(command, "title", "")
        if title and (outcome.fetched != Sources()):
            with contextlib.suppress(DiskError):  # what is done is done, also when it cannot be counted
                self._tools.ledger.add(title, outcome.fetched, 0)
        return outcome

    # ------------------------------------------------------------ verbs

    def _add_feed(self, command: commands.AddFeed) -> Outcome:
        question = (command.source, command.fingerprint, command.network, self._meter.cancelled)
        if command.only == "look":
            self._emit(events.FeedFound(self._number, "", self._tools.feeds.preview(*question)))
            return Outcome()
        return Outcome(feed=self._tools.feeds.add(*question))

    def _refresh_feed(self, command: commands.RefreshFeed) -> Outcome:
        for name in [command.name] if command.name else self._tools.feeds.names():
            self._tools.feeds.refresh(name, command.network, self._meter.cancelled)
        return Outcome()

    def _remove_feed(self, command: commands.RemoveFeed) -> Outcome:
        titles = [install.title for install in self._tools.registry.installs()]
        if mine := [title for title in titles if title.startswith(f"{command.name}/")]:
            raise UsageError("usage.argument", f"{command.name} still has installed titles: {', '.join(mine)}.")
        self._tools.feeds.remove(command.name)
        return Outcome()

    def _verify(self, command: commands.Verify) -> Outcome:
        install, _ = self._installed(command.title)
        with beneath.translated(install.folder.root):
            return self._job.verify(install)

    def _install(self, command: commands.Install) -> Outcome:
        known = self._tools.registry.find(command.title)
        if known:
            recover(known, self._tools.registry, self._tools.home.root, forget_foreign=command.locate)
        if known and known.folder.current.exists:
            installed = genuine.required(self._tools.registry, known)
            if self._is_seen(known) and self._resumed:  # it was interrupted when all was done
                return Outcome(version_to=installed.release.version)
            if self._is_seen(known):
                raise UsageError("usage.already_installed", f"{command.title} is installed in {known.folder}.")
            with self._network(command.title, command.network, offline=True) as (opened, network):
                return self._reach(known, installed.release, opened, network, only=command.only)
        install = Installation(command.title, InstallFolder.at(self._folder(command)), command.channel, command.tags)
        if command.locate:
            return self._locate(install, command)
        folder = install.folder
        folder.check()
        if folder.current.exists:
            raise DiskError("disk.not_empty", f"{folder} holds an install already.", path=str(folder))
        folder.check_empty()
        if not command.only:
            self._drop_other_try(known, install)
        with self._network(command.title, command.network) as (opened, network):
            return self._reach(install, self._release(install, opened), opened, network, only=command.only)

    def _is_seen(self, install: Installation) -> bool:
        """Whether its last job came to an end; after a kill in the commit the files are there and still to be seen."""
        return bool(self._tools.registry.files_seen(install.title))

    def _folder(self, command: commands.Install) -> Path:
        if command.folder:
            return Path(command.folder)
        games = self._tools.settings.games_folder
        return (Path(games) if games else self._tools.home.root / "titles") / command.title.partition("/")[2]

    def _drop_other_try(self, known: Installation | None, install: Installation) -> None:
        """An install that was begun elsewhere and given up leaves only its staging."""
        if known and known.folder.path != install.folder.path:
            known.folder.erase(self._tools.home.root)
        self._tools.registry.forget(install.title)

    def _locate(self, install: Installation, command: commands.Install) -> Outcome:
        """Adopt a folder: as it says itself where the feed signed it, else it is hashed and brought to the release."""
        if not install.folder.exists:
            raise _folder_missing(install.folder)
        install.folder.check()
        recover(install, self._tools.registry, self._tools.home.root, forget_foreign=True)
        genuine.ask_offline(self._tools.registry, self._tools.feeds, install)
        is_known = genuine.proved(self._tools.registry, install.title, install.folder.current) is not None
        with self._network(command.title, command.network, offline=is_known) as (opened, network):
            install, release = genuine.adopted(self._tools.registry, install, opened)
            release = release or self._release(install, opened)
            return self._reach(install, release, opened, network, full_scan=True, adopt=True, only=command.only)

    def _repair(self, command: commands.Repair) -> Outcome:
        """To the release that is there, or was put there before its description was changed; else to the live one."""
        install = self._place(command.title, forget_foreign=True)
        with contextlib.suppress(TrustError):  # a changed description is what a repair is for
            self._installed(command.title, command.network)
        installed = genuine.installed(self._tools.registry, install)
        is_known = installed is not None
        with self._network(command.title, command.network, offline=is_known) as (opened, network):
            release = installed.release if installed else self._release(install, opened)
            flags = {"full_scan": True, "mend": is_known, "adopt": not is_known}
            return self._reach(install, release, opened, network, **flags, only=command.only)

    def _update(self, command: commands.Update | commands.SetTags) -> Outcome:
        install, installed = self._installed(command.title, command.network)
        with self._network(command.title, command.network) as (opened, network):
            if isinstance(command, commands.SetTags):
                install = replace(install, tags=command.tags)
                return self._reach(install, installed.release, opened, network, only=command.only)
            release = self._release(install, opened, command.version)
            is_news = release.sequence != installed.release.sequence
            interrupted = beneath.exists(install.folder.staging) or not self._is_seen(install)
            if command.only == "check" or not (is_news or interrupted):
                versions = (installed.release.version, release.version)
                return _counted(Outcome(*versions, work_left=is_news), opened)
            if self._is_seen(install):  # else each look would read every byte
                route = detour.find(self._leg, install, installed, release, opened, network)
                if route:
                    return self._travel(route, opened, only=command.only)
            return self._reach(install, release, opened, network, only=command.only)

    def _release(self, install: Installation, opened: Opened, version: str = "") -> records.Release:
        name = install.title.partition("/")[2]
        if version:
            return opened.version(name, version, install.channel)
        return opened.live(name, install.channel, self._tools.registry.install_id)

    def _rollback(self, command: commands.Rollback) -> Outcome:
        install, installed = self._installed(command.title)
        is_there = command.version == installed.release.version  # it was interrupted when it had stepped back
        previous = install.folder.current if is_there else install.folder.previous
        before = genuine.proved(self._tools.registry, command.title, previous)
        if before is None or (before.release.sequence == installed.release.sequence and not is_there):
            raise UsageError(
                "usage.no_previous", f"No release before {installed.release.version} is kept.", title=command.title
            )
        if not command.only:
            self._tools.registry.keep_command(command.title, replace(command, version=before.release.version))
        with self._network(command.title, command.network, offline=True) as (opened, network):
            if not command.confirmed and not opened.allows(before.release, install.channel, unknown=False):
                raise too_old("trust.step_back", before.release, install.channel)
            mine = replace(install, tags=before.tags)
            offered = offers.local(before, previous)
            if offered is None:
                return self._reach(mine, before.release, opened, network, only=command.only)
            return self._run(Target(mine, before.release, tuple(offered), network), opened, only=command.only)

    def _move(self, command: commands.Move) -> Outcome:
        install, installed = self._installed(command.title)
        target = Path(command.folder)
        self._leave(install)
        if target.resolve() == install.folder.path.resolve():  # it was interrupted when it had moved
            return Outcome(installed.release.version, installed.release.version)
        if name := launch.running(install.folder.path):
            raise BusyError("busy.running", f"{command.title} is running ({name}).", title=command.title)
        here, there = install.folder, InstallFolder.at(target)
        there.check()
        recover(replace(install, folder=there), self._tools.registry, self._tools.home.root)
        arrived = genuine.proved(self._tools.registry, command.title, there.current)
        if arrived is None or arrived.release != installed.release:  # else it was interrupted when it had nearly moved
            there.check_empty()
        offered = offers.local(installed, here.current)
        old = here.current.manifests(installed)
        moved = replace(install, folder=there)
        with self._network(command.title, command.network, offline=True) as (opened, network):
            if offered is None:
                offered = offers.remote(opened.reader, installed.release, install.tags, None, there.current)
            borrow = ((here.root, tuple(old.values())),)
            with self._tools.seeder.holding(command.title):
                with here.locked(self._tools.home.root):
                    outcome = self._job.run(Target(moved, installed.release, tuple(offered), network, borrow=borrow))
                    self._take_defaults(here.root, InstallFolder.at(target).root, offered)
                    self._tools.registry.put(moved, left=install.folder)  # it is where it was until it has moved
                self._leave(moved)
            return _counted(outcome, opened)

    def _leave(self, install: Installation) -> None:
        """Empty the folder that the title moved out of, now or when that was interrupted."""
        left = self._tools.registry.left(install.title)
        lived_in = {other.folder.path for other in self._tools.registry.installs()}
        if left and left.exists and left.path not in lived_in:
            recover(replace(install, folder=left), self._tools.registry, self._tools.home.root)
            self._remove(replace(install, folder=left))
        self._tools.registry.clear_left(install.title)

    def _take_defaults(self, source: Beneath, target: Beneath, offered: list[Offer]) -> None:
        """Default settings are the player's own: they move as they are."""
        for path in (e.path for o in offered if o.part.defaults for e in o.manifest.entries):
            if beneath.is_file(source / path):
                disk.make_folder((target / path).parent)
                with beneath.translated(source / path):
                    disk.write_atomic(target / path, beneath.read(source / path))

    def _uninstall(self, command: commands.Uninstall) -> Outcome:
        known, outcome = self._tools.registry.find(command.title), Outcome()
        if known:
            recover(known, self._tools.registry, self._tools.home.root)
            self._leave(known)
        if known and not known.folder.current.exists:
            self._tidy(known)  # of a first install that was given up, or of an uninstall that was interrupted
        else:
            outcome = self._remove(self._place(command.title))
        self._tools.registry.forget(command.title)
        return outcome

    def _remove(self, install: Installation) -> Outcome:
        """The update to the empty list: no trust, no network. Then our own folder goes, and an empty one too."""
        outcome = self._job.run(Target(install, None, (), Network()))
        self._tidy(install)
        return outcome

    def _tidy(self, install: Installation) -> None:
        """Remove what is ours and no release's, and an empty folder, for good."""
        folder = install.folder
        folder.erase(self._tools.home.root)
        if folder.exists:
            disk.sync_folder(folder.root)
            if not beneath.entries(folder.root):
                disk.remove_folder(folder.path)
                disk.sync_folder(folder.path.parent)

    # ------------------------------------------------------------ what they share

    def _place(self, title: str, *, forget_foreign: bool = False) -> Installation:
        """Where the title is, when its folder is there."""
        install = self._tools.registry.find(title)
        if install is None:
            raise UsageError("usage.not_installed", f"{title} is not installed.", title=title)
        if not install.folder.exists:
            raise _folder_missing(install.folder)
        install.folder.check()
        recover(install, self._tools.registry, self._tools.home.root, forget_foreign=forget_foreign)
        genuine.ask_offline(self._tools.registry, self._tools.feeds, install)
        return install

    def _installed(self, title: str, network: commands.Network | None = None) -> tuple[Installation, Installed]:
        """Where the title is, and what: by a description that the feed signed, which may be asked for news of it."""
        install, registry = self._place(title), self._tools.registry
        if network and genuine.is_changed(registry, install):
            with contextlib.suppress(OriginError, TrustError), self._network(title, network) as (opened, _):
                genuine.ask(registry, title, install.folder.current, opened.reader)
        return install, genuine.required(registry, install)

    @contextmanager
    def _network(
        self, title: str, command: commands.Network, *, offline: bool = False
    ) -> Iterator[tuple[Opened, Network]]:
        """The title's feed, refreshed unless its last known records will do, and what a job may use of it."""
        self._meter.begin(Phase.TRUST)
        feed, _, name = title.partition("/")
        with self._tools.feeds.open(feed, command, self._meter.cancelled, title=name, offline=offline) as opened:
            if opened.is_behind:
                text = (
                    f"What is known here of the feed {feed} is older than what was seen of it before. {title} is safe; "
                )
                self._emit(events.Notice(self._number, title, text + "its next update reads the feed anew."))
            yield (
                opened,
                Network(
                    opened.reader,
                    opened.origin,
                    lambda: self._tools.session_for(command),
                    command.server_only or self._tools.settings.peers == "none",
                    opened.record.trackers,
                    opened.fingerprint,
                    self._tools.settings.download_limit_bps,
                ),
            )

    def _reach(
        self,
        install: Installation,
        release: records.Release,
        opened: Opened,
        network: Network,
        *,
        full_scan: bool = False,
        mend: bool = False,
        adopt: bool = False,
        only: str = "",
    ) -> Outcome:
        current = install.folder.current
        installed = genuine.installed(self._tools.registry, install)
        offered = offers.remote(opened.reader, release, install.tags, installed, current)
        target = Target(install, release, tuple(offered), network, full_scan=full_scan, mend=mend, adopt=adopt)
        return self._run(target, opened, only=only)

    def _run(self, target: Target, opened: Opened, *, only: str = "") -> Outcome:
        if not only and self._tools.registry.find(target.install.title) is None:
            self._tools.registry.put(target.install)  # a first install that is interrupted must be found again
        outcome = self._job.run(target, only_plan=bool(only))
        if not only:
            with unfinished():
                self._tools.registry.put(target.install)
        return _counted(outcome, opened)

    def _travel(self, route: detour.Route, opened: Opened, *, only: str) -> Outcome:
        first, *more = route.targets
        if not more:
            return self._run(first, opened, only=only)
        title, plan = first.install.title, route.planned
        self._emit(events.Planned(self._number, title, plan.version_from, plan.version_to, plan.totals, plan.via))
        if not only:
            with self._tools.seeder.holding(title):
                plan = detour.run(self._leg, route)
        return _counted(plan, opened)

    # ------------------------------------------------------------ operator

    def _seed(self, command: commands.Seed) -> Outcome:
        """Bring every title of the feed to its live release, and fetch the patches to it, for others."""
        outcome, room_bytes = Outcome(), self._tools.packs.limit_bytes
        with self._network(f"{command.feed}/", command.network) as (opened, network):
            self._check_size(command, opened)
            for name in opened.record.titles:
                title = f"{command.feed}/{name}"
                install = self._tools.registry.find(title) or Installation(
                    title, InstallFolder.at(Path(command.folder) / name)
                )
                release = opened.live(name, install.channel, self._tools.registry.install_id)
                tags = sorted({tag for part in release.parts for tag in part.tags})
                install = replace(install, tags=tuple(tags))
                if not self._is_reached(install, release):  # else its peers stay connected
                    outcome = self._reach(install, release, opened, network)
                room_bytes = self._seed_packs(release, opened, network, room_bytes)
        if room_bytes < 0:
            self._emit(events.Notice(self._number, "", "Not all patches fit: `shoal settings pack_cache_bytes`."))
        return outcome

    def _is_reached(self, install: Installation, release: records.Release) -> bool:
        there = genuine.proved(self._tools.registry, install.title, install.folder.current)
        is_whole = there is not None and (there.release, there.tags) == (release, install.tags)
        return is_whole and self._is_seen(install) and not commit.pending(install.folder)

    def _check_size(self, command: commands.Seed, opened: Opened) -> None:
        """Refuse a feed that needs more than the operator gives it, as far as its records tell (16 KiB a file)."""
        facts = [self._tools.feeds.about(f"{command.feed}/{name}") for name in opened.record.titles]
        needed = sum(part.size_bytes for each in facts for part in each.about.parts)
        if 0 < command.max_bytes < needed:
            raise UsageError("usage.argument", f"{command.feed} needs about {needed:,} bytes.", needed_bytes=needed)

    def _seed_packs(self, release: records.Release, opened: Opened, network: Network, room_bytes: int) -> int:
        """As many packs as the cache holds: one more would be fetched each time anew. Returns the room that is left."""
        for part, index in opened.packs(release):
            room_bytes -= index.pack_bytes if index.has_swarm else 0
            if room_bytes >= 0:
                Downloader(network, self._tools.packs, self._meter).pack(index, part)
        return room_bytes


def _folder_missing(folder: InstallFolder) -> DiskError:
    return DiskError("disk.folder_missing", f"The folder {folder} is not there.", path=str(folder))


def _counted(outcome: Outcome, opened: Opened) -> Outcome:
    """With the metadata that was fetched on the way."""
    size = opened.origin.received.metadata_bytes
    totals = replace(outcome.totals, metadata_bytes=size)
    return replace(outcome, totals=totals, fetched=replace(outcome.fetched, metadata_bytes=size))

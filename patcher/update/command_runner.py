"""From a command to a target: which signed release, which parts, which folder, and which sources may be used."""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from patcher import beneath, disk
from patcher.beneath import Beneath
from patcher.content import records
from patcher.errors import BusyError, DiskError, OriginError, TrustError, UsageError
from patcher.feed.feeds import Opened, too_old
from patcher.install import commit, genuine, launch, scan
from patcher.install.commit import recover_install
from patcher.install.folder import Installed, InstallFolder
from patcher.install.registry import Installation
from patcher.protocol import commands, events
from patcher.protocol.commands import Verb
from patcher.protocol.events import Outcome, Phase, Sources
from patcher.update import detour
from patcher.update.download import Downloader
from patcher.update.pipeline import Pipeline, Shared
from patcher.update.progress import Meter
from patcher.update.target import Access, Offer, Target, local_offers, remote_offers


class CommandRunner:
    """Carries out one command: `run` calls the method of its verb, which hands a target to the pipeline."""

    def __init__(
        self, shared: Shared, number: int, meter: Meter, emit: Callable[[events.Event], None], *, resumed: bool = False
    ) -> None:
        self._shared, self._meter, self._number, self._emit, self._resumed = shared, meter, number, emit, resumed
        self._registry, self._home = shared.registry, shared.home.root
        self._pipeline = Pipeline(shared, number, meter, emit)
        self._verbs: dict[Verb, Callable[[Any], Outcome]] = {
            Verb.ADD_FEED: self._add_feed,
            Verb.REFRESH_FEED: self._refresh_feed,
            Verb.REMOVE_FEED: self._remove_feed,
            Verb.INSTALL: self._install,
            Verb.UPDATE: self._update,
            Verb.SET_TAGS: self._set_tags,
            Verb.REPAIR: self._repair,
            Verb.ROLLBACK: self._rollback,
            Verb.MOVE: self._move,
            Verb.VERIFY: self._verify,
            Verb.UNINSTALL: self._uninstall,
            Verb.SEED: self._seed,
        }

    def run(self, command: commands.Command) -> Outcome:
        """Carry out the command. Raises ShoalError, Cancelled."""
        outcome = self._verbs[command.verb](command)
        title = getattr(command, "title", "")
        if title and outcome.fetched != Sources():
            with contextlib.suppress(DiskError):  # the job is done, although its bytes could not be counted
                self._shared.ledger.add(title, outcome.fetched, 0)
        return outcome

    # ------------------------------------------------------------ verbs

    def _add_feed(self, command: commands.AddFeed) -> Outcome:
        question = (command.source, command.fingerprint, command.network, self._meter.cancelled)
        if command.only == "look":
            self._emit(events.FeedFound(self._number, "", self._shared.feeds.preview(*question)))
            return Outcome()
        return Outcome(feed=self._shared.feeds.add(*question))

    def _refresh_feed(self, command: commands.RefreshFeed) -> Outcome:
        for name in [command.name] if command.name else self._shared.feeds.names():
            self._shared.feeds.refresh(name, command.network, self._meter.cancelled)
        return Outcome()

    def _remove_feed(self, command: commands.RemoveFeed) -> Outcome:
        titles = [install.title for install in self._registry.installs()]
        if mine := [title for title in titles if title.startswith(f"{command.name}/")]:
            raise UsageError("usage.argument", f"{command.name} still has installed titles: {', '.join(mine)}.")
        self._shared.feeds.remove(command.name)
        return Outcome()

    def _verify(self, command: commands.Verify) -> Outcome:
        """Read every installed byte. ``files`` of the outcome are those that are not as released."""
        started_s = time.monotonic()
        install, installed = self._installed(command.title)
        folder, version = install.folder, installed.release.version
        with beneath.translated(folder.root):
            manifests = installed.released(folder.current.manifests(installed))
            self._meter.begin(Phase.SCAN, sum(m.size_bytes for m in manifests))
            damaged, stats = scan.differences(folder.root, manifests, self._meter.watch)
            if len(manifests) < sum(not part.defaults for part in installed.parts):
                damaged.add(folder.current.manifests_folder.relative)
            if not damaged:  # then they may be offered again, although something touched them
                with self._shared.seeder.holding(install.title):
                    self._registry.note_seen(install.title, stats)
        seconds = round(time.monotonic() - started_s, 3)
        return Outcome(version, version, work_left=bool(damaged), files=tuple(sorted(damaged)), seconds=seconds)

    def _install(self, command: commands.Install) -> Outcome:
        known = self._registry.find(command.title)
        if known:
            recover_install(known, self._registry, self._home, forget_foreign=command.locate)
        if known and known.folder.current.exists:
            installed = genuine.required(self._registry, known)
            if self._is_seen(known):
                if self._resumed:  # it was interrupted when all was done
                    return Outcome(version_to=installed.release.version)
                raise UsageError("usage.already_installed", f"{command.title} is installed in {known.folder}.")
            with self._open(command.title, command.network, offline=True) as (opened, access):
                return self._reach(_target(known, installed.release, opened, access, installed), only=command.only)
        default = self._shared.home.title_folder(command.title, self._shared.settings.games_folder)
        folder = InstallFolder.at(Path(command.folder) if command.folder else default)
        install = Installation(command.title, folder, command.channel, command.tags)
        if command.locate:
            return self._locate(install, command)
        folder.check()
        if folder.current.exists:
            raise DiskError("disk.not_empty", f"{folder} holds an install already.", path=str(folder))
        folder.check_empty()
        if not command.only:
            self._drop_other_try(known, install)
        with self._open(command.title, command.network) as (opened, access):
            return self._reach(_target(install, self._release(install, opened), opened, access), only=command.only)

    def _is_seen(self, install: Installation) -> bool:
        """Whether its last job ended. After a kill in the commit, the files are in place but not known as verified."""
        return bool(self._registry.files_seen(install.title))

    def _drop_other_try(self, known: Installation | None, install: Installation) -> None:
        """Remove the remains of an install that was begun in another folder and abandoned."""
        if known and known.folder.path != install.folder.path:
            known.folder.erase(self._home)
        self._registry.forget(install.title)

    def _locate(self, install: Installation, command: commands.Install) -> Outcome:
        """Adopt a folder: keep the release that it describes if the feed signed it, else bring it to the live one."""
        if not install.folder.exists:
            raise _folder_missing(install.folder)
        install.folder.check()
        recover_install(install, self._registry, self._home, forget_foreign=True)
        genuine.ask_offline(self._registry, self._shared.feeds, install)
        is_known = genuine.proved(self._registry, install.title, install.folder.current) is not None
        with self._open(command.title, command.network, offline=is_known) as (opened, access):
            install, adopted = genuine.adopted(self._registry, install, opened)
            release = adopted or self._release(install, opened)
            target = _target(install, release, opened, access, genuine.installed(self._registry, install))
            return self._reach(replace(target, full_scan=True, adopt=True), only=command.only)

    def _repair(self, command: commands.Repair) -> Outcome:
        """Restore the release in place, or the one put there last if its description was changed; else the live one."""
        install = self._place(command.title, forget_foreign=True)
        with contextlib.suppress(TrustError):  # a changed description is what a repair is for
            self._described(install, command.network)
        installed = genuine.installed(self._registry, install)
        is_known = installed is not None
        with self._open(command.title, command.network, offline=is_known) as (opened, access):
            release = installed.release if installed else self._release(install, opened)
            target = _target(install, release, opened, access, installed)
            return self._reach(replace(target, full_scan=True, mend=is_known, adopt=not is_known), only=command.only)

    def _update(self, command: commands.Update) -> Outcome:
        install, installed = self._installed(command.title, command.network)
        with self._open(command.title, command.network) as (opened, access):
            release = self._release(install, opened, command.version)
            is_news, is_seen = release.sequence != installed.release.sequence, self._is_seen(install)
            is_interrupted = beneath.exists(install.folder.staging) or not is_seen
            if command.only == "check" or not (is_news or is_interrupted):
                versions = (installed.release.version, release.version)
                return _counted(Outcome(*versions, work_left=is_news), access)
            # without files known as verified, planning a detour would read every byte
            target = detour.find(install, installed, release, opened, access) if is_seen else None
            target = target or _target(install, release, opened, access, installed)
            return self._reach(target, only=command.only)

    def _set_tags(self, command: commands.SetTags) -> Outcome:
        install, installed = self._installed(command.title, command.network)
        with self._open(command.title, command.network) as (opened, access):
            chosen = replace(install, tags=command.tags)
            return self._reach(_target(chosen, installed.release, opened, access, installed), only=command.only)

    def _release(self, install: Installation, opened: Opened, version: str = "") -> records.Release:
        name = install.title.partition("/")[2]
        if version:
            return opened.version(name, version, install.channel)
        return opened.live(name, install.channel, self._registry.install_id)

    def _rollback(self, command: commands.Rollback) -> Outcome:
        install, installed = self._installed(command.title)
        is_there = command.version == installed.release.version  # it was interrupted when it had stepped back
        previous = install.folder.current if is_there else install.folder.previous
        before = genuine.proved(self._registry, command.title, previous)
        if before is None or (before.release.sequence == installed.release.sequence and not is_there):
            raise UsageError(
                "usage.no_previous", f"No release before {installed.release.version} is kept.", title=command.title
            )
        if not command.only:
            self._registry.keep_command(command.title, replace(command, version=before.release.version))
        with self._open(command.title, command.network, offline=True) as (opened, access):
            if not command.confirmed and not opened.allows(before.release, install.channel, unknown=False):
                raise too_old("trust.step_back", before.release, install.channel)
            mine, offers = replace(install, tags=before.tags), local_offers(before, previous)
            return self._reach(_target(mine, before.release, opened, access, installed, offers), only=command.only)

    def _move(self, command: commands.Move) -> Outcome:
        install, installed = self._installed(command.title)
        self._empty_left(install)
        here, there = install.folder, InstallFolder.at(Path(command.folder))
        if there.path.resolve() == here.path.resolve():  # it was interrupted when it had moved
            return Outcome(installed.release.version, installed.release.version)
        if name := launch.running(here.path):
            raise BusyError("busy.running", f"{command.title} is running ({name}).", title=command.title)
        moved = replace(install, folder=there)
        there.check()
        recover_install(moved, self._registry, self._home)
        arrived = genuine.proved(self._registry, command.title, there.current)
        if arrived is None or arrived.release != installed.release:  # else it was interrupted when it had nearly moved
            there.check_empty()
        offers, old = local_offers(installed, here.current), here.current.manifests(installed)
        with self._open(command.title, command.network, offline=True) as (opened, access):
            target = _target(moved, installed.release, opened, access, None, offers)
            with self._shared.seeder.holding(command.title):
                with here.locked(self._home):
                    outcome = self._pipeline.run(replace(target, borrow=((here.root, tuple(old.values())),)))
                    _take_defaults(here.root, InstallFolder.at(there.path).root, target)
                    self._registry.put(moved, left=here)  # it is where it was until it has moved
                self._empty_left(moved)
            return _counted(outcome, access)

    def _empty_left(self, install: Installation) -> None:
        """Empty the folder that the title moved out of, also after a move that was interrupted."""
        left = self._registry.left(install.title)
        lived_in = {other.folder.path for other in self._registry.installs()}
        if left and left.exists and left.path not in lived_in:
            recover_install(replace(install, folder=left), self._registry, self._home)
            self._remove(replace(install, folder=left))
        self._registry.clear_left(install.title)

    def _uninstall(self, command: commands.Uninstall) -> Outcome:
        known, outcome = self._registry.find(command.title), Outcome()
        if known:
            recover_install(known, self._registry, self._home)
            self._empty_left(known)
        if known and not known.folder.current.exists:
            self._erase(known.folder)  # a first install was abandoned, or an uninstall interrupted
        else:
            outcome = self._remove(self._place(command.title))
        self._registry.clear_download(command.title)
        self._registry.forget(command.title)
        return outcome

    def _remove(self, install: Installation) -> Outcome:
        """Update to the empty list, without trust or network. Then remove ``.shoal``, and the folder if it is empty."""
        outcome = self._pipeline.run(Target(install, None, (), Access()))
        self._erase(install.folder)
        return outcome

    def _erase(self, folder: InstallFolder) -> None:
        """Remove ``.shoal``, and the folder if it is empty, durably."""
        folder.erase(self._home)
        if folder.exists:
            disk.sync_folder(folder.root)
            if not beneath.entries(folder.root):
                disk.remove_folder(folder.path)
                disk.sync_folder(folder.path.parent)

    # ------------------------------------------------------------ what they share

    def _place(self, title: str, *, forget_foreign: bool = False) -> Installation:
        """Find the title's folder, and finish an interrupted commit in it.

        Raises UsageError (usage.not_installed), DiskError (disk.folder_missing), and what `recover_install` raises.
        """
        install = self._registry.find(title)
        if install is None:
            raise UsageError("usage.not_installed", f"{title} is not installed.", title=title)
        if not install.folder.exists:
            raise _folder_missing(install.folder)
        install.folder.check()
        recover_install(install, self._registry, self._home, forget_foreign=forget_foreign)
        genuine.ask_offline(self._registry, self._shared.feeds, install)
        return install

    def _installed(self, title: str, network: commands.Network | None = None) -> tuple[Installation, Installed]:
        """Find the title's folder, and the release in it. With ``network``, ask the feed about an unknown release."""
        install = self._place(title)
        return install, self._described(install, network)

    def _described(self, install: Installation, network: commands.Network | None) -> Installed:
        if network and genuine.is_changed(self._registry, install):
            with contextlib.suppress(OriginError, TrustError), self._open(install.title, network) as (opened, _):
                genuine.ask(self._registry, install.title, install.folder.current, opened.reader)
        return genuine.required(self._registry, install)

    @contextmanager
    def _open(self, title: str, network: commands.Network, *, offline: bool = False) -> Iterator[tuple[Opened, Access]]:
        """Open the title's feed, refreshed unless ``offline``. Yields it, and what a job may use of it."""
        self._meter.begin(Phase.TRUST)
        feed, _, name = title.partition("/")
        settings = self._shared.settings
        with self._shared.feeds.open(feed, network, self._meter.cancelled, title=name, offline=offline) as opened:
            if opened.is_behind:
                text = (
                    f"What is known here of the feed {feed} is older than what was seen of it before. {title} is safe; "
                    "its next update reads the feed again."
                )
                self._emit(events.Notice(self._number, title, text))
            is_server_only = network.server_only or settings.peers == "none"
            session_for = (lambda: None) if is_server_only else self._shared.seeder.open
            yield opened, Access(opened, session_for, is_server_only, settings.download_limit_bps)

    def _reach(self, target: Target, *, only: str = "") -> Outcome:
        """Reach the target, or (``only``) say what that would take."""
        if not only and self._registry.find(target.install.title) is None:
            self._registry.put(target.install)  # a first install that is interrupted must be found again
        outcome = self._pipeline.run(target, only_plan=bool(only))
        if not only:
            with commit.unfinished():
                self._registry.put(target.install)
        return _counted(outcome, target.access)

    # ------------------------------------------------------------ operator

    def _seed(self, command: commands.Seed) -> Outcome:
        """Bring every title of the feed to its live release, and fetch the patches to it for other players."""
        outcome, room_bytes, folder = Outcome(), self._shared.packs.limit_bytes, Path(command.folder)
        with self._open(f"{command.feed}/", command.network) as (opened, access):
            self._check_size(command, opened)
            for name in opened.record.titles:
                title = f"{command.feed}/{name}"
                install = self._registry.find(title) or Installation(title, InstallFolder.at(folder / name))
                release = opened.live(name, install.channel, self._registry.install_id)
                tags = sorted({tag for part in release.parts for tag in part.tags})
                install = replace(install, tags=tuple(tags))
                if not self._is_reached(install, release):  # else its peers stay connected
                    installed = genuine.installed(self._registry, install)
                    outcome = self._reach(_target(install, release, opened, access, installed))
                room_bytes = self._seed_packs(release, opened, access, room_bytes)
        if room_bytes < 0:
            self._emit(events.Notice(self._number, "", "Not all patches fit: `shoal settings pack_cache_bytes`."))
        return outcome

    def _is_reached(self, install: Installation, release: records.Release) -> bool:
        there = genuine.proved(self._registry, install.title, install.folder.current)
        is_whole = there is not None and (there.release, there.tags) == (release, install.tags)
        return is_whole and self._is_seen(install) and not commit.pending(install.folder)

    def _check_size(self, command: commands.Seed, opened: Opened) -> None:
        """Refuse a feed that needs more than the operator allows, as far as its records say (16 KiB a file)."""
        facts = [self._shared.feeds.about(f"{command.feed}/{name}") for name in opened.record.titles]
        needed = sum(part.size_bytes for each in facts for part in each.about.parts)
        if 0 < command.max_bytes < needed:
            raise UsageError("usage.argument", f"{command.feed} needs about {needed:,} bytes.", needed_bytes=needed)

    def _seed_packs(self, release: records.Release, opened: Opened, access: Access, room_bytes: int) -> int:
        """Fetch as many packs as the cache holds; one more would be fetched again each time. Returns the room left."""
        for part, index in opened.packs(release):
            room_bytes -= index.pack_bytes if index.has_swarm else 0
            if room_bytes >= 0:
                Downloader(access, self._shared.packs, self._meter).pack(index, part)
        return room_bytes


def _target(
    install: Installation,
    release: records.Release,
    opened: Opened,
    access: Access,
    installed: Installed | None = None,
    offers: tuple[Offer, ...] | None = None,
) -> Target:
    """The target ``release``, by ``offers`` from the disk if there are any, else by those of the feed."""
    if offers is None and installed:
        documents = install.folder.current.documents(installed)
        offers = remote_offers(opened.reader, release, install.tags, installed.release, documents)
    if offers is None:
        offers = remote_offers(opened.reader, release, install.tags)
    return Target(install, release, offers, access)


def _take_defaults(source: Beneath, place: Beneath, target: Target) -> None:
    """Copy files of `defaults` parts as they are: they belong to the player."""
    for path in (e.path for o in target.offers if o.part.defaults for e in o.manifest.entries):
        if beneath.is_file(source / path):
            disk.make_folder((place / path).parent)
            with beneath.translated(source / path):
                disk.write_atomic(place / path, beneath.read(source / path))


def _folder_missing(folder: InstallFolder) -> DiskError:
    return DiskError("disk.folder_missing", f"The folder {folder} is not there.", path=str(folder))


def _counted(outcome: Outcome, access: Access) -> Outcome:
    """The outcome with the metadata that was fetched."""
    size = access.feed.origin.received.metadata_bytes if access.feed else 0
    totals = replace(outcome.totals, metadata_bytes=size)
    return replace(outcome, totals=totals, fetched=replace(outcome.fetched, metadata_bytes=size))

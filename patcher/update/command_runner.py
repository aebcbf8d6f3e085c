"""From a command to a target: which signed release, which parts, which folder, and which sources may be used."""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from patcher import beneath, config, disk
from patcher.beneath import Beneath
from patcher.content import records
from patcher.errors import BusyError, DiskError, OriginError, TrustError, UsageError
from patcher.feed.feeds import Opened, too_old
from patcher.install import commit, genuine, launch, scan
from patcher.install.commit import recover_install
from patcher.install.folder import Installed, InstallFolder, remove_own_folder
from patcher.install.registry import Installation, folder_missing
from patcher.plain import human_bytes
from patcher.protocol import commands, events
from patcher.protocol.commands import Verb
from patcher.protocol.events import Outcome, Phase, Sources
from patcher.seeding.traffic import Tally
from patcher.transfer.origin.http import Received
from patcher.update import detour, self_update
from patcher.update.download import Downloader
from patcher.update.pipeline import Pipeline, Shared
from patcher.update.preload import Preloads
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
        self._received = Received()
        self._received.resting = meter.rest
        self._tally = Tally(shared.ledger, self._fetched)
        meter.note = self._tally.note
        self._verbs: dict[Verb, Callable[[Any], Outcome]] = {
            Verb.ADD_FEED: self._add_feed,
            Verb.REFRESH_FEED: self._refresh_feed,
            Verb.REMOVE_FEED: self._remove_feed,
            Verb.INSTALL: self._install,
            Verb.PRELOAD: self._preload,
            Verb.UPDATE: self._update,
            Verb.SET_TAGS: self._set_tags,
            Verb.REPAIR: self._repair,
            Verb.ROLLBACK: self._rollback,
            Verb.MOVE: self._move,
            Verb.VERIFY: self._verify,
            Verb.UNINSTALL: self._uninstall,
            Verb.SEED: self._seed,
            Verb.SELF_UPDATE: lambda c: self._counted(self_update.run(c, self._registry, self._open, self._reach)),
        }

    def run(self, command: commands.Command) -> Outcome:
        """Carry out the command. Raises ShoalError, Cancelled."""
        with self._tally.counting(getattr(command, "title", "")):
            return self._verbs[command.verb](command)

    def _fetched(self) -> Sources:
        """All that the job has received so far."""
        received = self._received
        return replace(
            self._meter.transferred.sources,
            origin_bytes=received.content_bytes,
            metadata_bytes=received.metadata_bytes,
        )

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
            damaged, stats = scan.differences(folder.root, manifests, folder.trial, self._meter.watch)
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
            self._recover(known, command)
        if known and known.folder.current.exists:
            installed = genuine.required(self._registry, known)
            if self._is_seen(known):
                if self._resumed:  # it was interrupted when all was done
                    return Outcome(version_to=installed.release.version)
                raise UsageError("usage.already_installed", f"{command.title} is installed in {known.folder}.")
            with self._open(command.title, command.network, offline=True) as (opened, access):
                return self._reach(_target(known, installed.release, opened, access, installed), only=command.only)
        folder = InstallFolder.at(self._chosen(command))
        install = Installation(command.title, folder, command.channel, command.tags)
        genuine.check_own_place(self._registry, install)
        if command.locate:
            return self._locate(install, command)
        folder.check()
        if folder.current.exists:
            raise DiskError("disk.not_empty", f"{folder} holds an install already.", path=str(folder))
        folder.check_empty()
        config.check_place(folder.path)
        if not command.only:
            self._drop_other_try(known, install)
        with self._open(command.title, command.network) as (opened, access):
            release, preloads = self._release(install, opened), self._preloads(install)
            target = _target(install, release, opened, preloads.opened(access, release))
            return self._reach(target, only=command.only, preloads=preloads)

    def _preload(self, command: commands.Preload) -> Outcome:
        """Fetch ahead what the next release needs here, or what an install of it will need."""
        known, installed = self._registry.find(command.title), None
        if known and known.folder.current.exists:
            install, installed = self._installed(command.title, command.network)
        else:
            folder = InstallFolder.at(self._own_place(command.title))
            install = Installation(command.title, folder, command.channel, command.tags)
        with self._open(command.title, command.network) as (_, access):
            planned_bytes = self._preloads(install, installed).fetch(access, self._meter)
            before = installed.release.version if installed else ""
            return self._counted(Outcome(before, before, planned_bytes=planned_bytes))

    def _preloads(self, install: Installation, installed: Installed | None = None) -> Preloads:
        return Preloads(install, installed, self._shared.packs, self._shared.seeder)

    def _recover(self, known: Installation, command: commands.Install) -> None:
        """Finish an interrupted commit. Raises DiskError (disk.folder_missing) if only `locate` can find the title."""
        if self._registry.missing(known) and not command.locate:
            raise folder_missing(known)
        recover_install(known, self._registry, self._home, forget_foreign=command.locate)

    def _chosen(self, command: commands.Install) -> Path:
        """The folder that the player names, or the one below the games folder."""
        return config.full_path(command.folder) if command.folder else self._own_place(command.title)

    def _own_place(self, title: str) -> Path:
        return self._shared.home.title_folder(title, self._shared.settings.games_folder)

    def _is_seen(self, install: Installation) -> bool:
        """Whether its last job ended. After a kill in the commit, the files are in place but not known as verified."""
        return bool(self._registry.files_seen(install.title))

    def _drop_other_try(self, known: Installation | None, install: Installation) -> None:
        """Remove the remains of an install that was begun in another folder and abandoned."""
        if known and not known.folder.is_same(install.folder):
            known.folder.erase(self._home)
        self._registry.forget(install.title)

    def _locate(self, install: Installation, command: commands.Install) -> Outcome:
        """Adopt a folder: keep the release that it describes if the feed signed it, else bring it to the live one."""
        if not install.folder.exists:
            raise folder_missing(install)
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
        if (program := self_update.program_of(self._registry, command.title)) and not command.only:
            return self.run(commands.SelfUpdate(command.title, str(program.root), command.network))
        install, installed = self._installed(command.title, command.network)
        with self._open(command.title, command.network) as (opened, whole):
            if command.only != "check":
                self._fetch_manifests(install, installed, opened)
            release = self._release(install, opened, command.version, installed.release.sequence)
            is_news, is_seen = release.sequence != installed.release.sequence, self._is_seen(install)
            is_interrupted = beneath.exists(install.folder.staging) or not is_seen
            preloads = self._preloads(install, installed)
            if command.only == "check" or not (is_news or is_interrupted):
                if not command.only:  # a power cut may have brought them back
                    preloads.end_old(whole, release.sequence)
                return self._counted(Outcome(installed.release.version, release.version, work_left=is_news))
            access = preloads.opened(whole, release)
            # without files known as verified, planning a detour would read every byte
            target = detour.find(install, installed, release, opened, access) if is_seen else None
            target = target or _target(install, release, opened, access, installed)
            return self._reach(target, only=command.only, preloads=preloads)

    def _set_tags(self, command: commands.SetTags) -> Outcome:
        install, installed = self._installed(command.title, command.network)
        with self._open(command.title, command.network) as (opened, access):
            self._fetch_manifests(install, installed, opened)
            chosen = replace(install, tags=command.tags)
            return self._reach(_target(chosen, installed.release, opened, access, installed), only=command.only)

    def _release(self, install: Installation, opened: Opened, version: str = "", has: int = 0) -> records.Release:
        name = install.title.partition("/")[2]
        if version:
            return opened.version(name, version, install.channel)
        return opened.live(name, install.channel, self._registry.install_id, has)

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
            self._fetch_manifests(install, installed, opened)
            if not command.confirmed and not opened.allows(before.release, install.channel, unknown=False):
                raise too_old("trust.step_back", before.release, install.channel)
            mine, offers = replace(install, tags=before.tags), local_offers(before, previous)
            return self._reach(_target(mine, before.release, opened, access, installed, offers), only=command.only)

    def _move(self, command: commands.Move) -> Outcome:
        install, installed = self._installed(command.title)
        self._empty_left(install)
        here, there = install.folder, InstallFolder.at(config.full_path(command.folder))
        if here.is_same(there):  # under another name, or it was interrupted when it had moved
            self._registry.put(replace(install, folder=there))
            return Outcome(installed.release.version, installed.release.version)
        if name := launch.running(here.path):
            raise BusyError("busy.running", f"{command.title} is running ({name}).", title=command.title)
        moved = replace(install, folder=there)
        there.check()
        genuine.check_own_place(self._registry, moved)
        recover_install(moved, self._registry, self._home)
        arrived = genuine.proved(self._registry, command.title, there.current)
        if arrived is None or arrived.release != installed.release:  # else it was interrupted when it had nearly moved
            there.check_empty()
            config.check_place(there.path)
        with self._open(command.title, command.network, offline=True) as (opened, access):
            self._fetch_manifests(install, installed, opened)
            offers, old = local_offers(installed, here.current), here.current.manifests(installed)
            target = _target(moved, installed.release, opened, access, None, offers)
            with self._shared.seeder.holding(command.title):
                with here.locked(self._home):
                    outcome = self._pipeline.run(replace(target, borrow=((here.root, tuple(old.values())),)))
                    _take_defaults(here.root, InstallFolder.at(there.path).root, target)
                    self._registry.put(moved, left=here)  # it is where it was until it has moved
                self._empty_left(moved)
            return self._counted(outcome)

    def _empty_left(self, install: Installation) -> None:
        """Empty the folder that the title moved out of, also after a move that was interrupted."""
        left = self._registry.left(install.title)
        if left and left.exists and not any(left.is_same(other.folder) for other in self._registry.installs()):
            recover_install(replace(install, folder=left), self._registry, self._home)
            self._pipeline.run(_nothing_in(replace(install, folder=left)))
            self._erase(left)
        self._registry.clear_left(install.title)

    def _uninstall(self, command: commands.Uninstall) -> Outcome:
        known, outcome = self._registry.find(command.title), Outcome()
        if command.forget:
            return self._forget(command.title)
        if known:
            recover_install(known, self._registry, self._home)
            self._empty_left(known)
        if known and not known.folder.current.exists and not self._registry.missing(known):
            self._erase(known.folder)  # a first install was abandoned, or an uninstall interrupted
        else:
            install = self._place(command.title)
            self._say_which_stay(install)
            outcome = self._pipeline.run(_nothing_in(install))
            self._preloads(install).end()
            self._registry.note_removed(install.title)  # or its folder, once it is gone, would be a missing one
            self._erase(install.folder)
        self._registry.clear_download(command.title)
        self._registry.forget(command.title)
        return outcome

    def _forget(self, title: str) -> Outcome:
        """Forget a title whose folder is not there. Raises UsageError (usage.argument) if it is."""
        install = self._registry.find(title)
        if install and not self._registry.missing(install):
            text = f"{title} is in {install.folder}, so it is uninstalled and not forgotten."
            raise UsageError("usage.argument", text, title=title, path=str(install.folder))
        self._registry.forget(title)
        return Outcome()

    def _say_which_stay(self, install: Installation) -> None:
        """Tell the player about files of the title that an uninstall cannot know, as a manifest is damaged."""
        installed = genuine.installed(self._registry, install)
        parts = installed.parts if installed else ()
        if lost := [part.name for part in parts if install.folder.current.manifest_data(part.manifest) is None]:
            text = f"The list of files of {', '.join(lost)} is damaged, so these files stay in {install.folder}."
            self._emit(events.Notice(self._number, install.title, text))

    def _erase(self, folder: InstallFolder) -> None:
        """Remove ``.shoal``, and the folder if it is empty, durably."""
        folder.erase(self._home)
        if folder.exists:
            disk.sync_folder(folder.root)
            if not beneath.entries(folder.root):
                remove_own_folder(folder.path)
                disk.sync_folder(folder.path.parent)

    # ------------------------------------------------------------ what they share

    def _place(self, title: str, *, forget_foreign: bool = False) -> Installation:
        """Find the title's folder, and finish an interrupted commit in it.

        Raises UsageError (usage.not_installed), DiskError (disk.folder_missing), and what `recover_install` raises.
        """
        install = self._registry.required(title)
        install.folder.check()
        recover_install(install, self._registry, self._home, forget_foreign=forget_foreign)
        if genuine.restore(self._registry, install, self._home):
            text = (
                f"What {install.folder} said of itself was damaged. It is written anew, and every file is read again."
            )
            self._emit(events.Notice(self._number, title, text))
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

    def _fetch_manifests(self, install: Installation, installed: Installed, opened: Opened) -> None:
        """Fetch the manifests of the release in place that are damaged, since they say which files are ours.

        Raises what `Reader.manifest` raises, BusyError, DiskError.
        """
        lost = [part for part in installed.parts if install.folder.current.manifest_data(part.manifest) is None]
        for part in lost:
            document = opened.reader.manifest(part, None, None)
            with install.folder.locked(self._home) as mine:
                mine.current.put_manifest(part.manifest, document)
            text = f"The list of files of the part {part.name} was damaged in {install.folder}. It was fetched again."
            self._emit(events.Notice(self._number, install.title, text))

    @contextmanager
    def _open(self, title: str, network: commands.Network, *, offline: bool = False) -> Iterator[tuple[Opened, Access]]:
        """Open the title's feed, refreshed unless ``offline``. Yields it, and what a job may use of it."""
        self._meter.begin(Phase.TRUST)
        feed, _, name = title.partition("/")
        settings = self._shared.settings
        question = (feed, network, self._meter.cancelled)
        with self._shared.feeds.open(*question, title=name, offline=offline, received=self._received) as opened:
            if opened.is_behind:
                text = (
                    f"What is known here of the feed {feed} is older than what was seen of it before. {title} is safe; "
                    "its next update reads the feed again."
                )
                self._emit(events.Notice(self._number, title, text))
            is_server_only = network.server_only or settings.peers == "none"
            session_for = (lambda: None) if is_server_only else self._shared.seeder.open
            yield opened, Access(opened, session_for, is_server_only, self._shared.seeder.download_limit)

    def _reach(self, target: Target, *, only: str = "", preloads: Preloads | None = None) -> Outcome:
        """Reach the target, or (``only``) say what that would take. ``preloads`` are not needed any more then."""
        if not only and self._registry.find(target.install.title) is None:
            self._registry.put(target.install)  # a first install that is interrupted must be found again
        outcome = self._pipeline.run(target, only_plan=bool(only))
        if not only:
            with commit.unfinished():
                self._registry.put(target.install)
            if preloads and target.release:
                preloads.end_old(target.access, target.release.sequence)
        return self._counted(outcome)

    def _counted(self, outcome: Outcome) -> Outcome:
        """The outcome with all that was fetched."""
        fetched = self._fetched()
        return replace(outcome, totals=replace(outcome.totals, metadata_bytes=fetched.metadata_bytes), fetched=fetched)

    # ------------------------------------------------------------ operator

    def _seed(self, command: commands.Seed) -> Outcome:
        """Bring every title of the feed to its live release, and fetch the patches to it for other players."""
        outcome, room_bytes, folder = Outcome(), self._shared.packs.limit_bytes, config.full_path(command.folder)
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
                    with self._tally.counting(title):
                        outcome = self._reach(_target(install, release, opened, access, installed))
                with self._tally.counting(title):
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
            raise UsageError(
                "usage.argument", f"{command.feed} needs about {human_bytes(needed)}.", needed_bytes=needed
            )

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


def _nothing_in(install: Installation) -> Target:
    """The empty list of parts, which needs neither trust nor network."""
    return Target(install, None, (), Access())


def _take_defaults(source: Beneath, place: Beneath, target: Target) -> None:
    """Copy files of `defaults` parts as they are: they belong to the player."""
    for path in (e.path for o in target.offers if o.part.defaults for e in o.manifest.entries):
        if beneath.is_file(source / path):
            disk.make_folder((place / path).parent)
            with beneath.translated(source / path):
                disk.write_atomic(place / path, beneath.read(source / path))

"""From a target to its commit: scan → plan → download and stage → verify → commit. Install, update, repair, rollback,
a change of parts, move and uninstall all run through it, each with another `Target`.

Data flows one way, with one exception: if a local file turns out not to have the content it seemed to have, or no
source has a pack, the pipeline scans and plans once more without it. A job is done only after the final verify.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from patcher import beneath, disk
from patcher.beneath import Where
from patcher.config import Home, Settings
from patcher.content.manifest import Manifest
from patcher.errors import BusyError, Cancelled, ContentError, DiskError, Missing, OriginError, TrustError
from patcher.feed.feeds import Feeds
from patcher.install import commit, genuine, launch, previous, scan
from patcher.install.folder import Installed, InstallFolder, NewPart
from patcher.install.names import Names
from patcher.install.registry import Installation, Registry
from patcher.install.scan import Seen
from patcher.plain import human_bytes
from patcher.protocol.events import Outcome, Phase, Planned
from patcher.seeding.pack_cache import Packs
from patcher.seeding.seeder import Seeder
from patcher.seeding.traffic import Ledger
from patcher.update import detour
from patcher.update.detour import Route
from patcher.update.download import Downloader
from patcher.update.planning import plan as planning
from patcher.update.planning.local_search import LocalSearch
from patcher.update.planning.plan import Plan, Work
from patcher.update.progress import Meter
from patcher.update.staging import Stage, prune
from patcher.update.target import Target, complete

_TRIES = 4
"""So often one target is planned and staged before the last error counts."""
_LINE_BYTES = 100
"""More than a file of the journal needs besides its path."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The parts of an engine that all its jobs share."""

    home: Home
    settings: Settings
    registry: Registry
    ledger: Ledger
    packs: Packs
    feeds: Feeds
    seeder: Seeder


@dataclass(frozen=True, slots=True)
class _Here:
    """What is in the install folder and beside it. One scan serves the plans of several targets."""

    folder: InstallFolder
    installed: Installed | None
    old: Mapping[str, Manifest]
    """The manifests of the release in place, by part."""
    ours: Sequence[Manifest]
    """Those whose files belong to the publisher, not to the player (`defaults`)."""
    found: scan.Found = field(default_factory=scan.Found)
    sources: Mapping[bytes, Where] = field(default_factory=dict)
    """Root to a file of the release before, or of a borrowed folder."""
    staged: Mapping[bytes, bytes] = field(default_factory=dict)
    """Root to the leaves of what staging holds."""


class Pipeline:
    """Reaches the targets of one command. Every method raises Cancelled between two files at the latest."""

    def __init__(self, shared: Shared, number: int, meter: Meter, emit: Callable[[Planned], None]) -> None:
        self._shared, self._number, self._meter, self._emit = shared, number, meter, emit
        self._registry = shared.registry
        self._started_s = time.monotonic()
        self._goal = ""
        self._distrusted: set[bytes] = set()
        """Roots that a copy or an old file turned out not to have."""
        self._gone: set[bytes] = set()
        """Roots of old files that the origin turned out not to have."""

    # ------------------------------------------------------------ the pipeline

    def run(self, target: Target, *, only_plan: bool = False) -> Outcome:
        """Reach the target, or (``only_plan``) say what that would take.

        Raises DiskError before the download when there is not enough room, BusyError while the title runs.
        """
        alone = contextlib.nullcontext(target.install.folder) if only_plan else self._alone(target.install)
        with beneath.translated(target.install.folder.root), alone as folder, beneath.kept_open():
            here = self._scan(folder, target)
            route = self._on_drives(folder, detour.route(target, partial(self._plan, here)))
            outcome = Outcome(
                version_from=here.installed.release.version if here.installed else "",
                version_to=target.release.version if target.release else "",
                planned_bytes=route.totals.fetch_bytes,
                peak_extra_bytes=route.totals.peak_extra_bytes,
                totals=route.totals,
                via=route.via,
            )
            if target.release:
                versions = (outcome.version_from, outcome.version_to)
                self._emit(Planned(self._number, target.install.title, *versions, route.totals, route.via))
            if only_plan:
                return outcome
            with self._counting_on(target.install, outcome.version_to):
                plans = [self._reach(here, route.work, route.totals.fetch_bytes - route.work.plan.totals.fetch_bytes)]
                if route.then:
                    here = self._scan(folder, route.then)
                    plans.append(self._reach(here, self._plan(here, route.then)))
            return self._finished(outcome, plans)

    def _on_drives(self, folder: InstallFolder, route: Route) -> Route:
        """The route with the space that packs take counted apart only if that is on another drive."""
        if disk.is_same_volume(folder.path, self._shared.packs.folder):
            return replace(route, totals=replace(route.totals, home_bytes=0))
        return route

    @contextlib.contextmanager
    def _counting_on(self, install: Installation, version: str) -> Iterator[None]:
        """Count what an earlier run on the way to this version downloaded; if this one ends early, remember how far."""
        self._goal = " ".join((version, *install.tags))
        goal, *counts = self._registry.downloads().get(install.title, ("", 0, 0))
        self._meter.downloaded = (counts[0], counts[1]) if goal == self._goal else (0, 0)
        try:
            yield
        except BaseException:
            self._note_download(install)
            raise
        with contextlib.suppress(DiskError):  # the job is done
            self._registry.clear_download(install.title)

    def _note_download(self, install: Installation) -> None:
        if self._meter.downloaded[1]:
            with contextlib.suppress(DiskError):  # then the next run shows only its own share
                self._registry.note_download(install.title, self._goal, *self._meter.downloaded)

    def _reach(self, here: _Here, work: Work, later_bytes: int = 0) -> Plan:
        """Stage, verify and commit; plan again when a source turns out to be bad or out of reach.

        ``later_bytes``: what the command downloads after this.
        """
        for tries_left in reversed(range(_TRIES)):
            prune(here.folder.staging, work.plan)
            self._check_room(here.folder, work.plan)
            if not work.target.release:
                self._make_room_to_remove(here)
            commit.check_disk(here.folder, planning.change(work.plan, here.ours, work.have, ()))
            try:
                layers, stats = self._stage(here, work, later_bytes)
            except (ContentError, OriginError) as error:
                is_open = work.plan.patches or work.plan.mends or isinstance(error, ContentError)
                if not tries_left or not is_open:
                    raise
                here, work = self._again(here, work, error)
            except DiskError as error:
                if error.code == "disk.full":
                    self._say_what_is_missing(here, work.target)
                raise
            else:
                self._commit(here, work, layers, stats)
                return work.plan
        raise AssertionError("unreachable")

    def _again(self, here: _Here, work: Work, error: ContentError | OriginError) -> tuple[_Here, Work]:
        """Scan and plan again without what failed: every installed file is read, or no patch is used."""
        target = work.target
        if target.access.feed:
            target.access.feed.origin.shelf = None
        root = bytes.fromhex(str(error.facts.get("root", "")))
        self._distrusted.add(root)
        if work.plan.mends:
            target = replace(target, mend=False)
        lost = {restore.content.root for restore in work.plan.restores if restore.missing}
        if isinstance(error, Missing) and root in lost:  # where one is gone, the others are
            self._gone |= lost
        elif isinstance(error, OriginError) or target.full_scan:
            target = replace(target, offers=tuple(replace(offer, patch=None) for offer in target.offers))
        target = replace(target, full_scan=target.full_scan or isinstance(error, ContentError))
        here = self._scanned(here, target)
        return here, self._plan(here, target)

    def _say_what_is_missing(self, here: _Here, target: Target) -> None:
        """Plan for a drive that has become full meanwhile. Raises DiskError with the amounts when it is still full."""
        here = self._scanned(here, target)
        self._check_room(here.folder, self._plan(here, target).plan)

    def _make_room_to_remove(self, here: _Here) -> None:
        """Remove large files of a title that is given up until the journal of the others has room on a full drive."""
        entries = sorted((e for m in here.ours for e in m.entries), key=lambda entry: entry.size_bytes, reverse=True)
        needed = commit.ROOM_BYTES + sum(_LINE_BYTES + 4 * len(entry.path.encode()) for entry in entries)
        for entry in entries:
            if disk.free_bytes(here.folder.path) >= needed:
                return
            if beneath.exists(here.folder.root / entry.path):
                disk.remove(here.folder.root / entry.path)

    @contextlib.contextmanager
    def _alone(self, install: Installation) -> Iterator[InstallFolder]:
        """Keep the swarm, other Shoals and players away from the title's files, and finish an interrupted commit."""
        with self._shared.seeder.holding(install.title), install.folder.locked(self._shared.home.root) as folder:
            commit.recover_locked(folder, install.title, self._registry)
            if name := launch.running(install.folder.path):
                raise BusyError("busy.running", f"{install.title} is running ({name}).", title=install.title)
            yield folder

    # ------------------------------------------------------------ scan and plan

    def _scan(self, folder: InstallFolder, target: Target) -> _Here:
        """Read the folder's description of itself, and look at its files."""
        installed = genuine.installed(self._registry, replace(target.install, folder=folder))
        old = folder.current.manifests(installed, target.manifests) if installed else {}
        ours = installed.released(old) if installed else []
        if target.mend:  # the release is the one in place, although its manifests may be damaged
            ours = target.released
        return self._scanned(_Here(folder, installed, old, ours), target)

    def _scanned(self, here: _Here, target: Target) -> _Here:
        entries = [entry for m in here.ours for entry in m.entries]
        self._meter.begin(Phase.SCAN, sum(entry.size_bytes for entry in entries) if target.full_scan else 0)
        known = None if target.full_scan else self._registry.files_seen(target.install.title)
        found = scan.installed(here.folder.root, entries, known, self._meter.watch)
        new = [offer.manifest for each in (target, *(target.detour or ())) for offer in each.offers]
        # old files, too: an earlier job may have restored some in staging
        usable = (entry for m in (*here.ours, *new) for entry in m.entries)
        wanted = {entry.root for entry in usable if entry.root and found.intact.get(entry.path) != entry.root}
        staged = scan.staging(here.folder.staging, wanted, self._meter.watch)
        sources = self._sources(here.folder, target) if wanted else {}  # it reads a manifest and looks for each file
        return replace(here, found=found, sources=sources, staged=staged)

    def _sources(self, folder: InstallFolder, target: Target) -> dict[bytes, Where]:
        sources: dict[bytes, Where] = {}
        with contextlib.suppress(TrustError):
            if before := genuine.proved(self._registry, target.install.title, folder.previous):
                sources.update(scan.sources_in(folder.previous_files, folder.previous.manifests(before).values()))
        for other, manifests in target.borrow:
            sources.update(scan.sources_in(other, manifests))
        return sources

    def _plan(self, here: _Here, target: Target) -> Work:
        have = self._have(here, target)
        self._meter.begin(Phase.PLAN)
        search = LocalSearch(here.folder, target, here.ours, have, self._meter)
        mends = search.mends()
        found = search.rebuilds(mend.path for mend in mends)
        plan = planning.make(
            target.offers, here.ours, have, mends, found,
            server_only=target.access.server_only, complete=partial(complete, target),
        )  # fmt: skip
        return Work(replace(target, offers=plan.offers), have, plan)

    def _have(self, here: _Here, target: Target) -> scan.Have:
        """What a plan may build from. Raises DiskError (disk.in_the_way) for files that are not ours in new places."""
        folder, found = here.folder.root, here.found
        mine = Names(folder, (path for m in here.ours for path in m.paths))
        way = scan.conflicts(folder, target.released, mine, self._meter.watch)
        if way.modified and not target.adopt:
            raise DiskError(
                "disk.in_the_way",
                f"Files that are not ours are where new ones must go: {', '.join(way.modified[:5])}.",
                path=way.modified[0],
                files=len(way.modified),
            )
        intact = {**found.intact, **way.intact}
        others = {root: path for root, path in here.sources.items() if root not in self._distrusted}
        defaults = (e.path for o in target.offers if o.part.defaults for e in o.manifest.entries)
        entries = (entry for offer in target.offers for entry in offer.manifest.entries)
        here_already = {*intact, *found.modified}
        links = scan.links(folder, [offer.manifest for offer in target.offers], here.folder.trial)
        return scan.Have(
            intact,
            {**found.stats, **way.stats},
            scan.LocalSources(folder, intact, others),
            here.staged,
            scan.room(here.folder.staging, here.staged),
            modified=tuple(sorted((*found.modified, *way.modified))),
            missing=found.missing,
            gone=frozenset(self._gone),
            defaults=frozenset(p for p in defaults if beneath.exists(folder / p) and not mine.respelled(p)),
            executable=scan.executable(folder, [e for e in entries if e.path in here_already], here.folder.trial),
            links={path: to for path, to in links.items() if not mine.respelled(path)},
        )

    def _check_room(self, folder: InstallFolder, plan: Plan) -> None:
        """Make room on the drives of the install and of the packs, and see that it is enough. Raises DiskError."""
        packs, previous = self._shared.packs, folder.previous.folder
        here_bytes, home_bytes = plan.totals.peak_extra_bytes - plan.totals.home_bytes, packs.needed_bytes(plan.packs)
        drives = {folder.path: here_bytes, packs.folder: home_bytes}
        if not home_bytes or disk.is_same_volume(folder.path, packs.folder):
            drives = {folder.path: here_bytes + home_bytes}
        is_used = any(beneath.path_of(source).is_relative_to(previous.path) for source in plan.sources)
        if drives[folder.path] + commit.ROOM_BYTES > disk.free_bytes(folder.path) and not is_used:
            disk.remove_tree(previous)
        if plan.files or plan.offers:
            drives[folder.path] += commit.ROOM_BYTES
        *_, with_packs = drives
        if (missing := drives[with_packs] - disk.free_bytes(with_packs)) > 0 and home_bytes:
            self._shared.seeder.drop_packs(missing, keep=plan.packs)
        for place, needed in drives.items():
            if needed > (free := disk.free_bytes(place)):
                raise DiskError(
                    "disk.full",
                    f"{place} needs {human_bytes(needed)} of space and has {human_bytes(free)}: "
                    f"{human_bytes(needed - free)} are missing.",
                    path=str(place),
                    needed_bytes=needed,
                    free_bytes=free,
                )

    # ------------------------------------------------------------ download, stage, verify

    def _stage(self, here: _Here, work: Work, later_bytes: int) -> tuple[dict[bytes, bytes], dict[str, Seen]]:
        """Put every new file together and verify it. Returns what `Stage.verify` does."""
        plan = work.plan
        stage = Stage(here.folder, work.have.sources, self._meter.watch)
        if plan.local_bytes:
            self._meter.begin(Phase.STAGE, plan.local_bytes)
            stage.take(plan)
        done_bytes = 0
        if plan.totals.fetch_bytes:
            done_bytes = self._meter.begin_download(plan.totals.fetch_bytes + later_bytes)
            self._note_download(work.target.install)
        if plan.needs_bytes:
            downloader = Downloader(work.target.access, self._shared.packs, self._meter)
            downloader.take_steps(plan, stage, work.have.intact, done_bytes)
        stage.duplicate(plan.files)
        self._meter.begin(Phase.VERIFY, sum(file.size_bytes for file in plan.files))
        return stage.verify(plan)

    # ------------------------------------------------------------ commit

    def _commit(self, here: _Here, work: Work, layers: Mapping[bytes, bytes], stats: Mapping[str, Seen]) -> None:
        """Make what is staged the installed release. ``layers``, ``stats``: what `Stage.verify` returned."""
        target, folder, title = work.target, here.folder, work.target.install.title
        parts = [NewPart(o.part, o.document, o.manifest, o.layers) for o in target.offers]
        meta = folder.stage_documents(target.installed, parts, layers, here.old, self._meter.watch)
        change = planning.change(work.plan, here.ours, work.have, meta)
        self._meter.begin(Phase.COMMIT, _moved_bytes(work.plan, here.ours, change))
        if target.release:
            self._registry.note_signed(title, target.release, placed=True)
        if commit.changes_nothing(folder, change):
            disk.remove_tree(folder.staging)
            disk.sync_folder(folder.state)
        else:
            with self._unseen(folder, title):
                note_journal = partial(self._registry.note_journal, title)
                commit.commit(folder, change, _keep_bytes(here, target), note_journal, self._meter.watch)
        now = {**work.have.stats, **stats}
        released = [entry for m in target.released for entry in m.entries]
        found = scan.installed(folder.root, released, now, lambda *_: None)  # some disks change what a stat says
        if target.release:
            with commit.unfinished():
                self._registry.note_seen(title, found.stats)
        if changed := sorted((*found.modified, *found.missing)):
            text = f"{changed[0]} was changed while the update ran."
            raise DiskError("disk.modified", text, path=changed[0], files=len(changed))

    @contextlib.contextmanager
    def _unseen(self, folder: InstallFolder, title: str) -> Iterator[None]:
        """Forget which files are verified while they change, so that the job after a kill reads them."""
        known = self._registry.files_seen(title)
        self._registry.note_seen(title, {})
        try:
            yield
        except (Cancelled, DiskError):
            if not commit.pending(folder):
                with contextlib.suppress(DiskError):  # then the next job reads them, too
                    self._registry.note_seen(title, known)
            raise

    def _finished(self, outcome: Outcome, plans: Sequence[Plan]) -> Outcome:
        return replace(
            outcome,
            fetched=self._meter.transferred.sources,
            uploaded_bytes=self._meter.transferred.uploaded_bytes,
            written_bytes=sum(file.size_bytes for plan in plans for file in plan.files)
            + sum(mend.rebuild.fetch_bytes for plan in plans for mend in plan.mends),
            seconds=round(time.monotonic() - self._started_s, 3),
            reused_bytes=sum(plan.reused_bytes for plan in plans),
        )


def _keep_bytes(here: _Here, target: Target) -> int | None:
    """How much of the release in place is kept for a step back; None if the target is that very release."""
    before, after = here.installed, target.release
    if before and after and before.release.sequence == after.sequence:
        return None
    return previous.most_kept_bytes(sum(offer.manifest.size_bytes for offer in target.offers))


def _moved_bytes(plan: Plan, ours: Sequence[Manifest], change: commit.Change) -> int:
    """The bytes that a commit puts in place, and those that leave their place."""
    leaving = {*change.remove, *(file.path for file in plan.files)}
    gone_bytes = sum(entry.size_bytes for m in ours for entry in m.entries if entry.path in leaving)
    return gone_bytes + sum(file.size_bytes for file in plan.files)

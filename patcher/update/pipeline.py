"""The pipeline: scan → plan → fetch and stage → verify → commit. Install, update, repair, rollback, a change of parts,
move and uninstall are all this, with another `Target`.

Data flows one way, with one exception: when a local byte turns out not to be what it seemed, or a pack cannot be had
from anywhere, the job scans and plans once more without it. A job is done only after the final verify.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from patcher import beneath, disk
from patcher.beneath import Beneath, Where
from patcher.content import merkle
from patcher.content.manifest import Entry, Manifest
from patcher.errors import BusyError, ContentError, DiskError, Missing, OriginError, TrustError
from patcher.install import commit, genuine, launch, scan
from patcher.install.folder import Installed, InstallFolder, NewPart
from patcher.install.registry import Installation, Registry
from patcher.install.scan import Seen, seen
from patcher.protocol.events import Outcome, Phase, Planned
from patcher.seeding.pack_cache import Packs
from patcher.seeding.seeder import Seeder
from patcher.update import offers
from patcher.update import plan as planning
from patcher.update.download import Downloader
from patcher.update.local_search import LocalSearch
from patcher.update.plan import Plan
from patcher.update.progress import Meter
from patcher.update.staging import Stage
from patcher.update.target import Target

_TRIES = 4
_PREVIOUS_BYTES = 5_000_000_000
_PREVIOUS_SHARE = 10
_DEAR_BYTES = 1 << 20
"""Old files come as they are, new ones packed: to put back more than this is worth a look at the full pack's index."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be staged."""

    target: Target
    have: scan.Have
    plan: Plan


@dataclass(frozen=True, slots=True)
class _Staged:
    """What is staged and verified: layers by root, and the stat of each file by the path it will have."""

    target: Target
    have: scan.Have
    plan: Plan
    stage: Stage
    layers: dict[bytes, bytes]
    stats: dict[str, Seen]


class Job:
    """The pipeline; a command may run it twice. Every method raises Cancelled between two files at the latest."""

    def __init__(
        self,
        number: int,
        home: Path,
        registry: Registry,
        packs: Packs,
        seeder: Seeder,
        meter: Meter,
        emit: Callable[[Planned], None],
    ) -> None:
        self._number, self._home, self._registry, self._packs, self._seeder = number, home, registry, packs, seeder
        self._meter, self._emit = meter, emit
        self._started_s = time.monotonic()
        self._distrusted: set[bytes] = set()
        """Roots that a copy or an old file turned out not to have."""
        self._gone: set[bytes] = set()
        """Roots of old files that the origin turned out not to have."""

    # ------------------------------------------------------------ the pipeline

    def run(self, target: Target, *, only_plan: bool = False) -> Outcome:
        """Reach the target, or (``only_plan``) say what that would take.

        Raises DiskError before the download when there is not enough room, BusyError while the title runs.
        """
        here = contextlib.nullcontext(target.install.folder) if only_plan else self._alone(target.install)
        with beneath.translated(target.install.folder.root), here as self._folder, beneath.kept_open():
            return self._reach(target, only_plan=only_plan)

    def _reach(self, target: Target, *, only_plan: bool) -> Outcome:
        current = self._folder.current
        installed = genuine.installed(self._registry, replace(target.install, folder=self._folder))
        old = current.manifests(installed) if installed else {}
        ours = [m for part, m in old.items() if installed and not _is_defaults(installed, part)]
        if target.mend:  # the release is the one that is there, whatever became of its manifests
            ours = [offer.manifest for offer in target.offers if not offer.part.defaults]
        have, plan, target = self._plan(target, ours)
        outcome = Outcome(
            version_from=installed.release.version if installed else "",
            version_to=target.release.version if target.release else "",
            planned_bytes=plan.totals.fetch_bytes,
            peak_extra_bytes=plan.totals.peak_extra_bytes,
            totals=plan.totals,
        )
        if target.release:
            self._emit(
                Planned(self._number, target.install.title, outcome.version_from, outcome.version_to, plan.totals)
            )
        if only_plan:
            return outcome
        self._check_room(plan)
        done = self._stage(_Work(target, have, plan), ours)
        target = done.target
        parts = [NewPart(o.part, o.document, o.manifest, o.layers) for o in target.offers]
        meta = self._folder.stage_documents(target.installed, parts, done.layers, old, self._meter.watch)
        self._commit(done, ours, meta)
        return self._finished(outcome, done.plan)

    def verify(self, install: Installation) -> Outcome:
        """Read every installed byte. ``files`` of the outcome are those that are not as released."""
        folder = install.folder
        installed = genuine.required(self._registry, install)
        found_here = folder.current.manifests(installed)
        manifests = [m for part, m in found_here.items() if not _is_defaults(installed, part)]
        entries = [entry for m in manifests for entry in m.entries]
        self._meter.begin(Phase.SCAN, sum(entry.size_bytes for entry in entries))
        found = scan.installed(folder.root, entries, None, self._meter.watch)
        damaged = {*found.modified, *found.missing, *_wrong_modes(folder.root, manifests, found.intact)}
        links = scan.links(folder.root, manifests)
        damaged |= {path for m in manifests for path, target in m.links if links.get(path) != target}
        if len(manifests) < sum(not part.defaults for part in installed.parts):
            damaged.add(folder.current.manifests_folder.name)
        if not damaged:  # whatever touched the files, they may be offered again
            self._registry.note_seen(install.title, found.stats)
            self._seeder.renew(install.title)
        version = installed.release.version
        return Outcome(version, version, work_left=bool(damaged), files=tuple(sorted(damaged)), seconds=self._seconds())

    # ------------------------------------------------------------ scan and plan

    @contextlib.contextmanager
    def _alone(self, install: Installation) -> Iterator[InstallFolder]:
        """Nobody else has the title's files: no swarm, no other Shoal, no interrupted commit, no player."""
        with self._seeder.holding(install.title), install.folder.locked(self._home) as folder:
            _recover(folder, install.title, self._registry)
            if name := launch.running(install.folder.path):
                raise BusyError("busy.running", f"{install.title} is running ({name}).", title=install.title)
            yield folder

    def _plan(self, target: Target, ours: Sequence[Manifest]) -> tuple[scan.Have, Plan, Target]:
        have = self._scan(target, ours)
        self._meter.begin(Phase.PLAN)
        server_only = target.network.server_only
        finder = LocalSearch(self._folder, target, ours, have, self._meter)
        mends = finder.mends()
        found = finder.rebuilds(mend.path for mend in mends)
        plan = planning.make(target.offers, ours, have, mends, found, server_only=server_only)
        parts = _in_need_of_layers(target, have, plan)
        if parts and target.network.reader and target.release:
            completed = offers.complete(target.network.reader, target.release, target.offers, parts)
            target = replace(target, offers=tuple(completed))
            plan = planning.make(target.offers, ours, have, mends, found, server_only=server_only)
        return have, plan, target

    def _scan(self, target: Target, ours: Sequence[Manifest]) -> scan.Have:
        folder, watch = self._folder.root, self._meter.watch
        entries = [entry for m in ours for entry in m.entries]
        self._meter.begin(Phase.SCAN, sum(entry.size_bytes for entry in entries) if target.full_scan else 0)
        known = None if target.full_scan else self._registry.files_seen(target.install.title)
        found = scan.installed(folder, entries, known, watch)
        released = [entry for offer in target.offers if not offer.part.defaults for entry in offer.manifest.entries]
        given = [entry for offer in target.offers if offer.part.defaults for entry in offer.manifest.entries]
        mine = {entry.path for entry in entries} | {path for m in ours for path, _ in m.links}
        way = scan.conflicts(folder, [o.manifest for o in target.offers if not o.part.defaults], mine, watch)
        if way.modified and not target.adopt:
            raise DiskError(
                "disk.in_the_way",
                f"Files that are not ours are where new ones must go: {', '.join(way.modified[:5])}.",
                path=way.modified[0],
                files=len(way.modified),
            )
        intact = {**found.intact, **way.intact}
        sources = {root: path for root, path in self._sources(target).items() if root not in self._distrusted}
        sources.update({root: folder / path for path, root in intact.items() if root})
        everything = (*released, *given, *entries)  # an older job may also have put old files back
        wanted = {entry.root for entry in everything if entry.root and intact.get(entry.path) != entry.root}
        manifests = [offer.manifest for offer in target.offers]
        return scan.Have(
            intact,
            {**found.stats, **way.stats},
            sources,
            scan.staging(self._folder.staging, wanted, watch),
            modified=tuple(sorted((*found.modified, *way.modified))),
            missing=found.missing,
            gone=frozenset(self._gone),
            defaults=frozenset(entry.path for entry in given if beneath.exists(folder / entry.path)),
            executable=scan.executable(folder, (*intact, *found.modified)),
            links=scan.links(folder, [*ours, *manifests]),
        )

    def _sources(self, target: Target) -> dict[bytes, Where]:
        sources: dict[bytes, Where] = {}
        previous = self._folder.previous
        with contextlib.suppress(TrustError):
            if before := genuine.proved(self._registry, target.install.title, previous):
                sources.update(scan.sources_in(self._folder.previous_files, previous.manifests(before).values()))
        for folder, manifests in target.borrow:
            sources.update(scan.sources_in(folder, manifests))
        return sources

    def _check_room(self, plan: Plan) -> None:
        folder, needed, previous = self._folder.path, plan.totals.peak_extra_bytes, self._folder.previous.folder
        is_used = any(beneath.path_of(source).is_relative_to(previous.path) for source in plan.sources)
        if needed > disk.free_bytes(folder) and not is_used:
            disk.remove_tree(previous)
        if needed > (free := disk.free_bytes(folder)):
            raise DiskError(
                "disk.full",
                f"{folder} needs {needed:,} bytes of space and has {free:,}.",
                path=str(folder),
                needed_bytes=needed,
                free_bytes=free,
            )

    # ------------------------------------------------------------ fetch and stage

    def _stage(self, work: "_Work", ours: Sequence[Manifest]) -> "_Staged":
        """Stage and verify everything, planning again when a source turns out to be bad or out of reach."""
        for tries_left in reversed(range(_TRIES)):
            stage = Stage(self._folder, work.have.sources, self._meter.watch)
            try:
                self._fill(work, stage)
                self._meter.begin(Phase.VERIFY, sum(place.size_bytes for place in work.plan.places))
                layers, stats = stage.verify(work.plan, _piece_bytes(work.target))
                return _Staged(work.target, work.have, work.plan, stage, layers, stats)
            except (ContentError, OriginError) as error:
                is_open = work.plan.patches or work.plan.mends or isinstance(error, ContentError)
                if not tries_left or not is_open:
                    raise
                work = self._again(work, ours, error)
        raise AssertionError("unreachable")

    def _again(self, work: "_Work", ours: Sequence[Manifest], error: ContentError | OriginError) -> "_Work":
        """Another plan without what failed: local bytes are all read, or patches are left aside."""
        target = work.target
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
        have, plan, target = self._plan(target, ours)
        self._check_room(plan)
        return _Work(target, have, plan)

    def _fill(self, work: "_Work", stage: Stage) -> None:
        plan = work.plan
        stage.prune(plan)
        if plan.local_bytes:
            self._meter.begin(Phase.STAGE, plan.local_bytes)
            stage.take(plan)
        if plan.totals.fetch_bytes:
            self._meter.begin(Phase.FETCH, plan.totals.fetch_bytes)
        if plan.needs_bytes:
            Downloader(work.target.network, self._packs, self._meter).carry_out(plan, stage, work.have.intact)
        stage.duplicate(plan.places)

    # ------------------------------------------------------------ commit

    def _commit(self, done: "_Staged", ours: Sequence[Manifest], meta: Sequence[tuple[str, str]]) -> None:
        self._meter.begin(Phase.COMMIT)
        target = done.target
        title = target.install.title
        change = planning.change(target.offers, ours, done.have, done.plan, meta)
        size_bytes = sum(offer.manifest.size_bytes for offer in target.offers)
        if target.release:
            self._registry.note_signed(title, target.release, placed=True)
        if _changes_nothing(self._folder, change):
            disk.remove_tree(self._folder.staging)
            disk.sync_folder(self._folder.state)
        else:
            with self._unseen(title):
                keep_bytes = max(_PREVIOUS_BYTES, size_bytes // _PREVIOUS_SHARE)
                commit.commit(self._folder, change, keep_bytes, partial(self._registry.note_journal, title))
        stats = {**done.have.stats, **done.stats}
        released = [e for offer in target.offers if not offer.part.defaults for e in offer.manifest.entries]
        if target.release:
            with unfinished():
                self._registry.note_seen(title, {e.path: stats[e.path] for e in released if e.path in stats})
        if changed := [e.path for e in released if seen(self._folder.root / e.path) != stats.get(e.path)]:
            text = f"{changed[0]} was changed while the update ran."
            raise DiskError("disk.modified", text, path=changed[0], files=len(changed))

    @contextlib.contextmanager
    def _unseen(self, title: str) -> Iterator[None]:
        """Nothing is known of the files while they change: after a kill the next job looks at them."""
        known = self._registry.files_seen(title)
        self._registry.note_seen(title, {})
        try:
            yield
        except DiskError:
            if not commit.pending(self._folder):
                with contextlib.suppress(DiskError):  # then they are looked at, too
                    self._registry.note_seen(title, known)
            raise

    def _finished(self, outcome: Outcome, plan: Plan) -> Outcome:
        return replace(
            outcome,
            fetched=self._meter.transferred.sources,
            uploaded_bytes=self._meter.transferred.uploaded_bytes,
            written_bytes=sum(place.size_bytes for place in plan.places)
            + sum(mend.rebuild.fetch_bytes for mend in plan.mends),
            seconds=self._seconds(),
            reused_bytes=plan.reused_bytes,
        )

    def _seconds(self) -> float:
        return round(time.monotonic() - self._started_s, 3)


def recover(install: Installation, registry: Registry, home: Path, *, forget_foreign: bool = False) -> None:
    """Finish an interrupted commit; ``forget_foreign``: one that cannot be goes, for all will be scanned.

    Raises BusyError when another Shoal is at it, DiskError, ForeignJournal.
    """
    folder = install.folder
    if commit.pending(folder):
        with folder.locked(home) as mine, beneath.kept_open():
            try:
                _recover(mine, install.title, registry)
            except DiskError as error:
                if not forget_foreign or not commit.is_permanent(error):
                    raise
                commit.forget(mine)


def _recover(folder: InstallFolder, title: str, registry: Registry) -> None:
    """Finish an interrupted commit. The files count as verified only when the next job has looked at them."""
    if commit.pending(folder):
        registry.note_seen(title, {})
        commit.recover(folder, registry.journal(title))


@contextlib.contextmanager
def unfinished() -> Iterator[None]:
    """Report what fails when the new release is in place as disk.interrupted: its command stays, and notes the rest."""
    try:
        yield
    except DiskError as error:
        raise commit.interrupted(error) from error


def _changes_nothing(folder: InstallFolder, change: commit.Change) -> bool:
    """Whether all is in place already. A commit would forget the release before for the sake of nothing."""
    if any((change.place, change.links, change.modes, change.remove, change.remove_folders)):
        return False
    if not all(beneath.is_folder(folder.root / path) for path in change.folders):
        return False
    return all(staged and _equal(folder.staging / staged, folder.state / path) for staged, path in change.meta)


def _equal(staged: Where, document: Where) -> bool:
    mine, found = beneath.status(staged), beneath.status(document)
    if mine is None or found is None or not beneath.is_file(document) or mine.st_size != found.st_size:
        return False
    return beneath.read(document, found.st_size) == beneath.read(staged, mine.st_size)


def _piece_bytes(target: Target) -> dict[bytes, int]:
    """Root to the piece length of the part that has it."""
    return {entry.root: offer.manifest.piece_bytes for offer in target.offers for entry in offer.manifest.entries}


def _is_defaults(installed: Installed, part: str) -> bool:
    return any(p.name == part and p.defaults for p in installed.parts)


def _in_need_of_layers(target: Target, have: scan.Have, plan: Plan) -> set[str]:
    """The parts whose trees are fetched, or might be for less than old files that are put back cost at the origin; and
    those of which staging holds something half.
    """
    half = {root for root, leaves in have.staged.items() if merkle.root_of(leaves) != root}
    parts = {step.offer.part.name for step in plan.trees}
    if target.network.server_only:
        restores = ((s.offer.part.name, sum(old.fetch_bytes for old in s.restores)) for s in plan.patches)
        parts |= {name for name, size_bytes in restores if size_bytes > _DEAR_BYTES}
    return parts | {o.part.name for o in target.offers if half & {entry.root for entry in o.manifest.entries}}


def _wrong_modes(folder: Beneath, manifests: Iterable[Manifest], intact: Iterable[str]) -> set[str]:
    executable = scan.executable(folder, intact)
    entries: list[Entry] = [entry for m in manifests for entry in m.entries]
    return {e.path for e in entries if e.path in intact and e.executable != (e.path in executable)}

"""The pipeline: scan → plan → fetch and stage → verify → commit. Install, update, repair, rollback, a change of parts,
move and uninstall are all this, with another `Goal`.

Data flows one way, with one exception: when a local byte turns out not to be what it seemed, or a pack cannot be had
from anywhere, the job scans and plans once more without it. A job is done only after the final verify.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from patcher import disk
from patcher.content import manifest, merkle, records
from patcher.content.manifest import Entry, Manifest
from patcher.errors import BusyError, ContentError, DiskError, OriginError
from patcher.events import Outcome, Phase, Planned, Sources
from patcher.feed.reader import Reader
from patcher.transfer.origin import Origin
from patcher.transfer.packs import Packs
from patcher.transfer.session import Session
from patcher.update import commit, offers, play, scan
from patcher.update import plan as planning
from patcher.update.commit import STATE
from patcher.update.gather import Gather, layers_document
from patcher.update.installs import (
    LAYERS,
    MANIFESTS,
    POINTER,
    Install,
    Installed,
    Registry,
    Seen,
    read_installed,
    read_manifests,
    seen,
)
from patcher.update.keep import Keeper
from patcher.update.meter import Meter
from patcher.update.plan import Offer, Plan
from patcher.update.stage import Stage

_TRIES = 4
_PREVIOUS_BYTES = 5_000_000_000
_PREVIOUS_SHARE = 10


@dataclass(frozen=True, slots=True)
class Network:
    """Where a job may get bytes from; all None or empty for one that needs no network."""

    reader: Reader | None = None
    origin: Origin | None = None
    session_for: Callable[[], Session | None] = lambda: None
    """Opens the swarm's session when it is first needed; None without peers."""
    server_only: bool = True
    trackers: tuple[str, ...] = ()
    fingerprint: str = ""
    download_limit_bps: int = 0


@dataclass(frozen=True, slots=True)
class Goal:
    """The signed list of parts to reach, where, and what may be used for it. No release: the empty list."""

    install: Install
    release: records.Release | None
    offers: tuple[Offer, ...]
    network: Network
    full_scan: bool = False
    borrow: tuple[tuple[Path, tuple[Manifest, ...]], ...] = ()
    """Other folders to copy from, with the manifests of what they hold."""
    adopt: bool = False
    """Files in the way are older files of this title, though nothing says so."""


class Job:
    """One run of the pipeline. Every method raises Cancelled between two files at the latest."""

    def __init__(
        self,
        number: int,
        registry: Registry,
        packs: Packs,
        keeper: Keeper | None,
        meter: Meter,
        emit: Callable[[Planned], None],
    ) -> None:
        self._number, self._registry, self._packs, self._keeper = number, registry, packs, keeper
        self._meter, self._emit = meter, emit
        self._started_s = time.monotonic()
        self._uploaded_bytes = 0

    # ------------------------------------------------------------ the pipeline

    def run(self, goal: Goal, *, only_plan: bool = False) -> Outcome:
        """Reach the goal, or (``only_plan``) say what that would take.

        Raises DiskError before the download when there is not enough room, BusyError while the title runs.
        """
        folder, state = goal.install.folder, goal.install.folder / STATE
        if not only_plan:
            self._let_go(goal.install)
        installed = read_installed(state)
        old = read_manifests(state, installed) if installed else {}
        ours = [m for part, m in old.items() if installed and not _is_defaults(installed, part)]
        have, plan, goal = self._plan(goal, ours)
        outcome = Outcome(
            version_from=installed.release.version if installed else "",
            version_to=goal.release.version if goal.release else "",
            planned_bytes=plan.totals.fetch_bytes,
            peak_extra_bytes=plan.totals.peak_extra_bytes,
            totals=plan.totals,
        )
        if goal.release:
            self._emit(Planned(self._number, goal.install.title, outcome.version_from, outcome.version_to, plan.totals))
        if only_plan:
            return outcome
        self._check_room(folder, plan)
        stage, have, plan, goal, gathered = self._stage(goal, ours, have, plan)
        leaves, stats = self._verify(stage, plan)
        meta = self._documents(goal, stage, leaves, old)
        self._commit(goal, ours, have, plan, meta, {**have.stats, **stats})
        return self._finished(outcome, plan, gathered)

    def verify(self, install: Install) -> Outcome:
        """Read every installed byte. ``files`` of the outcome are those that are not as released."""
        state = install.folder / STATE
        installed = read_installed(state)
        assert installed is not None
        manifests = [m for part, m in read_manifests(state, installed).items() if not _is_defaults(installed, part)]
        entries = [entry for m in manifests for entry in m.entries]
        self._meter.begin(Phase.SCAN, sum(entry.size_bytes for entry in entries))
        found = scan.installed(install.folder, entries, None, self._meter.watch)
        damaged = {*found.modified, *found.missing, *_wrong_modes(install.folder, manifests, found.intact)}
        links = scan.links(install.folder, manifests)
        damaged |= {path for m in manifests for path, target in m.links if links.get(path) != target}
        if len(manifests) < sum(not part.defaults for part in installed.parts):
            damaged.add(f"{STATE}/{MANIFESTS}")
        version = installed.release.version
        return Outcome(version, version, work_left=bool(damaged), files=tuple(sorted(damaged)), seconds=self._seconds())

    # ------------------------------------------------------------ scan and plan

    def _let_go(self, install: Install) -> None:
        if self._keeper:
            self._keeper.release(install.title)
        if commit.pending(install.folder):
            commit.recover(install.folder)
        if name := play.running(install.folder):
            raise BusyError("busy.running", f"{install.title} is running ({name}).", title=install.title)

    def _plan(self, goal: Goal, ours: Sequence[Manifest]) -> tuple[scan.Have, Plan, Goal]:
        have = self._scan(goal, ours)
        self._meter.begin(Phase.PLAN)
        server_only = goal.network.server_only
        plan = planning.make(goal.offers, ours, have, server_only=server_only)
        parts = _in_need_of_layers(goal, have, plan)
        if parts and goal.network.reader and goal.release:
            completed = offers.complete(goal.network.reader, goal.release, goal.offers, parts)
            goal = replace(goal, offers=tuple(completed))
            plan = planning.make(goal.offers, ours, have, server_only=server_only)
        return have, plan, goal

    def _scan(self, goal: Goal, ours: Sequence[Manifest]) -> scan.Have:
        folder, watch = goal.install.folder, self._meter.watch
        entries = [entry for m in ours for entry in m.entries]
        self._meter.begin(Phase.SCAN, sum(entry.size_bytes for entry in entries) if goal.full_scan else 0)
        known = None if goal.full_scan else self._registry.files_seen(goal.install.title)
        found = scan.installed(folder, entries, known, watch)
        released = [entry for offer in goal.offers if not offer.part.defaults for entry in offer.manifest.entries]
        given = [entry for offer in goal.offers if offer.part.defaults for entry in offer.manifest.entries]
        mine = {entry.path for entry in entries} | {path for m in ours for path, _ in m.links}
        way = scan.in_the_way(folder, released, mine, watch)
        if way.modified and not goal.adopt:
            raise DiskError(
                "disk.in_the_way",
                f"Files that are not ours are where new ones must go: {', '.join(way.modified[:5])}.",
                path=way.modified[0],
                files=len(way.modified),
            )
        intact = {**found.intact, **way.intact}
        sources = self._sources(goal)
        sources.update({root: folder / path for path, root in intact.items() if root})
        wanted = {entry.root for entry in (*released, *given) if entry.root and intact.get(entry.path) != entry.root}
        manifests = [offer.manifest for offer in goal.offers]
        return scan.Have(
            intact,
            {**found.stats, **way.stats},
            sources,
            scan.staging(folder / STATE / "staging", wanted, watch),
            modified=tuple(sorted((*found.modified, *way.modified))),
            missing=found.missing,
            defaults=frozenset(entry.path for entry in given if os.path.lexists(folder / entry.path)),
            executable=scan.executable(folder, intact),
            links=scan.links(folder, [*ours, *manifests]),
        )

    def _sources(self, goal: Goal) -> dict[bytes, Path]:
        sources: dict[bytes, Path] = {}
        previous = goal.install.folder / STATE / "previous"
        with contextlib.suppress(DiskError):
            if before := read_installed(previous):
                sources.update(scan.borrow(previous / "files", read_manifests(previous, before).values()))
        for folder, manifests in goal.borrow:
            sources.update(scan.borrow(folder, manifests))
        return sources

    def _check_room(self, folder: Path, plan: Plan) -> None:
        needed = plan.totals.peak_extra_bytes
        if needed > disk.free_bytes(folder):
            disk.remove_tree(folder / STATE / "previous")
        if needed > (free := disk.free_bytes(folder)):
            raise DiskError(
                "disk.full",
                f"{folder} needs {needed:,} bytes of space and has {free:,}.",
                path=str(folder),
                needed_bytes=needed,
                free_bytes=free,
            )

    # ------------------------------------------------------------ fetch and stage

    def _stage(
        self, goal: Goal, ours: Sequence[Manifest], have: scan.Have, plan: Plan
    ) -> tuple[Stage, scan.Have, Plan, Goal, Sources]:
        """Stage everything, planning again when a source turns out to be bad or out of reach."""
        gathered = Sources()
        for tries_left in reversed(range(_TRIES)):
            stage = Stage(goal.install.folder, have.sources, self._meter.watch)
            try:
                gathered = self._fill(goal, stage, have, plan, gathered)
                self._meter.begin(Phase.VERIFY, sum(place.size_bytes for place in plan.places))
                return stage, have, plan, goal, gathered
            except (ContentError, OriginError) as error:
                if not tries_left or not (plan.patches or isinstance(error, ContentError)):
                    raise
                if isinstance(error, OriginError) or goal.full_scan:
                    goal = replace(goal, offers=tuple(replace(offer, patch=None) for offer in goal.offers))
                goal = replace(goal, full_scan=goal.full_scan or isinstance(error, ContentError))
                have, plan, goal = self._plan(goal, ours)
                self._check_room(goal.install.folder, plan)
        raise AssertionError("unreachable")

    def _fill(self, goal: Goal, stage: Stage, have: scan.Have, plan: Plan, gathered: Sources) -> Sources:
        wanted = {place.root for place in plan.places if place.root}
        stage.prune(wanted)
        network = goal.network
        if plan.copies:
            self._meter.begin(Phase.STAGE, sum(copy.size_bytes for copy in plan.copies))
        for copy in plan.copies:
            stage.copy(copy)
        if plan.totals.fetch_bytes:
            self._meter.begin(Phase.FETCH, plan.totals.fetch_bytes)
        if (plan.patches or plan.trees) and network.origin is None:
            raise OriginError("origin.no_source", "Some bytes are missing and there is no network to get them from.")
        if network.origin is not None and (plan.patches or plan.trees):
            gather = gather_of(network, self._packs, self._meter, gathered)
            try:
                for patch in plan.patches:
                    gather.patch(stage, patch, wanted)
                for tree in plan.trees:
                    gather.tree(stage, tree, have.intact, goal.install.folder)
            finally:
                gathered = gather.gathered
                self._uploaded_bytes += gather.uploaded_bytes
        stage.multiply(plan.places)
        return gathered

    def _verify(self, stage: Stage, plan: Plan) -> tuple[dict[bytes, bytes], dict[str, Seen]]:
        self._meter.begin(Phase.VERIFY, sum(place.size_bytes for place in plan.places))
        return stage.verify(plan)

    # ------------------------------------------------------------ commit

    def _documents(
        self, goal: Goal, stage: Stage, leaves: dict[bytes, bytes], old: dict[str, Manifest]
    ) -> list[tuple[str, str]]:
        """Stage what ``.shoal`` will say of the new release. Returns staged name and place of each document."""
        state = goal.install.folder / STATE
        documents: dict[str, bytes] = {}
        if goal.release:
            pointer = Installed(
                goal.network.fingerprint, goal.release.title, goal.install.channel, goal.install.tags, goal.release
            )
            documents[POINTER] = pointer.encode()
        for offer in goal.offers:
            documents[f"{MANIFESTS}/{offer.part.manifest.hex}"] = offer.document
            if not offer.part.defaults:
                layers = self._layers(goal.install.folder, offer, leaves, old.get(offer.part.name))
                documents[f"{LAYERS}/{offer.part.manifest.hex}"] = layers
        meta = []
        for number, (path, data) in enumerate(documents.items()):
            disk.write_atomic(stage.folder / f"meta.{number}", data)
            meta.append((f"meta.{number}", path))
        stale = [f"{kind}/{p.name}" for kind in (MANIFESTS, LAYERS) for p in _files(state / kind)]
        return meta + [("", path) for path in (*stale, POINTER) if path not in documents]

    def _layers(self, folder: Path, offer: Offer, leaves: dict[bytes, bytes], old: Manifest | None) -> bytes:
        known = dict(offer.layers)
        piece = offer.manifest.piece_bytes
        if old and old.piece_bytes == piece:
            known |= _kept_layers(folder, old)
        for entry in offer.manifest.entries:
            if entry.size_bytes > piece and entry.root not in known:
                mine = leaves.get(entry.root) or scan.hash_file(folder / entry.path, self._meter.watch)
                known[entry.root] = merkle.layer_of(mine, piece)
        return layers_document(offer.manifest, known)

    def _commit(
        self,
        goal: Goal,
        ours: Sequence[Manifest],
        have: scan.Have,
        plan: Plan,
        meta: Sequence[tuple[str, str]],
        stats: dict[str, Seen],
    ) -> None:
        self._meter.begin(Phase.COMMIT)
        folder, title = goal.install.folder, goal.install.title
        change = planning.change(goal.offers, ours, have, plan, meta)
        size_bytes = sum(offer.manifest.size_bytes for offer in goal.offers)
        commit.commit(folder, change, max(_PREVIOUS_BYTES, size_bytes // _PREVIOUS_SHARE))
        released = [e for offer in goal.offers if not offer.part.defaults for e in offer.manifest.entries]
        if goal.release:
            self._registry.see(title, {e.path: stats[e.path] for e in released if e.path in stats})
        if changed := [e.path for e in released if seen(folder / e.path) != stats.get(e.path)]:
            raise DiskError(
                "disk.modified", f"{changed[0]} was changed while the update ran.", path=changed[0], files=len(changed)
            )

    def _finished(self, outcome: Outcome, plan: Plan, gathered: Sources) -> Outcome:
        staged = sum(place.size_bytes for place in plan.places)
        return replace(
            outcome,
            fetched=gathered,
            uploaded_bytes=self._uploaded_bytes,
            written_bytes=staged,
            seconds=self._seconds(),
            reused_bytes=sum(copy.size_bytes for copy in plan.copies),
        )

    def _seconds(self) -> float:
        return round(time.monotonic() - self._started_s, 3)


def gather_of(network: Network, packs: Packs, meter: Meter, gathered: Sources = Sources()) -> Gather:
    """Where a job with this network gets its bytes from."""
    assert network.origin is not None
    session = network.session_for()
    limit_bps = network.download_limit_bps
    return Gather(network.origin, session, packs, network.trackers, meter, limit_bps, gathered)


def _is_defaults(installed: Installed, part: str) -> bool:
    return any(p.name == part and p.defaults for p in installed.parts)


def _in_need_of_layers(goal: Goal, have: scan.Have, plan: Plan) -> set[str]:
    """The parts whose trees are fetched, or of which staging holds something half."""
    half = {root for root, leaves in have.staged.items() if merkle.root_of(leaves) != root}
    parts = {step.offer.part.name for step in plan.trees}
    return parts | {o.part.name for o in goal.offers if half & {entry.root for entry in o.manifest.entries}}


def _wrong_modes(folder: Path, manifests: Iterable[Manifest], intact: Iterable[str]) -> set[str]:
    executable = scan.executable(folder, intact)
    entries: list[Entry] = [entry for m in manifests for entry in m.entries]
    return {e.path for e in entries if e.path in intact and e.executable != (e.path in executable)}


def _kept_layers(folder: Path, old: Manifest) -> dict[bytes, bytes]:
    """The layers of the release in place, by root."""
    ref = merkle.ref_of(manifest.encode(old))
    try:
        return manifest.split_layers(old, (folder / STATE / LAYERS / ref.hex).read_bytes())
    except (OSError, ContentError):
        return {}


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []

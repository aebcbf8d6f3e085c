"""Packs of a release: windows made by worker processes, then joined in order, so that more workers change no byte.

A finished window is a file in the build folder. A finished pack is content in the feed, with a note in the build
folder. So an interrupted run goes on with the next window.
"""

import hashlib
import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from patcher import disk, strict_json
from patcher.content import manifest, merkle, patch_index, records
from patcher.content.manifest import Manifest
from patcher.content.merkle import HASH_BYTES, Ref
from patcher.content.patch_index import Index
from patcher.errors import ContentError, TrustError
from patcher.publish.build import BuiltPart
from patcher.publish.patches import drafts, encode, pool
from patcher.publish.patches.drafts import Draft, Joined, KnownWindows
from patcher.publish.patches.pool import Cluster
from patcher.publish.store import OnProgress, PhaseMeter, Say, Store, in_threads

_NOTE_BYTES = 4096

WORTH = 0.5
"""A patch from a release before the last one must be smaller than this share of what it changes."""


_LARGE_BYTES = 16 << 20
"""Of a document that is made a delta in a process of its own: that takes twice its size, and 100 MB."""


@dataclass(frozen=True, slots=True)
class PartVersion:
    """One part in one release."""

    part: str
    ref: Ref
    """Of its manifest's document, which is read when it is needed: it takes a tenth of the memory of a release."""
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class PackPlan:
    """One pack to make: to ``new``, from ``old`` or (None) from nothing."""

    new: PartVersion
    old: PartVersion | None
    folder: Path
    """Keeps its windows until it is done."""
    before: tuple[PartVersion, Ref] | None = None
    """For a full pack: the part in the release before, and the index of its full pack, of which windows are kept."""

    @property
    def old_manifest(self) -> Manifest | None:
        """The manifest of ``old``."""
        return self.old.manifest if self.old else None

    @property
    def new_roots(self) -> set[bytes]:
        """The roots of contents that ``old`` does not have."""
        held = {entry.root for entry in self.old.manifest.entries} if self.old else set()
        return {entry.root for entry in self.new.manifest.entries if entry.size_bytes} - held

    @property
    def note(self) -> Path:
        """The file that holds the reference to its index once it is done, or null if it is not worth it."""
        return self.folder.with_suffix(".json")


class _Places:
    """Root to the file in the store, of each content. A path is made when it is asked for: few files have changed.

    ``pairs``: roots of the contents of two hashes, whose files have other names (`Ref.file`); those of others are
    named alike whatever their size.
    """

    def __init__(self, store: Store, pairs: Collection[bytes]) -> None:
        self._store, self._pairs = store, pairs

    def __getitem__(self, root: bytes) -> str:
        return self._store.file(Ref(root, 2 * HASH_BYTES if root in self._pairs else 1))


@dataclass(frozen=True, slots=True)
class FinishedPack:
    """A finished pack. ``ref`` names its index (None if there is no window), ``step`` the manifest delta."""

    pack: PackPlan
    index: Index
    ref: Ref | None
    step: Ref | None

    @property
    def part(self) -> str:
        """The name of its part."""
        return self.pack.new.part

    @property
    def fetch_bytes(self) -> int:
        """Size of pack, index and manifest delta."""
        return sum(ref.size_bytes for ref in (self.index.pack, self.ref, self.step) if ref)

    @property
    def document_bytes(self) -> int:
        """Index and manifest, without the pack."""
        index = self.ref.size_bytes - len(self.index.inline) if self.ref else 0
        return index + (self.step.size_bytes if self.step else self.pack.new.ref.size_bytes)

    def cost_of(self, roots: Collection[bytes]) -> int:
        """Bytes to fetch these contents from nothing: by windows where they are smaller, else directly."""
        entries = self.pack.new.manifest.entries
        left = {entry.root: entry.size_bytes for entry in entries if entry.root in roots}
        total = sum(left.values())
        for window in self.index.windows:
            wanted = sum(span.length for span in window.new if entries[span.file].root in left)
            total -= max(wanted - window.length, 0)
        return total


@dataclass(frozen=True, slots=True)
class Packed:
    """The packs of a release: the content of its patches record, and the bytes that players fetch."""

    parts: tuple[records.PartPatches, ...]
    full_bytes: int
    """For an install: manifests, indexes, full packs, and the files that are in no full pack."""
    patch_bytes: tuple[tuple[str, int], ...]
    """Version and bytes (packs, indexes, manifest deltas) for each older release that has a patch."""
    back: tuple[tuple[str, records.Delta], ...] = ()
    """By part: from this release back to the one before."""


def pack_release(
    store: Store, build: Path, new: records.Release, parts: Sequence[BuiltPart], older: Sequence[records.Release],
    indexes: Mapping[str, Ref], jobs: int, progress: OnProgress, say: Say, cluster: Cluster | None = None,
) -> Packed:  # fmt: skip
    """Make every pack of a release whose content is in the store: from nothing, from the newest of ``older`` and back
    to it, and from the others as long as that saves enough.

    ``indexes``: part to the index of its full pack in the newest of ``older``. ``cluster`` makes windows, if given.

    Raises Mismatch when content of the new release is damaged, DiskError, OriginError (origin.cluster).
    """
    refs = {part.name: part.manifest for part in new.parts}
    mine = [PartVersion(part.rule.name, refs[part.rule.name], part.manifest) for part in parts]
    maker = Maker(store, build, jobs, progress, say, cluster)
    fixed = {part.rule.name for part in parts if part.rule.defaults}  # once installed, its files belong to the player
    patched = [side for side in mine if side.part not in fixed]
    last = [*maker.pairs(patched, older[0])] if older else []
    before = {side.part: (old, indexes[side.part]) for side, old in last if side.part in indexes}
    made = maker.make([
        *(maker.plan(side, None, before.get(side.part)) for side in mine),
        *(maker.plan(side, old) for side, old in last),
        *(maker.plan(old, side) for side, old in last),
    ])  # fmt: skip
    fulls, rest = made[: len(mine)], made[len(mine) :]
    steps = [(older[0], rest[: len(last)])] if older else []
    full_of = {full.part: full for full in fulls}
    for release in older[1:]:
        packs = [maker.plan(side, old) for side, old in maker.pairs(patched, release)]
        found = maker.make(packs, WORTH * sum(full_of[pack.new.part].cost_of(pack.new_roots) for pack in packs))
        if packs and not found:
            say(f"No patch from {release.version}: it would save less than half.")
            break
        steps.append((release, found))
    store.flush()
    return _summary(fulls, steps, tuple((one.part, _delta(one, new)) for one in rest[len(last) :]))


def _delta(made: FinishedPack, start: records.Release) -> records.Delta:
    return records.Delta(start.sequence, made.ref, made.step)


def _summary(
    fulls: Sequence[FinishedPack], steps: Sequence[tuple[records.Release, Sequence[FinishedPack]]],
    back: tuple[tuple[str, records.Delta], ...],
) -> Packed:  # fmt: skip
    deltas = [(one.part, _delta(one, release)) for release, made in steps for one in made]
    parts = tuple(
        records.PartPatches(full.part, full.ref, tuple(delta for part, delta in deltas if part == full.part), full.step)
        for full in fulls
    )
    full_bytes = sum(full.document_bytes + full.cost_of(full.pack.new_roots) for full in fulls)
    patch_bytes = tuple((release.version, sum(one.fetch_bytes for one in made)) for release, made in steps)
    return Packed(parts, full_bytes, patch_bytes, back)


# ---------------------------------------------------------------- one pack


class Maker:
    """Makes packs into a store. The folder ``build`` keeps their windows meanwhile."""

    def __init__(
        self, store: Store, build: Path, jobs: int, progress: OnProgress, say: Say, cluster: Cluster | None
    ) -> None:  # fmt: skip
        self._store, self._build, self._say = store, build, say
        self._jobs, self._progress, self._cluster = jobs, progress, cluster
        self._right: dict[Ref, bool] = {}
        """Whether the feed's older content folds to its root, as far as it was looked at."""

    def pairs(
        self, mine: Sequence[PartVersion], release: records.Release
    ) -> Iterator[tuple[PartVersion, PartVersion]]:  # fmt: skip
        """Each part with its version in an older release, if the feed still holds all contents for a patch."""
        by_name = {part.name: part for part in release.parts if not part.defaults}
        for side in (side for side in mine if side.part in by_name):
            ref, parser = by_name[side.part].manifest, manifest.Parser()
            parser.begin_with(side.manifest, self._store.read(side.ref))
            try:
                old = parser.parse(self._store.read(ref))
            except (ContentError, TrustError) as error:
                self._say(f"No patch from {release.version}: {error.message}.")
                continue
            if reason := self._unfit(side.manifest, old):
                self._say(f"No patch from {release.version}: {reason}.")
            else:
                yield side, PartVersion(side.part, ref, old)

    def _unfit(self, new: Manifest, old: Manifest) -> str:
        """Why no patch can be made from the feed's older files; empty if one can. What the new release has is here."""
        held = {b"", *(entry.root for entry in new.entries)}
        paths = {Ref(entry.root, entry.size_bytes): entry.path for entry in old.entries if entry.root not in held}
        if missing := [path for ref, path in paths.items() if not self._store.has(ref)]:
            return f"the feed no longer holds {missing[0]}"
        if todo := [ref for ref in paths if ref not in self._right]:
            meter = PhaseMeter(self._progress, "check", sum(ref.size_bytes for ref in todo))
            looked = in_threads(self._jobs, lambda ref: self._store.matches(ref, meter), todo, meter)
            self._right.update(zip(todo, looked, strict=True))
        return next((f"the feed's {paths[ref]} is damaged" for ref in paths if not self._right[ref]), "")

    def plan(
        self, new: PartVersion, old: PartVersion | None, before: tuple[PartVersion, Ref] | None = None
    ) -> PackPlan:  # fmt: skip
        """The pack, with its own folder, whose name tells all that the pack is made from."""
        roots = new.ref.root + (old.ref.root if old else b"") + (before[1].root if before else b"")
        return PackPlan(new, old, self._build / hashlib.sha256(roots).hexdigest(), before)

    def make(self, packs: Sequence[PackPlan], most_bytes: float = math.inf) -> list[FinishedPack]:
        """Make the packs that no earlier run finished. If all take ``most_bytes`` or more, only a note is written."""
        if most_bytes < math.inf and any(pack.note.is_file() and pack.note.read_bytes() == b"null" for pack in packs):
            return []
        found = {pack.folder: self._known(pack) for pack in packs}
        todo = {pack.folder: pack for pack in packs if found[pack.folder] is None}
        drafted = {folder: self._draft(pack) for folder, pack in todo.items()}
        drafts.make([*drafted.values()], self._jobs, self._progress, self._cluster)
        joined = {folder: draft.joined() for folder, draft in drafted.items()}
        if sum(one.size_bytes for one in joined.values()) >= max(most_bytes, 1):
            for folder, pack in todo.items():
                disk.remove_tree(folder)
                disk.write_atomic(pack.note, b"null")
            return []
        found |= {folder: self._join(pack, joined[folder]) for folder, pack in todo.items()}
        return [one for pack in packs if (one := found[pack.folder])]

    def _draft(self, pack: PackPlan) -> Draft:
        sides = [side.manifest for side in (pack.new, pack.old) if side]
        pairs = {entry.root for side in sides for entry in side.entries if entry.size_bytes == 2 * HASH_BYTES}
        places = _Places(self._store, pairs)
        return drafts.draft(
            pack.new.manifest, pack.old_manifest, places, pack.folder, self._jobs, self._progress,
            self._known_windows(pack),
        )  # fmt: skip

    def _known_windows(self, pack: PackPlan) -> KnownWindows | None:
        """The windows of the full pack before, if the feed holds it as it was signed."""
        if pack.old or not pack.before:
            return None
        side, ref = pack.before
        try:
            index = patch_index.parse(self._store.read(ref), side.manifest)
        except (ContentError, TrustError) as error:
            self._say(f"All of the full pack is made anew: {error.message}.")
            return None
        if index.pack is None:
            return None
        meter = PhaseMeter(self._progress, "check", index.pack.size_bytes)
        if not self._store.has(index.pack) or not self._store.matches(index.pack, meter):
            self._say("All of the full pack is made anew: the feed's one before is missing or damaged.")
            return None
        return KnownWindows(side.manifest, index, self._store.path(index.pack))

    def _known(self, pack: PackPlan) -> FinishedPack | None:
        """The pack if an earlier run finished it."""
        try:
            ref = Ref.from_json(strict_json.load(pack.note, _NOTE_BYTES))
            index = patch_index.parse(self._store.read(ref), pack.new.manifest, pack.old_manifest)
        except (OSError, ValueError, ContentError, TrustError):
            return None
        whole = index.pack is None or self._store.has(index.pack)
        return FinishedPack(pack, index, ref, self._step(pack)) if whole else None

    def _join(self, pack: PackPlan, joined: Joined) -> FinishedPack:
        """Put a finished pack and its index into the store."""
        index = joined.index(merkle.Hasher(joined.chunks()).leaves())
        if index.pack:
            self._store.put_chunks(index.pack, joined.chunks())
        ref = None
        if index.windows:
            ref = self._store.put(encode.write_index(index, pack.new.manifest, pack.old_manifest))
            self._store.flush()
            disk.write_atomic(pack.note, json.dumps(ref.to_json()).encode())
        disk.remove_tree(pack.folder)
        return FinishedPack(pack, index, ref, self._step(pack))

    def _step(self, pack: PackPlan) -> Ref | None:
        """The new manifest as a delta from the old one, or packed alone."""
        new, old = pack.new.ref, pack.old.ref if pack.old else None
        if new == old:
            return None
        paths = self._store.path(old) if old else None, self._store.path(new)
        is_large = new.size_bytes >= _LARGE_BYTES
        step = pool.in_worker(encode.readable_delta_of, *paths) if is_large else encode.readable_delta_of(*paths)
        return self._store.put(step) if step else None

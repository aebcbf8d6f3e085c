"""The cheapest way to every missing byte, decided before the first one moves. Pure.

Install, update, repair, rollback, a change of parts and uninstall are all this one function: a signed list of parts,
and what the disk already has. The order of preference for a file is: already right where it stands, whole in staging,
a local copy anywhere, a patch against old bytes that are intact, pieces of the new tree. A plan never chains patches.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from patcher.content import delta, merkle, records
from patcher.content.manifest import Entry, Manifest
from patcher.content.merkle import Ref
from patcher.events import Totals
from patcher.update.commit import Change
from patcher.update.scan import Have, folders_above, held_pieces

_NOTHING_HELD: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Offer:
    """One part of the release to reach, and what the publisher offers to build it from."""

    part: records.Part
    document: bytes
    """The manifest as it was signed, and read:"""
    manifest: Manifest
    old: Manifest | None = None
    """The manifest that ``patch`` is cut against."""
    patch: delta.Index | None = None
    full: delta.Index | None = None
    layers: Mapping[bytes, bytes] = field(default_factory=dict)
    """Root to piece layer; needed only where pieces or half-staged files are involved."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Stage a root from a local file."""

    root: bytes
    source: Path
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PatchStep:
    """Fetch and apply some windows of a part's patch."""

    offer: Offer
    windows: tuple[int, ...]
    restores: tuple[Ref, ...] = ()
    """Old files that somebody changed and that the windows need as they were."""

    @property
    def fetch_bytes(self) -> int:
        """Bytes of windows, the maps that they need, and old files; a small pack came with its index already."""
        assert self.offer.patch
        index = self.offer.patch
        windows = [index.windows[number] for number in self.windows] if index.pack else []
        maps = {each.offset: each.length for window in windows for each in index.filters_of(window).values()}
        pack_bytes = sum(window.length for window in windows) + sum(maps.values())
        return pack_bytes + sum(ref.size_bytes for ref in self.restores)


@dataclass(frozen=True, slots=True)
class TreeStep:
    """Fetch some pieces of a part's tree. Piece numbers are those of the part's torrent."""

    offer: Offer
    wanted: tuple[int, ...]
    held: tuple[int, ...]
    fetch_bytes: int


@dataclass(frozen=True, slots=True)
class Mend:
    """A large file that is repaired where it stands (`mend`): its wrong blocks of 16 KiB, with their leaves."""

    path: str
    content: Ref
    blocks: tuple[tuple[int, bytes], ...]

    @property
    def fetch_bytes(self) -> int:
        """Bytes of the blocks."""
        return min(len(self.blocks) * merkle.BLOCK_BYTES, self.content.size_bytes)


@dataclass(frozen=True, slots=True)
class Place:
    """A staged file and where it goes. ``copy`` numbers the places of one content."""

    root: bytes
    size_bytes: int
    path: str
    executable: bool
    copy: int = 0

    @property
    def staged(self) -> str:
        """The name of the file in staging."""
        return staged_name(self.root, self.copy)


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps of one job, and its totals."""

    copies: tuple[Copy, ...]
    patches: tuple[PatchStep, ...]
    trees: tuple[TreeStep, ...]
    places: tuple[Place, ...]
    mends: tuple[Mend, ...]
    totals: Totals

    @property
    def is_empty(self) -> bool:
        """Nothing to stage; there may still be files to remove."""
        return not self.places


def staged_name(root: bytes, copy: int = 0) -> str:
    """Staged files are named by their content, so that any later job can use them."""
    return (root.hex() or "empty") + (f".{copy}" if copy else "")


def make(
    offers: Sequence[Offer],
    installed: Iterable[Manifest],
    have: Have,
    mends: Sequence[Mend] = (),
    *,
    server_only: bool,
) -> Plan:
    """Decide how to reach ``offers`` from what the disk has. ``installed``: the manifests of the release in place."""
    mended = {mend.path for mend in mends}
    places = tuple(place for place in _places(offers, have) if place.path not in mended)
    needed = {place.root: place.size_bytes for place in places if place.root}
    missing = {root for root in needed if not _is_whole(have.staged.get(root), root)}
    copies = tuple(Copy(r, have.sources[r], needed[r]) for r in sorted(missing) if r in have.sources)
    missing -= {copy.root for copy in copies}
    patches: list[PatchStep] = []
    trees: list[TreeStep] = []
    for offer in offers:
        mine = missing & {entry.root for entry in offer.manifest.entries}
        patch, by_patch = _patch(offer, mine, have)
        if patch:
            patches.append(patch)
        if by_tree := mine - by_patch:
            trees.append(_tree(offer, by_tree, have))
        missing -= mine
    totals = _totals(copies, patches, trees, places, have, server_only)
    totals = _with_files(totals, offers, tuple(installed), have, places)
    mended_bytes = sum(mend.fetch_bytes for mend in mends)
    totals = replace(
        totals, block_bytes=totals.block_bytes + mended_bytes, write_bytes=totals.write_bytes + mended_bytes
    )
    return Plan(copies, tuple(patches), tuple(trees), places, tuple(mends), totals)


def pieces_of(manifest: Manifest) -> Iterator[tuple[Entry, range]]:
    """Each entry with the pieces of the part's torrent that hold it."""
    for entry, (first, end) in zip(manifest.entries, pairwise(manifest.first_pieces), strict=True):
        yield entry, range(first, end)


def change(
    offers: Sequence[Offer], installed: Sequence[Manifest], have: Have, plan: Plan, meta: Sequence[tuple[str, str]]
) -> Change:
    """What the commit does once everything is staged. ``meta``: staged documents that become part of ``.shoal``."""
    new_entries = {entry.path: entry for offer in offers for entry in offer.manifest.entries}
    new_links = dict(link for offer in offers for link in offer.manifest.links)
    new_folders = folders_above((*new_entries, *new_links)) | {f for o in offers for f in o.manifest.empty_folders}
    new_folders |= folders_above(new_folders)
    old_files = {e.path for m in installed for e in m.entries} | {p for m in installed for p, _ in m.links}
    old_folders = folders_above(old_files) | {f for m in installed for f in m.empty_folders}
    old_folders |= folders_above(old_folders)
    kept = set(new_entries) - {place.path for place in plan.places} - have.defaults
    return Change(
        folders=tuple(sorted(new_folders, key=lambda f: (f.count("/"), f))),
        place=tuple((place.staged, place.path, place.executable) for place in plan.places),
        links=tuple(sorted((p, t) for p, t in new_links.items() if have.links.get(p) != t)),
        modes=tuple(
            sorted((p, new_entries[p].executable) for p in kept if new_entries[p].executable != (p in have.executable))
        ),
        remove=tuple(sorted(old_files - set(new_entries) - set(new_links))),
        remove_folders=tuple(sorted(old_folders - new_folders, key=lambda f: (-f.count("/"), f))),
        meta=tuple(meta),
    )


def _is_whole(leaves: bytes | None, root: bytes) -> bool:
    return leaves is not None and merkle.root_of(leaves) == root


def _places(offers: Sequence[Offer], have: Have) -> Iterator[Place]:
    copies: dict[bytes, int] = {}
    for offer in offers:
        for entry in offer.manifest.entries:
            if have.intact.get(entry.path) == entry.root or entry.path in have.defaults:
                continue
            number = copies.get(entry.root, 0)
            copies[entry.root] = number + 1
            yield Place(entry.root, entry.size_bytes, entry.path, entry.executable, number)


def _patch(offer: Offer, needed: Collection[bytes], have: Have) -> tuple[PatchStep | None, set[bytes]]:
    """The windows to apply, and the roots that they make whole.

    An old file that is not here any more as it was is fetched again where that is less than what its window makes.
    """
    if offer.patch is None or offer.old is None or not needed:
        return None, set()
    made: dict[bytes, list[int]] = {}
    lost: dict[int, set[Ref]] = {}
    unreadable: set[bytes] = set()
    for number, window in enumerate(offer.patch.windows):
        used = [offer.old.entries[span.file] for span in window.old]
        lost[number] = {Ref(entry.root, entry.size_bytes) for entry in used if entry.root not in have.sources}
        roots = {offer.manifest.entries[span.file].root for span in window.new}
        for root in roots:
            made.setdefault(root, []).append(number)
        if sum(ref.size_bytes for ref in lost[number]) >= window.output_bytes:
            unreadable |= roots
    by_patch = {root for root in needed if root in made and root not in unreadable}
    wanted = sorted({n for root in by_patch for n in made[root] if not _is_done(offer, n, root, have)})
    restores = sorted({ref for number in wanted for ref in lost[number]}, key=lambda ref: ref.root)
    return (PatchStep(offer, tuple(wanted), tuple(restores)) if wanted else None), by_patch


def _is_done(offer: Offer, number: int, root: bytes, have: Have) -> bool:
    """Whether an earlier try already staged what this window makes of the file ``root``."""
    assert offer.patch
    held = _held(offer, root, have)
    if not held:
        return False
    piece = offer.manifest.piece_bytes
    spans = [s for s in offer.patch.windows[number].new if offer.manifest.entries[s.file].root == root]
    return all(set(range(s.offset // piece, -(-(s.offset + s.length) // piece))) <= held for s in spans)


def _held(offer: Offer, root: bytes, have: Have) -> frozenset[int]:
    leaves = have.staged.get(root)
    if leaves is None:
        return _NOTHING_HELD
    return held_pieces(leaves, offer.layers.get(root, b""), root, offer.manifest.piece_bytes)


def _tree(offer: Offer, roots: Collection[bytes], have: Have) -> TreeStep:
    wanted: list[int] = []
    held: list[int] = []
    fetch_bytes = 0
    todo = set(roots)
    for entry, pieces in pieces_of(offer.manifest):
        if entry.root in todo:
            todo.discard(entry.root)
            mine = {pieces.start + piece for piece in _held(offer, entry.root, have)}
            held += sorted(mine)
            wanted += [piece for piece in pieces if piece not in mine]
            fetch_bytes += sum(_piece_bytes(offer, entry, p - pieces.start) for p in pieces if p not in mine)
        elif entry.root and have.intact.get(entry.path) == entry.root:
            held += pieces
    return TreeStep(offer, tuple(wanted), tuple(held), fetch_bytes)


def _piece_bytes(offer: Offer, entry: Entry, piece: int) -> int:
    return min(offer.manifest.piece_bytes, entry.size_bytes - piece * offer.manifest.piece_bytes)


def server_bytes(step: TreeStep) -> int:
    """What the pieces cost from the origin alone: windows of the full pack where it holds them, else themselves."""
    wanted = set(step.wanted)
    firsts = step.offer.manifest.first_pieces
    piece_bytes = step.offer.manifest.piece_bytes
    total, packed = 0, 0
    for window in step.offer.full.windows if step.offer.full else ():
        covered = 0
        for span in window.new:
            first = firsts[span.file] + span.offset // piece_bytes
            entry = step.offer.manifest.entries[span.file]
            covered += sum(
                _piece_bytes(step.offer, entry, p - firsts[span.file])
                for p in range(first, first - (-span.length // piece_bytes))
                if p in wanted
            )
        if covered > window.length:
            total, packed = total + window.length, packed + covered
    return total + step.fetch_bytes - packed


def _totals(
    copies: Sequence[Copy],
    patches: Sequence[PatchStep],
    trees: Sequence[TreeStep],
    places: Sequence[Place],
    have: Have,
    server_only: bool,
) -> Totals:
    patch_bytes = sum(step.fetch_bytes for step in patches)
    old_bytes = sum(r.length for s in patches if s.offer.patch for i in s.windows for r in s.offer.patch.windows[i].old)
    repaired = {step.offer.part.name for step in trees if have.modified or have.staged}
    costs = [(step, server_bytes(step) if server_only else step.fetch_bytes) for step in trees]
    write_bytes = sum(place.size_bytes for place in places)
    staged = sum(place.size_bytes for place in places if not place.copy and place.root in have.staged)
    return Totals(
        patch_bytes=patch_bytes,
        full_bytes=sum(cost for step, cost in costs if step.offer.part.name not in repaired),
        block_bytes=sum(cost for step, cost in costs if step.offer.part.name in repaired),
        read_bytes=sum(copy.size_bytes for copy in copies) + old_bytes,
        write_bytes=write_bytes - staged,
        peak_extra_bytes=write_bytes - staged + patch_bytes,
    )


def _with_files(
    totals: Totals, offers: Sequence[Offer], installed: Sequence[Manifest], have: Have, places: Sequence[Place]
) -> Totals:
    """The totals with the files counted by what happens to them."""
    old_paths = {e.path: e.root for m in installed for e in m.entries}
    old_roots = {root for root in old_paths.values() if root}
    new_paths = {entry.path for offer in offers for entry in offer.manifest.entries}
    added = [place for place in places if place.path not in old_paths]
    moved = sum(place.root in old_roots for place in added)
    gone = len(set(old_paths) - new_paths)
    return replace(
        totals,
        files_kept=len(new_paths) - len(places),
        files_added=len(added) - moved,
        files_changed=len(places) - len(added),
        files_moved=moved,
        files_removed=max(0, gone - moved),
        files_modified=have.modified,
    )

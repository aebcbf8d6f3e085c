"""The cheapest way to every missing byte, decided before the first one moves. Pure.

Install, update, repair, rollback, a change of parts and uninstall are all this one function: a signed list of parts,
and what the disk already has. A file that is not right where it stands, whole in staging or copied from anywhere comes
by windows of a patch, old files that somebody changed put back for it, or by pieces of the new tree, what other files
have of it put in: whichever is less to fetch. A plan never chains patches.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from patcher.beneath import Where
from patcher.content import merkle, records
from patcher.content.blocks import Rebuild
from patcher.content.manifest import Entry, Manifest
from patcher.content.merkle import Ref
from patcher.content.patch_index import Index, Window
from patcher.install.commit import Change
from patcher.install.scan import Have, folders_above, held_pieces
from patcher.protocol.events import Totals
from patcher.update import costs, pieces
from patcher.update.costs import Windows
from patcher.update.pieces import Pieces

_NOTHING_HELD: frozenset[int] = frozenset()
_NOTHING_FOUND: Mapping[bytes, Rebuild] = {}


@dataclass(frozen=True, slots=True)
class Offer:
    """One part of the release to reach, and what the publisher offers to build it from."""

    part: records.Part
    document: bytes
    """The manifest as it was signed, and read:"""
    manifest: Manifest
    old: Manifest | None = None
    """The manifest that ``patch`` is cut against."""
    patch: Index | None = None
    full: Index | None = None
    layers: Mapping[bytes, bytes] = field(default_factory=dict)
    """Root to piece layer; needed only where pieces or half-staged files are involved."""
    old_part: records.Part | None = None
    """The part as the release in place has it."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Stage a root from a local file."""

    root: bytes
    source: Where
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PatchStep:
    """Fetch and apply some windows of a part's patch."""

    offer: Offer
    windows: tuple[int, ...]
    restores: tuple[Rebuild, ...] = ()
    """Old files that somebody changed and that the windows need as they were."""

    @property
    def pack_bytes(self) -> int:
        """Bytes of windows and the maps they need, each map once; a small pack came with its index already."""
        assert self.offer.patch
        index = self.offer.patch
        windows = [index.windows[number] for number in self.windows] if index.pack else []
        maps = {each.offset: each.length for window in windows for each in index.filters_of(window).values()}
        return sum(window.length for window in windows) + sum(maps.values())


@dataclass(frozen=True, slots=True)
class TreeStep:
    """Fetch some pieces of a part's tree. Piece numbers are those of the part's torrent."""

    offer: Offer
    wanted: tuple[range, ...]
    """Runs of pieces, none beyond the end of a file: a few bytes of manifest may speak of eight million pieces."""
    held: tuple[int, ...]
    partial: Mapping[int, tuple[int, ...]]
    """Wanted pieces of which staging has some blocks when the step begins, each with those that it lacks."""
    fetch_bytes: int
    block_bytes: int
    """What of ``fetch_bytes`` is for files that are here in part."""

    @property
    def server_bytes(self) -> int:
        """Bytes to fetch when the origin alone delivers, which has a full pack."""
        return pieces.server_bytes(self.offer.manifest, self.offer.full, self.wanted, self.partial)


@dataclass(frozen=True, slots=True)
class Mend:
    """A large file that is repaired where it stands: only its wrong blocks are replaced."""

    path: str
    rebuild: Rebuild


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
    mends: tuple[Mend, ...] = ()
    rebuilds: tuple[Rebuild, ...] = ()
    """What local files have of files that the tree steps complete."""
    totals: Totals = Totals()

    @property
    def is_empty(self) -> bool:
        """Nothing to stage; there may still be files to remove."""
        return not self.places

    @property
    def needs_bytes(self) -> bool:
        """Something has to come from elsewhere."""
        return bool(self.patches or self.trees or self.mends)

    @property
    def roots(self) -> set[bytes]:
        """What is to be staged, empty files aside."""
        return {place.root for place in self.places if place.root}

    @property
    def restores(self) -> list[Rebuild]:
        """Old files that patches need as they were."""
        return [restore for step in self.patches for restore in step.restores]

    @property
    def sources(self) -> set[Where]:
        """The local files that are copied from."""
        rebuilds = (*self.rebuilds, *self.restores)
        return {copy.source for copy in self.copies} | {found.source for r in rebuilds for found in r.found}

    @property
    def reused_bytes(self) -> int:
        """Bytes of new files that local ones have."""
        return sum(copy.size_bytes for copy in self.copies) + sum(rebuild.found_bytes for rebuild in self.rebuilds)

    @property
    def local_bytes(self) -> int:
        """Bytes that are copied from local files."""
        return self.reused_bytes + sum(restore.found_bytes for restore in self.restores)


def staged_name(root: bytes, copy: int = 0) -> str:
    """Staged files are named by their content, so that any later job can use them."""
    return (root.hex() or "empty") + (f".{copy}" if copy else "")


def make(
    offers: Sequence[Offer],
    installed: Iterable[Manifest],
    have: Have,
    mends: Sequence[Mend] = (),
    found: Mapping[bytes, Rebuild] = _NOTHING_FOUND,
    *,
    server_only: bool,
) -> Plan:
    """Decide how to reach ``offers`` from what the disk has. ``installed``: the manifests of the release in place.

    ``found``: what a search found of new and of old files, by root.
    """
    mended = {mend.path for mend in mends}
    places = tuple(place for place in _places(offers, have) if place.path not in mended)
    needed = {place.root: place.size_bytes for place in places if place.root}
    copied = {r for r in needed if r in have.sources and not _is_whole(have.staged.get(r), r)}
    copies = tuple(Copy(root, have.sources[root], needed[root]) for root in sorted(copied))
    patches: list[PatchStep] = []
    trees: list[TreeStep] = []
    rebuilds: list[Rebuild] = []
    for offer, mine in missing(offers, have, mended):
        windows = windows_for(offer, mine, have)
        by_patch = _by_patch(offer, windows, have, found, server_only)
        if step := _patch(offer, windows, by_patch, found):
            patches.append(step)
        if by_tree := mine - by_patch:
            trees.append(_tree(offer, by_tree, have, found))
            rebuilds += [found[root] for root in sorted(by_tree & found.keys()) if found[root].found]
    plan = Plan(copies, tuple(patches), tuple(trees), places, tuple(mends), tuple(rebuilds))
    totals = _with_files(_totals(plan, have, server_only), offers, tuple(installed), have, places)
    return replace(plan, totals=totals)


def missing(offers: Sequence[Offer], have: Have, mended: Collection[str] = ()) -> Iterator[tuple[Offer, set[bytes]]]:
    """The roots that nothing local has whole, each with the first of the offers that has it."""
    needed = {place.root for place in _places(offers, have) if place.root and place.path not in mended}
    left = {r for r in needed if r not in have.sources and not _is_whole(have.staged.get(r), r)}
    for offer in offers:
        mine = left & {entry.root for entry in offer.manifest.entries}
        yield offer, mine
        left -= mine


def pieces_of(manifest: Manifest) -> Iterator[tuple[Entry, range]]:
    """Each entry with the pieces of the part's torrent that hold it."""
    for file, entry in enumerate(manifest.entries):
        yield entry, manifest.layout.pieces(file)


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


def windows_for(offer: Offer, needed: Collection[bytes], have: Have) -> Windows:
    """What of the offer's patch the ``needed`` roots need."""
    made: dict[bytes, set[int]] = {}
    lost: dict[int, frozenset[Ref]] = {}
    length: dict[int, int] = {}
    held = {root: _held(offer, root, have) for root in needed}
    unreadable: set[bytes] = set()
    for number, window in enumerate(offer.patch.windows if offer.patch and needed else ()):
        assert offer.patch and offer.old
        makes = {offer.manifest.entries[span.file].root for span in window.new} & held.keys()
        if not makes:
            continue
        for root in makes:
            made.setdefault(root, set()).update(() if _is_done(offer, window, root, held[root]) else (number,))
        used = {offer.old.entries[span.file] for span in window.old}
        lost[number] = frozenset(Ref(entry.root, entry.size_bytes) for entry in used if entry.root not in have.sources)
        length[number] = window.length if offer.patch.pack else 0
        if not have.gone.isdisjoint(ref.root for ref in lost[number]):
            unreadable |= makes
    return Windows({r: frozenset(numbers) for r, numbers in made.items() if r not in unreadable}, lost, length)


def _by_patch(
    offer: Offer, windows: Windows, have: Have, found: Mapping[bytes, Rebuild], server_only: bool
) -> set[bytes]:
    """The roots to make by windows."""
    if not any(windows.lost.values()) and windows.made.keys().isdisjoint(found):
        return set(windows.made)
    olds = {ref for refs in windows.lost.values() for ref in refs}
    restore_bytes = {ref.root: _restore(ref, found).fetch_bytes for ref in olds}
    mine = [entry for entry in offer.manifest.entries if entry.root in windows.made]
    alone_bytes = {entry.root: _pieces(offer, entry, have, found).fetch_bytes for entry in mine}
    if server_only and offer.full:
        packed = pieces.packed_bytes(offer.manifest, offer.full)
        alone_bytes = {root: min(size, packed.get(root, size)) for root, size in alone_bytes.items()}
    return costs.by_patch(windows, restore_bytes, alone_bytes)


def _patch(
    offer: Offer, windows: Windows, by_patch: Collection[bytes], found: Mapping[bytes, Rebuild]
) -> PatchStep | None:
    wanted = sorted({number for root in by_patch for number in windows.made[root]})
    olds = {ref for number in wanted for ref in windows.lost[number]}
    restores = tuple(_restore(ref, found) for ref in sorted(olds, key=lambda ref: ref.root))
    return PatchStep(offer, tuple(wanted), restores) if wanted else None


def _restore(old: Ref, found: Mapping[bytes, Rebuild]) -> Rebuild:
    return found.get(old.root) or Rebuild.of_nothing(old)


def _is_done(offer: Offer, window: Window, root: bytes, held: Collection[int]) -> bool:
    """Whether an earlier try already staged what this window makes of the file ``root``."""
    piece = offer.manifest.piece_bytes
    spans = (span for span in window.new if offer.manifest.entries[span.file].root == root)
    numbers = (n for span in spans for n in range(span.offset // piece, -(-span.end // piece)))
    return bool(held) and all(number in held for number in numbers)


def _held(offer: Offer, root: bytes, have: Have) -> frozenset[int]:
    leaves = have.staged.get(root)
    if leaves is None:
        return _NOTHING_HELD
    return held_pieces(leaves, offer.layers.get(root, b""), root, offer.manifest.piece_bytes)


def _pieces(offer: Offer, entry: Entry, have: Have, found: Mapping[bytes, Rebuild]) -> Pieces:
    if entry.root in found:
        return pieces.of_rebuild(entry, offer.manifest.piece_bytes, found[entry.root])
    return pieces.of_held(entry, offer.manifest.piece_bytes, _held(offer, entry.root, have))


def _tree(offer: Offer, roots: Collection[bytes], have: Have, found: Mapping[bytes, Rebuild]) -> TreeStep:
    wanted: list[range] = []
    held: list[int] = []
    partial: dict[int, tuple[int, ...]] = {}
    fetch_bytes = block_bytes = 0
    todo = set(roots)
    for entry, numbers in pieces_of(offer.manifest):
        if entry.root in todo:
            todo.discard(entry.root)
            mine = _pieces(offer, entry, have, found)
            here = sorted(numbers.start + piece for piece in mine.held)
            held += here
            wanted += pieces.without(numbers, here)
            partial |= {numbers.start + piece: blocks for piece, blocks in mine.partial.items()}
            fetch_bytes += mine.fetch_bytes
            block_bytes += mine.fetch_bytes if here or mine.partial else 0
        elif entry.root and have.intact.get(entry.path) == entry.root:
            held += numbers
    return TreeStep(offer, tuple(wanted), tuple(held), partial, fetch_bytes, block_bytes)


def _totals(plan: Plan, have: Have, server_only: bool) -> Totals:
    windows = ((step.offer.patch, number) for step in plan.patches for number in step.windows)
    old_bytes = sum(span.length for index, number in windows if index for span in index.windows[number].old)
    costs = [(step.server_bytes if server_only else step.fetch_bytes, step.block_bytes) for step in plan.trees]
    block_bytes = sum(min(cost, blocks) for cost, blocks in costs)
    mended_bytes = sum(mend.rebuild.fetch_bytes for mend in plan.mends)
    write_bytes = sum(place.size_bytes for place in plan.places)
    write_bytes -= sum(place.size_bytes for place in plan.places if not place.copy and place.root in have.staged)
    write_bytes += sum(restore.content.size_bytes for restore in plan.restores)
    patch_bytes = sum(step.pack_bytes for step in plan.patches)
    return Totals(
        patch_bytes=patch_bytes,
        full_bytes=sum(cost for cost, _ in costs) - block_bytes,
        block_bytes=block_bytes + mended_bytes + sum(restore.fetch_bytes for restore in plan.restores),
        read_bytes=plan.local_bytes + old_bytes,
        write_bytes=write_bytes + mended_bytes,
        peak_extra_bytes=write_bytes + patch_bytes,
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

"""The cheapest way to every missing byte, decided before the first one moves. Pure.

`make` serves every command: it takes a signed list of parts, and what the disk has. A file that is neither in place,
nor whole in staging, nor whole elsewhere comes in one of two ways, whichever fetches less: by windows of a patch, after
changed old files that they read were restored, or by pieces of the new tree, after local files gave what they have of
it. A plan never chains patches.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from patcher.beneath import Where
from patcher.content import merkle
from patcher.content.manifest import Manifest
from patcher.content.merkle import Ref
from patcher.content.patch_index import Window
from patcher.install.commit import Change
from patcher.install.scan import Have, folders_of, held_pieces
from patcher.protocol.events import Totals
from patcher.update.planning import costs
from patcher.update.planning.costs import Pieces, Rebuild
from patcher.update.planning.patch_or_whole import Windows, by_patch
from patcher.update.target import Offer, Target

_DEAR_BYTES = 1 << 20
"""Old files come as they are, new ones packed: to restore more than this is worth a look at the full pack's index."""
_NOTHING_HELD: frozenset[int] = frozenset()
_NOTHING_FOUND: Mapping[bytes, Rebuild] = {}


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
    """Old files that were changed since, to restore because the windows read them."""

    @property
    def pack_bytes(self) -> int:
        """Bytes of the windows and of the maps they need, each map once; 0 for a pack that came with its index."""
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
    """Runs of pieces, none across files: a few bytes of a manifest may speak of eight million pieces."""
    held: tuple[int, ...]
    partial: Mapping[int, tuple[int, ...]]
    """Wanted pieces of which staging has some blocks when the step begins, with the blocks that they lack."""
    fetch_bytes: int
    block_bytes: int
    """The share of ``fetch_bytes`` for files that are here in part."""

    @property
    def server_bytes(self) -> int:
        """Bytes to fetch if the origin alone delivers: it may have a full pack."""
        if self.offer.full is None:
            return self.fetch_bytes
        layout = self.offer.manifest.layout
        return self.fetch_bytes - costs.saved_bytes(layout, self.offer.full, self.wanted, self.partial)


@dataclass(frozen=True, slots=True)
class Mend:
    """A large file that is repaired where it stands: only its wrong blocks are replaced."""

    path: str
    rebuild: Rebuild


@dataclass(frozen=True, slots=True)
class NewFile:
    """A staged file and where it goes. ``copy`` numbers the files of one content."""

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
    files: tuple[NewFile, ...]
    mends: tuple[Mend, ...] = ()
    rebuilds: tuple[Rebuild, ...] = ()
    """What local files have of the files that tree steps complete."""
    totals: Totals = Totals()
    offers: tuple[Offer, ...] = ()
    """What the plan reaches, with layers and full pack where the plan needs them."""

    @property
    def packs(self) -> dict[Ref, int]:
        """The packs that come into the home folder, and the bytes to fetch of each."""
        indexes = ((step.offer.patch, step.pack_bytes) for step in self.patches)
        return {index.pack: size for index, size in indexes if index and index.pack and index.has_swarm}

    @property
    def needs_bytes(self) -> bool:
        """Whether anything has to be downloaded."""
        return bool(self.patches or self.trees or self.mends)

    @property
    def roots(self) -> set[bytes]:
        """The contents to stage; empty files have none."""
        return {file.root for file in self.files if file.root}

    @property
    def restores(self) -> list[Rebuild]:
        """Old files to restore because patches read them."""
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


@dataclass(frozen=True, slots=True)
class Work:
    """A target, what the disk has for it, and the plan that leads there."""

    target: Target
    have: Have
    plan: Plan


def staged_name(root: bytes, copy: int = 0) -> str:
    """The name of a staged file: by its content, so that any later job can use it."""
    return (root.hex() or "empty") + (f".{copy}" if copy else "")


def make(
    offers: Sequence[Offer],
    installed: Sequence[Manifest],
    have: Have,
    mends: Sequence[Mend] = (),
    found: Mapping[bytes, Rebuild] = _NOTHING_FOUND,
    *,
    server_only: bool,
    complete: Callable[[Offer], Offer] = lambda offer: offer,
) -> Plan:
    """Decide how to reach ``offers`` from what the disk has. ``installed``: the manifests of the release in place.

    ``found``: what a search found of new and of old files, by root. ``complete`` gives an offer its full pack's index
    and piece layers; it is called once for each part that needs them.
    """
    mended = {mend.path for mend in mends}
    files = _new_files(offers, have, mended)
    needed = {file.root: file.size_bytes for file in files if file.root and not _is_staged(file.root, have)}
    local = sorted(root for root in needed if root in have.sources)
    copies = tuple(Copy(root, have.sources[root], needed[root]) for root in local)
    parts: list[_Part] = []
    for offer, roots in _divided(offers, {root for root in needed if root not in have.sources}):
        part = _Part(offer, roots, have, found, server_only)
        whole = complete(offer) if part.needs_layers else offer
        parts.append(part if whole is offer else _Part(whole, roots, have, found, server_only))
    plan = Plan(
        copies,
        tuple(part.patch for part in parts if part.patch),
        tuple(part.tree for part in parts if part.tree),
        files,
        tuple(mends),
        tuple(rebuild for part in parts for rebuild in part.rebuilds),
        offers=tuple(part.offer for part in parts),
    )
    return replace(plan, totals=_totals(plan, installed, have, server_only))


def missing(offers: Sequence[Offer], have: Have, mended: Collection[str] = ()) -> Iterator[tuple[Offer, set[bytes]]]:
    """Each offer with the roots that come by it: those that no local file has whole, and no earlier offer has."""
    needed = {file.root for file in _new_files(offers, have, mended) if file.root}
    return _divided(offers, {root for root in needed if root not in have.sources and not _is_staged(root, have)})


def _divided(offers: Sequence[Offer], left: set[bytes]) -> Iterator[tuple[Offer, set[bytes]]]:
    for offer in offers:
        mine = {entry.root for entry in offer.manifest.entries if entry.root in left}
        yield offer, mine
        left -= mine


def change(plan: Plan, installed: Sequence[Manifest], have: Have, meta: Sequence[tuple[str, str]]) -> Change:
    """What the commit does once everything is staged. ``meta``: staged documents that become part of ``.shoal``."""
    new = [offer.manifest for offer in plan.offers]
    new_entries = {entry.path: entry for m in new for entry in m.entries}
    new_links = dict(link for m in new for link in m.links)
    old_paths = {path for m in installed for path in m.paths}
    new_folders, old_folders = folders_of(new), folders_of(installed)
    kept = set(new_entries) - {file.path for file in plan.files} - have.defaults
    return Change(
        folders=tuple(sorted(new_folders, key=lambda f: (f.count("/"), f))),
        place=tuple((file.staged, file.path, file.executable) for file in plan.files),
        links=tuple(sorted((p, t) for p, t in new_links.items() if have.links.get(p) != t)),
        modes=tuple(
            sorted((p, new_entries[p].executable) for p in kept if new_entries[p].executable != (p in have.executable))
        ),
        remove=tuple(sorted(old_paths - set(new_entries) - set(new_links))),
        remove_folders=tuple(sorted(old_folders - new_folders, key=lambda f: (-f.count("/"), f))),
        meta=tuple(meta),
    )


def _is_staged(root: bytes, have: Have) -> bool:
    return root in have.staged and merkle.root_of(have.staged[root]) == root


def _unwritten(root: bytes, size_bytes: int, have: Have) -> int:
    """The room that a file still needs in staging."""
    return 0 if _is_staged(root, have) else size_bytes - have.room_bytes.get(root, 0)


def _new_files(offers: Sequence[Offer], have: Have, mended: Collection[str]) -> tuple[NewFile, ...]:
    files: list[NewFile] = []
    copies: dict[bytes, int] = {}
    intact_root = have.intact.get
    for offer in offers:
        for entry in offer.manifest.entries:
            path = entry.path
            if intact_root(path) == entry.root or path in have.defaults:
                continue
            number = copies.get(entry.root, 0)
            copies[entry.root] = number + 1
            if path not in mended:
                files.append(NewFile(entry.root, entry.size_bytes, path, entry.executable, number))
    return tuple(files)


def windows_for(offer: Offer, needed: Collection[bytes], have: Have) -> Windows:
    """What the ``needed`` roots need of the offer's patch."""
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


def _is_done(offer: Offer, window: Window, root: bytes, held: Collection[int]) -> bool:
    """Whether an earlier job staged what this window makes of the file ``root``."""
    layout = offer.manifest.layout
    spans = (span for span in window.new if layout.roots[span.file] == root)
    pieces = ((layout.firsts[s.file], layout.covering(s.file, s.offset, s.length)) for s in spans)
    return bool(held) and all(number - first in held for first, numbers in pieces for number in numbers)


def _held(offer: Offer, root: bytes, have: Have) -> frozenset[int]:
    """The pieces that staging has of a file, numbered from its first: one content may be several files of the part."""
    leaves = have.staged.get(root)
    if leaves is None:
        return _NOTHING_HELD
    return held_pieces(leaves, offer.layers.get(root, b""), root, offer.manifest.piece_bytes)


class _Part:
    """How the missing files of one part come, by root: by windows of the patch, or by pieces of the tree."""

    def __init__(
        self, offer: Offer, roots: set[bytes], have: Have, found: Mapping[bytes, Rebuild], server_only: bool
    ) -> None:
        self.offer, self._roots, self._have, self._found, self._server_only = offer, roots, have, found, server_only
        windows = windows_for(offer, roots, have)
        by_patch = self._by_patch(windows)
        by_tree = roots - by_patch
        self.patch = self._patch(windows, by_patch)
        self.tree = self._tree(by_tree) if by_tree else None
        self.rebuilds = [found[root] for root in sorted(by_tree & found.keys()) if found[root].found]

    @property
    def needs_layers(self) -> bool:
        """Whether pieces are fetched, staging has half of a file, or the full pack may fetch less than old files."""
        restore_bytes = sum(old.fetch_bytes for old in self.patch.restores) if self.patch else 0
        is_half = not self._roots.isdisjoint(self._have.staged)
        return bool(self.tree) or is_half or (self._server_only and restore_bytes > _DEAR_BYTES)

    def _by_patch(self, windows: Windows) -> set[bytes]:
        """The roots to make by windows."""
        if not any(windows.lost.values()) and windows.made.keys().isdisjoint(self._found):
            return set(windows.made)
        olds = {ref for refs in windows.lost.values() for ref in refs}
        restore_bytes = {ref.root: self._restore(ref).fetch_bytes for ref in olds}
        roots = self.offer.manifest.layout.roots
        alone_bytes = {root: self._pieces(n).fetch_bytes for n, root in enumerate(roots) if root in windows.made}
        if self._server_only and self.offer.full:
            packed = costs.packed_bytes(self.offer.manifest, self.offer.full)
            alone_bytes = {root: min(size, packed.get(root, size)) for root, size in alone_bytes.items()}
        return by_patch(windows, restore_bytes, alone_bytes)

    def _patch(self, windows: Windows, by_patch: Collection[bytes]) -> PatchStep | None:
        wanted = sorted({number for root in by_patch for number in windows.made[root]})
        olds = {ref for number in wanted for ref in windows.lost[number]}
        restores = tuple(self._restore(ref) for ref in sorted(olds, key=lambda ref: ref.root))
        return PatchStep(self.offer, tuple(wanted), restores) if wanted else None

    def _tree(self, roots: Collection[bytes]) -> TreeStep:
        wanted: list[range] = []
        held: list[int] = []
        partial: dict[int, tuple[int, ...]] = {}
        fetch_bytes = block_bytes = 0
        todo = set(roots)
        layout, intact_root = self.offer.manifest.layout, self._have.intact.get
        for file, entry in enumerate(self.offer.manifest.entries):
            if entry.root in todo:
                todo.discard(entry.root)
                mine = self._pieces(file)
                held += mine.held
                wanted += costs.without(layout.pieces(file), mine.held)
                partial |= mine.partial
                fetch_bytes += mine.fetch_bytes
                block_bytes += mine.fetch_bytes if mine.held or mine.partial else 0
            elif entry.root and intact_root(entry.path) == entry.root:
                held += layout.pieces(file)
        return TreeStep(self.offer, tuple(wanted), tuple(held), partial, fetch_bytes, block_bytes)

    def _restore(self, old: Ref) -> Rebuild:
        return self._found.get(old.root) or Rebuild.of_nothing(old)

    def _pieces(self, file: int) -> Pieces:
        layout = self.offer.manifest.layout
        if rebuild := self._found.get(layout.roots[file]):
            return Pieces.of_rebuild(layout, file, rebuild)
        return Pieces.of_held(layout, file, _held(self.offer, layout.roots[file], self._have))


def _totals(plan: Plan, installed: Sequence[Manifest], have: Have, server_only: bool) -> Totals:
    windows = ((step.offer.patch, number) for step in plan.patches for number in step.windows)
    old_bytes = sum(span.length for index, number in windows if index for span in index.windows[number].old)
    trees = [(step.server_bytes if server_only else step.fetch_bytes, step.block_bytes) for step in plan.trees]
    block_bytes = sum(min(cost, blocks) for cost, blocks in trees)
    mended_bytes = sum(mend.rebuild.fetch_bytes for mend in plan.mends)
    write_bytes = sum(
        file.size_bytes if file.copy else _unwritten(file.root, file.size_bytes, have) for file in plan.files
    )
    write_bytes += sum(_unwritten(each.content.root, each.content.size_bytes, have) for each in plan.restores)
    patch_bytes = sum(step.pack_bytes for step in plan.patches)
    old_paths = {entry.path for m in installed for entry in m.entries}
    new_paths = {entry.path for offer in plan.offers for entry in offer.manifest.entries}
    added = {file.path: file.root for file in plan.files if file.path not in old_paths}
    new_roots = {root for root in added.values() if root}
    old_roots = {entry.root for m in installed for entry in m.entries if entry.root in new_roots}
    moved = sum(root in old_roots for root in added.values())
    return Totals(
        patch_bytes=patch_bytes,
        full_bytes=sum(cost for cost, _ in trees) - block_bytes,
        block_bytes=block_bytes + mended_bytes + sum(restore.fetch_bytes for restore in plan.restores),
        read_bytes=plan.local_bytes + old_bytes,
        write_bytes=write_bytes + mended_bytes,
        peak_extra_bytes=write_bytes + patch_bytes,
        home_bytes=sum(plan.packs.values()),
        files_kept=len(new_paths) - len(plan.files),
        files_added=len(added) - moved,
        files_changed=len(plan.files) - len(added),
        files_moved=moved,
        files_removed=max(0, len(old_paths - new_paths) - moved),
        files_modified=have.modified,
    )

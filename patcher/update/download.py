"""Carries out the steps of a plan that need bytes from elsewhere: packs through their swarm, trees through theirs.

`transfer.fetch` decides who delivers what; here verified bytes become staged files, windows as soon as they are whole.
"""

import dataclasses
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from patcher import disk, processes
from patcher.beneath import Beneath, Where
from patcher.content import codec, manifest, merkle, patch_index
from patcher.content.blocks import Rebuild, spans
from patcher.content.manifest import Manifest
from patcher.content.merkle import BLOCK_BYTES, Ref
from patcher.content.patch_index import Index, Window
from patcher.errors import Mismatch
from patcher.protocol.events import Phase, Sources
from patcher.seeding.pack_cache import Packs
from patcher.transfer.fetch import Layout, Sample, Torrent, fetch
from patcher.transfer.origin import ranges
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.limiter import RateLimiter
from patcher.transfer.origin.readers import PackSource, TreeSource
from patcher.transfer.swarm.session import Session
from patcher.update.decode import WORKERS, Decoders, Slice
from patcher.update.plan import PatchStep, Plan, TreeStep
from patcher.update.progress import Meter
from patcher.update.staging import Stage

_LOOK_S = 0.02


@dataclass
class Downloader:
    """Where the steps of one job get their bytes from."""

    origin: Origin
    session: Session | None
    packs: Packs
    trackers: tuple[str, ...]
    meter: Meter
    download_limit_bps: int = 0
    gathered: Sources = Sources()
    """Bytes by source, of all steps so far."""
    uploaded_bytes: int = 0
    """What the session gave to others meanwhile."""
    _before: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._limiter = RateLimiter(self.download_limit_bps)

    def carry_out(self, plan: Plan, stage: Stage, intact: Mapping[str, bytes], folder: Beneath) -> None:
        """All steps that need bytes from elsewhere. ``intact``: path to root of what is right in the ``folder``.

        Raises OriginError, ContentError, DiskError, Cancelled.
        """
        for mend in plan.mends:
            self._complete(folder / mend.path, mend.rebuild)
            disk.sync_file(folder / mend.path)
        for patch in plan.patches:
            self.patch(stage, patch, plan.roots)
        for tree in plan.trees:
            self.tree(stage, tree, intact, folder)

    def patch(self, stage: Stage, step: PatchStep, wanted: Collection[bytes]) -> None:
        """Fetch the windows of a patch and apply each as soon as it is whole.

        Raises OriginError when neither peers nor the origin have the pack, ContentError when a window is not as signed.
        """
        index = step.offer.patch
        assert index is not None
        for restore in step.restores:
            self._complete(stage.path(restore.content.root), restore)
            stage.restored(restore.content.root)
        with _Windows(stage, step, wanted, self.meter) as windows:
            if index.pack is None:
                windows.arrived(index.inline)
            elif not index.has_swarm:
                pack = self.origin.content(index.pack, as_content=True)
                self._count(Sources(origin_bytes=len(pack)))
                windows.arrived(pack)
            else:
                self._pack(index, step.offer.manifest.name, windows)
        self._step_done(step.pack_bytes)

    def pack(self, index: Index, part: str) -> None:
        """Fetch a whole pack for others, unless it has no swarm or is here. Raises OriginError, ContentError."""
        if index.pack is not None and index.has_swarm and not self.packs.has(index.pack):
            self._pack(index, part, None)

    def tree(self, stage: Stage, step: TreeStep, intact: Mapping[str, bytes], folder: Beneath) -> None:
        """Fetch pieces of the tree straight into staged files. Raises OriginError, ContentError."""
        m = step.offer.manifest
        wanted = frozenset(piece for run in step.wanted for piece in run)  # their layers are here: they are real
        paths = tuple(_places(stage, m, wanted | set(step.held), intact, folder))
        document = manifest.torrent(m, manifest.join_layers(m, step.offer.layers))
        torrent = Torrent(document, paths, self.trackers, partial=step.partial)
        source = TreeSource(self.origin, m, step.offer.full, torrent)
        self._fetch(torrent, frozenset(step.held), wanted, source, lambda pieces: None)
        self._step_done(step.fetch_bytes)

    def _complete(self, path: Beneath, rebuild: Rebuild) -> None:
        """Fetch the missing blocks of a file from the origin.

        Raises Mismatch for wrong ones, OriginError, both with the root as a fact.
        """
        content, hasher = rebuild.content, merkle.Hasher()
        wanted = spans(rebuild.missing_blocks(), content.size_bytes)
        received = ranges.read(self.origin.read, content, wanted, self._received)
        with disk.Staged(path, content.size_bytes) as file:
            for block, data in zip(rebuild.missing_blocks(), received, strict=True):
                if rebuild.leaves and not rebuild.is_right(block, data):
                    raise _wrong(content)
                hasher.update(data)
                file.write(block * BLOCK_BYTES, data)
                self.meter.watch(path.leaf, len(data))
        if not rebuild.leaves and merkle.root_of(hasher.leaves()) != content.root:
            raise _wrong(content)
        self._step_done(rebuild.fetch_bytes)

    def _received(self, count: int) -> None:
        self._count(Sources(origin_bytes=count))
        self._limiter.wait(count, self.meter.check)

    def _pack(self, index: Index, part: str, windows: "_Windows | None") -> None:
        """Fetch the pieces that the windows need, or all, into the pack cache."""
        assert index.pack is not None
        with self.packs.open(index.pack) as path:
            torrent = Torrent(patch_index.pack_torrent(index, part), (path,), self.trackers)
            layout = Layout.parse(torrent.data)
            have = layout.held(torrent.paths)
            wanted = frozenset(range(layout.count))
            if windows:
                windows.read_from(path, index.piece_bytes, have)
                wanted = windows.pieces
            source = PackSource(self.origin, index.pack, index.piece_bytes)
            self._fetch(torrent, have, wanted - have, source, windows.take if windows else lambda pieces: None)
            if len(have | wanted) == layout.count:
                self.packs.keep(index.pack, torrent.data)

    def _fetch(
        self,
        torrent: Torrent,
        have: Collection[int],
        wanted: Collection[int],
        source: PackSource | TreeSource,
        on_pieces: Callable[[Sequence[int]], None],
    ) -> None:
        sent_bytes, done_bytes = self._sent_bytes(), 0

        def sample(now: Sample) -> None:
            nonlocal done_bytes
            if now.done_bytes > done_bytes:
                done_bytes = now.done_bytes
                self.origin.progressed()
            self.meter.peers, self.meter.pieces = now.peers, now.pieces
            self.meter.sent(self.uploaded_bytes + self._sent_bytes() - sent_bytes)
            self.meter.sources = _sum(self.gathered, now.sources)
            self.meter.reach(self._before + now.done_bytes)

        if wanted:
            got = fetch(
                self.session, torrent, have, wanted, source, on_pieces, sample, self.meter.cancelled,
                download_limit_bps=self.download_limit_bps,
            )  # fmt: skip
            self.uploaded_bytes += self._sent_bytes() - sent_bytes
            self._count(got)

    def _sent_bytes(self) -> int:
        counters = self.session.counters().values() if self.session else ()
        return sum(each.sent_bytes for each in counters)

    def _count(self, got: Sources) -> None:
        self.gathered = self.meter.sources = _sum(self.gathered, got)

    def _step_done(self, step_bytes: int) -> None:
        """What the step brought is verified, and the next one's progress begins behind it."""
        self.origin.progressed()
        self._before += step_bytes
        self.meter.reach(self._before)


def _places(
    stage: Stage, m: Manifest, used: frozenset[int], intact: Mapping[str, bytes], folder: Beneath
) -> list[Where]:
    """Where each file of the torrent is: in place, in staging, or (not needed) nowhere."""
    places: list[Where] = []
    for number, (entry, first) in enumerate(zip(m.entries, m.first_pieces, strict=False)):
        if entry.root and intact.get(entry.path) == entry.root:
            places.append(folder / entry.path)
        elif not used.isdisjoint(range(first, m.first_pieces[number + 1])):
            places.append(stage.path(entry.root))
            disk.Staged(places[-1], entry.size_bytes).close()  # the session opens by name what we have made
        else:
            places.append(stage.folder / f"unused.{number}")
    return places


def _wrong(content: Ref) -> Mismatch:
    return Mismatch(f"The server has wrong bytes of {content.hex}.", content.root)


def _sum(a: Sources, b: Sources) -> Sources:
    pairs = zip(dataclasses.astuple(a), dataclasses.astuple(b), strict=True)
    return Sources(*(x + y for x, y in pairs))


class _Windows:
    """The windows of a step: which pieces they need, and the decoders that get those that are whole."""

    def __init__(self, stage: Stage, step: PatchStep, wanted: Collection[bytes], meter: Meter) -> None:
        assert step.offer.patch is not None
        self._stage, self._step, self._wanted, self._meter = stage, step, wanted, meter
        self._index = step.offer.patch
        self._todo = {number: self._index.windows[number] for number in step.windows}
        self._output_bytes = sum(window.output_bytes for window in self._todo.values())
        self._decoders = Decoders(WORKERS if self._output_bytes > codec.WINDOW_BYTES else 1)
        self._have: set[int] = set()
        self._piece_bytes = 1
        self._data: Callable[[int, int], bytes | Slice] = lambda offset, length: b""

    def __enter__(self) -> Self:
        processes.trim_heap()  # what planning took, before the decoders take theirs
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with self._decoders:
            if kind is None and not self._decoders.is_idle:
                self._meter.begin(Phase.STAGE, self._output_bytes)
            while kind is None and not self._decoders.is_idle:
                self._decoders.look()
                self._meter.reach(self._decoders.done_bytes)
                time.sleep(_LOOK_S)

    @property
    def pieces(self) -> frozenset[int]:
        """The pieces of the pack that hold the windows and the maps that they read through."""
        return frozenset(piece for window in self._todo.values() for piece in self._pieces(window))

    def arrived(self, pack: bytes) -> None:
        """The whole pack is here."""
        self._data = lambda offset, length: pack[offset : offset + length]
        for number in list(self._todo):
            self._start(number)

    def read_from(self, path: Where, piece_bytes: int, have: Collection[int]) -> None:
        """Pieces come into the file ``path``; some are in it already."""
        self._data = lambda offset, length: (path, offset, length)
        self._piece_bytes = piece_bytes
        wanted = self.pieces
        self.take([piece for piece in have if piece in wanted])

    def take(self, pieces: Sequence[int]) -> None:
        """More pieces are right and readable. Raises what an earlier window failed with."""
        self._have.update(pieces)
        for number, window in list(self._todo.items()):
            if self._have.issuperset(self._pieces(window)):
                self._start(number)
        self._decoders.look()

    def _pieces(self, window: Window) -> Iterator[int]:
        """None for a copy, unless it reads through maps."""
        maps = self._index.filters_of(window).values()
        for offset, length in ((window.offset, window.length), *((each.offset, each.length) for each in maps)):
            if length:
                yield from range(offset // self._piece_bytes, -(-(offset + length) // self._piece_bytes))

    def _start(self, number: int) -> None:
        window = self._todo.pop(number)
        self._decoders.add(self._stage.task(self._step.offer, window, self._data, self._wanted))

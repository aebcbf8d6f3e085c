"""Carries out the steps of a plan that need bytes from elsewhere: packs through their swarm, trees through theirs.

`transfer.fetch` decides who delivers what; here verified pieces become staged files, windows as soon as they are whole.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from patcher import disk, processes
from patcher.beneath import Beneath, Where
from patcher.content import codec, merkle
from patcher.content.merkle import BLOCK_BYTES, Ref, spans
from patcher.content.patch_index import Index, Window
from patcher.errors import DiskError, Mismatch, OriginError
from patcher.protocol.events import Phase, Sources
from patcher.seeding.pack_cache import Packs
from patcher.transfer.fetch import Want, fetch
from patcher.transfer.origin import ranges
from patcher.transfer.origin.limiter import RateLimiter
from patcher.transfer.origin.pool import PieceSource
from patcher.transfer.origin.readers import PackSource, TreeSource
from patcher.transfer.sample import Sample
from patcher.transfer.swarm.torrent import Torrent
from patcher.update.decode import WORKERS, Decoders, Slice
from patcher.update.planning.costs import Rebuild
from patcher.update.planning.plan import PatchStep, Plan, TreeStep
from patcher.update.progress import Meter
from patcher.update.staging import Stage
from patcher.update.target import Access

_LOOK_S = 0.02


class Downloader:
    """Brings what the disk lacks from the origin and from peers. Every method raises OriginError, ContentError,
    DiskError and Cancelled.
    """

    def __init__(self, access: Access, packs: Packs, meter: Meter) -> None:
        if access.feed is None:
            raise OriginError("origin.no_source", "Some bytes are missing, and there is no network to use.")
        self._origin, self._trackers = access.feed.origin, access.feed.record.trackers
        self._session = access.session_for()
        self._limit = access.download_limit
        self._limiter = RateLimiter()
        self._packs, self._meter = packs, meter
        self._done_bytes = 0
        """Of the steps that are done, as planned, and of earlier runs of the job."""
        self._is_decoding = False

    def take_steps(self, plan: Plan, stage: Stage, intact: Mapping[str, bytes], done_bytes: int = 0) -> None:
        """Take all steps of the plan. ``intact``: path to root of the installed files that are right.

        ``done_bytes`` of the download are done before.
        """
        self._done_bytes = done_bytes
        installed = stage.install.root
        for mend in plan.mends:
            self._complete(installed / mend.path, mend.rebuild)
            disk.sync_file(installed / mend.path)
        for patch in plan.patches:
            self._patch(stage, patch, plan.roots)
        for tree in plan.trees:
            self._tree(stage, tree, intact)

    def pack(self, index: Index, part: str) -> None:
        """Fetch a whole pack for others, unless it has no swarm or is here."""
        if index.pack is not None and index.has_swarm and not self._packs.has(index.pack):
            self._pack(index, part, None)

    def whole(self, pack: Ref, torrent: Torrent) -> None:
        """Fetch a pack that is the only file of a torrent, and keep it for others."""
        with self._packs.open(pack) as path:
            have, pieces = torrent.held(), frozenset(range(torrent.layout.count))
            self._fetch(
                Want(torrent, pieces, have), PackSource(self._origin.read, torrent.layout), None, pack.size_bytes
            )
            disk.sync_file(path)  # it waits for its launch, and no power cut takes it away
            disk.sync_folder(path.parent)  # its name, too, before the mark that says it is here
            self._packs.keep(pack, torrent.data)
        self._step_done(pack.size_bytes)

    def _complete(self, path: Beneath, rebuild: Rebuild) -> None:
        """Fetch the missing blocks of a file from the origin. Errors name the root of the file."""
        self._go_on_downloading()
        content, hasher = rebuild.content, merkle.Hasher()
        wanted = spans(rebuild.missing_blocks(), content.size_bytes)
        received = ranges.read(self._origin.read, content, wanted, self._received)
        with disk.Staged(path, content.size_bytes) as file:
            for block, data in zip(rebuild.missing_blocks(), received, strict=True):
                if rebuild.leaves and not rebuild.matches(block, data):
                    raise _wrong(content)
                hasher.update(data)
                file.write(block * BLOCK_BYTES, data)
                self._meter.watch(path.name, len(data))
        if not rebuild.leaves and merkle.root_of(hasher.leaves()) != content.root:
            raise _wrong(content)
        self._step_done(rebuild.fetch_bytes)

    def _patch(self, stage: Stage, step: PatchStep, wanted: Collection[bytes]) -> None:
        """Fetch the windows of a patch and decode each as soon as it is whole, into files of the ``wanted`` roots."""
        index = step.offer.patch
        assert index is not None
        for restore in step.restores:
            self._complete(stage.path(restore.content.root), restore)
            stage.restored(restore.content.root)
        self._go_on_downloading()
        processes.trim_heap()  # the memory that planning took, before the decoders take theirs
        windows = _Windows(stage, step, wanted)
        with windows.decoders:
            if index.has_swarm:
                self._pack(index, step.offer.manifest.name, windows, step.pack_bytes)
            else:
                windows.take_all(self._small_pack(index))
            self._step_done(step.pack_bytes)
            self._decode_rest(windows)

    def _tree(self, stage: Stage, step: TreeStep, intact: Mapping[str, bytes]) -> None:
        """Fetch pieces of the tree straight into staged files."""
        self._go_on_downloading()
        m = step.offer.manifest
        pieces = frozenset(piece for run in step.wanted for piece in run)  # their layers are here: they are real
        held = frozenset(step.held)
        paths = stage.torrent_paths(m, pieces | held, intact)
        torrent = replace(Torrent.of_tree(m, step.offer.layers, paths, self._trackers), partial=step.partial)
        source = TreeSource(self._origin.read, torrent, step.offer.full)
        self._fetch(Want(torrent, pieces, held), source, step_bytes=step.fetch_bytes)
        self._step_done(step.fetch_bytes)

    def _small_pack(self, index: Index) -> bytes:
        """A pack without a swarm: it came with the index, or the origin has it."""
        if index.pack is None:
            return index.inline
        pack = self._origin.content(index.pack, as_content=True)
        self._meter.transfer(self._meter.transferred + Sample(Sources(origin_bytes=len(pack))))
        return pack

    def _pack(self, index: Index, part: str, windows: "_Windows | None", step_bytes: int = 0) -> None:
        """Fetch the pieces that the windows need, or all, into the pack cache; a drive that is full gets them back.

        ``step_bytes``: see `_fetch`.
        """
        try:
            self._fetch_pack(index, part, windows, step_bytes)
        except DiskError:
            self._packs.leave_room()
            raise

    def _fetch_pack(self, index: Index, part: str, windows: "_Windows | None", step_bytes: int) -> None:
        assert index.pack is not None
        with self._packs.open(index.pack) as path:
            torrent = Torrent.of_pack(index, part, path, self._trackers)
            have = torrent.held()
            pieces = frozenset(range(index.layout.count))
            if windows:
                windows.read_from(path, have)
                pieces = windows.pieces
            source = PackSource(self._origin.read, index.layout)
            self._fetch(Want(torrent, pieces, have), source, windows, step_bytes)
            if len(have | pieces) == index.layout.count:
                self._packs.keep(index.pack, torrent.data)

    def _fetch(self, wanted: Want, source: PieceSource, windows: "_Windows | None" = None, step_bytes: int = 0) -> None:
        """Fetch pieces. ``step_bytes``: what the plan counts for the step."""
        before, missing_bytes = self._meter.transferred, sum(map(wanted.torrent.missing_bytes, wanted.missing))
        done_bytes = self._done_bytes + max(0, step_bytes - missing_bytes)  # an earlier run of the job brought the rest
        self._meter.reach(done_bytes)
        with closing(fetch(self._session, wanted, source, download_limit=self._limit)) as events:
            for event in events:
                if isinstance(event, Sample):
                    self._meter.transfer(before + event)
                    self._meter.reach(done_bytes + event.done_bytes)
                    continue
                self._origin.progressed()
                if windows:
                    windows.take(event.pieces)

    def _decode_rest(self, windows: "_Windows") -> None:
        """Wait until all windows are decoded."""
        decoders = windows.decoders
        if not decoders.is_idle:
            self._is_decoding = True
            self._meter.begin(Phase.STAGE, windows.output_bytes)
        while not decoders.is_idle:
            decoders.poll()
            self._meter.reach(decoders.done_bytes)
            time.sleep(_LOOK_S)

    def _received(self, count: int) -> None:
        """Count what the origin sent outside of `fetch`, when it fits the limit."""

        def check() -> None:
            self._limiter.limit_bps = self._limit()
            self._meter.check()

        try:
            self._limiter.wait(count, check)
        finally:
            self._meter.transfer(self._meter.transferred + Sample(Sources(origin_bytes=count)))

    def _go_on_downloading(self) -> None:
        """Enter the download again if the windows of the step before were decoded meanwhile."""
        if self._is_decoding:
            self._is_decoding = False
            self._meter.begin(Phase.FETCH, self._meter.downloaded[1], self._done_bytes)

    def _step_done(self, step_bytes: int) -> None:
        """All that the step brought is verified; the progress of the next one begins behind it."""
        self._origin.progressed()
        self._done_bytes += step_bytes
        self._meter.reach(self._done_bytes)


def _wrong(content: Ref) -> Mismatch:
    return Mismatch(f"The server has wrong bytes of {content.hex}.", content.root)


class _Windows:
    """The windows of one step. Each goes to the decoders as soon as the pieces of the pack that it needs are here."""

    def __init__(self, stage: Stage, step: PatchStep, wanted: Collection[bytes]) -> None:
        assert step.offer.patch is not None
        self._stage, self._step, self._wanted = stage, step, wanted
        self._index = step.offer.patch
        self._todo = {number: self._index.windows[number] for number in step.windows}
        self.output_bytes = sum(window.output_bytes for window in self._todo.values())
        self.decoders = Decoders(WORKERS if self.output_bytes > codec.WINDOW_BYTES else 1)
        self._have: set[int] = set()
        self._data: Callable[[int, int], bytes | Slice] = lambda offset, length: b""

    @property
    def pieces(self) -> frozenset[int]:
        """The pieces of the pack that hold the windows and the maps that they read through."""
        return frozenset(piece for window in self._todo.values() for piece in self._pieces(window))

    def take_all(self, pack: bytes) -> None:
        """The whole pack is here."""
        self._data = lambda offset, length: pack[offset : offset + length]
        for number in list(self._todo):
            self._start(number)

    def read_from(self, path: Where, have: Collection[int]) -> None:
        """Pieces come into the file ``path``; some are in it already."""
        self._data = lambda offset, length: (path, offset, length)
        wanted = self.pieces
        self.take([piece for piece in have if piece in wanted])

    def take(self, pieces: Sequence[int]) -> None:
        """More pieces are verified and readable. Raises ContentError or DiskError when an earlier window failed."""
        self._have.update(pieces)
        for number, window in list(self._todo.items()):
            if self._have.issuperset(self._pieces(window)):
                self._start(number)
        self.decoders.poll()

    def _pieces(self, window: Window) -> Iterator[int]:
        """The pieces that a window needs: none for a copy, unless it reads through maps."""
        maps = self._index.filters_of(window).values()
        for offset, length in ((window.offset, window.length), *((each.offset, each.length) for each in maps)):
            if length:
                yield from self._index.layout.covering(0, offset, length)

    def _start(self, number: int) -> None:
        window = self._todo.pop(number)
        self.decoders.add(self._stage.task(self._step.offer, window, self._data, self._wanted))

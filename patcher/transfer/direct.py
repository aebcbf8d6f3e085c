"""P2P off: from the origin straight into the files, without libtorrent, which would cost three times the work."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from queue import Empty, Full, Queue
from types import TracebackType
from typing import Self

from patcher import disk
from patcher.beneath import Where
from patcher.content.layout import Layout, Torrent
from patcher.errors import Cancelled, OriginError
from patcher.transfer.origin.limiter import RateLimiter
from patcher.transfer.origin.pool import CONNECTIONS, OriginPool, PieceSource
from patcher.transfer.picture import picture

_REQUEST_BYTES = 16 << 20
_QUEUE_BYTES = 8 << 20
_FILES_OPEN = 32
_LOOK_S = 0.05
_REPORT_S = 0.1


def fetch(
    torrent: Torrent,
    layout: Layout,
    wanted: Collection[int],
    source: PieceSource,
    on_pieces: Callable[[Sequence[int]], None],
    on_progress: Callable[[int, int, str], None],
    cancel: Callable[[], bool],
    pace: RateLimiter,
) -> None:
    """As `fetch.fetch`, from ``source`` alone; ``on_progress(received, done, pieces)`` ten times a second."""
    arrived: Queue[tuple[int, bytes]] = Queue(max(4, _QUEUE_BYTES // layout.piece_bytes))
    is_over = False

    def deliver(piece: int, data: bytes) -> None:
        while not is_over:
            try:
                return arrived.put((piece, data), timeout=_LOOK_S)
            except Full:
                pass
        raise Cancelled

    supply = OriginPool(source, layout, deliver, lambda: None, pace)
    try:
        with _Files(torrent.paths, layout) as files:
            _Direct(supply, files, torrent, layout, wanted, on_pieces, on_progress).run(arrived, cancel)
    finally:
        is_over = True
        supply.close()


class _Direct:
    def __init__(
        self,
        supply: OriginPool,
        files: "_Files",
        torrent: Torrent,
        layout: Layout,
        wanted: Collection[int],
        on_pieces: Callable[[Sequence[int]], None],
        on_progress: Callable[[int, int, str], None],
    ) -> None:
        self._supply = supply
        self._files = files
        self._torrent = torrent
        self._layout = layout
        self._wanted = frozenset(wanted)
        self._in_order = sorted(wanted)
        self._missing = set(wanted)
        self._unasked = set(wanted)
        self._order = deque(sorted(wanted))
        self._on_pieces = on_pieces
        self._on_progress = on_progress
        self._done_bytes = 0
        self._told_at = time.monotonic()

    def run(self, arrived: "Queue[tuple[int, bytes]]", cancel: Callable[[], bool]) -> None:
        while self._missing:
            if cancel():
                raise Cancelled
            self._ask()
            pieces = list(self._written(arrived))
            if pieces:
                self._on_pieces(pieces)
            now = time.monotonic()
            if now - self._told_at >= _REPORT_S:
                self._told_at = now
                self._tell()
        self._tell()

    def _tell(self) -> None:
        done = self._wanted - self._missing
        pieces = picture(self._in_order, done, done, self._supply.busy(), "p")
        self._on_progress(self._supply.received_bytes, self._done_bytes, pieces)

    def _ask(self) -> None:
        """Keep all lines busy. Raises what the origin says when it can bring nothing more."""
        supply = self._supply
        supply.check()
        is_hopeless = supply.is_over or isinstance(supply.error, OriginError)
        self._ask_again(supply.take_missed())
        limit = max(4, _REQUEST_BYTES // self._layout.piece_bytes)
        while self._unasked and not is_hopeless and supply.running() < CONNECTIONS:
            first = self._order.popleft()
            if first in self._unasked:
                self._unasked.difference_update(supply.ask(first, limit, self._unasked.__contains__))
        if supply.error and is_hopeless and not supply.running():
            raise supply.error

    def _ask_again(self, missed: set[int]) -> None:
        self._unasked |= missed & self._missing
        self._order.extendleft(sorted(missed & self._missing, reverse=True))

    def _written(self, arrived: "Queue[tuple[int, bytes]]") -> Iterator[int]:
        """Write what has arrived; the pieces written. Waits a moment for the first."""
        timeout_s = _LOOK_S
        try:
            while True:
                piece, data = arrived.get(timeout=timeout_s) if timeout_s else arrived.get_nowait()
                timeout_s = 0.0
                if piece in self._missing:
                    self._missing.discard(piece)
                    self._files.write(piece, data)
                    self._done_bytes += self._torrent.lacking_bytes(piece, len(data))
                    yield piece
        except Empty:
            return


class _Files:
    """The files of a torrent, a few of them open."""

    def __init__(self, paths: Sequence[Where], layout: Layout) -> None:
        self._paths = paths
        self._layout = layout
        self._open: OrderedDict[int, disk.Staged] = OrderedDict()

    def write(self, piece: int, data: bytes) -> None:
        span = self._layout.span(piece)
        staged = self._open.pop(span.file, None)
        if staged is None:
            staged = self._new(span.file)
        self._open[span.file] = staged
        staged.write(span.offset, data)

    def _new(self, file: int) -> disk.Staged:
        if len(self._open) >= _FILES_OPEN:
            self._open.popitem(last=False)[1].close()
        path = self._paths[file]
        disk.make_folder(path.parent)
        return disk.Staged(path, self._layout.sizes[file])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for staged in self._open.values():
            staged.close()

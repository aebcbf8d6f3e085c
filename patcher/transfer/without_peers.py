"""Fetch from the origin alone, straight into the files: libtorrent would cost three times the work."""

import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, Full, Queue

from patcher import disk
from patcher.beneath import Where
from patcher.content.layout import PieceLayout
from patcher.errors import Cancelled, OriginError
from patcher.protocol.events import Sources
from patcher.transfer.origin.limiter import RateLimiter
from patcher.transfer.origin.pool import CONNECTIONS, OriginPool, PieceSource
from patcher.transfer.sample import Sample, piece_map
from patcher.transfer.swarm.torrent import Torrent

_REQUEST_BYTES = 16 << 20
_QUEUE_BYTES = 8 << 20
_FILES_OPEN = 32
_LOOK_S = 0.05
_STEP_S = 0.1
"""A step writes no longer than this, however fast more arrives."""


class WithoutPeers:
    """One fetch of the ``wanted`` pieces. Used by one thread; `close` ends it."""

    def __init__(self, torrent: Torrent, wanted: frozenset[int], source: PieceSource, limiter: RateLimiter) -> None:
        self._torrent = torrent
        self._layout = torrent.layout
        self._wanted = wanted
        self._in_order = sorted(wanted)
        self._missing = set(wanted)
        self._unasked = set(wanted)
        self._queue = deque(self._in_order)
        self._done_bytes = 0
        self._files = _Files(torrent.paths, self._layout)
        self._arrived: Queue[tuple[int, bytes]] = Queue(max(4, _QUEUE_BYTES // self._layout.piece_bytes))
        self._is_closing = False
        self._pool = OriginPool(source, self._layout, self._deliver, lambda: None, limiter)

    def step(self) -> list[int]:
        """Keep all connections busy, wait a moment, and write what has arrived. Returns the pieces written.

        Raises DiskError; OriginError or ContentError when the origin can bring nothing more.
        """
        self._ask()
        pieces, until = list[int](), time.monotonic() + _STEP_S
        with suppress(Empty):
            while time.monotonic() < until:
                piece, data = self._arrived.get(timeout=0.0 if pieces else _LOOK_S)
                if piece in self._missing:
                    self._missing.discard(piece)
                    self._files.write(piece, data)
                    self._done_bytes += self._torrent.missing_bytes(piece)
                    pieces.append(piece)
        return pieces

    def sample(self) -> Sample:
        """How far we are."""
        done = self._wanted - self._missing
        pieces = piece_map(self._in_order, done, done, self._pool.busy(), "p")
        return Sample(Sources(origin_bytes=self._pool.received_bytes), self._done_bytes, pieces=pieces)

    def close(self) -> None:
        """End all requests to the origin and close the files."""
        self._is_closing = True
        self._pool.close()
        self._files.close()

    def _deliver(self, piece: int, data: bytes) -> None:
        """Queue a piece to be written, as soon as there is room. Runs on a thread of the pool."""
        while not self._is_closing:
            with suppress(Full):
                return self._arrived.put((piece, data), timeout=_LOOK_S)
        raise Cancelled

    def _ask(self) -> None:
        pool = self._pool
        pool.check()
        is_hopeless = pool.is_over or isinstance(pool.error, OriginError)
        missed = pool.take_failed() & self._missing
        self._unasked |= missed
        self._queue.extendleft(sorted(missed, reverse=True))
        limit = max(4, _REQUEST_BYTES // self._layout.piece_bytes)
        while self._unasked and not is_hopeless and pool.running() < CONNECTIONS:
            first = self._queue.popleft()
            if first in self._unasked:
                self._unasked.difference_update(pool.ask(first, limit, self._unasked.__contains__))
        if pool.error and is_hopeless and not pool.running():
            raise pool.error


class _Files:
    """The files of a torrent, a few of them open."""

    def __init__(self, paths: Sequence[Where], layout: PieceLayout) -> None:
        self._paths = paths
        self._layout = layout
        self._open: OrderedDict[int, disk.Staged] = OrderedDict()

    def write(self, piece: int, data: bytes) -> None:
        """Put a piece in its place. Raises DiskError."""
        span = self._layout.span(piece)
        staged = self._open.pop(span.file, None) or self._new(span.file)
        self._open[span.file] = staged
        staged.write(span.offset, data)

    def _new(self, file: int) -> disk.Staged:
        if len(self._open) >= _FILES_OPEN:
            self._open.popitem(last=False)[1].close()
        path = self._paths[file]
        disk.make_folder(path.parent)
        return disk.Staged(path, self._layout.sizes[file])

    def close(self) -> None:
        """Close them all."""
        for staged in self._open.values():
            staged.close()

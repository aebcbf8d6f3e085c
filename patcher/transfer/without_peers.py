"""Fetch from the origin alone, straight into the files: libtorrent would cost three times the work."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Full, Queue

from patcher import disk
from patcher.errors import Cancelled, OriginError
from patcher.protocol.events import Sources
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
    """One fetch of the ``wanted`` pieces. Used by one thread; `close` ends it.

    ``limit``: the download limit in bytes a second, as it stands now; 0 is none.
    """

    def __init__(self, torrent: Torrent, wanted: frozenset[int], source: PieceSource, limit: Callable[[], int]) -> None:
        self._torrent = torrent
        self._layout = torrent.layout
        self._wanted = wanted
        self._in_order = sorted(wanted)
        self._queue = deque(self._in_order)
        self._unasked = set(wanted)
        self._done: set[int] = set()
        self._done_bytes = 0
        self._open: dict[int, disk.Staged] = {}
        """Files by number, the least recently written one first."""
        self._arrived: Queue[tuple[int, bytes]] = Queue(max(4, _QUEUE_BYTES // self._layout.piece_bytes))
        self._pool = OriginPool(source, self._layout, self._deliver)
        self._limit = limit

    def step(self) -> list[int]:
        """Keep all connections busy, wait a moment, and write what has arrived. Returns the pieces written.

        Raises DiskError; OriginError or ContentError when the origin can bring nothing more.
        """
        self._pool.limiter.limit_bps = self._limit()
        self._ask()
        pieces, until = list[int](), time.monotonic() + _STEP_S
        with suppress(Empty):
            while time.monotonic() < until:
                piece, data = self._arrived.get(timeout=0.0 if pieces else _LOOK_S)
                if piece in self._wanted and piece not in self._done:
                    self._write(piece, data)
                    self._done.add(piece)
                    self._done_bytes += self._torrent.missing_bytes(piece)
                    pieces.append(piece)
        return pieces

    def sample(self) -> Sample:
        """How far the fetch is."""
        pieces = piece_map(self._in_order, self._done, self._done, self._pool.busy(), "p")
        return Sample(Sources(origin_bytes=self._pool.received_bytes), self._done_bytes, pieces=pieces)

    def close(self) -> None:
        """End all requests to the origin and close the files."""
        self._pool.close()
        for staged in self._open.values():
            staged.close()

    def _ask(self) -> None:
        pool = self._pool
        pool.check()
        is_hopeless = pool.is_over or isinstance(pool.error, OriginError)
        missed = pool.take_failed() - self._done
        self._unasked |= missed
        self._queue.extendleft(sorted(missed, reverse=True))
        limit = max(4, _REQUEST_BYTES // self._layout.piece_bytes)
        while self._unasked and not is_hopeless and pool.running() < CONNECTIONS:
            first = self._queue.popleft()
            if first in self._unasked:
                self._unasked.difference_update(pool.ask(first, limit, self._unasked.__contains__))
        if pool.error and is_hopeless and not pool.running():
            raise pool.error

    def _deliver(self, piece: int, data: bytes) -> None:
        """Queue a piece to be written, as soon as there is room. Runs on a thread of the pool."""
        while not self._pool.is_closed:
            with suppress(Full):
                return self._arrived.put((piece, data), timeout=_LOOK_S)
        raise Cancelled

    def _write(self, piece: int, data: bytes) -> None:
        file, offset, _ = self._layout.span(piece)
        staged = self._open.pop(file, None) or self._opened(file)
        self._open[file] = staged
        staged.write(offset, data)

    def _opened(self, file: int) -> disk.Staged:
        if len(self._open) >= _FILES_OPEN:
            self._open.pop(next(iter(self._open))).close()
        path = self._torrent.paths[file]
        disk.make_folder(path.parent)
        return disk.Staged(path, self._layout.sizes[file])

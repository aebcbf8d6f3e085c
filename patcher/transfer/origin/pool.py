"""Runs several requests to the origin at once, and delivers the pieces after verifying them."""

import math
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from queue import SimpleQueue
from typing import Protocol

from patcher.content.layout import PieceLayout
from patcher.errors import Cancelled, ContentError, Mismatch, Missing, NoRanges, OriginError, ShoalError
from patcher.transfer.origin.limiter import RateLimiter

CONNECTIONS = 3
REFUSALS = (Missing, NoRanges)
"""After one of these it is no use to ask the origin for the same pieces again."""
_BAD_PIECES_MAX = 3
_TELLING_BYTES = 128 << 10
_CLOSE_S = 0.4
"""How long `close` waits for threads. One that waits for a silent server may end later; it holds nothing."""


class PieceSource(Protocol):
    """Reads the pieces of one torrent from the origin: `readers.PackSource`, `readers.TreeSource`."""

    def pieces(self, first: int, limit: int, is_needed: Callable[[int], bool]) -> Sequence[int]:
        """The needed pieces that one request brings, ``first`` among them.

        They are at most ``limit`` pieces of a range, or all the needed pieces of a window, which only comes whole.
        """

    def read(self, pieces: Sequence[int], received: Callable[[int], None]) -> Generator[tuple[int, bytes]]:
        """The pieces in the order in which they come, unverified; some of them may not have been asked for.

        ``received`` is called with the size of every portion from the network. It waits for the download limit, and
        raises Cancelled when the rest is not needed. Raises OriginError; ContentError for a window that is not as
        signed.
        """


class _Request:
    def __init__(self, pieces: Sequence[int]) -> None:
        self.pieces = tuple(pieces)
        self.left = set(pieces)
        self.is_dropped = False

    def check(self) -> None:
        """Raises Cancelled when the rest is not needed any more."""
        if self.is_dropped:
            raise Cancelled


class OriginPool:
    """The origin's side of one fetch, with a few connections. Used by one thread.

    Threads of the pool call ``deliver(piece, data)`` with each verified piece, which may block to slow them down until
    the pool `is_closed`, and ``wake()`` whenever a connection is free again. `limiter` is the download limit, none at
    first. `error` is the last failure, None after a success; `failed_at` is its time. `refused` are the pieces that the
    origin does not have, or not as ranges, and `refusal` says why. `is_over` is set after three wrong pieces: do not
    ask the origin again. `received_bytes` includes what proved wrong or useless. `request_bps` is the rate of the last
    request of some size that brought all its pieces, infinite before.
    """

    def __init__(
        self,
        source: PieceSource,
        layout: PieceLayout,
        deliver: Callable[[int, bytes], None],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.limiter = RateLimiter()
        self.is_closed = False
        self.error: ShoalError | None = None
        self.failed_at = 0.0
        self.refused: set[int] = set()
        self.refusal: OriginError | None = None
        self.is_over = False
        self.received_bytes = 0
        self.request_bps = math.inf
        self._source = source
        self._layout = layout
        self._deliver = deliver
        self._wake = wake
        self._lock = threading.Lock()
        self._running: list[_Request] = []
        self._queue: SimpleQueue[_Request | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._failed: set[int] = set()
        self._bad = 0
        self._fault: Exception | None = None

    def running(self) -> int:
        """The number of requests under way."""
        return len(self._running)

    def busy(self) -> set[int]:
        """The pieces that are under way."""
        with self._lock:
            return {piece for request in self._running for piece in request.left}

    def ask(self, first: int, limit: int, is_needed: Callable[[int], bool]) -> tuple[int, ...]:
        """Start a request for piece ``first`` and others; returns all that it will bring."""
        request = _Request(self._source.pieces(first, limit, is_needed))
        with self._lock:
            self._running.append(request)
        if len(self._threads) < len(self._running):
            self._threads.append(threading.Thread(target=self._work, name="origin", daemon=True))
            self._threads[-1].start()
        self._queue.put(request)
        return request.pieces

    def take_failed(self) -> set[int]:
        """The pieces that requests ended without delivering, since the last call."""
        with self._lock:
            failed, self._failed = self._failed, set()
            return failed

    def drop(self, is_useless: Callable[[int], bool]) -> None:
        """End each request of which at least half of the remaining pieces are useless."""
        with self._lock:
            for request in self._running:
                if 2 * sum(map(is_useless, request.left)) >= len(request.left):
                    request.is_dropped = True

    def check(self) -> None:
        """Raises an error of a thread that is not the origin's fault, such as a DiskError."""
        if self._fault:
            raise self._fault

    def close(self) -> None:
        """Drop all requests and end the threads."""
        self.is_closed = True
        self.drop(lambda _: True)
        for _ in self._threads:
            self._queue.put(None)
        until = time.monotonic() + _CLOSE_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    # ------------------------------------------------------------ on a thread of the pool

    def _work(self) -> None:
        while request := self._queue.get():
            try:
                self._run(request)
            except Cancelled:
                pass
            except (OriginError, ContentError) as error:
                self._note(request, error)
            except Exception as error:  # noqa: BLE001 — raised by `check` in the thread that uses the pool
                self._fault = error
            with self._lock:
                self._running.remove(request)
                self._failed |= request.left
            self._wake()

    def _run(self, request: _Request) -> None:
        def received(size_bytes: int) -> None:
            try:
                self.limiter.wait(size_bytes, request.check)
            finally:  # what waits for the limit has not come yet: so the rate is never above the limit
                with self._lock:
                    self.received_bytes += size_bytes

        request.check()
        began_s, size_bytes = time.monotonic(), 0
        with closing(self._source.read(request.pieces, received)) as stream:
            for piece, data in stream:
                if not self._layout.matches(piece, data):
                    raise Mismatch(f"The server sent a wrong piece {piece}.", piece=piece)
                self._deliver(piece, data)
                size_bytes += len(data)
                with self._lock:
                    request.left.discard(piece)
                    self.error = None
                request.check()
        if size_bytes >= _TELLING_BYTES:
            self.request_bps = size_bytes / max(1e-3, time.monotonic() - began_s)

    def _note(self, request: _Request, error: OriginError | ContentError) -> None:
        with self._lock:
            self.error, self.failed_at = error, time.monotonic()
            if isinstance(error, ContentError):
                self._bad += 1
                self.is_over = self._bad >= _BAD_PIECES_MAX
            elif isinstance(error, REFUSALS):
                root, layout = error.facts.get("root"), self._layout
                named = {piece for piece in request.left if layout.roots[layout.span(piece).file].hex() == root}
                self.refusal = error
                self.refused |= named or request.left  # of several files in a request, only one failed

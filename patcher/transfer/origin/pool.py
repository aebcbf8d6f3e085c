"""Requests to the origin on a few lines (connections) at once: bytes come in, are verified, and are delivered."""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from queue import SimpleQueue
from typing import Protocol

from patcher.content.layout import PieceLayout
from patcher.errors import Cancelled, ContentError, Mismatch, Missing, OriginError, ShoalError
from patcher.transfer.origin.limiter import RateLimiter

CONNECTIONS = 3
_BAD_PIECES_MAX = 3
_CLOSE_S = 0.4
"""A line that waits for a silent server may end later than the fetch; it is told to and holds nothing."""


class PieceSource(Protocol):
    """Where the pieces of one torrent can be had from the origin: `sources.PackSource`, `sources.TreeSource`."""

    def pieces(self, first: int, limit: int, is_needed: Callable[[int], bool]) -> Sequence[int]:
        """The needed pieces that one request brings, ``first`` among them.

        At most ``limit`` where the origin is read by ranges; all that are needed of an extent that only comes whole.
        """

    def read(self, pieces: Sequence[int], received: Callable[[int], None]) -> Generator[tuple[int, bytes]]:
        """Pieces as they come, in any order, unverified; perhaps also some that were not asked for.

        ``received`` is called with the size of every portion from the network. It slows the reader down where there is
        a limit and raises Cancelled when nobody wants the rest. Raises OriginError; ContentError for an extent that is
        not what was signed.
        """


class _Request:
    def __init__(self, pieces: Sequence[int]) -> None:
        self.pieces = tuple(pieces)
        self.left = set(pieces)
        self.is_dropped = False

    def check(self) -> None:
        """Raises Cancelled once the rest is not needed any more."""
        if self.is_dropped:
            raise Cancelled


class OriginPool:
    """The origin's side of one fetch. Used by one thread; ``deliver`` and ``wake`` are called by the lines' threads.

    ``deliver(piece, data)`` gets verified pieces and may block to slow the line down; ``wake()`` says that a line is
    free again. What goes wrong is kept in `error` (the last problem, None again after a success), `refused` (pieces
    the origin does not have) and `is_over` (three wrong pieces: it is not asked again).
    """

    def __init__(
        self,
        source: PieceSource,
        layout: PieceLayout,
        deliver: Callable[[int, bytes], None],
        wake: Callable[[], None],
        limiter: RateLimiter,
    ) -> None:
        self.error: ShoalError | None = None
        self.failed_at = 0.0
        self.refused: set[int] = set()
        self.is_over = False
        self.received_bytes = 0
        self._source = source
        self._layout = layout
        self._deliver = deliver
        self._wake = wake
        self._limiter = limiter
        self._lock = threading.Lock()
        self._running: list[_Request] = []
        self._queue: SimpleQueue[_Request | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._missed: set[int] = set()
        self._bad = 0
        self._fault: Exception | None = None

    def running(self) -> int:
        """How many requests are under way."""
        return len(self._running)

    def busy(self) -> set[int]:
        """The pieces that are under way."""
        with self._lock:
            return {piece for request in self._running for piece in request.left}

    def ask(self, first: int, limit: int, is_needed: Callable[[int], bool]) -> tuple[int, ...]:
        """Begin a request for piece ``first`` and what comes with it; returns the pieces that it brings."""
        request = _Request(self._source.pieces(first, limit, is_needed))
        with self._lock:
            self._running.append(request)
        if len(self._threads) < len(self._running):
            self._threads.append(threading.Thread(target=self._work, name="origin line", daemon=True))
            self._threads[-1].start()
        self._queue.put(request)
        return request.pieces

    def take_missed(self) -> set[int]:
        """The pieces of requests that ended without bringing them, since the last call."""
        with self._lock:
            missed, self._missed = self._missed, set()
            return missed

    def drop(self, is_useless: Callable[[int], bool]) -> None:
        """End the requests of which others give us the half."""
        with self._lock:
            for request in self._running:
                if 2 * sum(map(is_useless, request.left)) >= len(request.left):
                    request.is_dropped = True

    def check(self) -> None:
        """Raises what went wrong on a line and is not the origin's fault, such as a DiskError."""
        if self._fault:
            raise self._fault

    def close(self) -> None:
        """Drop all requests and end the lines."""
        self.drop(lambda _: True)
        for _ in self._threads:
            self._queue.put(None)
        until = time.monotonic() + _CLOSE_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    # ------------------------------------------------------------ on a line's thread

    def _work(self) -> None:
        while request := self._queue.get():
            try:
                self._run(request)
            except Cancelled:
                pass
            except (OriginError, ContentError) as error:
                self._note(request, error)
            except Exception as error:  # noqa: BLE001 — raised by `check` in the thread that can handle it
                self._fault = error
            with self._lock:
                self._running.remove(request)
                self._missed |= request.left
            self._wake()

    def _run(self, request: _Request) -> None:
        def received(size_bytes: int) -> None:
            with self._lock:
                self.received_bytes += size_bytes
            self._limiter.wait(size_bytes, request.check)

        request.check()
        with closing(self._source.read(request.pieces, received)) as stream:
            for piece, data in stream:
                if not self._layout.is_right(piece, data):
                    raise Mismatch(f"The server sent a wrong piece {piece}.", piece=piece)
                self._deliver(piece, data)
                with self._lock:
                    request.left.discard(piece)
                    self.error = None
                request.check()

    def _note(self, request: _Request, error: OriginError | ContentError) -> None:
        with self._lock:
            self.error, self.failed_at = error, time.monotonic()
            if isinstance(error, ContentError):
                self._bad += 1
                self.is_over = self._bad >= _BAD_PIECES_MAX
            elif isinstance(error, Missing):
                self.refused |= request.left

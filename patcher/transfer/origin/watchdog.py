"""Servers that stall: each wait for one is watched, and ends when it brings too little or the command is cancelled."""

import io
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from patcher.errors import Cancelled, TooSlow

LOOK_S = 0.25
"""The longest time that passes between two looks at the watchdog."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a server may take. Tests pass a clock and a sleep of their own."""

    stall_s: float = 35.0
    """For all servers of one command together, without progress; each of several gets an equal share (`StallTimer`)."""
    document_s: float = 30.0
    """For one whole document."""
    grace_s: float = 10.0
    """An answer that brings less than `required_bytes` in this time is given up."""
    rate_bps: int = 1024
    """The least rate, as a mean over `grace_s`."""
    connect_s: float = 10.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @property
    def required_bytes(self) -> float:
        """Fewer bytes than this in `grace_s` are no progress, however long they drip."""
        return self.rate_bps * self.grace_s


class StallTimer:
    """How long one command has waited for its servers without progress, over all tries, pauses and connections.

    Progress is a whole document, verified bytes from a server or a peer, or bytes at the least rate, which are verified
    later. It restarts the timer. Connections that wait at the same time count once. Safe for several threads.
    """

    def __init__(self, timeouts: Timeouts, cancel: Callable[[], bool]) -> None:
        self.timeouts = timeouts
        self._cancel = cancel
        self._lock = threading.Lock()
        self._waited_s = 0.0
        self._window_s = 0.0
        self._window_bytes = 0
        self._until = timeouts.clock()

    @property
    def left_s(self) -> float:
        """How long the command goes on waiting; 0 or less when the time is up."""
        return self.timeouts.stall_s - self._waited_s

    def check_cancel(self) -> None:
        """Raises Cancelled when the command is cancelled."""
        if self._cancel():
            raise Cancelled

    def waited(self, since: float, now: float) -> None:
        """Count a wait from one time of the clock to another."""
        with self._lock:
            passed = max(0.0, now - max(since, self._until))
            self._until = max(self._until, now)
            self._waited_s += passed
            self._window_s += passed
            if self._window_s > self.timeouts.grace_s:
                self._window_s, self._window_bytes = 0.0, 0

    def received(self, size_bytes: int) -> None:
        """Count bytes that are not verified yet. They are progress once they come at the least rate."""
        with self._lock:
            self._window_bytes += size_bytes
            is_enough = self._window_bytes >= self.timeouts.required_bytes
        if is_enough:
            self.progressed()

    def progressed(self) -> None:
        """Note progress: the command waits anew from now on."""
        with self._lock:
            self._waited_s, self._window_s, self._window_bytes = 0.0, 0.0, 0


class Watchdog:
    """Watches one request, from the look-up of the name to the last byte of the answer.

    The request may take ``share_s`` without progress, and ``deadline_s`` in all. Time that the reader of the bytes
    takes for itself does not count.
    """

    def __init__(self, stall: StallTimer, share_s: float, deadline_s: float | None = None) -> None:
        self.timeouts = stall.timeouts
        self._stall = stall
        self._share_s = share_s
        self._deadline_s = deadline_s
        self._since = self.timeouts.clock()
        self._all_s = 0.0
        self._stalled_s = 0.0
        self._slow_s = 0.0
        self._bytes = 0

    def resume(self) -> None:
        """Start to wait again: the reader asks for more bytes."""
        self._since = self.timeouts.clock()

    def received(self, size_bytes: int) -> None:
        """Count bytes of the body; the wait for them is over. Raises what `check` raises."""
        self._stall.received(size_bytes)
        self._bytes += size_bytes
        if self._bytes >= self.timeouts.required_bytes:
            self._stalled_s, self._slow_s, self._bytes = 0.0, 0.0, 0
        self.check()

    def check_connecting(self, until_s: float) -> None:
        """Check a wait without a connection. Raises what `check` raises, and TimeoutError past ``until_s``."""
        self._pass()
        if self.timeouts.clock() > until_s:
            raise TimeoutError("no answer")

    def check(self) -> None:
        """Raises Cancelled; TooSlow when the server does not keep to the timeouts."""
        self._slow_s += self._pass()
        if self._slow_s > self.timeouts.grace_s:
            raise TooSlow("The server sends next to nothing.")

    def _pass(self) -> float:
        """Count the time since the last look; returns it."""
        self._stall.check_cancel()
        now = self.timeouts.clock()
        since, self._since = self._since, now
        self._all_s += now - since
        self._stalled_s += now - since
        self._stall.waited(since, now)
        if self._deadline_s is not None and self._all_s > self._deadline_s:
            raise TooSlow(f"The server took longer than {self._deadline_s:.0f} s.")
        if self._stall.left_s <= 0:
            raise TooSlow(f"No server got us on for {self.timeouts.stall_s:.0f} s.")
        if self._stalled_s > self._share_s:
            raise TooSlow(f"The server got us no further for {self._share_s:.0f} s.")
        return now - since


class WatchedReader(io.RawIOBase):
    """Reads a socket, headers included, under a watchdog.

    A timeout of the socket itself starts anew with each byte, and never ends for a server that drips them.
    """

    def __init__(self, sock: Any, raw: io.RawIOBase, watchdog: Watchdog) -> None:
        self._sock = sock
        self._raw = raw  # keeps the socket open as long as the answer is read
        self._watchdog = watchdog

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive once; returns the number of bytes, 0 at the end. Raises what the watchdog raises, and OSError."""
        self._watchdog.check()
        self._sock.settimeout(LOOK_S)
        while True:
            try:
                return int(self._sock.recv_into(buffer))
            except TimeoutError:
                self._watchdog.check()

    def close(self) -> None:
        """Let go of the socket."""
        if not self.closed:
            super().close()
            self._raw.close()

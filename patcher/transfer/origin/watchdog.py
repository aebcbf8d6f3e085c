"""Ends a request that waits too long: at its limits of time and rate, or when the command is cancelled."""

import math
from contextvars import ContextVar

from patcher.errors import TooSlow
from patcher.transfer.origin.retry import StallTimer

on_duty: ContextVar["Watchdog"] = ContextVar("on_duty")
"""The watchdog of the request that this thread carries out. The HTTP library cannot hand it down to a socket."""


class Watchdog:
    """Watches one request, from the look-up of the name to the last byte of the response.

    The request may take ``share_s`` without progress, and ``deadline_s`` in all. Time that the reader of the bytes
    takes for itself does not count.
    """

    def __init__(self, stall: StallTimer, share_s: float, deadline_s: float = math.inf) -> None:
        self.policy = stall.policy
        self._stall = stall
        self._share_s = share_s
        self._deadline_s = deadline_s
        self._since = self.policy.clock()
        self._all_s = 0.0
        self._stalled_s = 0.0
        self._slow_s = 0.0
        self._bytes = 0

    def resume(self) -> None:
        """Wait from now on, on duty in this thread: the request is sent, or the reader asks for more bytes."""
        on_duty.set(self)
        self._since = self.policy.clock()

    def received(self, size_bytes: int) -> None:
        """Count bytes of the body that ended a wait. Raises what `check` raises."""
        self._stall.received(size_bytes)
        self._bytes += size_bytes
        if self._bytes >= self.policy.required_bytes:
            self._stalled_s, self._slow_s, self._bytes = 0.0, 0.0, 0
        self.check()

    def check_connecting(self, until_s: float) -> None:
        """Check a wait before the connection stands. Raises like `check`, and TimeoutError after ``until_s``."""
        self._pass()
        if self.policy.clock() > until_s:
            raise TimeoutError("no answer")

    def check(self) -> None:
        """Check a wait. Raises Cancelled; TooSlow when a limit is exceeded."""
        self._slow_s += self._pass()
        if self._slow_s > self.policy.grace_s:
            raise TooSlow("The server sends almost nothing.")

    def _pass(self) -> float:
        """Count the time since the last look; returns it."""
        now = self.policy.clock()
        since, self._since = self._since, now
        self._all_s += now - since
        self._stalled_s += now - since
        self._stall.waited(since, now)
        if self._all_s > self._deadline_s:
            raise TooSlow(f"The server took longer than {self._deadline_s:.0f} s.")
        if self._stall.left_s <= 0:
            raise TooSlow(f"No server made progress for {self.policy.stall_s:.0f} s.")
        if self._stalled_s > self._share_s:
            raise TooSlow(f"The server made no progress for {self._share_s:.0f} s.")
        return now - since

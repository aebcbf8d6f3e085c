"""The player's download limit, shared by several connections."""

import threading
import time
from collections.abc import Callable

_LOOK_S = 0.05
_INSTANT_S = 1e-6


class RateLimiter:
    """A limit in bytes a second; 0 is none. Safe for several threads.

    ``limit_bps`` may change at any time: bytes that wait are let through at the new rate from the next look on.
    """

    def __init__(self, limit_bps: int = 0) -> None:
        self.limit_bps = limit_bps
        self._lock = threading.Lock()
        self._counted_bytes = 0
        self._let_through_bytes = 0.0
        self._looked_s = 0.0

    def count(self, size_bytes: int) -> None:
        """Count bytes that came another way under the same limit: what is waited for takes so much longer."""
        with self._lock:
            self._left_s(0)
            self._counted_bytes += size_bytes

    def wait(self, size_bytes: int, check: Callable[[], None]) -> None:
        """Count ``size_bytes`` that were received, and wait until they fit the limit.

        ``check`` is called at once and twenty times a second. Raises what it raises.
        """
        with self._lock:
            self._left_s(0)  # time without bytes is not saved up
            self._counted_bytes += size_bytes
            mark = self._counted_bytes
        check()
        while (left_s := self._locked_left_s(mark)) > _INSTANT_S:
            time.sleep(min(left_s, _LOOK_S))
            check()

    def _locked_left_s(self, mark: int) -> float:
        with self._lock:
            return self._left_s(mark)

    def _left_s(self, mark: int) -> float:
        """Let through what the time since the last look allows; how long until ``mark`` is, at the limit of now."""
        limit_bps, now = self.limit_bps, time.monotonic()
        passed_s, self._looked_s = now - self._looked_s, now
        if not limit_bps:
            self._let_through_bytes = float(self._counted_bytes)
            return 0.0
        allowed_bytes = self._let_through_bytes + limit_bps * passed_s
        self._let_through_bytes = min(float(self._counted_bytes), allowed_bytes)
        return (mark - self._let_through_bytes) / limit_bps

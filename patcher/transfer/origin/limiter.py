"""The player's download limit, shared by all connections that count against it."""

import threading
import time
from collections.abc import Callable

_LOOK_S = 0.05


class RateLimiter:
    """A limit in bytes a second; 0 is none. Safe for several threads; ``limit_bps`` may change at any time."""

    def __init__(self, limit_bps: int = 0) -> None:
        self.limit_bps = limit_bps
        self._lock = threading.Lock()
        self._free_at_s = 0.0

    def wait(self, size_bytes: int, check: Callable[[], None]) -> None:
        """Count ``size_bytes`` that were received, and wait until they fit the limit.

        ``check`` is called at once and twenty times a second. Raises what it raises.
        """
        until_s = self._reserved(size_bytes)
        check()
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(left_s, _LOOK_S))
            check()

    def _reserved(self, size_bytes: int) -> float:
        """The time at which the limit allows the bytes after these."""
        if not self.limit_bps:
            return 0.0
        with self._lock:
            self._free_at_s = max(self._free_at_s, time.monotonic()) + size_bytes / self.limit_bps
            return self._free_at_s

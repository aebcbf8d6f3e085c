"""The player's download limit, shared by several connections."""

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
        until_s = 0.0
        if limit_bps := self.limit_bps:
            with self._lock:
                until_s = self._free_at_s = max(self._free_at_s, time.monotonic()) + size_bytes / limit_bps
        check()
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(left_s, _LOOK_S))
            check()

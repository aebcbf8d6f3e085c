"""When each server may be asked, and how many requests it takes at once, as its refusals (429, 503) say."""

import math
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from patcher.errors import Busy, OriginError

_MORE_AFTER = 50


@dataclass(slots=True)
class _Server:
    running: int = 0
    most: float = math.inf
    """How many requests it gets at once: as many as it had when it refused one more."""
    answers: int = 0
    """Since ``most`` last changed."""
    rests_until_s: float = 0.0
    refusal: Busy | None = None


class Turns:
    """Shared by all requests of one command; the URLs of one host share their turns. Safe for several threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._servers = defaultdict[str, _Server](_Server)

    def begin(self, url: str) -> bool:
        """Begin a request, unless the server rests or has as many as it takes; returns whether it began."""
        with self._lock:
            server = self._of(url)
            is_free = server.rests_until_s <= self._clock() and server.running < server.most
            server.running += is_free
            return is_free

    def end(self, url: str, error: OriginError | None = None) -> None:
        """End a request. After a refusal the server rests as long as it asked, and then gets fewer requests at once."""
        with self._lock:
            server = self._of(url)
            server.running -= 1
            if isinstance(error, Busy):
                server.refusal = error
                server.rests_until_s = max(server.rests_until_s, self._clock() + error.wait_s)
                server.most, server.answers = min(server.most, max(1, server.running)), 0
            elif server.answers < _MORE_AFTER:
                server.answers += 1
            else:
                server.most, server.answers = server.most + 1, 0

    def rest_s(self, url: str) -> float:
        """How long the server still asks to be left alone."""
        with self._lock:
            return max(0.0, self._of(url).rests_until_s - self._clock())

    def refused(self, url: str) -> Busy:
        """The last refusal of a server that rests, as an error of its own."""
        with self._lock:
            refusal = self._of(url).refusal
            assert refusal
            return Busy(refusal.message, **refusal.facts)

    def _of(self, url: str) -> _Server:
        return self._servers[urlsplit(url).netloc or url]

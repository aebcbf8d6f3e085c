"""A Redis stream that carries the news of several trackers, and what they told in the last half hour to a new one.

Anything that speaks Redis' protocol and has streams will do. The stream is bounded in length and in time.
"""

import itertools
import os
import time
from typing import Any

from patcher.errors import UsageError

STREAM = "shoal:peers"
_MOST_ENTRIES = 40_000
"""Of at most 5 KB: 240 MB. Eight entries a second, which is four busy trackers, are more than an hour."""
_ENTRIES_AT_ONCE = 64
_TIMEOUT_S = 2.0
_TRIM_EVERY = 256


class RedisLink:
    """A `Link` by Redis, read from ``ttl_s`` seconds ago on. Raises UsageError (usage.store) for a wrong URL."""

    def __init__(self, url: str, ttl_s: int) -> None:
        try:
            import redis
        except ImportError as error:
            raise UsageError("usage.store", "--store needs the package redis (shoal[redis]).") from error
        try:
            self._redis: Any = redis.Redis.from_url(
                url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, retry=None, retry_on_timeout=False
            )
        except ValueError as error:
            raise UsageError("usage.store", f"The address of the store is not understood: {error}.") from error
        self._error = redis.RedisError
        self._ttl_s = ttl_s
        self._self = os.urandom(8)
        self._next = b""
        self._sent = itertools.count()
        facts = self._redis.connection_pool.connection_kwargs
        self.name = f"Redis at {facts.get('path') or facts.get('host', 'localhost')}"

    def send(self, batch: bytes) -> None:
        """Add an entry to the stream; old ones leave."""
        try:
            self._redis.xadd(STREAM, {b"by": self._self, b"asks": batch}, maxlen=_MOST_ENTRIES, approximate=True)
            if next(self._sent) % _TRIM_EVERY == 0:
                self._redis.xtrim(STREAM, minid=self._began(), approximate=True)
        except self._error as error:
            raise ConnectionError(str(error)) from error

    def receive(self, wait_s: float) -> list[tuple[bytes, int]]:
        """Entries that others added since the last call."""
        try:
            self._next = self._next or str(self._began()).encode()
            block_ms = max(1, int(wait_s * 1000))
            found = self._redis.xread({STREAM: self._next}, count=_ENTRIES_AT_ONCE, block=block_ms)
        except self._error as error:
            raise ConnectionError(str(error)) from error
        entries = found[0][1] if found else []
        now_ms, batches = time.time() * 1000, []
        for number, fields in entries:
            self._next = number
            if fields.get(b"by") != self._self:
                age_s = max(0.0, now_ms - int(number.partition(b"-")[0])) / 1000
                batches.append((fields.get(b"asks", b""), int(min(age_s, self._ttl_s))))
        return batches

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()

    def _began(self) -> int:
        """The oldest entry that counts, as the milliseconds of the server's clock."""
        seconds, _ = self._redis.time()
        return (int(seconds) - self._ttl_s) * 1000

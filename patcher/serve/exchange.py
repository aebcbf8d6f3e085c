"""What the trackers of one swarm tell each other: which peers came, stayed or left.

Each tracker keeps all peers in its own memory and answers from there. News goes out in batches by a `Link`, and what
comes in is noted like an announce. What gets lost is healed by the next refresh of `Peers`. While a link fails, the
tracker goes on alone, says so once, and tries again with growing pauses.
"""

import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from patcher.closing import Closing
from patcher.serve.budgets import IPV4_BYTES, IPV6_BYTES
from patcher.serve.peers import INFO_HASH_BYTES, Announce, AnnounceEvent

BATCH = 128
"""Announces in a batch, at most: 5 KB."""
_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 15.0
_CATCH_UP_S = 10.0
_WAITING = 100_000
"""News that wait for a link that fails; older ones are dropped."""
_SEED, _IS_IPV6 = 4, 8
"""Flags beside the event, which has two bits."""
_BATCH_BYTES = 1 << 16
_log = logging.getLogger("shoal.tracker")

Hear = Callable[[Sequence[Announce], int], None]
"""Takes announces of another tracker, and how many seconds ago they were."""


class Link(Protocol):
    """Carries batches to all other trackers. Its methods raise OSError while it fails."""

    name: str

    def send(self, batch: bytes) -> None:
        """Send a batch to the others."""

    def receive(self, wait_s: float) -> list[tuple[bytes, int]]:
        """Batches of the others and their ages in seconds, oldest first; waits for the first one, if need be."""

    def close(self) -> None:
        """Free what it holds."""


class Exchange(Closing):
    """One link and its thread, from `begin` to `close`."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._news = deque[Announce](maxlen=_WAITING)
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self.is_up = True
        """Whether the link works, as far as known."""

    def note(self, ask: Announce) -> None:
        """Have the others hear an announce."""
        self._news.append(ask)

    def begin(self, hear: Hear) -> None:
        """Take in what the others have told so far, and go on doing so."""
        deadline = time.monotonic() + _CATCH_UP_S
        while self._step(hear, 0.0) and time.monotonic() < deadline:
            pass
        self._thread = threading.Thread(target=self._run, args=(hear,), name=f"exchange-{self._link.name}")
        self._thread.start()

    def close(self) -> None:
        """Send what is left, and end the thread."""
        self._end.set()
        if self._thread:
            self._thread.join()
        self._link.close()

    def _run(self, hear: Hear) -> None:
        pause_s = _PAUSE_S
        while not self._end.is_set():
            self._step(hear, _PAUSE_S)
            if self.is_up:
                pause_s = _PAUSE_S
            else:
                self._end.wait(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        self._step(hear, 0.0)

    def _step(self, hear: Hear, wait_s: float) -> bool:
        """Send all news, and take in what came. Returns whether something came."""
        try:
            while self._news:
                asks = [self._news[number] for number in range(min(BATCH, len(self._news)))]
                self._link.send(packed(asks))
                for _ in asks:
                    self._news.popleft()
            batches = self._link.receive(wait_s)
        except (OSError, IndexError) as error:  # an index: news was dropped for newer ones meanwhile
            if self.is_up:
                _log.warning("%s cannot be reached (%s): this tracker goes on alone", self._link.name, error)
            self.is_up = False
            return False
        if not self.is_up:
            _log.warning("%s is reached again: the trackers share their peers", self._link.name)
        self.is_up = True
        for batch, age_s in batches:
            hear(list(unpacked(batch)), age_s)
        return bool(batches)


class LocalLink:
    """Between the processes of one tracker: an inbox of datagrams for each."""

    name = "the other processes"

    def __init__(self, inbox: socket.socket, others: Sequence[socket.socket]) -> None:
        self._inbox, self._others = inbox, others
        for other in others:
            other.setblocking(False)

    def send(self, batch: bytes) -> None:
        """Send to each; one that is too busy misses it."""
        for other in self._others:
            try:
                other.send(batch)
            except BlockingIOError:
                continue

    def receive(self, wait_s: float) -> list[tuple[bytes, int]]:
        """At most one batch."""
        self._inbox.settimeout(wait_s)
        try:
            return [(self._inbox.recv(_BATCH_BYTES), 0)]
        except (TimeoutError, BlockingIOError):
            return []

    def close(self) -> None:
        """Close all sockets."""
        for each in (self._inbox, *self._others):
            each.close()


def packed(asks: Sequence[Announce]) -> bytes:
    """Announces as bytes: info hash, event and flags, address."""
    parts = []
    for info_hash, address, left_bytes, event in asks:
        flags = event | (0 if left_bytes else _SEED) | (0 if len(address) == IPV4_BYTES else _IS_IPV6)
        parts += [info_hash, flags.to_bytes(1), address]
    return b"".join(parts)


def unpacked(batch: bytes) -> Iterator[Announce]:
    """The announces of a batch, as far as it is whole."""
    at = 0
    while at + INFO_HASH_BYTES < len(batch):
        flags = batch[at + INFO_HASH_BYTES]
        begin = at + INFO_HASH_BYTES + 1
        end = begin + (IPV6_BYTES if flags & _IS_IPV6 else IPV4_BYTES)
        if end > len(batch):
            return
        event = flags & AnnounceEvent.STOPPED
        yield Announce(batch[at : at + INFO_HASH_BYTES], batch[begin:end], 0 if flags & _SEED else 1, event)
        at = end

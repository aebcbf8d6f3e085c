"""How long we bear with a server: deadlines, the least rate, retries with pauses, and being cancelled meanwhile."""

import io
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from patcher.errors import Cancelled, Missing, OriginError

_PROGRESS_BYTES = 256 * 1024
LOOK_UP_S = 0.25
_BACK_OFF_MAX_S = 8.0


def never() -> bool:
    """The `cancel` of work that nobody can cancel."""
    return False


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long a server may take. Tests hand in their own clock and sleep."""

    stall_s: float = 35.0
    """For all servers of one command together, without progress; each of several gets an equal share (`Standstill`)."""
    document_s: float = 30.0
    """For one small document, all in all."""
    grace_s: float = 10.0
    """After so long without `least_bytes` one answer is given up."""
    rate_bps: int = 1024
    """The least rate, over the time of grace."""
    connect_s: float = 10.0
    rounds: int = 4
    """How often each origin is asked, without any progress in between, before we give up."""
    back_off_s: float = 0.5
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @property
    def least_bytes(self) -> float:
        """What has to come in within the time of grace; fewer bytes are no progress, however long they drip."""
        return self.rate_bps * self.grace_s


class Standstill:
    """How long one command has waited for its servers without progress: tries, pauses, documents, lines together.

    Progress is a whole document, verified bytes from anybody, or bytes at the least rate, which are verified later. It
    ends the standstill. What several threads wait for at the same time counts once. Safe for several threads.
    """

    def __init__(self, patience: RetryPolicy) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._waited_s = 0.0
        self._window_s = 0.0
        self._window_bytes = 0
        self._until = patience.clock()

    @property
    def left_s(self) -> float:
        """How long we go on waiting; 0 or less when it is over."""
        return self._patience.stall_s - self._waited_s

    def waited(self, since: float, now: float) -> None:
        """We waited from one time to another."""
        with self._lock:
            passed = max(0.0, now - max(since, self._until))
            self._until = max(self._until, now)
            self._waited_s += passed
            self._window_s += passed
            if self._window_s > self._patience.grace_s:
                self._window_s, self._window_bytes = 0.0, 0

    def received(self, size_bytes: int) -> None:
        """Bytes came in, not verified yet."""
        with self._lock:
            self._window_bytes += size_bytes
            is_enough = self._window_bytes >= self._patience.least_bytes
        if is_enough:
            self.end()

    def end(self) -> None:
        """There was progress."""
        with self._lock:
            self._waited_s, self._window_s, self._window_bytes = 0.0, 0.0, 0


class Failover:
    """Whose turn it is for one request: the origins still worth asking, and how long to wait between rounds."""

    def __init__(
        self, urls: Sequence[str], patience: RetryPolicy, cancel: Callable[[], bool], standstill: Standstill
    ) -> None:
        self._urls = list(urls)
        self._patience = patience
        self._cancel = cancel
        self._standstill = standstill
        self._rounds = 0
        self._unasked = len(self._urls)
        self._received_bytes = 0
        self._worst: OriginError | None = None

    @property
    def url(self) -> str:
        """The origin to ask now."""
        return self._urls[0]

    def watch(self, deadline_s: float | None = None) -> "Watch":
        """The watch for asking it: of the time that is left, each origin of this round gets as much as the others."""
        share_s = self._standstill.left_s / self._unasked
        return Watch(self._patience, self._cancel, self._standstill, share_s, deadline_s)

    def progress(self, size_bytes: int) -> None:
        """Bytes came in: past failures no longer count, once they are enough to be worth a connection."""
        self._received_bytes += size_bytes
        if self._received_bytes >= _PROGRESS_BYTES:
            self._rounds, self._unasked = 0, len(self._urls)

    def failed(self, error: OriginError, *, final: bool = False) -> None:
        """The current origin failed. Raises the worst error so far when no origin is left or patience is over."""
        if self._worst is None or isinstance(self._worst, Missing):
            self._worst = error
        self._received_bytes = 0
        self._unasked -= 1
        url = self._urls.pop(0)
        if not (final or _is_final(error)):
            self._urls.append(url)
        if not self._urls or self._standstill.left_s <= 0:
            raise self._worst
        if self._unasked:
            return
        self._rounds, self._unasked = self._rounds + 1, len(self._urls)
        if self._rounds >= self._patience.rounds:
            raise self._worst
        self._pause(min(self._patience.back_off_s * 2 ** (self._rounds - 1), _BACK_OFF_MAX_S))

    def _pause(self, seconds: float) -> None:
        now = self._patience.clock()
        until = now + min(seconds, self._standstill.left_s)
        while now < until:
            if self._cancel():
                raise Cancelled
            self._patience.sleep(min(until - now, LOOK_UP_S))
            since, now = now, self._patience.clock()
            self._standstill.waited(since, now)


def _is_final(error: OriginError) -> bool:
    """Whether asking the same origin again is pointless."""
    if error.code == "origin.status":
        status = int(error.facts.get("status", 0))
        return status < 500 and status not in {408, 425, 429}
    return error.code not in {"origin.unreachable", "origin.too_slow"}


# ---------------------------------------------------------------- waiting for bytes


class Watch:
    """Judges the waiting of one answer. Time that the reader of the bytes takes for itself does not count.

    ``share_s`` is for all of it without progress, ``deadline_s`` for all of it whatever comes.
    """

    def __init__(
        self,
        patience: RetryPolicy,
        cancel: Callable[[], bool],
        standstill: Standstill,
        share_s: float,
        deadline_s: float | None,
    ) -> None:
        self._patience = patience
        self._cancel = cancel
        self._standstill = standstill
        self._share_s = share_s
        self._deadline_s = deadline_s
        self._since = patience.clock()
        self._all_s = 0.0
        self._stalled_s = 0.0
        self._slow_s = 0.0
        self._bytes = 0

    def resume(self) -> None:
        """We wait again from now on."""
        self._since = self._patience.clock()

    def received(self, size_bytes: int) -> None:
        """Bytes of the body came in, and the wait for them is over. Raises what `check` raises."""
        self._standstill.received(size_bytes)
        self._bytes += size_bytes
        if self._bytes >= self._patience.least_bytes:
            self._stalled_s, self._slow_s, self._bytes = 0.0, 0.0, 0
        self.check()

    def look(self, until_s: float) -> None:
        """Look up while there is no connection yet. Raises what `check` does, and TimeoutError past ``until_s``."""
        self._pass()
        if self._patience.clock() > until_s:
            raise TimeoutError("no answer")

    def check(self) -> None:
        """Raises Cancelled, or OriginError (origin.too_slow)."""
        self._slow_s += self._pass()
        if self._slow_s > self._patience.grace_s:
            raise OriginError("origin.too_slow", "The server sends next to nothing.")

    def _pass(self) -> float:
        """Count the time since the last look; returns it."""
        if self._cancel():
            raise Cancelled
        now = self._patience.clock()
        since, self._since = self._since, now
        self._all_s += now - since
        self._stalled_s += now - since
        self._standstill.waited(since, now)
        if self._deadline_s is not None and self._all_s > self._deadline_s:
            raise OriginError("origin.too_slow", f"The server took longer than {self._deadline_s:.0f} s.")
        if self._standstill.left_s <= 0:
            raise OriginError("origin.too_slow", f"No server got us on for {self._patience.stall_s:.0f} s.")
        if self._stalled_s > self._share_s:
            raise OriginError("origin.too_slow", f"The server got us no further for {self._share_s:.0f} s.")
        return now - since


class Incoming(io.RawIOBase):
    """A socket's incoming bytes, headers included, read by somebody who looks up four times a second.

    A socket's own timeout starts anew with each byte, and so never ends for a server that drips them.
    """

    def __init__(self, sock: Any, raw: io.RawIOBase, watch: Watch) -> None:
        self._sock = sock
        self._raw = raw  # keeps the socket open as long as the answer is read
        self._watch = watch

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """What one receive gives; 0 at the end. Raises what the watch raises, and OSError."""
        self._watch.check()
        self._sock.settimeout(LOOK_UP_S)
        while True:
            try:
                return int(self._sock.recv_into(buffer))
            except TimeoutError:
                self._watch.check()

    def close(self) -> None:
        """Let go of the socket."""
        if not self.closed:
            super().close()
            self._raw.close()

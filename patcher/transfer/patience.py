"""How long we bear with a server: deadlines, the least rate, retries with pauses, and being cancelled meanwhile."""

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from patcher.errors import Cancelled, OriginError

_PROGRESS_BYTES = 256 * 1024
LOOK_UP_S = 0.25
_BACK_OFF_MAX_S = 8.0


def never() -> bool:
    """The `cancel` of work that nobody can cancel."""
    return False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server may take. Tests hand in their own clock and sleep."""

    document_s: float = 30.0
    """For one small document, all in all."""
    grace_s: float = 10.0
    """After so long, and again each time it has passed, at least `rate_bps` must have come in."""
    rate_bps: int = 1024
    connect_s: float = 10.0
    rounds: int = 4
    """How often each origin is asked, without any progress in between, before we give up."""
    back_off_s: float = 0.5
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Turn:
    """Whose turn it is for one request: the origins still worth asking, and how long to wait between rounds."""

    def __init__(self, urls: Sequence[str], patience: Patience, cancel: Callable[[], bool]) -> None:
        self._urls = list(urls)
        self._patience = patience
        self._cancel = cancel
        self._failures = 0
        self._received_bytes = 0
        self._worst: OriginError | None = None

    @property
    def url(self) -> str:
        """The origin to ask now."""
        return self._urls[0]

    def progress(self, size_bytes: int) -> None:
        """Bytes came in: past failures no longer count, once they are enough to be worth a connection."""
        self._received_bytes += size_bytes
        if self._received_bytes >= _PROGRESS_BYTES:
            self._failures = 0

    def failed(self, error: OriginError, *, final: bool = False) -> None:
        """The current origin failed. Raises the worst error so far when no origin is left or patience is over."""
        if self._worst is None or self._worst.code == "origin.missing":
            self._worst = error
        self._received_bytes = 0
        self._failures += 1
        url = self._urls.pop(0)
        if not (final or _is_final(error)):
            self._urls.append(url)
        rounds, place = divmod(self._failures, max(1, len(self._urls)))
        if not self._urls or rounds >= self._patience.rounds:
            raise self._worst
        if place == 0:
            self._pause(min(self._patience.back_off_s * 2 ** (rounds - 1), _BACK_OFF_MAX_S))

    def _pause(self, seconds: float) -> None:
        until = self._patience.clock() + seconds
        while (left := until - self._patience.clock()) > 0:
            if self._cancel():
                raise Cancelled
            self._patience.sleep(min(left, LOOK_UP_S))


def _is_final(error: OriginError) -> bool:
    """Whether asking the same origin again is pointless."""
    if error.code == "origin.status":
        status = int(error.facts.get("status", 0))
        return status < 500 and status not in {408, 425, 429}
    return error.code not in {"origin.unreachable", "origin.too_slow"}


# ---------------------------------------------------------------- waiting for bytes


class Watch:
    """Judges the waiting of one answer. Time that the reader of the bytes takes for itself does not count."""

    def __init__(self, patience: Patience, cancel: Callable[[], bool], deadline_s: float | None) -> None:
        self._patience = patience
        self._cancel = cancel
        self._deadline_s = deadline_s
        self._since = patience.clock()
        self._waited_s = 0.0
        self._window_s = 0.0
        self._window_bytes = 0

    def resume(self) -> None:
        """We wait again from now on."""
        self._since = self._patience.clock()

    def received(self, size_bytes: int) -> None:
        """Bytes of the body came in, and the wait for them is over. Raises what `check` raises."""
        self._window_bytes += size_bytes
        self.check()

    def look(self, until_s: float) -> None:
        """Look up while there is no connection yet. Raises what `check` does, and TimeoutError past ``until_s``."""
        self._pass()
        if self._patience.clock() > until_s:
            raise TimeoutError("no answer")

    def check(self) -> None:
        """Raises Cancelled, or OriginError (origin.too_slow)."""
        self._window_s += self._pass()
        if self._window_s >= self._patience.grace_s:
            if self._window_bytes < self._patience.rate_bps * self._patience.grace_s:
                raise OriginError("origin.too_slow", "The server sends next to nothing.")
            self._window_s, self._window_bytes = 0.0, 0

    def _pass(self) -> float:
        """Count the time since the last look; returns it."""
        if self._cancel():
            raise Cancelled
        now = self._patience.clock()
        passed, self._since = now - self._since, now
        self._waited_s += passed
        if self._deadline_s is not None and self._waited_s > self._deadline_s:
            raise OriginError("origin.too_slow", f"The server took longer than {self._deadline_s:.0f} s.")
        return passed


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

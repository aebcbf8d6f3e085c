"""Failed and stalled requests: which server is asked next, how often, and how long a command waits for all of them."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from patcher.errors import Cancelled, Missing, OriginError, Retryable

LOOK_S = 0.25
"""Each wait checks its limits, and whether the command is cancelled, at least this often."""
_PROGRESS_BYTES = 256 * 1024
_BACK_OFF_MAX_S = 8.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long servers may take, and how often they are asked. Tests pass a clock and a sleep of their own."""

    stall_s: float = 35.0
    """For all servers of one command together, without progress; each of several gets an equal share (`StallTimer`)."""
    document_s: float = 30.0
    """For one whole document."""
    grace_s: float = 10.0
    """A response that brings less than `required_bytes` in this time is given up."""
    rate_bps: int = 1024
    """The least rate, as a mean over `grace_s`."""
    connect_s: float = 10.0
    rounds: int = 4
    """How often each server is asked without any progress in between."""
    back_off_s: float = 0.5
    """The pause after the first round. Each further one is twice as long, up to 8 s."""
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

    def __init__(self, policy: RetryPolicy, cancel: Callable[[], bool]) -> None:
        self.policy = policy
        self._cancel = cancel
        self._lock = threading.Lock()
        self._waited_s = 0.0
        self._window_s = 0.0
        self._window_bytes = 0
        self._until = policy.clock()

    @property
    def left_s(self) -> float:
        """How long the command goes on waiting; 0 or less when the time is up."""
        return self.policy.stall_s - self._waited_s

    def waited(self, since: float, now: float) -> None:
        """Count a wait from one time of the clock to another. Raises Cancelled when the command is cancelled."""
        if self._cancel():
            raise Cancelled
        with self._lock:
            passed = max(0.0, now - max(since, self._until))
            self._until = max(self._until, now)
            self._waited_s += passed
            self._window_s += passed
            if self._window_s > self.policy.grace_s:
                self._window_s, self._window_bytes = 0.0, 0

    def received(self, size_bytes: int) -> None:
        """Count bytes that are not verified yet. They are progress once they come at the least rate."""
        with self._lock:
            self._window_bytes += size_bytes
            is_enough = self._window_bytes >= self.policy.required_bytes
        if is_enough:
            self.progressed()

    def progressed(self) -> None:
        """Note progress: the timer starts again."""
        with self._lock:
            self._waited_s, self._window_s, self._window_bytes = 0.0, 0.0, 0


class Failover:
    """Chooses the server for each try of one request, and pauses between rounds of tries."""

    def __init__(self, urls: Sequence[str], stall: StallTimer) -> None:
        self._urls = list(urls)
        self._stall = stall
        self._rounds = 0
        self._unasked = len(self._urls)
        self._received_bytes = 0
        self._worst: OriginError | None = None

    @property
    def url(self) -> str:
        """The server to ask now."""
        return self._urls[0]

    @property
    def share_s(self) -> float:
        """How long this try may bring nothing. All servers of this round get equal shares of the time that is left."""
        return self._stall.left_s / self._unasked

    def progress(self, size_bytes: int) -> None:
        """Count received bytes. Once they are enough to be worth a connection, past failures no longer count."""
        self._received_bytes += size_bytes
        if self._received_bytes >= _PROGRESS_BYTES:
            self._rounds, self._unasked = 0, len(self._urls)

    def failed(self, error: OriginError, *, final: bool = False) -> None:
        """Go on to the next server after ``error``. The failed one is asked again unless ``final`` or not Retryable.

        Raises the worst error so far when no server is left, or no round or time.
        """
        if self._worst is None or isinstance(self._worst, Missing):
            self._worst = error
        self._received_bytes = 0
        self._unasked -= 1
        url = self._urls.pop(0)
        if isinstance(error, Retryable) and not final:
            self._urls.append(url)
        if not self._urls or self._stall.left_s <= 0:
            raise self._worst
        if self._unasked:
            return
        self._rounds, self._unasked = self._rounds + 1, len(self._urls)
        policy = self._stall.policy
        if self._rounds >= policy.rounds:
            raise self._worst
        self._pause(min(policy.back_off_s * 2 ** (self._rounds - 1), _BACK_OFF_MAX_S))

    def _pause(self, seconds: float) -> None:
        policy = self._stall.policy
        now = policy.clock()
        until = now + min(seconds, self._stall.left_s)
        while now < until:
            policy.sleep(min(until - now, LOOK_S))
            since, now = now, policy.clock()
            self._stall.waited(since, now)

"""Failed and stalled requests: which server is asked next, how often, and how long a command waits for all of them."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from patcher.errors import Busy, Cancelled, Missing, OriginError, Retryable
from patcher.transfer.origin.turns import Turns

LOOK_S = 0.25
"""Each wait checks its limits, and whether the command is cancelled, at least this often."""
_PROGRESS_BYTES = 256 * 1024
_BACK_OFF_MAX_S = 8.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long servers may take, and how often they are asked. Tests pass a clock and a sleep of their own."""

    stall_s: float = 35.0
    """For all servers of one command together, without progress; each of several gets an equal share (`StallTimer`)."""
    rest_s: float = 120.0
    """For all pauses that servers ask for (Retry-After) and waits for a turn, without progress. A longer pause is not
    waited for."""
    document_s: float = 30.0
    """For one whole document."""
    grace_s: float = 10.0
    """A response that brings less than `required_bytes` in this time is given up."""
    rate_bps: int = 1024
    """The least rate, as a mean over `grace_s`."""
    connect_s: float = 10.0
    rounds: int = 4
    """How often each server is asked without any progress in between. Pauses that it asked for do not count."""
    back_off_s: float = 0.5
    """The pause before a server is asked again. Each further one is twice as long, up to 8 s."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @property
    def required_bytes(self) -> float:
        """Fewer bytes than this in `grace_s` are no progress, however long they drip."""
        return self.rate_bps * self.grace_s


class StallTimer:
    """How long one command has waited for its servers without progress, over all tries, pauses and connections.

    Progress is a whole document, verified bytes from a server or a peer, or bytes at the least rate, which are verified
    later. It restarts the timer. Connections that wait at the same time count once. Pauses that servers asked for have
    a timer of their own. Safe for several threads.
    """

    def __init__(
        self, policy: RetryPolicy, cancel: Callable[[], bool], resting: Callable[[float], None] = lambda left_s: None
    ) -> None:
        self.policy = policy
        self.resting = resting
        """Told how long servers still ask to be left alone, while a request waits for that; 0 at the end."""
        self._cancel = cancel
        self._lock = threading.Lock()
        self._waited_s = 0.0
        self._rested_s = 0.0
        self._window_s = 0.0
        self._window_bytes = 0
        self._until = policy.clock()

    @property
    def left_s(self) -> float:
        """How long the command goes on waiting; 0 or less when the time is up."""
        return self.policy.stall_s - self._waited_s

    @property
    def rest_left_s(self) -> float:
        """How much longer servers may ask the command to wait."""
        return self.policy.rest_s - self._rested_s

    def rested(self, since: float, now: float) -> None:
        """Count a wait that servers asked for. Raises Cancelled when the command is cancelled."""
        if self._cancel():
            raise Cancelled
        with self._lock:
            self._rested_s += self._passed(since, now)

    def waited(self, since: float, now: float) -> None:
        """Count a wait from one time of the clock to another. Raises Cancelled when the command is cancelled."""
        if self._cancel():
            raise Cancelled
        with self._lock:
            passed = self._passed(since, now)
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
            self._waited_s, self._rested_s, self._window_s, self._window_bytes = 0.0, 0.0, 0.0, 0

    def _passed(self, since: float, now: float) -> float:
        """The part of a wait that no other connection has counted."""
        passed = max(0.0, now - max(since, self._until))
        self._until = max(self._until, now)
        return passed


class Failover:
    """Chooses the server for each try of one request: the first that neither rests, nor is busy, nor failed just now.

    A server that fails is asked again if the error is Retryable, and of none of the types ``final``.
    """

    def __init__(
        self, urls: Sequence[str], stall: StallTimer, turns: Turns, final: Collection[type[OriginError]] = ()
    ) -> None:
        self._urls = list(urls)
        """Those that are left; the one that is asked comes first."""
        self._stall, self._turns, self._final = stall, turns, tuple(final)
        self._tries = Counter[str]()
        self._again_s = dict[str, float]()
        """When a server that failed may be asked again."""
        self._received_bytes = 0
        self._worst: OriginError | None = None

    @contextmanager
    def turn(self) -> Iterator[str]:
        """One try: waits until a server may be asked, and yields its URL. An OriginError within ends this try only.

        Raises the worst error so far when no server is left, or no time; Cancelled.
        """
        url, problem = self._begun(), None
        try:
            yield url
        except OriginError as error:
            problem = error
        finally:
            self._turns.end(url, problem)
        if problem:
            self._failed(url, problem)

    @property
    def share_s(self) -> float:
        """How long this try may bring nothing: servers that were asked no more often get equal shares of the time."""
        most = self._tries[self._urls[0]]
        return self._stall.left_s / sum(self._tries[url] <= most for url in self._urls)

    def progress(self, size_bytes: int) -> None:
        """Count received bytes. Once they are enough to be worth a connection, past failures no longer count."""
        self._received_bytes += size_bytes
        if self._received_bytes >= _PROGRESS_BYTES:
            self._tries.clear()

    def _failed(self, url: str, error: OriginError) -> None:
        if self._worst is None or isinstance(self._worst, Missing):
            self._worst = error
        self._received_bytes = 0
        self._urls.remove(url)
        policy, rests = self._stall.policy, isinstance(error, Busy) and error.wait_s > 0
        if not rests:
            self._tries[url] += 1
            pause_s = min(policy.back_off_s * 2 ** (self._tries[url] - 1), _BACK_OFF_MAX_S)
            self._again_s[url] = policy.clock() + pause_s
        may_help = isinstance(error, Retryable) and not isinstance(error, self._final)
        if may_help and self._tries[url] < policy.rounds:
            self._urls.append(url)
        if not self._urls or self._stall.left_s <= 0:
            raise self._worst

    def _begun(self) -> str:
        """Wait until a server neither rests nor has as many requests as it takes, and begin one."""
        policy, rest_s = self._stall.policy, 0.0
        now = policy.clock()
        while True:
            for url in self._urls:
                if self._again_s.get(url, now) <= now and self._turns.begin(url):
                    self._urls.sort(key=lambda each: each != url)
                    if rest_s:
                        self._stall.resting(0.0)
                    return url
            rest_s = min(map(self._turns.rest_s, self._urls))
            backs_off = any(self._again_s.get(url, now) > now for url in self._urls)
            if backs_off and self._stall.left_s <= 0 and self._worst:
                raise self._worst
            if not backs_off and rest_s > self._stall.rest_left_s + LOOK_S:
                raise self._worst or self._turns.refused(self._urls[0])
            if rest_s:
                self._stall.resting(rest_s)
            policy.sleep(LOOK_S)
            since, now = now, policy.clock()
            (self._stall.waited if backs_off else self._stall.rested)(since, now)

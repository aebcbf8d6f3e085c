"""Failed requests: which server is asked next, how often, and after which pause."""

from collections.abc import Sequence
from dataclasses import dataclass

from patcher.errors import Missing, OriginError, Retryable
from patcher.transfer.origin.watchdog import LOOK_S, StallTimer, Timeouts, Watchdog

_PROGRESS_BYTES = 256 * 1024
_BACK_OFF_MAX_S = 8.0


@dataclass(frozen=True, slots=True)
class RetryPolicy(Timeouts):
    """How long a request may take, and how often it is repeated."""

    rounds: int = 4
    """How often each origin is asked without any progress in between."""
    back_off_s: float = 0.5
    """The pause after the first round. Each further one is twice as long, up to 8 s."""


class Failover:
    """Chooses the origin for each try of one request, and pauses between rounds of tries."""

    def __init__(self, urls: Sequence[str], policy: RetryPolicy, stall: StallTimer) -> None:
        self._urls = list(urls)
        self._policy = policy
        self._stall = stall
        self._rounds = 0
        self._unasked = len(self._urls)
        self._received_bytes = 0
        self._worst: OriginError | None = None

    @property
    def url(self) -> str:
        """The origin to ask now."""
        return self._urls[0]

    def watchdog(self, deadline_s: float | None = None) -> Watchdog:
        """The watchdog of the next try. All origins of this round get equal shares of the time that is left."""
        return Watchdog(self._stall, self._stall.left_s / self._unasked, deadline_s)

    def progress(self, size_bytes: int) -> None:
        """Count received bytes. Once they are enough to be worth a connection, past failures no longer count."""
        self._received_bytes += size_bytes
        if self._received_bytes >= _PROGRESS_BYTES:
            self._rounds, self._unasked = 0, len(self._urls)

    def failed(self, error: OriginError, *, final: bool = False) -> None:
        """Go on to the next origin after ``error``. The failed one is asked again unless ``final`` or not Retryable.

        Raises the worst error so far when no origin is left, or no round or time.
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
        if self._rounds >= self._policy.rounds:
            raise self._worst
        self._pause(min(self._policy.back_off_s * 2 ** (self._rounds - 1), _BACK_OFF_MAX_S))

    def _pause(self, seconds: float) -> None:
        now = self._policy.clock()
        until = now + min(seconds, self._stall.left_s)
        while now < until:
            self._stall.check_cancel()
            self._policy.sleep(min(until - now, LOOK_S))
            since, now = now, self._policy.clock()
            self._stall.waited(since, now)

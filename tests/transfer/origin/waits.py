"""Servers that keep a request waiting in all ways, in a time that passes only when somebody waits."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

from patcher.errors import Retryable, never
from patcher.transfer.origin.retry import LOOK_S, Failover, RetryPolicy, StallTimer
from patcher.transfer.origin.turns import Turns
from patcher.transfer.origin.watchdog import Watchdog


@dataclass
class Clock:
    """The time of one command."""

    now_s: float = 1000.0
    cancel: Callable[[], bool] = never
    policy: RetryPolicy = field(init=False)

    def __post_init__(self) -> None:
        self.policy = RetryPolicy(clock=lambda: self.now_s, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    @functools.cached_property
    def stall(self) -> StallTimer:
        return StallTimer(self.policy, self.cancel)

    @functools.cached_property
    def turns(self) -> Turns:
        return Turns(self.policy.clock)

    def failover(self, *urls: str) -> Failover:
        return Failover(urls or ("only",), self.stall, self.turns)

    def watchdog(self, failover: Failover | None = None) -> Watchdog:
        return Watchdog(self.stall, (failover or self.failover()).share_s)


Server = Callable[[Clock, Watchdog], None]
"""Answers one request: returns when all of it came."""


def drips(rate_bps: float) -> Server:
    """Sends at this rate, for ever."""

    def answer(clock: Clock, watchdog: Watchdog) -> None:
        for _ in range(10_000_000):
            clock.sleep(LOOK_S)
            watchdog.received(int(rate_bps * LOOK_S))

    return answer


def silent(clock: Clock, watchdog: Watchdog) -> None:
    """Accepts and says nothing."""
    while True:
        clock.sleep(LOOK_S)
        watchdog.check()


def unreachable(clock: Clock, watchdog: Watchdog) -> None:
    """Does not even accept."""
    try:
        until_s = clock.now_s + clock.policy.connect_s
        while True:
            clock.sleep(LOOK_S)
            watchdog.check_connecting(until_s)
    except TimeoutError as error:
        raise Retryable("origin.unreachable", "no answer") from error


def refuses(clock: Clock, watchdog: Watchdog) -> None:
    """Says no at once."""
    watchdog.check()
    raise Retryable("origin.unreachable", "refused")


def trickles_and_breaks(clock: Clock, watchdog: Watchdog) -> None:
    """A little of it, and then the connection is gone."""
    clock.sleep(3)
    watchdog.received(100)
    raise Retryable("origin.unreachable", "broke off")


def honest(clock: Clock, watchdog: Watchdog) -> None:
    """All of it, after a while."""
    clock.sleep(1)
    watchdog.received(1_000_000)


def ask(clock: Clock, failover: Failover, **servers: Server) -> str:
    """Ask until somebody answers; who did."""
    while True:
        with failover.turn() as url:
            servers[url](clock, clock.watchdog(failover))
            clock.stall.progressed()
            return url


BAD: list[Server] = [silent, drips(10), drips(900), unreachable, trickles_and_breaks]
IDS = ["silent", "10 B/s", "900 B/s", "unreachable", "trickles"]

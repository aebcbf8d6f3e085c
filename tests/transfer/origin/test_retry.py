"""A failed request goes on at the next origin, and after a pause at the same one, as long as that makes sense."""

import itertools

import pytest

from patcher.errors import Busy, Cancelled, Missing, OriginError, TooSlow
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.retry import LOOK_S, Failover, RetryPolicy
from patcher.transfer.origin.watchdog import Watchdog
from tests.support.hostile_origin import HostileOrigin, says
from tests.transfer.origin.waits import BAD, IDS, Clock, Server, ask, honest, refuses


@pytest.mark.parametrize("count", range(2, 9))
@pytest.mark.parametrize("server", [*BAD, refuses], ids=[*IDS, "refuses"])
def test_the_last_of_many_origins_still_gets_its_share(server: Server, count: int) -> None:
    clock = Clock()
    servers = dict.fromkeys(map(str, range(count)), server) | {"good": honest}
    assert ask(clock, clock.failover(*servers), **servers) == "good"
    assert clock.now_s < 1000 + 35


def test_pauses_between_tries_count_and_get_longer() -> None:
    clock = Clock()
    tries: list[float] = []

    def server(clock: Clock, watchdog: Watchdog) -> None:
        tries.append(clock.now_s)
        refuses(clock, watchdog)

    with pytest.raises(OriginError):
        ask(clock, clock.failover(), only=server)
    assert [later - earlier for earlier, later in itertools.pairwise(tries)] == [0.5, 1.0, 2.0]
    assert clock.stall.left_s == pytest.approx(35 - 3.5)


def test_a_cancel_ends_a_pause_at_the_next_look() -> None:
    answers = iter([False, False, True])
    clock = Clock(cancel=lambda: next(answers))
    with pytest.raises(Cancelled):
        ask(clock, clock.failover(), only=refuses)
    assert clock.now_s <= 1000 + 2 * LOOK_S


def test_the_first_error_that_says_more_than_missing_is_told() -> None:
    errors = iter([Missing("a"), TooSlow("b"), OriginError("origin.unreachable", "c")])
    clock = Clock()
    failover = Failover(("a", "b", "c"), clock.stall, clock.turns, final={TooSlow})

    def asks() -> None:
        with failover.turn():
            raise next(errors)

    asks()
    asks()
    with pytest.raises(OriginError) as caught:
        asks()
    assert caught.value.code == "origin.too_slow"


def test_the_rest_of_a_wait_that_a_server_asks_for_is_told() -> None:
    clock, told = Clock(), list[float]()
    clock.stall.resting = told.append
    answers = iter([Busy("too much to do", wait_s=90)])

    def server(clock: Clock, watchdog: Watchdog) -> None:
        if error := next(answers, None):
            raise error

    ask(clock, clock.failover(), only=server)
    assert told[:2] == [90, 90 - LOOK_S]
    assert told == sorted(told, reverse=True) and told[-1] == 0


def test_a_cancel_ends_the_pause_before_a_retry(server: HostileOrigin) -> None:
    server.answer("a.json", says(503))
    policy = RetryPolicy(back_off_s=3600)
    with Origin([server.url], cancel=lambda: bool(server.asked), retry=policy) as origin, pytest.raises(Cancelled):
        origin.get("a.json", 900)

"""Servers that bring nothing are given up: one deadline for all that a command asks of them, whatever they do."""

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from patcher.errors import Cancelled, Missing, OriginError
from patcher.transfer.origin.retry import Failover, RetryPolicy, Standstill, Watch, never

LOOK_S = 0.25


@dataclass
class Clock:
    """Time that passes only when somebody waits."""

    now_s: float = 1000.0
    patience: RetryPolicy = field(init=False)

    def __post_init__(self) -> None:
        self.patience = RetryPolicy(clock=lambda: self.now_s, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    @functools.cached_property
    def standstill(self) -> Standstill:
        return Standstill(self.patience)

    def turn(self, *urls: str, cancel: Callable[[], bool] = never) -> Failover:
        return Failover(urls or ("only",), self.patience, cancel, self.standstill)


Server = Callable[[Clock, Watch], None]
"""Answers one request: returns when all of it came."""


def drips(rate_bps: float) -> Server:
    """Sends at this rate, for ever."""

    def answer(clock: Clock, watch: Watch) -> None:
        for _ in range(10_000_000):
            clock.sleep(LOOK_S)
            watch.received(int(rate_bps * LOOK_S))

    return answer


def silent(clock: Clock, watch: Watch) -> None:
    """Accepts and says nothing."""
    while True:
        clock.sleep(LOOK_S)
        watch.check()


def unreachable(clock: Clock, watch: Watch) -> None:
    """Does not even accept."""
    try:
        until_s = clock.now_s + clock.patience.connect_s
        while True:
            clock.sleep(LOOK_S)
            watch.look(until_s)
    except TimeoutError as error:
        raise OriginError("origin.unreachable", "no answer") from error


def refuses(clock: Clock, watch: Watch) -> None:
    """Says no at once."""
    watch.check()
    raise OriginError("origin.unreachable", "refused")


def trickles_and_breaks(clock: Clock, watch: Watch) -> None:
    """A little of it, and then the connection is gone."""
    clock.sleep(3)
    watch.received(100)
    raise OriginError("origin.unreachable", "broke off")


def honest(clock: Clock, watch: Watch) -> None:
    """All of it, after a while."""
    clock.sleep(1)
    watch.received(1_000_000)


def ask(clock: Clock, turn: Failover, **servers: Server) -> str:
    """Ask until somebody answers; who did."""
    while True:
        try:
            servers[turn.url](clock, turn.watch())
        except OriginError as error:
            turn.failed(error)
        else:
            clock.standstill.end()
            return turn.url


BAD: list[Server] = [silent, drips(10), drips(900), unreachable, trickles_and_breaks]
IDS = ["silent", "10 B/s", "900 B/s", "unreachable", "trickles"]


@pytest.mark.parametrize("server", BAD, ids=IDS)
def test_a_server_that_brings_nothing_is_given_up_in_35_seconds(server: Server) -> None:
    clock = Clock()
    with pytest.raises(OriginError):
        ask(clock, clock.turn(), only=server)
    assert clock.now_s <= 1000 + 35 + 3


@pytest.mark.parametrize("server", BAD, ids=IDS)
def test_all_that_a_command_asks_for_shares_the_one_deadline(server: Server) -> None:
    clock = Clock()
    for _ in range(20):
        with pytest.raises(OriginError):
            ask(clock, clock.turn("first", "second"), first=server, second=server)
    assert clock.now_s <= 1000 + 35 + 20 * 3  # each try of the trickling one ends after the deadline


@pytest.mark.parametrize("count", range(2, 9))
@pytest.mark.parametrize("server", [*BAD, refuses], ids=[*IDS, "refuses"])
def test_the_last_of_many_origins_still_gets_its_share(server: Server, count: int) -> None:
    clock = Clock()
    servers = dict.fromkeys(map(str, range(count)), server) | {"good": honest}
    assert ask(clock, clock.turn(*servers), **servers) == "good"
    assert clock.now_s < 1000 + 35


def test_a_server_that_gets_on_has_all_the_time_it_needs() -> None:
    clock = Clock()
    watch = clock.turn().watch()
    for _ in range(40_000):
        clock.sleep(LOOK_S)
        watch.received(300)
    assert clock.standstill.left_s > 35 - 2 * clock.patience.grace_s


def test_what_players_bring_keeps_a_command_alive() -> None:
    clock = Clock()
    for _ in range(20):
        with pytest.raises(OriginError):
            ask(clock, clock.turn(), only=silent)
        assert clock.standstill.left_s <= 0
        clock.standstill.end()
    assert clock.now_s > 1000 + 20 * 30


def test_lines_that_wait_at_the_same_time_wait_once() -> None:
    clock = Clock()
    watches = [clock.turn().watch() for _ in range(3)]
    for _ in range(36):
        clock.sleep(LOOK_S)
        for watch in watches:
            watch.check()
    assert clock.standstill.left_s == pytest.approx(35 - 9)


def test_the_time_between_two_requests_is_nobodys() -> None:
    clock = Clock()
    for _ in range(100):
        clock.sleep(3600)
        clock.turn().watch().check()
    assert clock.standstill.left_s == 35


def test_pauses_between_tries_count_and_get_longer() -> None:
    clock = Clock()
    tries: list[float] = []

    def server(clock: Clock, watch: Watch) -> None:
        tries.append(clock.now_s)
        refuses(clock, watch)

    with pytest.raises(OriginError):
        ask(clock, clock.turn(), only=server)
    assert [later - earlier for earlier, later in itertools.pairwise(tries)] == [0.5, 1.0, 2.0]
    assert clock.standstill.left_s == pytest.approx(35 - 3.5)


def test_a_cancel_ends_a_pause_at_the_next_look() -> None:
    clock, answers = Clock(), iter([False, False, True])
    with pytest.raises(Cancelled):
        ask(clock, clock.turn(cancel=lambda: next(answers)), only=refuses)
    assert clock.now_s <= 1000 + 2 * LOOK_S


def test_the_first_error_that_says_more_than_missing_is_told() -> None:
    turn = Clock().turn("a", "b", "c")
    turn.failed(Missing("a"), final=True)
    turn.failed(OriginError("origin.too_slow", "b"), final=True)
    with pytest.raises(OriginError) as caught:
        turn.failed(OriginError("origin.unreachable", "c"), final=True)
    assert caught.value.code == "origin.too_slow"

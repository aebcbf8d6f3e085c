"""What trackers promise together, by whichever way they share their peers: one memory, local sockets, Redis."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.serve.budgets import DEFAULT_LIMITS, Limits
from patcher.serve.exchange import BATCH, Exchange, Link, LocalLink, packed, unpacked
from patcher.serve.peers import Announce, AnnounceEvent
from patcher.serve.redis_link import RedisLink
from patcher.serve.tracker import Swarms
from tests.support.redis import RedisServer
from tests.support.waiting import wait_until

HASH = bytes(range(20))
TTL_S = 1860


def address(number: int, width: int = 6) -> bytes:
    return (number.to_bytes(3) + b"\1" if width == 6 else number.to_bytes(6) + bytes(10)) + (2000).to_bytes(2)


class Together:
    """Two trackers of one swarm, whose clock the test moves."""

    def __init__(self, links: Callable[[], Link] | None, stack: contextlib.ExitStack, limits: Limits) -> None:
        self.now_s = 1000.0
        if links is None:
            self.here = self.there = Swarms(900, None, limits, clock=lambda: self.now_s)
        else:
            self.here, self.there = (self.another(links(), stack, limits) for _ in range(2))

    def another(self, link: Link, stack: contextlib.ExitStack, limits: Limits) -> Swarms:
        exchange = stack.enter_context(Exchange(link))
        swarms = Swarms(900, None, limits, clock=lambda: self.now_s, news=exchange.note)
        exchange.begin(swarms.hear)
        return swarms


def local_links() -> Iterator[Link]:
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
    for mine, other in ((0, 1), (1, 0)):
        yield LocalLink(pairs[mine][0], [pairs[other][1]])


@pytest.fixture(
    params=[
        "one memory",
        pytest.param("local sockets", marks=pytest.mark.posix("sockets among files")),
        pytest.param("Redis", marks=pytest.mark.posix("a Redis server")),
    ]
)
def join(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Together]]:
    with contextlib.ExitStack() as stack:
        links: Callable[[], Link] | None = None
        if request.param == "local sockets":
            found = local_links()
            links = found.__next__
        elif request.param == "Redis":
            server = RedisServer(tmp_path)
            server.start()
            stack.callback(server.stop)
            links = partial(RedisLink, server.url, TTL_S)
        yield lambda limits=DEFAULT_LIMITS: Together(links, stack, limits)


def say(swarms: Swarms, peer: bytes, left: int = 1, event: int = 0) -> list[bytes]:
    _, (found,) = swarms.announce(Announce(HASH, peer, left, event), {len(peer): 50})
    return [found[at : at + len(peer)] for at in range(0, len(found), len(peer))]


def counts(swarms: Swarms) -> tuple[int, int, int]:
    return swarms.counts(address(999), [HASH])[0]


@pytest.mark.parametrize("width", [6, 18])
def test_who_announces_to_one_is_told_of_by_the_other(join: Callable[..., Together], width: int) -> None:
    both = join()
    for number in range(1, 300):
        say(both.here, address(number, width), left=number % 2)
    wait_until(lambda: counts(both.there) == (149, 0, 150), "the other tracker")
    assert set(say(both.there, address(500, width))) <= {address(number, width) for number in range(1, 300)}


def test_who_finishes_or_leaves_does_so_everywhere(join: Callable[..., Together]) -> None:
    both = join()
    say(both.here, address(1))
    say(both.there, address(2))
    wait_until(lambda: counts(both.here) == counts(both.there) == (0, 0, 2), "the other tracker")
    say(both.there, address(1), left=0, event=AnnounceEvent.COMPLETED)
    wait_until(lambda: counts(both.here) == counts(both.there) == (1, 1, 1), "the other tracker")
    say(both.here, address(2), event=AnnounceEvent.STOPPED)
    wait_until(lambda: counts(both.here) == counts(both.there) == (1, 1, 0), "the other tracker")


def test_who_stays_is_kept_by_both_and_who_falls_silent_is_forgotten(join: Callable[..., Together]) -> None:
    both = join()
    for number in (1, 2):
        say(both.here, address(number))
    wait_until(lambda: counts(both.there) == (0, 0, 2), "the other tracker")
    for _ in range(8):
        both.now_s += 450
        say(both.here, address(1))
        say(both.here, address(3))
        wait_until(lambda: address(1) in say(both.there, address(3)), "the other tracker")
    assert address(2) not in say(both.there, address(3))
    both.now_s += TTL_S + 1
    assert say(both.there, address(3)) == say(both.there, address(4))[:0]


def test_limits_hold_for_all_trackers_together(join: Callable[..., Together]) -> None:
    both = join(Limits(host_places_in_swarm=3))
    for number in range(3):
        say(both.here, address(1)[:4] + (2000 + number).to_bytes(2))
    wait_until(lambda: counts(both.there) == (0, 0, 3), "the other tracker")
    say(both.there, address(1)[:4] + (4000).to_bytes(2))
    assert counts(both.there) == (0, 0, 3)


ASKS = st.builds(
    Announce,
    st.binary(min_size=20, max_size=20),
    st.binary(min_size=6, max_size=6) | st.binary(min_size=18, max_size=18),
    st.integers(0, 1),
    st.sampled_from([int(event) for event in AnnounceEvent]),
)


@given(st.lists(ASKS, max_size=BATCH))
def test_what_is_sent_arrives_as_it_was(asks: list[Announce]) -> None:
    assert list(unpacked(packed(asks))) == asks


@given(st.binary(max_size=300))
def test_a_batch_that_is_no_batch_does_no_harm(batch: bytes) -> None:
    swarms = Swarms(900, None)
    swarms.hear(list(unpacked(batch)), 0)
    assert swarms.tally().peers <= len(batch) // 27


def test_news_that_found_no_way_are_dropped_at_some_point() -> None:
    class Broken:
        name = "nothing"

        def send(self, batch: bytes) -> None:
            raise ConnectionError

        def receive(self, wait_s: float) -> list[tuple[bytes, int]]:
            raise ConnectionError

        def close(self) -> None:
            """Nothing to close."""

    exchange = Exchange(Broken())
    for number in range(100_100):
        exchange.note(Announce(HASH, address(number), 1, 0))
    assert len(exchange._news) == 100_000

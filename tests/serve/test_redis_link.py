"""Trackers on one Redis: a new one knows what the others know, and none depends on it."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from patcher.errors import UsageError
from patcher.serve.exchange import Exchange
from patcher.serve.peers import AnnounceEvent
from patcher.serve.redis_link import STREAM, RedisLink
from patcher.serve.tracker import Swarms
from tests.serve.test_exchange import HASH, TTL_S, address, counts, say
from tests.support.redis import RedisServer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.posix("a Redis server")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


def tracker(server: RedisServer, stack: contextlib.ExitStack, ttl_s: int = TTL_S) -> tuple[Swarms, Exchange]:
    exchange = stack.enter_context(Exchange(RedisLink(server.url, ttl_s)))
    swarms = Swarms(900, None, news=exchange.note)
    exchange.begin(swarms.hear)
    return swarms, exchange


def entries(server: RedisServer) -> int:
    with redis.Redis.from_url(server.url) as client:
        return int(client.xlen(STREAM))


def test_a_tracker_that_starts_knows_all_peers_at_once(server: RedisServer, stack: contextlib.ExitStack) -> None:
    first, _ = tracker(server, stack)
    for number in range(1, 1000):
        say(first, address(number))
    say(first, address(5), event=AnnounceEvent.STOPPED)
    say(first, address(1000))
    with redis.Redis.from_url(server.url) as client:
        wait_until(
            lambda: any(address(1000) in fields[b"asks"] for _, fields in client.xrange(STREAM)), "the other tracker"
        )
    assert counts(tracker(server, stack)[0]) == (0, 0, 999)


def test_what_is_too_old_is_not_read(server: RedisServer, stack: contextlib.ExitStack) -> None:
    first, _ = tracker(server, stack)
    say(first, address(1))
    wait_until(lambda: entries(server) == 1, "the other tracker")
    assert counts(tracker(server, stack, ttl_s=-60)[0]) == (0, 0, 0)


def test_without_redis_a_tracker_goes_on_alone_and_finds_the_others_again(
    server: RedisServer, stack: contextlib.ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "shoal.tracker")
    (first, exchange), (second, other) = (tracker(server, stack) for _ in range(2))
    server.stop()
    wait_until(lambda: not exchange.is_up and not other.is_up, "the other tracker")
    say(first, address(1))
    assert say(first, address(2)) == [address(1)]
    server.start()
    wait_until(lambda: counts(second) == (0, 0, 2), "the other tracker")
    said = [record.getMessage() for record in caplog.records]
    assert sum("goes on alone" in text for text in said) == 2
    assert any("is reached again" in text for text in said)


def test_a_tracker_starts_without_redis(server: RedisServer, stack: contextlib.ExitStack) -> None:
    server.stop()
    swarms, exchange = tracker(server, stack)
    assert not exchange.is_up
    say(swarms, address(1))
    assert counts(swarms) == (0, 0, 1)


def test_a_peer_that_stays_as_it_is_costs_the_stream_nothing(server: RedisServer, stack: contextlib.ExitStack) -> None:
    first, exchange = tracker(server, stack)
    for _ in range(50):
        say(first, address(1))
    exchange.close()
    with redis.Redis.from_url(server.url) as client:
        assert sum(fields[b"asks"].count(HASH) for _, fields in client.xrange(STREAM)) == 1


def test_the_stream_is_bounded(
    server: RedisServer, stack: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patcher.serve.redis_link._MOST_ENTRIES", 100)
    link = RedisLink(server.url, TTL_S)
    for _ in range(1000):
        link.send(b"")
    link.close()
    assert entries(server) < 300


@pytest.mark.parametrize("url", ["", "http://localhost", "redis"])
def test_a_store_that_is_none_is_said(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        RedisLink(url, TTL_S)
    assert caught.value.code == "usage.store"


def test_garbage_in_the_stream_ends_nothing(server: RedisServer, stack: contextlib.ExitStack) -> None:
    first, _ = tracker(server, stack)
    with redis.Redis.from_url(server.url) as client:
        client.xadd(STREAM, {"what": "ever"})
        client.xadd(STREAM, {"by": "x", "asks": b"\xff" * 1000})
    RedisLink(server.url, TTL_S).send(b"")
    second, _ = tracker(server, stack)
    say(second, address(1))
    wait_until(lambda: counts(first) == (0, 0, 1), "the other tracker")

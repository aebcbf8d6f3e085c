"""A server that refuses is asked later and less, and others meanwhile."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from socket import socket

import pytest

from patcher.errors import Busy, Cancelled, OriginError
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.retry import LOOK_S
from patcher.transfer.origin.turns import Turns
from tests.support.hostile_origin import Answer, HostileOrigin, Request, head, says
from tests.transfer.origin.servers import CONTENT, DATA, REF, code_of, read
from tests.transfer.origin.waits import Clock

_DATE = datetime(2026, 11, 30, 12, tzinfo=UTC)


def refuses(after: str = "", status: int = 429) -> Answer:
    return says(status, Retry_After=after) if after else says(status)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("after", ["30", " 30 ", format_datetime(_DATE + timedelta(seconds=30), usegmt=True)])
def test_a_server_that_asks_to_wait_is_left_alone_for_so_long(server: HostileOrigin, after: str, status: int) -> None:
    clock = Clock()
    date = format_datetime(_DATE, usegmt=True)  # by the server's own clock, whatever ours says
    server.answer("a.json", says(status, Retry_After=after, Date=date))
    with Origin([server.url], retry=clock.policy) as origin:
        assert origin.get("a.json", 2) == b"{}"
    assert 1030 <= clock.now_s <= 1030 + LOOK_S
    assert len(server.asked) == 2


def test_other_servers_are_used_meanwhile(server: HostileOrigin, second: HostileOrigin) -> None:
    clock = Clock()
    server.answer("a.json", refuses("60"))
    with Origin([server.url, second.url], retry=clock.policy) as origin:
        assert origin.get("a.json", 2) == b"{}"
        assert read(origin) == DATA
    assert (clock.now_s, len(server.asked), len(second.asked)) == (1000, 1, 2)


def test_a_server_that_rests_is_waited_for_when_the_others_fail(server: HostileOrigin, second: HostileOrigin) -> None:
    clock = Clock()
    server.answer("a.json", refuses("60"))
    second.answer("a.json", *[says(500)] * 9)
    with Origin([server.url, second.url], retry=clock.policy) as origin:
        assert origin.get("a.json", 2) == b"{}"
    assert len(second.asked) == clock.policy.rounds
    assert clock.now_s <= 1060 + LOOK_S


@pytest.mark.parametrize("after", ["121", "86400", "9" * 500])
def test_a_wait_that_is_too_long_is_said_and_not_waited_for(server: HostileOrigin, after: str) -> None:
    clock = Clock()
    server.answer("a.json", refuses(after))
    with Origin([server.url], retry=clock.policy) as origin:
        assert [code_of(origin) for _ in range(3)] == ["origin.busy"] * 3
    assert (clock.now_s, len(server.asked)) == (1000, 1)


def test_all_waits_together_are_bounded_until_something_comes(server: HostileOrigin) -> None:
    clock = Clock()
    server.answer("a.json", *[refuses("50")] * 2, says(200, b"{}"), *[refuses("50")] * 9)
    with Origin([server.url], retry=clock.policy) as origin:
        assert origin.get("a.json", 2) == b"{}"
        assert code_of(origin) == "origin.busy"
    assert len(server.asked) == 6
    assert clock.now_s <= 1200 + 4 * LOOK_S


@pytest.mark.parametrize("after", ["", "0", "-5", "soon", "1.5", "Mon, 30 Nov 2026", "²"])
def test_without_a_time_the_server_is_asked_as_after_any_failure(server: HostileOrigin, after: str) -> None:
    clock = Clock()
    server.answer("a.json", *[refuses(after)] * 9)
    with Origin([server.url], retry=clock.policy) as origin:
        assert code_of(origin) == "origin.busy"
    assert (len(server.asked), clock.now_s) == (4, 1003.5)


def test_a_cancel_ends_the_wait_at_the_next_look(server: HostileOrigin) -> None:
    server.answer("a.json", refuses("100"))
    clock = Clock()
    with Origin([server.url], cancel=lambda: clock.now_s > 1000, retry=clock.policy) as origin:
        with pytest.raises(Cancelled):
            origin.get("a.json", 2)
    assert clock.now_s == 1000 + LOOK_S


def test_requests_that_wait_end_with_the_origin(server: HostileOrigin) -> None:
    server.answer("a.json", refuses("100"))
    origin = Origin([server.url])
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(origin.get, "a.json", 2)
        while not server.asked:
            time.sleep(0.01)
        origin.close()
        with pytest.raises(Cancelled):
            waiting.result(10)


def test_a_server_that_takes_one_request_at_a_time_serves_many(server: HostileOrigin) -> None:
    alone, refused = threading.Lock(), list[str]()

    def one_at_a_time(request: Request, peer: socket) -> None:
        if not alone.acquire(blocking=False):
            refused.append(request.path)
            peer.sendall(head(429, 0))
            return
        with contextlib.ExitStack() as stack:
            stack.callback(alone.release)
            peer.sendall(head(200, len(DATA)) + DATA[:1000])
            time.sleep(0.1)
            peer.sendall(DATA[1000:])

    server.answer(CONTENT, *[one_at_a_time] * 40)
    with Origin([server.url]) as origin, ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: read(origin), range(12))) == [DATA] * 12
    assert len(refused) <= 6


def test_a_read_that_is_left_lying_holds_no_other_for_ever(server: HostileOrigin) -> None:
    clock = Clock()
    server.answer(CONTENT, says(200, DATA), refuses())
    with Origin([server.url], retry=clock.policy) as origin:
        lying = origin.read(REF, 0, len(DATA))
        next(lying)
        with pytest.raises(Busy):
            read(origin)
        assert clock.now_s < 1000 + clock.policy.rest_s + 2
        assert len(b"".join(lying)) < len(DATA)
        assert read(origin) == DATA


# ---------------------------------------------------------------- turns


def _running(turns: Turns, url: str = "https://a.example/feed/") -> int:
    """Begin as many requests as the server gets, at most a hundred."""
    return next((number for number in range(100) if not turns.begin(url)), 100)


def test_a_server_gets_no_more_requests_than_it_had_when_it_refused_and_later_one_more() -> None:
    turns, url = Turns(lambda: 0.0), "https://a.example/feed/"
    assert _running(turns) == 100
    for _ in range(97):
        turns.end(url)
    turns.end(url, Busy("no"))
    assert not turns.begin(url)
    turns.end(url)
    assert _running(turns) == 1
    for _ in range(200):
        turns.end(url)
        assert turns.begin(url)
    assert _running(turns) >= 1


def test_the_addresses_of_one_host_rest_together() -> None:
    turns = Turns(lambda: 0.0)
    assert turns.begin("https://a.example/feed/")
    turns.end("https://a.example/feed/", Busy("no", wait_s=7))
    assert not turns.begin("https://a.example/mirror/")
    assert turns.rest_s("https://a.example/mirror/") == 7
    assert turns.begin("https://b.example/feed/")


def test_another_failure_is_no_reason_to_rest() -> None:
    turns = Turns(lambda: 0.0)
    assert turns.begin("https://a.example/")
    turns.end("https://a.example/", OriginError("origin.status", "no"))
    assert _running(turns, "https://a.example/") == 100

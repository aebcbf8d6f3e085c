"""Servers that bring nothing are given up: one deadline for all that a command asks of them, whatever they do."""

import pytest

from patcher.errors import Cancelled, OriginError
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.retry import LOOK_S, RetryPolicy
from tests.support.hostile_origin import HostileOrigin, drips, head
from tests.transfer.origin.servers import CONTENT, DATA, HURRIED, REF, code_of, read
from tests.transfer.origin.waits import BAD, IDS, Clock, Server, ask, silent


@pytest.mark.parametrize("server", BAD, ids=IDS)
def test_a_server_that_brings_nothing_is_given_up_in_35_seconds(server: Server) -> None:
    clock = Clock()
    with pytest.raises(OriginError):
        ask(clock, clock.failover(), only=server)
    assert clock.now_s <= 1000 + 35 + 3


@pytest.mark.parametrize("server", BAD, ids=IDS)
def test_all_that_a_command_asks_for_shares_the_one_deadline(server: Server) -> None:
    clock = Clock()
    for _ in range(20):
        with pytest.raises(OriginError):
            ask(clock, clock.failover("first", "second"), first=server, second=server)
    assert clock.now_s <= 1000 + 35 + 20 * 3  # each try of the trickling one ends after the deadline


def test_a_server_that_gets_on_has_all_the_time_it_needs() -> None:
    clock = Clock()
    watchdog = clock.watchdog()
    for _ in range(40_000):
        clock.sleep(LOOK_S)
        watchdog.received(300)
    assert clock.stall.left_s > 35 - 2 * clock.policy.grace_s


def test_what_players_bring_keeps_a_command_alive() -> None:
    clock = Clock()
    for _ in range(20):
        with pytest.raises(OriginError):
            ask(clock, clock.failover(), only=silent)
        assert clock.stall.left_s <= 0
        clock.stall.progressed()
    assert clock.now_s > 1000 + 20 * 30


def test_connections_that_wait_at_the_same_time_wait_once() -> None:
    clock = Clock()
    watchdogs = [clock.watchdog() for _ in range(3)]
    for _ in range(36):
        clock.sleep(LOOK_S)
        for watchdog in watchdogs:
            watchdog.check()
    assert clock.stall.left_s == pytest.approx(35 - 9)


def test_the_time_between_two_requests_is_nobodys() -> None:
    clock = Clock()
    for _ in range(100):
        clock.sleep(3600)
        clock.watchdog().check()
    assert clock.stall.left_s == 35


# ---------------------------------------------------------------- on a real connection


@pytest.mark.parametrize("at_once", [0, 44], ids=["headers", "body"])
def test_a_server_that_drips_bytes_is_given_up(server: HostileOrigin, at_once: int) -> None:
    server.answer("a.json", drips(head(200, 900) + bytes(900), at_once))
    with Origin([server.url], retry=HURRIED) as origin:
        assert code_of(origin) == "origin.too_slow"
    assert len(server.asked) == 1


def test_a_document_has_a_deadline_even_at_a_fair_rate(server: HostileOrigin) -> None:
    server.answer("a.json", drips(head(200, 900) + bytes(900), 44))
    policy = RetryPolicy(clock=HURRIED.clock, grace_s=1e6, stall_s=1e6)
    with Origin([server.url], retry=policy) as origin:
        assert code_of(origin) == "origin.too_slow"


def test_content_goes_on_at_another_origin_when_one_drips(server: HostileOrigin, second: HostileOrigin) -> None:
    answer = head(200, len(DATA)) + DATA
    server.answer(CONTENT, drips(answer, 100_000))
    with Origin([server.url, second.url], retry=HURRIED) as origin:
        assert read(origin) == DATA
    assert second.asked[0].headers["range"].startswith("bytes=")


def test_the_time_the_reader_takes_is_not_the_servers(server: HostileOrigin) -> None:
    now = [0.0]
    policy = RetryPolicy(clock=lambda: now[0])
    with Origin([server.url], retry=policy) as origin:
        portions = []
        for portion in origin.read(REF, 0, len(DATA)):
            now[0] += 3600
            portions.append(portion)
    assert b"".join(portions) == DATA
    assert len(server.asked) == 1


def test_a_cancel_ends_the_wait_for_bytes(server: HostileOrigin) -> None:
    server.answer("a.json", drips(head(200, 900) + bytes(900), 44))
    with Origin([server.url], cancel=lambda: bool(server.asked)) as origin, pytest.raises(Cancelled):
        origin.get("a.json", 900)

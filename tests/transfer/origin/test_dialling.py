"""From a name to a handshake: who keeps us waiting is left when somebody cancels, or when the time is up."""

import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from patcher.errors import Cancelled, OriginError, never
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.dialling import dial, tls_context
from patcher.transfer.origin.hosts import Reach
from patcher.transfer.origin.retry import LOOK_S, RetryPolicy, StallTimer
from patcher.transfer.origin.watchdog import Watchdog
from tests.support import names
from tests.support.certificates import Authority
from tests.support.hostile_origin import HostileOrigin
from tests.support.waiting import wait_until
from tests.transfer.origin.servers import DATA

SHORT = RetryPolicy(stall_s=1.5, grace_s=0.4, connect_s=0.4, back_off_s=0.1)


@contextlib.contextmanager
def silent(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A server that lets us in and says nothing; its port."""
    with socket.create_server((host, port)) as listener:
        yield int(listener.getsockname()[1])


@contextlib.contextmanager
def full(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A server whose doorstep is full, so that connecting takes for ever; its port."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(4):
            guest = stack.enter_context(socket.socket())
            guest.setblocking(False)
            guest.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


@contextlib.contextmanager
def unnamed(patch: pytest.MonkeyPatch) -> Iterator[int]:
    """A name server that does not answer for updates.example; a port."""
    over, known = threading.Event(), socket.getaddrinfo

    def ask(host: str, *words: Any, **options: Any) -> Any:
        if host != "updates.example":
            return known(host, *words, **options)
        over.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    patch.setattr(socket, "getaddrinfo", ask)
    yield 9
    over.set()


PLACES: dict[str, Callable[[pytest.MonkeyPatch], contextlib.AbstractContextManager[int]]] = {
    "https://updates.example:{}": unnamed,
    "http://127.0.0.1:{}": lambda patch: silent(),
    "https://127.0.0.1:{}": lambda patch: silent(),
    "https://localhost:{}": lambda patch: full(),
}
IDS = ["name", "headers", "handshake", "connection"]


@pytest.mark.parametrize("url", PLACES, ids=IDS)
def test_a_cancel_ends_the_wait_wherever_it_is(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    looks, once = itertools.count(), RetryPolicy(rounds=1)  # a wait that ends by itself is an error then
    with PLACES[url](monkeypatch) as port:
        with Origin([url.format(port)], cancel=lambda: next(looks) > 2, retry=once) as origin:
            with pytest.raises(Cancelled):
                origin.get("a.json", 100)


@pytest.mark.parametrize("url", PLACES, ids=IDS)
def test_who_keeps_us_waiting_is_given_up(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with PLACES[url](monkeypatch) as port, Origin([url.format(port)], retry=SHORT) as origin:
        with pytest.raises(OriginError) as caught:
            origin.get("a.json", 100)
    assert caught.value.code in {"origin.too_slow", "origin.unreachable"}


@pytest.mark.parametrize("place", PLACES, ids=IDS)
def test_another_origin_gets_its_share(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    with HostileOrigin({"a.json": b"{}"}) as good, PLACES[place](monkeypatch) as port:
        with Origin([place.format(port), good.url], retry=SHORT, reach=Reach.LOOPBACK) as origin:
            assert origin.get("a.json", 100) == b"{}"


def test_each_address_of_a_name_gets_its_share(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    names.lead(monkeypatch, {"updates.example": ["127.0.0.2 127.0.0.3 127.0.0.1"]})
    with HostileOrigin({"a.json": b"{}"}, authority.issue("updates.example")) as server:
        url, policy = f"https://updates.example:{server.port}", RetryPolicy(connect_s=1.0)
        with full("127.0.0.2", server.port), full("127.0.0.3", server.port):
            with Origin([url], ca=str(authority.ca_file), retry=policy) as origin:
                assert origin.get("a.json", 100) == b"{}"


class _Looks(Watchdog):
    """A watchdog that remembers until when each wait may last; half a second passes at each look."""

    def __init__(self, now_s: list[float], policy: RetryPolicy) -> None:
        super().__init__(StallTimer(policy, never), 1e6)
        self.now_s, self.until_s = now_s, dict[float, None]()

    def check_connecting(self, until_s: float) -> None:
        self.until_s[until_s] = None
        self.now_s[0] += 0.5
        super().check_connecting(until_s)


def test_no_address_takes_the_time_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [0.0]
    names.lead(monkeypatch, {"updates.example": ["127.0.0.1 127.0.0.2 127.0.0.3"]})
    with full() as port, full("127.0.0.2", port), full("127.0.0.3", port):
        looks = _Looks(now_s, RetryPolicy(connect_s=3.0, clock=lambda: now_s[0]))
        with pytest.raises(TimeoutError):
            dial("updates.example", port, lambda address: True, looks)
    first, second, third = looks.until_s
    assert (first, third) == (1.0, 3.0)
    assert first < second < third


_RECORD_BYTES = 5 + 1 + 16
"""What TLS 1.3 adds to each 16 KiB (RFC 8446, section 5.2)."""


@contextlib.contextmanager
def encrypted(authority: Authority) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    """Both ends of an encrypted connection, ours first; a watchdog is on duty."""
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(*authority.issue("127.0.0.1"))
    theirs.num_tickets = 0
    near, far = socket.socketpair()
    with near, far, ThreadPoolExecutor(1) as pool:
        Watchdog(StallTimer(SHORT, never), 1.0).resume()
        server = pool.submit(theirs.wrap_socket, far, server_side=True)
        near.settimeout(LOOK_S)
        with tls_context(str(authority.ca_file)).wrap_socket(near, server_hostname="127.0.0.1") as ours:
            with server.result() as other:
                yield ours, other


def test_what_has_come_is_read_at_once_however_many_records_it_is(authority: Authority) -> None:
    with encrypted(authority) as (ours, other):
        other.sendall(DATA[:60_000])
        wait_until(lambda: len(socket.socket.recv(ours, 100_000, socket.MSG_PEEK)) == 60_000 + 4 * _RECORD_BYTES, "it")
        buffer = bytearray(100_000)
        assert ours.recv_into(buffer) == 60_000
        assert buffer[:60_000] == DATA[:60_000]


def test_a_read_takes_what_came_before_the_connection_broke(authority: Authority) -> None:
    with encrypted(authority) as (ours, other):
        other.sendall(DATA[:20_000])
        socket.socket(fileno=other.detach()).close()  # without a word
        buffer = bytearray(100_000)
        assert ours.recv_into(buffer) == 20_000
        assert ours.recv_into(buffer) == 0

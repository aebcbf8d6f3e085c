"""Who connects and keeps silent, drips or never reads costs others nothing, or a few seconds."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from patcher.serve import http, tracker
from patcher.serve.certificate import Authority
from patcher.serve.http import HOST_CONNECTIONS, MAX_CONNECTIONS, NETWORK_CONNECTIONS, Answer, HttpServer
from patcher.serve.static import StaticServer
from patcher.serve.tracker import Tracker

ASK = b"GET / HTTP/1.1\r\n\r\n"
NEVER_S = 3600.0
SOON_S = 0.3

Open = Callable[..., socket.socket]
"""A connection to a port from an address of 127.0.0.0/8."""


@pytest.fixture
def connect() -> Iterator[Open]:
    with contextlib.ExitStack() as stack:

        def begin(port: int, source: str) -> socket.socket:
            connection = socket.create_connection(("127.0.0.1", port), 30, (source, 0))
            return stack.enter_context(connection)

        yield begin


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer("127.0.0.1", 0, lambda _: Answer(HTTPStatus.OK, body=b"here")) as server:
        yield server


def answer(connection: socket.socket) -> bytes:
    """What comes for one request; empty when the connection is cut off."""
    with contextlib.suppress(ConnectionError):
        connection.sendall(ASK)
        return connection.recv(4096)
    return b""


def is_cut_off(connection: socket.socket) -> bool:
    with contextlib.suppress(ConnectionError):
        return connection.recv(4096) == b""
    return True


HALF_OPEN = {
    # by name: the addresses they come from, how many connections of them are held
    "one address": (["127.0.2.1"] * (2 * MAX_CONNECTIONS), HOST_CONNECTIONS),
    "one network": ([f"127.0.2.{n % 250 + 1}" for n in range(2 * MAX_CONNECTIONS)], NETWORK_CONNECTIONS),
}


@pytest.mark.parametrize("name", HALF_OPEN)
def test_half_open_connections_never_keep_others_out(
    name: str, server: HttpServer, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "HEAD_S", NEVER_S)
    sources, held = HALF_OPEN[name]
    flood = [connect(server.port, source) for source in sources]
    assert all(is_cut_off(connection) for connection in flood[held:])
    assert answer(connect(server.port, "127.0.3.1")).endswith(b"here")
    assert answer(connect(server.port, sources[0])) == b""
    assert answer(flood[0]).endswith(b"here")


def test_half_open_connections_from_everywhere_are_gone_after_the_deadline(
    server: HttpServer, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "HEAD_S", SOON_S)
    flood = [connect(server.port, f"127.1.{n % 250}.1") for n in range(MAX_CONNECTIONS)]
    assert answer(connect(server.port, "127.0.3.1")).endswith(b"here")
    assert all(is_cut_off(connection) for connection in flood)


def test_a_share_is_free_again_when_a_connection_ends(server: HttpServer, connect: Open) -> None:
    for _ in range(3 * HOST_CONNECTIONS):
        with connect(server.port, "127.0.2.1") as connection:
            assert answer(connection)


def test_a_request_in_drops_has_one_deadline(
    server: HttpServer, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "HEAD_S", SOON_S)
    for start in (b"GET /", ASK[:-4] + b"\r\nContent-Length: 1000\r\n\r\n"):
        connection = connect(server.port, "127.0.2.1")
        connection.sendall(start)
        connection.settimeout(SOON_S / 10)
        assert any(is_over_after(b"a", connection) for _ in range(1000))


def is_over_after(drop: bytes, connection: socket.socket) -> bool:
    try:
        connection.sendall(drop)
        return connection.recv(4096) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_a_handshake_has_a_deadline(tmp_path: Path, connect: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HEAD_S", SOON_S)
    cert, key = Authority(tmp_path / "authority").issue("127.0.0.1")
    with StaticServer(tmp_path, cert=cert, key=key) as server:
        assert is_cut_off(connect(server.port, "127.0.2.1"))


@pytest.mark.parametrize("reads", [True, False])
def test_nobody_keeps_a_connection_of_a_tracker_for_himself(
    reads: bool, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker, "CONNECTION_S", SOON_S)
    with Tracker(udp=None) as served:
        port = int(served.http_url.rpartition(":")[2].removesuffix("/announce"))
        connection = connect(port, "127.0.2.1")
        with contextlib.suppress(ConnectionError):
            for _ in range(1_000_000):
                connection.sendall(ASK)
                if reads and not connection.recv(4096):
                    break
            else:
                pytest.fail("it was never cut off")

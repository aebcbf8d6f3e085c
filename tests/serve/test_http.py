"""Requests are understood exactly, or refused."""

from http import HTTPStatus
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.serve import http
from patcher.serve.http import Answer, HttpRequest, HttpServer, parse_head, plain_host
from patcher.serve.static import StaticServer
from tests.support.raw_http import Client, read_reply

_OK = HTTPStatus.OK
GOOD = b"GET /announce?port=1&left=0 HTTP/1.1\r\nHost: example:80\r\nX-One: a\r\nx-one:b \r\nEmpty:"


def test_a_request_is_read_as_it_was_sent() -> None:
    request = parse_head(GOOD, "10.0.0.1")
    headers = {"host": "example:80", "x-one": "a, b", "empty": ""}
    assert request == HttpRequest("GET", "/announce", "port=1&left=0", headers, "10.0.0.1", keep_alive=True)


def test_a_request_as_to_a_proxy_is_read_too() -> None:
    assert parse_head(b"GET http://example/a/b?c HTTP/1.1").path == "/a/b"


@pytest.mark.parametrize("head", [b"GET / HTTP/1.0", b"GET / HTTP/1.1\r\nConnection: Close"])
def test_some_connections_serve_one_request(head: bytes) -> None:
    assert not parse_head(head).keep_alive


@pytest.mark.parametrize(
    "head",
    [
        b"", b"GET /", b"GET / HTTP/2.0", b"get / HTTP/1.1", b"GET  / HTTP/1.1", b"GET / HTTP/1.1 ", b"GET * HTTP/1.1",
        b"GET a HTTP/1.1", b"GET ftp://a/b HTTP/1.1", b"GET /\x00 HTTP/1.1\x00", b"GET / HTTP/1.1\r\nno colon",
        b"GET / HTTP/1.1\r\nA: b\r\n folded", b"GET / HTTP/1.1\r\nA : b", b"GET / HTTP/1.1\r\n: b",
        b"GET / HTTP/1.1\r\nA: b\nC: d", b"GET /" + b"a" * 9000 + b" HTTP/1.1",
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(head: bytes) -> None:
    with pytest.raises(ValueError, match=r"^not a"):
        parse_head(head)


@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_a_mutated_request_is_read_or_refused(at: int, bytes_in: bytes, bytes_out: int) -> None:
    head = GOOD[:at] + bytes_in + GOOD[at + bytes_out :]
    try:
        request = parse_head(head)
    except ValueError:
        return
    assert request.path.startswith("/")
    assert all("\r" not in value and "\n" not in value for value in request.headers.values())


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 4000 + b"\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 5, 6\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    ],
)
def test_a_refused_request_is_answered_and_cut_off(
    tmp_path_factory: pytest.TempPathFactory, request_bytes: bytes
) -> None:
    with StaticServer(tmp_path_factory.getbasetemp()) as server:
        reply = read_reply(Client(server.port).send(request_bytes))
    assert (reply.status, reply.headers["connection"]) == (400, "close")


def test_requests_may_come_in_drops_and_in_floods() -> None:
    seen: list[str] = []

    def answer(request: HttpRequest) -> Answer:
        seen.append(request.path)
        return Answer(_OK)

    with HttpServer("127.0.0.1", 0, answer) as server, Client(server.port).connect() as connection:
        for byte in b"GET /drop HTTP/1.1\r\n\r\n":
            connection.sendall(bytes([byte]))
        connection.sendall(b"GET /flood HTTP/1.1\r\n\r\n" * 2 + b"GET /end HTTP/1.0\r\n\r\n")
        while connection.recv(4096):
            pass
    assert seen == ["/drop", "/flood", "/flood", "/end"]


def test_addresses_are_plain() -> None:
    assert plain_host("::ffff:192.0.2.1") == "192.0.2.1"
    assert plain_host("fe80::1%eth0") == "fe80::1"
    assert plain_host("2001:db8::ffff:1") == "2001:db8::ffff:1"


@pytest.mark.parametrize(
    "sent", [b"", b"GET /none HTTP/1.1\r\nHost: h\r\n\r\n", b"GET /huge HTTP/1.1\r\nHost: h\r\n\r\n"]
)
def test_a_server_that_ends_waits_for_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """Neither for one that is silent, nor for one that is kept, nor for one that does not take its answer."""
    for limit in ("HEAD_S", "_SEND_S"):
        monkeypatch.setattr(http, limit, 86_400.0)
    (tmp_path / "huge").write_bytes(bytes(64 << 20))
    with StaticServer(tmp_path) as server, Client(server.port).connect() as connection:
        connection.sendall(sent)
        if sent:
            assert connection.recv(10)
        server.close()

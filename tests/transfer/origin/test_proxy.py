"""Behind a proxy: every wait of a connection that leads through it is watched, also when the proxy is asked by TLS."""

import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from patcher.errors import Cancelled
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.http import current_proxy
from patcher.transfer.origin.retry import LOOK_S, RetryPolicy
from tests.support import names
from tests.support.certificates import Authority
from tests.support.hostile_origin import HostileOrigin
from tests.transfer.origin.test_dialling import silent


@contextmanager
def slow_proxy(authority: Authority, target: int) -> Iterator[int]:
    """Speaks TLS, and tunnels one connection to the port ``target`` after longer than a look takes; its port."""

    def serve() -> None:
        accepted, _ = listener.accept()
        with context.wrap_socket(accepted, server_side=True) as client:
            with socket.create_connection(("127.0.0.1", target)) as server:
                client.recv(65536)
                time.sleep(1.5 * LOOK_S)
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                tunnel(client, server)

    def tunnel(client: ssl.SSLSocket, server: socket.socket) -> None:
        while True:
            for side in select.select([client, server], [], [])[0]:
                data = side.recv(65536)
                while client.pending():
                    data += client.recv(65536)
                if not data:
                    return
                time.sleep(1.5 * LOOK_S)
                (server if side is client else client).sendall(data)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("localhost"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join()


def test_a_proxy_may_take_its_time(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    with HostileOrigin({"a.json": b"{}"}, authority.issue("updates.example")) as server:
        with slow_proxy(authority, server.port) as port:
            monkeypatch.setenv("https_proxy", f"https://localhost:{port}")
            with Origin(["https://updates.example"], retry=RetryPolicy(rounds=1)) as origin:
                assert origin.get("a.json", 2) == b"{}"


@pytest.mark.parametrize("environment", ["http://127.0.0.1:9", ""])
def test_the_players_own_proxy_counts_before_the_environments(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    monkeypatch.setenv("https_proxy", environment)
    with HostileOrigin({"a.json": b"{}"}, authority.issue("updates.example")) as server:
        with slow_proxy(authority, server.port) as port:
            proxy = f"https://localhost:{port}"
            with Origin(["https://updates.example"], retry=RetryPolicy(rounds=1), proxy=proxy) as origin:
                assert origin.get("a.json", 2) == b"{}"


def test_the_player_may_do_without_the_environments_proxy(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.lead(monkeypatch, {"updates.example": ["127.0.0.1"]})
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with HostileOrigin({"a.json": b"{}"}, authority.issue("updates.example")) as server:
        url, ca = f"https://updates.example:{server.port}", str(authority.ca_file)
        with Origin([url], ca=ca, retry=RetryPolicy(rounds=1), proxy="none") as origin:
            assert origin.get("a.json", 2) == b"{}"


def test_what_the_environment_exempts_is_asked_without_the_players_proxy(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.lead(monkeypatch, {"updates.example": ["127.0.0.1"]})
    monkeypatch.setenv("no_proxy", "example")
    with HostileOrigin({"a.json": b"{}"}, authority.issue("updates.example")) as server:
        url, ca = f"https://updates.example:{server.port}", str(authority.ca_file)
        with Origin([url], ca=ca, retry=RetryPolicy(rounds=1), proxy="http://127.0.0.1:9") as origin:
            assert origin.get("a.json", 2) == b"{}"


@pytest.mark.parametrize(
    ("setting", "environment", "used"),
    [
        ("", "", ""),
        ("", "http://env.example:1", "http://env.example:1"),
        ("none", "http://env.example:1", ""),
        ("http://own.example:2", "http://env.example:1", "http://own.example:2"),
        ("http://ann:secret@own.example:2", "", "http://own.example:2"),
        ("", "ann:secret@env.example:1", "env.example:1"),
    ],
)
def test_the_current_proxy_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, setting: str, environment: str, used: str
) -> None:
    monkeypatch.setenv("https_proxy", environment)
    assert current_proxy(setting) == used


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_cancel_ends_the_wait_for_a_proxy(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    looks = iter([False] * 4)
    with silent() as port, Origin(["https://updates.example"], cancel=lambda: next(looks, True)) as origin:
        monkeypatch.setenv("https_proxy", f"{scheme}://127.0.0.1:{port}")
        with pytest.raises(Cancelled):
            origin.get("a.json", 2)

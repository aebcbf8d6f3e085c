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
from patcher.transfer.origin.retry import LOOK_S, RetryPolicy
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


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_cancel_ends_the_wait_for_a_proxy(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    looks = iter([False] * 4)
    with silent() as port, Origin(["https://updates.example"], cancel=lambda: next(looks, True)) as origin:
        monkeypatch.setenv("https_proxy", f"{scheme}://127.0.0.1:{port}")
        with pytest.raises(Cancelled):
            origin.get("a.json", 2)

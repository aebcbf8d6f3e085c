"""Runs zsync's client against a plain nginx and counts what the server sent."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

_CONFIGURATION = """
daemon off; master_process off; pid {place}/pid; error_log {place}/error.log;
events {{ }}
http {{
    log_format sent "$body_bytes_sent"; access_log {place}/sent.log sent;
    client_body_temp_path {place}/t1; proxy_temp_path {place}/t2; fastcgi_temp_path {place}/t3;
    uwsgi_temp_path {place}/t4; scgi_temp_path {place}/t5;
    server {{ listen 127.0.0.1:{port}; root {place}; }}
}}
"""


def fetched_bytes(place: Path, environment: dict[str, str]) -> int:
    """Bytes of all answers while ``place/new`` is made from ``place/old`` by ``place/new.zsync``."""
    with _server(place, environment) as port:
        command = ["zsync", "-s", "-i", "old", "-o", "made", f"http://127.0.0.1:{port}/new.zsync"]
        subprocess.run(command, check=True, env=environment, cwd=place, stdout=subprocess.DEVNULL)
    assert (place / "made").stat().st_size == (place / "new").stat().st_size
    return sum(int(line) for line in (place / "sent.log").read_text().split())


@contextlib.contextmanager
def _server(place: Path, environment: dict[str, str]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    (place / "nginx.conf").write_text(_CONFIGURATION.format(place=place, port=port))
    command = ["nginx", "-p", str(place), "-c", "nginx.conf", "-e", str(place / "error.log")]
    with subprocess.Popen(command, env=environment) as process:
        try:
            _wait(port)
            yield port
        finally:
            process.terminate()


def _wait(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "nginx did not start"
            time.sleep(0.05)

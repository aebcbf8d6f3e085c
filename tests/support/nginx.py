"""A real nginx with the configuration that docs tell operators to use, on a free port of 127.0.0.1."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

_CONFIGURATION = Path(__file__).parents[2] / "packaging/nginx/shoal-feed.conf"
_PLACES = ("listen 443 ssl;", "root /srv/feed;", "/etc/ssl/feed/fullchain.pem", "/etc/ssl/feed/privkey.pem")
_TEMPORARY = "".join(
    f"{name}_temp_path {{work}}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)
_MAIN = (
    "daemon off; master_process off; pid {work}/pid; error_log {work}/error.log;\n"
    "events {{ }}\n"
    "http {{\naccess_log {work}/access.log;\n" + _TEMPORARY + "include {work}/shoal-feed.conf;\n}}\n"
)
_TRIES = 5
_START_S = 10.0


@contextlib.contextmanager
def nginx(feed: Path, cert: Path, key: Path, work: Path, host: str = "127.0.0.1", fixed_port: int = 0) -> Iterator[int]:
    """Serve ``feed`` over TLS with nginx, its own files in ``work``; yields the port."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program is not None, "nginx is not installed: make setup"
    for _ in range(_TRIES):  # another program may take the port between our looking and its listening
        port = fixed_port or _free_port()
        _configure(feed, cert, key, work, f"{host}:{port}")
        with subprocess.Popen([program, "-p", work, "-c", work / "nginx.conf", "-e", work / "error.log"]) as process:
            try:
                if _listens(process, host, port):
                    yield port
                    return
            finally:
                process.terminate()
    raise AssertionError(f"nginx did not start: {(work / 'error.log').read_text()}")


def _configure(feed: Path, cert: Path, key: Path, work: Path, address: str) -> None:
    text = _CONFIGURATION.read_text()
    values = (f"listen {address} ssl;", f"root {feed};", str(cert), str(key))
    for place, value in zip(_PLACES, values, strict=True):
        assert text.count(place) == 1
        text = text.replace(place, value)
    (work / "shoal-feed.conf").write_text(text)
    (work / "nginx.conf").write_text(_MAIN.format(work=work))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _listens(process: "subprocess.Popen[bytes]", host: str, port: int) -> bool:
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
            return process.poll() is None
        time.sleep(0.01)
    return False

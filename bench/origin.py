"""What a gigabyte costs the origin over TLS, and small ranges a second: ours beside nginx with our configuration.

Clients: curl for the whole file, one kept-alive connection for the ranges: `python -m bench.origin`.
"""

import contextlib
import multiprocessing
import random
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from patcher.serve.certificate import Authority
from patcher.serve.static import StaticServer
from tests.support.nginx import nginx
from tests.support.raw_http import Client

FILE_BYTES = 1 << 30
RANGE_BYTES = 16 << 10
SECONDS = 4.0
REPEATS = 3


def _serve(pipe: Connection, feed: Path, cert: Path, key: Path) -> None:
    with StaticServer(feed, cert=cert, key=key) as server:
        pipe.send(server.port)
        pipe.recv()


@contextlib.contextmanager
def ours(feed: Path, cert: Path, key: Path) -> Iterator[tuple[int, int]]:
    """Process id and port."""
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(far, feed, cert, key))
    process.start()
    assert process.pid is not None
    try:
        yield process.pid, near.recv()
    finally:
        near.send(None)
        process.join()


@contextlib.contextmanager
def theirs(feed: Path, cert: Path, key: Path) -> Iterator[tuple[int, int]]:
    with tempfile.TemporaryDirectory() as work, nginx(feed, cert, key, Path(work)) as port:
        pid = next(child.pid for child in psutil.Process().children() if child.name() == "nginx")
        yield pid, port


def cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def measure(pid: int, work: Callable[[], int]) -> tuple[int, float, float]:
    """What was done, in how many seconds, and the server's CPU seconds for it."""
    before, started = cpu_s(pid), time.perf_counter()
    done = work()
    return done, time.perf_counter() - started, cpu_s(pid) - before


def whole(port: int, ca: Path, at_once: int) -> int:
    """Download the file so many times at once; returns the bytes."""
    command = ["curl", "--silent", "--fail", "--cacert", str(ca), "-o", "/dev/null", f"https://127.0.0.1:{port}/file"]
    downloads = [subprocess.Popen(command) for _ in range(at_once)]
    assert all(download.wait() == 0 for download in downloads)
    return FILE_BYTES * at_once


def ranges(port: int, ca: Path) -> int:
    """Ask for random ranges, one after the other; returns how many."""
    count, deadline = 0, time.perf_counter() + SECONDS
    with Client(port, ca).connect() as connection:
        assert isinstance(connection, ssl.SSLSocket)
        while time.perf_counter() < deadline:
            first = random.randrange(FILE_BYTES - RANGE_BYTES)
            last = first + RANGE_BYTES - 1
            connection.sendall(f"GET /file HTTP/1.1\r\nHost: h\r\nRange: bytes={first}-{last}\r\n\r\n".encode())
            answer = bytearray()
            while len(answer.partition(b"\r\n\r\n")[2]) < RANGE_BYTES:
                answer += connection.recv(1 << 16)
            count += 1
    return count


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        authority = Authority(place / "authority")
        cert, key = authority.issue("127.0.0.1")
        (place / "feed").mkdir()
        with (place / "feed/file").open("wb") as file:
            file.truncate(FILE_BYTES)
        for name, server in (("ours", ours), ("nginx", theirs)):
            with server(place / "feed", cert, key) as (pid, port):
                for at_once in (1, 4):
                    runs = [measure(pid, partial(whole, port, authority.ca_file, at_once)) for _ in range(REPEATS)]
                    done, seconds, cpu = min(runs, key=lambda run: run[2])
                    rate, cost = done / seconds / 1e6, cpu / done * 1e9
                    print(f"{name:6} 1 GiB, {at_once} at once: {rate:6.0f} MB/s, {cost:5.2f} CPU s/GB")
                count, seconds, cpu = measure(pid, partial(ranges, port, authority.ca_file))
                rate, cost = count / seconds, cpu / count * 1e6
                print(f"{name:6} 16 KiB ranges, one connection: {rate:6,.0f} /s, {cost:4.0f} µs CPU each")


if __name__ == "__main__":
    main()

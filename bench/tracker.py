"""How many announces a second the tracker answers, what one costs it, and the memory of a million peers.

Beside it opentracker, where it is installed. The client is Python too and shares the machine, so read the server's own
CPU time first: `python -m bench.tracker`; `python -m bench.tracker memory` for the second half alone.
"""

import contextlib
import itertools
import multiprocessing
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from patcher.serve.budgets import Limits
from patcher.serve.peers import Announce, Peers
from patcher.serve.sites import Sites
from patcher.serve.tracker import Tracker

HASH = bytes(range(20))
SECONDS = 4.0
IN_FLIGHT = 64
HOSTS = 1_000
"""Addresses 127.x.y.1 that the client speaks from, each in a network of its own."""
LOWEST_PORT = 1024
ANY = 1 << 30
UNBOUND = Limits(ANY, ANY, ANY, ANY, ANY, ANY, ANY)
"""All peers are on this machine, so that one network has what is meant for thousands."""
PEERS = 1_000_000
LONG_TAIL = tuple(max(1, PEERS // (16 * rank)) for rank in range(1, PEERS))
"""Sizes of swarms, largest first, until all peers have their place: half of them are in swarms of one."""

Server = tuple[int, int, int]
"""Process id, UDP port, HTTP port (0: none)."""


def _serve(pipe: Connection, with_map: bool) -> None:
    racks = [f"127.{1 + net // 250}.{net % 250}.0/24 eu/{net // 40}/{net}" for net in range(1, HOSTS + 1)]
    sites = Sites(racks) if with_map else None
    with Tracker(limits=UNBOUND, allowed=frozenset([HASH]).__contains__, sites=sites) as tracker:
        pipe.send([int(url.rpartition(":")[2].split("/")[0]) for url in (tracker.udp_url, tracker.http_url)])
        pipe.recv()


@contextlib.contextmanager
def ours(with_map: bool = False) -> Iterator[Server]:
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(far, with_map))
    process.start()
    assert process.pid is not None
    udp, http = near.recv()
    try:
        yield process.pid, udp, http
    finally:
        near.send(None)
        process.join()


@contextlib.contextmanager
def opentracker() -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "whitelist").write_text(HASH.hex() + "\n")
        (Path(folder) / "conf").write_text(
            f"listen.tcp 127.0.0.1:{port}\nlisten.udp 127.0.0.1:{port}\n"
            f"access.whitelist {folder}/whitelist\ntracker.rootdir {folder}\n"
        )
        with subprocess.Popen(["opentracker", "-f", f"{folder}/conf"], stderr=subprocess.DEVNULL) as process:
            try:
                _wait_for(port)
                yield process.pid, port, port
            finally:
                process.terminate()


def _wait_for(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError("opentracker did not start")


def cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def measure(name: str, pid: int, count: Callable[[], int]) -> None:
    before, started = cpu_s(pid), time.perf_counter()
    answers = count()
    seconds, cpu = time.perf_counter() - started, cpu_s(pid) - before
    print(
        f"{name:44} {answers / seconds:9,.0f} /s {cpu / answers * 1e6:7.1f} µs CPU each {cpu / seconds:5.0%} of a core"
    )


def udp(port: int, swarm: int, seconds: float) -> int:
    """Announce as random peers of a swarm of this size, some packets in flight; returns the answers received."""
    clients = [_connected(f"127.{1 + host // 250}.{host % 250}.1", port) for host in range(1, min(HOSTS, swarm) + 1)]
    ports_each = swarm // len(clients)
    answers, deadline = 0, time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        client, head = random.choice(clients)
        for _ in range(IN_FLIGHT):
            client.send(head + (LOWEST_PORT + random.randrange(ports_each)).to_bytes(2))
        with contextlib.suppress(TimeoutError):
            for _ in range(IN_FLIGHT):
                client.recv(2048)
                answers += 1
    for client, _ in clients:
        client.close()
    return answers


def _connected(host: str, port: int) -> tuple[socket.socket, bytes]:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.bind((host, 0))
    client.connect(("127.0.0.1", port))
    client.settimeout(0.2)
    client.send(struct.pack("!QII", 0x41727101980, 0, 1))
    announce = struct.pack("!II20s20sQQQIIIi", 1, 1, HASH, b"p" * 20, 0, 1, 0, 0, 0, 0, 50)
    return client, client.recv(2048)[8:16] + announce


def http(port: int, keep_alive: bool) -> int:
    """Announce one request after the other, on one connection or one each."""
    end = "keep-alive" if keep_alive else "close"
    info_hash = "".join(f"%{byte:02x}" for byte in HASH)
    before = f"GET /announce?info_hash={info_hash}&peer_id={'p' * 20}&port="
    after = f"&uploaded=0&downloaded=0&left=1&compact=1&numwant=50 HTTP/1.1\r\nHost: h\r\nConnection: {end}\r\n\r\n"
    answers, deadline, client = 0, time.perf_counter() + SECONDS, None
    while time.perf_counter() < deadline:
        client = client or socket.create_connection(("127.0.0.1", port))
        client.sendall(f"{before}{LOWEST_PORT + random.randrange(1000)}{after}".encode())
        assert client.recv(1 << 16)
        answers += 1
        if not keep_alive:
            client.close()
            client = None
    if client:
        client.close()
    return answers


def fill(sizes: Iterable[int], pipe: Connection) -> None:
    """Swarms of these sizes until a million peers, each of an IPv6 network of its own; sends RSS before and after."""
    before = psutil.Process().memory_info().rss
    peers, number = Peers(ttl_s=ANY), 0
    for swarm, size in enumerate(sizes):
        info_hash = random.Random(swarm).randbytes(20)
        for _ in range(min(size, PEERS - number)):
            address = (number << 80).to_bytes(16) + LOWEST_PORT.to_bytes(2)
            peers.announce(Announce(info_hash, address, 1, 0), 1_000 + number // 1_000)
            number += 1
        if number == PEERS:
            break
    assert len(peers) == PEERS
    pipe.send((before, psutil.Process().memory_info().rss))


def memory() -> None:
    mixes = {"one a swarm": itertools.repeat(1), "a long tail": LONG_TAIL, "one swarm": itertools.repeat(PEERS)}
    for name, sizes in mixes.items():
        near, far = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=fill, args=(sizes, far))
        process.start()
        before, after = near.recv()
        process.join()
        each = (after - before) / PEERS
        print(f"{f'memory, {PEERS:,} peers, {name}':44} {after / 1e6:9,.0f} MB {each:7.0f} bytes each")


def speed() -> None:
    servers: dict[str, Callable[[], contextlib.AbstractContextManager[Server]]] = {
        "ours": ours,
        "ours, with a map of 1,000 racks": partial(ours, with_map=True),
    }
    servers |= {"opentracker": opentracker} if shutil.which("opentracker") else {}
    for name, server in servers.items():
        for swarm in (10, 1_000, 100_000):
            with server() as (pid, udp_port, _):
                udp(udp_port, swarm, seconds=swarm / 30_000)
                measure(f"{name}, UDP, swarm of {swarm:,}", pid, partial(udp, udp_port, swarm, SECONDS))
        if server not in (ours, opentracker):
            continue
        with server() as (pid, _, http_port):
            measure(f"{name}, HTTP, a connection each", pid, partial(http, http_port, keep_alive=False))
            if server is ours:  # opentracker closes each connection
                measure(f"{name}, HTTP, kept alive", pid, partial(http, http_port, keep_alive=True))


if __name__ == "__main__":
    if sys.argv[1:] != ["memory"]:
        speed()
    memory()

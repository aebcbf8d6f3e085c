"""Bytes that cross between racks: three racks of four servers with a thin line to each other, one server complete.

Each rack is a network namespace behind a line of `LINE_MBIT`; each server a session as the engine makes it, with a
tracker in the middle. `python -m bench.racks` (as root) prints the copies that came into each rack, and the time.
"""

import contextlib
import ctypes
import itertools
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from patcher.config import Settings
from patcher.serve.sites import Sites
from patcher.serve.tracker import Tracker
from patcher.transfer.swarm.session import Session
from patcher.transfer.swarm.torrent import Torrent
from tests.support.peers import torrent_of

RACKS, SERVERS = 3, 4
LINE_MBIT = 50
SIZE_BYTES = 192 << 20
PIECE_BYTES = 256 << 10
LIMIT_COPIES = 1.2
TRACKER_PORT = 6969
CORE = "racks-core"
_MOST_S = 240.0
_COME_S = 0.25


def ip(*words: str, inside: str = "") -> None:
    subprocess.run([*(["ip", "netns", "exec", inside] if inside else []), "ip", *words], check=True)


@contextlib.contextmanager
def network() -> Iterator[None]:
    names = [CORE, *(f"racks-{rack}" for rack in range(RACKS))]
    try:
        for name in names:
            ip("netns", "add", name)
            ip("link", "set", "lo", "up", inside=name)
        ip("address", "add", "10.99.0.1/32", "dev", "lo", inside=CORE)
        subprocess.run(["ip", "netns", "exec", CORE, "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
        for rack in range(RACKS):
            _plug(rack)
        yield
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)


def _plug(rack: int) -> None:
    name = f"racks-{rack}"
    ip("link", "add", f"down{rack}", "netns", CORE, "type", "veth", "peer", "name", "cable", "netns", name)
    for inside, device, last in ((CORE, f"down{rack}", 1), (name, "cable", 2)):
        ip("address", "add", f"10.98.{rack}.{last}/24", "dev", device, inside=inside)
        ip("link", "set", device, "up", inside=inside)
        shape = f"tc qdisc add dev {device} root tbf rate {LINE_MBIT}mbit burst 64k latency 100ms"
        subprocess.run(["ip", "netns", "exec", inside, *shape.split()], check=True)
    for number in range(SERVERS):
        ip(
            "address", "add", f"10.0.{rack}.{number + 1}/24", "dev", "cable", inside=name
        )  # from one of `lo` libtorrent announces nothing
    ip("route", "add", "default", "via", f"10.98.{rack}.1", inside=name)
    ip("route", "add", f"10.0.{rack}.0/24", "via", f"10.98.{rack}.2", inside=CORE)


def _enter(name: str) -> None:
    with Path(f"/run/netns/{name}").open() as place:  # not setns() from Python 3.12
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.setns(place.fileno(), 0x40000000) == 0, os.strerror(ctypes.get_errno())


def track(with_map: bool, pipe: Connection) -> None:
    _enter(CORE)
    sites = Sites(f"10.0.{rack}.0/24 eu/rack{rack}" for rack in range(RACKS)) if with_map else None
    with Tracker(("10.99.0.1", TRACKER_PORT), ("10.99.0.1", TRACKER_PORT), sites=sites):
        pipe.send(None)
        pipe.recv()


def serve(rack: int, number: int, data: bytes, folder: Path, exchange: bool, pipe: Connection) -> None:
    """One server; the first one of the first rack is complete."""
    _enter(f"racks-{rack}")
    is_seed = (rack, number) == (0, 0)
    path = folder / ("seed/file" if is_seed else f"{rack}-{number}")
    torrent = Torrent.parse(data, [path])
    torrent = Torrent(torrent.info_hash, torrent.layout, data, (path,), (f"udp://10.99.0.1:{TRACKER_PORT}/announce",))
    settings = Settings(
        sharing="everyone", listen_host=f"10.0.{rack}.{number + 1}", local_discovery=False, peer_exchange=exchange
    )
    pieces = range(torrent.layout.count)
    with contextlib.closing(Session(settings)) as session:
        if is_seed:
            session.offer([torrent])
            pipe.send(None)
            pipe.recv()
            return
        with session.fetching(torrent, [], pieces) as swarm:
            end = time.monotonic() + _MOST_S
            while swarm.handle.status().num_pieces < len(pieces) and time.monotonic() < end:
                time.sleep(0.1)
            pipe.send(swarm.handle.status().num_pieces == len(pieces))
            pipe.recv()


def crossed(rack: int) -> int:
    """Bytes that came into a rack."""
    shown = subprocess.run(
        ["ip", "netns", "exec", f"racks-{rack}", "cat", "/proc/net/dev"], check=True, capture_output=True, text=True
    ).stdout
    return next(int(line.split()[1]) for line in shown.splitlines() if line.strip().startswith("cable:"))


def run(with_map: bool, exchange: bool, folder: Path, data: bytes) -> tuple[list[float], float]:
    context = multiprocessing.get_context("spawn")
    processes, pipes = [], []

    def start(target: Callable[..., None], *args: object) -> None:
        near, far = context.Pipe()
        process = context.Process(target=target, args=(*args, far))
        process.start()
        far.close()
        processes.append(process)
        pipes.append(near)

    with network():
        start(track, with_map)
        pipes[0].recv()
        servers = list(itertools.product(range(RACKS), range(SERVERS)))
        start(serve, *servers[0], data, folder, exchange)
        pipes[1].recv()
        time.sleep(1)  # its announce
        before, began = [crossed(rack) for rack in range(RACKS)], time.monotonic()
        for rack, number in random.sample(servers[1:], len(servers) - 1):
            start(serve, rack, number, data, folder, exchange)
            time.sleep(_COME_S)
        assert all(pipe.recv() for pipe in pipes[2:]), "a server is not complete"
        took_s = time.monotonic() - began
        copies = [(crossed(rack) - of) / SIZE_BYTES for rack, of in enumerate(before)]
        for pipe in pipes:
            pipe.send(None)
        for process in processes:
            process.join()
    for file in folder.glob("[0-9]-[0-9]"):
        file.unlink()
    return copies, took_s


def main() -> int:
    """Print the copies; returns 1 when a map without peer exchange does not bring them below the limit."""
    beyond = False
    with tempfile.TemporaryDirectory(dir="/dev/shm") as temporary:
        folder = Path(temporary)
        (folder / "seed").mkdir()
        (folder / "seed/file").write_bytes(random.Random(1).randbytes(SIZE_BYTES))
        data = torrent_of(folder / "seed/file", PIECE_BYTES)
        for with_map, exchange in ((True, False), (False, True), (True, True)):
            copies, took_s = run(with_map, exchange, folder, data)
            beyond |= with_map and not exchange and max(copies) > LIMIT_COPIES
            name = f"{'map' if with_map else 'no map'}, peer exchange {'on' if exchange else 'off'}"
            print(
                f"{name:28} into each rack {' '.join(f'{one:5.2f}' for one in copies)} copies  {took_s:5.1f} s",
                flush=True,
            )
    return int(beyond)


if __name__ == "__main__":
    sys.exit(main())

"""How usable a player's line stays while they seed: pings, use of the uplink, and what is left for an own upload.

A player behind a router, whose uplink has a queue of a second, seeds to players of the Internet. The ping is a packet
of UDP that comes back, through the same queue. Without another delay an idle ping takes next to nothing, and the bar of
twice that and 20 ms is at its lowest. ``python -m bench.line [MBIT…]`` (as root).

The queue is not in the player's own machine: there, Linux lets a TCP connection have two packets in it at a time.
"""

import contextlib
import itertools
import os
import random
import select
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from bench.support.network import join
from patcher.config import Settings
from patcher.serve.tracker import Tracker
from patcher.transfer.swarm.session import Session
from patcher.transfer.swarm.torrent import Torrent
from tests.support.homes import Place
from tests.support.peers import torrent_of

RATES_MBIT = (2, 10, 40)
CASES = ((4, 0), (20, 20))
"""Players who fetch, and the round trip of the line in milliseconds."""
CONGESTION = [
    name
    for name in ("cubic", "bbr")
    if name in Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()
]
"""Of the player's own upload: that of Windows, macOS and most of Linux, and that of some servers."""
QUEUE_MS = 1000
RAMP_S, WATCH_S = 12.0, 15.0
NET, PLAYER = "45.0.0.1", "46.0.0.2"
_ROUTER, _WAN = "46.0.0.1", "45.1.0.1"
TRACKER_PORT, ECHO_PORT, SINK_PORT = 6969, 7, 9
PINGS_PER_S = 20
_SIZE_BYTES = 96 << 20


def internet(folder: Path, peers: int) -> None:
    """A tracker, players who want the game, an echo for pings, and a sink that counts. Answers each line with bytes."""
    got = [0]
    threading.Thread(target=_echo, daemon=True).start()
    threading.Thread(target=_sink, args=(got,), daemon=True).start()
    with Tracker((NET, TRACKER_PORT), None, interval_s=2), contextlib.ExitStack() as stack:
        _say("ready")
        for line in sys.stdin:
            if line == "come\n":
                for number in range(peers):
                    settings = Settings(listen_host=f"45.0.1.{number + 1}", local_discovery=False)
                    session = stack.enter_context(contextlib.closing(Session(settings)))
                    torrent = _torrent(folder, folder / f"peer{number}")
                    stack.enter_context(session.fetching(torrent, (), range(torrent.layout.count)))
            _say(str(got[0]))


def _echo() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind((NET, ECHO_PORT))
        while True:
            data, sender = door.recvfrom(100)
            door.sendto(data, sender)


def _sink(got: list[int]) -> None:
    with socket.create_server((NET, SINK_PORT)) as door:
        while True:
            connection, _ = door.accept()
            with connection:
                while data := connection.recv(1 << 16):
                    got[0] += len(data)


def seed(folder: Path) -> None:
    """The player's own program."""
    session = Session(Settings(sharing="everyone", local_discovery=False, listen_host=PLAYER))
    session.offer([_torrent(folder, folder / "game")])
    _say("ready")
    while not select.select([sys.stdin], [], [], 1.0)[0]:  # as an engine does
        session.pace()


def ping(seconds: float) -> None:
    """Print the 95th percentile of pings in milliseconds; one that is lost counts as two seconds."""
    found = dict[int, float]()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.connect((NET, ECHO_PORT))
        door.setblocking(False)
        began_s, sent = time.monotonic(), dict[int, float]()
        while (now_s := time.monotonic()) < began_s + seconds + 2:
            if now_s < began_s + seconds and len(sent) <= (now_s - began_s) * PINGS_PER_S:
                sent[len(sent)] = now_s
                door.send(struct.pack("!I", len(sent) - 1))
            with contextlib.suppress(BlockingIOError, ConnectionError):
                number = struct.unpack("!I", door.recv(100))[0]
                found[number] = time.monotonic() - sent[number]
            time.sleep(0.0005)
        times = [1000 * found.get(number, 2.0) for number in sent]
    _say(str(statistics.quantiles(times, n=20)[-1]))


def upload(seconds: float, congestion: str) -> None:
    """The player's own upload, by TCP."""
    with socket.create_connection((NET, SINK_PORT)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            connection.sendall(bytes(1 << 14))


def _torrent(folder: Path, target: Path) -> Torrent:
    torrent = Torrent.parse((folder / "game.torrent").read_bytes(), [target])
    return replace(torrent, trackers=(f"udp://{NET}:{TRACKER_PORT}/announce", f"http://{NET}:{TRACKER_PORT}/announce"))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


# ---------------------------------------------------------------- the measurement


class Line:
    """A player's line, and what is at its two ends."""

    def __init__(
        self, stack: contextlib.ExitStack, rate_mbit: int, peers: int, round_trip_ms: int, folder: Path
    ) -> None:
        self._rate_bps, self._folder = rate_mbit * 125_000, folder
        self._player, self._net, router, way = (Place(stack) for _ in range(4))
        way.plug("home", router, "wan")
        way.plug("far", self._net, "street")
        router.plug("lan", self._player, "cable", f"{_ROUTER}/8")
        for place, device, address in (
            (router, "wan", _WAN),
            (self._player, "cable", PLAYER),
            *((self._net, "street", each) for each in (NET, *(f"45.0.1.{number + 1}" for number in range(peers)))),
        ):
            place.run("ip", "address", "add", f"{address}/8", "dev", device)
        for place, gateway in ((self._net, _WAN), (self._player, _ROUTER)):
            place.run("ip", "route", "add", "default", "via", gateway)
        router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        shape = f"tc qdisc add dev wan root tbf rate {rate_mbit}mbit burst 4kb latency {QUEUE_MS}ms"
        router.run(*shape.split())
        join(stack, way, round_trip_ms, "home", "far")
        self._internet = self._net.start(*_module("internet", folder, peers))
        assert self._read() == "ready"

    def _read(self) -> str:
        assert self._internet.stdout
        return self._internet.stdout.readline().strip()

    def _ask(self, word: str) -> int:
        assert self._internet.stdin
        self._internet.stdin.write(word + "\n")
        self._internet.stdin.flush()
        return int(self._read())

    def seed(self) -> None:
        """Somebody seeds, others come."""
        process = self._player.start(*_module("seed", self._folder))
        assert process.stdout and process.stdout.readline() == "ready\n"
        self._ask("come")
        time.sleep(RAMP_S)

    def ping_ms(self) -> float:
        """The 95th percentile."""
        process = self._player.start(*_module("ping", WATCH_S))
        return float(process.communicate()[0])

    def use(self) -> float:
        """Bytes that leave while pings are measured elsewhere, as a share of the line."""
        before, began_s = self._sent_bytes(), time.monotonic()
        time.sleep(WATCH_S)
        return (self._sent_bytes() - before) / (time.monotonic() - began_s) / self._rate_bps

    def own(self, congestion: str) -> float:
        """The share of the line that an own upload gets."""
        process = self._player.start(*_module("upload", WATCH_S + 5, congestion))
        time.sleep(4)
        before, began_s = self._ask("count"), time.monotonic()
        time.sleep(WATCH_S)
        share = (self._ask("count") - before) / (time.monotonic() - began_s) / self._rate_bps
        process.communicate()
        return share

    def _sent_bytes(self) -> int:
        shown = subprocess.run(
            self._player.command("cat", "/proc/net/dev"), check=True, capture_output=True, text=True
        ).stdout
        return next(int(line.split()[9]) for line in shown.splitlines() if line.strip().startswith("cable:"))


def _module(*words: object) -> list[str]:
    return [sys.executable, "-m", "bench.line", *map(str, words)]


def measure(rate_mbit: int, peers: int, round_trip_ms: int, folder: Path) -> str:
    """A row of the table."""
    with contextlib.ExitStack() as stack:
        line = Line(stack, rate_mbit, peers, round_trip_ms, folder)
        idle_ms, alone = line.ping_ms(), [line.own(each) for each in CONGESTION]
        time.sleep(2 * QUEUE_MS / 1000)
        line.seed()
        used: list[float] = []
        thread = threading.Thread(target=lambda: used.append(line.use()))
        thread.start()
        ping_ms = line.ping_ms()
        thread.join()
        own = [line.own(each) for each in CONGESTION]
    for peer in folder.glob("peer*"):
        peer.unlink()
    kept = ", ".join(
        f"{mine / free:.0%} of what it has alone ({name})"
        for mine, free, name in zip(own, alone, CONGESTION, strict=True)
    )
    return (
        f"{rate_mbit:3} Mbit/s, {peers:2} peers, {round_trip_ms:2} ms: ping p95 {idle_ms:5.1f} ms idle, {ping_ms:5.1f} "
        f"seeding (bar {2 * idle_ms + 20:.1f}); uses {used[0]:.0%} of a free line; an own upload keeps {kept}"
    )


def main(words: list[str]) -> None:
    """A role, or without one the table."""
    match words:
        case ["internet", folder, peers]:
            internet(Path(folder), int(peers))
        case ["seed", folder]:
            seed(Path(folder))
        case ["ping", seconds]:
            ping(float(seconds))
        case ["upload", seconds, congestion]:
            upload(float(seconds), congestion)
        case rates:
            os.environ["PATH"] += ":/usr/sbin:/sbin"
            with tempfile.TemporaryDirectory(dir="/dev/shm") as temporary:
                place = Path(temporary)
                (place / "game").write_bytes(random.Random(1).randbytes(_SIZE_BYTES))
                (place / "game.torrent").write_bytes(torrent_of(place / "game", 256 << 10))
                for rate_mbit, case in itertools.product(map(int, rates or RATES_MBIT), CASES):
                    print(measure(rate_mbit, *case, place), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

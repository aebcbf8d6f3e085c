"""Homes behind routers: players in network namespaces, with real routers (nftables, miniupnpd) between them.

``python -m tests.support.homes`` proves all `CASES`; each says what its two players are behind, and what must come of
it. Players are sessions of ours, the third in the street a tracker and a stranger with nothing to give.

    home A: player 192.168.1.2 ─ router 192.168.1.1 | 45.0.1.1 ─┐
                                                                ├─ the street: 45.0.0.1 (tracker), 45.0.0.2 (stranger)
    home B: player 192.168.2.2 ─ router 192.168.2.1 | 45.0.2.1 ─┘
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from patcher.config import Settings
from patcher.serve.tracker import Tracker
from patcher.transfer.fetch import Want, fetch
from patcher.transfer.origin.readers import TreeSource
from patcher.transfer.sample import Sample
from patcher.transfer.swarm.session import Session
from patcher.transfer.swarm.torrent import Torrent
from tests.support.peers import Shelf, plant, torrent_of
from tests.support.programs import SEARCHED
from tests.support.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent
_STREET, _STRANGER = "45.0.0.1", "45.0.0.2"
_STREET6 = "2a01:4f8:45::1"
_TRACKER_PORT = 6969
_TRICKLE_BPS = 2_000
_FILES = {"data/pak": 3_000_000, "readme": 10}
_LEASE = """
ext_ifname=wan
listening_ip=lan
port=0
enable_upnp=yes
enable_natpmp=yes
secure_mode=yes
system_uptime=yes
uuid=56ca943c-e39b-4edd-a761-dfe2f300cece
upnp_table_name=filter
upnp_nat_table_name=filter
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
allow 1024-65535 192.168.0.0/16 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
"""
_RULES = """
table inet filter {
    chain forward { type filter hook forward priority 0; policy drop;
        jump miniupnpd
        ct state established,related accept
        iifname "lan" accept
    }
    chain input { type filter hook input priority 0; policy accept;
        iifname "wan" ct state new drop
    }
    chain miniupnpd { }
    chain prerouting { type nat hook prerouting priority -100; policy accept; jump prerouting_miniupnpd; }
    chain postrouting { type nat hook postrouting priority 100; policy accept;
        jump postrouting_miniupnpd
        oifname "wan" masquerade %s
    }
    chain prerouting_miniupnpd { }
    chain postrouting_miniupnpd { }
}
"""


class Case(NamedTuple):
    """The routers of the one who seeds and the one who downloads, and what must come of them.

    ``upnp`` lets in who is mapped. ``cone`` maps nobody, and lets in whom the player has dialled. ``symmetric`` also
    uses another port for each of those, so that no third player knows where to dial. ``ipv6`` is no router: the player
    has an address of the Internet, and none of IPv4.
    """

    seeder: str
    asker: str
    reach: str
    """What the seeder says of itself (`Reachability.why`)."""
    source: str
    """Where the content comes from: a peer, or the origin when peers cannot be met."""


CASES = (
    Case("upnp", "upnp", "mapped", "peer"),
    Case("cone", "cone", "private", "peer"),
    Case("ipv6", "ipv6", "public", "peer"),
    Case("upnp", "symmetric", "mapped", "peer"),
    Case("symmetric", "symmetric", "private", "origin"),
)


class Seen(NamedTuple):
    """What came of a case."""

    reach: str
    source: str
    seconds: float


class Place:
    """A network namespace, for as long as its first process lives."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        keeper = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        stack.callback(keeper.wait)
        assert keeper.stdin
        stack.callback(keeper.stdin.close)
        self.pid = keeper.pid
        mine = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{self.pid}/ns/net") == mine:
            time.sleep(0.005)
        self.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")  # an address is usable at once
        self.run("ip", "link", "set", "lo", "up")

    def command(self, *words: str) -> list[str]:
        """As it is run here."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *words]

    def run(self, *words: str, text: str = "") -> None:
        """Run a program here."""
        subprocess.run(self.command(*words), input=text, text=True, check=True)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a program here; it ends with the proof."""
        pipe = subprocess.PIPE
        quiet = subprocess.DEVNULL if words[0] == "miniupnpd" else None
        process = subprocess.Popen(self.command(*words), stdin=pipe, stdout=pipe, stderr=quiet, text=True, cwd=ROOT)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    def plug(self, name: str, other: "Place", other_name: str, *addresses: str) -> None:
        """A cable to another place; the addresses of this end are given in full."""
        self.run("ip", "link", "add", name, "type", "veth", "peer", "name", other_name, "netns", str(other.pid))
        for address in addresses:
            self.run("ip", "address", "add", address, "dev", name)
        self.run("ip", "link", "set", name, "up")
        other.run("ip", "link", "set", other_name, "up")


def home(stack: contextlib.ExitStack, street: Place, number: int, kind: str, folder: Path) -> Place:
    """A player's place behind a router of a kind."""
    player = Place(stack)
    if kind == "ipv6":
        player.plug("cable", street, f"home{number}", f"2a01:4f8:45::{number}00/64")
        street.run("ip", "link", "set", f"home{number}", "master", "street")
        return player
    router = Place(stack)
    router.plug("wan", street, f"home{number}", f"45.0.{number}.1/8")
    street.run("ip", "link", "set", f"home{number}", "master", "street")
    router.plug("lan", player, "cable", f"192.168.{number}.1/24")
    player.run("ip", "address", "add", f"192.168.{number}.2/24", "dev", "cable")
    player.run("ip", "route", "add", "default", "via", f"192.168.{number}.1")
    router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    router.run("nft", "-f", "-", text=_RULES % ("random" if kind == "symmetric" else ""))
    if kind == "upnp":
        config = folder / f"miniupnpd{number}.conf"
        config.write_text(_LEASE)
        router.start("miniupnpd", "-d", "-f", str(config), "-P", str(folder / f"miniupnpd{number}.pid"))
    return player


@contextlib.contextmanager
def street() -> Iterator[tuple[Place, contextlib.ExitStack]]:
    """The Internet: a bridge with a tracker and a stranger."""
    with contextlib.ExitStack() as stack:
        place = Place(stack)
        place.run("ip", "link", "add", "street", "type", "bridge")
        for address in (f"{_STREET}/8", f"{_STRANGER}/8", f"{_STREET6}/64"):
            place.run("ip", "address", "add", address, "dev", "street")
        place.run("ip", "link", "set", "street", "up")
        yield place, stack


def prove(case: Case, folder: Path) -> Seen:
    """Carry one case out."""
    game = plant(folder / "game", _FILES)
    (folder / "game.torrent").write_bytes(torrent_of(game))
    tracker = _STREET6 if case.seeder == "ipv6" else _STREET
    (folder / "tracker").write_text(f"http://{f'[{tracker}]' if ':' in tracker else tracker}:{_TRACKER_PORT}/announce")
    with street() as (place, stack):
        seeder = home(stack, place, 1, case.seeder, folder)
        asker = home(stack, place, 2, case.asker, folder)
        module = (sys.executable, "-m", "tests.support.homes")
        assert _line(place.start(*module, "tracker", tracker)) == "ready"
        if case.seeder != "ipv6":
            assert _line(place.start(*module, "stranger", str(folder))) == "ready"
        reach = _line(seeder.start(*module, "seed", str(folder)))
        started = time.monotonic()
        source = _line(asker.start(*module, "ask", str(folder), case.source))
        return Seen(reach, source, round(time.monotonic() - started, 1))


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


# ---------------------------------------------------------------- what runs in the places


def _torrent(folder: Path, target: Path) -> Torrent:
    torrent = Torrent.parse((folder / "game.torrent").read_bytes(), [target / name for name in _FILES])
    return replace(torrent, trackers=((folder / "tracker").read_text(),))


def _tracker(host: str) -> None:
    with Tracker((host, _TRACKER_PORT), None, interval_s=2):
        _say("ready")
        sys.stdin.read()


def _stranger(folder: Path) -> None:
    """In the swarm, with nothing to give: those who meet there are told of each other."""
    session = Session(Settings(listen_host=_STRANGER, local_discovery=False))
    torrent = _torrent(folder, folder / "stranger")
    with session.fetching(torrent, (), (0,)) as swarm:
        swarm.handle.set_download_limit(_TRICKLE_BPS)
        wait_until(lambda: bool(swarm.handle.status().current_tracker), "the first announce")
        _say("ready")
        sys.stdin.read()


def _seed(folder: Path) -> None:
    """Offer the game; print whether the Internet can reach it, once the router has answered or had time to."""
    session = Session(Settings(sharing="everyone", local_discovery=False))
    session.offer([_torrent(folder, folder / "game")])
    wait_until(lambda: session.reach.why not in {"", "asking"}, "the router")
    _say(session.reach.why)
    sys.stdin.read()


def _ask(folder: Path, source: str) -> None:
    """Fetch the game without sharing, from peers alone or also from an origin; print where it came from."""
    session = Session(Settings(local_discovery=False))
    torrent = _torrent(folder, folder / "asker")
    everything = frozenset(range(torrent.layout.count))
    shelf = Shelf(*((folder / "game" / name).read_bytes() for name in _FILES))
    origin = TreeSource(shelf.read, torrent) if source == "origin" else None
    (*_, last) = fetch(session, Want(torrent, everything), origin)
    assert isinstance(last, Sample) and torrent.held() == everything
    _say("peer" if last.sources.peer_bytes else "origin")


def run(case: Case, folder: Path) -> Seen:
    """One case, in namespaces of its own, also without being root."""
    rootless = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = [
        "unshare",
        "--net",
        *rootless,
        sys.executable,
        "-m",
        "tests.support.homes",
        "case",
        str(CASES.index(case)),
    ]
    done = subprocess.run([*command, str(folder)], stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True)
    return Seen(*json.loads(done.stdout))


def main(words: list[str]) -> None:
    """A role, or without one the proof."""
    os.environ["PATH"] = SEARCHED
    match words:
        case ["tracker", host]:
            _tracker(host)
        case ["stranger", folder]:
            _stranger(Path(folder))
        case ["seed", folder]:
            _seed(Path(folder))
        case ["ask", folder, source]:
            _ask(Path(folder), source)
        case ["case", number, folder]:
            _say(json.dumps(prove(CASES[int(number)], Path(folder))))
        case _:
            for case in CASES:
                with tempfile.TemporaryDirectory() as folder:
                    seen = run(case, Path(folder))
                _say(f"{case.seeder} → {case.asker}: {seen}")
                assert seen[:2] == case[2:]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])

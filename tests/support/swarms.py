"""Release days in the small: players with lines of their own in network namespaces, and one origin with a thin line.

``python -m tests.support.swarms`` (as root) measures all `SWARMS` and compares each with what
`patcher.publish.rehearsal.fluid` says of it. Players are sessions of ours with our fetch; the origin is our server.

    origin 45.0.0.2 ── line ─┐
    player 45.0.1.1 ── line ─┼─ the street: 45.0.0.1 (tracker)
    player 45.0.1.2 ── line ─┘
"""

import contextlib
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from patcher.config import Settings
from patcher.content.merkle import Ref
from patcher.publish.rehearsal.fluid import Day, Line, rehearse
from patcher.serve.certificate import Authority
from patcher.serve.static import StaticServer
from patcher.serve.tracker import Tracker
from patcher.transfer.fetch import Want, fetch
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.readers import PackSource
from patcher.transfer.swarm.session import Session
from patcher.transfer.swarm.torrent import Torrent
from tests.support.homes import Place, _line, _say
from tests.support.peers import torrent_of

_ORIGIN, _STREET = "45.0.0.2", "45.0.0.1"
_TRACKER_PORT, _ORIGIN_PORT = 6969, 8443
_PIECE_BYTES = 256 << 10
CLOSE = 0.3
"""So far may the model be off."""
_MODULE = (sys.executable, "-m", "tests.support.swarms")


@dataclass(frozen=True, slots=True)
class Household:
    """One player: its line in Mbit/s, whether it shares, and when it comes."""

    down_mbit: float
    up_mbit: float
    shares: bool = True
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SmallDay:
    """A release day that is carried out for real. Every player stays to its end."""

    name: str
    size_bytes: int
    origin_mbit: float
    households: tuple[Household, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was seen: bytes out of the origin's network card, and when each player was done, from the first start on."""

    origin_bytes: int
    done_s: tuple[float, ...]

    def time_s(self, share: float) -> float:
        """When this share of the players were done."""
        return sorted(self.done_s)[math.ceil(share * len(self.done_s)) - 1]


TUNED = (
    SmallDay("tuned: eight alike, together", 48 << 20, 16, (Household(40, 12),) * 8),
    SmallDay(
        "tuned: two lines, three of eight share",
        32 << 20,
        24,
        tuple(Household(24 if n % 2 else 60, 8 if n % 2 else 20, shares=n % 3 == 0) for n in range(8)),
    ),
)
"""The constants of the model were fitted to these."""
SWARMS = (
    SmallDay("six alike, together, a thicker origin", 64 << 20, 32, (Household(48, 16),) * 6),
    SmallDay(
        "ten of three lines, half share, one every four seconds",
        32 << 20,
        24,
        tuple(Household((16, 40, 80)[n % 3], (4, 10, 40)[n % 3], shares=n % 2 == 0, at_s=4.0 * n) for n in range(10)),
    ),
    SmallDay(
        "seven, two of them share, in three waves",
        40 << 20,
        40,
        tuple(Household(50, 25, shares=n in {0, 3}, at_s=12.0 * (n // 3)) for n in range(7)),
    ),
)
"""The constants were not fitted to these."""


def measure(day: SmallDay, folder: Path) -> Measured:
    """Carry a day out. Needs root."""
    _plant(day, folder)
    with contextlib.ExitStack() as stack:
        street = Place(stack)
        street.run("ip", "link", "add", "street", "type", "bridge")
        street.run("ip", "address", "add", f"{_STREET}/8", "dev", "street")
        street.run("ip", "link", "set", "street", "up")
        assert _line(street.start(*_MODULE, "tracker")) == "ready"
        origin = _placed(stack, street, 0, f"{_ORIGIN}/8", day.origin_mbit, day.origin_mbit)
        assert _line(origin.start(*_MODULE, "origin", str(folder))) == "ready"
        players = []
        for number, home in enumerate(day.households, 1):
            place = _placed(stack, street, number, f"45.0.1.{number}/8", home.up_mbit, home.down_mbit)
            words = json.dumps(asdict(home) | {"number": number, "host": f"45.0.1.{number}"})
            players.append(place.start(*_MODULE, "player", str(folder), words))
        assert all(_line(player) == "ready" for player in players)
        before, started = _sent_bytes(origin), time.time() + 0.5
        for player in players:
            assert player.stdin
            player.stdin.write(f"{started}\n")
            player.stdin.flush()
        done_s = tuple(float(_line(player)) - started for player in players)
        return Measured(_sent_bytes(origin) - before, done_s)


def prove(day: SmallDay) -> None:
    """Measure a day, print it beside what the model says, and compare them."""
    with tempfile.TemporaryDirectory() as folder:
        seen = measure(day, Path(folder))
    _say(f"{day.name}: {seen}")
    _say(f"    s until half have it     said {rehearse(day_of(day)).time_s(0.5):6.2f}, seen {seen.time_s(0.5):6.2f}")
    found = pairs(day, seen)
    for what, (expected, was) in found.items():
        _say(f"    {what:24} said {expected:6.2f}, seen {was:6.2f} ({expected / was - 1:+.0%})")
    if day in SWARMS:
        assert all(abs(expected / was - 1) <= CLOSE for expected, was in found.values()), "the model is off"


def pairs(day: SmallDay, seen: Measured) -> dict[str, tuple[float, float]]:
    """What the model says of a day, and what was seen."""
    said = rehearse(day_of(day))
    return {
        "copies from the origin": (said.origin_bytes / day.size_bytes, seen.origin_bytes / day.size_bytes),
        "s until 90 % have it": (said.time_s(0.9), seen.time_s(0.9)),
    }


def day_of(day: SmallDay) -> Day:
    """As the model takes it."""
    lines = tuple(
        Line(1, home.down_mbit * 1e6 / 8, home.up_mbit * 1e6 / 8, home.shares, home.at_s) for home in day.households
    )
    return Day(day.size_bytes, lines, day.origin_mbit * 1e6 / 8)


def _placed(
    stack: contextlib.ExitStack, street: Place, number: int, address: str, up_mbit: float, down_mbit: float
) -> Place:
    place = Place(stack)
    place.plug("cable", street, f"line{number}", address)
    street.run("ip", "link", "set", f"line{number}", "master", "street")
    for where, device, mbit in ((place, "cable", up_mbit), (street, f"line{number}", down_mbit)):
        where.run(*f"tc qdisc add dev {device} root tbf rate {mbit}mbit burst 32k latency 200ms".split())
    place.run("ip", "route", "add", "default", "via", _STREET)
    return place


def _plant(day: SmallDay, folder: Path) -> None:
    content = folder / "pack"
    content.write_bytes(random.Random(day.name).randbytes(day.size_bytes))
    (folder / "pack.torrent").write_bytes(data := torrent_of(content, _PIECE_BYTES))
    layout = Torrent.parse(data, [content]).layout
    place = folder / "feed/content" / Ref(layout.roots[0], layout.sizes[0]).file
    place.parent.mkdir(parents=True)
    content.rename(place)
    Authority(folder / "authority").issue(_ORIGIN)


def _sent_bytes(place: Place) -> int:
    table = subprocess.run(place.command("cat", "/proc/net/dev"), check=True, capture_output=True, text=True).stdout
    return next(int(line.split()[9]) for line in table.splitlines() if line.strip().startswith("cable:"))


# ---------------------------------------------------------------- what runs in the places


def _tracker() -> None:
    with Tracker((_STREET, _TRACKER_PORT), None, interval_s=5):
        _say("ready")
        sys.stdin.read()


def _origin(folder: Path) -> None:
    cert, key = Authority(folder / "authority").issue(_ORIGIN)
    with StaticServer(folder / "feed", _ORIGIN, _ORIGIN_PORT, cert, key):
        _say("ready")
        sys.stdin.read()


def _player(folder: Path, home: dict[str, Any]) -> None:
    """Fetch at the time that is told, print when it was done, and stay."""
    settings = Settings(
        sharing="everyone" if home["shares"] else "off", listen_host=home["host"], local_discovery=False
    )
    path = folder / f"player{home['number']}"
    torrent = Torrent.parse((folder / "pack.torrent").read_bytes(), [path])
    torrent = replace(torrent, trackers=(f"http://{_STREET}:{_TRACKER_PORT}/announce",))
    ca = str(Authority(folder / "authority").ca_file)
    with (
        contextlib.closing(Session(settings)) as session,
        Origin([f"https://{_ORIGIN}:{_ORIGIN_PORT}"], ca=ca) as origin,
    ):
        _say("ready")
        at = float(sys.stdin.readline()) + home["at_s"]
        time.sleep(max(0.0, at - time.time()))
        everything = frozenset(range(torrent.layout.count))
        for _ in fetch(session, Want(torrent, everything), PackSource(origin.read, torrent.layout)):
            pass
        done = time.time()
        session.offer([torrent])
        _say(str(done))
        sys.stdin.read()


SEEN = {
    "six alike, together, a thicker origin": Measured(90827403, (31.9, 24.5, 26.1, 28.8, 26.0, 33.0)),
    "ten of three lines, half share, one every four seconds": Measured(
        91519982, (33.5, 50.1, 52.5, 51.7, 52.4, 51.4, 50.0, 52.4, 52.6, 53.8)
    ),
    "seven, two of them share, in three waves": Measured(134788729, (23.4, 25.0, 27.7, 34.3, 34.1, 36.1, 35.6)),
}
"""What a run of them saw, on two cores without other work."""


def main(words: list[str]) -> None:
    """A role, or without one the proof."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    match words:
        case ["tracker"]:
            _tracker()
        case ["origin", folder]:
            _origin(Path(folder))
        case ["player", folder, home]:
            _player(Path(folder), json.loads(home))
        case _:
            for day in [*TUNED, *SWARMS][slice(*map(int, words))] if words else SWARMS:
                prove(day)


if __name__ == "__main__":
    main(sys.argv[1:])

"""How near the player's limits are kept, and how soon "off", "on" and Cancel act.

    python -m bench.limits [--mb 400]

A real engine on 127.0.0.1, whose neighbours have no exemption, and raw libtorrent as the other player. A rate is that
of 30 s after 5 s of running in: of downloads by the engine's own count, which the goal allows 5 % more and less; of
uploads by what the other player received.
"""

import argparse
import queue
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import astuple
from pathlib import Path
from typing import Self

import libtorrent as lt

from patcher.config import Home
from patcher.engine.client import Client
from patcher.protocol.commands import Cancel, ChangeSetting, Install, Network
from patcher.protocol.events import Event, Failed, Progress
from tests.support.peers import Player, plant, wait_for
from tests.support.world import Shoal, World

_RUNNING_IN_S, _MEASURED_S = 5.0, 30.0
_LIMIT = 0.05
_OFF_S, _ON_S, _CANCEL_S = 1.0, 10.0, 1.0
_FAST_BPS = 4_000_000
_LOOK_S = 0.01
_LIMITS_BPS = (100_000, 1_000_000, 5_000_000)


class Street:
    """One title, at an origin and at a player who has it."""

    def __init__(self, world: World, root: Path, size_mb: int) -> None:
        self.world, self.root = world, root
        tree = plant(root / "tree", {f"pak{number}": 50_000_000 for number in range(size_mb // 50)})
        world.release("1", tree)
        world.publisher.run("publish", "export", world.feed, "game", "--to", root)
        self.torrent = next(root.glob("*.torrent")).read_bytes()
        name = lt.torrent_info(self.torrent).name()
        self._tree = tree.rename(root / name)
        self._count = 0

    def player(self, **settings: object) -> Shoal:
        """A newcomer."""
        self._count += 1
        return self.world.player(f"player{self._count}", exempt_lan="off", **settings)

    def downloads(self, limit_bps: int, peers: str) -> float:
        """The rate of an install beside the limit, from the origin and from a seed if ``peers`` may give."""
        player = self.player(peers=peers, download_limit_bps=limit_bps)
        with Player() as seed, Job(player, self.world) as job:
            if peers != "none":
                seed.seed(self.torrent, self._tree, trackers=[self.world.tracker.http_url])
            return job.rate() / limit_bps

    def uploads(self, limit_bps: int) -> float:
        """The rate at which somebody receives from a player, beside the limit."""
        self._owner(upload_limit_bps=limit_bps)
        with Player() as other:
            return _rate(self._fetching(other)) / limit_bps

    def off_and_on(self) -> tuple[float, float]:
        """After how long nothing more is given when sharing is switched off, and something again when it is on."""
        owner = self._owner(upload_limit_bps=_FAST_BPS)
        with Player() as other, closing(Client(Home(owner.home))) as client:
            received = self._fetching(other)
            time.sleep(_RUNNING_IN_S)
            client.submit(ChangeSetting("sharing", "off"))
            asked_s, last_s, seen = time.monotonic(), time.monotonic(), received()
            while time.monotonic() < last_s + 2 * _OFF_S:
                if received() != seen:
                    last_s, seen = time.monotonic(), received()
                time.sleep(_LOOK_S)
            client.submit(ChangeSetting("sharing", "everyone"))
            on_s = time.monotonic()
            assert wait_for(lambda: received() > seen, 3 * _ON_S), "nothing more was given"
            return last_s - asked_s, time.monotonic() - on_s

    def cancel(self, peers: str) -> float:
        """How long a cancelled install takes to end."""
        player = self.player(peers=peers, download_limit_bps=_FAST_BPS)
        with Player() as seed, Job(player, self.world) as job:
            if peers != "none":
                seed.seed(self.torrent, self._tree, trackers=[self.world.tracker.http_url])
            job.rate(_RUNNING_IN_S)
            return job.cancel()

    def _owner(self, **settings: object) -> Shoal:
        owner = self.player(sharing="everyone", **settings)
        owner.run("install", "game", "--to", self.world.folder(owner))
        return owner

    def _fetching(self, other: Player) -> Callable[[], int]:
        """Have somebody fetch from whoever the tracker knows; returns what counts the bytes that came."""
        folder = self.root / f"other{self._count}" / self._tree.name
        other.want(self.torrent, folder, trackers=[self.world.tracker.http_url])
        assert wait_for(lambda: other.received_bytes > 0), "nobody gives"
        return lambda: other.received_bytes


class Job:
    """An install that runs. Use as a context manager; what is left of it is cancelled at the end."""

    def __init__(self, player: Shoal, world: World) -> None:
        self._client = Client(Home(player.home))
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._client.listen(self._events.put)
        command = Install("demo/game", str(world.folder(player)), network=Network(ca=str(world.ca)))
        self._id = self._client.submit(command)
        self._got = 0
        self._is_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()
        self._client.close()

    def rate(self, measured_s: float = _MEASURED_S) -> float:
        """Bytes a second, once it has run in."""
        return _rate(self._received, measured_s)

    def cancel(self) -> float:
        """How long it takes to end."""
        asked_s = time.monotonic()
        if self._is_over:
            return 0.0
        self._is_over = True
        self._client.submit(Cancel(job=self._id))
        while not isinstance(self._events.get(timeout=60), Failed):
            pass
        return time.monotonic() - asked_s

    def _received(self) -> int:
        while not self._events.empty():
            event = self._events.get()
            assert not isinstance(event, Failed), event
            if isinstance(event, Progress):
                self._got = sum(astuple(event.sources))
        return self._got


def _rate(received: Callable[[], int], measured_s: float = _MEASURED_S) -> float:
    assert wait_for(lambda: received() > 0), "nothing comes"
    time.sleep(_RUNNING_IN_S)
    before, began_s = received(), time.monotonic()
    time.sleep(measured_s)
    return (received() - before) / (time.monotonic() - began_s)


def main() -> int:
    """Print the figures; returns 1 when one is beyond its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=400)
    args = parser.parse_args()
    good = True

    def say(what: str, figure: float, fits: bool, unit: str, bar: str) -> None:
        nonlocal good
        good &= fits
        sys.stdout.write(f"{what:44} {figure:6.3f}{unit} ({bar}){'' if fits else ' BEYOND'}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory() as name, World(Path(name), processes=True) as world:
        street = Street(world, Path(name), args.mb)
        for limit_bps in _LIMITS_BPS:
            for peers in ("none", "all"):
                ratio = street.downloads(limit_bps, peers)
                say(f"download at {limit_bps / 1000:,.0f} kB/s, peers {peers}", ratio, abs(ratio - 1) <= _LIMIT,
                    "", "0.95 to 1.05 of the limit")  # fmt: skip
            ratio = street.uploads(limit_bps)
            say(f"upload at {limit_bps / 1000:,.0f} kB/s", ratio, abs(ratio - 1) <= _LIMIT, "",
                "0.95 to 1.05 of the limit")  # fmt: skip
        off_s, on_s = street.off_and_on()
        say("the last byte after sharing is switched off", off_s, off_s <= _OFF_S, " s", f"≤ {_OFF_S:g}")
        say("the first byte after it is on again", on_s, on_s <= _ON_S, " s", f"≤ {_ON_S:g}")
        for peers in ("none", "all"):
            cancel_s = street.cancel(peers)
            say(f"a cancelled install, peers {peers}", cancel_s, cancel_s <= _CANCEL_S, " s", f"≤ {_CANCEL_S:g}")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())

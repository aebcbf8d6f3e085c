"""A player for benches: a real engine and its client in one place, who does what each line of its input says.

    python -m bench.support.players HOME URL CA FOLDER      adds the feed, says "ready", then takes verbs

``install``, ``update`` and ``locate`` (adopt what lies in FOLDER), each with a title behind it, answer with a line of
JSON, a `Took`. Titles lie in FOLDER, by their names.
"""

import contextlib
import json
import queue
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from patcher import config
from patcher.config import Home
from patcher.engine.client import Client, end_engine
from patcher.protocol.commands import AddFeed, Command, Install, Network, Update
from patcher.protocol.events import Event, Failed, Finished, Phase, Progress

FEED = "bench"


@dataclass(frozen=True)
class Took:
    """What a command took, from its start to its result, and the part of it in which bytes came."""

    began_s: float
    """By the clock of the machine."""
    seconds: float
    fetch_s: float
    origin_bytes: int
    peer_bytes: int
    cpu_s: float
    """Of the engine."""
    fetch_cpu_s: float
    """Of the engine, while bytes came."""
    queued_s: float
    """How long threads of the engine waited for a processor, together."""
    longest_silence_s: float
    """Between two samples of progress that differ."""


class Player:
    """A client with its engine."""

    def __init__(self, home: Path) -> None:
        self.home = Home(home)
        self._client = Client(self.home)
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._client.listen(self._events.put)
        self._pid = json.loads(self.home.address.read_text())["pid"]

    def take(self, command: Command) -> Took:
        """Carry a command out. Raises AssertionError when it fails."""
        began_s, cpu_s, queued_s = time.monotonic(), self._cpu_s(), self._queued_s()
        job = self._client.submit(command)
        fetched_s, seen, moved_s, silence_s = [began_s, began_s], None, began_s, 0.0
        fetched_cpu_s = [cpu_s, cpu_s]
        while not (isinstance(event := self._events.get(), Finished) and event.job == job):
            now = time.monotonic()
            assert not isinstance(event, Failed), event
            if isinstance(event, Progress) and event.job == job:
                if event.phase is Phase.FETCH:
                    is_first, spent_s = fetched_s[0] == began_s, self._cpu_s()
                    fetched_s = [now if is_first else fetched_s[0], now]
                    fetched_cpu_s = [spent_s if is_first else fetched_cpu_s[0], spent_s]
                if (event.phase, event.done_bytes) != seen:
                    seen, moved_s, silence_s = (event.phase, event.done_bytes), now, max(silence_s, now - moved_s)
        now, got = time.monotonic(), event.outcome.fetched
        return Took(
            began_s, now - began_s, fetched_s[1] - fetched_s[0], got.origin_bytes, got.lan_bytes + got.peer_bytes,
            self._cpu_s() - cpu_s, fetched_cpu_s[1] - fetched_cpu_s[0],
            self._queued_s() - queued_s, max(silence_s, now - moved_s),
        )  # fmt: skip

    def _cpu_s(self) -> float:
        return float(sum(psutil.Process(self._pid).cpu_times()[:4]))

    def _queued_s(self) -> float:
        waited_ns = 0
        for task in Path(f"/proc/{self._pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):  # the thread has ended
                waited_ns += int(task.read_text().split()[1])
        return waited_ns / 1e9


def settle(home: Path, **settings: object) -> None:
    """Make a home with these settings."""
    Home(home).make()
    found = config.Settings()
    for key, value in settings.items():
        found = config.changed(found, key, str(value))
    config.save(Home(home), found, *settings)


def main(home: str, url: str, ca: str, folder: str) -> None:
    """Take verbs until the input ends."""
    network = Network(ca=ca)
    player = Player(Path(home))
    player.take(AddFeed(url, network=network))
    try:
        _say("ready")
        for line in sys.stdin:
            verb, title = line.split()
            name, place = f"{FEED}/{title}", str(Path(folder) / title)
            verbs: dict[str, Command] = {
                "install": Install(name, place, network=network),
                "locate": Install(name, place, locate=True, network=network),
                "update": Update(name, network=network),
            }
            _say(json.dumps(asdict(player.take(verbs[verb]))))
    finally:
        end_engine(player.home)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Players with shaped lines, an origin and a tracker: how much the origin sends, and how long each player waits.

    python -m bench.swarm [SCENARIO…] [--round-trip MS]     as root; without names all, one after the other

Real engines, `shoal tracker` and nginx over HTTPS, each in a network namespace. The fluid bound is T* = max(F / rate of
the origin, F / lowest rate down, (players · F - O) / all rates up), with O for what the origin sent. Time is that of
the phase in which bytes come; "result" is from the command to its result. Players are neighbours (TCP) who know each
other by the tracker and by peer exchange. "Late" is how long the threads of the most hindered engine waited for a
processor, as a share of its time: a machine that is too busy says so.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from bench.support import players
from bench.support.network import Star, sent_bytes, start
from bench.support.players import Took
from patcher.serve.certificate import Authority
from tests.support.homes import ROOT, Place

_ORIGIN, _TRACKER = "10.77.0.1", "10.77.0.2"
TITLE = "game"
_MB = 1_000_000
_PORT = 8443
_LATE = 0.2
"""An engine that waited for a processor for more of its time was kept from its work."""
_SETTLE_S = 2.0


@dataclass(frozen=True)
class Line:
    """A player's line, in MB/s, and whether the player shares."""

    up: float
    down: float = 30.0
    shares: bool = True


@dataclass(frozen=True)
class Scenario:
    """Who comes, and what may come of it: the bars are those of our goal."""

    lines: tuple[Line, ...]
    copies: float
    """At most, sent by the origin."""
    times: float
    """At most, of the last player's time over T*."""
    size_mb: int = 201
    origin: float = 10.0
    """MB/s."""
    every_s: float = 0.0
    """Between two arrivals."""
    verb: str = "install"
    seeds: tuple[Line, ...] = ()
    """Players who have all before."""
    round_trip_ms: float = 0.0


_SIX = (Line(3), Line(10)) * 3
_SCENARIOS = {
    "six": Scenario(_SIX, 1.2, 1.15),
    "twelve": Scenario(_SIX * 2, 1.3, 1.25, size_mb=150),
    "uneven": Scenario((Line(0.5), Line(2), Line(10)) * 3, 1.3, 1.25),
    "update": Scenario(_SIX, 1.3, 1.25, verb="update"),
    "late": Scenario(_SIX, 1.2, 0, every_s=3.0),
    "alone": Scenario((Line(3),), 1.05, 1 / 0.92),
    "seed": Scenario(_SIX, 0.2, 1.25, seeds=(Line(10),)),
    "silent": Scenario((*(replace(line, shares=False) for line in _SIX[:2]), *_SIX[2:]), 1.3, 1.25),
}


@dataclass(frozen=True)
class Result:
    """What came of a scenario."""

    bound_s: float
    took: list[Took]
    copies: float
    payload_copies: float
    busy: float
    """The share of all processors' time that was used, by whomever."""
    own_s: float
    """CPU seconds of the engines."""
    late: float
    """The share of its time that the slowest engine waited for a processor."""


class Street:
    """The feed's servers and the players of one run."""

    def __init__(self, root: Path, star: Star, stack: contextlib.ExitStack, origin_bps: int) -> None:
        self.root, self._star, self._stack = root, star, stack
        self._ca = Authority(root / "authority")
        self.origin = star.place(_ORIGIN, up_bps=origin_bps)
        self._tracker = star.place(_TRACKER)
        self.url = f"https://{_ORIGIN}:{_PORT}/"
        tracker = f"udp://{_TRACKER}:6969/announce"
        self._publish("init", "--origin", self.url, "--tracker", tracker, "--name", players.FEED, "--demo-keys")

    def _publish(self, verb: str, *words: object) -> None:
        home = ("--home", str(self.root / "publisher"), "--json", "--yes")
        command = [sys.executable, "-m", "patcher.cli", *home, "publish", verb, str(self.root / "feed")]
        subprocess.run(
            [*command, *map(str, words)],
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def release(self, tree: Path, version: str, title: str = TITLE) -> None:
        """Publish a folder."""
        self._publish("release", title, tree, "--version", version, "--jobs", 2)

    def open(self) -> None:
        """Start the origin and the tracker."""
        cert, key = self._ca.issue(_ORIGIN)
        words = (str(self.root / "feed"), str(cert), str(key), _ORIGIN, str(_PORT))
        assert answer(start(self._stack, self.origin, "bench.support.nginx", *words)) == "ready"
        words = ("--home", str(self.root / "tracker"), "tracker", "--udp", f"{_TRACKER}:6969")
        start(self._stack, self._tracker, "patcher.cli", *words)

    def place(self, number: int, line: Line) -> Place:
        """Where a player lives."""
        return self._star.place(_address(number), round(line.up * _MB), round(line.down * _MB))

    def player(
        self, number: int, place: Place, stack: contextlib.ExitStack | None = None, **settings: object
    ) -> "subprocess.Popen[str]":
        """A player who added the feed, and waits for a verb; who leaves with ``stack``, or else with the street."""
        home = self.root / f"player{number}"
        players.settle(home, listen_host=_address(number), local_discovery="off", **settings)
        words = (str(home), self.url, str(self._ca.ca_file), str(self.folder(number)))
        process = start(stack or self._stack, place, "bench.support.players", *words)
        assert answer(process) == "ready"
        return process

    def folder(self, number: int) -> Path:
        """Where a player has titles."""
        return self.root / f"game{number}"


def _address(number: int) -> str:
    return f"10.77.1.{number + 1}"


def run(scenario: Scenario, root: Path) -> Result:
    """One run of a scenario, its files below ``root``."""
    with contextlib.ExitStack() as stack:
        star = Star(stack, scenario.round_trip_ms)
        street = Street(root, star, stack, round(scenario.origin * _MB))
        size = scenario.size_mb * _MB
        tree = _tree(root / "tree", size, 1)
        street.release(tree, "1")
        is_update = scenario.verb == "update"
        lines = (*scenario.lines, *scenario.seeds)
        places = [street.place(number, line) for number, line in enumerate(lines)]
        star.join()
        street.open()
        waiting = [
            street.player(number, place, sharing="everyone" if line.shares else "off")
            for number, (line, place) in enumerate(zip(lines, places, strict=True))
        ]
        owners = waiting if is_update else waiting[len(scenario.lines) :]
        for number, each in enumerate(waiting):
            if each in owners:
                _link(tree, street.folder(number) / TITLE)
                ask(each, "locate")
                answer(each)
        if is_update:
            tree = _tree(root / "tree2", size, 2)
            street.release(tree, "2")
            size //= 2
        time.sleep(_SETTLE_S)
        return _measure(scenario, street, waiting[: len(scenario.lines)], size)


def _measure(scenario: Scenario, street: Street, waiting: "list[subprocess.Popen[str]]", size: int) -> Result:
    before, busy = sent_bytes(street.origin), _Busy()
    for number, each in enumerate(waiting):
        time.sleep(scenario.every_s if number else 0)
        ask(each, scenario.verb)
    took = [Took(**json.loads(answer(each))) for each in waiting]
    share = busy.share()
    sent = sent_bytes(street.origin) - before
    up = sum(line.up for line in (*scenario.lines, *scenario.seeds) if line.shares) * _MB
    bound_s = max(
        size / (scenario.origin * _MB),
        size / (min(line.down for line in scenario.lines) * _MB),
        (len(waiting) * size - sent) / up,
    )
    payload = sum(each.origin_bytes for each in took)
    return Result(bound_s, took, sent / size, payload / size, share, sum(each.cpu_s for each in took),
                  max(each.queued_s / each.seconds for each in took))  # fmt: skip


class _Busy:
    """The machine's processors, from now on."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()

    def share(self) -> float:
        """The share of their time that was used."""
        spent = [now - was for now, was in zip(psutil.cpu_times(), self._before, strict=True)]
        idle = spent[3] + spent[4]
        return 1 - idle / sum(spent[:8])


def _tree(folder: Path, size: int, version: int) -> Path:
    """Four files of random bytes; of the second version half are new."""
    folder.mkdir()
    for number in range(4):
        seed = number + 100 * version * (number % 2)
        dice = random.Random(seed)
        with (folder / f"pak{number}").open("wb") as file:
            for _ in range(size // 4 // _MB):
                file.write(dice.randbytes(_MB))
            file.write(dice.randbytes(size // 4 % _MB))
    return folder


def _link(tree: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    for file in tree.iterdir():
        os.link(file, folder / file.name)


def answer(process: "subprocess.Popen[str]") -> str:
    """The next line that a player says."""
    assert process.stdout
    return process.stdout.readline().strip()


def ask(process: "subprocess.Popen[str]", verb: str, title: str = TITLE) -> None:
    """Have a player begin something."""
    assert process.stdin
    process.stdin.write(f"{verb} {title}\n")
    process.stdin.flush()


def _slower(scenario: Scenario, factor: float) -> Scenario:
    """The same in another measure: T* stays."""
    lines, seeds = (
        tuple(replace(line, up=line.up / factor, down=line.down / factor) for line in group)
        for group in (scenario.lines, scenario.seeds)
    )
    return replace(
        scenario, lines=lines, seeds=seeds, origin=scenario.origin / factor, size_mb=round(scenario.size_mb / factor)
    )


def _row(name: str, scenario: Scenario, result: Result) -> str:
    times = sorted(each.fetch_s for each in result.took)
    first, middle, last = (each / result.bound_s for each in (times[0], statistics.median(times), times[-1]))
    whole = max(each.seconds for each in result.took)
    bars = f"(≤ {scenario.copies:.2f})", f"(≤ {scenario.times:.2f})" if scenario.times else ""
    busy = " TOO BUSY" if result.late > _LATE else ""
    return (
        f"{name:8} T* {result.bound_s:5.1f} s  first {first:.2f} median {middle:.2f} last {last:.2f} {bars[1]} "
        f"result {whole / result.bound_s:.2f} +{max(e.seconds - e.fetch_s for e in result.took):.1f} s  "
        f"copies {result.copies:.2f} {bars[0]} payload {result.payload_copies:.2f}  "
        f"processors {result.busy:.0%}, engines {result.own_s:.1f} s, late {result.late:.0%}{busy}"
    )


def main() -> None:
    """Print a row for each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", default=list(_SCENARIOS))
    parser.add_argument("--round-trip", type=float, default=0.0, metavar="MS")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--slower", type=float, default=1.0, help="divide all rates and sizes, on a weak machine")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # let the places end
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for name in args.scenarios:
        for _ in range(args.runs):
            scenario = _slower(replace(_SCENARIOS[name], round_trip_ms=args.round_trip), args.slower)
            with tempfile.TemporaryDirectory(prefix="swarm-") as folder:
                sys.stdout.write(_row(name, scenario, run(scenario, Path(folder))) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()

"""One player who fetches from another, beside raw libtorrent; and from the origin alone, beside curl and aria2.

    python -m bench.one_to_one [--mb 1000] [--runs 3]     as root

Everybody has a network namespace of their own, and lines as fast as the machine. One file of random bytes. A player's
figures are those of the phase in which bytes come, an engine's CPU time that of the same phase; raw libtorrent is two
sessions that only know TCP, as ours among neighbours. curl and aria2 (left out where it is not installed) fetch the
same bytes from the same nginx. Of each the fastest run counts.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.support.network import Star, start
from bench.support.players import Took
from bench.swarm import TITLE, Street, answer, ask
from tests.support.homes import Place
from tests.support.peers import Player, torrent_of

_MB = 1_000_000
_PIECE_BYTES = 1 << 20
_ORIGIN_BPS = 10 * _MB
"""While peers are measured: a fast origin would help, and the rate be that of both."""
_LIMIT_RATE, _LIMIT_CPU, _LIMIT_CURL = 0.95, 1.15, 0.8
_PORT = 6881


@dataclass(frozen=True)
class Rate:
    """Of one run."""

    mb_s: float
    cpu_s: float
    """Of the process that fetches."""


def raw(verb: str, torrent: str, file: str, address: str, other: str = "") -> None:
    """A session of raw libtorrent at an address: ``seed`` until the input ends, or ``want`` it all from another."""
    data, path = Path(torrent).read_bytes(), Path(file)
    with Player(listen_interfaces=f"{address}:{_PORT}", alert_mask=0) as player:
        if verb == "seed":
            player.seed(data, path)
            _say("ready")
            sys.stdin.read()
            return
        began_s, cpu_s = time.monotonic(), time.process_time()
        player.want(data, path, (other, _PORT))
        while not player.handle.status(0).is_finished:
            time.sleep(0.01)
        seconds, cpu_s = time.monotonic() - began_s, time.process_time() - cpu_s
        _say(json.dumps([path.stat().st_size / _MB / seconds, cpu_s]))


def measure(root: Path, size_mb: int, runs: int) -> bool:
    """Print a row for each; whether all are within their limits."""
    with contextlib.ExitStack() as stack:
        star = Star(stack)
        street = Street(root, star, stack, _ORIGIN_BPS)
        tree = _plant(root / "tree", size_mb)
        street.release(tree, "1")
        places = [star.place(f"10.77.1.{number + 1}") for number in range(5)]
        star.join()
        street.open()
        seed = street.player(0, places[0], sharing="lan")
        shutil.copytree(tree, street.folder(0) / TITLE)
        ask(seed, "locate")
        answer(seed)
        fetching = _best(runs, lambda: _install(street, 1, places[1], peers="lan"))
        theirs = _best(runs, lambda: _raw(root, tree / "pak", places[2:4]))
        good = _row("a player from a player", fetching)
        _row("raw libtorrent", theirs)
        good = _judge("rate", fetching.mb_s / theirs.mb_s, _LIMIT_RATE, least=True) and good
        good = _judge("CPU time", fetching.cpu_s / theirs.cpu_s, _LIMIT_CPU) and good
        street.origin.run("tc", "qdisc", "del", "dev", "cable", "root")
        alone = _best(runs, lambda: _install(street, 1, places[1], peers="none"))
        content = max((root / "feed").rglob("*"), key=lambda path: path.stat().st_size)
        url, ca = street.url + content.relative_to(root / "feed").as_posix(), str(root / "authority/ca.pem")
        curl = _best(runs, lambda: _program(places[4], content, "curl", "-sf", "--cacert", ca, "-o", "got", url))
        _row("a player from the origin", alone)
        _row("curl", curl)
        if shutil.which("aria2c"):
            words = ("aria2c", "-q", "-x4", "-s4", "--allow-overwrite", f"--ca-certificate={ca}", "-o", "got", url)
            _row("aria2, four connections", _best(runs, lambda: _program(places[4], content, *words)))
        return _judge("rate, of curl's", alone.mb_s / curl.mb_s, _LIMIT_CURL, least=True) and good


def _plant(folder: Path, size_mb: int) -> Path:
    folder.mkdir()
    with (folder / "pak").open("wb") as file:
        for number in range(size_mb):
            file.write(random.Random(number).randbytes(_MB))
    return folder


def _install(street: Street, number: int, place: Place, **settings: object) -> Rate:
    with contextlib.ExitStack() as stack:
        player = street.player(number, place, stack=stack, **settings)
        ask(player, "install")
        took = Took(**json.loads(answer(player)))
    shutil.rmtree(street.folder(number))
    shutil.rmtree(street.root / f"player{number}")
    return Rate((took.origin_bytes + took.peer_bytes) / _MB / took.fetch_s, took.fetch_cpu_s)


def _raw(root: Path, file: Path, places: list[Place]) -> Rate:
    (root / "torrent").write_bytes(torrent_of(file, _PIECE_BYTES))
    got = root / "raw" / file.name
    got.parent.mkdir()
    with contextlib.ExitStack() as stack:
        seed, want = (("bench.one_to_one", verb, str(root / "torrent")) for verb in ("seed", "want"))
        assert answer(start(stack, places[0], *seed, str(file), "10.77.1.3")) == "ready"
        rate = Rate(*json.loads(answer(start(stack, places[1], *want, str(got), "10.77.1.4", "10.77.1.3"))))
    shutil.rmtree(got.parent)
    return rate


def _program(place: Place, content: Path, *words: str) -> Rate:
    with tempfile.TemporaryDirectory() as folder:
        before, began_s = os.times(), time.monotonic()
        place.run("sh", "-c", 'cd "$0" && exec "$@"', folder, *words)
        after, seconds = os.times(), time.monotonic() - began_s
        assert (Path(folder) / "got").stat().st_size == content.stat().st_size
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return Rate(content.stat().st_size / _MB / seconds, spent)


def _best(runs: int, run: Callable[[], Rate]) -> Rate:
    return max((run() for _ in range(runs)), key=lambda rate: rate.mb_s)


def _row(name: str, rate: Rate) -> bool:
    _say(f"{name:26} {rate.mb_s:6.0f} MB/s  {rate.cpu_s:5.2f} CPU s")
    return True


def _judge(what: str, ratio: float, limit: float, *, least: bool = False) -> bool:
    good = ratio >= limit if least else ratio <= limit
    _say(f"    {what}: {ratio:.2f} ({'≥' if least else '≤'} {limit}){'' if good else ' BEYOND'}")
    return good


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Print the figures; returns 1 when one is beyond its limit."""
    if sys.argv[1:2] in (["seed"], ["want"]):
        raw(*sys.argv[1:])
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    with tempfile.TemporaryDirectory(prefix="one-") as folder:
        return int(not measure(Path(folder), args.mb, args.runs))


if __name__ == "__main__":
    sys.exit(main())

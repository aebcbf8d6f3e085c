"""What each phase of a job costs the player in CPU time, and how long a job takes: many small files, and a large one.

    python -m bench.phases [--files 10000] [--mb 200] [--runs 5] [--beside CHECKOUT]      TMPDIR is the disk

One engine installs, updates a fifth of the files, repairs and uninstalls, without peers and from a server on this
machine. Of each phase the cheapest run counts, since other programs can only add to it. With ``--beside`` another
checkout of Shoal does the same, in turns with this one; the last column is this one's time divided by the other's.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from queue import SimpleQueue

_WALL = " (wall)"
_PHASES = ("scan", "plan", "fetch", "stage", "verify", "commit")


def _once(home: Path, game: Path, url: str, ca: str) -> dict[str, float]:
    """One life of the title, in this process and with the Shoal that it imports. CPU seconds by job and phase."""
    from patcher import config
    from patcher.config import Home
    from patcher.engine.engine import Engine
    from patcher.protocol import commands, events

    Home(home).make()
    config.save(Home(home), config.Settings(peers="none", local_discovery=False))
    network = commands.Network(server_only=True, ca=ca)
    engine = Engine(Home(home))
    engine.start()
    spent: dict[str, float] = {}
    heard: SimpleQueue[events.Event] = SimpleQueue()
    now, phase_from = "", 0.0

    def hear(event: events.Event) -> None:
        nonlocal now, phase_from
        phase = event.phase.value if isinstance(event, events.Progress) else ""
        if isinstance(event, events.Progress | events.Finished) and phase != now:
            cpu_s = sum(os.times()[:4])
            if now:
                spent[f"{job} {now}"] = spent.get(f"{job} {now}", 0.0) + cpu_s - phase_from
            now, phase_from = phase, cpu_s
        heard.put(event)

    def do(command: commands.Command) -> None:
        with engine.listening(hear):
            begin_s = time.monotonic()
            engine.submit(command)
            while not isinstance(event := heard.get(timeout=600), events.Finished | events.Failed):
                pass
        assert isinstance(event, events.Finished), event
        spent[job + _WALL] = time.monotonic() - begin_s

    job = "feed"
    do(commands.AddFeed(url, network=network))
    job = "install"
    do(commands.Install("demo/game", str(game), channel="old", network=network))
    job = "update"
    do(commands.Update("demo/game", version="2", network=network))
    job = "repair"
    do(commands.Repair("demo/game", network=network))
    job = "uninstall"
    do(commands.Uninstall("demo/game"))
    engine.close()
    return spent


def _plant(folder: Path, files: int, large_mb: int, release: int) -> Path:
    for number in range(files):
        path = folder / f"d{number % 100}" / f"s{number % 7}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.Random(number + release * (number % 5 == 0) * 10**6).randbytes(1024))
    with (folder / "large.pak").open("wb") as file:
        for number in range(large_mb):
            file.write(random.Random(number + 10**7 * release * (number % 20 == 0)).randbytes(1_000_000))
    return folder


def _run(checkout: Path, root: Path, url: str, ca: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=root) as room:
        words = [sys.executable, __file__, "--once", f"{room}/home", f"{room}/game", url, str(ca)]
        ran = subprocess.run(words, env={**os.environ, "PYTHONPATH": str(checkout)}, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def _best(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: min(run.get(name, 0.0) for run in runs) for name in runs[0]}


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--mb", type=int, default=200)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--once", nargs=4, metavar=("HOME", "GAME", "URL", "CA"))
    args = parser.parse_args()
    if args.once:
        home, game, url, ca = args.once
        json.dump(_once(Path(home), Path(game), url, ca), sys.stdout)
        return
    from tests.support.world import World

    here = Path(__file__).resolve().parent.parent
    checkouts = [here, *([args.beside.resolve()] if args.beside else [])]
    runs: dict[Path, list[dict[str, float]]] = {checkout: [] for checkout in checkouts}
    with tempfile.TemporaryDirectory() as folder, World(Path(folder)) as world:
        root = Path(folder)
        world.release("1", _plant(root / "one", args.files, args.mb, 0), "--channel", "old")
        world.release("2", _plant(root / "two", args.files, args.mb, 1))
        for _ in range(args.runs):
            for checkout in checkouts:
                runs[checkout].append(_run(checkout, root, world.origin.url, world.ca))
    best = [_best(runs[checkout]) for checkout in checkouts]
    for name, seconds in best[0].items():
        other = f" {best[1][name]:8.3f} {seconds / best[1][name]:6.2f}" if args.beside and best[1].get(name) else ""
        sys.stdout.write(f"{name:20} {seconds:8.3f}{other}\n")
    totals = [sum(value for name, value in each.items() if not name.endswith(_WALL)) for each in best]
    sys.stdout.write(f"{'all':20} {' '.join(f'{each:8.3f}' for each in totals)}\n")


if __name__ == "__main__":
    main()

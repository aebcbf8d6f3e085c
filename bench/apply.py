"""What an update costs the player: CPU time, and the memory of the engine with its workers; and its maker's memory.

    python -m bench.apply [--mb 600 | --pair pyside6] [--workers 1 2]

One large file, of which a twentieth is new and the rest shifted, or two real releases. Through publisher, origin and
engine on this machine, without peers; once for each number of decoders. Memory is the sum of PSS, sampled while the
update runs. CPU time is that of engine and decoders for the whole update: records, fetch, scan, apply, verify, commit;
of two runs the better one counts, since other programs can only add to it. Speed has a limit for the generated file;
what native code adds, `bench.patch_cost` bounds.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.support import releases
from bench.support.watch import Watch
from tests.support.world import Shoal, World, prepared_engine

_AS_PLAYERS_HAVE_IT = "import sys; sys.modules['pkcs11'] = None"
"""A player's engine has no library for tokens: securesystemslib would load it, for 40 ms and 3 MB."""
_LIMIT_PSS_MB = {1: 160, 2: 260}
_LIMIT_MB_S = 200
_LIMIT_MAKER_MB = 400
_LIMIT_MAP_MAKER_MB = 1000
"""Where it fits address maps."""


@dataclass(frozen=True)
class _Made:
    """What publishing took."""

    seconds: float
    watch: Watch


def _plant(folder: Path, size_mb: int, shift: int) -> Path:
    folder.mkdir()
    with (folder / "world.pak").open("wb") as file:
        file.write(b"x" * shift)
        for number in range(size_mb):
            seed = number + 10_000_000 if shift and number % 20 == 7 else number
            file.write(random.Random(seed).randbytes(1_000_000))
    return folder


def _publish(world: World, version: str, tree: Path) -> _Made:
    """In a process of its own, as its maker would."""
    started_s = time.monotonic()
    with world.publisher.start("publish", "release", world.feed, "game", tree, "--version", version) as maker:
        with Watch(maker.pid) as watch:
            out, err = maker.communicate()
    assert maker.returncode == 0, out + err
    return _Made(time.monotonic() - started_s, watch)


def _update(player: Shoal, folder: Path, workers: int) -> tuple[Watch, dict[str, Any]]:
    """One update, watched. What it replaced is thrown away, so that the way back is a patch again."""
    player.stop_engine()
    shutil.rmtree(player.home / "packs", ignore_errors=True)
    setup = (_AS_PLAYERS_HAVE_IT, "from patcher.update import download", f"download.WORKERS = {workers}")
    with prepared_engine(player, *setup):
        with Watch(player.engine_pid()) as watch:
            done = player.run("update", "game")
    shutil.rmtree(folder / ".shoal" / "previous", ignore_errors=True)
    return watch, done


def _measure(player: Shoal, folder: Path, workers: int, limit_mb_s: float) -> list[str]:
    """Prints the better of two runs; returns what is beyond its limit."""
    first = _update(player, folder, workers)
    player.run("update", "game", "--version", "1")
    shutil.rmtree(folder / ".shoal" / "previous", ignore_errors=True)
    watch, done = min(first, _update(player, folder, workers), key=lambda run: run[0].cpu_s)
    written_mb, pss_mb = done["written_bytes"] / 1e6, watch.pss_bytes / 1e6
    speed, limit_mb = written_mb / watch.cpu_s, _LIMIT_PSS_MB[workers]
    limit = f" (≥ {limit_mb_s:.0f})" if limit_mb_s else ""
    _say(f"decoders: {workers}; {written_mb:,.0f} MB from {done['fetched']['origin_bytes'] / 1e6:,.1f} MB in "
         f"{done['seconds']:.1f} s; {watch.cpu_s:.2f} CPU s, {speed:.0f} MB/s a core{limit}; "
         f"{pss_mb:.0f} MB PSS (≤ {limit_mb}), the engine at most {watch.own_bytes / 1e6:.0f} MB RSS, "
         f"a decoder {watch.child_bytes / 1e6:.0f}")  # fmt: skip
    slow = [f"{speed:.0f} MB/s a core (load {os.getloadavg()[0]:.1f})"] if speed < limit_mb_s else []
    return slow + ([f"{pss_mb:.0f} MB with {workers}"] if pss_mb > limit_mb else [])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Print the figures; returns 1 when a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=600)
    parser.add_argument("--pair", default="")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], choices=_LIMIT_PSS_MB)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, World(Path(name)) as world:
        tree = Path(name) / "tree"
        pair = releases.pair(args.pair) if args.pair else None
        _publish(world, "1", pair.old if pair else _plant(tree, args.mb, 0))
        shutil.rmtree(tree, ignore_errors=True)
        players = {workers: world.player(f"with{workers}", peers="none") for workers in args.workers}
        for player in players.values():
            player.run("install", "game", "--to", world.folder(player))
        made = _publish(world, "2", pair.new if pair else _plant(tree, args.mb, 12_345))
        shutil.rmtree(tree, ignore_errors=True)
        limit_maker_mb = _LIMIT_MAP_MAKER_MB if pair else _LIMIT_MAKER_MB
        maker_mb, worker_mb = made.watch.own_bytes / 1e6, made.watch.child_bytes / 1e6
        _say(f"published in {made.seconds:.0f} s, {made.watch.cpu_s:.0f} CPU s; maker {maker_mb:.0f} MB, its largest "
             f"worker {worker_mb:.0f} MB (≤ {limit_maker_mb} each)")  # fmt: skip
        beyond = [f"maker {mb:.0f} MB" for mb in (maker_mb, worker_mb) if mb > limit_maker_mb]
        for workers, player in players.items():
            beyond += _measure(player, world.folder(player), workers, 0 if pair else _LIMIT_MB_S)
            shutil.rmtree(world.folder(player))
    if beyond:
        _say("Beyond the limit: " + ", ".join(beyond))
    return int(bool(beyond))


if __name__ == "__main__":
    sys.exit(main())

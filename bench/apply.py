"""What applying a patch costs the player: CPU time, speed, and the memory of the engine with its workers.

    python -m bench.apply [--mb 600]

One large file, of which a twentieth is new and the rest shifted; origin and player on this machine, no peers. Memory is
the sum of PSS of the engine and its workers, sampled while the update runs; CPU time is theirs, from start to end.
"""

import argparse
import contextlib
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

import psutil

from tests.support.world import Shoal, World

_SAMPLE_S = 0.05
_LIMIT_PSS_MB = 260
_LIMIT_MB_S = 200


class _Watch:
    """The most memory that a process and its children had, and the CPU time they took."""

    def __init__(self, pid: int) -> None:
        self._engine = psutil.Process(pid)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.pss_mb = 0.0
        self._cpu: dict[int, float] = {}

    def __enter__(self) -> Self:
        self._before_s = self._engine_cpu()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def cpu_s(self) -> float:
        """Of the engine since the start, and of all workers seen."""
        return self._engine_cpu() - self._before_s + sum(self._cpu.values())

    def _engine_cpu(self) -> float:
        times = self._engine.cpu_times()
        return float(times.user + times.system)

    def _look(self) -> None:
        while not self._end.wait(_SAMPLE_S):
            total = 0.0
            with contextlib.suppress(psutil.Error):
                for process in (self._engine, *self._engine.children(recursive=True)):
                    total += process.memory_full_info().pss / 1e6
                    if process.pid != self._engine.pid:
                        times = process.cpu_times()
                        self._cpu[process.pid] = float(times.user + times.system)
            self.pss_mb = max(self.pss_mb, total)


def _plant(folder: Path, size_mb: int, shift: int) -> None:
    folder.mkdir()
    with (folder / "world.pak").open("wb") as file:
        file.write(b"x" * shift)
        for number in range(size_mb):
            seed = number + 10_000_000 if shift and number % 20 == 7 else number
            file.write(random.Random(seed).randbytes(1_000_000))


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mb", type=int, default=600)
    size_mb = parser.parse_args().mb
    with tempfile.TemporaryDirectory() as name, World(Path(name)) as world:
        root = Path(name)
        _plant(root / "old", size_mb, 0)
        _plant(root / "new", size_mb, 12_345)
        world.release("1", root / "old")
        player: Shoal = world.player("ann", peers="none")
        player.run("install", "game", "--to", world.folder(player))
        started = time.monotonic()
        released = world.release("2", root / "new")
        publish_s = time.monotonic() - started
        player.run("status")
        with _Watch(player.engine_pid()) as watch:
            done = player.run("update", "game")
        out = sys.stdout.write
        out(f"published in {publish_s:.0f} s, patch {released['patches'][0]['patch_bytes']:,} bytes\n")
        out(f"fetched {done['fetched']['origin_bytes']:,} bytes, wrote {done['written_bytes'] / 1e6:,.0f} MB "
            f"in {done['seconds']:.1f} s\n")  # fmt: skip
        out(f"{watch.cpu_s:.2f} CPU s: {size_mb / watch.cpu_s:.0f} MB/s a core (at least {_LIMIT_MB_S}), fetch, scan, "
            f"apply, verify and commit together\n")  # fmt: skip
        out(f"{watch.pss_mb:.0f} MB PSS, engine and workers (at most {_LIMIT_PSS_MB})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

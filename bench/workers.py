"""How much sooner more workers make the same packs: one process, two of this machine, and the two of a Dask cluster.

    python -m bench.workers [--files 12] [--mb 9]

The full pack of a tree of generated text, and a patch of it, a window each file. What all of them made is compared byte
by byte. The start of the cluster does not count; the bytes that go to its workers and come back do. Two workers could
be twice as fast where two cores are idle.
"""

import argparse
import hashlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from patcher.publish import build
from patcher.publish.patches import cluster, drafts
from patcher.publish.patches.drafts import Draft
from patcher.publish.patches.pool import Cluster
from tests.support import dask_cluster

_WORDS = 40_000
_CHANGED = 50
"""One word in so many is another one in the new release."""


def _silent(phase: str, done: int, total: int) -> None:
    """Progress is not shown."""


def _plant(root: Path, files: int, size_bytes: int) -> None:
    dice = random.Random(1)
    words = [dice.randbytes(dice.randrange(2, 8)).hex() for _ in range(_WORDS)]
    for name in ("old", "new"):
        (root / name).mkdir()
    for number in range(files):
        text = [words[int(dice.paretovariate(0.5)) % _WORDS] for _ in range(size_bytes // 11)]
        (root / "old" / f"{number}").write_text(" ".join(text)[:size_bytes])
        for at in range(dice.randrange(_CHANGED), len(text), _CHANGED):
            text[at] = words[dice.randrange(_WORDS)]
        (root / "new" / f"{number}").write_text(" ".join(text)[:size_bytes])


def drafted(root: Path, work: Path) -> list[Draft]:
    """The full pack of the folder ``new``, and the patch to it from ``old``, with no window made yet."""
    old, new = (build.read(root / name, "game", (), 1, _silent) for name in ("old", "new"))
    places = {entry.root: f"{source.folder}/{entry.path}" for source in (old, new) for entry in source.entries}
    before, after = old.parts[0].manifest, new.parts[0].manifest
    return [drafts.draft(after, base, places, work / str(base is None), 1, _silent) for base in (None, before)]


def _measured(root: Path, name: str, make: Callable[[list[Draft]], None]) -> tuple[str, float]:
    """A digest of all packs, and the seconds that they took."""
    made = drafted(root, root / name)
    started_s, used_s = time.monotonic(), sum(os.times()[:4])
    make(made)
    wall_s, cpu_s = time.monotonic() - started_s, sum(os.times()[:4]) - used_s
    digest = hashlib.sha256(b"".join(part for draft in made for part in draft.joined().chunks())).hexdigest()
    sys.stdout.write(f"{name:16} {wall_s:6.1f} s, {cpu_s:6.1f} CPU s of ours and of local workers\n")
    sys.stdout.flush()
    return digest, wall_s


def measure(root: Path, files: int, size_bytes: int) -> dict[str, float]:
    """Seconds by who made the packs. Fails unless all made the same."""
    _plant(root, files, size_bytes)
    one, alone_s = _measured(root, "one process", lambda made: drafts.make(made, 1, _silent))
    two, local_s = _measured(root, "two processes", lambda made: drafts.make(made, 2, _silent))
    with dask_cluster.running(root / "dask") as (url, _), cluster.connected(url) as workers:
        there: Cluster = workers
        dask, remote_s = _measured(root, "two Dask workers", lambda made: drafts.make(made, 1, _silent, there))
    assert one == two == dask, "not the same packs"
    return {"one process": alone_s, "two processes": local_s, "two Dask workers": remote_s}


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=12)
    parser.add_argument("--mb", type=int, default=9)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(Path(folder), args.files, args.mb * 1_000_000)
    for name, each_s in seconds.items():
        sys.stdout.write(f"{name:16} {seconds['one process'] / each_s:5.2f} times as fast as one process\n")


if __name__ == "__main__":
    main()

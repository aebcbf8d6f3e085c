"""Our own patch of a pair, made as `publish release` makes it, applied, and compared: `python -m bench.support.ours
[--plain] OLD NEW` prints what it took as JSON; ``--plain`` is without address maps. A process of its own, so that its
children are the workers and nothing else.
"""

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.support.watch import peak_bytes
from patcher import processes
from patcher.content import merkle
from patcher.install.folder import InstallFolder
from patcher.install.scan import Have
from patcher.publish import build
from patcher.publish.patches import address_maps, drafts, encode
from patcher.update.decode import MEMORY_BYTES, decode
from patcher.update.planning import plan as planning
from patcher.update.staging import Stage
from patcher.update.target import Offer

JOBS = 2


@dataclass(frozen=True)
class Ours:
    """Bytes that travel, and the costs of both sides."""

    pack_bytes: int
    map_bytes: int
    """Of the pack."""
    index_bytes: int
    manifest_bytes: int
    """The manifest delta."""
    make_cpu_s: float
    make_s: float
    worker_bytes: int
    maker_bytes: int
    applied_bytes: int
    rebased_bytes: int
    """Old files that are read through maps."""
    apply_cpu_s: float
    """What a player does with the pack, in one worker: reads, decodes, hashes, writes, verifies."""


def _silent(phase: str, done: int, total: int) -> None:
    pass


def _cpu_s(*who: int) -> float:
    uses = [resource.getrusage(one) for one in who or (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


@dataclass(frozen=True)
class Made:
    """A patch as `publish release` makes it, where its pack lies, and the old files: by root."""

    offer: Offer
    pack: Path
    held: Mapping[bytes, Path]
    manifest_bytes: int
    """The manifest delta."""
    cpu_s: float
    wall_s: float
    worker_bytes: int
    maker_bytes: int


def make(old_folder: Path, new_folder: Path, work: Path) -> Made:
    sources = [build.read(folder, "game", (), JOBS, _silent) for folder in (old_folder, new_folder)]
    (old, old_document), (new, document) = ((s.parts[0].manifest, s.parts[0].document) for s in sources)
    places = {e.root: f"{s.folder}/{e.path}" for s in sources for e in s.parts[0].manifest.entries}
    cpu_s, started_s = _cpu_s(), time.monotonic()
    draft = drafts.draft(new, old, places, work, JOBS, _silent)
    drafts.make([draft], JOBS, _silent)
    cpu_s, wall_s = _cpu_s() - cpu_s, time.monotonic() - started_s
    worker_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    maker_bytes = peak_bytes(os.getpid())
    joined = draft.joined()
    pack = b"".join(joined.chunks())
    (work / "pack").write_bytes(pack)
    offer = Offer(sources[1].parts[0].record, document, new, old, joined.index(merkle.leaves_of(pack)))
    held = {entry.root: Path(places[entry.root]) for entry in old.entries if entry.root}
    manifest_bytes = len(encode.manifest_delta(old_document, document))
    return Made(offer, work / "pack", held, manifest_bytes, cpu_s, wall_s, worker_bytes, maker_bytes)


@contextmanager
def without_maps() -> Iterator[None]:
    """No program has a switch for this."""
    known, address_maps.make = address_maps.make, lambda *_: {}
    try:
        yield
    finally:
        address_maps.make = known


def measure(old_folder: Path, new_folder: Path) -> Ours:
    with tempfile.TemporaryDirectory() as folder:
        made = make(old_folder, new_folder, Path(folder) / "work")
        applied_bytes, apply_cpu_s = _applied(made, Path(folder) / "install")
        pack_bytes = made.pack.stat().st_size
    old, index = made.offer.old, made.offer.patch
    assert old and index
    index_bytes = len(encode.write_index(index, made.offer.manifest, old)) - len(index.inline)
    map_bytes = sum(each.length for each in index.filters)
    rebased_bytes = sum(old.entries[each.file].size_bytes for each in index.filters)
    return Ours(
        pack_bytes, map_bytes, index_bytes, made.manifest_bytes, round(made.cpu_s, 2), round(made.wall_s, 2),
        made.worker_bytes, made.maker_bytes, applied_bytes, rebased_bytes, round(apply_cpu_s, 2),
    )  # fmt: skip


def _applied(made: Made, folder: Path) -> tuple[int, float]:
    """The better of two runs: a virtual machine's first one also pays for memory that its host had not given it yet."""
    runs = []
    for _ in range(2):
        with processes.pool(1, MEMORY_BYTES) as decoder:
            runs.append(decoder.submit(apply, made, folder).result())
        shutil.rmtree(folder)
    return min(runs, key=lambda run: run[1])


def apply(made: Made, folder: Path) -> tuple[int, float]:
    """As a player applies a patch, but all in a decoder: every window, every place, every root. Bytes, CPU seconds.

    The new files stay in ``folder``, staged.
    """
    offer = made.offer
    assert offer.old and offer.patch
    have = Have(intact={entry.path: entry.root for entry in offer.old.entries}, sources=made.held)
    plan = planning.make([offer], [offer.old], have, server_only=True)
    stage = Stage(InstallFolder.at(folder), made.held, lambda name, count: None)
    wanted = {file.root for file in plan.files}
    before_s = _cpu_s(resource.RUSAGE_SELF)
    for window in offer.patch.windows:
        decode(stage.task(offer, window, lambda offset, length: (made.pack, offset, length), wanted))
    stage.take(plan)
    stage.duplicate(plan.files)
    stage.verify(plan)
    return sum(file.size_bytes for file in plan.files), _cpu_s(resource.RUSAGE_SELF) - before_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    args = parser.parse_args()
    with without_maps() if args.plain else nullcontext():
        print(json.dumps(asdict(measure(args.old, args.new))))


if __name__ == "__main__":
    main()

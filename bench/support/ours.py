"""Our own patch of a pair, made as `publish release` makes it, applied, and compared: `python -m bench.support.ours OLD
NEW` prints what it took as JSON. A process of its own, so that its children are the workers and nothing else.
"""

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.support.watch import peak_bytes
from patcher import processes
from patcher.content import delta, merkle
from patcher.publish import build, cuts, workers
from patcher.publish.workers import WindowFile
from patcher.update import plan as planning
from patcher.update.decode import MEMORY_BYTES, decode
from patcher.update.plan import Offer
from patcher.update.scan import Have
from patcher.update.stage import Stage

JOBS = 2


@dataclass(frozen=True)
class Ours:
    """Bytes that travel, and the costs of both sides."""

    pack_bytes: int
    index_bytes: int
    manifest_bytes: int
    """The manifest delta."""
    make_cpu_s: float
    make_s: float
    worker_bytes: int
    maker_bytes: int
    applied_bytes: int
    apply_cpu_s: float
    """What a player does with the pack, in one worker: reads, decodes, hashes, writes, verifies."""


def _silent(phase: str, done: int, total: int) -> None:
    pass


def _cpu_s(*who: int) -> float:
    uses = [resource.getrusage(one) for one in who or (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def measure(old_folder: Path, new_folder: Path) -> Ours:
    sources = [build.read(folder, "game", (), JOBS, _silent) for folder in (old_folder, new_folder)]
    (old, old_document), (new, document) = ((s.parts[0].manifest, s.parts[0].document) for s in sources)
    places = {e.root: s.folder / e.path for s in sources for e in s.parts[0].manifest.entries}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        cpu_s, started_s = _cpu_s(), time.monotonic()
        made = cuts.read(new, old, places, JOBS, _silent)
        tasks = cuts.tasks(made, new, old, places, place / "work")
        workers.run(tasks, JOBS, lambda count: None)
        make_cpu_s, make_s = _cpu_s() - cpu_s, time.monotonic() - started_s
        worker_bytes, maker_bytes = (
            resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
            peak_bytes(os.getpid()),
        )
        windows, pack = _joined(made, place / "work")
        leaves = merkle.leaves_of(pack)
        index = delta.index_of(windows, leaves, len(pack), pack if len(pack) <= delta.INLINE_BYTES else b"")
        index_bytes = len(delta.encode(index, new, old)) - len(index.inline)
        (place / "pack").write_bytes(pack)
        offer = Offer(sources[1].parts[0].record, document, new, old, index)
        held = {entry.root: places[entry.root] for entry in old.entries if entry.root}
        applied_bytes, apply_cpu_s = _applied(offer, place / "pack", held, place / "install")
    return Ours(
        len(pack), index_bytes, len(delta.manifest_delta(old_document, document)), round(make_cpu_s, 2),
        round(make_s, 2), worker_bytes, maker_bytes, applied_bytes, round(apply_cpu_s, 2),
    )  # fmt: skip


def _joined(made: Sequence[delta.Cut], folder: Path) -> tuple[list[delta.Window], bytes]:
    windows, pack = [], bytearray()
    for number, cut in enumerate(made):
        if cut.copied:
            windows.append(delta.Window(len(pack), 0, delta.COPY, cut.new, cut.old, cut.output_bytes, b""))
            continue
        file = WindowFile.read(cuts.result(folder, number))
        old = cut.old if file.codec == delta.HDIFF else ()
        windows.append(delta.Window(len(pack), file.length, file.codec, cut.new, old, cut.output_bytes, file.sha256))
        pack += b"".join(file.chunks())
    return windows, bytes(pack)


def _applied(offer: Offer, pack: Path, sources: Mapping[bytes, Path], folder: Path) -> tuple[int, float]:
    """The better of two runs: a virtual machine's first one also pays for memory that its host had not given it yet."""
    runs = []
    for _ in range(2):
        with processes.pool(1, MEMORY_BYTES) as decoder:
            runs.append(decoder.submit(_apply, offer, pack, sources, folder).result())
        shutil.rmtree(folder)
    return min(runs, key=lambda run: run[1])


def _apply(offer: Offer, pack: Path, sources: Mapping[bytes, Path], folder: Path) -> tuple[int, float]:
    """As a player applies a patch, but all in a decoder: every window, every place, every root. Bytes, CPU seconds."""
    assert offer.old and offer.patch
    have = Have(intact={entry.path: entry.root for entry in offer.old.entries}, sources=sources)
    plan = planning.make([offer], [offer.old], have, server_only=True)
    stage = Stage(folder, sources, lambda name, count: None)
    wanted = {place.root for place in plan.places}
    before_s = _cpu_s(resource.RUSAGE_SELF)
    for window in offer.patch.windows:
        decode(stage.task(offer, window, (str(pack), window.offset, window.length), wanted))
    stage.take(plan)
    stage.multiply(plan.places)
    stage.verify(plan, {entry.root: offer.manifest.piece_bytes for entry in offer.manifest.entries})
    return sum(place.size_bytes for place in plan.places), _cpu_s(resource.RUSAGE_SELF) - before_s


if __name__ == "__main__":
    print(json.dumps(asdict(measure(Path(sys.argv[1]), Path(sys.argv[2])))))

"""Our own patch of a pair, made as `publish release` makes it, applied as a player applies it, and compared:
`python -m bench.support.ours [--plain] OLD NEW` prints what it took as JSON, with ``--plain`` without address maps. A
process of its own, so that its children are the workers and nothing else.
"""

import argparse
import json
import resource
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from patcher.content import delta, merkle
from patcher.publish import build, cuts, maps
from patcher.publish.build import BuiltPart
from patcher.update.decode import decode
from patcher.update.plan import Offer
from patcher.update.scan import hash_file
from patcher.update.stage import Stage

JOBS = 2


@dataclass(frozen=True)
class Ours:
    """Bytes that travel, and the costs of both sides."""

    pack_bytes: int
    index_bytes: int
    manifest_bytes: int
    """The manifest delta."""
    copied_bytes: int
    made_bytes: int
    make_cpu_s: float
    make_s: float
    worker_bytes: int
    maker_bytes: int
    apply_cpu_s: float
    """Reads, decodes, hashes twice (window and file) and writes, in one process."""
    map_bytes: int = 0
    """Of the pack."""
    native_bytes: int = 0
    """New files that came from old ones with a map."""


def _silent(phase: str, done: int, total: int) -> None:
    pass


def _quiet(path: str, count: int) -> None:
    pass


def _cpu_s(*who: int) -> float:
    uses = [resource.getrusage(one) for one in who or (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _peak_bytes() -> int:
    """Of this process alone: resource usage would count the one that started it, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def measure(old_folder: Path, new_folder: Path) -> Ours:
    sources = [build.read(folder, "game", (), JOBS, _silent) for folder in (old_folder, new_folder)]
    old, new = (source.parts[0] for source in sources)
    places = {e.root: s.folder / e.path for s in sources for e in s.parts[0].manifest.entries}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        cpu_s, started_s = _cpu_s(), time.monotonic()
        draft = cuts.draft(new.manifest, old.manifest, places, place / "work", JOBS, _silent)
        cuts.make([draft], JOBS, _silent)
        make_cpu_s, make_s = _cpu_s() - cpu_s, time.monotonic() - started_s
        worker_bytes, maker_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, _peak_bytes()
        joined = draft.joined()
        pack = b"".join(joined.chunks())
        (place / "pack").write_bytes(pack)
        index = joined.index(merkle.leaves_of(pack))
        index_bytes = len(delta.encode(index, new.manifest, old.manifest)) - len(index.inline)
        cpu_s = _cpu_s(resource.RUSAGE_SELF)
        _apply(index, place / "pack", places, old, new, place / "out")
        apply_cpu_s = _cpu_s(resource.RUSAGE_SELF) - cpu_s
    copied = sum(window.output_bytes for window in index.windows if window.is_copy)
    native = {found.new for found in draft.maps.values()}
    return Ours(
        len(pack), index_bytes, len(delta.manifest_delta(old.document, new.document)), copied,
        sum(window.output_bytes for window in index.windows) - copied, round(make_cpu_s, 2), round(make_s, 2),
        worker_bytes, maker_bytes, round(apply_cpu_s, 2), sum(each.length for each in index.filters),
        sum({e.root: e.size_bytes for e in new.manifest.entries if e.root in native}.values()),
    )  # fmt: skip


def _apply(index: delta.Index, pack: Path, places: cuts.Places, old: BuiltPart, new: BuiltPart, folder: Path) -> None:
    """Make every new file, and compare its root."""
    stage = Stage(folder, places, _quiet)
    offer = Offer(new.record, new.document, new.manifest, old.manifest, index)
    roots = {new.manifest.entries[span.file].root for window in index.windows for span in window.new}
    for window in index.windows:
        decode(stage.task(offer, window, lambda offset, length: (str(pack), offset, length), roots))
    for root in roots:
        assert merkle.root_of(hash_file(stage.path(root), _quiet, "")) == root


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    args = parser.parse_args()
    if args.plain:
        maps.make = lambda *_: {}  # no program has a switch for this
    print(json.dumps(asdict(measure(args.old, args.new))))


if __name__ == "__main__":
    main()

"""Our own patch of a pair, made as `publish release` makes it, applied, and compared: `python -m bench.support.ours OLD
NEW` prints what it took as JSON. A process of its own, so that its children are the workers and nothing else.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from patcher.content import delta, merkle
from patcher.content.manifest import Entry, Manifest
from patcher.publish import build, cuts, workers
from patcher.publish.workers import WindowFile

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


def _silent(phase: str, done: int, total: int) -> None:
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
    (old, old_document), (new, document) = ((s.parts[0].manifest, s.parts[0].document) for s in sources)
    places = {e.root: s.folder / e.path for s in sources for e in s.parts[0].manifest.entries}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        cpu_s, started_s = _cpu_s(), time.monotonic()
        made = cuts.read(new, old, places, JOBS, _silent)
        tasks = cuts.tasks(made, new, old, places, place / "work")
        workers.run(tasks, JOBS, lambda count: None)
        make_cpu_s, make_s = _cpu_s() - cpu_s, time.monotonic() - started_s
        worker_bytes, maker_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, _peak_bytes()
        windows, pack = _joined(made, place / "work")
        leaves = merkle.leaves_of(pack)
        index = delta.index_of(windows, leaves, len(pack), pack if len(pack) <= delta.INLINE_BYTES else b"")
        index_bytes = len(delta.encode(index, new, old)) - len(index.inline)
        cpu_s = _cpu_s(resource.RUSAGE_SELF)
        _apply(windows, pack, places, new, old, place / "out")
        apply_cpu_s = _cpu_s(resource.RUSAGE_SELF) - cpu_s
    copied = sum(cut.output_bytes for cut in made if cut.copied)
    return Ours(
        len(pack), index_bytes, len(delta.manifest_delta(old_document, document)), copied,
        sum(cut.output_bytes for cut in made) - copied, round(make_cpu_s, 2), round(make_s, 2), worker_bytes,
        maker_bytes,
        round(apply_cpu_s, 2),
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


def _apply(
    windows: Sequence[delta.Window], pack: bytes, places: cuts.Places, new: Manifest, old: Manifest, folder: Path
) -> None:
    """Make every new file and compare its root."""
    folder.mkdir()
    wanted = {span.file: new.entries[span.file] for window in windows for span in window.new}
    for window in windows:
        if window.codec == delta.COPY:
            for span, used in zip(window.new, window.old, strict=True):
                _copy(places[old.entries[used.file].root], used, folder / str(span.file), span)
            continue
        known = b"".join(_read(places[old.entries[span.file].root], span.offset, span.length) for span in window.old)
        data = pack[window.offset : window.offset + window.length]
        output = memoryview(delta.apply(window.codec, data, known, window.output_bytes, window.sha256))
        for span in window.new:
            _write(folder / str(span.file), span.offset, output[: span.length])
            output = output[span.length :]
    for number, entry in wanted.items():
        _check(folder / str(number), entry)


def _copy(source: Path, used: delta.Range, target: Path, span: delta.Range) -> None:
    for at in range(0, span.length, 1 << 20):
        _write(target, span.offset + at, _read(source, used.offset + at, min(1 << 20, span.length - at)))


def _read(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def _write(path: Path, offset: int, data: bytes | memoryview) -> None:
    path.touch()
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def _check(path: Path, entry: Entry) -> None:
    hasher = merkle.Hasher()
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            hasher.update(data)
    assert merkle.root_of(hasher.leaves()) == entry.root, entry.path


if __name__ == "__main__":
    print(json.dumps(asdict(measure(Path(sys.argv[1]), Path(sys.argv[2])))))

"""From two manifests and the places of their contents to the windows of a patch, and to the tasks that make them.

Files are read by portions, never whole, so that any size goes through in the same memory.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from patcher import disk
from patcher.content import delta
from patcher.content.chunks import Chunker, Chunks, average_for
from patcher.content.delta import Cut, Range
from patcher.content.manifest import Manifest
from patcher.errors import ContentError
from patcher.publish.store import CHUNK_BYTES, Meter, Progress, in_threads
from patcher.publish.workers import Slice, Task

_COMPARE_BYTES = 16 * 1024

Places = Mapping[bytes, Path]
"""Root → a file with this content, for every content of the manifests in question."""


def read(new: Manifest, old: Manifest | None, places: Places, jobs: int, progress: Progress) -> tuple[Cut, ...]:
    """The windows from ``old`` (None: from nothing) to ``new``; reads the chunks of files whose names say too little.

    Raises ContentError (content.mismatch) when a file is not as long as it should be, DiskError.
    """
    wanted = delta.to_chunk(new, old) if old else []
    total = sum(entry.size_bytes for entry in wanted)
    average = average_for(total)
    chunks: list[Chunks] = []
    if wanted:
        meter = Meter(progress, "match", total)
        files = [(places[entry.root], entry.size_bytes) for entry in wanted]
        chunks = in_threads(jobs, lambda file: _chunks(file[0], file[1], average, meter), files, meter)
    by_root = {entry.root: found for entry, found in zip(wanted, chunks, strict=True)}
    return tuple(delta.cut(new, old, by_root, _compare(new, old, places) if old else None))


def _chunks(path: Path, size_bytes: int, average: int, meter: Meter) -> Chunks:
    chunker, done = Chunker(average), 0
    with disk.translated(path), path.open("rb") as file:
        while data := file.read(CHUNK_BYTES):
            chunker.update(data)
            done += len(data)
            meter.add(len(data))
    if done != size_bytes:
        raise ContentError("content.mismatch", f"{path} is not as long as it should be", path=str(path))
    return chunker.chunks()


def _compare(new: Manifest, old: Manifest, places: Places) -> delta.Compare:
    """Reads a little of both files where a copy ends. The two are never empty."""

    def of(number: int) -> delta.Common:
        path = places[new.entries[number].root]
        return lambda at, file, old_at, limit: _common(path, at, places[old.entries[file].root], old_at, limit)

    return of


def _common(path: Path, at: int, old_path: Path, old_at: int, limit: int) -> int:
    count = 0
    with disk.translated(path), path.open("rb") as new, old_path.open("rb") as old:
        while count < abs(limit):
            portion = min(_COMPARE_BYTES, abs(limit) - count)
            back = count + portion if limit < 0 else -count
            new.seek(at - back)
            old.seek(old_at - back)
            pair = new.read(portion), old.read(portion)
            same = same_bytes(*pair) if limit > 0 else same_bytes(*(data[::-1] for data in pair))
            count += same
            if same < portion:
                break
    return count


def same_bytes(a: bytes, b: bytes) -> int:
    """Length of the common beginning."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def tasks(cuts: Sequence[Cut], new: Manifest, old: Manifest | None, places: Places, folder: Path) -> list[Task]:
    """A task for each window that is to be made; its result goes into ``folder``, named by the window's number."""

    def slices(m: Manifest, spans: Sequence[Range]) -> tuple[Slice, ...]:
        return tuple((str(places[m.entries[span.file].root]), span.offset, span.length) for span in spans)

    return [
        Task(slices(new, cut.new), slices(old, cut.old) if old else None, result(folder, number))
        for number, cut in enumerate(cuts)
        if not cut.copied
    ]


def result(folder: Path, number: int) -> Path:
    """Where window ``number`` is put."""
    return folder / f"{number:06}"

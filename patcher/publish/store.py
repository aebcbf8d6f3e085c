"""The ``content/`` folder of a feed: immutable files named by their BEP 52 roots, each there whole or not at all."""

import os
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast

from patcher import beneath, disk
from patcher.content import merkle
from patcher.content.feed_paths import CONTENT
from patcher.content.merkle import Ref
from patcher.errors import Cancelled, Mismatch, UsageError

CHUNK_BYTES = 1 << 20
_SAMPLE_S = 0.1
_BATCH_FILES, _BATCH_BYTES = 4096, 256 << 20
"""So much is staged before it is made durable and gets its names: that is what a killed run does again."""

OnProgress = Callable[[str, int, int], None]
"""Called with a phase, the bytes done and the bytes in all."""

Say = Callable[[str], None]
"""Called with a sentence for people."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class PhaseMeter:
    """Bytes done of one phase, counted by many threads and shown at most ten times a second."""

    def __init__(self, progress: OnProgress, phase: str, total_bytes: int) -> None:
        self._progress, self._phase, self._total = progress, phase, total_bytes
        self._lock = threading.Lock()
        self._done = 0
        self._shown_s = 0.0
        self._stopped = False
        progress(phase, 0, total_bytes)

    def add(self, count: int) -> None:
        """``count`` more bytes are done. Raises Cancelled after `stop`."""
        with self._lock:
            if self._stopped:
                raise Cancelled
            self._done += count
            if self._done >= self._total or time.monotonic() - self._shown_s >= _SAMPLE_S:
                self._shown_s = time.monotonic()
                self._progress(self._phase, self._done, self._total)

    def stop(self) -> None:
        """End every thread that counts here at its next step."""
        with self._lock:
            self._stopped = True


def in_threads(jobs: int, work: Callable[[Item], Result], items: Sequence[Item], meter: PhaseMeter) -> list[Result]:
    """The results of ``work`` for each item, in order. The first error ends the others.

    A thread takes one item after the other; a task of its own for each would cost more than to hash a small file.
    """
    results: list[Result | None] = [None] * len(items)
    numbers = iter(range(len(items)))  # shared: taking the next one is one step of the interpreter

    def some() -> None:
        for number in numbers:
            results[number] = work(items[number])

    with ThreadPoolExecutor(jobs) as pool:
        try:
            for future in as_completed([pool.submit(some) for _ in range(min(jobs, len(items)))]):
                future.result()
        except BaseException:
            meter.stop()
            deque(numbers, maxlen=0)  # leaves nothing to the other threads
            raise
    return cast("list[Result]", results)


def read_in_chunks(path: Path | str, meter: PhaseMeter) -> Iterator[bytes]:
    """Read a file in chunks of up to 1 MiB and count each. Raises DiskError."""
    with beneath.translated(path), open(path, "rb", buffering=0) as file:
        while data := file.read(CHUNK_BYTES):
            meter.add(len(data))
            yield data


def read_range(path: Path | str, offset: int, length: int) -> bytes:
    """Some bytes of a file, fewer only at its end. Raises OSError."""
    with open(path, "rb", buffering=0) as file:
        file.seek(offset)
        return file.read(length)


def make_folder(path: Path) -> None:
    """Make a folder and its parents, each name durable. Raises DiskError."""
    made = []
    while not path.is_dir():
        made.append(path)
        path = path.parent
    for folder in reversed(made):
        disk.make_folder(folder)
        disk.sync_folder(folder.parent)


def _copy(source: Path, place: Path) -> None:
    part = place.with_name(f"{place.name}.part")
    with disk.Staged(part, source.stat().st_size) as staged, source.open("rb") as file:
        while data := file.read(CHUNK_BYTES):
            staged.write(file.tell() - len(data), data)
        staged.sync()
    disk.rename(part, place)


class Store:
    """Reads and adds content. Files are added in `incoming`, made durable, then renamed, many at a time.

    `flush` does that for those that are left, and makes all names durable.
    """

    def __init__(self, feed: Path, public: "Store | None" = None) -> None:
        """``public``: reads what it lacks from there, and adds nothing to it."""
        self.folder = feed / CONTENT
        self._public = public
        self._incoming = self.folder / "incoming"
        self._staged: list[tuple[Ref, Path]] = []
        self._staged_bytes = 0
        self._touched: set[Path] = set()
        self._parents: dict[str, Path] = {}
        self.added_bytes = 0
        """Of the content that was not there before."""
        self._lock = threading.Lock()

    def path(self, ref: Ref) -> Path:
        """The file of this content."""
        path = self.folder / ref.file
        return path if self._public is None or path.exists() else self._public.path(ref)

    def file(self, ref: Ref) -> str:
        """The same, in a tenth of the time."""
        return f"{self.folder}/{ref.file}" if self._public is None else str(self.path(ref))

    def has(self, ref: Ref) -> bool:
        """Whether the content is there with the right size; `publish check` compares the bytes."""
        try:
            found = os.stat(f"{self.folder}/{ref.file}")
        except (FileNotFoundError, NotADirectoryError):
            return self._public is not None and self._public.has(ref)
        return stat.S_ISREG(found.st_mode) and found.st_size == ref.size_bytes

    def matches(self, ref: Ref, meter: PhaseMeter) -> bool:
        """Whether the content in the folder has the right root; read in chunks. Raises DiskError."""
        hasher = merkle.Hasher()
        for data in read_in_chunks(self.path(ref), meter):
            hasher.update(data)
        return merkle.root_of(hasher.leaves()) == ref.root

    def read(self, ref: Ref) -> bytes:
        """The content, checked by its root. Raises Mismatch."""
        path = self.path(ref)
        data = path.read_bytes() if path.is_file() else b""
        if not data or merkle.ref_of(data) != ref:
            raise Mismatch(f"content {ref.hex} is missing or damaged", ref.root)
        return data

    def put(self, data: bytes) -> Ref:
        """Add a document of at least one byte."""
        ref = merkle.ref_of(data)
        self.put_chunks(ref, (data,))
        return ref

    def missing(self, refs: Iterable[Ref]) -> list[Ref]:
        """Those that are not here. The names of the others are made durable, which a killed run may have missed."""
        found = []
        for ref in refs:
            if self.has(ref):
                self._touch(self._parent(ref) if self._public is None else self.path(ref).parent)
            else:
                found.append(ref)
        return found

    def put_file(self, source: str, ref: Ref, meter: PhaseMeter) -> None:
        """Add a copy of a file that was hashed before, at the latest when `flush` is called. No two calls may add the
        same content, nor one that is here. Raises UsageError (usage.release) if the file has changed since.
        """
        staged = self._staged_path(ref)
        with beneath.translated(source), open(source, "rb", buffering=0) as file:
            if ref.size_bytes < CHUNK_BYTES:
                is_right = self._stage_small(staged, ref, file.read(ref.size_bytes + 1), meter)
            else:
                is_right = self._stage(staged, ref, iter(lambda: file.read(CHUNK_BYTES), b""), meter)
        if not is_right:
            raise UsageError("usage.release", f"{source} was changed while it was published.", path=source)
        full: list[tuple[Ref, Path]] = []
        with self._lock:
            self._staged.append((ref, staged))
            self._staged_bytes += ref.size_bytes
            if len(self._staged) >= _BATCH_FILES or self._staged_bytes >= _BATCH_BYTES:
                full, self._staged, self._staged_bytes = self._staged, [], 0
        if full:
            self._settle(full)

    def put_chunks(self, ref: Ref, chunks: Iterable[bytes]) -> None:
        """Add content whose root and size are known, from pieces of any length."""
        if not self.missing([ref]):
            return
        staged = self._staged_path(ref)
        if not self._stage(staged, ref, chunks):
            raise Mismatch(f"content {ref.hex} was changed while it was written", ref.root)
        self._settle([(ref, staged)])

    def take(self, other: "Store") -> None:
        """Move all contents of another store here; a run after a kill moves the rest. Raises DiskError."""
        is_near = disk.is_same_volume(self.folder, other.folder)
        for path in sorted(path for path in other.folder.glob("??/*") if path.is_file()):
            place = self.folder / path.relative_to(other.folder)
            disk.make_folder(place.parent)
            if not place.exists():
                if is_near:
                    disk.rename(path, place)
                else:
                    _copy(path, place)
            self._touch(place.parent)
        self.flush()

    def flush(self) -> None:
        """Make all content added since the last call durable."""
        self._settle(self._staged)
        self._staged, self._staged_bytes = [], 0
        disk.sync_all(self.folder, (), sorted(self._touched))
        self._touched.clear()

    @contextmanager
    def adding(self) -> "Iterator[Store]":
        """Adds content in a ``with`` block. Half-written files of an interrupted run are removed."""
        disk.remove_tree(self._incoming)
        make_folder(self._incoming)
        try:
            yield self
            self.flush()
        finally:
            disk.remove_tree(self._incoming)

    def _parent(self, ref: Ref) -> Path:
        """The folder of this content; there are few, and a path takes as long to make as a stat."""
        name = ref.hex[:2]
        found = self._parents.get(name)
        if found is None:
            found = self._parents[name] = self.folder / name
        return found

    def _touch(self, folder: Path) -> None:
        with self._lock:
            self._touched |= {folder, self.folder}

    @staticmethod
    def _stage(place: Path, ref: Ref, chunks: Iterable[bytes], meter: PhaseMeter | None = None) -> bool:
        """Write the content to its place in `incoming`. False if the bytes have another root or size."""
        hasher, offset = merkle.Hasher(), 0
        with disk.Staged(place, ref.size_bytes) as staged:
            for chunk in chunks:
                if offset + len(chunk) > ref.size_bytes:
                    return False
                staged.write(offset, chunk)
                hasher.update(chunk)
                offset += len(chunk)
                if meter:
                    meter.add(len(chunk))
        return offset == ref.size_bytes and merkle.root_of(hasher.leaves()) == ref.root

    @staticmethod
    def _stage_small(place: Path, ref: Ref, data: bytes, meter: PhaseMeter) -> bool:
        """The same for content in memory."""
        is_right = len(data) == ref.size_bytes and merkle.root_of(merkle.leaves_of(data)) == ref.root
        if is_right:
            disk.create(place, data, is_synced=False)
            meter.add(len(data))
        return is_right

    def _settle(self, staged: Sequence[tuple[Ref, Path]]) -> None:
        """Make staged content durable, then give it its names: a name must never stand for bytes that could be lost."""
        disk.sync_all(self.folder, (path for _, path in staged), ())
        for ref, path in staged:
            parent = self._parent(ref)
            if parent not in self._touched:
                disk.make_folder(parent)
                self._touch(parent)
            disk.rename(path, parent / path.name)
        with self._lock:
            self.added_bytes += sum(ref.size_bytes for ref, _ in staged)

    def _staged_path(self, ref: Ref) -> Path:
        return self._incoming / ref.file.partition("/")[2]

"""The ``content/`` folder of a feed: immutable files named by their BEP 52 roots, each there whole or not at all."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from patcher import beneath, disk
from patcher.content import merkle
from patcher.content.feed_paths import CONTENT
from patcher.content.merkle import Ref
from patcher.errors import Cancelled, Mismatch, UsageError

CHUNK_BYTES = 1 << 20
_SAMPLE_S = 0.1

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
    """The results of ``work`` for each item, in order. The first error ends the others."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            return list(pool.map(work, items))
        except BaseException:
            meter.stop()
            pool.shutdown(cancel_futures=True)
            raise


def read_in_chunks(path: Path, meter: PhaseMeter) -> Iterator[bytes]:
    """Read a file in chunks of up to 1 MiB and count each. Raises DiskError."""
    with beneath.translated(path), path.open("rb") as file:
        while data := file.read(CHUNK_BYTES):
            meter.add(len(data))
            yield data


def read_range(path: Path | str, offset: int, length: int) -> bytes:
    """Some bytes of a file, fewer only at its end. Raises OSError."""
    with Path(path).open("rb") as file:
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
    """Reads and adds content. Files are added in `incoming`, then renamed; `flush` makes their names durable."""

    def __init__(self, feed: Path, public: "Store | None" = None) -> None:
        """``public``: reads what it lacks from there, and adds nothing to it."""
        self.folder = feed / CONTENT
        self._public = public
        self._touched: set[Path] = set()
        self.added_bytes = 0
        """Of the content that was not there before."""
        self._lock = threading.Lock()

    def path(self, ref: Ref) -> Path:
        """The file of this content."""
        path = self.folder / ref.file
        return path if self._public is None or path.exists() else self._public.path(ref)

    def has(self, ref: Ref) -> bool:
        """Whether the content is there with the right size; `publish check` compares the bytes."""
        path = self.path(ref)
        return path.is_file() and path.stat().st_size == ref.size_bytes

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
        if not self._is_there(ref):
            self._add(ref, (data,))
        return ref

    def put_file(self, source: Path, ref: Ref, meter: PhaseMeter) -> None:
        """Add a copy of a file that was hashed before. Raises UsageError (usage.release) if it has changed since."""
        if self._is_there(ref):
            meter.add(ref.size_bytes)
            return
        with beneath.translated(source), source.open("rb") as file:
            leaves = self._add(ref, iter(lambda: file.read(CHUNK_BYTES), b""), meter)
        if merkle.root_of(leaves) != ref.root:
            raise UsageError("usage.release", f"{source} was changed while it was published.", path=str(source))

    def put_chunks(self, ref: Ref, chunks: Iterable[bytes]) -> None:
        """Add content whose root and size are known, from pieces of any length."""
        if not self._is_there(ref) and merkle.root_of(self._add(ref, chunks)) != ref.root:
            raise Mismatch(f"content {ref.hex} was changed while it was written", ref.root)

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
        """Make the names of all content added since the last call durable."""
        for folder in sorted(self._touched):
            disk.sync_folder(folder)
        self._touched.clear()

    @contextmanager
    def adding(self) -> "Iterator[Store]":
        """Adds content in a ``with`` block. Half-written files of an interrupted run are removed."""
        incoming = self.folder / "incoming"
        disk.remove_tree(incoming)
        make_folder(incoming)
        try:
            yield self
            self.flush()
        finally:
            disk.remove_tree(incoming)

    def _is_there(self, ref: Ref) -> bool:
        """Like `has`. The name is made durable, which a killed run may have missed."""
        found = self.has(ref)
        if found:
            self._touch(self.path(ref).parent)
        return found

    def _touch(self, folder: Path) -> None:
        with self._lock:
            self._touched |= {folder, self.folder}

    def _add(self, ref: Ref, chunks: Iterable[bytes], meter: PhaseMeter | None = None) -> bytes:
        """Write, sync, rename. Returns the leaves of the written bytes; bytes with another root are not renamed."""
        staged_path, path = self.folder / "incoming" / Path(ref.file).name, self.folder / ref.file
        hasher, offset = merkle.Hasher(), 0
        with disk.Staged(staged_path, ref.size_bytes) as staged:
            for chunk in chunks:
                if offset + len(chunk) > ref.size_bytes:
                    break
                staged.write(offset, chunk)
                hasher.update(chunk)
                offset += len(chunk)
                if meter:
                    meter.add(len(chunk))
            staged.sync()
        leaves = hasher.leaves()
        if offset == ref.size_bytes and merkle.root_of(leaves) == ref.root:
            disk.make_folder(path.parent)
            disk.rename(staged_path, path)
            self._touch(path.parent)
            with self._lock:
                self.added_bytes += offset
        return leaves

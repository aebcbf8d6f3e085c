"""Worker processes that make the files of a pack. They are spawned, end with us, and are killed when we are stopped."""

import hashlib
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Protocol, TypeVar

from patcher import beneath, disk, processes
from patcher.content.codec import HDIFF, HDIFF_REBASED, WINDOW_BYTES
from patcher.errors import InternalError, Mismatch
from patcher.publish.patches import encode
from patcher.publish.store import CHUNK_BYTES, read_range

FileSlice = tuple[str, int, int]
"""Path of a file, offset, length."""


class PathByRoot(Protocol):
    """Root to a file with this content, for every content of the manifests."""

    def __getitem__(self, root: bytes) -> str:
        """Raises KeyError."""


_HEAD_BYTES = 1 + 32
_ENDED = "A worker process ended; it may have run out of memory. Fewer --jobs need less."
_AHEAD = 2
"""Tasks a worker may have, finished ones included: a slow disk would otherwise let results fill our memory."""
_CLOSE_BYTES = 4 * 1024
"""A rebased delta that is smaller, or uses mostly files without a map, is also made without maps."""


class WorkItem(Protocol):
    """A file to be made by a worker."""

    @property
    def result(self) -> Path:
        """The path of the file."""

    @property
    def size_bytes(self) -> int:
        """Its share of the work."""

    def make(self) -> bytes:
        """The content of the file. Runs in the worker. Raises EOFError if a source is too short, OSError."""


Task = TypeVar("Task", bound=WorkItem)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class WindowTask:
    """A `WindowFile` to make: the new bytes, and the old ones that it is made from, side by side.

    ``old`` is None for a window of a full pack. If old files are rebased, ``plain`` names the same bytes unchanged.
    """

    new: tuple[FileSlice, ...]
    old: tuple[FileSlice, ...] | None
    result: Path
    plain: tuple[FileSlice, ...] | None = None
    is_quick: bool = False

    @property
    def size_bytes(self) -> int:
        """Length of the new bytes."""
        return sum(length for _, _, length in self.new)

    @property
    def source_bytes(self) -> int:
        """Length of all bytes that it is made from."""
        return self.size_bytes + sum(length for _, _, length in (*(self.old or ()), *(self.plain or ())))

    def sources(self) -> "WindowSources":
        """What the files have of it. Raises EOFError if one is too short, OSError."""
        rebased = [old[2] for old, plain in zip(self.old or (), self.plain or (), strict=False) if old != plain]
        mostly = 4 * sum(rebased) >= sum(length for _, _, length in self.old or ())
        old = None if self.old is None else _read(self.old)
        plain = None if self.plain is None else partial(_read, self.plain)
        return WindowSources(_read(self.new), old, plain, mostly, self.is_quick)

    def make(self) -> bytes:
        """The content of the file. Raises EOFError if a source is too short, OSError."""
        return self.sources().make()


@dataclass(frozen=True, slots=True)
class WindowSources:
    """The bytes of a `WindowTask`, without its files, so that another machine can make the window.

    ``plain`` reads the old bytes without maps, which are not always needed.
    """

    new: bytes
    old: bytes | None
    plain: Callable[[], bytes] | None
    is_mostly_rebased: bool
    is_quick: bool

    def make(self) -> bytes:
        """The window made with maps, or without them if that is smaller and was worth trying."""
        codec, data = encode.make_window(self.new, self.old, is_quick=self.is_quick)
        if self.plain is not None:
            is_clear = codec == HDIFF and len(data) >= _CLOSE_BYTES and self.is_mostly_rebased
            codec = HDIFF_REBASED if codec == HDIFF else codec
            if not is_clear:
                plain = encode.make_window(self.new, self.plain())
                codec, data = min(plain, (codec, data), key=lambda form: len(form[1]))
        return bytes([codec]) + hashlib.sha256(self.new).digest() + data


class Cluster(Protocol):
    """Workers on other machines."""

    def made(self, tasks: Iterable[WindowTask]) -> Iterator[tuple[WindowTask, bytes]]:
        """Each window as soon as it is made. Raises EOFError if a source is too short, OSError, OriginError."""


@dataclass(frozen=True, slots=True)
class WindowFile:
    """A finished window on disk: its codec, the SHA-256 of its output, and where in the file its bytes are."""

    path: Path
    codec: int
    sha256: bytes
    length: int
    offset: int = _HEAD_BYTES

    @classmethod
    def read(cls, path: Path) -> "WindowFile":
        """The window in a file of a `WindowTask`: codec, SHA-256 and bytes. Raises DiskError."""
        with beneath.translated(path), path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            return cls(path, head[0], head[1:], path.stat().st_size - _HEAD_BYTES)

    def chunks(self) -> Iterator[bytes]:
        """Its bytes. Raises DiskError."""
        with beneath.translated(self.path), self.path.open("rb") as file:
            file.seek(self.offset)
            for at in range(0, self.length, CHUNK_BYTES):
                yield file.read(min(CHUNK_BYTES, self.length - at))


def run(tasks: Iterable[WorkItem], jobs: int, done: Callable[[int], None]) -> None:
    """Make the files that do not exist yet. ``done`` is called with the size of each.

    Raises Mismatch if a source is too short, DiskError, InternalError.
    """
    todo = _todo(tasks, done)
    first = [*islice(todo, 2)]
    alone = len(first) == 1 and first[0].size_bytes <= WINDOW_BYTES  # a process would take longer to start
    _keep(_made(chain(first, todo), 1 if alone else jobs), done)


def run_remote(cluster: Cluster, tasks: Iterable[WindowTask], done: Callable[[int], None]) -> None:
    """Like `run`, by the workers of a cluster. Raises OriginError, too."""
    _keep(cluster.made(_todo(tasks, done)), done)


def in_worker(work: Callable[..., Result], *arguments: object) -> Result:
    """Do work in a worker of its own, which gives its memory back. Raises what it raises, InternalError."""
    with processes.pool(1) as pool:
        try:
            return pool.submit(work, *arguments).result()
        except BrokenProcessPool as error:
            raise InternalError("internal.failure", _ENDED) from error


def _todo(tasks: Iterable[Task], done: Callable[[int], None]) -> Iterator[Task]:
    for task in tasks:
        if task.result.is_file():
            done(task.size_bytes)
        else:
            yield task


def _keep(found: Iterator[tuple[Task, bytes]], done: Callable[[int], None]) -> None:
    try:
        for task, made in found:
            disk.make_folder(task.result.parent)
            disk.write_atomic(task.result, made)
            done(task.size_bytes)
    except EOFError as error:
        raise Mismatch(f"{error} is shorter than it should be", path=str(error)) from error


def _made(tasks: Iterable[WorkItem], jobs: int) -> Iterator[tuple[WorkItem, bytes]]:
    if jobs < 2:
        for task in tasks:
            with beneath.translated(task.result):
                yield task, task.make()
        return
    left, others = iter(tasks), set(multiprocessing.active_children())
    with processes.pool(jobs) as pool:
        try:
            futures = {pool.submit(task.make): task for task in islice(left, jobs * _AHEAD)}
            while futures:
                for future in wait(futures, return_when=FIRST_COMPLETED).done:
                    task = futures.pop(future)
                    with beneath.translated(task.result):
                        yield task, future.result()
                    futures |= {pool.submit(task.make): task for task in islice(left, 1)}
        except BrokenProcessPool as error:
            raise InternalError("internal.failure", _ENDED) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in set(multiprocessing.active_children()) - others:
                worker.kill()
            raise


def _read(slices: Sequence[FileSlice]) -> bytes:
    pieces = []
    for path, offset, length in slices:
        pieces.append(read_range(path, offset, length))
        if len(pieces[-1]) != length:
            raise EOFError(path)
    return b"".join(pieces)

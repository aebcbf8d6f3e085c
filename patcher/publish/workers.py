"""Windows of packs made by worker processes: spawned, gone when we are, and killed at once when we are stopped."""

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from patcher import disk, processes
from patcher.content import delta
from patcher.errors import ContentError, InternalError
from patcher.publish.store import CHUNK_BYTES

Slice = tuple[str, int, int]
"""Path of a file, offset, length."""

_HEAD_BYTES = 1 + 32


@dataclass(frozen=True, slots=True)
class Task:
    """One window to make: the bytes it gives, those it is cut against, side by side, and the file for the result.

    ``old`` is None for a window of a full pack.
    """

    new: tuple[Slice, ...]
    old: tuple[Slice, ...] | None
    result: Path

    @property
    def output_bytes(self) -> int:
        """Length of the new bytes."""
        return sum(length for _, _, length in self.new)


@dataclass(frozen=True, slots=True)
class WindowFile:
    """A made window on disk: its codec, the SHA-256 of what it gives, then its bytes."""

    path: Path
    codec: int
    sha256: bytes
    length: int

    @classmethod
    def read(cls, path: Path) -> "WindowFile":
        """Raises DiskError."""
        with disk.translated(path), path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            return cls(path, head[0], head[1:], path.stat().st_size - _HEAD_BYTES)

    def chunks(self) -> Iterator[bytes]:
        """Its bytes. Raises DiskError."""
        with disk.translated(self.path), self.path.open("rb") as file:
            file.seek(_HEAD_BYTES)
            while data := file.read(CHUNK_BYTES):
                yield data


def run(tasks: Sequence[Task], jobs: int, done: Callable[[int], None]) -> None:
    """Make every window that is not there yet; ``done`` is told the output bytes of each.

    Raises ContentError (content.mismatch) when a file is shorter than it should be, DiskError, InternalError.
    """
    todo = []
    for task in tasks:
        if task.result.is_file():
            done(task.output_bytes)
        else:
            todo.append(task)
    try:
        for task, made in _made(todo, min(jobs, len(todo))):
            disk.make_folder(task.result.parent)
            disk.write_atomic(task.result, made)
            done(task.output_bytes)
    except EOFError as error:
        raise ContentError("content.mismatch", f"{error} is shorter than it should be", path=str(error)) from error


def _made(tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Task, bytes]]:
    if jobs < 2:
        for task in tasks:
            with disk.translated(task.result):
                yield task, _make(task)
        return
    others = set(multiprocessing.active_children())
    with processes.pool(jobs) as pool:
        try:
            futures = {pool.submit(_make, task): task for task in tasks}
            for future in as_completed(futures):
                with disk.translated(futures[future].result):
                    yield futures.pop(future), future.result()
        except BrokenProcessPool as error:
            message = "A worker process ended; it may have run out of memory. Fewer --jobs need less."
            raise InternalError("internal.failure", message) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in set(multiprocessing.active_children()) - others:
                worker.kill()
            raise


def _make(task: Task) -> bytes:
    """The content of a `WindowFile`. Runs in a worker."""
    new, old = _read(task.new), None if task.old is None else _read(task.old)
    codec, data = delta.make(new, old)
    return bytes([codec]) + hashlib.sha256(new).digest() + data


def _read(slices: Sequence[Slice]) -> bytes:
    pieces = []
    for path, offset, length in slices:
        with Path(path).open("rb") as file:
            file.seek(offset)
            pieces.append(file.read(length))
        if len(pieces[-1]) != length:
            raise EOFError(path)
    return b"".join(pieces)

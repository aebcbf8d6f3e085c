"""Worker processes that make the files of a pack. They are spawned, end with us, and are killed when we are stopped."""

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from patcher import beneath, disk, processes
from patcher.content.codec import HDIFF, HDIFF_REBASED, WINDOW_BYTES
from patcher.errors import InternalError, Mismatch
from patcher.publish.patches import encode
from patcher.publish.store import CHUNK_BYTES, read_range

FileSlice = tuple[str, int, int]
"""Path of a file, offset, length."""

_HEAD_BYTES = 1 + 32
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

    def make(self) -> bytes:
        """The window made with maps, or without them if that is smaller and was worth trying."""
        new = _read(self.new)
        codec, data = encode.make_window(new, None if self.old is None else _read(self.old), is_quick=self.is_quick)
        if self.old is not None and self.plain is not None:
            rebased = [old[2] for old, plain in zip(self.old, self.plain, strict=True) if old != plain]
            mostly = 4 * sum(rebased) >= sum(length for _, _, length in self.old)
            is_clear = codec == HDIFF and len(data) >= _CLOSE_BYTES and mostly
            codec = HDIFF_REBASED if codec == HDIFF else codec
            if not is_clear:
                plain = encode.make_window(new, _read(self.plain))
                codec, data = min(plain, (codec, data), key=lambda form: len(form[1]))
        return bytes([codec]) + hashlib.sha256(new).digest() + data


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


def run(tasks: Sequence[WorkItem], jobs: int, done: Callable[[int], None]) -> None:
    """Make the files that do not exist yet. ``done`` is called with the size of each.

    Raises Mismatch if a source is too short, DiskError, InternalError.
    """
    todo = []
    for task in tasks:
        if task.result.is_file():
            done(task.size_bytes)
        else:
            todo.append(task)
    try:
        alone = len(todo) == 1 and todo[0].size_bytes <= WINDOW_BYTES  # a process would take longer to start
        for task, made in _made(todo, 1 if alone else jobs):
            disk.make_folder(task.result.parent)
            disk.write_atomic(task.result, made)
            done(task.size_bytes)
    except EOFError as error:
        raise Mismatch(f"{error} is shorter than it should be", path=str(error)) from error


def _made(tasks: Sequence[WorkItem], jobs: int) -> Iterator[tuple[WorkItem, bytes]]:
    if jobs < 2:
        for task in tasks:
            with beneath.translated(task.result):
                yield task, task.make()
        return
    others = set(multiprocessing.active_children())
    with processes.pool(jobs) as pool:
        try:
            left = iter(tasks)
            futures = {pool.submit(task.make): task for task in islice(left, jobs * _AHEAD)}
            while futures:
                for future in wait(futures, return_when=FIRST_COMPLETED).done:
                    task = futures.pop(future)
                    with beneath.translated(task.result):
                        yield task, future.result()
                    futures |= {pool.submit(task.make): task for task in islice(left, 1)}
        except BrokenProcessPool as error:
            message = "A worker process ended; it may have run out of memory. Fewer --jobs need less."
            raise InternalError("internal.failure", message) from error
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

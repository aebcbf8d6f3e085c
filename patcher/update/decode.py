"""Decodes windows in worker processes with bounded memory: the worst that a hostile delta can do is end a worker.

The bytes of a window were checked against the signed pack before. Its output is compared with the signed hash before
any of it is written.
"""

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache, partial
from io import BytesIO
from typing import TYPE_CHECKING, Self

from patcher import beneath, disk, processes
from patcher.beneath import Where
from patcher.content import codec  # and no more: what a decoder imports it pays for at each start
from patcher.errors import ContentError

if TYPE_CHECKING:
    from patcher.content.native.rebase import Rebased

WORKERS = 2
MEMORY_BYTES = 512 << 20
"""Four windows of old bytes, one of output, and the dictionary and copies of the decoders, with room to spare."""
_REBASED = 2
"""Old files that a worker keeps open for its next window. Each takes 16 MiB."""
_PORTION_BYTES = 1 << 20
_AHEAD = 2
"""Windows handed out for each worker; more would only fill memory."""

Slice = tuple[Where, int, int]
"""A file, offset, length."""


@dataclass(frozen=True, slots=True)
class Map:
    """The address map through which an old file of ``file_bytes`` is read."""

    filter: str
    data: bytes | Slice
    sha256: bytes
    file_bytes: int


Old = tuple[Slice, Map | None]
"""A stretch of an old file, and the map through which it is read, if any."""


@dataclass(frozen=True, slots=True)
class OutputRange:
    """Where a stretch of a window's output goes. ``file`` is None when the stretch is not needed."""

    file: Where | None
    size_bytes: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Task:
    """One window: its bytes (or where they are), the old stretches it reads, and the places of its output, in order."""

    codec: int
    data: bytes | Slice
    old: tuple[Old, ...]
    new: tuple[OutputRange, ...]
    output_bytes: int
    sha256: bytes


class Decoders:
    """A few worker processes and the windows on their way to them. A context manager.

    Leaving it abandons what is not decoded: call `poll` until `is_idle` before. It returns when no worker writes.
    """

    def __init__(self, workers: int = WORKERS) -> None:
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None
        self._waiting: deque[Task] = deque()
        self._running: dict[Future[int], Task] = {}
        self.done_bytes = 0
        """Output of the windows that are decoded."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._pool is not None:
            for future in self._running:
                future.cancel()
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    @property
    def is_idle(self) -> bool:
        """Whether every window is decoded."""
        return not self._waiting and not self._running

    def add(self, task: Task) -> None:
        """Decode a window as soon as a worker is free."""
        self._waiting.append(task)
        self.poll()

    def poll(self) -> None:
        """Take finished results and hand out more windows. Raises ContentError (content.window), DiskError."""
        for future in [future for future in self._running if future.done()]:
            del self._running[future]
            self.done_bytes += _result(future)
        while self._waiting and len(self._running) < self._workers * _AHEAD:
            if self._pool is None:
                self._pool = processes.pool(self._workers, MEMORY_BYTES)
            task = self._waiting.popleft()
            try:
                self._running[self._pool.submit(decode, task)] = task
            except BrokenProcessPool as error:
                raise _died() from error


def decode(task: Task) -> int:
    """Runs in a worker. Returns the bytes of the output. Raises ContentError, DiskError."""
    if task.codec in {codec.COPY, codec.COPY_REBASED}:
        return _copy(task)
    _apply(task)
    _tidy(task)
    return task.output_bytes


def _apply(task: Task) -> None:
    _tidy(task)
    old = _read(*task.old)
    _tidy(task)
    output = memoryview(codec.apply(task.codec, _held(task.data), old, task.output_bytes, task.sha256))
    for place in task.new:
        if place.file:
            with disk.Staged(place.file, place.size_bytes) as staged:
                staged.write(place.offset, output[: place.length])
        output = output[place.length :]


def _tidy(task: Task) -> None:
    """Give memory back: moving addresses leaves it in pieces that are too small for the bytes of a window."""
    if _rebased.cache_info().currsize or any(by for _, by in task.old):
        processes.trim_heap()


def _copy(task: Task) -> int:
    """Copy each old range to its place, however large it is. The roots of the files say later whether it was right."""
    for place, (where, by) in zip(task.new, task.old, strict=True):
        if place.file:
            with disk.Staged(place.file, place.size_bytes) as staged:
                if by is None:
                    _copy_plain(where, staged, place.offset)
                else:
                    for at, data in _rebased_bytes(where, by):
                        staged.write(place.offset + at, data)
    return task.output_bytes


def _copy_plain(where: Slice, staged: disk.Staged, to: int) -> None:
    path, offset, length = where
    with beneath.translated(path), beneath.open_file(path) as source:
        disk.copy_range(source, offset, staged, to, length)


def _held(data: bytes | Slice) -> bytes:
    return data if isinstance(data, bytes) else _read((data, None))


def _read(*stretches: Old) -> bytes:
    """The stretches side by side, read straight into the buffer that becomes the result.

    The first touch of fresh memory costs more than reading, and joining parts would touch twice as much.
    """
    joined = BytesIO()
    if total := sum(length for (_, _, length), _ in stretches):
        joined.seek(total - 1)
        joined.write(b"\0")
    at = 0
    with joined.getbuffer() as room:
        for where, by in stretches:
            _fill(room[at : at + where[2]], where, by)
            at += where[2]
    return joined.getvalue()


def _fill(room: memoryview, where: Slice, by: Map | None) -> None:
    """Read a stretch into ``room``. Where the file is too short, the room keeps its bytes."""
    if by is None:
        path, offset, _ = where
        with beneath.translated(path), beneath.open_file(path) as file:
            file.seek(offset)
            while room and (count := file.readinto(room)):
                room = room[count:]
        return
    for at, data in _rebased_bytes(where, by):
        room[at : at + len(data)] = data


def _rebased_bytes(where: Slice, by: Map) -> Iterator[tuple[int, bytes]]:
    """A stretch of an old file with its addresses moved, in portions: offset in the stretch, and bytes."""
    path, offset, length = where
    for at in range(0, length, _PORTION_BYTES):
        yield at, _rebased(path, by).read(offset + at, min(_PORTION_BYTES, length - at))


@lru_cache(_REBASED)
def _rebased(path: Where, by: Map) -> "Rebased":
    """The old file as the map moves it. Cached, since the next windows usually read the same file."""
    from patcher.content.native.rebase import Rebased

    data = _held(by.data)
    if hashlib.sha256(data).digest() != by.sha256:
        raise ContentError("content.window", "An address map of a patch is not as signed.")
    return Rebased(partial(_read_at, path), by.file_bytes, by.filter, data)


def _read_at(path: Where, offset: int, length: int) -> bytes:
    with beneath.translated(path), beneath.open_file(path) as file:
        file.seek(offset)
        return file.read(length)


def _result(future: "Future[int]") -> int:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise _died() from error
    except MemoryError as error:
        raise ContentError("content.window", "A window of a patch needs more memory than it may.") from error


def _died() -> ContentError:
    return ContentError("content.window", "A decoder ended over a window of a patch.")

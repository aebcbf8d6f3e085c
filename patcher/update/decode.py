"""Windows are decoded in processes of their own with a bound on their memory: a hostile delta ends a worker, no more.

The bytes of a window were checked against the signed pack before they come here, and what comes out is compared with
the signed hash of the output before any of it is written.
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
"""Old files that a worker keeps open for its next window, 16 MiB of each."""
_PORTION_BYTES = 1 << 20
_AHEAD = 2
"""Windows a worker may have waiting; more would only fill memory."""

Slice = tuple[Where, int, int]
"""A file, offset, length."""


@dataclass(frozen=True, slots=True)
class Map:
    """The address map by which an old file of ``file_bytes`` is read: its bytes, or where they are."""

    filter: str
    data: bytes | Slice
    sha256: bytes
    file_bytes: int


Old = tuple[Slice, Map | None]
"""A stretch of an old file, and the map by which it is read, if any."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where a stretch of a window's output goes. Without a file nobody needs it."""

    file: Where | None
    size_bytes: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Task:
    """One window: its bytes (or where they are), what it is cut against, and where its output goes, all in order."""

    codec: int
    data: bytes | Slice
    old: tuple[Old, ...]
    new: tuple[Output, ...]
    output_bytes: int
    sha256: bytes


class Decoders:
    """A few workers and the windows on their way to them. Use as a context manager; leaving it well waits for all."""

    def __init__(self, workers: int = WORKERS) -> None:
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None
        self._waiting: deque[Task] = deque()
        self._running: dict[Future[int], Task] = {}
        self.done_bytes = 0
        """Output of the windows that are done."""

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
        """Nothing waits, nothing runs."""
        return not self._waiting and not self._running

    def add(self, task: Task) -> None:
        """Decode a window as soon as a worker is free."""
        self._waiting.append(task)
        self.look()

    def look(self) -> None:
        """Take what is done and hand out what waits. Raises ContentError (content.window), DiskError."""
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
    """Moving addresses leaves memory in pieces, none large enough for a window's bytes: better give it back."""
    if _rebased.cache_info().currsize or any(by for _, by in task.old):
        processes.trim_heap()


def _copy(task: Task) -> int:
    """Put each old range where the new one stands, however large; the files' own roots say whether it was right."""
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
    """The stretches side by side. Read straight into one buffer, whose bytes become the result: the first touch of
    fresh memory costs more than the reading, and joining pieces would touch twice as much.
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
    """What a file is too short for stays as it is."""
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
    """A stretch of an old file as a map moves it, by portions: how far in each begins, and its bytes."""
    path, offset, length = where
    for at in range(0, length, _PORTION_BYTES):
        yield at, _rebased(path, by).read(offset + at, min(_PORTION_BYTES, length - at))


@lru_cache(_REBASED)
def _rebased(path: Where, by: Map) -> "Rebased":
    """Kept, since the next windows mostly lean on the same file."""
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

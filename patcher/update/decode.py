"""Windows are decoded in processes of their own with a bound on their memory: a hostile delta ends a worker, no more.

The bytes of a window were checked against the signed pack before they come here, and what comes out is compared with
the signed hash of the output before any of it is written.
"""

from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Self

from patcher import disk, processes
from patcher.content import codec  # and no more: what a decoder imports it pays for at each start
from patcher.errors import ContentError

WORKERS = 2
MEMORY_BYTES = 512 << 20
"""Four windows of old bytes, one of output, and the dictionary and copies of the decoders, with room to spare."""
_AHEAD = 2
"""Windows a worker may have waiting; more would only fill memory."""

Slice = tuple[str, int, int]
"""Path of a file, offset, length."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where a stretch of a window's output goes. Without a path nobody needs it."""

    path: str
    size_bytes: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Task:
    """One window: its bytes (or where they are), what it is cut against, and where its output goes, all in order."""

    codec: int
    data: bytes | Slice
    old: tuple[Slice, ...]
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
    if task.codec == codec.COPY:
        return _copy(task)
    data = task.data if isinstance(task.data, bytes) else _read(task.data)
    output = memoryview(codec.apply(task.codec, data, _read(*task.old), task.output_bytes, task.sha256))
    for place in task.new:
        if place.path:
            with disk.Staged(Path(place.path), place.size_bytes) as staged:
                staged.write(place.offset, output[: place.length])
        output = output[place.length :]
    return task.output_bytes


def _copy(task: Task) -> int:
    """Put each old range where the new one stands, however large; the files' own roots say whether it was right."""
    for place, (path, offset, length) in zip(task.new, task.old, strict=True):
        if place.path:
            with disk.translated(Path(path)), Path(path).open("rb", buffering=0) as source:
                with disk.Staged(Path(place.path), place.size_bytes) as staged:
                    disk.copy_range(source, offset, staged, place.offset, length)
    return task.output_bytes


def _read(*slices: Slice) -> bytes:
    """The slices side by side. Read straight into one buffer, whose bytes become the result: the first touch of fresh
    memory costs more than the reading, and joining pieces would touch twice as much.
    """
    joined = BytesIO()
    if total := sum(length for _, _, length in slices):
        joined.seek(total - 1)
        joined.write(b"\0")
    at = 0
    with joined.getbuffer() as room:
        for path, offset, length in slices:
            with disk.translated(Path(path)), Path(path).open("rb") as file:
                file.seek(offset)
                file.readinto(room[at : at + length])
            at += length
    return joined.getvalue()


def _result(future: "Future[int]") -> int:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise _died() from error
    except MemoryError as error:
        raise ContentError("content.window", "A window of a patch needs more memory than it may.") from error


def _died() -> ContentError:
    return ContentError("content.window", "A decoder ended over a window of a patch.")

"""Worker processes: spawned and never forked, ended with their parent, and bounded in memory on request."""

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from patcher import private, windows

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

Result = TypeVar("Result")

_MAX_WORKERS = 61 if sys.platform == "win32" else sys.maxsize
"""Windows waits for at most 64 handles at a time, and a pool needs some of its own."""
_STACK_BYTES = 8 << 20
_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8
"""Parameters of mallopt(3)."""


def pool(count: int, memory_bytes: int = 0) -> "ProcessPoolExecutor":
    """A pool of at most ``count`` workers, started when they are needed. Use it as a context manager.

    Workers inherit the environment, so secrets are removed from it first. Each worker imports the caller's module.

    ``memory_bytes`` bounds the memory of a worker beyond its size at start, on Linux and Windows. An allocation above
    it fails, which ends a worker in native code. On Linux a bounded worker keeps freed memory until it ends.
    """
    import multiprocessing  # a window opens without them
    from concurrent.futures import ProcessPoolExecutor

    private.forget_secrets()
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(min(count, _MAX_WORKERS), context, initializer=_begin, initargs=(memory_bytes,))


def set_stacks() -> None:
    """Give each thread that begins from now on 8 MB for its calls, of which the system lends what is used.

    To read a small document that is nested without end takes 3 MB on Windows, whose threads have 2 MB otherwise.
    """
    threading.stack_size(_STACK_BYTES)


def with_stack(work: Callable[[bytes], Result], data: bytes) -> Result:
    """Do work that calls itself as deep as the data says, outside a program's first thread: its stack may be small."""
    if threading.current_thread() is not threading.main_thread():
        return work(data)
    from concurrent.futures import ThreadPoolExecutor

    set_stacks()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work, data).result()


def limit_heaps() -> None:
    """Have glibc keep two heaps instead of one for each thread, for a process whose threads are mostly idle."""
    _c("mallopt", _M_ARENA_MAX, 2)


def trim_heap() -> None:
    """Have glibc return freed memory to the system."""
    _c("malloc_trim", 0)


def _begin(memory_bytes: int) -> None:
    """Start a worker: ignore Ctrl-C, end with the parent however it ends, and bound the memory."""
    import multiprocessing
    from multiprocessing import connection

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        with contextlib.suppress(OSError):
            connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy would take memory for one thread a core
    if memory_bytes and sys.platform == "linux":
        import resource

        here_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limit = here_bytes + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        _keep_memory()
    elif memory_bytes and sys.platform == "win32":
        windows.limit_memory(memory_bytes)


def _keep_memory() -> None:
    """Have glibc keep freed memory for the next task: fresh pages cost a decoder a fifth of its time.

    The peak of a worker stays the same.
    """
    _c("mallopt", _M_MMAP_MAX, 0)
    _c("mallopt", _M_TRIM_THRESHOLD, 2**31 - 1)


def _c(name: str, *numbers: int) -> None:
    """Call a function of the C library if it has one of this name, as glibc does."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):
            getattr(ctypes.CDLL(None), name)(*numbers)

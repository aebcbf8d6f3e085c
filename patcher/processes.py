"""Worker processes: spawned, never forked; bounded in memory where asked; gone when their parent is."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection
from pathlib import Path

from patcher import private

_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8
"""Of mallopt(3)."""


def pool(count: int, memory_bytes: int = 0) -> ProcessPoolExecutor:
    """At most ``count`` workers, started when they are needed. Use as a context manager.

    A worker inherits our environment, so we forget the secrets in it.

    ``memory_bytes``: what a worker may take beyond what it needs to be there, where the system can bound it; beyond it
    an allocation fails, which ends a worker in native code. A bounded worker keeps what it has had until it ends. Use
    from a module that may be imported again.
    """
    private.forget_secrets()
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, context, initializer=_begin, initargs=(memory_bytes,))


def keep_small() -> None:
    """For a process of many threads, few of which are ever busy: have the C library keep two heaps, not one a thread.

    Without effect where it is not glibc.
    """
    _c("mallopt", _M_ARENA_MAX, 2)


def give_back() -> None:
    """Return to the system what the C library keeps for later, if it is glibc."""
    _c("malloc_trim", 0)


def _begin(memory_bytes: int) -> None:
    """Leave Ctrl-C to the parent, die with it however it dies, and take no more memory than allowed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        with contextlib.suppress(OSError):
            connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy would take memory for as many threads as there are cores
    if memory_bytes and sys.platform == "linux":
        import resource

        here_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limit = here_bytes + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        _keep_memory()


def _keep_memory() -> None:
    """Have the C library keep freed memory for the next task: fresh pages cost a decoder a fifth of its time.

    The most a worker takes at once is the same.
    """
    _c("mallopt", _M_MMAP_MAX, 0)
    _c("mallopt", _M_TRIM_THRESHOLD, 2**31 - 1)


def _c(name: str, *numbers: int) -> None:
    """Call a function of the C library, if it is glibc: others have no such function."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):
            getattr(ctypes.CDLL(None), name)(*numbers)

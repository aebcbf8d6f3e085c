"""What gives the same each time and is costly is done once for many tests: windows, signatures, starting decoders."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from hashlib import sha256
from typing import Any

import pytest
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher import processes
from patcher.publish.patches import encode
from patcher.update.decode import MEMORY_BYTES, WORKERS


class _Lent(Executor):
    """A pool for one job: its end waits for the job's work, and leaves the processes to the next one."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._given: list[Future[Any]] = []

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **words: Any) -> Future[Any]:
        self._given.append(self._pool.submit(work, *arguments, **words))
        return self._given[-1]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        for future in self._given if cancel_futures else ():
            future.cancel()
        if wait:
            futures.wait(self._given)


@contextlib.contextmanager
def decoders() -> Iterator[None]:
    """The engines of this process decode in one pool: starting a worker costs more CPU time than most tests decode.

    It is an ordinary pool: processes, with their bound on memory.
    """
    make = processes.pool
    with make(WORKERS, MEMORY_BYTES) as pool, pytest.MonkeyPatch.context() as patched:
        futures.wait([pool.submit(abs, number) for number in range(WORKERS)])  # all processes and threads are there

        def lend(count: int, memory_bytes: int = 0) -> ProcessPoolExecutor | _Lent:
            return _Lent(pool) if (count, memory_bytes) == (WORKERS, MEMORY_BYTES) else make(count, memory_bytes)

        patched.setattr(processes, "pool", lend)
        yield


@contextlib.contextmanager
def windows() -> Iterator[None]:
    """What is released again and again is packed once: the same bytes make the same window."""
    make, made = encode.make_window, dict[tuple[bytes, bytes | None, bool], tuple[int, bytes]]()

    def remembered(new: bytes, old: bytes | None = None, *, is_quick: bool = False) -> tuple[int, bytes]:
        key = (sha256(new).digest(), None if old is None else sha256(old).digest(), is_quick)
        if key not in made:
            made[key] = make(new, old, is_quick=is_quick)
        return made[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(encode, "make_window", remembered)
        yield


@contextlib.contextmanager
def signatures() -> Iterator[None]:
    """A signature that was found right over the same bytes by the same key is not computed again; a wrong one is."""
    verify, right = SSlibKey._verify, set[tuple[str, str, str, bytes, bytes]]()

    def remembered(key: SSlibKey, signature: bytes, data: bytes) -> None:
        known = (key.keytype, key.scheme, key.keyval["public"], signature, data)
        if known not in right:
            verify(key, signature, data)
            right.add(known)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SSlibKey, "_verify", remembered)
        yield

"""Windows made by the workers of a Dask cluster, for `--executor dask://HOST:PORT`.

The bytes of a window travel with its task, by the scheduler, as workers may not share our disk. A worker's result is
believed like that of a process here: whoever is on the cluster makes the release.
"""

import contextlib
import logging
import platform
import socket
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import metadata
from typing import Any
from urllib.parse import urlsplit

import dask
import distributed

from patcher.errors import OriginError, ShoalError, UsageError
from patcher.publish.patches import encode
from patcher.publish.patches.pool import WindowSources, WindowTask

_CONNECT_S = 15
_PATIENCE_S = 30.0
"""So long a cluster may be without a worker."""
_AHEAD = 2
"""Windows a worker thread may have, those on the way included."""
_AHEAD_BYTES = 1 << 30
"""The sources that may be on the way, or at the scheduler: those of 10 to 60 windows."""

_Versions = dict[str, str]


class DaskCluster:
    """A `pool.Cluster`. The windows of a worker that is lost are made by others."""

    def __init__(self, client: Any) -> None:  # hardly any method of Dask's has types
        self._client = client

    def check(self) -> None:
        """Raises UsageError (usage.executor) if a worker has other versions, OriginError if there is no worker."""
        with self._translated():
            self._client.wait_for_workers(1, timeout=_PATIENCE_S)
            for address, found in self._client.run(_versions).items():
                _compare(_versions(), found, address)

    def made(self, tasks: Iterable[WindowTask]) -> Iterator[tuple[WindowTask, bytes]]:
        """Each window as soon as it is made. Raises EOFError if a source is too short, OSError, OriginError."""
        left, waiting = iter(tasks), dict[Any, WindowTask]()
        task = next(left, None)
        while task or waiting:
            most = _AHEAD * max(self._threads(), 1)
            while task and len(waiting) < most and _has_room([*waiting.values(), task]):
                waiting[self._submit(task)] = task
                task = next(left, None)
            for future in self._done([*waiting]):
                with self._translated():
                    data: bytes = future.result()
                yield waiting.pop(future), data

    def _submit(self, task: WindowTask) -> Any:
        sources = task.sources()
        if sources.plain:
            sources = replace(sources, plain=partial(bytes, sources.plain()))
        with self._translated():
            return self._client.submit(_make, sources, _versions(), key=str(task.result), pure=False)

    def _done(self, futures: Sequence[Any]) -> Any:
        wait: Any = distributed.wait
        while True:
            with self._translated():
                try:
                    return wait(futures, _PATIENCE_S, "FIRST_COMPLETED").done
                except TimeoutError:
                    if not self._threads():
                        raise OriginError("origin.cluster", "The cluster has no worker any more.") from None

    def _threads(self) -> int:
        with self._translated():
            return sum(map(int, self._client.nthreads().values()))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ShoalError:
            raise
        except Exception as error:  # what happens to a worker is raised here, whatever it is
            text = str(error).partition("\n")[0] or type(error).__name__
            raise OriginError("origin.cluster", f"The cluster failed: {text}") from error


@contextmanager
def connected(url: str) -> Iterator[DaskCluster]:
    """The cluster of the scheduler at ``dask://HOST:PORT``. With TLS where Dask's own configuration requires it.

    Raises UsageError (usage.executor), OriginError (origin.cluster).
    """
    logging.getLogger("distributed").handlers.clear()  # its failures are raised, too
    scheme = "tls" if dask.config.get("distributed.comm.require-encryption") else "tcp"
    client_of: Any = distributed.Client
    with (
        dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TiB"}),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", distributed.versions.VersionMismatchWarning)  # `check` looks itself
        try:
            host, port = _place(url)
            socket.create_connection((host, port), _CONNECT_S).close()  # Dask would try again and again
            client = client_of(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}", timeout=_CONNECT_S)
        except (OSError, ValueError) as error:
            text = f"There is no Dask scheduler of version {metadata.version('distributed')} at {url}."
            raise OriginError("origin.cluster", text, url=url) from error
        with client:
            cluster = DaskCluster(client)
            cluster.check()
            yield cluster


def _place(url: str) -> tuple[str, int]:
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme == "dask" and parts.hostname and parts.port and not parts.path.strip("/"):
            return parts.hostname, parts.port
    raise UsageError("usage.executor", f"{url!r} is no address of a Dask scheduler.", url=url)


def _has_room(tasks: Sequence[WindowTask]) -> bool:
    return len(tasks) == 1 or sum(task.source_bytes for task in tasks) <= _AHEAD_BYTES


def _versions() -> _Versions:
    """What has to be the same everywhere for windows to be the same."""
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "distributed": metadata.version("distributed"),
        "shoal": metadata.version("shoal"),
        **encode.versions(),
    }


def _compare(ours: _Versions, theirs: _Versions, worker: str) -> None:
    for name, version in ours.items():
        if theirs.get(name) != version:
            text = f"The worker {worker} has {name} {theirs.get(name)}, and this machine {version}."
            raise UsageError("usage.executor", text, worker=worker)


def _make(sources: WindowSources, versions: _Versions) -> bytes:
    """Run by a worker, which may have joined late."""
    _compare(versions, _versions(), distributed.get_worker().address)
    return sources.make()

"""The real engine, made fit for harnesses: its work is done in the caller's thread, its origin is a folder.

Nothing of `patcher` is rewritten. What runs in threads and worker processes runs at once, the web server is a folder in
this process, and a transaction of the registry's file is announced to `disk.hook` like the steps of `patcher.disk`, as
``database(path)``, right before it becomes durable.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
import urllib3

from patcher import config, database, disk, processes
from patcher.config import Home, Settings
from patcher.engine import jobs
from patcher.engine.engine import Engine
from patcher.errors import ShoalError
from patcher.install import launch, scan
from patcher.protocol import commands, events
from patcher.protocol.events import Failed, Failure, Finished
from patcher.transfer import without_peers
from patcher.transfer.origin import http
from patcher.update import download
from patcher.update.planning import local_search
from tests.support.publisher import ORIGIN as URL

End = Finished | Failed


class AtOnce:
    """An executor that does everything when it is asked to, where it is asked to."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def submit(self, work: Callable[..., Any], *arguments: object) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller asks the future for it
            future.set_exception(error)
        return future

    def shutdown(self, **_: bool) -> None:
        """Nothing runs."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass


class FolderOrigin:
    """What a web server at `URL` answers whose files are those of ``folder``."""

    def __init__(self) -> None:
        self.folder = Path()

    def __call__(self, *_: object) -> Self:
        """A connection; one is as good as another."""
        return self

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
        """The answer to a GET, of a range too."""
        assert request.url
        file = self.folder / request.url.removeprefix(f"{URL}/")
        status, body, headers = 404, b"", {}
        if file.is_file():
            status, body = 200, file.read_bytes()
            if wanted := request.headers.get("Range", "").removeprefix("bytes="):
                first, last = map(int, wanted.split("-"))
                headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
                status, body = 206, body[first : last + 1]
        response = requests.Response()
        response.status_code, response.url = status, request.url
        response.headers.update({"Content-Length": str(len(body)), **headers})
        response.raw = urllib3.HTTPResponse(BytesIO(body), status=status, preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is open."""


ORIGIN = FolderOrigin()


def prepare() -> None:
    """Have this process do all work at once, and say nothing. To be called once, before the first `Life`."""
    logging.disable()
    replaced: dict[object, dict[str, object]] = {
        jobs: {"ThreadPoolExecutor": AtOnce},
        scan: {"ThreadPoolExecutor": AtOnce},
        processes: {"pool": AtOnce},
        launch: {"running": lambda folder: ""},  # it reads all of /proc
        http: {
            "_Transport": ORIGIN,
            "tls_context": lambda ca: None,
            "get_environ_proxies": lambda url: {},
        },
        download: {"_LOOK_S": 0.0},
        without_peers: {"CONNECTIONS": 1},  # pieces come in order
        local_search: {"MEND_MIN_BYTES": 64 << 10},
        database: {"opened": _announced(database.opened)},
    }
    for owner, attributes in replaced.items():
        for name, value in attributes.items():
            setattr(owner, name, value)


def _announced(opened: Callable[..., Any]) -> Callable[..., Any]:
    @contextmanager
    def announced(path: Path, *timeout_s: float) -> Iterator[sqlite3.Connection]:
        with opened(path, *timeout_s) as db:
            yield db
            if db.in_transaction:
                disk._step("database", path)

    return announced


class Life(Engine):
    """An engine from its start on; `ends` says how its jobs ended, those that it went on with by itself too."""

    def __init__(self, home: Path) -> None:
        super().__init__(Home(home))
        self.ends: list[End] = []
        self._listeners.append(self._hear)

    def begin(self) -> Self:
        """Start, as the engine's process does, up to where it goes on with interrupted jobs."""
        self.start()
        self._tender.join()
        return self

    def go_on(self) -> Self:
        """The rest of the start."""
        super()._go_on()
        return self

    def obey(self, command: commands.Command) -> End:
        """How the job for the command ends. The tender has a look afterwards."""
        try:
            self.submit(command)
        except ShoalError as error:
            self.ends.append(Failed(0, "", Failure.of(error)))
        self._tend_once()
        return self.ends[-1]

    def _hear(self, event: events.Event) -> None:
        if isinstance(event, End):
            self.ends.append(event)

    def _go_on(self) -> None:
        """Not before it is asked to."""

    def _tend(self) -> None:
        """Once, after each job, and not every five seconds."""

    def _look_around(self) -> None:
        """Not at this machine: the threads of engines that are killed here would look for ever."""


def furnish(home: Path) -> None:
    """A new home of somebody who asks no peers."""
    home.mkdir()
    config.save(Home(home), Settings(peers="none"))

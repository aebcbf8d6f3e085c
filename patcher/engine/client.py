"""A client's handle on the engine: connects to it, or starts it. The same interface as `patcher.engine.engine.Engine`.

Every client, window or command line, is an equal client: it may come and go while a job runs.
"""

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import AuthenticationError, connection
from pathlib import Path
from typing import Any

import patcher
from patcher import config, disk, private, programs, strict_json
from patcher.closing import Closing
from patcher.config import Home
from patcher.errors import DiskError, EngineLost, InternalError, ShoalError, UsageError
from patcher.protocol import commands, events, wire

_START_S = 60.0
"""How long an engine may take to begin, on a busy computer. One that ends before that is seen at once."""
_RETRY_S = 5.0
_POLL_S = 0.05
_ANSWER_S = 60.0
"""How long an engine may take to answer. It may have to finish an interrupted commit first."""
_ADDRESS_BYTES = 4096


class RemoteError(ShoalError):
    """An error that the engine reported, with its code, texts and exit code."""

    def __init__(self, failure: events.Failure) -> None:
        Exception.__init__(self, failure.message)
        self.code, self.message, self.safe, self.hint = failure.code, failure.message, failure.safe, failure.hint
        self.facts = failure.facts
        self.exit_code = failure.exit_code  # type: ignore[misc]  # known for each error here, not for the class


class Client(Closing):
    """One connection for calls and, once `listen` is called, one for events.

    Any call raises EngineLost when the engine is gone; make a new client then.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._calls = _connect(home)
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None
        self._wake, self._waker = connection.Pipe(duplex=False)

    def snapshot(self) -> events.Snapshot:
        """Everything that a client shows."""
        snapshot = wire.from_json(json.dumps(self._call({"call": "snapshot"})).encode())
        assert isinstance(snapshot, events.Snapshot)
        return snapshot

    def submit(self, command: commands.Command, *, again: bool = False) -> int:
        """Ask for something; returns the number of the job. Raises RemoteError if the engine refuses.

        ``again``: an engine that was lost had it already. The job goes on; if it has ended, its end is told once more.
        """
        return int(self._call({"call": "submit", "wish": json.loads(wire.to_json(command)), "again": again}))

    def listen(self, callback: Callable[[events.Event | None], None]) -> None:
        """Call ``callback`` for each event, in a thread of the client, and once with None when the engine is lost."""
        stream = _connect(self._home)
        _exchange(stream, {"call": "listen"})
        self._reader = threading.Thread(target=self._read, args=(stream, callback), name="events", daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Close both connections. The engine goes on with its jobs."""
        with contextlib.suppress(OSError):
            self._waker.send_bytes(b"x")
        if self._reader and self._reader is not threading.current_thread():
            self._reader.join()
        for end in (self._calls, self._wake, self._waker):
            end.close()

    def _call(self, request: dict[str, object]) -> Any:
        with self._lock:
            answer = _exchange(self._calls, request)
        if "error" in answer:
            raise RemoteError(wire.from_json(json.dumps(answer["error"]).encode()))
        return answer["ok"]

    def _read(self, stream: connection.Connection, callback: Callable[[events.Event | None], None]) -> None:
        with stream:
            while self._wake not in connection.wait([stream, self._wake]):
                try:
                    event = wire.from_json(stream.recv_bytes(wire.MAX_BYTES))
                except (EOFError, OSError, ValueError):  # gone, or speaks another language after all
                    callback(None)
                    return
                callback(event)


def is_running(home: Home) -> bool:
    """Whether the home has an engine. Raises InternalError (internal.engine_silent)."""
    if found := _try(home):
        found[0].close()
    return found is not None


def end_engine(home: Home) -> int:
    """Ask the home's engine to end, as a signal would: jobs are interrupted and go on later.

    Returns the number of its process when it has agreed, 0 if there is none. Raises InternalError
    (internal.engine_silent), EngineLost.
    """
    found = _try(home)
    if found is None:
        return 0
    calls, hello = found
    with calls:
        _exchange(calls, {"call": "end"})
    return int(hello["pid"])


def _exchange(calls: connection.Connection, request: dict[str, object]) -> dict[str, Any]:
    try:
        calls.send_bytes(json.dumps(request).encode())
        answer: dict[str, Any] = _read(calls)
    except (EOFError, OSError, ValueError) as error:
        calls.close()  # an answer that comes too late must not be taken for the next one
        raise EngineLost from error
    return answer


def _read(calls: connection.Connection) -> Any:
    _await(calls)
    return strict_json.loads(calls.recv_bytes(wire.MAX_BYTES), wire.MAX_BYTES)


def _await(calls: connection.Connection) -> None:
    """Raises TimeoutError when nothing comes."""
    if not calls.poll(_ANSWER_S):
        raise TimeoutError("The engine does not answer")


def _connect(home: Home) -> connection.Connection:
    """A connection to the home's engine. If none answers, one is started."""
    home.check()
    start_s = 0.0
    for _ in range(int(_START_S / _POLL_S)):  # not by the clock: it runs while this process is stopped, or has no turn
        found = _try(home)
        if found is not None:
            if _agrees(*found):
                return found[0]
            found[0].close()
        elif time.monotonic() >= start_s:
            _start(home)
            start_s = time.monotonic() + _RETRY_S
        time.sleep(_POLL_S)
    if disk.free_bytes(home.root) < config.RESERVE_BYTES:
        raise DiskError("disk.full", f"The engine does not start: {home.root} is full.", path=str(home.root))
    raise EngineLost("The engine did not start.", log=str(home.root / "engine.err"))


def _try(home: Home) -> tuple[connection.Connection, dict[str, Any]] | None:
    """A connection to the engine whose address lies in the home, and its hello. None when there is no such engine.

    The address proves nothing: the process that answers must be of our user and know the key.
    Raises InternalError (internal.engine_silent).
    """
    said: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        try:
            said = strict_json.load(home.address, _ADDRESS_BYTES)
            key = bytes.fromhex(said["key"])
            calls = stack.enter_context(_dial(str(said["address"])))
            if not private.is_served_by_user(calls.fileno()):
                return None
            _await(calls)
            connection.answer_challenge(calls, key)
            connection.deliver_challenge(calls, key)
            hello: dict[str, Any] = _read(calls)
        except (TimeoutError, BlockingIOError) as error:
            text = f"The engine (process {said.get('pid')}) does not answer."
            raise InternalError("internal.engine_silent", text, log=str(home.log)) from error
        except (OSError, ValueError, KeyError, TypeError, EOFError, AuthenticationError, AssertionError):
            return None
        stack.pop_all()
        return calls, hello


def _dial(address: str) -> connection.Connection:
    """Open a local socket in a private folder of this user, or a pipe of this machine; no engine has another address.

    Raises OSError, ValueError; TimeoutError or BlockingIOError for a socket that is there and says nothing.
    """
    if sys.platform == "win32":
        if not address.startswith("\\\\.\\pipe\\"):
            raise ValueError("The address is not a pipe's")
        return connection.Client(address)  # waits for a free end no longer than 20 seconds
    if not os.path.isabs(address) or not private.is_private(Path(os.path.realpath(os.path.dirname(address)))):
        raise ValueError("The address is not in a private folder")
    with socket.socket(socket.AF_UNIX) as door:
        limit = struct.pack("ll", int(_ANSWER_S), int(_ANSWER_S % 1 * 1e6))
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            door.setsockopt(socket.SOL_SOCKET, option, limit)  # the library's handshake has no deadline of its own
        door.connect(address)
        return connection.Connection(door.detach())


def _agrees(calls: connection.Connection, hello: dict[str, Any]) -> bool:
    """Whether the engine has our version. An engine of another version is asked to make room.

    Raises InternalError (internal.version) if it is at work, or newer and serves others.
    """
    try:
        if hello["version"] == patcher.__version__:
            return True
        calls.send_bytes(json.dumps({"call": "retire", "version": patcher.__version__}).encode())
        makes_room = _read(calls)["ok"]
    except (EOFError, OSError, ValueError, KeyError, TypeError):
        return False
    if not makes_room:
        text = f"An engine of version {hello['version']} is at work."
        raise InternalError("internal.version", text, engine=hello["version"], mine=patcher.__version__)
    return False


def _start(home: Home) -> None:
    """Start an engine that outlives this client. If two are started, the one that does not get the lock ends."""
    place = next(folder for folder in (home.root, *home.root.parents) if folder.exists())
    if not os.access(place, os.W_OK):
        raise UsageError("usage.argument", f"The home folder {home.root} cannot be written.", path=str(home.root))
    home.make()
    _spawn(home)


def _spawn(home: Home) -> None:
    """Start the process, and wait until it has begun. Raises RemoteError when it says why it cannot; EngineLost."""
    log = home.root / "engine.err"
    if log.is_dir():
        disk.set_aside(log)
    with (
        log.open("ab") as err,
        subprocess.Popen(
            [*programs.engine(), programs.STARTER, "--home", str(home.root)],
            env=private.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=err,
            **programs.DETACHED,
        ) as starter,
    ):
        try:
            said, _ = starter.communicate(timeout=_START_S)
        except subprocess.TimeoutExpired:
            return  # it may still come
    try:
        answer = strict_json.loads(said, wire.MAX_BYTES)
    except ValueError as error:
        raise EngineLost("The engine ended before it had begun.", log=str(log)) from error
    if "error" in answer:
        raise RemoteError(wire.from_json(json.dumps(answer["error"]).encode()))

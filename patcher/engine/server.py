"""The engine process: one per home, started on demand, and ended when it is no longer needed.

It holds the lock and listens on a local socket that only this player can open. It outlives the client that started it
as long as a job runs or something is seeded. Messages are JSON by `send_bytes`; nothing is ever unpickled.
"""

import argparse
import contextlib
import errno
import json
import logging
import logging.handlers
import os
import queue
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing import AuthenticationError, connection
from pathlib import Path

import patcher
from patcher import disk, private, processes, strict_json, windows
from patcher.closing import Closing
from patcher.config import Home, default_home
from patcher.engine.engine import Engine
from patcher.errors import EngineLost, InternalError, ShoalError
from patcher.feed.feeds import numbers
from patcher.lock import locked
from patcher.plain import json_line
from patcher.protocol import events, wire

_LINGER_S = 3.0
_WAKE_S = 1.0
_LOOK_S = 0.5
"""How often an engine with nothing to tell looks whether a client that listens has left."""
_LOG_BYTES = 4 << 20
LINE_FORMAT = "%(asctime)s %(levelname)s %(message)s"
"""Of the log on a terminal."""
_TEXT_LENGTH = 8000
_SOCKET_PATH_BYTES = 100
_QUEUE_EVENTS = 1000
_ENDINGS = ("end", "retire")
"""Calls that end the engine when it agrees. Windows has no signal that asks a process to end."""
_REQUEST_BYTES = 1 << 20
_log = logging.getLogger("shoal.server")


def _socket_path(home: Home) -> str | None:
    """A path in the home, if the home is private and the path fits a socket address; else None.

    For None the library makes a private temporary folder. Each process has a path of its own, since it removes the path
    when it ends, and by then another engine may have the home.
    """
    path = home.root / f"engine-{os.getpid()}.sock"
    is_private = private.is_private(home.root.resolve())
    if not is_private or len(os.fsencode(path)) > _SOCKET_PATH_BYTES:
        return None
    for left in home.root.glob("engine-*.sock"):  # by engines that were killed: the lock is ours
        left.unlink(missing_ok=True)
    return str(path)


def _listener(home: Home) -> connection.Listener:
    """Where clients of this user, and nobody else's, get in."""
    if sys.platform == "win32":
        return windows.PrivatePipe()
    return connection.Listener(_socket_path(home))


class Server(Closing):
    """Accepts clients and lets them talk to one engine."""

    def __init__(self, home: Home, engine: Engine, *, keep: bool) -> None:
        self._engine = engine
        self._keep = keep
        self._authkey = secrets.token_bytes(32)
        self._listener = _listener(home)
        self._clients: set[connection.Connection] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._last_need = time.monotonic()
        address = {"address": self._listener.address, "key": self._authkey.hex(), "pid": os.getpid()}
        disk.write_atomic(home.address, json.dumps(address).encode(), 0o600)
        self._address = home.address
        self._written = _version(home.address)

    def run(self) -> None:
        """Serve until the engine is no longer needed, or `stop` is called."""
        doors = threading.Thread(target=self._accept, name="server-accept", daemon=True)
        doors.start()
        self._watch()
        with contextlib.suppress(OSError, EOFError):  # wakes accept(), unless the socket is no longer in its place
            connection.Client(self._listener.address).close()
        doors.join(_WAKE_S)
        with contextlib.suppress(OSError):  # its name may be gone, with the home or alone
            self._listener.close()

    def stop(self) -> None:
        """End `run` from another thread."""
        self._stopping.set()

    def close(self) -> None:
        """Remove the address, unless it is that of another engine: the home may have been replaced."""
        if self._is_at_home():
            with contextlib.suppress(OSError):
                self._address.unlink()

    def _watch(self) -> None:
        while not self._stopping.wait(0.25):
            if not self._is_at_home() or self._engine.is_lost:
                _log.warning("the home or its registry is gone, or belongs to another engine; this engine ends")
                self.stop()
            with self._lock:
                now = time.monotonic()
                if self._keep or self._clients or self._engine.is_needed:
                    self._last_need = now
                elif now - self._last_need > _LINGER_S:
                    self.stop()  # under the lock: no client gets in between

    def _is_at_home(self) -> bool:
        """Whether clients find this engine. If its home was removed or replaced, no client could ever end it."""
        try:
            return _version(self._address) == self._written
        except OSError as error:
            return error.errno not in (errno.ENOENT, errno.ENOTDIR)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                client = self._listener.accept()
            except OSError as error:
                _log.info("a client did not get in: %r", error)
                continue
            threading.Thread(target=self._serve, args=(client,), name="client", daemon=True).start()

    def _serve(self, client: connection.Connection) -> None:
        try:
            if not self._admit(client):
                return
            hello = {"version": patcher.__version__, "pid": os.getpid()}
            client.send_bytes(json.dumps(hello).encode())
            while True:
                request = strict_json.loads(client.recv_bytes(_REQUEST_BYTES), _REQUEST_BYTES)
                if request["call"] == "listen":
                    self._stream(client)
                else:
                    answer = self._answer(request)
                    client.send_bytes(json.dumps(answer).encode())
                    if request["call"] in _ENDINGS and answer.get("ok"):
                        self.stop()  # after the answer: the process may be gone before this thread goes on
        except (EOFError, OSError, ValueError, KeyError, TypeError, AuthenticationError, EngineLost) as error:
            _log.debug("a client left: %r", error)
        finally:
            with self._lock:
                self._clients.discard(client)
            client.close()

    def _admit(self, client: connection.Connection) -> bool:
        """Check that a client knows the key, and count it. Raises AuthenticationError, OSError, EOFError.

        Returns False while the engine is shutting down; a client that receives no hello starts a new engine. The check
        runs in the client's own thread, not in `Listener.accept`, so a silent client keeps no other waiting.
        """
        connection.deliver_challenge(client, self._authkey)
        connection.answer_challenge(client, self._authkey)
        with self._lock:
            if self._stopping.is_set():
                return False
            self._clients.add(client)
            return True

    def _answer(self, request: dict[str, object]) -> dict[str, object]:
        try:
            match request["call"]:
                case "snapshot":
                    return {"ok": json.loads(wire.to_json(self._engine.snapshot()))}
                case "submit":
                    command = wire.from_json(json.dumps(request["wish"]).encode())
                    return {"ok": self._engine.submit(command, again=bool(request.get("again")))}
                case "retire":
                    return {"ok": not self._engine.is_working and self._may_retire_for(request.get("version"))}
                case "end":
                    return {"ok": True}
                case call:
                    raise InternalError("internal.version", f"The engine does not know the call {call!r}.")
        except EngineLost:
            raise  # the client is shown out, and finds the next engine
        except Exception as error:  # noqa: BLE001 - the client must hear of any error
            if not isinstance(error, ShoalError):
                _log.exception("the call %s failed", request["call"])
            return {"error": json.loads(wire.to_json(events.Failure.of(error)))}

    def _may_retire_for(self, version: object) -> bool:
        """Whether a client of another version may have this engine end. While others are served, only a newer one:
        two windows would else end each other's engine by turns.
        """
        with self._lock:
            is_alone = len(self._clients) == 1
        try:
            return is_alone or version is None or numbers(str(version)) > numbers(patcher.__version__)
        except ValueError:
            return False

    def _stream(self, client: connection.Connection) -> None:
        waiting: queue.SimpleQueue[events.Event] = queue.SimpleQueue()

        def put(event: events.Event) -> None:
            # A client that does not read must not stop the engine. It misses samples, but hears how its job ends.
            if waiting.qsize() < _QUEUE_EVENTS or not isinstance(event, events.Progress):
                waiting.put(event)

        with self._engine.listening(put):
            client.send_bytes(b'{"ok": true}')
            while True:
                try:
                    client.send_bytes(wire.to_json(waiting.get(timeout=_LOOK_S)))
                except queue.Empty:
                    if client.poll(0):
                        client.recv_bytes()  # raises EOFError when the client is gone


def serve(home: Home, *, keep: bool = False, verbose: bool = False, begun: Callable[[], None] = lambda: None) -> int:
    """Run the engine of ``home`` in this process. ``keep``: stay although it is not needed. ``verbose``: log on stderr.

    ``begun`` is called once clients find an engine. Returns 0, also when another engine already serves this home.
    Raises ShoalError, OSError when the engine cannot begin.
    """
    home.make()
    with locked(home.lock, f"process {os.getpid()}") as other:
        if other:
            begun()
            return 0
        processes.limit_heaps()
        processes.set_stacks()
        _log_to(home.log, verbose=verbose)
        with closing(Engine(home)) as engine, Server(home, engine, keep=keep) as server:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: threading.Thread(target=server.stop, daemon=True).start())
            begun()
            engine.start()
            server.run()
    return 0


def _version(address: Path) -> tuple[int, int, int]:
    """Tells a file from another one at its path, also from one that got the same inode."""
    stat = address.stat()
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns


class _JsonLines(logging.Formatter):
    """One JSON object a line, of bounded length for any text, with the trace of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        text = _shortened(record.getMessage())
        fields: dict[str, object] = {"time": self.formatTime(record), "level": record.levelname, "text": text}
        if record.exc_info:
            fields["trace"] = _shortened(self.formatException(record.exc_info))
        return json_line(fields)


def _shortened(text: str) -> str:
    """The text, or both ends of a long one: a trace begins with where it was and ends with what it was."""
    half = _TEXT_LENGTH // 2
    return text if len(text) <= _TEXT_LENGTH else f"{text[:half]} … {text[-half:]}"


def _log_to(path: Path, *, verbose: bool = False) -> None:
    if path.is_dir():
        disk.set_aside(path)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=2, encoding="utf-8")
    handler.setFormatter(_JsonLines())
    handlers: list[logging.Handler] = [handler]
    if verbose:
        handlers.append(logging.StreamHandler())
        handlers[-1].setFormatter(logging.Formatter(LINE_FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)


def main() -> int:
    """``python -m patcher``: how a client starts an engine. Its output says that it began, or why it did not."""
    parser = argparse.ArgumentParser(prog="shoal-engine")
    parser.add_argument("--home", type=Path, default=default_home().root)
    home = Home(parser.parse_args().home.absolute())
    try:
        return serve(home, begun=lambda: _answer_starter('{"ok": true}'))
    except Exception as error:  # noqa: BLE001 - whoever waits for the engine must hear of any error
        _log.exception("the engine ends")
        _answer_starter(f'{{"error": {wire.to_json(events.Failure.of(error)).decode()}}}')
        return 1


def _answer_starter(answer: str) -> None:
    """Tell the client at the other end of the output, and leave it: what is printed later goes to the log."""
    if sys.stdout is None:  # of a program of Windows that was started without a console
        return
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    later = sys.stderr.fileno() if sys.stderr else os.open(os.devnull, os.O_WRONLY)
    os.dup2(later, sys.stdout.fileno())

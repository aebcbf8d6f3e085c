"""The titles that are being played: their processes, which outlive an engine, and what they write.

A game writes into a file and not into a pipe of the engine, since it would die of its next line when the engine does.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil

from patcher import disk, windows
from patcher.config import Home
from patcher.errors import ContentError, ShoalError
from patcher.install.registry import Registry

_AT_ONCE_S = 10.0
"""A game that ends with an error later than this had begun; many end so when they are closed."""
_LOG_BYTES = 1 << 20
_CLOCK_S = 2.0
"""How much the system may be wrong about when a process began: it reckons from a clock that is set now and then."""


@dataclass(frozen=True, slots=True)
class _Game:
    process: subprocess.Popen[bytes] | psutil.Process
    """Only one that this engine started, its child, says how it ended."""
    held: ExitStack
    """Keeps its files withdrawn from the swarm; closed when the game ends."""
    start_s: float

    @property
    def has_ended(self) -> bool:
        return not _is_alive(self.process) if isinstance(self.process, psutil.Process) else self.code is not None

    @property
    def code(self) -> int | None:
        """The exit code, once it is known."""
        return None if isinstance(self.process, psutil.Process) else self.process.poll()


class Games:
    """The games of one home. Every method may be called from any thread.

    ``hold`` keeps the files of a title withdrawn from the swarm; ``ended`` is called soon after a game has ended.
    """

    def __init__(
        self,
        home: Home,
        registry: Registry,
        hold: Callable[[str], AbstractContextManager[None]],
        ended: Callable[[], None],
    ) -> None:
        self._home, self._registry, self._hold, self._ended = home, registry, hold, ended
        self._games: dict[str, _Game] = {}
        self._lock = threading.Lock()

    def __contains__(self, title: str) -> bool:
        return title in self._games

    def __len__(self) -> int:
        return len(self._games)

    def find(self) -> None:
        """Find the games that an engine before this one started and that still run. Raises DiskError."""
        for title, (number, start_s) in self._registry.games().items():
            if process := _found(number, start_s):
                held = ExitStack()
                held.enter_context(self._hold(title))
                self._put(title, _Game(process, held, time.monotonic()))
            else:
                self._registry.forget_game(title)

    def start(self, title: str, launch: Callable[[int], "subprocess.Popen[bytes]"]) -> None:
        """Start a title. ``launch`` starts its process, given a file for what it writes. Raises what that raises."""
        with ExitStack() as held, self._output(title) as output:
            held.enter_context(self._hold(title))
            child = launch(output)
            self._put(title, _Game(child, held.pop_all(), time.monotonic()))
        with contextlib.suppress(ShoalError, psutil.Error):  # it runs; only the next engine would not know
            self._registry.note_game(title, child.pid, psutil.Process(child.pid).create_time())
        threading.Thread(target=self._await, args=(child,), name="game", daemon=True).start()

    def take_ended(self, is_starting: Callable[[str], bool]) -> dict[str, ContentError | None]:
        """Forget the games that have ended, each with what was wrong if it ended at once.

        One whose start ``is_starting`` still reports stays, so that its end is told after its start.
        """
        with self._lock:
            ended = {t: game for t, game in self._games.items() if game.has_ended and not is_starting(t)}
            for title in ended:
                del self._games[title]
                with contextlib.suppress(ShoalError):  # the next engine finds that it has ended
                    self._registry.forget_game(title)
        for game in ended.values():
            game.held.close()
        for title in list(self._games):
            _trim(self._log(title))
        return {title: self._problem(title, game) for title, game in ended.items()}

    # ------------------------------------------------------------ details

    def _put(self, title: str, game: _Game) -> None:
        with self._lock:
            if before := self._games.get(title):
                game.held.push(before.held)
            self._games[title] = game

    def _await(self, child: "subprocess.Popen[bytes]") -> None:
        child.wait()
        self._ended()

    def _log(self, title: str) -> Path:
        return self._home.logs / f"{title}.log"

    @contextlib.contextmanager
    def _output(self, title: str) -> Iterator[int]:
        """An empty log for a start; a drive with no room for it does not keep a title from being played."""
        log = self._log(title)
        try:
            disk.make_folder(log.parent)
            has_room = disk.free_bytes(log.parent) > 2 * _LOG_BYTES
            descriptor = _open(log) if has_room else None
        except (OSError, ShoalError):
            descriptor = None
        if descriptor is None:
            yield subprocess.DEVNULL
            return
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _problem(self, title: str, game: _Game) -> ContentError | None:
        code = game.code
        if not code or time.monotonic() - game.start_s > _AT_ONCE_S:
            return None
        facts, log = {"title": title, "exit_code": _code_text(code)}, self._log(title)
        words = f"{title} closed at once (code {facts['exit_code']})."
        if log.is_file() and log.stat().st_size:
            facts["log"] = str(log)
            words = f"{words} What it wrote is in {log}."
        return ContentError("content.closed", words, **facts)


def _is_alive(process: psutil.Process) -> bool:
    """Whether it runs; one that has ended may stay listed until somebody asks how."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _found(number: int, start_s: float) -> psutil.Process | None:
    """The process of that number, if it began at that time: the number may be another's by now."""
    try:
        process = psutil.Process(number)
        is_same = abs(process.create_time() - start_s) < _CLOCK_S
    except (psutil.Error, ValueError, TypeError, OverflowError):  # a row of the registry may hold anything
        return None
    return process if is_same and _is_alive(process) else None


def _code_text(code: int) -> str:
    """An exit code as people look it up: 3, SIGSEGV, 0xC0000135."""
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return str(code) if abs(code) <= 0xFFFF else f"0x{code & 0xFFFFFFFF:08X}"


def _open(log: Path) -> int:
    """The log, emptied. What is written goes to its end, also after `_trim`."""
    if sys.platform == "win32":
        return windows.open_log(str(log))
    return os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC, 0o666)


def _trim(log: Path) -> None:
    """Keep the end of a log that grew too long, while its game goes on writing behind it."""
    with contextlib.suppress(OSError), log.open("r+b") as file:
        if file.seek(0, os.SEEK_END) > _LOG_BYTES:
            file.seek(-_LOG_BYTES // 2, os.SEEK_END)
            end = file.read()
            file.seek(0)
            file.write(end)
            file.truncate()

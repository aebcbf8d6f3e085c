"""The only file that knows both Qt and the engine's client: commands go in, messages come out as one signal.

One thread owns the client, submits commands in order and reads snapshots, so the window never waits for the engine. If
the engine is lost, the thread reports it and starts another one, which resumes the interrupted jobs by itself.
"""

import queue
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from launcher.page import with_network
from launcher.state import Accepted, Link, LinkChanged, Message, Refused, is_plan_only, title_of
from patcher.errors import EngineLost, ShoalError
from patcher.protocol import commands, events

if TYPE_CHECKING:
    from patcher.engine.client import Client

_RETRY_S = (0.0, 1.0, 2.0, 5.0, 10.0)
_CLOSE_S = 25.0


class _Stop:
    """Ends the thread."""


_Item = commands.Command | events.Event | _Stop | None


class Bridge(QObject):
    """`message_received` carries a `launcher.state.Message` from another thread: connect only slots of QObjects."""

    message_received = Signal(object)

    def __init__(self, home: Path, ca: str = "") -> None:
        super().__init__()
        self._home, self._ca = home, ca
        self._inbox: queue.SimpleQueue[tuple[int, _Item]] = queue.SimpleQueue()
        """Each item with the generation of the client it came from; 0 is this process."""
        self._generation = 0
        self._unsent: list[commands.Command] = []
        self._planning: dict[str, tuple[int, commands.Command]] = {}
        """By title: the job that plans in the background, and its command."""
        self._waiting: dict[str, commands.Command] = {}
        """By title: the player's command, until the planning job is cancelled."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bridge", daemon=True)

    def start(self) -> None:
        """Start the thread; it connects and then sends the first messages."""
        self._thread.start()

    def submit(self, command: commands.Command) -> None:
        """Queue a command for the engine; it is sent once there is a connection. Never blocks."""
        self._inbox.put((0, with_network(command, ca=self._ca) if self._ca else command))

    def close(self) -> None:
        """Disconnect and end the thread; the engine keeps running."""
        self._stopping.set()
        self._inbox.put((0, _Stop()))
        if self._thread.is_alive():
            self._thread.join(_CLOSE_S)

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        tries = 0
        while not self._stopping.is_set():
            started_s = time.monotonic()
            try:
                self._serve_one_engine()
            except Exception as error:  # noqa: BLE001 - the window must report any error, and the thread must go on
                self._emit(LinkChanged(Link.LOST, events.Failure.of(error)))
            tries = 0 if time.monotonic() - started_s > 30.0 else min(tries + 1, len(_RETRY_S))
            self._stopping.wait(_RETRY_S[tries - 1] if tries else 0.0)

    def _serve_one_engine(self) -> None:
        """Return when the bridge is closed. Raises ShoalError when the engine is lost or does not start."""
        from patcher.config import Home
        from patcher.engine.client import Client

        self._generation += 1
        generation = self._generation
        self._planning.clear()
        with Client(Home(self._home)) as client:
            client.listen(lambda event: self._inbox.put((generation, event)))
            self._emit(LinkChanged(Link.UP))
            self._emit(client.snapshot())
            unsent, self._unsent = [*self._unsent, *self._waiting.values()], []
            self._waiting.clear()
            for command in unsent:
                self._submit(client, command)
            while self._handle_batch(client):
                pass

    def _handle_batch(self, client: "Client") -> bool:
        """Handle everything in the inbox, then read one snapshot if anything changed; False after `close`."""
        is_changed = False
        while True:
            generation, message = self._inbox.get()
            if isinstance(message, _Stop):
                return False
            if generation in {0, self._generation}:
                is_changed |= self._handle(client, message)
            if self._inbox.empty():
                break
        if is_changed:
            self._emit(client.snapshot())
        return True

    def _handle(self, client: "Client", message: commands.Command | events.Event | None) -> bool:
        """Pass a message on. Returns whether the snapshot has changed; None means that the engine is lost."""
        match message:
            case None:
                raise EngineLost
            case events.Changed():
                return True
            case events.Finished(job, title) | events.Failed(job, title):
                self._emit(message)
                self._job_ended(client, title, job)
            case events.Progress() | events.Planned() | events.Notice() | events.FeedFound():
                self._emit(message)
            case _:
                return self._submit(client, message)
        return False

    def _submit(self, client: "Client", command: commands.Command) -> bool:
        title = title_of(command)
        if isinstance(command, commands.Cancel):
            self._waiting.pop(title, None)
        if title in self._planning and not isinstance(command, commands.Cancel):
            if command != self._planning[title][1]:  # the player's command goes before background planning
                self._waiting[title] = command
                client.submit(commands.Cancel(title))
            return False
        try:
            job = client.submit(command)
        except EngineLost:
            self._unsent.append(command)
            raise
        except ShoalError as error:
            self._emit(Refused(command, events.Failure.of(error)))
            return False
        if is_plan_only(command):
            self._planning[title] = (job, command)
        self._emit(Accepted(command, job))
        return True

    def _job_ended(self, client: "Client", title: str, job: int) -> None:
        if title in self._planning and self._planning[title][0] == job:
            del self._planning[title]
            if command := self._waiting.pop(title, None):
                self._submit(client, command)

    def _emit(self, message: Message) -> None:
        if not self._stopping.is_set():
            self.message_received.emit(message)

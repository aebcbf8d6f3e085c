"""The only file that knows the engine's client and Qt: messages come out as one signal, commands go in.

One thread makes the client, hands over commands in order and reads snapshots, so that the window never waits. When the
engine is lost it starts another one and says so; the engine goes on by itself with what it was doing.
"""

import queue
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from launcher.page import with_network
from launcher.state import Link, Linked, Message, Refused, Taken, is_quiet
from patcher.errors import EngineLost, InternalError, ShoalError
from patcher.protocol import commands, events

if TYPE_CHECKING:
    from patcher.engine.client import Client

_RETRY_S = (0.0, 1.0, 2.0, 5.0, 10.0)
_CLOSE_S = 25.0


class _Stop:
    """Ends the thread."""


_Item = commands.Command | events.Event | _Stop | None


class Bridge(QObject):
    """`said` carries `launcher.state.Message` objects, from a thread of ours: connect bound slots of QObjects."""

    said = Signal(object)

    def __init__(self, home: Path, ca: str = "", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._home, self._ca = home, ca
        self._inbox: queue.SimpleQueue[tuple[int, _Item]] = queue.SimpleQueue()
        self._life = 0
        self._again: list[commands.Command] = []
        self._quiet: dict[str, tuple[int, commands.Command]] = {}
        self._waiting: dict[str, commands.Command] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bridge", daemon=True)

    def start(self) -> None:
        """Begin to connect; the first messages follow."""
        self._thread.start()

    def submit(self, command: commands.Command) -> None:
        """Hand a command to the engine, as soon as there is one. Never blocks."""
        self._inbox.put((0, with_network(command, ca=self._ca) if self._ca else command))

    def close(self) -> None:
        """Leave the engine to itself and end the thread."""
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
                self._live()
            except ShoalError as error:
                self._say(Linked(Link.LOST, _failure(error)))
            except Exception as error:  # noqa: BLE001 - whatever went wrong, the window must say it and try again
                self._say(Linked(Link.LOST, _failure(InternalError("internal.failure", f"{error!r}"))))
            tries = 0 if time.monotonic() - started_s > 30.0 else min(tries + 1, len(_RETRY_S))
            self._stopping.wait(_RETRY_S[tries - 1] if tries else 0.0)

    def _live(self) -> None:
        """One engine's life, or ours. Raises ShoalError."""
        from patcher.config import Home
        from patcher.engine.client import Client

        self._life += 1
        life = self._life
        self._quiet.clear()
        with Client(Home(self._home)) as client:
            try:
                client.listen(lambda event: self._inbox.put((life, event)))
                self._say(Linked(Link.UP))
                self._say(client.snapshot())
                again, self._again = [*self._again, *self._waiting.values()], []
                self._waiting.clear()
                for command in again:
                    self._submit(client, command)
                while self._serve(client):
                    pass
            except (OSError, EOFError) as error:
                raise EngineLost from error

    def _serve(self, client: "Client") -> bool:
        """Deal with what came; False at the end. Changes that came together are one snapshot."""
        is_changed, item = False, self._inbox.get()
        while True:
            life, message = item
            if isinstance(message, _Stop):
                return False
            if life in {0, self._life}:
                is_changed |= self._take(client, message)
            if self._inbox.empty():
                break
            item = self._inbox.get()
        if is_changed:
            self._say(self._ask(client))
        return True

    def _take(self, client: "Client", message: commands.Command | events.Event | None) -> bool:
        """Pass a message on; whether the snapshot is another one now."""
        match message:
            case None:
                raise EngineLost
            case events.Changed():
                return True
            case events.Finished(job, title) | events.Failed(job, title):
                self._say(message)
                self._ended(client, title, job)
            case events.Progress() | events.Planned() | events.Notice() | events.FeedFound():
                self._say(message)
            case _:
                return self._submit(client, message)
        return False

    def _submit(self, client: "Client", command: commands.Command) -> bool:
        title = str(getattr(command, "title", ""))
        if isinstance(command, commands.Cancel):
            self._waiting.pop(title, None)
        if title in self._quiet and not isinstance(command, commands.Cancel):
            if command != self._quiet[title][1]:  # what is asked now goes before our own earlier question
                self._waiting[title] = command
                client.submit(commands.Cancel(title))
            return False
        try:
            job = client.submit(command)
        except EngineLost:
            self._again.append(command)
            raise
        except ShoalError as error:
            self._say(Refused(command, _failure(error)))
            return False
        if is_quiet(command):
            self._quiet[title] = (job, command)
        self._say(Taken(command, job))
        return True

    def _ended(self, client: "Client", title: str, job: int) -> None:
        if title in self._quiet and self._quiet[title][0] == job:
            del self._quiet[title]
            if command := self._waiting.pop(title, None):
                self._submit(client, command)

    def _ask(self, client: "Client") -> events.Snapshot:
        try:
            return client.snapshot()
        except ShoalError as error:
            raise EngineLost from error

    def _say(self, message: Message) -> None:
        if not self._stopping.is_set():
            self.said.emit(message)


def _failure(error: ShoalError) -> events.Failure:
    return events.Failure(error.code, error.message, error.safe, error.hint, error.exit_code, dict(error.facts))

"""The life of a job, from the queue to its end.

    queued → running → finished | failed | cancelled | paused | interrupted | unfinished

The command of a job that resumes (`Verb.resumes`) is stored in the registry before the job exists. The table `ENDINGS`
says what each ending does to that stored command, so it also says which jobs go on at the next start of the engine.
"""

import enum
import itertools
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from patcher.errors import BusyError, Cancelled, InternalError, ShoalError, Unfinished
from patcher.install.registry import Registry
from patcher.protocol import commands, events
from patcher.protocol.commands import Verb
from patcher.protocol.events import Phase
from patcher.update.progress import Meter

MOST_DEATHS = 2
"""If the engine died so often in a row during a title's job, the job waits for the player."""
_log = logging.getLogger("shoal.engine")


class Ending(enum.StrEnum):
    """How a job ends. Clients hear `Finished` of the first, `Failed` of all others, with the error if there was one."""

    FINISHED = enum.auto()
    FAILED = enum.auto()
    CANCELLED = enum.auto()
    PAUSED = enum.auto()
    """Cancelled by the player, to go on later."""
    INTERRUPTED = enum.auto()
    """The engine closes. If the engine dies, nothing is told, and the stored command is the same as here."""
    UNFINISHED = enum.auto()
    """The disk failed after the point of no return (`Unfinished`); the next try does the rest."""


class Stored(enum.Enum):
    """How the end of a job changes its stored command."""

    DROPPED = enum.auto()
    KEPT = enum.auto()
    """Goes on by itself at the next start."""
    PAUSED = enum.auto()
    """Goes on when the player asks for it."""


ENDINGS: Mapping[Ending, Stored] = {
    Ending.FINISHED: Stored.DROPPED,
    Ending.FAILED: Stored.DROPPED,
    Ending.CANCELLED: Stored.DROPPED,
    Ending.PAUSED: Stored.PAUSED,
    Ending.INTERRUPTED: Stored.KEPT,
    Ending.UNFINISHED: Stored.KEPT,
}


@dataclass
class Job:
    """One command in the queue or at work."""

    number: int
    title: str
    command: commands.Command
    meter: Meter
    stop: threading.Event
    resumed: bool = False
    """It goes on after a crash; no client has asked for it since the engine started."""
    is_pausing: bool = False

    @property
    def key(self) -> str:
        """A title has one job at a time; jobs without a title are not limited."""
        return self.title or f"#{self.number}"

    def ending(self, error: Exception | None, *, is_closing: bool) -> Ending:
        """How the job ends if it raised ``error``, or nothing."""
        if error is None:
            return Ending.FINISHED
        if self.is_pausing and commands.resumes(self.command):
            return Ending.PAUSED
        if is_closing:
            return Ending.INTERRUPTED
        if isinstance(error, Cancelled):
            return Ending.CANCELLED
        return Ending.UNFINISHED if isinstance(error, Unfinished) else Ending.FAILED


class Jobs:
    """The jobs of one engine. Every method may be called from any thread.

    A heavy job waits until those before it have ended; a light one begins at once. ``work`` does a job and returns its
    outcome; ``emit`` tells clients.
    """

    def __init__(
        self, registry: Registry, work: Callable[[Job], events.Outcome], emit: Callable[[events.Event], None]
    ) -> None:
        self._registry, self._work, self._emit = registry, work, emit
        self.failures: dict[str, events.Failure] = {}
        """Title to what is wrong with it, usually why its last job failed."""
        self._jobs: dict[str, Job] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._heavy = ThreadPoolExecutor(1, thread_name_prefix="job")
        self._light = ThreadPoolExecutor(4, thread_name_prefix="light")

    def number(self) -> int:
        """The next number of a job."""
        return next(self._numbers)

    def of(self, title: str) -> Job | None:
        """The title's job."""
        with self._lock:
            return self._jobs.get(title)

    @property
    def is_working(self) -> bool:
        """A job runs or waits."""
        with self._lock:
            return bool(self._jobs)

    def add(self, title: str, command: commands.Command, *, resumed: bool = False) -> int:
        """Queue a job and return its number. Raises BusyError while the title has another one, DiskError."""
        with self._lock:
            running = self._jobs.get(title)
            if running and running.resumed and running.command == command:
                running.resumed = False  # a client that lost the engine asks again for what goes on already
                return running.number
            if running and title:
                raise _busy(running)
            stored, _ = self._registry.commands().get(title, (command, False))
            command = stored if stored == command else command  # the stored one also says how far it came
            number, stop = self.number(), threading.Event()
            job = Job(number, title, command, Meter(number, title, stop.is_set, self._emit), stop, resumed)
            if commands.resumes(command):
                self._registry.keep_command(title, command)  # before it is a job: a full disk must not leave one behind
            waits = command.verb.waits and any(other.command.verb.waits for other in self._jobs.values())
            self._jobs[job.key] = job
        if waits:
            job.meter.begin(Phase.QUEUED)
        (self._heavy if command.verb.waits else self._light).submit(self._run, job)
        return number

    def resume(self, title: str, waiting: tuple[commands.Command, bool] | None, deaths: int) -> None:
        """Go on with a title's stored command, unless the player paused it or the engine died of it.

        ``waiting``: the command, and whether it is paused. ``deaths``: how often in a row the engine died with a job of
        the title. Raises InternalError (internal.job_died) when that is too often.
        """
        command, is_paused = waiting or (None, False)
        if command and not is_paused and deaths < MOST_DEATHS:
            self.add(title, command, resumed=True)
        elif command and not is_paused:
            self._registry.keep_command(title, command, paused=True)
        if deaths >= MOST_DEATHS:
            text = f"The engine died {deaths} times in a row while it worked on {title}."
            raise InternalError("internal.job_died", text, title=title)

    def cancel(self, command: commands.Cancel) -> None:
        """Stop a job by its number or title; where no job is, forget the title's stored command. Raises DiskError."""
        with self._lock:
            jobs = list(self._jobs.values())
            found = (j for j in jobs if (j.number == command.job if command.job else j.title == command.title))
            if job := next(found, None):
                job.is_pausing = command.pause
                job.stop.set()
        if job is None and not command.pause and not command.job:
            self._registry.drop_command(command.title)
            self._registry.end(command.title)
            self.failures.pop(command.title, None)

    def close(self) -> None:
        """Stop all jobs and wait for their ends. Those that are stored go on at the next start."""
        self._closing.set()
        with self._lock:
            for job in self._jobs.values():
                job.stop.set()
        self._heavy.shutdown(cancel_futures=True)
        self._light.shutdown(cancel_futures=True)

    def _run(self, job: Job) -> None:
        error: Exception | None = None
        failure, outcome = None, events.Outcome()
        try:
            if job.command.verb.waits:
                self._registry.begin(job.title)
            outcome = self._work(job)
        except Cancelled as raised:
            _log.info("%s of %s was stopped", job.command.verb, job.title)
            error = raised
        except Exception as raised:  # noqa: BLE001 - clients must hear of any error
            _log.exception("%s of %s failed", job.command.verb, job.title)
            error, failure = raised, events.Failure.of(raised)
        self._put_away(job, job.ending(error, is_closing=self._closing.is_set()), failure)
        if error is None:
            self._emit(events.Finished(job.number, job.title, outcome))
        else:
            self._emit(events.Failed(job.number, job.title, failure))
        self._emit(events.Changed())

    def _put_away(self, job: Job, ending: Ending, failure: events.Failure | None) -> None:
        with self._lock:
            self._jobs.pop(job.key, None)
            self.failures.pop(job.title, None)
            if failure:
                self.failures[job.title] = failure
        # a command that is not stored leaves one that waits alone, but a title that is uninstalled has none
        may_drop = commands.resumes(job.command) or job.command.verb is Verb.UNINSTALL
        try:
            if job.command.verb.waits:
                self._registry.end(job.title)
            if ENDINGS[ending] is Stored.PAUSED:
                self._registry.keep_command(job.title, job.command, paused=True)
            elif ENDINGS[ending] is Stored.DROPPED and may_drop:
                self._registry.drop_command(job.title)
        except ShoalError:  # the clients must hear of the job's end all the same
            _log.exception("the command for %s was not put away", job.title)


def _busy(job: Job) -> BusyError:
    sample, verb = job.meter.latest, job.command.verb
    facts: dict[str, str | int] = {"title": job.title, "verb": verb.value}
    if sample:
        facts |= {"phase": sample.phase.value, "done_bytes": sample.done_bytes, "total_bytes": sample.total_bytes}
    return BusyError("busy.title", f"{job.title} has a running job ({verb}).", **facts)

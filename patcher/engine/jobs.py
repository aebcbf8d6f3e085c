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
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from patcher.errors import BusyError, Cancelled, EngineLost, InternalError, ShoalError, Unfinished
from patcher.install.registry import Registry
from patcher.protocol import commands, events
from patcher.protocol.commands import Verb
from patcher.protocol.events import Phase
from patcher.update.progress import Meter

MOST_DEATHS = 2
"""If the engine died so often in a row during a title's job, the job waits for the player."""
_MOST_STARTS = 16
"""So many titles may be started at the same moment."""
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
    """An engine that died may have done it already, in part or all of it."""
    is_pausing: bool = False
    run: "Future[None] | None" = None
    """Its place in the queue; cancelling it succeeds until the job begins."""

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

    A heavy job waits until those before it have ended. A few jobs at a time ask feeds, since servers may not answer.
    Play waits for neither. ``work`` does a job and returns its outcome; ``emit`` tells clients and must not block.
    """

    def __init__(
        self, registry: Registry, work: Callable[[Job], events.Outcome], emit: Callable[[events.Event], None]
    ) -> None:
        self._registry, self._work, self._emit = registry, work, emit
        self.failures: dict[str, events.Failure] = {}
        """Title to what is wrong with it, usually why its last job failed."""
        self._jobs: dict[str, Job] = {}
        self._ends: dict[str, tuple[commands.Command, events.Finished | events.Failed]] = {}
        """Title to its last job's command and end, for a client that asks for that job again."""
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._is_closing = False
        self._heavy = ThreadPoolExecutor(1, thread_name_prefix="job")
        self._asking = ThreadPoolExecutor(4, thread_name_prefix="feed")
        self._playing = ThreadPoolExecutor(_MOST_STARTS, thread_name_prefix="play")

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

    def add(self, title: str, command: commands.Command, *, again: bool = False) -> int:
        """Queue a job and return its number. If the same command waits or runs already, return the number of its job.

        ``again``: it was asked for before, of an engine that died. If it has ended here since, its end is told once
        more. Raises BusyError while the title has another job, EngineLost after `close`, DiskError.
        """
        with self._lock:
            if self._is_closing:
                raise EngineLost("The engine is shutting down.")
            running = self._jobs.get(title)
            if running and running.command == command and not running.stop.is_set():
                return running.number
            if running:
                raise _busy(running)
            done, end = self._ends.get(title, (None, None))
            if again and end and done == command:
                self._emit(end)
                return end.job
            return self._queue(title, command, resumed=again)

    def _queue(self, title: str, command: commands.Command, *, resumed: bool) -> int:
        stored, _ = self._registry.commands().get(title, (command, False))
        command = stored if stored == command else command  # the stored one also says how far it came
        number, stop = self.number(), threading.Event()
        job = Job(number, title, command, Meter(number, title, stop.is_set, self._emit), stop, resumed)
        if commands.resumes(command):
            self._registry.keep_command(title, command)  # before it is a job: a full disk must not leave one behind
        if command.verb.waits and any(other.command.verb.waits for other in self._jobs.values()):
            job.meter.begin(Phase.QUEUED)
        self._jobs[job.key] = job
        job.run = self._threads(command.verb).submit(self._run, job)
        return number

    def _threads(self, verb: Verb) -> ThreadPoolExecutor:
        if verb.waits:
            return self._heavy
        return self._playing if verb is Verb.PLAY else self._asking

    def resume(self, title: str, waiting: tuple[commands.Command, bool] | None, deaths: int) -> None:
        """Go on with a title's stored command, unless the player paused it or the engine died of it.

        ``waiting``: the command, and whether it is paused. ``deaths``: how often in a row the engine died with a job of
        the title. Raises InternalError (internal.job_died) when that is too often.
        """
        command, is_paused = waiting or (None, False)
        if command and not is_paused and deaths < MOST_DEATHS:
            self.add(title, command, again=True)
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
            job, is_over = next(found, None), False
            if job:
                job.is_pausing, is_stopping = command.pause, job.stop.is_set()
                job.stop.set()
                is_over = not is_stopping and job.run is not None and job.run.cancel()
        if job and is_over:  # it had not begun, and does not wait for its turn to end
            self._end(job, Cancelled())
        if job is None and not command.pause and not command.job:
            self._registry.drop_command(command.title)
            self._registry.end(command.title)
            self.failures.pop(command.title, None)

    def cancel_all(self, verb: Verb) -> None:
        """Cancel the jobs of a verb that are never in the way of the player. What they downloaded is kept."""
        with self._lock:
            jobs = [job for job in self._jobs.values() if job.command.verb is verb]
        for job in jobs:
            self.cancel(commands.Cancel(job=job.number))

    def close(self) -> None:
        """Stop all jobs and wait for their ends. Those that are stored go on at the next start."""
        with self._lock:
            self._is_closing = True
            for job in self._jobs.values():
                job.stop.set()
        for threads in (self._heavy, self._asking, self._playing):
            threads.shutdown(cancel_futures=True)

    def _run(self, job: Job) -> None:
        _log.info("%s of %s begins", job.command.verb, job.title)
        result: events.Outcome | Exception
        try:
            if job.command.verb.waits:
                self._registry.begin(job.title)
            result = self._work(job)
        except Exception as error:  # noqa: BLE001 - clients must hear of any error
            result = error
        self._end(job, result)

    def _end(self, job: Job, result: events.Outcome | Exception) -> None:
        """Put a job away, and tell how it ended."""
        if isinstance(result, Exception):
            failure = None if isinstance(result, Cancelled) else self._failure(job, result)
            self._put_away(job, result, events.Failed(job.number, job.title, failure))
        else:
            self._put_away(job, None, events.Finished(job.number, job.title, result))

    def _failure(self, job: Job, error: Exception) -> events.Failure:
        is_feed = job.command.verb is Verb.ADD_FEED
        try:
            install = self._registry.find(job.title) if job.title else None
            is_installed = install.folder.current.exists if install else not (job.title or is_feed)
        except ShoalError:  # the registry does not say; the job's own error is what the player has to hear
            is_installed = True
        return events.Failure.of(error, is_installed=is_installed)

    def _put_away(self, job: Job, error: Exception | None, end: events.Finished | events.Failed) -> None:
        ending, failure = job.ending(error, is_closing=self._is_closing), getattr(end, "failure", None)
        level, trace = (logging.ERROR, error) if failure else (logging.INFO, None)
        _log.log(level, "%s of %s: %s", job.command.verb, job.title, ending, exc_info=trace)
        self._store(job, ending)
        with self._lock:
            self._jobs.pop(job.key, None)
            self.failures.pop(job.title, None)
            if failure:
                self.failures[job.title] = failure
            if job.title:
                self._ends[job.title] = job.command, end
        self._emit(end)
        self._emit(events.Changed())

    def _store(self, job: Job, ending: Ending) -> None:
        """Do with the stored command what its job's ending says, before another job of the title may store its own."""
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

"""The engine: what clients see of it (snapshot, events) and the queue of jobs.

One job that downloads or writes runs at a time, in the order asked; adding a feed, play and settings do not wait for
it. The engine never asks: consent is a setting. A job survives the client that asked for it, and one that a crash
interrupted goes on by itself at the next start.
"""

import contextlib
import dataclasses
import itertools
import logging
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import patcher
from patcher import config
from patcher.config import Home
from patcher.errors import BusyError, Cancelled, InternalError, ShoalError, TrustError, UsageError
from patcher.feed.feeds import Feeds
from patcher.install import commit, genuine, launch
from patcher.install.registry import Install, Registry
from patcher.protocol import commands, events
from patcher.protocol.events import Phase
from patcher.seeding.pack_cache import Packs
from patcher.seeding.seeder import Seeder
from patcher.seeding.sharing import Sharing
from patcher.seeding.traffic import Ledger
from patcher.update.command_runner import CommandRunner, Tools
from patcher.update.pipeline import recover
from patcher.update.progress import Meter

_TEND_S = 5.0
_LIGHT = (commands.AddFeed, commands.RefreshFeed, commands.RemoveFeed, commands.Play)
_LASTING = (commands.Install, commands.Update, commands.Rollback, commands.SetTags, commands.Repair, commands.Move)
"""Commands that go on by themselves after a crash."""
_MOST_DEATHS = 2
"""A title with which the engine died so often in a row waits for the player: else it would die of it for ever."""
_log = logging.getLogger("shoal.engine")


@dataclass
class _Running:
    """A job in the queue or at work."""

    number: int
    title: str
    command: commands.Command
    meter: Meter
    stop: threading.Event
    resumed: bool = False
    pause: bool = False

    @property
    def key(self) -> str:
        """A title has one job at a time; those without a title, any number."""
        return self.title or f"#{self.number}"

    @property
    def is_heavy(self) -> bool:
        """It waits for its turn."""
        return not isinstance(self.command, _LIGHT)


@dataclass
class _Memory:
    """What clients see of a title beside what is on the disk."""

    failure: events.Failure | None = None
    playing: subprocess.Popen[bytes] | None = None
    held: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    """What it holds while it plays."""


class Engine:
    """One per home. Every public method may be called from any thread."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._settings = config.load(home)
        self._registry = Registry(home.registry)
        self._ledger = Ledger(home.registry)
        self._packs = Packs(home.packs, self._settings.pack_cache_bytes)
        self._feeds = Feeds(home)
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._jobs: dict[str, _Running] = {}
        self._memory: dict[str, _Memory] = {}
        self._listeners: list[Callable[[events.Event], None]] = []
        self._heavy = ThreadPoolExecutor(1, thread_name_prefix="job")
        self._light = ThreadPoolExecutor(4, thread_name_prefix="light")
        self._sharing = Sharing(self._settings, self._ledger)
        self._keeper = Seeder(self._sharing, self._registry, self._ledger, self._packs, self._feeds)
        self._closing = threading.Event()
        self._kick = threading.Event()
        self._tender = threading.Thread(target=self._tend, name="tender", daemon=True)

    def start(self) -> None:
        """Finish interrupted commits, go on with interrupted jobs, and seed what may be seeded."""
        with contextlib.suppress(ShoalError):
            self._feeds.tidy()
        for install in self._registry.installs():
            with self._shown_for(install.title):
                recover(install, self._registry, self._home.root)
                genuine.ask_offline(self._registry, self._feeds, install)
        deaths, waiting = self._registry.deaths(), self._registry.commands()
        for title in {**deaths, **waiting}:
            with self._shown_for(title):
                self._go_on(title, waiting.get(title), deaths.get(title, 0))
        self._tender.start()

    def _go_on(self, title: str, waiting: tuple[commands.Command, bool] | None, deaths: int) -> None:
        """Go on with a command that waits, unless the player paused it or the engine died of it."""
        command, is_paused = waiting or (None, False)
        if command and not is_paused and deaths < _MOST_DEATHS:
            self._enqueue(title, command, resumed=True)
        elif command and not is_paused:
            self._registry.keep_command(title, command, paused=True)
        if deaths >= _MOST_DEATHS:
            text = f"The engine died {deaths} times in a row while it worked on {title}."
            raise InternalError("internal.job_died", text, title=title)

    @contextlib.contextmanager
    def _shown_for(self, title: str) -> Iterator[None]:
        """Whatever is wrong with one title is shown as its failure, and stops neither the engine nor other titles."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - what lies in a folder or home may be anybody's
            _log.exception("%s is left aside", title)
            self._memory.setdefault(title, _Memory()).failure = events.Failure.of(error)

    def close(self) -> None:
        """Stop all jobs, as a crash would but cleanly: they go on at the next start."""
        self._closing.set()
        self._kick.set()
        with self._lock:
            for job in self._jobs.values():
                job.stop.set()
        self._heavy.shutdown(cancel_futures=True)
        self._light.shutdown(cancel_futures=True)
        if self._tender.is_alive():
            self._tender.join()
        self._sharing.close()

    @property
    def is_working(self) -> bool:
        """A job runs or waits."""
        with self._lock:
            return bool(self._jobs)

    @property
    def is_needed(self) -> bool:
        """A job runs, a title plays, or something is seeded."""
        with self._lock:
            playing = any(memory.playing for memory in self._memory.values())
        return self.is_working or playing or self._keeper.is_offering

    # ------------------------------------------------------------ clients

    def snapshot(self) -> events.Snapshot:
        """All a client needs to draw itself, now. Works without a network."""
        feeds = self._feeds.snapshots()
        installs = {install.title: install for install in self._registry.installs()}
        paused = {title for title, (_, is_paused) in self._registry.commands().items() if is_paused}
        offered = {f"{feed.name}/{title}": None for feed in feeds for title in feed.titles}
        titles = [self._title(name, installs.get(name), paused) for name in dict.fromkeys((*offered, *installs))]
        port = self._sharing.session.listen_port if self._sharing.session else 0
        return events.Snapshot(
            patcher.__version__,
            os.getpid(),
            str(self._home.root),
            port,
            tuple(feeds),
            tuple(titles),
            self._settings.as_dict(),
        )

    def submit(self, command: commands.Command) -> int:
        """Take a command; returns its job's number. Raises what it is refused with: UsageError, BusyError."""
        match command:
            case commands.ChangeSetting(key, value):
                return self._at_once("", lambda: self._change(key, value))
            case commands.Cancel():
                return self._at_once(command.title, lambda: self._cancel(command))
            case commands.AddFeed() | commands.RemoveFeed() | commands.RefreshFeed():
                return self._enqueue("", command)
            case commands.Seed(feed):
                return self._enqueue(f"{feed}/*", command)
        return self._enqueue(command.title, command)

    @contextlib.contextmanager
    def listening(self, callback: Callable[[events.Event], None]) -> Iterator[None]:
        """Call ``callback`` for each event, from the thread it happens in; it must not block."""
        with self._lock:
            self._listeners.append(callback)
        try:
            yield
        finally:
            with self._lock:
                self._listeners.remove(callback)

    def _emit(self, event: events.Event) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(event)

    def _title(self, name: str, install: Install | None, paused: set[str]) -> events.TitleSnapshot:
        facts = self._feeds.about(name)
        memory, job = self._memory.get(name, _Memory()), self._jobs.get(name)
        shown = events.TitleSnapshot(
            name,
            facts.label,
            facts.about,
            offered_version=facts.version,
            failure=memory.failure,
            paused=name in paused,
            playing=memory.playing is not None,
            job=job.number if job else 0,
            verb=type(job.command).__name__.lower() if job else "",
            progress=job.meter.latest if job else None,
        )
        if install is None:
            return shown
        shown = dataclasses.replace(
            shown,
            folder=str(install.folder),
            channel=install.channel,
            tags=install.tags,
            seeding=self._keeper.is_offered(name),
            uploaded_bytes=self._keeper.given_bytes(name),
        )
        try:
            shown = dataclasses.replace(shown, interrupted=commit.pending(install.folder))
            return self._with_folder(shown, install)
        except Exception as error:  # noqa: BLE001 - a folder may hold anything, and hides no other title
            failure = memory.failure or events.Failure.of(error)
            return dataclasses.replace(shown, installed=isinstance(error, TrustError), failure=failure)

    def _with_folder(self, shown: events.TitleSnapshot, install: Install) -> events.TitleSnapshot:
        """With what the install folder says of itself. Raises what that takes."""
        if not install.folder.current.is_there:
            return shown
        installed = genuine.required(self._registry, install)
        before = genuine.proved(self._registry, install.title, install.folder.previous)
        version, previous = installed.release.version, before.release.version if before else ""
        return dataclasses.replace(shown, installed=True, version=version, previous_version=previous)

    # ------------------------------------------------------------ jobs

    def _at_once(self, title: str, act: Callable[[], None]) -> int:
        number = next(self._numbers)
        act()
        self._emit(events.Finished(number, title, events.Outcome()))
        self._emit(events.Changed())
        return number

    def _enqueue(self, title: str, command: commands.Command, *, resumed: bool = False) -> int:
        with self._lock:
            running = self._jobs.get(title)
            if running and running.resumed and running.command == command:
                running.resumed = False  # the client that lost the engine meets the job again
                return running.number
            if running and title:
                raise _busy(running)
            command = self._as_begun(title, command)
            number = next(self._numbers)
            stop = threading.Event()
            job = _Running(number, title, command, Meter(number, title, stop.is_set, self._emit), stop, resumed)
            if _is_kept(command):
                self._registry.keep_command(title, command)  # before it is a job: a full disk must not leave one behind
            waits = job.is_heavy and any(other.is_heavy for other in self._jobs.values())
            self._jobs[job.key] = job
        if waits:
            job.meter.begin(Phase.QUEUED)
        (self._heavy if job.is_heavy else self._light).submit(self._run, job)
        return number

    def _as_begun(self, title: str, command: commands.Command) -> commands.Command:
        """The same command as it was kept when it was interrupted, which says how far it came; else itself."""
        kept, _ = self._registry.commands().get(title, (command, False))
        return kept if kept == command else command

    def _run(self, job: _Running) -> None:
        outcome, failure, finished = events.Outcome(), None, False
        try:
            if job.is_heavy:
                self._registry.begin(job.title)
            outcome = self._fulfil(job)
            finished = True
        except Cancelled:
            _log.info("%s of %s was stopped", type(job.command).__name__, job.title)
        except Exception as error:  # noqa: BLE001 - whatever a job dies of, a client must hear of it
            _log.exception("%s of %s failed", type(job.command).__name__, job.title)
            failure = events.Failure.of(error)
        self._put_away(job, failure, finished=finished)
        if finished:
            self._emit(events.Finished(job.number, job.title, outcome))
        else:
            self._emit(events.Failed(job.number, job.title, failure))
        self._emit(events.Changed())

    def _put_away(self, job: _Running, failure: events.Failure | None, *, finished: bool) -> None:
        with self._lock:
            self._jobs.pop(job.key, None)
            self._memory.setdefault(job.title, _Memory()).failure = failure
        try:
            if job.is_heavy:
                self._registry.end(job.title)
            if _is_kept(job.command) and job.pause and not finished:
                self._registry.keep_command(job.title, job.command, paused=True)
            elif finished or not (self._closing.is_set() or (failure and failure.code == "disk.interrupted")):
                self._drop(job)
        except ShoalError:  # the clients must hear of the job's end all the same
            _log.exception("the command for %s was not put away", job.title)
        self._kick.set()

    def _drop(self, job: _Running) -> None:
        """Forget a command that is fulfilled or failed; looking and playing say nothing of the one that waits."""
        if _is_kept(job.command) or isinstance(job.command, commands.Uninstall):
            self._registry.drop_command(job.title)

    def _fulfil(self, job: _Running) -> events.Outcome:
        if isinstance(job.command, commands.Play):
            return self._play(job.command, job.meter)
        tools = Tools(
            self._home, self._settings, self._registry, self._ledger, self._packs, self._feeds,
            self._sharing.session_for, self._keeper,
        )  # fmt: skip
        return CommandRunner(tools, job.number, job.meter, self._emit, resumed=job.resumed).run(job.command)

    def _play(self, command: commands.Play, meter: Meter) -> events.Outcome:
        install = self._registry.find(command.title)
        if install is None:
            raise UsageError("usage.not_installed", f"{command.title} is not installed.", title=command.title)
        recover(install, self._registry, self._home.root)
        genuine.ask_offline(self._registry, self._feeds, install)
        installed = genuine.required(self._registry, install)
        memory = self._memory.setdefault(command.title, _Memory())
        with contextlib.ExitStack() as held:
            held.enter_context(self._keeper.holding(command.title))
            known = self._registry.files_seen(command.title)
            game = launch.launch(install.folder, installed, known, command.args, lambda *_: meter.check())
            with self._lock:
                memory.playing = game
                memory.held.push(held.pop_all())
        return events.Outcome(version_to=installed.release.version)

    def _cancel(self, command: commands.Cancel) -> None:
        with self._lock:
            jobs = list(self._jobs.values())
            job = next(
                (j for j in jobs if (j.number == command.job if command.job else j.title == command.title)), None
            )
            if job:
                job.pause = command.pause
                job.stop.set()
        if job is None and not command.pause and not command.job:
            self._registry.drop_command(command.title)
            self._registry.end(command.title)
            with self._lock:
                self._memory.setdefault(command.title, _Memory()).failure = None

    def _change(self, key: str, value: str) -> None:
        with self._lock:
            self._settings = config.changed(self._settings, key, value)
            self._sharing.apply(
                self._settings
                # also when it cannot be saved: the player who asks for silence must not wait
            )
            self._packs.limit_bytes = self._settings.pack_cache_bytes
            config.save(self._home, self._settings)
        self._kick.set()

    # ------------------------------------------------------------ tending

    def _tend(self) -> None:
        """Every few seconds: see who plays, withdraw what changed, note what was given, offer what may be offered."""
        while not self._closing.is_set():
            self._tend_once()
            self._kick.wait(_TEND_S)
            self._kick.clear()

    def _tend_once(self) -> None:
        for look in (self._look_who_plays, self._look_at_offers):
            try:
                look()
            except Exception:  # noqa: BLE001 - the next look may do better; the engine must not lose its tender
                _log.exception("tending failed")

    def _look_who_plays(self) -> None:
        with self._lock:
            ended = [memory for memory in self._memory.values() if memory.playing and memory.playing.poll() is not None]
            for memory in ended:
                memory.playing = None
                memory.held.close()
        if ended:
            self._emit(events.Changed())

    def _look_at_offers(self) -> None:
        before = self._keeper.shown()
        for title in self._keeper.tend():
            self._emit(events.Notice(0, title, f"{title} is no longer offered: its files changed. Verify it."))
        if self._keeper.shown() != before:
            self._emit(events.Changed())


def _is_kept(command: commands.Command) -> bool:
    """Whether it goes on after a crash."""
    return isinstance(command, _LASTING) and not command.only


def _busy(job: _Running) -> BusyError:
    sample = job.meter.latest
    facts: dict[str, str | int] = {"title": job.title, "verb": type(job.command).__name__.lower()}
    if sample:
        facts |= {"phase": sample.phase.value, "done_bytes": sample.done_bytes, "total_bytes": sample.total_bytes}
    return BusyError("busy.title", f"{job.title} has a running job ({facts['verb']}).", **facts)

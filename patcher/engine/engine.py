"""The engine: its snapshot and events for clients, the commands it takes, and the work that it does unasked.

The engine never asks: consent is a setting. A job survives the client that asked for it. Every few seconds the tender
checks which games have ended and which files may be offered.
"""

import contextlib
import dataclasses
import functools
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import patcher
from patcher import config
from patcher.config import Home, Settings
from patcher.engine import surroundings
from patcher.engine.games import Games
from patcher.engine.jobs import Job, Jobs
from patcher.engine.restored import open_files
from patcher.errors import Damaged, EngineLost, ShoalError, TrustError
from patcher.feed.catalog import LIVE
from patcher.install import commit, genuine, launch
from patcher.install.commit import recover_install
from patcher.install.registry import FOLDER_MISSING, Installation, folder_missing
from patcher.protocol import commands, events
from patcher.protocol.commands import Verb
from patcher.protocol.events import Phase
from patcher.seeding.pack_cache import Packs
from patcher.seeding.seeder import Seeder, Seeding
from patcher.seeding.traffic import Ledger
from patcher.transfer.origin.http import current_proxy
from patcher.update import self_update
from patcher.update.command_runner import CommandRunner
from patcher.update.pipeline import Shared
from patcher.update.progress import Meter

_TEND_S = 5.0
_LOOK_S = 1.0
_log = logging.getLogger("shoal.engine")


class Engine:
    """One per home. Every public method may be called from any thread."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._settings, self._registry, self._feeds, self._problems = open_files(home)
        self._written = self._settings
        """The settings that the file held when it was last read; the others are in force."""
        self._settings_problem = ""
        """Why the file could not be read, as said last."""
        self._settings_lock = threading.Lock()  # of both, while they change; nothing else waits for it
        self._packs = Packs(home.packs, self._settings.pack_cache_bytes)
        self._packs.leave_room()
        self._ledger = Ledger(home.registry)
        self._lock = threading.Lock()  # of listeners
        self._jobs = Jobs(self._registry, self._work, self._emit)
        self._missing: set[str] = set()
        """Titles whose folder was not there when the tender looked last."""
        self._listeners: list[Callable[[events.Event], None]] = []
        self._seeder = Seeder(self._settings, self._registry, self._ledger, self._packs, self._feeds)
        self._listen_problem = ""
        """The last that clients were told."""
        self.is_lost = False
        """The registry was damaged since the engine began: the next one makes a new one."""
        self._closing = threading.Event()
        self._kick = threading.Event()
        self._games = Games(home, self._registry, self._seeder.holding, self._kick.set)
        self._tender = threading.Thread(target=self._tend, name="tender", daemon=True)
        self._watch = threading.Thread(target=self._look_around, name="surroundings", daemon=True)

    def start(self) -> None:
        """Finish interrupted commits, go on with interrupted jobs, and seed what may be seeded."""
        with contextlib.suppress(ShoalError):
            self._feeds.remove_unfinished()
        with contextlib.suppress(ShoalError):
            self._games.find()
        for install in self._registry.installs():
            with self._shown_for(install.title):
                recover_install(install, self._registry, self._home.root)
                genuine.ask_offline(self._registry, self._feeds, install)
        self._go_on()
        self._tender.start()
        self._watch.start()

    def _go_on(self) -> None:
        deaths, waiting = self._registry.unfinished_jobs(), self._registry.commands()
        for title in {**deaths, **waiting}:
            with self._shown_for(title):
                self._jobs.resume(title, waiting.get(title), deaths.get(title, 0))

    @contextlib.contextmanager
    def _shown_for(self, title: str) -> Iterator[None]:
        """Show any error as the failure of one title; it stops neither the engine nor other titles."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - what lies in a folder or home may be anybody's
            _log.exception("%s is left aside", title)
            self._jobs.failures[title] = events.Failure.of(error)

    def close(self) -> None:
        """Stop all jobs; as after a crash, they go on at the next start."""
        self._closing.set()
        self._kick.set()
        self._jobs.close()
        if self._tender.is_alive():
            self._tender.join()
        if self._watch.is_alive():
            self._watch.join()
        self._seeder.close()

    @property
    def is_working(self) -> bool:
        """A job runs or waits."""
        return self._jobs.is_working

    @property
    def is_needed(self) -> bool:
        """A job runs, a title plays, or something is seeded."""
        return self.is_working or bool(self._games) or self._seeder.is_offering

    def snapshot(self) -> events.Snapshot:
        """Everything that a client shows. Works without a network."""
        feeds = self._feeds.snapshots()
        installs = {install.title: install for install in self._registry.installs()}
        paused = {title for title, (_, is_paused) in self._registry.commands().items() if is_paused}
        came = {title: counts for title, (_, *counts) in self._registry.downloads().items() if title in paused}
        offered = {f"{feed.name}/{title}": None for feed in feeds for title in feed.titles}
        seeding = self._seeder.snapshot()
        titles = [
            self._title(name, installs.get(name), seeding.get(name, Seeding()), name in paused, came.get(name, ()))
            for name in dict.fromkeys((*offered, *installs))
        ]
        return events.Snapshot(
            patcher.__version__,
            os.getpid(),
            str(self._home.root),
            self._seeder.listen_port,
            tuple(feeds),
            tuple(titles),
            dataclasses.asdict(self._settings),
            self._seeder.listen_problem,
            self._seeder.reach,
            self._seeder.held,
            self._seeder.sharing,
            current_proxy(self._settings.proxy),
            self._problems,
        )

    def submit(self, command: commands.Command, *, again: bool = False) -> int:
        """Take a command and return the number of its job (`Jobs.add`).

        Raises UsageError, BusyError, DiskError if it is refused, EngineLost after `close`.
        """
        if self._closing.is_set():
            raise EngineLost("The engine is shutting down.")
        self_update.check(command, self._registry, is_busy=self._jobs.is_working or bool(self._games))
        match command:
            case commands.ChangeSetting(key, value):
                return self._at_once("", lambda: self._change(key, value))
            case commands.Cancel():
                return self._at_once(command.title, lambda: self._jobs.cancel(command))
            case commands.AddFeed() | commands.RemoveFeed() | commands.RefreshFeed():
                return self._jobs.add("", command)
            case commands.Seed(feed):
                return self._jobs.add(f"{feed}/*", command, again=again)
        if commands.resumes(command) or isinstance(command, commands.Play):
            self._jobs.cancel_all(Verb.SELF_UPDATE)
        return self._jobs.add(command.title, command, again=again)

    @contextlib.contextmanager
    def listening(self, callback: Callable[[events.Event], None]) -> Iterator[None]:
        """Call ``callback`` for each event, in the thread where it happens. The callback must not block."""
        with self._lock:
            self._listeners.append(callback)
        try:
            yield
        finally:
            with self._lock:
                self._listeners.remove(callback)

    def _emit(self, event: events.Event) -> None:
        if isinstance(event, events.Finished | events.Failed):
            self._kick.set()  # the tender looks at what the job changed
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(event)

    def _title(
        self, name: str, install: Installation | None, seeding: Seeding, is_paused: bool, came: Sequence[int]
    ) -> events.TitleSnapshot:
        """``came``: of a paused download, how many bytes are here, and in all."""
        facts = self._feeds.about(name)
        failure, job = self._jobs.failures.get(name), self._jobs.of(name)
        rest = events.Progress(0, name, Phase.FETCH, came[0], came[1]) if came else None
        shown = events.TitleSnapshot(
            name,
            facts.label,
            facts.about,
            offered_version=facts.version,
            failure=failure,
            paused=is_paused,
            playing=name in self._games,
            job=job.number if job else 0,
            verb=job.command.verb if job else Verb.NONE,
            progress=job.meter.latest if job else rest,
        )
        if install is None:
            return shown
        shown = dataclasses.replace(
            shown,
            folder=str(install.folder),
            channel=install.channel,
            tags=install.tags,
            seeding=seeding.is_offered,
            uploaded_bytes=seeding.uploaded_bytes,
        )
        try:
            if version := self._registry.missing(install):
                failure = events.Failure.of(folder_missing(install))
                return dataclasses.replace(shown, folder_missing=True, version=version, failure=failure)
            shown = dataclasses.replace(shown, interrupted=commit.pending(install.folder))
            return self._with_folder(shown, install)
        except Exception as error:  # noqa: BLE001 - a folder may hold anything, and must hide no other title
            return dataclasses.replace(
                shown, installed=isinstance(error, TrustError), failure=failure or events.Failure.of(error)
            )

    def _with_folder(self, shown: events.TitleSnapshot, install: Installation) -> events.TitleSnapshot:
        """Add what the install folder says of itself. Raises TrustError, DiskError."""
        if not install.folder.current.exists:
            return shown
        installed = genuine.required(self._registry, install)
        before = genuine.proved(self._registry, install.title, install.folder.previous)
        is_other = before is not None and before.release.sequence != installed.release.sequence
        version, previous = installed.release.version, before.release.version if before and is_other else ""
        return dataclasses.replace(
            shown, installed=True, version=version, previous_version=previous, preload=self._preload(install)
        )

    def _preload(self, install: Installation) -> Literal["", "offered", "here"]:
        sequence = self._feeds.about(install.title).preload if install.channel == LIVE else 0
        if not sequence:
            return ""
        return "here" if self._packs.is_ready(install.title, sequence) else "offered"

    def _at_once(self, title: str, act: Callable[[], None]) -> int:
        number = self._jobs.number()
        act()
        self._emit(events.Finished(number, title, events.Outcome()))
        self._emit(events.Changed())
        return number

    def _work(self, job: Job) -> events.Outcome:
        if isinstance(job.command, commands.Play):
            return self._play(job.command, job.meter)
        shared = Shared(
            self._home, self._settings, self._registry, self._ledger, self._packs, self._feeds, self._seeder
        )
        return CommandRunner(shared, job.number, job.meter, self._emit, resumed=job.resumed).run(job.command)

    def _play(self, command: commands.Play, meter: Meter) -> events.Outcome:
        install = self._registry.required(command.title)
        recover_install(install, self._registry, self._home.root)
        genuine.ask_offline(self._registry, self._feeds, install)
        installed = genuine.required(self._registry, install)
        known = self._registry.files_seen(command.title)
        start = functools.partial(
            launch.launch, install.folder, installed, known, command.args, lambda *_: meter.check()
        )
        self._games.start(command.title, start)
        return events.Outcome(version_to=installed.release.version)

    def _change(self, key: str, value: str) -> None:
        if key == "games_folder" and value.strip():
            config.check_place(config.full_path(value))
        with self._settings_lock:
            with contextlib.suppress(ShoalError):  # `save` raises it too, when the command is obeyed
                self._read_settings()
            self._obey(config.capped(config.changed(self._settings, key, value), self._settings))
            self._written = config.save(self._home, self._settings, key)
            self._problems = tuple(problem for problem in self._problems if problem.facts.get("key") != key)
        self._kick.set()

    def _obey(self, settings: Settings) -> None:
        """Put settings in force, before they are saved, which may fail: peers are refused at once."""
        self._settings = settings
        self._seeder.apply(settings)
        self._packs.limit_bytes = settings.pack_cache_bytes
        self._feeds.proxy = settings.proxy

    def _read_settings(self) -> bool:
        """Whether somebody edited the file since it was last read; then its settings are in force.

        What could not be saved stays in force until then. Raises DiskError, UsageError.
        """
        found = config.load(self._home)
        is_edited, self._written = found != self._written, found
        if is_edited:
            self._obey(found)
        return is_edited

    def _look_around(self) -> None:
        """Every second, see whether things are as they were; what the settings allow depends on it."""
        reach = self._seeder.reach
        while not self._closing.is_set():
            try:
                around = surroundings.look(self._settings, is_playing=bool(self._games))
                before, reach = reach, self._seeder.reach
                if self._seeder.surround(around) or reach != before:
                    self._emit(events.Changed())
            except Exception:  # noqa: BLE001 - the next look may succeed
                _log.exception("looking around failed")
            self._closing.wait(_LOOK_S)

    def _tend(self) -> None:
        """Every few seconds, see which games ended, withdraw changed files, count uploads and offer what may be."""
        while not self._closing.is_set():
            self._tend_once()
            self._kick.wait(_TEND_S)
            self._kick.clear()

    def _tend_once(self) -> None:
        for look in (
            self._look_at_registry,
            self._look_who_plays,
            self._look_at_settings,
            self._look_for_folders,
            self._look_at_offers,
            self._look_at_port,
        ):
            try:
                look()
            except Exception:  # noqa: BLE001 - the tender must live on; its next look may succeed
                _log.exception("tending failed")

    def _look_at_registry(self) -> None:
        try:
            self._registry.check()
        except Damaged:
            self.is_lost = True
            raise

    def _look_who_plays(self) -> None:
        ended = self._games.take_ended(self._is_starting)
        for title, error in ended.items():
            if error:
                self._jobs.failures[title] = failure = events.Failure.of(error)
                self._emit(events.Failed(0, title, failure))
        if ended:
            self._emit(events.Changed())

    def _is_starting(self, title: str) -> bool:
        job = self._jobs.of(title)
        return job is not None and job.command.verb is Verb.PLAY

    def _look_at_settings(self) -> None:
        problem, is_edited = "", False
        with self._settings_lock:
            try:
                is_edited = self._read_settings()
            except ShoalError as error:
                problem = error.message
        if problem and problem != self._settings_problem:
            _log.warning("the settings before stay in force: %s", problem)
        self._settings_problem = problem
        if is_edited:
            self._emit(events.Changed())

    def _look_for_folders(self) -> None:
        """Tell clients when a drive comes or goes."""
        missing = {each.title for each in self._registry.installs() if self._registry.missing(each)}
        failures = list(self._jobs.failures.items())
        back = {title for title, failure in failures if failure.code == FOLDER_MISSING} - missing
        for title in back:
            self._jobs.failures.pop(title, None)
        if back or missing != self._missing:
            self._missing = missing
            self._emit(events.Changed())

    def _look_at_offers(self) -> None:
        before = self._seeder.snapshot()
        for title in self._seeder.refresh():
            self._emit(events.Notice(0, title, f"{title} is no longer offered: its files changed. Verify it."))
        if self._seeder.snapshot() != before:
            self._emit(events.Changed())

    def _look_at_port(self) -> None:
        before, self._listen_problem = self._listen_problem, self._seeder.listen_problem
        if self._listen_problem not in {"", before}:
            _log.warning("%s", self._listen_problem)
            self._emit(events.Notice(0, "", self._listen_problem))

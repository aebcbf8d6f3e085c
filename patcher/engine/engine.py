"""The engine: its snapshot and events for clients, the commands it takes, and the work that it does unasked.

The engine never asks: consent is a setting. A job survives the client that asked for it. Every few seconds the tender
checks which games have ended and which files may be offered.
"""

import contextlib
import dataclasses
import logging
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import patcher
from patcher import config
from patcher.config import Home
from patcher.engine.jobs import Job, Jobs
from patcher.errors import ShoalError, TrustError, UsageError
from patcher.feed.feeds import Feeds
from patcher.install import commit, genuine, launch
from patcher.install.commit import recover_install
from patcher.install.registry import Installation, Registry
from patcher.protocol import commands, events
from patcher.protocol.commands import Verb
from patcher.protocol.events import Phase
from patcher.seeding.pack_cache import Packs
from patcher.seeding.seeder import Seeder, Seeding
from patcher.seeding.traffic import Ledger
from patcher.update.command_runner import CommandRunner
from patcher.update.pipeline import Shared
from patcher.update.progress import Meter

_TEND_S = 5.0
_log = logging.getLogger("shoal.engine")


@dataclass(frozen=True, slots=True)
class _Game:
    """A title that is being played."""

    process: subprocess.Popen[bytes]
    held: contextlib.ExitStack
    """Keeps its files withdrawn from the swarm; closed when the game ends."""


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
        self._jobs = Jobs(self._registry, self._work, self._emit)
        self._games: dict[str, _Game] = {}
        self._listeners: list[Callable[[events.Event], None]] = []
        self._seeder = Seeder(self._settings, self._registry, self._ledger, self._packs, self._feeds)
        self._closing = threading.Event()
        self._kick = threading.Event()
        self._tender = threading.Thread(target=self._tend, name="tender", daemon=True)

    def start(self) -> None:
        """Finish interrupted commits, go on with interrupted jobs, and seed what may be seeded."""
        with contextlib.suppress(ShoalError):
            self._feeds.remove_unfinished()
        for install in self._registry.installs():
            with self._shown_for(install.title):
                recover_install(install, self._registry, self._home.root)
                genuine.ask_offline(self._registry, self._feeds, install)
        self._go_on()
        self._tender.start()

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
        )

    def submit(self, command: commands.Command) -> int:
        """Take a command and return the number of its job. Raises UsageError, BusyError, DiskError if it is refused."""
        match command:
            case commands.ChangeSetting(key, value):
                return self._at_once("", lambda: self._change(key, value))
            case commands.Cancel():
                return self._at_once(command.title, lambda: self._jobs.cancel(command))
            case commands.AddFeed() | commands.RemoveFeed() | commands.RefreshFeed():
                return self._jobs.add("", command)
            case commands.Seed(feed):
                return self._jobs.add(f"{feed}/*", command)
        return self._jobs.add(command.title, command)

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
        version, previous = installed.release.version, before.release.version if before else ""
        return dataclasses.replace(shown, installed=True, version=version, previous_version=previous)

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
        install = self._registry.find(command.title)
        if install is None:
            raise UsageError("usage.not_installed", f"{command.title} is not installed.", title=command.title)
        recover_install(install, self._registry, self._home.root)
        genuine.ask_offline(self._registry, self._feeds, install)
        installed = genuine.required(self._registry, install)
        with contextlib.ExitStack() as held:
            held.enter_context(self._seeder.holding(command.title))
            known = self._registry.files_seen(command.title)
            game = launch.launch(install.folder, installed, known, command.args, lambda *_: meter.check())
            with self._lock:
                if other := self._games.get(command.title):
                    held.push(other.held)
                self._games[command.title] = _Game(game, held.pop_all())
        return events.Outcome(version_to=installed.release.version)

    def _change(self, key: str, value: str) -> None:
        with self._lock:
            self._settings = config.changed(self._settings, key, value)
            self._seeder.apply(self._settings)  # before saving, which may fail: peers are refused at once
            self._packs.limit_bytes = self._settings.pack_cache_bytes
            config.save(self._home, self._settings)
        self._kick.set()

    def _tend(self) -> None:
        """Every few seconds, see which games ended, withdraw changed files, count uploads and offer what may be."""
        while not self._closing.is_set():
            self._tend_once()
            self._kick.wait(_TEND_S)
            self._kick.clear()

    def _tend_once(self) -> None:
        for look in (self._look_who_plays, self._look_at_offers):
            try:
                look()
            except Exception:  # noqa: BLE001 - the tender must live on; its next look may succeed
                _log.exception("tending failed")

    def _look_who_plays(self) -> None:
        with self._lock:
            ended = [title for title, game in self._games.items() if game.process.poll() is not None]
            for title in ended:
                self._games.pop(title).held.close()
        if ended:
            self._emit(events.Changed())

    def _look_at_offers(self) -> None:
        before = self._seeder.snapshot()
        for title in self._seeder.refresh():
            self._emit(events.Notice(0, title, f"{title} is no longer offered: its files changed. Verify it."))
        if self._seeder.snapshot() != before:
            self._emit(events.Changed())

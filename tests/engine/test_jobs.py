"""How jobs end, and what becomes of the commands that are stored with them."""

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from patcher.engine.jobs import ENDINGS, Ending, Job, Jobs, Stored
from patcher.errors import BusyError, Cancelled, DiskError, EngineLost, OriginError, Unfinished
from patcher.install.registry import Registry
from patcher.protocol import commands, events
from patcher.protocol.commands import Command, Verb
from patcher.protocol.events import Failed, Finished

_TITLE = "demo/game"
_UPDATE, _LOOK, _REMOVE = commands.Update(_TITLE), commands.Update(_TITLE, only="plan"), commands.Uninstall(_TITLE)
_FULL, _OFFLINE = Unfinished("Not all is in place."), OriginError("origin.unreachable", "Nobody answers.")
_WAITS, _PAUSED, _GONE = {_TITLE: (_UPDATE, False)}, {_TITLE: (_UPDATE, True)}, dict[str, tuple[Command, bool]]()


def test_every_ending_says_what_becomes_of_the_command() -> None:
    assert set(ENDINGS) == set(Ending)
    assert set(ENDINGS.values()) == set(Stored)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "db")


class Played:
    """Jobs of which each is at work until it is told to end."""

    def __init__(self, registry: Registry) -> None:
        self.told: SimpleQueue[events.Event] = SimpleQueue()
        self.errors: SimpleQueue[Exception | None] = SimpleQueue()
        self.begun = threading.Event()
        self.jobs = Jobs(registry, self._work, self.told.put)

    def _work(self, job: Job) -> events.Outcome:
        self.begun.set()
        if error := self.errors.get(timeout=10):
            raise error
        return events.Outcome(version_to="2")

    def end(self) -> Finished | Failed:
        """How the job ends, as clients hear it; they are told to look again right after."""
        while not isinstance(event := self.told.get(timeout=10), Finished | Failed):
            pass
        assert self.told.get(timeout=10) == events.Changed()
        return event


@pytest.fixture
def played(registry: Registry) -> Iterator[Played]:
    made = Played(registry)
    yield made
    made.jobs.close()


@pytest.mark.parametrize(
    ("command", "error", "pause", "stored", "code"),
    [
        (_UPDATE, None, False, _GONE, None),
        (_UPDATE, None, True, _GONE, None),
        (_UPDATE, _OFFLINE, False, _GONE, "origin.unreachable"),
        (_UPDATE, _OFFLINE, True, _PAUSED, "origin.unreachable"),
        (_UPDATE, KeyError("x"), False, _GONE, "internal.failure"),
        (_UPDATE, DiskError("disk.full", "Full."), False, _GONE, "disk.full"),
        (_UPDATE, _FULL, False, _WAITS, "disk.interrupted"),
        (_UPDATE, Cancelled(), False, _GONE, None),
        (_UPDATE, Cancelled(), True, _PAUSED, None),
        (_LOOK, None, False, _WAITS, None),
        (_LOOK, _OFFLINE, False, _WAITS, "origin.unreachable"),
        (_LOOK, Cancelled(), True, _WAITS, None),
        (commands.Verify(_TITLE), None, False, _WAITS, None),
        (commands.Play(_TITLE), Cancelled(), False, _WAITS, None),
        (_REMOVE, None, False, _GONE, None),
        (_REMOVE, _OFFLINE, False, _GONE, "origin.unreachable"),
        (_REMOVE, _FULL, False, _WAITS, "disk.interrupted"),
        (_REMOVE, Cancelled(), True, _GONE, None),
    ],
)
def test_a_job_that_ends_leaves_the_command_that_its_ending_says(
    registry: Registry,
    played: Played,
    command: Command,
    error: Exception | None,
    pause: bool,
    stored: dict[str, tuple[Command, bool]],
    code: str | None,
) -> None:
    registry.keep_command(_TITLE, _UPDATE)
    played.jobs.add(_TITLE, command)
    if pause:
        played.jobs.cancel(commands.Cancel(_TITLE, pause=True))
    played.errors.put(error)
    end = played.end()
    assert (registry.commands(), registry.unfinished_jobs(), played.jobs.is_working) == (stored, {}, False)
    assert isinstance(end, Finished) == (error is None)
    failure = end.failure if isinstance(end, Failed) else None
    assert (failure and failure.code, played.jobs.failures.get(_TITLE)) == (code, failure)


@pytest.mark.parametrize("error", [Cancelled(), _OFFLINE, _FULL, KeyError("x")])
def test_whatever_a_job_ends_with_while_the_engine_closes_it_goes_on_at_the_next_start(
    registry: Registry, played: Played, error: Exception
) -> None:
    played.jobs.add(_TITLE, _UPDATE)
    assert played.begun.wait(10)
    closing = threading.Thread(target=played.jobs.close)
    closing.start()
    job = played.jobs.of(_TITLE)
    assert job and job.stop.wait(10)
    played.errors.put(error)
    closing.join()
    assert (registry.commands(), registry.unfinished_jobs()) == (_WAITS, {})


def test_a_light_job_does_not_wait_for_a_heavy_one(played: Played) -> None:
    played.jobs.add(_TITLE, _UPDATE)
    assert played.begun.wait(10)
    light = played.jobs.add("", commands.RefreshFeed())
    ended = []
    for _ in range(2):  # whichever comes first: both are at work
        played.errors.put(None)
        ended.append(played.end().job)
    assert light in ended


def test_play_begins_although_no_feed_answers(registry: Registry) -> None:
    begun, answer = SimpleQueue[Verb](), threading.Event()

    def work(job: Job) -> events.Outcome:
        begun.put(job.command.verb)
        answer.wait(10)
        return events.Outcome()

    jobs = Jobs(registry, work, lambda _: None)
    for _ in range(8):
        jobs.add("", commands.RefreshFeed())
    jobs.add(_TITLE, commands.Play(_TITLE))
    while begun.get(timeout=5) is not Verb.PLAY:
        pass
    answer.set()
    jobs.close()


@pytest.mark.parametrize("pause", [False, True])
def test_a_job_that_waits_is_cancelled_at_once(registry: Registry, played: Played, pause: bool) -> None:
    played.jobs.add("demo/other", commands.Update("demo/other"))
    waiting = played.jobs.add(_TITLE, _UPDATE)
    assert played.begun.wait(10)
    for _ in range(2):  # the second finds nothing to cancel, and takes nothing back
        played.jobs.cancel(commands.Cancel(_TITLE, pause=pause))
        if not pause:
            break
    assert played.end() == Failed(waiting, _TITLE, None)
    assert registry.commands().get(_TITLE) == ((_UPDATE, True) if pause else None)
    assert played.jobs.of("demo/other")
    played.errors.put(None)
    assert isinstance(played.end(), Finished)


def test_a_look_at_a_feed_that_waits_for_others_is_cancelled_at_once(played: Played) -> None:
    numbers = [played.jobs.add("", commands.RefreshFeed()) for _ in range(5)]
    played.jobs.cancel(commands.Cancel(job=numbers[-1]))
    assert played.end() == Failed(numbers[-1], "", None)
    for _ in numbers[:-1]:
        played.errors.put(None)


def test_after_the_end_no_command_is_taken_and_none_is_left_behind(registry: Registry, played: Played) -> None:
    played.jobs.close()
    with pytest.raises(EngineLost):
        played.jobs.add(_TITLE, _UPDATE)
    assert (registry.commands(), played.jobs.is_working) == (_GONE, False)


def test_who_asks_for_what_runs_already_follows_it(played: Played) -> None:
    job = played.jobs.add(_TITLE, _UPDATE)
    assert played.begun.wait(10)
    assert played.jobs.add(_TITLE, _UPDATE) == job
    with pytest.raises(BusyError):
        played.jobs.add(_TITLE, commands.Repair(_TITLE))
    played.jobs.cancel(commands.Cancel(_TITLE))
    with pytest.raises(BusyError):  # what is being stopped is not what was asked for
        played.jobs.add(_TITLE, _UPDATE)
    played.errors.put(Cancelled())
    assert played.end() == Failed(job, _TITLE, None)


@pytest.mark.parametrize("error", [None, _OFFLINE, Cancelled()])
def test_a_client_that_comes_back_too_late_hears_how_its_job_ended(played: Played, error: Exception | None) -> None:
    install = commands.Install(_TITLE)
    job = played.jobs.add(_TITLE, install, again=True)  # as the engine goes on with it at its start
    played.errors.put(error)
    end = played.end()
    assert played.jobs.add(_TITLE, install, again=True) == job
    assert played.told.get(timeout=10) == end
    assert not played.jobs.is_working
    assert played.jobs.add(_TITLE, install) != job, "who does not come back has it done"
    played.errors.put(None)
    assert isinstance(played.end(), Finished)


def test_a_job_that_is_never_in_the_way_is_cancelled_for_the_player(played: Played) -> None:
    played.jobs.add("demo/launcher", commands.SelfUpdate("demo/launcher", "program"))
    played.begun.wait(10)
    played.jobs.add(_TITLE, _UPDATE)
    played.jobs.cancel_all(Verb.SELF_UPDATE)
    job = played.jobs.of("demo/launcher")
    assert job
    assert job.stop.is_set()
    assert (other := played.jobs.of(_TITLE)) and not other.stop.is_set()
    for error in (Cancelled(), None):
        played.errors.put(error)

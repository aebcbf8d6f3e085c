"""The window's state, without Qt: `apply` takes a message and returns the next frozen `State`. `page` reads it."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from patcher.protocol import commands
from patcher.protocol.commands import Verb
from patcher.protocol.events import (
    Changed,
    Event,
    Failed,
    Failure,
    FeedFound,
    FeedSnapshot,
    Finished,
    Notice,
    Outcome,
    Phase,
    Planned,
    Progress,
    Snapshot,
    TitleSnapshot,
)

_MAX_SAMPLES = 120
NEW_FEED = "+"
"""The key of `State.problems` for the feed that is being added."""
FOLDER_MISSING = "disk.folder_missing"
SETTINGS = "="
"""The key of `State.problems` for the settings."""


class Link(enum.StrEnum):
    """The connection to the engine."""

    STARTING = "starting"
    UP = "up"
    LOST = "lost"


# ---------------------------------------------------------------- messages that the bridge adds to the engine's own


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The engine answers, or it is lost (``failure`` says why) and is being restarted."""

    link: Link
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The engine accepted a command as this job."""

    command: commands.Command
    job: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The engine rejected a command."""

    command: commands.Command
    failure: Failure


Message = Event | Snapshot | LinkChanged | Accepted | Refused


# ---------------------------------------------------------------- the state


class RateSample(NamedTuple):
    """Transfer rates by source, in bytes per second."""

    server_bps: float = 0.0
    lan_bps: float = 0.0
    players_bps: float = 0.0
    upload_bps: float = 0.0


@dataclass(frozen=True, slots=True)
class TitleActivity:
    """The messages about one title since the window opened."""

    command: commands.Command | None = None
    """The player's last command; Retry submits it again."""
    plan_job: int = 0
    """The last job that only planned, in the background."""
    progress: Progress | None = None
    planned: Planned | None = None
    outcome: Outcome | None = None
    verb: Verb = Verb.NONE
    """The verb of the outcome."""
    failure: Failure | None = None
    is_dismissed: bool = False
    """The player has dismissed the failure."""
    damaged: tuple[str, ...] = ()
    rate_samples: tuple[RateSample, ...] = ()
    sampled_s: float = 0.0
    """The time of the last rate sample."""


@dataclass(frozen=True, slots=True)
class State:
    """Everything that the window shows is derived from this."""

    link: Link = Link.STARTING
    link_failure: Failure | None = None
    snapshot: Snapshot | None = None
    activities: Mapping[str, TitleActivity] = field(default_factory=dict)
    jobs: Mapping[int, commands.Command] = field(default_factory=dict)
    """This window's jobs that have not ended."""
    found_feed: FeedSnapshot | None = None
    """The feed that was looked up last."""
    problems: Mapping[str, Failure] = field(default_factory=dict)
    """Failures by the name of the feed, `NEW_FEED` or `SETTINGS`."""
    read: tuple[Failure, ...] = ()
    """Problems of the home that the player has read."""
    own: str = ""
    """The title that is this launcher itself; it is shown nowhere."""

    @property
    def titles(self) -> tuple[TitleSnapshot, ...]:
        """All titles of all feeds, installed or not, but for the launcher's own."""
        return tuple(title for title in self.snapshot.titles if title.title != self.own) if self.snapshot else ()

    def title(self, name: str) -> TitleSnapshot | None:
        """The title called ``feed/name``, or None."""
        return next((title for title in self.titles if title.title == name), None)

    def activity(self, name: str) -> TitleActivity:
        """The activity of a title; an empty one if there was none."""
        return self.activities.get(name, TitleActivity())

    def is_planning(self, name: str) -> bool:
        """Whether a plan of the title has been requested and not yet received."""
        return any(is_plan_only(command) and title_of(command) == name for command in self.jobs.values())

    def is_busy(self, title: TitleSnapshot) -> bool:
        """Whether a job of the title, other than background planning, runs or waits."""
        return bool(title.job) and title.job != self.activity(title.title).plan_job

    @property
    def is_working(self) -> bool:
        """Whether any title is busy."""
        return any(self.is_busy(title) for title in self.titles)

    @property
    def percent_done(self) -> int:
        """How far all jobs together are, from 0 to 100; -1 while none says how much it has to do."""
        samples = [self.activity(title.title).progress for title in self.titles if self.is_busy(title)]
        known = [sample for sample in samples if sample and sample.total_bytes]
        total_bytes = sum(sample.total_bytes for sample in known)
        return 100 * sum(sample.done_bytes for sample in known) // total_bytes if known else -1

    def failure(self, title: TitleSnapshot) -> Failure | None:
        """The title's failure: the one that this window has seen, else the one that the engine remembers.

        A missing folder is the engine's to say: it may be back. Until then it counts why it was not located.
        """
        activity = self.activity(title.title)
        seen, command = activity.failure, activity.command
        is_located = isinstance(command, commands.Install) and command.locate
        if title.folder_missing:
            return seen if seen and is_located else title.failure
        is_back = seen and (seen.code == FOLDER_MISSING or (is_located and title.installed))
        return title.failure if is_back else seen or title.failure

    @property
    def unread_feed(self) -> str:
        """The name of the first feed that cannot be read, or empty."""
        return next((name for name in self.problems if name not in {NEW_FEED, SETTINGS}), "")

    @property
    def home_problem(self) -> Failure | None:
        """The first problem of the home that the player has not read."""
        problems = self.snapshot.problems if self.snapshot else ()
        return next((problem for problem in problems if problem not in self.read), None)


def apply(state: State, message: Message, now_s: float = 0.0) -> State:
    """The state after one more message; ``now_s`` is the reading of a monotonic clock."""
    match message:
        case Snapshot():
            return _with_snapshot(state, message)
        case LinkChanged(link, failure):
            return _linked(state, link, failure)
        case Accepted(command, job):
            return _accepted(state, command, job)
        case Refused(command, failure):
            return state if is_plan_only(command) else _failed(state, command, failure)
        case FeedFound(feed=feed):
            return replace(state, found_feed=feed)
        case Changed():
            return state
    return _apply_job_event(state, message, now_s)


def _with_activity(state: State, title: str, **changes: object) -> State:
    activity = replace(state.activity(title), **changes)  # type: ignore[arg-type]  # the callers name its fields
    return replace(state, activities={**state.activities, title: activity})


def _with_snapshot(state: State, snapshot: Snapshot) -> State:
    titles = {title.title: title for title in snapshot.titles}
    activities = {}
    for name, activity in state.activities.items():
        title = titles.get(name)
        is_done = activity.planned and title and activity.planned.version_to == title.version
        activities[name] = replace(activity, planned=None) if is_done else activity
    return replace(state, snapshot=snapshot, activities=activities)


def _linked(state: State, link: Link, failure: Failure | None) -> State:
    """A new engine numbers its jobs from one, so the job numbers of an earlier engine are dropped."""
    if link is Link.UP:
        activities = {name: replace(activity, progress=None, plan_job=0) for name, activity in state.activities.items()}
        return replace(state, link=link, link_failure=None, jobs={}, activities=activities)
    return replace(state, link=link, link_failure=failure)


def _accepted(state: State, command: commands.Command, job: int) -> State:
    state = replace(state, jobs={**state.jobs, job: command})
    title = title_of(command)
    if isinstance(command, commands.AddFeed):
        return replace(_without_problem(state, command), found_feed=None)
    if isinstance(command, commands.ChangeSetting):
        return _without_problem(state, command)
    if not title or isinstance(command, commands.Cancel):
        return state
    if is_plan_only(command):
        return _with_activity(state, title, plan_job=job)
    fresh: dict[str, object] = {"failure": None, "is_dismissed": False, "progress": None}
    if not isinstance(command, commands.Play):  # the result of the last update stays visible
        fresh |= {"outcome": None, "rate_samples": (), "sampled_s": 0.0}
    return _with_activity(state, title, command=command, **fresh)


def _apply_job_event(state: State, event: Event, now_s: float) -> State:
    match event:
        case Progress():
            return _progress(state, event, now_s)
        case Planned():
            return _with_activity(state, event.title, planned=event, failure=None)
        case Notice(job=0, title=title) if title:
            return _with_activity(state, title, damaged=state.activity(title).damaged or ("",))
        case Finished(job, title, outcome):
            return _finished(state, job, title, outcome)
        case Failed(job, title, failure):
            command = state.jobs.get(job)
            state = _without_job(state, job)
            if title and (command is None or is_plan_only(command)):
                return _with_activity(state, title, failure=failure, is_dismissed=False, progress=None)
            return _failed(state, command, failure) if command else state
    return state


def _progress(state: State, progress: Progress, now_s: float) -> State:
    activity = state.activity(progress.title)
    if progress.job == activity.plan_job:
        return state
    changes: dict[str, object] = {"progress": progress}
    if progress.phase is Phase.FETCH and now_s - activity.sampled_s >= 1.0:
        if activity.sampled_s:
            changes["rate_samples"] = (*activity.rate_samples, rates_of(progress))[-_MAX_SAMPLES:]
        changes["sampled_s"] = now_s
    return _with_activity(state, progress.title, **changes)


def rates_of(progress: Progress) -> RateSample:
    """The rates that the engine measured, as the graph and its legend show them."""
    rates = progress.rates
    return RateSample(rates.origin_bps, rates.lan_bps, rates.peer_bps, progress.upload_bps)


def _finished(state: State, job: int, title: str, outcome: Outcome) -> State:
    command = state.jobs.get(job)
    known = state.title(title)
    verb = command.verb if command else known.verb if known and known.job == job else Verb.NONE
    state = _without_job(state, job)
    if isinstance(command, commands.RefreshFeed):
        return _without_problem(state, command)
    if not title or verb in {Verb.CANCEL, Verb.NONE}:
        return state
    if command and is_plan_only(command):
        return _with_activity(state, title, failure=None)
    if verb is Verb.PLAY:
        return _with_activity(state, title, progress=None, failure=None)
    if isinstance(command, commands.Uninstall) and not (command.forget or outcome.version_from):
        verb = Verb.CANCEL  # a first install was given up
    damaged = outcome.files if verb is Verb.VERIFY else ()
    return _with_activity(state, title, outcome=outcome, verb=verb, progress=None, failure=None, damaged=damaged)


def _failed(state: State, command: commands.Command, failure: Failure | None) -> State:
    title = title_of(command)
    if title:
        retried = state.activity(title).command if isinstance(command, commands.Cancel) else command
        return _with_activity(state, title, failure=failure, is_dismissed=False, progress=None, command=retried)
    if failure is None:
        return state
    return replace(state, problems={**state.problems, _problem_key(command): failure})


def _without_job(state: State, job: int) -> State:
    return replace(state, jobs={number: command for number, command in state.jobs.items() if number != job})


def _without_problem(state: State, command: commands.Command) -> State:
    key = _problem_key(command)
    return replace(state, problems={name: failure for name, failure in state.problems.items() if name != key})


def dismiss_home_problem(state: State) -> State:
    """The player has read the home's problem that is shown."""
    return replace(state, read=(*state.read, *filter(None, [state.home_problem])))


def dismiss(state: State, title: str) -> State:
    """The player has dismissed the title's failure."""
    return _with_activity(state, title, is_dismissed=True)


def _problem_key(command: commands.Command) -> str:
    match command:
        case commands.AddFeed():
            return NEW_FEED
        case commands.ChangeSetting():
            return SETTINGS
    return str(getattr(command, "name", ""))


def title_of(command: commands.Command) -> str:
    """The title of a command, or empty."""
    return str(getattr(command, "title", ""))


def is_plan_only(command: commands.Command) -> bool:
    """Whether the command only plans (``only``) and changes nothing."""
    return bool(getattr(command, "only", "")) and not isinstance(command, commands.AddFeed)

"""What the window knows, without Qt: messages go in, a frozen `State` comes out; `launcher.page` says what it shows."""

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from patcher.protocol import commands
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
    Sources,
    TitleSnapshot,
)

_FLOWS = 120


class Link(enum.StrEnum):
    """Whether there is an engine to talk to."""

    STARTING = "starting"
    UP = "up"
    LOST = "lost"


# ---------------------------------------------------------------- messages beside the engine's own


@dataclass(frozen=True, slots=True)
class Linked:
    """The engine answers, or (``failure``) is lost and being started again."""

    link: Link
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """The engine took a command as this job."""

    command: commands.Command
    job: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The engine did not take a command."""

    command: commands.Command
    failure: Failure


Message = Event | Snapshot | Linked | Taken | Refused


# ---------------------------------------------------------------- what is known


@dataclass(frozen=True, slots=True)
class Flow:
    """Where bytes came from in one moment, in bytes a second."""

    players_bps: float = 0.0
    server_bps: float = 0.0
    upload_bps: float = 0.0
    lan_bps: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What was said of one title since the window opened."""

    command: commands.Command | None = None
    """The last thing the player asked for, to try again."""
    quiet: int = 0
    """The last job that planned in the background, which nobody asked for."""
    progress: Progress | None = None
    planned: Planned | None = None
    outcome: Outcome | None = None
    verb: str = ""
    """Of the outcome."""
    failure: Failure | None = None
    is_put_away: bool = False
    """The player has read the failure."""
    damaged: tuple[str, ...] = ()
    flows: tuple[Flow, ...] = ()
    counted: tuple[float, Sources] = (0.0, Sources())
    """When the last flow was taken, and the bytes by source until then."""


@dataclass(frozen=True, slots=True)
class State:
    """All that the window knows."""

    link: Link = Link.STARTING
    link_failure: Failure | None = None
    snapshot: Snapshot | None = None
    seen: Mapping[str, Seen] = field(default_factory=dict)
    jobs: Mapping[int, commands.Command] = field(default_factory=dict)
    """Jobs of ours that are not done."""
    found: FeedSnapshot | None = None
    """The feed that was looked at last."""
    troubles: Mapping[str, Failure] = field(default_factory=dict)
    """What is wrong with feeds and settings: by feed name, ``+`` for the one being added, ``=`` for settings."""

    def title(self, name: str) -> TitleSnapshot | None:
        """The title called ``feed/name``, when there is one."""
        titles = self.snapshot.titles if self.snapshot else ()
        return next((title for title in titles if title.title == name), None)

    def of(self, name: str) -> Seen:
        """What was said of a title."""
        return self.seen.get(name, Seen())

    def is_asking(self, name: str) -> bool:
        """Whether a plan of a title is on its way."""
        return any(is_quiet(command) and _title_of(command) == name for command in self.jobs.values())

    @property
    def is_working(self) -> bool:
        """A job that somebody asked for runs or waits."""
        titles = self.snapshot.titles if self.snapshot else ()
        return any(title.job and title.job != self.of(title.title).quiet for title in titles)


def after(state: State, message: Message, now_s: float = 0.0) -> State:
    """The state when one more message was heard; ``now_s`` is any clock that only goes forward."""
    match message:
        case Snapshot():
            return _with_snapshot(state, message)
        case Linked(link, failure):
            return _linked(state, link, failure)
        case Taken(command, job):
            return _taken(state, command, job)
        case Refused(command, failure):
            return state if is_quiet(command) else _failed(state, command, failure)
        case FeedFound(feed=feed):
            return dataclasses.replace(state, found=feed)
        case Changed():
            return state
    return _heard(state, message, now_s)


def _with(state: State, title: str, **changes: object) -> State:
    seen = dataclasses.replace(state.of(title), **changes)  # type: ignore[arg-type]  # the callers name fields of Seen
    return dataclasses.replace(state, seen={**state.seen, title: seen})


def _with_snapshot(state: State, snapshot: Snapshot) -> State:
    titles = {title.title: title for title in snapshot.titles}
    seen = {}
    for name, known in state.seen.items():
        title = titles.get(name)
        is_done = known.planned and title and known.planned.version_to == title.version
        seen[name] = dataclasses.replace(known, planned=None) if is_done else known
    return dataclasses.replace(state, snapshot=snapshot, seen=seen)


def _linked(state: State, link: Link, failure: Failure | None) -> State:
    """An engine counts its jobs from one: what was known by an earlier one's numbers is void."""
    if link is Link.UP:
        seen = {name: dataclasses.replace(known, progress=None, quiet=0) for name, known in state.seen.items()}
        return dataclasses.replace(state, link=link, link_failure=None, jobs={}, seen=seen)
    return dataclasses.replace(state, link=link, link_failure=failure)


def _taken(state: State, command: commands.Command, job: int) -> State:
    state = dataclasses.replace(state, jobs={**state.jobs, job: command})
    title = _title_of(command)
    if isinstance(command, commands.AddFeed | commands.ChangeSetting):
        key = "+" if isinstance(command, commands.AddFeed) else "="
        troubles = {name: failure for name, failure in state.troubles.items() if name != key}
        return dataclasses.replace(state, troubles=troubles, found=None if key == "+" else state.found)
    if not title or isinstance(command, commands.Cancel):
        return state
    if is_quiet(command):
        return _with(state, title, quiet=job)
    fresh: dict[str, object] = {"failure": None, "is_put_away": False, "progress": None}
    if not isinstance(command, commands.Play):  # how the last update went is still worth a line
        fresh |= {"outcome": None, "flows": (), "counted": (0.0, Sources())}
    return _with(state, title, command=command, **fresh)


def _heard(state: State, event: Event, now_s: float) -> State:
    match event:
        case Progress():
            return _progress(state, event, now_s)
        case Planned():
            return _with(state, event.title, planned=event)
        case Notice(title=title) if title:
            return _with(state, title, damaged=state.of(title).damaged or ("",)) if event.job == 0 else state
        case Finished(job, title, outcome):
            return _finished(state, job, title, outcome)
        case Failed(job, title, failure):
            command = state.jobs.get(job)
            state = _without(state, job)
            if title and (command is None or is_quiet(command)):
                return _with(state, title, failure=failure, is_put_away=False, progress=None)
            return _failed(state, command, failure) if command else state
    return state


def _progress(state: State, now: Progress, now_s: float) -> State:
    seen = state.of(now.title)
    if now.job == seen.quiet:
        return state
    then_s, then = seen.counted
    changes: dict[str, object] = {"progress": now}
    if now.phase is Phase.FETCH and now_s - then_s >= 1.0:
        if then_s:
            changes["flows"] = (*seen.flows, _flow(then, now, now_s - then_s))[-_FLOWS:]
        changes["counted"] = (now_s, now.sources)
    return _with(state, now.title, **changes)


def _flow(then: Sources, now: Progress, passed_s: float) -> Flow:
    players, server, lan = (
        max(0, getattr(now.sources, name) - getattr(then, name)) / passed_s
        for name in ("peer_bytes", "origin_bytes", "lan_bytes")
    )
    return Flow(players, server, now.upload_bps, lan)


def _finished(state: State, job: int, title: str, outcome: Outcome) -> State:
    command = state.jobs.get(job)
    known = state.title(title)
    verb = command.verb if command else known.verb if known and known.job == job else ""
    state = _without(state, job)
    if isinstance(command, commands.RefreshFeed):
        return dataclasses.replace(state, troubles={k: v for k, v in state.troubles.items() if k != command.name})
    if not title or verb in {"cancel", ""} or (command and is_quiet(command)):
        return state
    if verb == "play":
        return _with(state, title, progress=None, failure=None)
    damaged = outcome.files if verb == "verify" else ()
    return _with(state, title, outcome=outcome, verb=verb, progress=None, failure=None, damaged=damaged)


def _failed(state: State, command: commands.Command, failure: Failure | None) -> State:
    title = _title_of(command)
    if title:
        kept = state.of(title).command if isinstance(command, commands.Cancel) else command
        return _with(state, title, failure=failure, is_put_away=False, progress=None, command=kept)
    if failure is None:
        return state
    key = (
        "+"
        if isinstance(command, commands.AddFeed)
        else "="
        if isinstance(command, commands.ChangeSetting)
        else _feed_of(command)
    )
    return dataclasses.replace(state, troubles={**state.troubles, key: failure})


def _without(state: State, job: int) -> State:
    return dataclasses.replace(state, jobs={number: command for number, command in state.jobs.items() if number != job})


def put_away(state: State, title: str) -> State:
    """The player has read what failed."""
    return _with(state, title, is_put_away=True)


def _feed_of(command: commands.Command) -> str:
    return str(getattr(command, "name", ""))


def _title_of(command: commands.Command) -> str:
    return str(getattr(command, "title", ""))


def is_quiet(command: commands.Command) -> bool:
    """A command that only asks what another would do."""
    return bool(getattr(command, "only", "")) and not isinstance(command, commands.AddFeed)

"""What the page and the library row of a title show, without Qt: pure functions of what is known."""

import dataclasses
import enum
from dataclasses import dataclass

from launcher.state import Flow, Link, Seen, State
from patcher.protocol import commands
from patcher.protocol.events import Failure, Outcome, Phase, Progress, TitleSnapshot, Totals

_LASTING = frozenset({"install", "update", "rollback", "settags", "repair", "move"})
"""Verbs that can be paused: they go on where they were."""
_AT_ONCE = frozenset({"uninstall", "play"})


class PrimaryAction(enum.StrEnum):
    """What the one big button is."""

    WAIT = "wait"
    INSTALL = "install"
    UPDATE = "update"
    PAUSE = "pause"
    STOP = "stop"
    RESUME = "resume"
    QUEUED = "queued"
    NEEDS_SPACE = "needs-space"
    REPAIR = "repair"
    PLAY = "play"
    PLAYING = "playing"


class MenuAction(enum.StrEnum):
    """What else may be done with a title."""

    VERIFY = "verify"
    REPAIR = "repair"
    PARTS = "parts"
    ROLLBACK = "rollback"
    MOVE = "move"
    OPEN_FOLDER = "open-folder"
    UNINSTALL = "uninstall"


@dataclass(frozen=True, slots=True)
class Page:
    """One title's page. Bytes and rates as numbers; `launcher.text` makes sentences of them."""

    title: str
    act: PrimaryAction
    enabled: bool = True
    verb: str = ""
    progress: Progress | None = None
    fraction: float | None = None
    choices: frozenset[MenuAction] = frozenset()
    failure: Failure | None = None
    plan: Totals | None = None
    needed_bytes: int = 0
    """More than there is, when the button says that space is missing."""
    free_bytes: int = -1
    result: Outcome | None = None
    """Of the last update, when it is worth a line."""
    result_verb: str = ""
    damaged: tuple[str, ...] = ()
    flows: tuple[Flow, ...] = ()
    version_to: str = ""
    """The release that the button leads to, when it is another one than the installed."""
    can_play: bool = False
    """Installed and at rest, though the button may offer something else."""


@dataclass(frozen=True, slots=True)
class Row:
    """One title in the library."""

    title: str
    act: PrimaryAction
    verb: str = ""
    fraction: float | None = None
    is_failed: bool = False


def page_of(state: State, title: TitleSnapshot, free_bytes: int = -1) -> Page:
    """What the page of ``title`` shows; ``free_bytes`` is the room on its drive, -1 when nobody knows."""
    seen = state.of(title.title)
    is_busy = _is_busy(title, seen)
    plan = seen.planned.totals if seen.planned else None
    needed = _missing_room(title, seen, plan, free_bytes)
    act = _act(state, title, seen, needed)
    progress = _progress(title, seen) if is_busy else None
    return Page(
        title.title,
        act,
        enabled=state.link is Link.UP and act not in {PrimaryAction.WAIT, PrimaryAction.QUEUED, PrimaryAction.PLAYING},
        verb=title.verb if is_busy else "",
        progress=progress,
        fraction=fraction_of(progress),
        choices=_choices(title) if not is_busy and not title.playing and state.link is Link.UP else frozenset(),
        failure=None if is_busy or seen.is_put_away else seen.failure or title.failure,
        plan=plan,
        needed_bytes=needed,
        free_bytes=free_bytes,
        result=seen.outcome if seen.verb in _LASTING | {"verify", "uninstall"} else None,
        result_verb=seen.verb,
        damaged=seen.damaged,
        flows=seen.flows,
        version_to=_version_to(title, seen),
        can_play=_can_play(state, title) and not is_busy,
    )


def row_of(state: State, title: TitleSnapshot) -> Row:
    """What the library shows of ``title``."""
    seen = state.of(title.title)
    is_busy = _is_busy(title, seen)
    fraction = fraction_of(_progress(title, seen)) if is_busy else None
    failure = None if is_busy or seen.is_put_away else seen.failure or title.failure
    return Row(title.title, _act(state, title, seen, 0), title.verb if is_busy else "", fraction, failure is not None)


def plan_wanted(state: State, name: str) -> commands.Update | None:
    """The quiet question what an update would take, when nobody knows yet and nothing else is at work."""
    title, seen = state.title(name), state.of(name)
    if title is None or state.link is not Link.UP or not has_news(title) or title.paused or title.playing:
        return None
    is_known = seen.planned is not None and seen.planned.version_to == title.offered_version
    is_reading = any(isinstance(command, commands.RefreshFeed) for command in state.jobs.values())
    is_working = any(other.job for other in (state.snapshot.titles if state.snapshot else ()))
    is_troubled = (seen.failure or title.failure) is not None or name.partition("/")[0] in state.troubles
    return None if is_known or is_reading or is_working or is_troubled else commands.Update(name, only="plan")


def has_news(title: TitleSnapshot) -> bool:
    """Installed, and the feed offers another release."""
    return title.installed and title.version != "" and title.offered_version not in {"", title.version}


def fraction_of(progress: Progress | None) -> float | None:
    """From 0 to 1; None when nobody can say."""
    if progress is None or progress.total_bytes <= 0:
        return None
    return min(1.0, progress.done_bytes / progress.total_bytes)


def retry(state: State, title: TitleSnapshot, *, server_only: bool = False) -> commands.Command:
    """The command that tries again what failed."""
    command = state.of(title.title).command or _guess(title)
    return with_network(command, server_only=True) if server_only else command


def with_network(command: commands.Command, **changes: str | bool) -> commands.Command:
    """The command with another word on how it may use the network, where it uses one."""
    if not hasattr(command, "network"):
        return command
    return dataclasses.replace(command, network=dataclasses.replace(command.network, **changes))  # type: ignore[arg-type]  # both are flags and texts of Network


def _guess(title: TitleSnapshot) -> commands.Command:
    """After a restart nobody remembers the command; what was begun says it."""
    if title.installed:
        return commands.Update(title.title)
    return commands.Install(title.title, title.folder, title.channel, title.tags)


def _is_busy(title: TitleSnapshot, seen: Seen) -> bool:
    return bool(title.job) and title.job != seen.quiet


def _progress(title: TitleSnapshot, seen: Seen) -> Progress | None:
    return seen.progress if seen.progress and seen.progress.job == title.job else title.progress


def _act(state: State, title: TitleSnapshot, seen: Seen, needed: int) -> PrimaryAction:
    if state.link is Link.STARTING:
        return PrimaryAction.WAIT
    if _is_busy(title, seen):
        titles = state.snapshot.titles if state.snapshot else ()
        return _busy_act(title, seen, is_alone=not any(t.job for t in titles if t.title != title.title))
    if title.playing:
        return PrimaryAction.PLAYING
    if title.paused or title.interrupted:
        return PrimaryAction.RESUME
    if not title.installed:
        return (
            PrimaryAction.NEEDS_SPACE
            if needed
            else PrimaryAction.INSTALL
            if title.offered_version
            else PrimaryAction.WAIT
        )
    return _installed_act(title, seen, needed)


def _busy_act(title: TitleSnapshot, seen: Seen, *, is_alone: bool) -> PrimaryAction:
    progress = _progress(title, seen)
    if title.verb == "play":
        return PrimaryAction.PLAYING
    if title.verb in _AT_ONCE or (progress and progress.phase is Phase.COMMIT):
        return PrimaryAction.WAIT
    if not is_alone and (progress is None or progress.phase is Phase.QUEUED):
        return PrimaryAction.QUEUED
    return PrimaryAction.PAUSE if title.verb in _LASTING else PrimaryAction.STOP


def _installed_act(title: TitleSnapshot, seen: Seen, needed: int) -> PrimaryAction:
    failure = seen.failure or title.failure
    if seen.damaged or (failure and failure.code in {"disk.modified", "trust.description"}):
        return PrimaryAction.REPAIR
    if has_news(title):
        return PrimaryAction.NEEDS_SPACE if needed else PrimaryAction.UPDATE
    return PrimaryAction.PLAY


def _missing_room(title: TitleSnapshot, seen: Seen, plan: Totals | None, free_bytes: int) -> int:
    """The bytes that are needed, when there is not that much room; else 0."""
    failure = seen.failure or title.failure
    needed = plan.peak_extra_bytes if plan else 0
    if failure and failure.code == "disk.full":
        needed = max(needed, int(failure.facts.get("needed_bytes", 0)))
    return needed if 0 <= free_bytes < needed else 0


def _can_play(state: State, title: TitleSnapshot) -> bool:
    return state.link is Link.UP and title.installed and not title.playing and not title.interrupted


def _choices(title: TitleSnapshot) -> frozenset[MenuAction]:
    if not title.installed:
        return frozenset()
    choices = set(MenuAction) - {MenuAction.ROLLBACK, MenuAction.PARTS}
    if title.previous_version:
        choices.add(MenuAction.ROLLBACK)
    if any(part.tags for part in title.about.parts):
        choices.add(MenuAction.PARTS)
    return frozenset(choices)


def _version_to(title: TitleSnapshot, seen: Seen) -> str:
    planned = seen.planned.version_to if seen.planned else ""
    target = planned if _is_busy(title, seen) and planned else title.offered_version
    return "" if target == title.version else target

"""What the page of a title and its row in the library show, as pure functions of `State`, without Qt."""

import enum
from dataclasses import dataclass, replace
from typing import Literal

from launcher.state import Link, RateSample, State, TitleActivity
from patcher.protocol import commands
from patcher.protocol.commands import Verb
from patcher.protocol.events import Failure, Outcome, Phase, Progress, TitleSnapshot, Totals


class PrimaryAction(enum.StrEnum):
    """What a click on the big button of a title's page does; WAIT, QUEUED and PLAYING do nothing."""

    WAIT = "wait"
    INSTALL = "install"
    UPDATE = "update"
    PAUSE = "pause"
    STOP = "stop"
    RESUME = "resume"
    QUEUED = "queued"
    NEEDS_SPACE = "needs-space"
    REPAIR = "repair"
    LOCATE = "locate"
    PLAY = "play"
    PLAYING = "playing"


class MenuAction(enum.StrEnum):
    """The entries of a title's options menu. DISCARD and PRELOAD are buttons beside it."""

    VERIFY = "verify"
    REPAIR = "repair"
    PARTS = "parts"
    ROLLBACK = "rollback"
    MOVE = "move"
    OPEN_FOLDER = "open-folder"
    UNINSTALL = "uninstall"
    FORGET = "forget"
    DISCARD = "discard"
    PRELOAD = "preload"


@dataclass(frozen=True, slots=True)
class Page:
    """One title's page, and its row in the library. `launcher.text` turns the numbers into words."""

    title: str
    action: PrimaryAction
    enabled: bool = True
    verb: Verb = Verb.NONE
    progress: Progress | None = None
    fraction: float | None = None
    menu_actions: frozenset[MenuAction] = frozenset()
    failure: Failure | None = None
    plan: Totals | None = None
    needed_bytes: int = 0
    """The space needed when there is too little of it, else 0."""
    free_bytes: int = -1
    result: Outcome | None = None
    """The outcome of the last job, unless it was a start of the title."""
    result_verb: Verb = Verb.NONE
    rate_samples: tuple[RateSample, ...] = ()
    version_to: str = ""
    """The version that the button leads to; empty if that is the installed one."""
    can_play: bool = False
    """Whether the title can be started, whatever the button offers."""
    can_discard: bool = False
    """Whether a paused job can be given up."""
    preload: Literal["", "offered", "here"] = ""
    """Of a release to come; offered only while it can be fetched."""


def page_of(state: State, title: TitleSnapshot, free_bytes: int = -1) -> Page:
    """What the page of ``title`` shows; ``free_bytes`` is the free space on its drive, -1 if unknown."""
    activity, failure = state.activity(title.title), state.failure(title)
    is_up, is_busy = state.link is Link.UP, state.is_busy(title)
    is_idle = is_up and not is_busy and not title.playing
    plan = _plan(state, title)
    needed = _missing_bytes(failure, plan, free_bytes)
    action = _action(state, title, needed)
    progress = _progress(title, activity) if is_busy else title.progress if title.paused else None
    return Page(
        title.title,
        action,
        enabled=is_up and action not in {PrimaryAction.WAIT, PrimaryAction.QUEUED, PrimaryAction.PLAYING},
        verb=title.verb if is_busy else Verb.NONE,
        progress=progress,
        fraction=_fraction(progress),
        menu_actions=_menu_actions(title) if is_idle else frozenset(),
        failure=None if is_busy or activity.is_dismissed else failure,
        plan=plan,
        needed_bytes=needed,
        free_bytes=free_bytes,
        result=activity.outcome,
        result_verb=activity.verb,
        rate_samples=activity.rate_samples,
        version_to=_version_to(state, title),
        can_play=is_idle and title.installed and not title.interrupted,
        can_discard=is_idle and not title.interrupted and (title.paused or _is_abandoned(title)),
        preload=title.preload if is_idle and not title.paused else "",
    )


def plan_to_request(state: State, name: str) -> commands.Update | None:
    """The command that plans the update of a title, or None if there is a plan, a failure or other work."""
    title, activity = state.title(name), state.activity(name)
    if title is None or state.link is not Link.UP or not has_update(title) or title.paused or title.playing:
        return None
    is_known = activity.planned is not None and activity.planned.version_to == title.offered_version
    is_reading = any(isinstance(command, commands.RefreshFeed) for command in state.jobs.values())
    is_working = any(other.job for other in state.titles)
    failure = state.failure(title)
    is_troubled = (failure is not None and failure.code != "content.closed") or name.partition("/")[0] in state.problems
    return None if is_known or is_reading or is_working or is_troubled else commands.Update(name, only="plan")


def has_update(title: TitleSnapshot) -> bool:
    """Whether the title is installed and its feed offers another release."""
    return title.installed and title.version != "" and title.offered_version not in {"", title.version}


def retry(state: State, title: TitleSnapshot, *, server_only: bool = False) -> commands.Command:
    """The command that tries again what failed, or continues what was interrupted."""
    command = state.activity(title.title).command or _interrupted_command(title)
    return with_network(command, server_only=True) if server_only else command


def with_network(command: commands.Command, **changes: str | bool) -> commands.Command:
    """``command`` with other values in its `Network`; unchanged if it does not use the network."""
    if not hasattr(command, "network"):
        return command
    return replace(command, network=replace(command.network, **changes))  # type: ignore[arg-type]  # the callers name fields of Network


def _interrupted_command(title: TitleSnapshot) -> commands.Command:
    """The command of an interrupted job, inferred from the title: a new window has not seen the command itself."""
    if title.installed:
        return commands.Update(title.title)
    return commands.Install(title.title, title.folder, title.channel, title.tags)


def _progress(title: TitleSnapshot, activity: TitleActivity) -> Progress | None:
    return activity.progress if activity.progress and activity.progress.job == title.job else title.progress


def _is_abandoned(title: TitleSnapshot) -> bool:
    """Whether a first install failed and left what it had downloaded in its folder."""
    return not title.installed and bool(title.folder) and not title.folder_missing


def _fraction(progress: Progress | None) -> float | None:
    """From 0 to 1, or None if the total is not known yet."""
    if progress is None or progress.total_bytes <= 0:
        return None
    return min(1.0, progress.done_bytes / progress.total_bytes)


def _action(state: State, title: TitleSnapshot, needed: int) -> PrimaryAction:
    if state.link is Link.STARTING:
        return PrimaryAction.WAIT
    if state.is_busy(title):
        return _busy_action(state, title)
    if title.playing:
        return PrimaryAction.PLAYING
    if title.folder_missing:
        return PrimaryAction.LOCATE
    if title.paused or title.interrupted:
        return PrimaryAction.RESUME
    if not title.installed:
        if needed:
            return PrimaryAction.NEEDS_SPACE
        return PrimaryAction.INSTALL if title.offered_version else PrimaryAction.WAIT
    return _installed_action(state, title, needed)


def _busy_action(state: State, title: TitleSnapshot) -> PrimaryAction:
    progress = _progress(title, state.activity(title.title))
    if title.verb is Verb.PLAY:
        return PrimaryAction.PLAYING
    if title.verb is Verb.UNINSTALL or (progress and progress.phase is Phase.COMMIT):
        return PrimaryAction.WAIT
    is_alone = not any(other.job for other in state.titles if other.title != title.title)
    if not is_alone and (progress is None or progress.phase is Phase.QUEUED):
        return PrimaryAction.QUEUED
    return PrimaryAction.PAUSE if title.verb.resumes else PrimaryAction.STOP


def _installed_action(state: State, title: TitleSnapshot, needed: int) -> PrimaryAction:
    failure = state.failure(title)
    if state.activity(title.title).damaged or (failure and failure.code in {"disk.modified", "trust.description"}):
        return PrimaryAction.REPAIR
    if has_update(title):
        return PrimaryAction.NEEDS_SPACE if needed else PrimaryAction.UPDATE
    return PrimaryAction.PLAY


def _plan(state: State, title: TitleSnapshot) -> Totals | None:
    """What the running job does, or what the update or install would do that is offered; not what another job did."""
    planned = state.activity(title.title).planned
    if planned is None:
        return None
    ways = title.version if title.installed else "", title.offered_version
    is_offered = (planned.version_from, planned.version_to) == ways
    return planned.totals if is_offered or title.paused or state.is_busy(title) else None


def _missing_bytes(failure: Failure | None, plan: Totals | None, free_bytes: int) -> int:
    """The bytes that the plan, or the update that failed for lack of space, needs if fewer are free; else 0."""
    needed = plan.peak_extra_bytes - plan.home_bytes if plan else 0
    if failure and failure.code == "disk.full":
        needed = max(needed, int(failure.facts.get("needed_bytes", 0)))
    return needed if 0 <= free_bytes < needed else 0


def _menu_actions(title: TitleSnapshot) -> frozenset[MenuAction]:
    if title.folder_missing:
        return frozenset({MenuAction.FORGET})
    if not title.installed:
        return frozenset()
    buttons = {MenuAction.DISCARD, MenuAction.PRELOAD}
    actions = set(MenuAction) - buttons - {MenuAction.ROLLBACK, MenuAction.PARTS, MenuAction.FORGET}
    if title.previous_version:
        actions.add(MenuAction.ROLLBACK)
    if any(part.tags for part in title.about.parts):
        actions.add(MenuAction.PARTS)
    return frozenset(actions)


def _version_to(state: State, title: TitleSnapshot) -> str:
    planned = state.activity(title.title).planned
    target = planned.version_to if planned and planned.version_to and state.is_busy(title) else title.offered_version
    return "" if target == title.version else target

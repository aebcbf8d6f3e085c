"""Submits a command to the engine and follows its job: progress, Ctrl-C, an engine that dies."""

import argparse
import contextlib
import json
import queue
from collections.abc import Callable
from pathlib import Path

from patcher.cli.output import Output
from patcher.config import Home
from patcher.engine.client import Client, RemoteError
from patcher.errors import Cancelled, EngineLost
from patcher.plain import human_bytes
from patcher.protocol import commands, events
from patcher.transfer.origin.http import current_proxy

_POLL_S = 0.2

FeedFound = Callable[[events.FeedSnapshot], object]


def snapshot(args: argparse.Namespace) -> events.Snapshot:
    """The engine's state now."""
    with Client(args.home) as client:
        return client.snapshot()


def show_problems(now: events.Snapshot, out: Output) -> None:
    """Say which files of the home are damaged, or were when the engine began."""
    for problem in now.problems:
        out.notice(f"shoal: {problem.message} {problem.hint}", RemoteError(problem))


def find(args: argparse.Namespace) -> str:
    """The full name of the title that ``args.title`` names. Raises UsageError."""
    return snapshot(args).find(args.title).title


def follow(home: Home, command: commands.Command, out: Output, found: FeedFound = lambda feed: None) -> events.Outcome:
    """Run ``command`` to its end; ``found`` is called with the feed that ``AddFeed(only="look")`` finds.

    If the engine is lost it is started again, once, and the job goes on. Ctrl-C cancels the job, a second one leaves.
    Raises the job's error, or Cancelled.
    """
    try:
        return _follow(home, command, out, found, again=False)
    except EngineLost as error:
        out.notice(f"shoal: {error.message} It is started again, and the job goes on where it was.", error)
    return _follow(home, command, out, found, again=True)


def _follow(home: Home, command: commands.Command, out: Output, found: FeedFound, *, again: bool) -> events.Outcome:
    seen: queue.SimpleQueue[events.Event | None] = queue.SimpleQueue()
    log = _EngineLog(home.log)
    with Client(home) as client:
        now = client.snapshot()
        show_problems(now, out)
        if hasattr(command, "network"):
            show_proxy(now, out)
        client.listen(seen.put)
        job = client.submit(command, again=again)
        is_cancelled = False
        while True:
            try:
                event = _next(seen)
                if out.verbose:
                    log.show(out)
                if event is None:
                    raise EngineLost
                if getattr(event, "job", 0) == job and (outcome := _show(event, out, found)):
                    return outcome
            except KeyboardInterrupt:
                if is_cancelled:
                    raise
                is_cancelled = True
                client.submit(commands.Cancel(job=job))


class _EngineLog:
    """The lines of the engine's log from now on. A line that is cut off by the log's rotation is left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shown_bytes = path.stat().st_size if path.exists() else 0

    def show(self, out: Output) -> None:
        """Print the lines that are new."""
        with contextlib.suppress(OSError), self._path.open("rb") as file:
            if file.seek(0, 2) < self._shown_bytes:
                self._shown_bytes = 0
            file.seek(self._shown_bytes)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._shown_bytes += len(line)
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    entry = json.loads(line)
                    out.log(f"{entry['time']} {entry['level']} {entry['text']}")
                    for text in entry.get("trace", "").splitlines():
                        out.log(text)


def show_proxy(now: events.Snapshot, out: Output) -> None:
    """Say so when the engine reaches servers by another proxy than this command would, unless the player chose it."""
    mine = current_proxy("")
    if mine != now.proxy and not now.settings["proxy"]:
        out.notice(
            f"The engine uses {now.proxy or 'no proxy'}, as when it was started; this command's environment says "
            f"{mine or 'no proxy'}. `shoal settings proxy URL` tells the engine."
        )


def _next(seen: "queue.SimpleQueue[events.Event | None]") -> events.Event | None:
    while True:  # a wait without a timeout does not see Ctrl-C on every system
        with contextlib.suppress(queue.Empty):
            return seen.get(timeout=_POLL_S)


def _show(event: events.Event, out: Output, found: FeedFound) -> events.Outcome | None:
    match event:
        case events.Progress():
            out.show(event)
        case events.Planned():
            show_plan(event, out)
        case events.Notice():
            out.notice(event.text)
        case events.FeedFound():
            found(event.feed)
        case events.Finished():
            return event.outcome
        case events.Failed(failure=None):
            raise Cancelled
        case events.Failed(failure=failure):
            assert failure is not None
            raise RemoteError(failure)
    return None


def show_plan(planned: events.Planned, out: Output) -> None:
    """Print the plan of a job: first the player's changes that it will undo, then the sizes."""
    totals = planned.totals
    for path in totals.files_modified:
        out.line(f"changed since it was installed, will be restored: {path}")
    arrow = " → ".join(filter(None, (planned.version_from, planned.via, planned.version_to)))
    out.line(
        f"{planned.title} {arrow}: {human_bytes(totals.fetch_bytes)} to download, "
        f"{human_bytes(totals.write_bytes)} to write, {human_bytes(totals.peak_extra_bytes)} of space"
        + (f", {human_bytes(totals.home_bytes)} of it in Shoal's own folder" if totals.home_bytes else "")
    )


def show_totals(outcome: events.Outcome, out: Output) -> None:
    """Print the totals of ``--plan``: bytes by kind, and files by what is done with them."""
    totals = outcome.totals
    rows = (
        ("patches", totals.patch_bytes),
        ("whole files", totals.full_bytes),
        ("blocks", totals.block_bytes),
        ("metadata", totals.metadata_bytes),
        ("to read", totals.read_bytes),
        ("to write", totals.write_bytes),
        ("peak extra disk", totals.peak_extra_bytes),
        ("of it at home", totals.home_bytes),
    )
    for name, count in rows:
        out.line(f"  {name:<16}{human_bytes(count):>10}")
    files = ("kept", "added", "changed", "moved", "removed")
    out.line("  files: " + ", ".join(f"{getattr(totals, f'files_{name}')} {name}" for name in files))

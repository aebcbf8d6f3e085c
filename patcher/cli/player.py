"""The player's verbs."""

import argparse
import dataclasses
import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import patcher
from patcher.cli.following import fields, follow, show_totals
from patcher.cli.output import Output, agreed, human_bytes
from patcher.cli.trusting import add_feed
from patcher.engine.client import Client
from patcher.errors import ShoalError, UsageError
from patcher.protocol import commands, events
from patcher.seeding.traffic import Ledger

_TO_DO_EXIT = 10
Subparsers = Any  # argparse has no public name for what add_subparsers returns


def add_verbs(verbs: Subparsers) -> None:
    """Add every player verb."""
    _add_feed(verbs.add_parser("feed", help="add, list and remove feeds").add_subparsers(metavar="VERB", required=True))
    _add_changing(verbs)
    _add_reading(verbs)


def _add_feed(verbs: Subparsers) -> None:
    add = _verb(verbs, "add", _feed_add, "trust a publisher's feed")
    add.add_argument("source", metavar="URL|FILE.shoalfeed")
    add.add_argument("--fingerprint", default="", metavar="HEX", help="what the publisher shows; compared")
    add.epilog = "Without a fingerprint it is shown, and asked about; with --yes or without a terminal it is told."
    _verb(verbs, "list", _feed_list, "your feeds")
    _verb(verbs, "remove", _feed_remove, "forget a feed").add_argument("name")


def _add_changing(verbs: Subparsers) -> None:
    install = _verb(verbs, "install", _install, "install a title")
    install.add_argument("title")
    install.add_argument("--to", type=Path, metavar="FOLDER")
    install.add_argument("--channel", default="live")
    install.add_argument("--tags", default="", help="optional parts: lang:de,extra:hd")
    install.add_argument("--locate", action="store_true", help="adopt the install that is in FOLDER")
    install.add_argument("--plan", action="store_true", help="say what it would do, and stop")
    update = _verb(verbs, "update", _update, "bring titles to the newest release")
    update.add_argument("titles", metavar="TITLE", nargs="*")
    update.add_argument("--check", action="store_true", help="only look; exit code 10 when there is something to do")
    update.add_argument("--plan", action="store_true", help="say what it would do, and stop")
    update.add_argument("--version", default="", metavar="V", help="another release than the channel's")
    rollback = _verb(verbs, "rollback", _rollback, "step back to the release before")
    tags = _verb(verbs, "tags", _tags, "show or choose optional parts")
    tags.add_argument("title")
    tags.add_argument("tags", nargs="?", default=None)
    verify = _verb(verbs, "verify", _verify, "read every byte and list what is not as released")
    repair = _verb(verbs, "repair", _repair, "verify, and put back what is not as released")
    move = _verb(verbs, "move", _move, "move an install")
    uninstall = _verb(verbs, "uninstall", _uninstall, "remove an install; files that are not ours stay")
    for verb in (rollback, verify, repair, move, uninstall):
        verb.add_argument("title")
    rollback.add_argument("--plan", action="store_true")
    repair.add_argument("--plan", action="store_true")
    move.add_argument("folder", type=Path)


def _add_reading(verbs: Subparsers) -> None:
    play = _verb(verbs, "play", _play, "start a title")
    play.add_argument("title")
    play.add_argument("args", nargs="*", help="after --: arguments for the title")
    _verb(verbs, "status", _status, "what is installed, and what runs").add_argument("title", nargs="?")
    _verb(verbs, "stats", _stats, "bytes by source and month").add_argument("title", nargs="?")
    settings = _verb(verbs, "settings", _settings, "show or change settings")
    settings.add_argument("key", nargs="?")
    settings.add_argument("value", nargs="?")
    _verb(verbs, "doctor", _doctor, "what a bug report needs")


def _verb(verbs: Subparsers, name: str, run: Callable[..., int | None], text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".")
    made.set_defaults(run=run)
    return made


def network(args: argparse.Namespace) -> commands.Network:
    """How this run may use the network, from the global options."""
    return commands.Network(server_only=args.server_only, ca=args.ca)


def find(args: argparse.Namespace, name: str) -> str:
    """The full name of a title. Raises UsageError."""
    with Client(args.home) as client:
        return client.snapshot().find(name).title


def _only(args: argparse.Namespace) -> Any:
    return "check" if getattr(args, "check", False) else "plan" if getattr(args, "plan", False) else ""


def _feed_add(args: argparse.Namespace, out: Output) -> int:
    feed = add_feed(args, args.source, out)
    out.line(f"Added {feed.name}: {', '.join(feed.titles) or 'no titles yet'}")
    out.line(f"fingerprint {feed.fingerprint}")
    out.result(dataclasses.asdict(feed))
    return 0


def _feed_list(args: argparse.Namespace, out: Output) -> int:
    with Client(args.home) as client:
        feeds = client.snapshot().feeds
    for feed in feeds:
        words = (feed.name, feed.url, feed.fingerprint[:16], ", ".join(feed.titles), feed.problem)
        out.line("  ".join(words).rstrip())
    out.result({"feeds": [dataclasses.asdict(feed) for feed in feeds]})
    return 0


def _feed_remove(args: argparse.Namespace, out: Output) -> int:
    follow(args.home, commands.RemoveFeed(args.name), out)
    out.result({"name": args.name})
    return 0


def _run(args: argparse.Namespace, command: Any, out: Output) -> int:
    outcome = follow(args.home, command, out)
    if command.only == "plan":
        show_totals(outcome, out)
        out.result(
            {
                "title": command.title,
                "version_from": outcome.version_from,
                "version_to": outcome.version_to,
                "via": outcome.via,
                "planned_bytes": outcome.planned_bytes,
                **dataclasses.asdict(outcome.totals),
            }
        )
        return 0
    if command.only == "check":
        news = f"{outcome.version_from} → {outcome.version_to}" if outcome.work_left else "up to date"
        out.line(f"{command.title}: {news}")
        out.result(
            {
                "title": command.title,
                "version_from": outcome.version_from,
                "version_to": outcome.version_to,
                "work_left": outcome.work_left,
            }
        )
        return _TO_DO_EXIT if outcome.work_left else 0
    _say_done(command.title, outcome, out)
    return 0


def _say_done(title: str, outcome: events.Outcome, out: Output) -> None:
    if outcome.version_from == outcome.version_to and not outcome.written_bytes:
        out.line(f"{title} {outcome.version_to} is up to date.")
    else:
        came = outcome.fetched
        out.line(
            f"{title} {outcome.version_to} is ready, every file verified: planned "
            f"{human_bytes(outcome.planned_bytes)}, took {human_bytes(came.lan_bytes + came.peer_bytes)} from "
            f"players and {human_bytes(came.origin_bytes)} from the server, in {outcome.seconds:.1f} s."
        )
    out.result(fields(title, outcome))


def _install(args: argparse.Namespace, out: Output) -> int:
    title = find(args, args.title)
    folder = str(args.to.absolute()) if args.to else ""
    tags = _split(args.tags)
    command = commands.Install(title, folder, args.channel, tags, args.locate, _only(args), network(args))
    return _run(args, command, out)


def _split(tags: str) -> tuple[str, ...]:
    return tuple(sorted({tag.strip() for tag in tags.split(",") if tag.strip()}))


def _update(args: argparse.Namespace, out: Output) -> int:
    with Client(args.home) as client:
        snapshot = client.snapshot()
    titles = [snapshot.find(name).title for name in args.titles] or [t.title for t in snapshot.titles if t.installed]
    if args.version and len(titles) != 1:
        raise UsageError("usage.argument", "--version needs exactly one title.")
    if not titles:
        out.line("Nothing is installed.")
        out.result({"titles": []})
    codes, failed = [0], None
    for title in titles:  # one that fails does not keep the others waiting
        try:
            codes.append(_run(args, commands.Update(title, args.version, _only(args), network(args)), out))
        except ShoalError as error:
            failed = failed or error
            if len(titles) > 1:
                out.notice(f"{title}: {error.message}", error)
    if failed:
        raise failed
    return max(codes)


def _repair(args: argparse.Namespace, out: Output) -> int:
    return _run(args, commands.Repair(find(args, args.title), _only(args), network(args)), out)


def _rollback(args: argparse.Namespace, out: Output) -> int:
    command = commands.Rollback(find(args, args.title), _only(args), network(args))
    try:
        return _run(args, command, out)
    except ShoalError as error:
        if error.code != "trust.step_back":
            raise
        out.notice(f"shoal: {error.message}", error)
        if not args.yes and not agreed("Step back all the same?", out):
            raise
    return _run(args, dataclasses.replace(command, confirmed=True), out)


def _tags(args: argparse.Namespace, out: Output) -> int:
    if args.tags is not None:
        return _run(args, commands.SetTags(find(args, args.title), _split(args.tags), network=network(args)), out)
    with Client(args.home) as client:
        title = client.snapshot().find(args.title)
    out.line(",".join(title.tags) or "(none)")
    out.result({"title": title.title, "tags": title.tags})
    return 0


def _verify(args: argparse.Namespace, out: Output) -> int:
    title = find(args, args.title)
    outcome = follow(args.home, commands.Verify(title), out)
    for path in outcome.files:
        out.line(f"not as released: {path}")
    if not outcome.work_left:
        out.line(f"{title} {outcome.version_from}: every file is as released.")
    out.result({"title": title, "version": outcome.version_from, "damaged": list(outcome.files)})
    return _TO_DO_EXIT if outcome.work_left else 0


def _move(args: argparse.Namespace, out: Output) -> int:
    title = find(args, args.title)
    outcome = follow(args.home, commands.Move(title, str(args.folder.absolute()), network=network(args)), out)
    _say_done(title, outcome, out)
    return 0


def _uninstall(args: argparse.Namespace, out: Output) -> int:
    title = find(args, args.title)
    follow(args.home, commands.Uninstall(title), out)
    out.line(f"{title} is uninstalled. Files that are not ours were left where they are.")
    out.result({"title": title})
    return 0


def _play(args: argparse.Namespace, out: Output) -> int:
    title = find(args, args.title)
    follow(args.home, commands.Play(title, tuple(args.args)), out)
    out.line(f"{title} was started.")
    out.result({"title": title})
    return 0


def _status(args: argparse.Namespace, out: Output) -> int:
    with Client(args.home) as client:
        snapshot = client.snapshot()
    titles = (snapshot.find(args.title),) if args.title else snapshot.titles
    for title in titles:
        out.line(_title_line(title))
    if not titles:
        out.line("No feeds yet: `shoal feed add URL`.")
    out.result(
        {
            "titles": [dataclasses.asdict(t) for t in titles],
            "feeds": [f.name for f in snapshot.feeds],
            "listen_port": snapshot.listen_port,
            "pid": snapshot.pid,
        }
    )
    return 0


def _title_line(title: events.TitleSnapshot) -> str:
    words = [title.title, title.version or ("not as it was installed" if title.installed else "not installed")]
    if title.offered_version and title.offered_version != title.version:
        words.append(f"({title.offered_version} is offered)")
    if title.progress:
        share = title.progress.done_bytes * 100 // max(1, title.progress.total_bytes)
        words.append(f"{title.verb}: {title.progress.phase.value} {share} %")
    elif title.job:
        words.append(title.verb)
    words += [state for state in ("paused", "interrupted", "playing", "seeding") if getattr(title, state)]
    if title.failure:
        words.append(f"failed: {title.failure.message} {title.failure.hint}")
    return "  ".join([*words, title.folder]).rstrip()


def _stats(args: argparse.Namespace, out: Output) -> int:
    rows = Ledger(args.home.registry).totals()
    if args.title:
        name = find(args, args.title)
        rows = [row for row in rows if row.title == name]
    for row in rows:
        came = row.sources
        out.line(
            f"{row.month}  {row.title}: {human_bytes(came.lan_bytes + came.peer_bytes)} from players, "
            f"{human_bytes(came.origin_bytes)} from the server, "
            f"{human_bytes(row.uploaded_bytes)} to players"
        )
    out.result({"rows": [dataclasses.asdict(row) for row in rows]})
    return 0


def _settings(args: argparse.Namespace, out: Output) -> int:
    if args.value is not None:
        follow(args.home, commands.ChangeSetting(args.key, args.value), out)
    with Client(args.home) as client:
        settings = client.snapshot().settings
    if args.key and args.key not in settings:
        raise UsageError("usage.setting", f"There is no setting {args.key!r}.", key=args.key)
    shown = {args.key: settings[args.key]} if args.key else settings
    for key, value in shown.items():
        out.line(f"{key} = {value}")
    out.result({"settings": shown})
    return 0


def _doctor(args: argparse.Namespace, out: Output) -> int:
    with Client(args.home) as client:
        snapshot = client.snapshot()
    facts: dict[str, object] = {
        "shoal": patcher.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "home": str(args.home.root),
        "log": str(args.home.log),
        "engine_pid": snapshot.pid,
        "listen_port": snapshot.listen_port,
        "free_bytes": shutil.disk_usage(args.home.root).free,
        "sharing": snapshot.settings["sharing"],
        "peers": snapshot.settings["peers"],
        "feeds": {feed.name: feed.problem or "well" for feed in snapshot.feeds},
    }
    for key, value in facts.items():
        out.line(f"{key}: {value}")
    out.result(facts)
    return 0

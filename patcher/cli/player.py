"""The player's verbs. Each submits one command to the engine, or shows its state."""

import argparse
import dataclasses
import platform
from typing import Any

import patcher
from patcher import disk, programs
from patcher.cli import WORK_LEFT_EXIT
from patcher.cli.follow import find, follow, show_problems, show_totals, snapshot
from patcher.cli.output import Output, confirm, may_ask
from patcher.cli.sharing import held_line, reach_line, sharing_lines
from patcher.cli.verbs import Verbs, add_verb, expanded, network
from patcher.errors import ShoalError, UsageError
from patcher.plain import human_bytes
from patcher.protocol import commands, events
from patcher.seeding.traffic import Ledger

_REPAIRABLE = ("disk.modified", "content.launch")
"""Why a title does not start, if a repair may help."""


def add_verbs(verbs: Verbs) -> None:
    """Add every player verb except ``feed``."""
    install = add_verb(verbs, "install", _install, "install a title")
    update = add_verb(verbs, "update", _update, "bring titles to the newest release")
    preload = add_verb(verbs, "preload", _preload, "fetch a sealed release ahead of its launch")
    rollback = add_verb(verbs, "rollback", _rollback, "step back to the release before")
    tags = add_verb(verbs, "tags", _tags, "show or choose optional parts")
    verify = add_verb(verbs, "verify", _verify, "read every byte and list the files that differ from the release")
    repair = add_verb(verbs, "repair", _repair, "verify, and restore the files that differ from the release")
    move = add_verb(verbs, "move", _move, "move an install")
    uninstall = add_verb(verbs, "uninstall", _uninstall, "remove an install; files of your own stay")
    play = add_verb(verbs, "play", _play, "start a title")
    for verb in (install, preload, rollback, tags, verify, repair, move, uninstall, play):
        verb.add_argument("title")
    install.add_argument("--to", type=expanded, metavar="FOLDER")
    for verb in (install, preload):
        verb.add_argument("--channel", default="live", help="where it is not installed yet (default: %(default)s)")
        verb.add_argument("--tags", default="", help="optional parts: lang:de,extra:hd")
    install.add_argument("--locate", action="store_true", help="adopt the install that is in FOLDER")
    update.add_argument("titles", metavar="TITLE", nargs="*")
    update.add_argument("--check", action="store_true", help="only look; exit code 10 when there is something to do")
    update.add_argument("--version", default="", metavar="V", help="another release than the channel's")
    tags.add_argument("tags", nargs="?")
    move.add_argument("folder", type=expanded)
    uninstall.add_argument("--forget", action="store_true", help="its folder is gone for good: only forget the title")
    play.add_argument("args", nargs="*", help="after --: arguments for the title")
    for verb in (install, update, rollback, repair):
        verb.add_argument("--plan", action="store_true", help="print the plan, and stop")
    add_verb(verbs, "status", _status, "installed titles and running jobs").add_argument("title", nargs="?")
    add_verb(verbs, "stats", _stats, "bytes by source and month").add_argument("title", nargs="?")
    settings = add_verb(verbs, "settings", _settings, "show or change settings")
    settings.add_argument("key", nargs="?")
    settings.add_argument("value", nargs="?")
    add_verb(verbs, "doctor", _doctor, "facts for a bug report")


# ---------------------------------------------------------------- verbs that change an install


def _only(args: argparse.Namespace) -> Any:
    return "check" if getattr(args, "check", False) else "plan" if getattr(args, "plan", False) else ""


def _run(args: argparse.Namespace, command: Any, out: Output) -> int:
    """Run an update of any kind, or its ``--plan`` or ``--check``; returns the exit code."""
    outcome = follow(args.home, command, out)
    versions = {"title": command.title, "version_from": outcome.version_from, "version_to": outcome.version_to}
    if command.only == "plan":
        show_totals(outcome, out)
        plan = {"via": outcome.via, "planned_bytes": outcome.planned_bytes}
        out.result({**versions, **plan, **dataclasses.asdict(outcome.totals)})
    elif command.only == "check":
        news = f"{outcome.version_from} → {outcome.version_to}" if outcome.work_left else "up to date"
        out.line(f"{command.title}: {news}")
        out.result({**versions, "work_left": outcome.work_left})
        return WORK_LEFT_EXIT if outcome.work_left else 0
    else:
        _show_outcome(command.title, outcome, out)
    return 0


def _show_outcome(title: str, outcome: events.Outcome, out: Output) -> None:
    if outcome.version_from == outcome.version_to and not outcome.written_bytes:
        out.line(f"{title} {outcome.version_to} is up to date.")
    else:
        came = outcome.fetched
        out.line(
            f"{title} {outcome.version_to} is ready, every file verified: planned "
            f"{human_bytes(outcome.planned_bytes)}, took {human_bytes(came.lan_bytes + came.peer_bytes)} from "
            f"players and {human_bytes(came.origin_bytes)} from the server, in {outcome.seconds:.1f} s."
        )
    unshown = ("work_left", "totals", "files", "feed")
    shown = {name: value for name, value in dataclasses.asdict(outcome).items() if name not in unshown}
    out.result({"title": title, **shown})


def _install(args: argparse.Namespace, out: Output) -> int:
    folder, tags = str(args.to.absolute()) if args.to else "", _split(args.tags)
    command = commands.Install(find(args), folder, args.channel, tags, args.locate, _only(args), network(args))
    return _run(args, command, out)


def _split(tags: str) -> tuple[str, ...]:
    return tuple(sorted({tag.strip() for tag in tags.split(",") if tag.strip()}))


def _update(args: argparse.Namespace, out: Output) -> int:
    now = snapshot(args)
    known = [each.title for each in now.titles if each.installed or each.folder_missing]
    titles = [now.find(name).title for name in args.titles] or known
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


def _preload(args: argparse.Namespace, out: Output) -> None:
    title, tags = find(args), _split(args.tags)
    command = commands.Preload(title, args.channel, tags, network(args))
    outcome = follow(args.home, command, out)
    out.line(
        f"The next release of {title} is here, sealed: {human_bytes(outcome.planned_bytes)}. "
        "Once its publisher unlocks it, `shoal update` or `install` takes it from here."
    )
    out.result({
        "title": title, "planned_bytes": outcome.planned_bytes, "fetched": dataclasses.asdict(outcome.fetched),
    })  # fmt: skip


def _repair(args: argparse.Namespace, out: Output) -> int:
    return _run(args, commands.Repair(find(args), _only(args), network(args)), out)


def _rollback(args: argparse.Namespace, out: Output) -> int:
    command = commands.Rollback(find(args), _only(args), network(args))
    try:
        return _run(args, command, out)
    except ShoalError as error:
        if error.code != "trust.step_back":
            raise
        out.notice(f"shoal: {error.message}", error)
        if not args.yes and not confirm("Step back all the same?", out):
            raise
    return _run(args, dataclasses.replace(command, confirmed=True), out)


def _tags(args: argparse.Namespace, out: Output) -> int:
    title = snapshot(args).find(args.title)
    if args.tags is not None:
        return _run(args, commands.SetTags(title.title, _split(args.tags), network=network(args)), out)
    out.line(",".join(title.tags) or "(none)")
    out.result({"title": title.title, "tags": title.tags})
    return 0


def _verify(args: argparse.Namespace, out: Output) -> int:
    title = find(args)
    outcome = follow(args.home, commands.Verify(title), out)
    for path in outcome.files:
        out.line(f"not as released: {path}")
    if not outcome.work_left:
        out.line(f"{title} {outcome.version_from}: every file is as released.")
    out.result({"title": title, "version": outcome.version_from, "damaged": list(outcome.files)})
    return WORK_LEFT_EXIT if outcome.work_left else 0


def _move(args: argparse.Namespace, out: Output) -> int:
    return _run(args, commands.Move(find(args), str(args.folder.absolute()), network=network(args)), out)


def _uninstall(args: argparse.Namespace, out: Output) -> None:
    title = find(args)
    follow(args.home, commands.Uninstall(title, args.forget), out)
    done = "forgotten. Its files were" if args.forget else "uninstalled. Files that are not ours were"
    out.line(f"{title} is {done} left where they are.")
    out.result({"title": title})


def _play(args: argparse.Namespace, out: Output) -> None:
    title = find(args)
    command = commands.Play(title, tuple(args.args))
    try:
        follow(args.home, command, out)
    except ShoalError as error:
        if error.code not in _REPAIRABLE or args.yes or not may_ask():
            raise
        out.notice(f"shoal: {error.message}", error)
        if not confirm("Repair the title now?", out):
            raise
        follow(args.home, commands.Repair(title, network=network(args)), out)
        follow(args.home, command, out)
    out.line(f"{title} was started.")
    out.result({"title": title})


# ---------------------------------------------------------------- verbs that show something


def _status(args: argparse.Namespace, out: Output) -> None:
    now = snapshot(args)
    show_problems(now, out)
    titles = (now.find(args.title),) if args.title else now.titles
    for title in titles:
        out.line(_title_line(title))
    for line in sharing_lines(now):
        out.line(line)
    if not titles:
        out.line("No feeds yet: `shoal feed add URL`.")
    out.result({
        "titles": [dataclasses.asdict(t) for t in titles], "feeds": [f.name for f in now.feeds],
        "listen_port": now.listen_port, "pid": now.pid, "sharing": now.allowed_sharing, "held": now.held,
        "reach": dataclasses.asdict(now.reach),
    })  # fmt: skip


def _title_line(title: events.TitleSnapshot) -> str:
    words = [title.title, title.version or ("not as it was installed" if title.installed else "not installed")]
    words += ["folder missing"] if title.folder_missing else []
    if title.offered_version and title.offered_version != title.version:
        words.append(f"({title.offered_version} is offered)")
    if title.progress and title.paused:
        words.append(f"{human_bytes(title.progress.done_bytes)} of {human_bytes(title.progress.total_bytes)} are here")
    elif title.progress:
        share = title.progress.done_bytes * 100 // max(1, title.progress.total_bytes)
        words.append(f"{title.verb}: {title.progress.phase.value} {share} %")
    elif title.job:
        words.append(title.verb)
    words += [{"offered": "can be preloaded", "here": "preloaded"}[title.preload]] if title.preload else []
    words += [state for state in ("paused", "interrupted", "playing", "seeding") if getattr(title, state)]
    if title.failure:
        words.append(f"failed: {title.failure.message} {title.failure.hint}")
    return "  ".join([*words, title.folder]).rstrip()


def _stats(args: argparse.Namespace, out: Output) -> None:
    name = find(args) if args.title else ""
    show_problems(snapshot(args), out)  # an engine that begins sees to the registry's health
    rows = Ledger(args.home.registry).totals()
    if name:
        rows = [row for row in rows if row.title == name]
    for row in rows:
        came = row.sources
        out.line(
            f"{row.month}  {row.title}: {human_bytes(came.lan_bytes + came.peer_bytes)} from players, "
            f"{human_bytes(came.origin_bytes)} from the server, {human_bytes(row.uploaded_bytes)} to players"
        )
    out.result({"rows": [dataclasses.asdict(row) for row in rows]})


def _settings(args: argparse.Namespace, out: Output) -> None:
    if args.value is not None:
        follow(args.home, commands.ChangeSetting(args.key, args.value), out)
    now = snapshot(args)
    settings = now.settings
    if args.value is None:  # `follow` has said them
        show_problems(now, out)
    if args.key and args.key not in settings:
        raise UsageError("usage.setting", f"There is no setting {args.key!r}.", key=args.key)
    shown = {args.key: settings[args.key]} if args.key else settings
    for key, value in shown.items():
        out.line(f"{key} = {value}")
    if now.listen_problem:
        out.notice(now.listen_problem)
    out.result({"settings": shown})


def _doctor(args: argparse.Namespace, out: Output) -> None:
    """Report whatever can be found out, also without an engine."""
    home = args.home
    facts: dict[str, object] = {
        "shoal": patcher.__version__,
        "updated_by": programs.packaged_by() or "who installed it",
        "python": platform.python_version(),
        "system": platform.platform(),
        "home": str(home.root),
        "log": str(home.log),
    }
    try:
        facts["free_bytes"] = disk.free_bytes(home.root)
        facts |= _engine_facts(snapshot(args))
    except ShoalError as error:
        facts |= {"engine": f"{error.message} {error.hint}", "problems": [error.message]}
    places = (home.root, *home.feeds.glob("*"), *home.feeds.glob("*/metadata"))
    facts["kept"] = sorted(str(path) for place in places for path in place.glob(f"*{disk.DAMAGED}*"))
    for key, value in facts.items():
        for text in value if isinstance(value, list) else [value]:
            out.line(f"{key}: {text}")
    out.result(facts)


def _engine_facts(now: events.Snapshot) -> dict[str, object]:
    return {
        "engine_pid": now.pid,
        "listen_port": now.listen_port,
        "listen_problem": now.listen_problem or "none",
        "proxy": now.proxy or "none",
        "sharing": now.settings["sharing"],
        "held": held_line(now) or "no",
        "reach": reach_line(now.reach) or "need not be reached from the Internet",
        "reachable": now.reach.is_reachable,
        "peers": now.settings["peers"],
        "feeds": {feed.name: feed.problem or "well" for feed in now.feeds},
        "missing_folders": {title.title: title.folder for title in now.titles if title.folder_missing},
        "problems": [
            *(f"{problem.message} {problem.hint}" for problem in now.problems),
            *(f"{t.title}: {t.failure.message} {t.failure.hint}" for t in now.titles if t.failure),
        ],
    }

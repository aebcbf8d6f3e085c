"""``shoal feed …``. A fingerprint is shown before it is trusted, or, without a terminal, reported afterwards."""

import argparse
import dataclasses
from pathlib import Path

from patcher.cli.follow import follow, show_problems, snapshot
from patcher.cli.output import Output, confirm, may_ask
from patcher.cli.verbs import Verbs, add_group, add_verb, network
from patcher.errors import TrustError
from patcher.protocol import commands, events


def add_verbs(verbs: Verbs) -> None:
    """Add ``feed`` with its verbs."""
    verbs = add_group(verbs, "feed", "add, list and remove feeds")
    add = add_verb(verbs, "add", _add, "trust a publisher's feed")
    add.add_argument("source", metavar="URL|FILE.shoalfeed")
    add.add_argument(
        "--fingerprint", default="", metavar="HEX", help="the fingerprint that the publisher shows, to compare"
    )
    add.epilog = (
        "Without --fingerprint it is shown, and you are asked; with --yes or without a terminal it is only shown."
    )
    add_verb(verbs, "list", _list, "your feeds")
    add_verb(verbs, "remove", _remove, "forget a feed").add_argument("name")


def _add(args: argparse.Namespace, out: Output) -> None:
    feed = add_feed(args, args.source, out)
    out.line(f"Added {feed.name}: {', '.join(feed.titles) or 'no titles yet'}")
    out.line(f"fingerprint {feed.fingerprint}")
    out.result(dataclasses.asdict(feed))


def _list(args: argparse.Namespace, out: Output) -> None:
    now = snapshot(args)
    feeds = now.feeds
    show_problems(now, out)
    for feed in feeds:
        words = (feed.name, feed.url, feed.fingerprint[:16], ", ".join(feed.titles), feed.problem)
        out.line("  ".join(words).rstrip())
    out.result({"feeds": [dataclasses.asdict(feed) for feed in feeds]})


def _remove(args: argparse.Namespace, out: Output) -> None:
    follow(args.home, commands.RemoveFeed(args.name), out)
    out.result({"name": args.name})


def add_feed(args: argparse.Namespace, source: str, out: Output) -> events.FeedSnapshot:
    """Trust the feed at ``source``, a URL or a ``.shoalfeed`` file.

    The player is shown the fingerprint and asked, unless it is known already: from ``args.fingerprint``, from the file,
    or because the feed was added before. Raises TrustError (trust.fingerprint) when the player refuses, and the
    errors of the engine.
    """
    is_file = source.endswith(commands.PIN_SUFFIX)
    path = str(Path(source).absolute()) if is_file else source
    command = commands.AddFeed(path, args.fingerprint, network=network(args))
    known = {feed.fingerprint for feed in snapshot(args).feeds}
    is_unseen = not (is_file or args.fingerprint)
    if is_unseen and not (args.yes or out.json) and may_ask():
        command, is_unseen = _confirmed(args, command, known, out), False
    name = follow(args.home, command, out).feed
    feed = next(feed for feed in snapshot(args).feeds if feed.name == name)
    if is_unseen and feed.fingerprint not in known:
        out.notice(
            f"{feed.name} was trusted without a look at its fingerprint, {feed.fingerprint}. Compare it with the one "
            "that the publisher shows; --fingerprint HEX compares it before."
        )
    return feed


def _confirmed(args: argparse.Namespace, command: commands.AddFeed, known: set[str], out: Output) -> commands.AddFeed:
    """The command with the fingerprint that the player was shown and agreed to."""
    found: list[events.FeedSnapshot] = []
    follow(args.home, dataclasses.replace(command, only="look"), out, found.append)
    feed = found[0]
    if feed.fingerprint not in known:
        out.line(f"{feed.name}: {', '.join(feed.titles) or 'no titles yet'}")
        out.line(
            "The owner of this key can publish to this computer: compare it with the one that the publisher shows."
        )
        if not confirm(f"Is its fingerprint {feed.fingerprint}?", out):
            raise TrustError("trust.fingerprint", f"The feed {feed.name} was not added.", found=feed.fingerprint)
    return dataclasses.replace(command, fingerprint=feed.fingerprint)

"""Adding a feed: its fingerprint is shown before it is trusted, and where nobody can be asked it is said afterwards."""

import argparse
import sys
from pathlib import Path

from patcher.cli.following import follow
from patcher.cli.output import Output, agreed
from patcher.engine.client import Client
from patcher.errors import TrustError
from patcher.protocol import commands, events


def add_feed(args: argparse.Namespace, source: str, out: Output) -> events.FeedSnapshot:
    """Trust the feed at ``source``, a URL or a ``.shoalfeed`` file, by ``args.fingerprint`` or a look at its own.

    A ``.shoalfeed`` file carries a fingerprint, and a feed that is here already is known by its own: no question then.
    Raises TrustError (trust.fingerprint) when the player says no, and what the engine raises.
    """
    is_file = source.endswith(".shoalfeed")
    network = commands.Network(server_only=args.server_only, ca=args.ca)
    command = commands.AddFeed(str(Path(source).absolute()) if is_file else source, args.fingerprint, network=network)
    with Client(args.home) as client:
        known = {feed.fingerprint for feed in client.snapshot().feeds}
    is_unseen = not (is_file or args.fingerprint)
    if is_unseen and not (args.yes or out.json) and sys.stdin.isatty():
        command, is_unseen = _asked(args, command, known, out), False
    name = follow(args.home, command, out).feed
    with Client(args.home) as client:
        feed = next(feed for feed in client.snapshot().feeds if feed.name == name)
    if is_unseen and feed.fingerprint not in known:
        out.notice(
            f"{feed.name} was trusted without a look at its fingerprint, {feed.fingerprint}. Compare it with the one "
            "that the publisher shows; --fingerprint HEX compares it before."
        )
    return feed


def _asked(args: argparse.Namespace, command: commands.AddFeed, known: set[str], out: Output) -> commands.AddFeed:
    """The command for exactly what was shown and agreed to."""
    found: list[events.FeedSnapshot] = []
    follow(args.home, commands.AddFeed(command.source, only="look", network=command.network), out, found.append)
    feed = found[0]
    if feed.fingerprint not in known:
        out.line(f"{feed.name}: {', '.join(feed.titles) or 'no titles yet'}")
        out.line(
            "Whoever the fingerprint names can publish to this computer: compare it with what the publisher shows."
        )
        if not agreed(f"Is its fingerprint {feed.fingerprint}?", out):
            raise TrustError("trust.fingerprint", f"The feed {feed.name} was not added.", found=feed.fingerprint)
    return commands.AddFeed(command.source, feed.fingerprint, network=command.network)

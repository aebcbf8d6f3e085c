"""Adds verbs to the command line. The result of argparse's ``add_subparsers`` has no public type."""

import argparse
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from patcher.cli.output import Output
from patcher.protocol.commands import Network

Verbs = Any
Run = Callable[[argparse.Namespace, Output], int | None]
"""Carries a verb out; returns its exit code, None for 0."""


def add_verb(verbs: Verbs, name: str, run: Run, text: str, *aliases: str) -> argparse.ArgumentParser:
    """Add a verb; ``text`` is its help."""
    description = f"{text[:1].upper()}{text[1:]}."
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=description, aliases=aliases)
    parser.set_defaults(run=run)
    return parser


def add_feed_verb(verbs: Verbs, name: str, run: Run, text: str, *aliases: str) -> argparse.ArgumentParser:
    """Add a publisher's verb, whose first argument is the folder of a feed."""
    parser = add_verb(verbs, name, run, text, *aliases)
    parser.add_argument("folder", type=expanded, metavar="FOLDER", help="the feed, as `shoal publish init` made it")
    return parser


def add_group(verbs: Verbs, name: str, text: str, **defaults: object) -> Verbs:
    """Add a verb that has verbs of its own, such as ``feed``; returns where these are added."""
    parser = verbs.add_parser(name, help=text)
    parser.set_defaults(**defaults)
    return parser.add_subparsers(metavar="VERB", required=True)


def network(args: argparse.Namespace) -> Network:
    """How this run may use the network, by the global options."""
    return Network(server_only=args.server_only, ca=args.ca)


def expanded(text: str) -> Path:
    """A path, for argparse. A shell leaves the ``~`` of ``--to=~/Games`` to us."""
    with contextlib.suppress(RuntimeError):  # there is no such user
        return Path(text).expanduser()
    return Path(text)


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add ``--jobs``, the number of worker processes."""
    text = "processes (default: one a processor)"
    parser.add_argument("--jobs", type=count, default=os.cpu_count() or 1, metavar="N", help=text)


def count(text: str) -> int:
    """A number from 1 to 1024, for argparse."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 1024")
    return int(text)


def days(text: str) -> int:
    """``7d`` as a number of days, for argparse."""
    return count(text.removesuffix("d"))

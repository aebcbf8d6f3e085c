"""What `shoal publish release` and `preload` are told of a release."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from patcher.cli.verbs import add_jobs, count, expanded
from patcher.content.records import LANGUAGE
from patcher.errors import UsageError
from patcher.publish.release import ReleaseOrder
from patcher.publish.tree import IGNORE_FILE, parse_part


def add_options(verb: argparse.ArgumentParser) -> None:
    """Add title, folder and everything that describes a release."""
    add = verb.add_argument
    add("title", metavar="TITLE", help="a-z, 0-9 and -")
    add("tree", type=expanded, metavar="TREE", help="the folder to release; it is only read")
    add("--version", required=True, metavar="V", help="letters, digits and . _ + -")
    add("--channel", default="live", help="the channel that offers it (default: %(default)s)")
    add("--label", default="", help="the title's name for players")
    text = "release notes, as Markdown; 'de=FILE' for one language"
    add("--notes", type=of_language, action="append", default=[], metavar="FILE", help=text)
    text = "how it starts; 'linux=bin/game --x' for one system"
    add("--launch", action="append", default=[], metavar="ARGV", help=text)
    add(
        "--part",
        action="append",
        default=[],
        metavar="NAME=GLOB[:tags]",
        help="files that not all players want (default: as before)",
    )
    text = "leave out a part that the release before has"
    add("--drop-part", action="append", default=[], metavar="NAME", help=text)
    add_ignore(verb)
    text = "a file that is executable, besides those whose first bytes say so (default: as before; '!*': none)"
    add("--executable", action="append", default=[], metavar="GLOB", help=text)
    text = "list N releases and retire older ones (default: as before, at first 32)"
    add("--keep", type=count, metavar="N", help=text)
    add("--from-last", type=count, default=3, metavar="N", help="make patches from N older releases (default: 3)")
    add_jobs(verb)
    text = "make packs on a Dask cluster: dask://HOST:PORT (default: processes here)"
    add("--executor", default="", metavar="URL", help=text)


def add_ignore(verb: argparse.ArgumentParser) -> None:
    """Add ``--ignore``."""
    text = f"leave these files out, like a line of {IGNORE_FILE} in TREE (the syntax of .gitignore)"
    verb.add_argument("--ignore", action="append", default=[], metavar="GLOB", help=text)


def of_language(text: str) -> tuple[str, Path]:
    """A language tag, empty for all, and a file."""
    language, _, path = text.partition("=")
    return (language, expanded(path)) if path and LANGUAGE.fullmatch(language) else ("", expanded(text))


@contextmanager
def ordered(args: argparse.Namespace) -> Iterator[ReleaseOrder]:
    """The order that the options describe, connected to its cluster. Raises UsageError, OriginError."""
    order = _order_of(args)
    if not args.executor:
        yield order
        return
    try:
        from patcher.publish.patches import cluster
    except ImportError as error:
        message = f"--executor needs {error.name}: `pip install 'shoal[dask]'`."
        raise UsageError("usage.executor", message) from error
    with cluster.connected(args.executor) as workers:
        yield replace(order, cluster=workers)


def _order_of(args: argparse.Namespace) -> ReleaseOrder:
    names = ("title", "tree", "version", "channel", "label", "keep", "from_last", "jobs")
    plain = {name: getattr(args, name) for name in names}
    rules, notes = tuple(parse_part(text) for text in args.part), dict(args.notes)
    return ReleaseOrder(
        **plain,
        notes=notes.pop("", None),
        notes_in=notes,
        launch=tuple(args.launch),
        executable=tuple(args.executable),
        ignore=tuple(args.ignore),
        rules=rules,
        dropped=tuple(args.drop_part),
    )

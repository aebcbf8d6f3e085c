"""What `shoal publish release` and `preload` are told of a release."""

import argparse

from patcher.cli.verbs import add_jobs, count, expanded
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
    add("--notes", type=expanded, metavar="FILE", help="release notes, as Markdown")
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
    text = "a file that is executable; programs and scripts are, by their first bytes"
    add("--executable", action="append", default=[], metavar="GLOB", help=text)
    add("--from-last", type=count, default=3, metavar="N", help="make patches from N older releases (default: 3)")
    add_jobs(verb)


def add_ignore(verb: argparse.ArgumentParser) -> None:
    """Add ``--ignore``."""
    text = f"leave these files out, like a line of {IGNORE_FILE} in TREE (the syntax of .gitignore)"
    verb.add_argument("--ignore", action="append", default=[], metavar="GLOB", help=text)


def order_of(args: argparse.Namespace) -> ReleaseOrder:
    """The order that the options describe."""
    names = ("title", "tree", "version", "channel", "label", "notes", "from_last", "jobs")
    plain = {name: getattr(args, name) for name in names}
    rules = tuple(parse_part(text) for text in args.part)
    return ReleaseOrder(
        **plain,
        launch=tuple(args.launch),
        executable=tuple(args.executable),
        ignore=tuple(args.ignore),
        rules=rules,
        dropped=tuple(args.drop_part),
    )

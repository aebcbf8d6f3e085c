"""``shoal``: the parser of the whole command line, and the exit code of each error."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import patcher
from patcher.cli import CANCELLED_EXIT, feeds, operator, player, publisher, seeding, tuf_client
from patcher.cli.output import Output
from patcher.cli.verbs import expanded
from patcher.config import Home, default_home
from patcher.engine.server import LINE_FORMAT
from patcher.errors import Cancelled, InternalError, ShoalError, UsageError


class VerbParser(argparse.ArgumentParser):
    """A parser that takes the global options before and after the verb, and raises UsageError instead of exiting."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        add = self.add_argument_group("for every verb", argument_default=argparse.SUPPRESS).add_argument
        add("--home", type=expanded, help="folder of settings, registry and keys")
        add("--json", action="store_true", help="one JSON object a line on stdout")
        add("--quiet", action="store_true", help="errors only")
        add("--verbose", action="store_true", help="show the log on stderr: that of the engine, too, as it works")
        add("--yes", action="store_true", help="ask nothing")
        add("--server-only", action="store_true", help="no peers in this run")
        add("--ca", metavar="FILE", help="trust this certificate authority too")
        add("--passphrase-file", type=expanded, help="where the passphrase of keys stands")

    def error(self, message: str) -> None:  # type: ignore[override]  # ours raises, argparse's exits
        """Raises UsageError, so that wrong arguments follow ``--json`` too."""
        raise UsageError("usage.argument", f"{message[:1].upper()}{message[1:]}.", usage=self.format_usage().strip())


@cache
def parser() -> VerbParser:
    """The parser of all verbs, built once: that takes longer than most verbs."""
    main_parser = VerbParser(prog="shoal", description="Updates games and software, with the help of other players.")
    main_parser.add_argument("--version", action="version", version=f"shoal {patcher.__version__}")
    main_parser.set_defaults(home=None, ca="", passphrase_file=None, for_publisher=False)
    main_parser.set_defaults(json=False, quiet=False, verbose=False, yes=False, server_only=False)
    verbs: Any = main_parser.add_subparsers(metavar="VERB", required=True)
    for module in (feeds, player, publisher, operator, seeding, tuf_client):
        module.add_verbs(verbs)
    return main_parser


def _parsed(words: list[str]) -> argparse.Namespace:
    args = parser().parse_args(words)
    home = args.home or os.environ.get("SHOAL_HOME")
    args.home = Home(expanded(home).absolute()) if home else default_home()
    args.home.check()
    args.ca = str(expanded(args.ca).absolute()) if args.ca else ""
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns its exit code, or that of its error (`errors`)."""
    words = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    is_verbose = "--verbose" in words
    with Output(json_lines="--json" in words, quiet="--quiet" in words, verbose=is_verbose) as out:
        try:
            args = _parsed(words)
            if is_verbose:
                logging.basicConfig(level=logging.INFO, format=LINE_FORMAT)
            out.for_publisher = args.for_publisher
            return int(args.run(args, out) or 0)
        except ShoalError as error:
            out.error(error)
            return error.exit_code
        except (Cancelled, KeyboardInterrupt):
            out.cancelled()
            return CANCELLED_EXIT
        except OSError as error:
            out.error(InternalError("internal.failure", f"{error.filename or 'The system'}: {error.strerror}."))
            return 1


if __name__ == "__main__":
    sys.exit(main())

"""``shoal``: the parser of the whole command line, and the exit code of each error."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import patcher
from patcher.cli import CANCELLED_EXIT, feeds, operator, player, publisher, seeding, tuf_client
from patcher.cli.output import Output
from patcher.config import Home, default_home
from patcher.errors import Cancelled, InternalError, ShoalError, UsageError


class VerbParser(argparse.ArgumentParser):
    """A parser that takes the global options before and after the verb, and raises UsageError instead of exiting."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        group = self.add_argument_group("for every verb")
        add = group.add_argument
        add("--home", type=Path, default=argparse.SUPPRESS, help="folder of settings, registry and keys")
        add("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object a line on stdout")
        add("--quiet", action="store_true", default=argparse.SUPPRESS, help="errors only")
        add("--verbose", action="store_true", default=argparse.SUPPRESS, help="say more")
        add("--yes", action="store_true", default=argparse.SUPPRESS, help="ask nothing")
        add("--server-only", action="store_true", default=argparse.SUPPRESS, help="no peers in this run")
        add("--ca", metavar="FILE", default=argparse.SUPPRESS, help="trust this certificate authority too")
        add("--passphrase-file", type=Path, default=argparse.SUPPRESS, help="where the passphrase of keys stands")

    def error(self, message: str) -> None:  # type: ignore[override]  # ours raises, argparse's exits
        """Raises UsageError, so that wrong arguments follow ``--json`` too."""
        raise UsageError("usage.argument", f"{message[:1].upper()}{message[1:]}.", usage=self.format_usage().strip())


def parser() -> VerbParser:
    """The parser of all verbs."""
    main_parser = VerbParser(prog="shoal", description="Updates games and software, with the help of other players.")
    main_parser.add_argument("--version", action="version", version=f"shoal {patcher.__version__}")
    verbs: Any = main_parser.add_subparsers(metavar="VERB", required=True)
    for module in (feeds, player, publisher, operator, seeding, tuf_client):
        module.add_verbs(verbs)
    return main_parser


def _with_defaults(args: argparse.Namespace) -> argparse.Namespace:
    given = getattr(args, "home", None) or os.environ.get("SHOAL_HOME")
    args.home = Home(Path(given).absolute()) if given else default_home()
    args.home.check()
    for name in ("json", "quiet", "verbose", "yes", "server_only", "for_publisher"):
        setattr(args, name, getattr(args, name, False))
    args.ca = str(Path(args.ca).absolute()) if getattr(args, "ca", "") else ""
    args.passphrase_file = getattr(args, "passphrase_file", None)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns its exit code, or that of its error (`errors`)."""
    words = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    with Output(json_lines="--json" in words, quiet="--quiet" in words) as out:
        try:
            args = _with_defaults(parser().parse_args(words))
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

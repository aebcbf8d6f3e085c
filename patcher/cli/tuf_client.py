"""``shoal tuf-client``: the program that TUF conformance suites drive (the client protocol of tuf-conformance).

It works on a bare metadata folder, without pin and floor, through the HTTP client and the TUF client that feeds use.
"""

import argparse
from pathlib import Path

from patcher.cli.output import Output
from patcher.cli.verbs import Verbs, add_verb
from patcher.errors import ShoalError
from patcher.feed import trust


def add_verbs(verbs: Verbs) -> None:
    """Add ``tuf-client`` with its three commands."""
    parser = add_verb(verbs, "tuf-client", _run, "TUF client for conformance suites")
    parser.add_argument("--metadata-dir", type=Path, required=True, help="folder of the trusted metadata")
    parser.add_argument("--metadata-url", default="", help="where metadata is")
    parser.add_argument("--target-name", action="append", default=[], help="target to download; may be repeated")
    parser.add_argument("--target-dir", type=Path, default=Path(), help="folder to download into")
    parser.add_argument("--target-base-url", default="", help="where targets are")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    init = commands.add_parser("init", help="trust a root")
    init.add_argument("root", type=Path, help="a root.json")
    commands.add_parser("refresh", help="update the metadata")
    commands.add_parser("download", help="update the metadata, then fetch targets")


def _run(args: argparse.Namespace, out: Output) -> int:
    """Returns 1 for every error, as the protocol wants."""
    try:
        if args.command == "init":
            trust.plain_init(args.metadata_dir, args.root.read_bytes())
        elif args.command == "refresh":
            trust.plain_refresh(args.metadata_dir, args.metadata_url, args.ca)
        else:
            into, base_url = args.target_dir, args.target_base_url
            trust.plain_download(args.metadata_dir, args.metadata_url, args.target_name, into, base_url, args.ca)
    except ShoalError as error:
        out.error(error)
        return 1
    return 0

"""``shoal tuf-client``: the small program that public TUF conformance suites drive (tuf-conformance's client protocol).

It works on a bare metadata folder, without pins and floors, through the same transport and client as feeds do.
"""

import argparse
from pathlib import Path

from patcher.cli.output import Output
from patcher.errors import ShoalError
from patcher.feed import trust


def add_verbs(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``tuf-client`` with its three commands."""
    parser = subparsers.add_parser("tuf-client", help="TUF client for conformance suites")
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
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> int:
    """0 when it went well, 1 for every error, as the protocol wants."""
    try:
        if args.command == "init":
            trust.plain_init(args.metadata_dir, args.root.read_bytes())
        elif args.command == "refresh":
            trust.plain_refresh(args.metadata_dir, args.metadata_url, args.ca)
        else:
            places = (args.target_dir, args.target_base_url, args.ca)
            trust.plain_download(args.metadata_dir, args.metadata_url, args.target_name, *places)
    except ShoalError as error:
        out.error(error)
        return 1
    return 0

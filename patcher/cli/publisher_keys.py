"""The verbs about a feed's keys: `shoal publish keys …`."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from patcher.cli.output import Output
from patcher.publish import rotation
from patcher.publish.keys import Passphrases

Subparsers = argparse._SubParsersAction  # noqa: SLF001 -- argparse has no public name for it


def add_verbs(subparsers: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add `keys` with its own verbs to `publish`."""
    keys = subparsers.add_parser("keys", help="which keys a feed has, and other ones in their place")
    verbs = keys.add_subparsers(metavar="VERB", required=True)
    _verb(verbs, "list", "every key, what it signs, and until when that is good").set_defaults(run=run_list)
    new = _verb(verbs, "new", "make a key here that may take another's place; nothing in the feed changes")
    new.add_argument("name", metavar="NAME", help="whose place: holder-2, timestamp, ...")
    new.add_argument("--to", type=Path, default=Path(), metavar="FOLDER", help="where its public half goes (here)")
    new.set_defaults(run=run_new)
    rotate = _verb(verbs, "rotate", "put new keys in the place of some, by a new root that the holders sign")
    rotate.add_argument("names", metavar="NAME", nargs="*", help="(default: channels, snapshot and timestamp)")
    rotate.add_argument(
        "--public", type=Path, action="append", default=[], metavar="FILE", help="what a holder's `keys new` wrote"
    )
    rotate.set_defaults(run=run_rotate)
    revoke = _verb(verbs, "revoke", "end a holder's key without another in its place; an online key gets a new one")
    revoke.add_argument("names", metavar="NAME", nargs="+")
    revoke.set_defaults(run=run_revoke)
    for verb in (new, rotate, revoke):
        verb.add_argument("--demo-keys", action="store_true", help="keys without a passphrase: for trying out only")


def _verb(verbs: "Subparsers[argparse.ArgumentParser]", name: str, text: str) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=text)
    verb.add_argument("folder", type=Path, metavar="FOLDER", help="the feed")
    return verb


def warn_of_demo_keys(args: argparse.Namespace, out: Output) -> None:
    """Say loudly what `--demo-keys` means."""
    if args.demo_keys:
        out.notice("WARNING: --demo-keys: the secret keys of this feed have NO passphrase. Never use them for players.")


def run_list(args: argparse.Namespace, out: Output) -> int:
    """`shoal publish keys list`."""
    now, found = datetime.now(UTC), rotation.keys(args.folder, args.home)
    for key in found:
        role, expires = min(key.roles.items(), key=lambda item: item[1])
        days = (expires - now).days
        left = f"{days} days left ({role})" if expires > now else f"EXPIRED ({role})"
        place = "here" if key.here else "elsewhere"
        out.line(f"{key.name:<12}  {key.keyid[:16]}  {place:<9}  {left}  signs {', '.join(sorted(key.roles))}")
    out.result({
        "keys": [
            {
                "name": key.name, "keyid": key.keyid, "here": key.here,
                "roles": [
                    {"role": role, "expires": expires.isoformat(), "days_left": (expires - now).days}
                    for role, expires in sorted(key.roles.items())
                ],
            }
            for key in found
        ]
    })  # fmt: skip
    return 0


def run_new(args: argparse.Namespace, out: Output) -> int:
    """`shoal publish keys new`."""
    warn_of_demo_keys(args, out)
    passphrases = Passphrases.of_user(args.passphrase_file, out.notice)
    public = rotation.new(args.folder, args.home, args.name, args.to, passphrases, protect=not args.demo_keys)
    out.line(f"Made a key; its public half is {public}. Hand that to whoever runs `shoal publish keys rotate`.")
    out.result({"public": str(public)})
    return 0


def run_rotate(args: argparse.Namespace, out: Output) -> int:
    """`shoal publish keys rotate`."""
    names = tuple(args.names) or rotation.ONLINE
    return _change(rotation.Order(names, tuple(args.public), protect=not args.demo_keys), args, out)


def run_revoke(args: argparse.Namespace, out: Output) -> int:
    """`shoal publish keys revoke`."""
    return _change(rotation.Order(tuple(args.names), is_revoked=True, protect=not args.demo_keys), args, out)


def _change(order: rotation.Order, args: argparse.Namespace, out: Output) -> int:
    warn_of_demo_keys(args, out)
    outcome = rotation.rotate(args.folder, args.home, order, Passphrases.of_user(args.passphrase_file, out.notice))
    if outcome.request:
        out.line(
            f"{outcome.missing} more signatures are needed: `shoal publish sign {outcome.request}`, then run this "
            "command again. Players see no change yet."
        )
    else:
        out.line(f"The keys {', '.join(outcome.names)} were exchanged by root version {outcome.root_version}.")
        out.line("Back up the new ones. Key files that `shoal publish keys list` names no more may be removed.")
    state = {"request": str(outcome.request), "missing_signatures": outcome.missing} if outcome.request else {}
    out.result({
        "state": "request" if outcome.request else "rotated", "keys": list(outcome.names),
        "root_version": outcome.root_version, **state,
    })  # fmt: skip
    return 0

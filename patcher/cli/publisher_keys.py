"""The verbs for a feed's keys: `shoal publish keys …`."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from patcher.cli import WAITING_EXIT
from patcher.cli.output import Output
from patcher.cli.verbs import Verbs, add_feed_verb, add_group, count, expanded
from patcher.errors import UsageError
from patcher.publish import feeds, preload, publication, release, rotation
from patcher.publish.keys.ring import Passphrases
from patcher.publish.keys.tokens import DEFAULT_NUMBER, TokenKey
from patcher.publish.rotation import KeyPlace

Request = release.ReleaseOutcome | rotation.KeyOutcome | publication.Published | feeds.NewFeed | preload.PreloadOutcome
"""The outcome of a verb that ends with a signing request if signatures are missing; else ``request`` is None."""


def add_verbs(verbs: Verbs) -> None:
    """Add `keys` with its own verbs to `publish`."""
    verbs = add_group(verbs, "keys", "list, make, replace and revoke the keys of a feed")
    add_feed_verb(verbs, "list", _list, "every key, its roles, and when they expire")
    new = add_feed_verb(verbs, "new", _new, "make a key here that may replace another; nothing in the feed changes")
    new.add_argument("--token", default="", metavar="LABEL", help="make it on this PKCS#11 token, or use the one there")
    new.add_argument("--library", type=expanded, metavar="FILE", help="the token's PKCS#11 library (.so, .dll)")
    text = "the key's number on the token (default: %(default)s, the slot for signatures of a PIV card)"
    new.add_argument("--number", type=count, default=DEFAULT_NUMBER, metavar="N", help=text)
    export = add_feed_verb(verbs, "export", _export, "write the public half of a key that is here", "export-public")
    for verb in (new, export):
        verb.add_argument("name", metavar="NAME", help="whose place: holder-2, timestamp, ...")
        text = "where the public half goes (here)"
        verb.add_argument("--to", type=expanded, default=Path(), metavar="FOLDER", help=text)
        text = "for a feed that is still to be made: FOLDER is its name"
        verb.add_argument("--first", action="store_true", help=text)
    rotate = add_feed_verb(verbs, "rotate", _rotate, "replace keys by new ones, with a new root that the holders sign")
    rotate.add_argument("names", metavar="NAME", nargs="*", help="(default: channels, snapshot and timestamp)")
    text = "a public key that a holder's `keys new` wrote"
    rotate.add_argument("--public", type=expanded, action="append", default=[], metavar="FILE", help=text)
    text = "end a holder's key without another in its place; an online key gets a new one"
    revoke = add_feed_verb(verbs, "revoke", _revoke, text)
    revoke.add_argument("names", metavar="NAME", nargs="+")
    for verb in (new, rotate, revoke):
        verb.add_argument("--demo-keys", action="store_true", help="keys without a passphrase: for trying out only")


def passphrases(args: argparse.Namespace, out: Output) -> Passphrases:
    """The passphrases of keys: from a file, the environment or a prompt. Warns if ``--demo-keys`` asks for none."""
    if getattr(args, "demo_keys", False):
        out.notice("WARNING: --demo-keys: the secret keys of this feed have NO passphrase. Never use them for players.")
    return Passphrases.of_user(args.passphrase_file, out.notice)


def show_request(outcome: Request, out: Output, state: str = "Players see no change yet.") -> None:
    """Print the next step after a signing request, also for ``--quiet``; nothing without one."""
    if outcome.request:
        out.notice(
            f"{outcome.missing} more signatures are needed: `shoal publish sign {outcome.request}`, then run this "
            f"command again. {state}"
        )


def request_fields(outcome: Request) -> dict[str, object]:
    """The fields of the result object for a signing request; none without one."""
    return {"request": str(outcome.request), "missing_signatures": outcome.missing} if outcome.request else {}


def _list(args: argparse.Namespace, out: Output) -> None:
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


def _new(args: argparse.Namespace, out: Output) -> None:
    if bool(args.token) != bool(args.library):
        raise UsageError("usage.argument", "A key on a token needs both: --token LABEL and --library FILE.")
    token = TokenKey(str(args.library), args.token, args.number) if args.token else None
    place = KeyPlace(args.folder, args.home, args.first, token, protect=not args.demo_keys)
    public = rotation.new(place, args.name, args.to, passphrases(args, out))
    verb = "init --holder" if args.first else "keys rotate --public"
    out.line(f"Made a key; its public half is {public}. Hand that to whoever runs `shoal publish {verb}`.")
    out.result({"public": str(public)})


def _export(args: argparse.Namespace, out: Output) -> None:
    public = rotation.export(KeyPlace(args.folder, args.home, args.first), args.name, args.to, passphrases(args, out))
    out.line(str(public))
    out.result({"public": str(public)})


def _rotate(args: argparse.Namespace, out: Output) -> int:
    names = tuple(args.names) or rotation.ONLINE
    return _change(rotation.KeyOrder(names, tuple(args.public), protect=not args.demo_keys), args, out)


def _revoke(args: argparse.Namespace, out: Output) -> int:
    return _change(rotation.KeyOrder(tuple(args.names), is_revoked=True, protect=not args.demo_keys), args, out)


def _change(order: rotation.KeyOrder, args: argparse.Namespace, out: Output) -> int:
    outcome = rotation.rotate(args.folder, args.home, order, passphrases(args, out))
    show_request(outcome, out)
    if not outcome.request:
        out.line(f"The keys {', '.join(outcome.names)} were exchanged by root version {outcome.root_version}.")
        out.line("Back up the new ones. Key files that `shoal publish keys list` names no more may be removed.")
    out.result({
        "state": "request" if outcome.request else "rotated", "keys": list(outcome.names),
        "root_version": outcome.root_version, **request_fields(outcome),
    })  # fmt: skip
    return WAITING_EXIT if outcome.request else 0

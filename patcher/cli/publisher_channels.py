"""The verbs for what a channel offers: `shoal publish promote`, `halt`, `rollback` and `pin`."""

import argparse
import dataclasses

from patcher.cli.output import Output
from patcher.cli.publisher_keys import passphrases
from patcher.cli.verbs import Verbs, add_feed_verb
from patcher.publish import channels
from patcher.publish.channels import ChannelOffer, ChannelPlace


def add_verbs(verbs: Verbs) -> None:
    """Add the four verbs to `publish`."""
    promote = add_feed_verb(verbs, "promote", _promote, "offer a release to a share of a channel's players, or to all")
    halt = add_feed_verb(verbs, "halt", _halt, "offer a channel's release to nobody further; who has it stays there")
    rollback = add_feed_verb(verbs, "rollback", _rollback, "take a release back: all get the one before it")
    pin = add_feed_verb(verbs, "pin", _pin, "offer a release to all, and bring nobody below it from now on")
    for verb, names in ((promote, "title version channel"), (halt, "title channel"), (rollback, "title channel")):
        for name in names.split():
            verb.add_argument(name, metavar=name.upper())
    for name in ("title", "channel", "version"):
        pin.add_argument(name, metavar=name.upper())
    text = "the share of players; the same ones stay in it when it grows (default: 100)"
    promote.add_argument("--percent", type=_percent, default=100, metavar="N", help=text)


def _percent(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 100")
    return int(text)


def _place(args: argparse.Namespace, out: Output) -> ChannelPlace:
    return ChannelPlace(args.folder, args.home, args.title, args.channel, passphrases(args, out))


def _promote(args: argparse.Namespace, out: Output) -> None:
    _show(args, channels.promote(_place(args, out), args.version, args.percent), out)


def _halt(args: argparse.Namespace, out: Output) -> None:
    _show(args, channels.halt(_place(args, out)), out)


def _rollback(args: argparse.Namespace, out: Output) -> None:
    _show(args, channels.rollback(_place(args, out)), out)


def _pin(args: argparse.Namespace, out: Output) -> None:
    _show(args, channels.pin(_place(args, out), args.version), out)


def _show(args: argparse.Namespace, offer: ChannelOffer, out: Output) -> None:
    share = "everyone" if offer.percent == 100 else f"{offer.percent} % of the players"
    others = f", {offer.before} to the others" if offer.before and offer.percent < 100 else ""
    floor = f"; nobody is brought below {offer.not_below}" if offer.not_below else ""
    verb = "offers" if offer.changed else "offers already"
    out.line(f"{args.title}: {args.channel} {verb} {offer.version} to {share}{others}{floor}.")
    if not offer.has_patches:
        out.notice(
            f"No patches lead to {offer.version} any more: players who did not keep it fetch the files that they lack."
        )
    out.result({"title": args.title, "channel": args.channel, **dataclasses.asdict(offer)})

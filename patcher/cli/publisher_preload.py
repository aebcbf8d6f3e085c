"""The verbs for a release that players fetch before its launch: `shoal publish preload` and `unlock`."""

import argparse

from patcher.cli import WAITING_EXIT
from patcher.cli.output import Output
from patcher.cli.publisher_keys import passphrases, request_fields, show_request
from patcher.cli.publisher_order import add_options, ordered
from patcher.cli.verbs import Verbs, add_feed_verb
from patcher.plain import human_bytes
from patcher.publish import preload


def add_verbs(verbs: Verbs) -> None:
    """Add both verbs to `publish`."""
    add_options(add_feed_verb(verbs, "preload", _preload, "publish a release encrypted, for players to fetch ahead"))
    unlock = add_feed_verb(verbs, "unlock", _unlock, "launch a preloaded release: publish it, and its key")
    unlock.add_argument("title", metavar="TITLE")
    unlock.add_argument("version", metavar="VERSION")


def _preload(args: argparse.Namespace, out: Output) -> int:
    with ordered(args) as order:
        done = preload.preload(args.folder, args.home, order, passphrases(args, out), out.progress, out.notice)
    show_request(done, out)
    if not done.request:
        out.line(
            f"{order.title} {order.version} can be preloaded, {human_bytes(done.sealed_bytes)} in sealed packs. "
            f"`shoal publish unlock` launches it; its key is only in {args.home.preloads}: back that up."
        )
    return _said(args, done, "request" if done.request else "preloaded", out)


def _unlock(args: argparse.Namespace, out: Output) -> int:
    done = preload.unlock(args.folder, args.home, args.title, args.version, passphrases(args, out))
    show_request(done, out)
    if not done.request:
        out.line(f"{args.title} {args.version} is live; upload the feed now.")
    return _said(args, done, "request" if done.request else "published", out)


def _said(args: argparse.Namespace, done: preload.PreloadOutcome, state: str, out: Output) -> int:
    out.result({
        "title": args.title, "version": done.version, "state": state, "sealed_bytes": done.sealed_bytes,
        **request_fields(done),
    })  # fmt: skip
    return WAITING_EXIT if done.request else 0

"""Verbs that stay: share, seed, and the engine in the foreground. Ctrl-C ends them."""

import argparse
import contextlib
import time
from pathlib import Path
from typing import Any

from patcher import config
from patcher.cli.following import follow
from patcher.cli.output import Output, human_bytes
from patcher.cli.trusting import add_feed
from patcher.config import Home
from patcher.engine import server
from patcher.engine.client import Client
from patcher.errors import UsageError
from patcher.protocol import commands

_POLL_S = 0.5
_REFRESH_S = 60.0
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def add_verbs(verbs: Any) -> None:
    """Add share, seed and engine."""
    share = verbs.add_parser("share", help="upload what is installed, as far as the settings allow, until Ctrl-C")
    share.add_argument("titles", metavar="TITLE", nargs="*")
    share.set_defaults(run=_share)
    seed = verbs.add_parser("seed", help="operator: fetch all of a feed and offer it, until Ctrl-C")
    seed.add_argument("feed", metavar="FEED_URL")
    seed.add_argument("--to", type=Path, metavar="FOLDER", help="where the titles go")
    seed.add_argument("--max-size", default="", metavar="100GB", help="refuse feeds that need more")
    seed.add_argument("--fingerprint", default="", metavar="HEX")
    seed.add_argument("--once", action="store_true", help="leave when all is fetched; the engine goes on seeding")
    seed.set_defaults(run=_seed)
    engine = verbs.add_parser("engine", help="the engine process in the foreground, for service managers")
    engine.set_defaults(run=lambda args, out: server.serve(args.home, keep=True))


def _share(args: argparse.Namespace, out: Output) -> int:
    with Client(args.home) as client:
        snapshot = client.snapshot()
        titles = [snapshot.find(name).title for name in args.titles]
        if snapshot.settings["sharing"] == "off":
            out.line("Sharing is off: nothing is uploaded. `shoal settings sharing everyone` turns it on.")
        with contextlib.suppress(KeyboardInterrupt):  # the way to end it
            _stay(client, titles, out)
    out.result({"titles": titles})
    return 0


def _stay(client: Client, titles: list[str], out: Output, until_s: float = float("inf")) -> None:
    """Keep the engine alive, and say now and then what it gave."""
    shown: list[str] = []
    while time.monotonic() < until_s:
        seeding = [t for t in client.snapshot().titles if t.seeding and (not titles or t.title in titles)]
        lines = [f"{t.title} {t.version}: {human_bytes(t.uploaded_bytes)} given" for t in seeding]
        if lines != shown:
            for line in lines:
                out.line(line)
            if out.json:
                out.notice("; ".join(lines))
            shown = lines
        time.sleep(_POLL_S)


def _seed(args: argparse.Namespace, out: Output) -> int:
    name = _added(args, out)
    folder = (args.to or args.home.root / "titles").absolute()
    network = commands.Network(server_only=args.server_only, ca=args.ca)
    command = commands.Seed(name, str(folder), _bytes(args.max_size), network)
    while True:
        follow(args.home, command, out)
        out.notice(f"{name}: everything is here and offered.")
        if args.once:
            out.result({"feed": name})
            return 0
        try:
            with Client(args.home) as client:
                _stay(client, [], out, time.monotonic() + _REFRESH_S)
        except KeyboardInterrupt:
            out.result({"feed": name})
            return 0


def _added(args: argparse.Namespace, out: Output) -> str:
    """The feed's name here; it is added first, and sharing turned on: that is what the verb asks for."""
    home: Home = args.home
    home.make()
    url = args.feed.rstrip("/")
    with Client(home) as client:
        name = next((f.name for f in client.snapshot().feeds if f.url.rstrip("/") == url or f.name == args.feed), "")
    if not name:
        name = add_feed(args, args.feed, out).name
    if config.load(home).sharing == "off":
        follow(home, commands.ChangeSetting("sharing", "everyone"), out)
        out.notice("Sharing was off and is on now, for everyone: that is what seeding needs.")
    return name


def _bytes(text: str) -> int:
    """``100GB`` → bytes; nothing means no bound."""
    if not text:
        return 0
    number = text.upper().removesuffix("B")
    unit = number[-1:] if number[-1:] in _UNITS else ""
    try:
        return int(float(number.removesuffix(unit)) * _UNITS[unit])
    except ValueError as error:
        raise UsageError("usage.argument", f"{text!r} is no size; write 100GB.") from error

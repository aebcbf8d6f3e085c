"""Verbs that run until Ctrl-C: share and seed, and the engine in the foreground."""

import argparse
import contextlib
import re
import signal
import time
from collections.abc import Iterator

from patcher.cli.feeds import add_feed
from patcher.cli.follow import follow, snapshot
from patcher.cli.output import Output, confirm, may_ask
from patcher.cli.sharing import sharing_lines
from patcher.cli.verbs import Verbs, add_verb, expanded, network
from patcher.engine import server
from patcher.engine.client import Client, end_engine, is_running
from patcher.errors import OriginError, ShoalError, TrustError
from patcher.plain import human_bytes
from patcher.protocol import commands

_POLL_S = 0.5
_REFRESH_S = 60.0
_FIRST_WAIT_S, _LAST_WAIT_S = 5.0, 300.0
_PASSING = (TrustError.exit_code, OriginError.exit_code)
"""Failures that pass when the publisher or the network did something. What a disk lacks does not come by itself."""
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def _size(text: str) -> int:
    """``100GB`` as bytes, for argparse; an empty text is 0, no bound."""
    size = re.fullmatch(r"(?:([0-9]{1,15}(?:\.[0-9]+)?) ?([KMGT]?)B?)?", text.upper(), re.ASCII)
    if size is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write 100GB")
    return int(float(size[1] or 0) * _UNITS[size[2] or ""])


def add_verbs(verbs: Verbs) -> None:
    """Add share, seed and engine."""
    share = add_verb(verbs, "share", _share, "upload what is installed, as far as the settings allow, until Ctrl-C")
    share.add_argument("titles", metavar="TITLE", nargs="*")
    seed = add_verb(verbs, "seed", _seed, "operator: fetch all of a feed and offer it, until Ctrl-C")
    seed.add_argument("feed", metavar="FEED_URL")
    seed.add_argument("--to", type=expanded, metavar="FOLDER", help="where the titles go")
    seed.add_argument("--max-size", type=_size, default=0, metavar="100GB", help="refuse feeds that need more")
    seed.add_argument("--fingerprint", default="", metavar="HEX")
    seed.add_argument("--once", action="store_true", help="leave when all is fetched; the engine goes on seeding")
    text = "the engine process in the foreground, for service managers"
    add_verb(verbs, "engine", lambda args, out: server.serve(args.home, keep=True, verbose=out.verbose), text)


def _share(args: argparse.Namespace, out: Output) -> None:
    with Client(args.home) as client:
        now = client.snapshot()
        titles = [now.find(name).title for name in args.titles]
        if now.settings["sharing"] == "off":
            _ask_to_share(client, str(now.settings["last_sharing"]), out)
        with contextlib.suppress(KeyboardInterrupt):
            _stay(client, titles, out)
    out.result({"titles": titles})


def _ask_to_share(client: Client, last: str, out: Output) -> None:
    """Ask whether to share as the last time or, if the player never did, with everyone."""
    whom = "players on your local network" if last == "lan" else "everyone, who then sees your internet address"
    again = ", as before" if last else ""
    if may_ask() and confirm(f"Sharing is off. Share with {whom}{again}?", out):
        client.submit(commands.ChangeSetting("sharing", last or "everyone"))
    else:
        out.notice(f"Sharing is off: nothing is uploaded. `shoal settings sharing {last or 'everyone'}` turns it on.")


def _stay(client: Client, titles: list[str], out: Output, until_s: float = float("inf")) -> None:
    """Keep the engine running, and print the uploaded bytes of ``titles`` (of all, if empty) when they change."""
    shown: list[str] = []
    while time.monotonic() < until_s:
        now = client.snapshot()
        seeding = [t for t in now.titles if t.seeding and (not titles or t.title in titles)]
        lines = [f"{t.title} {t.version}: {human_bytes(t.uploaded_bytes)} given" for t in seeding]
        lines += [now.listen_problem] if now.listen_problem else []
        lines += sharing_lines(now)
        if lines != shown:
            if out.json:
                out.notice("; ".join(lines))
            for line in lines:
                out.line(line)
        shown = lines
        time.sleep(_POLL_S)


def _seed(args: argparse.Namespace, out: Output) -> None:
    was_running = is_running(args.home)
    try:
        with _ended_by_sigterm():
            _keep_seeding(args, out)
    finally:
        if not (was_running or args.once):
            end_engine(args.home)


def _keep_seeding(args: argparse.Namespace, out: Output) -> None:
    """Follow the feed until Ctrl-C. A server that is down, or a feed that has expired, is waited for."""
    name = _added(args, out)
    folder = (args.to or args.home.titles).absolute()
    command = commands.Seed(name, str(folder), args.max_size, network(args))
    wait_s = _FIRST_WAIT_S
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            try:
                follow(args.home, command, out)
                out.notice(f"{name}: everything is here and offered.")
                pause_s, wait_s = _REFRESH_S, _FIRST_WAIT_S
            except ShoalError as error:
                if args.once or error.exit_code not in _PASSING:
                    raise
                out.notice(f"{error.message} It is tried again in {wait_s:.0f} s; what is here is offered.", error)
                pause_s, wait_s = wait_s, min(2 * wait_s, _LAST_WAIT_S)
            if args.once:
                break
            with Client(args.home) as client:
                _stay(client, [], out, time.monotonic() + pause_s)
    out.result({"feed": name})


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM, with which service managers end a program, counts as Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _added(args: argparse.Namespace, out: Output) -> str:
    """Add the feed if it is not added yet, and turn sharing on, which seeding needs; returns the feed's local name."""
    args.home.make()
    url = args.feed.rstrip("/")
    known = (feed.name for feed in snapshot(args).feeds if feed.url.rstrip("/") == url or feed.name == args.feed)
    name = next(known, "") or add_feed(args, args.feed, out).name
    settings = snapshot(args).settings
    if settings["sharing"] == "off":
        whom = str(settings["last_sharing"]) or "everyone"
        follow(args.home, commands.ChangeSetting("sharing", whom), out)
        if not settings["last_sharing"] and not settings["monthly_upload_cap_bytes"]:  # of a player, not of a server
            follow(args.home, commands.ChangeSetting("monthly_upload_cap_bytes", "0"), out)
        out.notice(f"Sharing was off and is on now ({whom}): that is what seeding needs.")
    return name

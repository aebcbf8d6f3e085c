"""The operator's verbs, which run until Ctrl-C or SIGTERM: `shoal serve` and `shoal tracker`."""

import argparse
import contextlib
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from patcher.cli.output import Output
from patcher.cli.verbs import Verbs, add_feed_verb, add_verb, expanded
from patcher.errors import InternalError, UsageError
from patcher.feed.feeds import Feeds
from patcher.protocol.commands import Network
from patcher.serve.allowlist import Allowlist
from patcher.serve.certificate import Authority
from patcher.serve.counters import CountersServer
from patcher.serve.sites import Sites
from patcher.serve.static import StaticServer
from patcher.serve.tracker import Tracker
from patcher.serve.workers import TrackerPlan, Workers

TRACKER_PORT = 6969
_DEFAULT_HOST = "127.0.0.1"
_POLL_S = 0.5


def add_verbs(verbs: Verbs) -> None:
    """Add `serve` and `tracker` to the command line."""
    serve = add_feed_verb(verbs, "serve", _serve, "serve a feed folder over HTTPS until Ctrl-C")
    serve.add_argument("--host", default=_DEFAULT_HOST, help="address to listen on (default %(default)s)")
    serve.add_argument("--port", type=_port, default=0, metavar="N", help="port to listen on (default: a free one)")
    serve.add_argument("--cert", type=expanded, metavar="FILE", help="certificate (PEM, with its chain)")
    serve.add_argument("--key", type=expanded, metavar="FILE", help="the certificate's secret key (PEM)")
    serve.add_argument("--demo-cert", action="store_true", help="make a private authority and a certificate from it")
    tracker = add_verb(verbs, "tracker", _tracker, "tell players about each other until Ctrl-C")
    where = f"(without --http and --udp: both on {_DEFAULT_HOST}:{TRACKER_PORT})"
    tracker.add_argument("--udp", type=_endpoint, metavar="HOST:PORT", help=f"listen for UDP announces {where}")
    tracker.add_argument("--http", type=_endpoint, metavar="HOST:PORT", help="listen for HTTP announces")
    tracker.add_argument("--feed", action="append", default=[], metavar="URL", help="serve this feed's swarms only")
    tracker.add_argument("--sites", type=Path, metavar="FILE", help="the racks of a fleet, whose peers are told first")
    tracker.add_argument("--processes", type=_count, default=1, metavar="N", help="listen in N processes (default 1)")
    tracker.add_argument("--store", default="", metavar="URL", help="share the peers with other trackers, redis://HOST")
    tracker.add_argument("--stats", type=_endpoint, metavar="HOST:PORT", help="serve counters as JSON, and /metrics")


def _serve(args: argparse.Namespace, out: Output) -> None:
    if not (args.folder / "metadata").is_dir():
        message = f"{args.folder} holds no feed: there is no metadata folder."
        raise UsageError("usage.feed_folder", message, path=str(args.folder))
    cert, key = _certificate(args, out)
    with _until_signal() as wait, StaticServer(args.folder, args.host, args.port, cert, key) as server:
        _say(out, f"Serving {args.folder} at", server.url)
        wait()
    out.line(f"{server.requests} requests were answered.")
    out.result({"url": server.url, "requests": server.requests, "body_bytes": server.body_bytes})


def _tracker(args: argparse.Namespace, out: Output) -> None:
    http, udp = args.http, args.udp
    if http is None and udp is None:
        http = udp = (_DEFAULT_HOST, TRACKER_PORT)
    sites = Sites.read(args.sites) if args.sites else None
    with _until_signal() as wait, contextlib.ExitStack() as stack:
        allowed = None
        if args.feed:
            args.home.make()
            allowed = stack.enter_context(Allowlist(Feeds(args.home), args.feed, Network(ca=args.ca)))
        plan = TrackerPlan(http, udp, sites, args.store)
        tracker: Tracker | Workers
        if args.processes > 1:
            tracker = Workers(plan, args.processes, allowed.swarms if allowed else None)
        else:
            tracker = Tracker(http, udp, allowed=allowed, sites=sites, links=plan.links())
        stack.enter_context(tracker)
        urls = [url for url in (tracker.http_url, tracker.udp_url) if url]
        for url in urls:
            _say(out, "Tracking at", url)
        if args.stats:
            host, port = args.stats
            _say(out, "Counters at", stack.enter_context(CountersServer(host, port, tracker.tally)).url)
        wait(tracker.is_whole)
    out.result({"urls": urls})


def _say(out: Output, words: str, url: str) -> None:
    if out.json:  # with --port 0 a script cannot know the address
        out.notice(url)
    else:
        out.line(f"{words} {url}")


def _certificate(args: argparse.Namespace, out: Output) -> tuple[Path | None, Path | None]:
    if args.demo_cert and (args.cert or args.key):
        raise UsageError("usage.argument", "Give --demo-cert or --cert and --key, not both.")
    if bool(args.cert) != bool(args.key):
        raise UsageError("usage.argument", "--cert and --key belong together.")
    if not args.demo_cert:
        return args.cert, args.key
    authority = Authority(args.home.root / "authority")
    out.line(f"Players need --ca {authority.ca_file}")
    names = dict.fromkeys((args.host, _DEFAULT_HOST, "localhost", socket.gethostname()))
    return authority.issue(*names)


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 99")
    return int(text)


def _endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), _port(port)


@contextlib.contextmanager
def _until_signal() -> Iterator[Callable[..., None]]:
    """Have SIGINT and SIGTERM end the verb instead of the process; yields a function that waits for one of them."""
    ended = threading.Event()

    def wait(is_whole: Callable[[], bool] = lambda: True) -> None:
        while not ended.wait(_POLL_S):  # a wait without a timeout cannot be interrupted on Windows
            if not is_whole():
                raise InternalError("internal.failure", "A process of this tracker has ended.")

    before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wait
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""`shoal publish rehearse`: a release day, before it is one."""

import argparse
import importlib.util
import math
import re

from patcher import disk
from patcher.cli.output import Output, human_time
from patcher.cli.verbs import Verbs, add_feed_verb, expanded
from patcher.errors import UsageError
from patcher.plain import human_bytes
from patcher.publish.rehearsal import fluid, release_day
from patcher.publish.rehearsal.release_day import CURVES, RUSH, Crowd, Fetched, LineKind

_MBIT = 1e6 / 8
_LINES = "1:16/2,3:50/10,4:100/40,2:500/100"
"""A mix as in many countries: thin DSL, VDSL and cable, fast cable, fibre. It is an assumption; say what you know."""
_SHARES = (0.5, 0.9, 0.99)
_UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def add_verbs(verbs: Verbs) -> None:
    """Add `rehearse` to `publish`."""
    text = "what a release day would bring: bytes of the origin, their price, and when players have the release"
    verb = add_feed_verb(verbs, "rehearse", _rehearse, text)
    add = verb.add_argument
    add("title", metavar="TITLE")
    add("--channel", default="live", help="the channel whose release comes (default: %(default)s)")
    add("--install", action="store_true", help="players who have nothing yet, not those of the release before")
    add("--players", type=_players, default=10_000, metavar="N", help="how many come (default: %(default)s)")
    text = "their lines, WEIGHT:DOWN/UP in Mbit/s (default: %(default)s)"
    add("--lines", type=_lines, default=_LINES, metavar="MIX", help=text)
    add("--sharing", type=_percent, default=30, metavar="PERCENT", help="of them share (default: %(default)s)")
    text = "how long who shares stays once it is done (default: %(default)s)"
    add("--stay", type=_duration, default="1h", metavar="TIME", help=text)
    text = "rush (most at once), even, or together (default: %(default)s)"
    add("--arrive", choices=CURVES, default=RUSH, metavar="CURVE", help=text)
    add("--within", type=_duration, default="4h", metavar="TIME", help="the time in which all come (default: 4h)")
    add(
        "--origin-limit",
        type=_origin_rate,
        default="1G",
        metavar="RATE",
        help="the origin's line, in bit/s (default: 1G)",
    )
    add("--seeds", type=_rate, default="0", metavar="RATE", help="uploads of `shoal seed` together, in bit/s")
    add("--price", type=_price, default=0.05, metavar="AMOUNT", help="of a GB that the origin sends (default: 0.05)")
    add("--report", type=expanded, metavar="FILE.html", help="write a page with charts, too (needs shoal[rehearse])")


def _rehearse(args: argparse.Namespace, out: Output) -> None:
    if args.report:
        _check_charts()
    what = release_day.fetched(args.folder, args.title, args.channel, install=args.install)
    kinds, sharing = args.lines, args.sharing / 100
    crowd = Crowd(args.players, kinds, sharing, args.arrive, args.within)
    outcome = fluid.rehearse(release_day.day(what, crowd, args.origin_limit / 8, args.stay, args.seeds / 8))
    facts = _facts(args, what, outcome)
    for line in _sentences(args, what, facts, outcome):
        out.line(line)
    if args.report:
        from patcher.cli.rehearsal_report import page

        sentences = _sentences(args, what, facts, outcome)
        disk.write_atomic(args.report, page(f"{args.title} {what.version}", sentences, outcome).encode())
        out.line(f"The report is in {args.report}.")
    out.result(facts)


def _check_charts() -> None:
    if importlib.util.find_spec("pygal") is None:
        text = "The charts of a report need the extra: `pip install 'shoal[rehearse]'`."
        raise UsageError("usage.argument", text)


def _facts(args: argparse.Namespace, what: Fetched, outcome: fluid.Rehearsed) -> dict[str, object]:
    """The fields of the result object. A time is null if the day ended before it came."""
    origin = outcome.origin_bytes + args.players * what.document_bytes
    alone = args.players * what.origin_bytes
    return {
        "title": args.title, "version": what.version, "version_from": what.version_from, "players": args.players,
        "player_bytes": what.swarm_bytes + what.document_bytes, "document_bytes": what.document_bytes,
        "origin_bytes": round(origin), "server_only_bytes": alone, "peer_bytes": round(outcome.peer_bytes),
        "cost": round(origin / 1e9 * args.price, 2), "server_only_cost": round(alone / 1e9 * args.price, 2),
        **{
            f"{name}_s": {f"{share:.0%}".rstrip("%"): _known(time(share)) for share in _SHARES}
            for name, time in (("time", outcome.time_s), ("wait", outcome.wait_s))
        },
    }  # fmt: skip


def _known(seconds: float) -> float | None:
    return round(seconds, 1) if math.isfinite(seconds) else None


def _sentences(
    args: argparse.Namespace, what: Fetched, facts: dict[str, object], outcome: fluid.Rehearsed
) -> list[str]:
    size = human_bytes(what.swarm_bytes + what.document_bytes)
    way = f"update from {what.version_from} to {what.version}" if what.version_from else f"install {what.version}"
    origin, alone = facts["origin_bytes"], facts["server_only_bytes"]
    assert isinstance(origin, int) and isinstance(alone, int)
    share = f"{origin / alone:.1%}" if alone else "0 %"
    crowd = f"{args.players} players {way}: {size} each, {human_bytes(what.document_bytes)} of it documents."
    sent = f"The origin sends {human_bytes(origin)} for {facts['cost']:.2f}: {share} of what it would send if nobody "
    sent += f"shared ({human_bytes(alone)} for {facts['server_only_cost']:.2f})."
    found = [crowd, sent]
    for part in _SHARES:
        time_s, wait = outcome.time_s(part), human_time(outcome.wait_s(part))
        if math.isfinite(time_s):
            found.append(f"{part:.0%} have it after {human_time(time_s)}; {part:.0%} wait {wait} at most.")
        else:
            gave_up = human_time(outcome.moments[-1].at_s)
            found.append(f"{part:.0%} do not have it after {gave_up}: origin and uploads are too thin.")
    return found


# ---------------------------------------------------------------- arguments


def _players(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,7}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of players, 1 to 99999999")
    return int(text)


def _percent(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]+)?%?", text, re.ASCII) or float(text.rstrip("%")) > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no share; write 30")
    return float(text.rstrip("%"))


def _price(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no price; write 0.05")
    return float(text)


def _duration(text: str) -> float:
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]+)?)([smhd])", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 90s, 30m, 4h or 2d")
    return float(found[1]) * _SECONDS[found[2]]


def _rate(text: str) -> float:
    found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]+)?) ?([kMGT]?)(?:bit(?:/s)?)?", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate; write 500M or 1G, in bit/s")
    return float(found[1]) * _UNITS[found[2]]


def _origin_rate(text: str) -> float:
    if rate := _rate(text):
        return rate
    raise argparse.ArgumentTypeError("without an origin nobody has the first copy")


def _lines(text: str) -> tuple[LineKind, ...]:
    return tuple(_line(each) for each in text.split(","))


def _line(text: str) -> LineKind:
    number = r"([0-9]{1,6}(?:\.[0-9]{1,6})?)"
    found = re.fullmatch(f"{number}:{number}/{number}", text.strip(), re.ASCII)
    weight, down, up = map(float, found.groups()) if found else (0.0, 0.0, 0.0)
    if not weight or not down:
        raise argparse.ArgumentTypeError(f"{text!r} is no line; write 3:50/10, weight:down/up in Mbit/s")
    return LineKind(weight, down * _MBIT, up * _MBIT)

"""The verb for a publisher's own launcher: `shoal publish launcher`."""

import argparse
from datetime import UTC, datetime

import patcher
from patcher.cli.output import Output
from patcher.cli.verbs import Verbs, add_feed_verb, expanded
from patcher.publish.launcher import branded


def add_verbs(verbs: Verbs) -> None:
    """Add it to `publish`."""
    verb = add_feed_verb(verbs, "launcher", _launcher, "make your own launcher, which trusts this feed from the start")
    add = verb.add_argument
    add("--title", required=True, metavar="TITLE", help="the title that it shows first")
    add("--name", required=True, metavar="TEXT", help="its name for players")
    least, most = branded.ICON_SIDES
    add("--icon", required=True, type=expanded, metavar="FILE", help=f"a PNG, square, of {least} to {most} pixels")
    add("--accent", default="", metavar="#RRGGBB", help="the colour of its buttons (default: that of Shoal)")
    add("--art", type=expanded, metavar="FILE", help="a PNG or JPEG, wide, for its first page")
    add("--out", required=True, type=expanded, metavar="FOLDER", help="where to write it; new or empty")
    text = "the frozen tree of Shoal to make it from (default: none, only the brand is written)"
    add("--tree", type=expanded, metavar="FOLDER", help=text)
    text = "its own id, a domain of yours turned round, such as org.example.meadow (default: from the feed's address)"
    add("--id", default="", metavar="ID", help=text)
    text = "the title of the feed that this launcher is, by which it keeps itself up to date (default: it does not)"
    add("--self-update", default="", metavar="TITLE", help=text)
    text = "what its installer calls this version (default: that of Shoal)"
    add("--version", default=patcher.__version__, metavar="V", help=text)
    add("--other-feeds", action="store_true", help="let players add feeds of others")
    add("--share-home", action="store_true", help="use the folder that Shoal has, if the player has Shoal, too")


def _launcher(args: argparse.Namespace, out: Output) -> None:
    order = branded.LauncherOrder(
        args.title, args.name, args.icon, args.out, args.id, args.accent, args.art, args.tree, args.self_update,
        args.other_feeds, args.share_home, args.version,
    )  # fmt: skip
    outcome = branded.make(args.folder, order, datetime.now(UTC))
    made = outcome.brand
    out.line(f"Made {made.name} ({made.id}) in {args.out}. It trusts {made.url} by the fingerprint {made.fingerprint}.")
    if outcome.installer:
        out.line(f"Players install {outcome.installer}.")
    elif args.tree:
        out.line("No installer: the tree does not lie as `make package` left it, or is for Windows without NSIS.")
    if args.tree is None:
        out.line(f"It has no programs. Try it out: SHOAL_BRAND={args.out / 'brand.json'} shoal-launcher")
    elif made.launcher:
        out.line(f"Release it: shoal publish release {args.folder} {made.launcher} {args.out} --version V --launch …")
    out.result({
        "id": made.id, "name": made.name, "out": str(args.out), "url": made.url, "fingerprint": made.fingerprint,
        "title": made.title, "self_update": made.launcher, "other_feeds": made.other_feeds,
        "installer": str(outcome.installer or ""),
    })  # fmt: skip

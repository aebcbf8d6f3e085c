"""The publisher's verbs: `shoal publish …`."""

import argparse
import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

from patcher.cli import (
    WAITING_EXIT,
    WORK_LEFT_EXIT,
    publisher_channels,
    publisher_keys,
    publisher_launcher,
    publisher_order,
    publisher_preload,
    publisher_rehearse,
    publisher_upload,
)
from patcher.cli.output import Output, confirm, human_time
from patcher.cli.publisher_keys import passphrases, request_fields, show_request
from patcher.cli.verbs import Verbs, add_feed_verb, add_group, add_jobs, add_verb, count, days, expanded
from patcher.content import paths
from patcher.errors import ContentError, UsageError
from patcher.plain import human_bytes
from patcher.publish import build, check, feeds, preview, prune, publication, release, repository, signing
from patcher.publish.keys.ring import KeyRing
from patcher.publish.profiles import PROFILES
from patcher.publish.title import KINDS, LINKS, TitleText, describe
from patcher.publish.upload.upload import check_successor

_MANY = 4
"""From more releases than these on, a release says how to keep fewer."""
RENEWAL_STATE = "Players see all that is published; the signatures that they use now age."


def add_verbs(verbs: Verbs) -> None:
    """Add `publish` with its own verbs to the command line."""
    verbs = add_group(verbs, "publish", "make a feed, release into it, check it", for_publisher=True)
    _add_init_and_release(verbs)
    feed = add_feed_verb(verbs, "feed", _feed, "publish other origins or trackers of a feed; no release changes")
    text = "where FOLDER is served, best first; in place of all origins until now"
    feed.add_argument("--origin", action="append", default=[], metavar="URL", help=text)
    text = "udp, http or https; in place of all trackers until now"
    feed.add_argument("--tracker", action="append", metavar="URL", help=text)
    feed.add_argument(
        "--no-tracker", action="store_const", const=[], dest="tracker", help="players find each other alone"
    )
    _add_title(verbs)
    preview = add_verb(verbs, "preview", _preview, "the cost of a patch between two folders, file by file")
    preview.add_argument("old", type=expanded, metavar="OLD_TREE")
    preview.add_argument("new", type=expanded, metavar="NEW_TREE")
    publisher_order.add_ignore(preview)
    sign = add_verb(verbs, "sign", _sign, "add one holder's signature to a request that another verb wrote")
    sign.add_argument("request", type=expanded, metavar="REQUEST")
    text = "holder-2 (default: the first here that has not signed)"
    sign.add_argument("--key", default="", metavar="NAME", help=text)
    publisher_channels.add_verbs(verbs)
    publisher_keys.add_verbs(verbs)
    publisher_preload.add_verbs(verbs)
    publisher_upload.add_verbs(verbs)
    publisher_launcher.add_verbs(verbs)
    publisher_rehearse.add_verbs(verbs)
    check = add_feed_verb(verbs, "check", _check, "look at a feed as a player would")
    check.add_argument("--deep", action="store_true", help="apply every patch, too")
    for verb in (preview, check):
        add_jobs(verb)
    gc = add_feed_verb(verbs, "gc", _gc, "list files that no record leads to any more, ask, and remove them")
    text = "keep files that were live or made in the last N days (default: %(default)s)"
    gc.add_argument("--days", type=count, default=prune.DAYS, metavar="N", help=text)
    gc.add_argument("--dry-run", action="store_true", help="only show it")
    status = add_feed_verb(verbs, "status", _status, "titles and channels of a feed, and when its signatures expire")
    text = "end with 10 if a signature expires within so many days, such as 7d"
    status.add_argument("--fail-within", type=days, default=0, metavar="DAYS", help=text)
    add_feed_verb(verbs, "renew", _renew, "renew signatures past half their life, and ask holders for theirs")
    export = add_feed_verb(verbs, "export", _export, "write the live release's .torrent files, for any v2 client")
    export.add_argument("title", metavar="TITLE")
    export.add_argument("--to", type=expanded, default=Path(), metavar="FOLDER", help="where to (default: here)")
    export.add_argument("--web-seed", action="append", default=[], metavar="URL", help="serves the unpacked tree")


def _add_init_and_release(verbs: Verbs) -> None:
    init = add_verb(verbs, "init", _init, "make a feed and its keys")
    init.add_argument("folder", type=expanded, metavar="FOLDER", help="will be the feed; new or empty")
    init.add_argument("--origin", action="append", required=True, metavar="URL", help="where FOLDER will be served")
    init.add_argument("--tracker", action="append", default=[], metavar="URL", help="udp, http or https")
    init.add_argument("--name", default="", help="short name, a-z, 0-9 and - (default: from FOLDER)")
    init.add_argument(
        "--profile", choices=sorted(PROFILES), default="solo", help="the number of key holders (default: %(default)s)"
    )
    text = "the public half of a holder's key, which `keys new --first` wrote; keys of the other holders are made here"
    init.add_argument("--holder", type=expanded, action="append", default=[], metavar="FILE", help=text)
    init.add_argument("--demo-keys", action="store_true", help="keys without a passphrase: for trying out only")
    verb = add_feed_verb(verbs, "release", _release, "publish a folder as the next release of a title")
    publisher_order.add_options(verb)
    add = verb.add_argument
    add("--dry-run", action="store_true", help="read and report, write nothing")
    add("--upload", default="", dest="destination", metavar="DEST", help="then do `publish upload` to there")
    publisher_upload.add_options(verb)


def _add_title(verbs: Verbs) -> None:
    verb = add_feed_verb(verbs, "title", _title, "publish texts, art and links of a title; no release changes")
    add = verb.add_argument
    add("title", metavar="TITLE", help="one that has a release")
    add("--lang", default="en", metavar="TAG", help="the language of label and summary (default: %(default)s)")
    add("--label", metavar="TEXT", help="its name for players")
    add("--summary", metavar="TEXT", help="a description of one or two sentences")
    text = "a PNG or JPEG, wide, its left lower part under the label; 'de=FILE' for one language"
    add("--art", type=publisher_order.of_language, action="append", default=[], metavar="FILE", help=text)
    add("--link", action="append", type=_link, default=[], metavar="KIND=URL", help="kinds: site, support")
    add("--kind", choices=KINDS, help="the kind of title")
    add("--licence", metavar="TEXT", help="under which terms")
    add("--citation", metavar="TEXT", help="how to cite it")


def _link(text: str) -> tuple[str, str]:
    kind, sign, url = text.partition("=")
    if kind not in LINKS or not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not written {'=URL or '.join(LINKS)}=URL")
    return kind, url


# ---------------------------------------------------------------- verbs


def _init(args: argparse.Namespace, out: Output) -> int:
    made = feeds.init(
        args.folder, args.home, args.origin, args.tracker, args.name, args.profile, args.demo_keys,
        passphrases(args, out), args.holder,
    )  # fmt: skip
    show_request(made, out, "There is no feed yet.")
    if not made.request:
        keys = args.home.keys / made.name
        out.line(f"Made the feed {made.name} in {args.folder}; its keys are in {keys}: back them up.")
        out.line(f"Fingerprint, to show where players trust you: {made.fingerprint}")
        out.line(f"For players: {made.invitation}")
    out.result({
        "feed": made.name, "fingerprint": made.fingerprint, "url": args.origin[0].rstrip("/"),
        "invitation": str(made.invitation), "keys": str(args.home.keys / made.name), **request_fields(made),
    })  # fmt: skip
    return WAITING_EXIT if made.request else 0


def _feed(args: argparse.Namespace, out: Output) -> None:
    feed, changed = feeds.move(args.folder, args.home, args.origin, args.tracker, passphrases(args, out))
    out.line(f"{feed.name} is at {', '.join(feed.origins)}{'' if changed else ', as before'}.")
    out.line(f"Trackers: {', '.join(feed.trackers) or 'none'}")
    out.result({
        "feed": feed.name, "changed": changed, "origins": list(feed.origins), "trackers": list(feed.trackers),
    })  # fmt: skip


def _release(args: argparse.Namespace, out: Output) -> int:
    if args.destination:
        with publisher_upload.opened(args) as destination:
            check_successor(repository.load(args.folder), destination)  # before anything is signed
            fields = _released(args, out)
            if fields["state"] in {"published", "already published"}:
                fields["upload"] = publisher_upload.send(args, out, destination)
    else:
        fields = _released(args, out)
    out.result(fields)
    return WAITING_EXIT if fields["state"] == "request" else 0


def _released(args: argparse.Namespace, out: Output) -> dict[str, object]:
    with publisher_order.ordered(args) as ordered:
        order = dataclasses.replace(ordered, dry_run=args.dry_run)
        outcome = release.release(args.folder, args.home, order, passphrases(args, out), out.progress, out.notice)
    _show_release(order, outcome, out)
    return _release_fields(order, outcome)


def _show_release(order: release.ReleaseOrder, outcome: release.ReleaseOutcome, out: Output) -> None:
    files, size = outcome.source.files, human_bytes(outcome.source.size_bytes)
    if outcome.packed:
        for version, patch_bytes in outcome.packed.patch_bytes:
            out.line(f"Patch from {version}: {human_bytes(patch_bytes)}")
        out.line(f"From nothing: {human_bytes(outcome.packed.full_bytes)}")
        _show_growth(outcome, out)
    sentences = {
        "published": f"Published {order.title} {order.version}: {files} files, {size}.",
        "already published": f"{order.title} {order.version} is already published.",
        "dry run": f"Would publish {order.title} {order.version}: {files} files, {size}. Nothing was written.",
    }
    if outcome.state == "request":
        show_request(outcome, out)
    else:
        out.line(sentences[outcome.state])
        show_request(outcome, out, RENEWAL_STATE)


def _show_growth(outcome: release.ReleaseOutcome, out: Output) -> None:
    out.line(f"The feed has grown by {human_bytes(outcome.added_bytes)}; it lists {outcome.listed} releases of it.")
    if outcome.listed > _MANY:
        out.line("`--keep N` lists fewer from now on; `shoal publish gc` removes what only older ones have.")


def _release_fields(order: release.ReleaseOrder, outcome: release.ReleaseOutcome) -> dict[str, object]:
    source, packed = outcome.source, outcome.packed
    parts = [
        {
            "name": part.rule.name, "info_hash": part.manifest.info_hash.hex(), "torrent_name": part.manifest.name,
            "piece_bytes": part.manifest.piece_bytes,
        }
        for part in source.parts
    ]  # fmt: skip
    return {
        "title": order.title, "version": order.version, "state": outcome.state, "files": source.files,
        "tree_bytes": source.size_bytes, "parts": parts,
        "patches": [{"version_from": v, "patch_bytes": n} for v, n in (packed.patch_bytes if packed else ())],
        "full_bytes": packed.full_bytes if packed else 0, "added_bytes": outcome.added_bytes,
        "listed_releases": outcome.listed, "seconds": round(outcome.seconds, 3),
        **request_fields(outcome),
    }  # fmt: skip


def _title(args: argparse.Namespace, out: Output) -> None:
    names = ("label", "summary", "kind", "licence", "citation")
    plain = {name: getattr(args, name) for name in names}
    words = TitleText(args.lang, links=dict(args.link), art=dict(args.art), **plain)
    about, changed = describe(args.folder, args.home, args.title, words, passphrases(args, out))
    out.line(f"{'Published' if changed else 'Nothing is new in'} the record of {args.title}.")
    texts = {language: {"label": text.label, "summary": text.summary} for language, text in about.texts.items()}
    out.result({
        "title": args.title, "changed": changed, "kind": about.kind, "texts": texts, "links": dict(about.links),
        "art": about.art.hex if about.art else "",
        "art_in": {language: ref.hex for language, ref in (about.art_in or {}).items()},
        "licence": about.licence, "citation": about.citation,
    })  # fmt: skip


def _preview(args: argparse.Namespace, out: Output) -> None:
    trees = (args.old, args.new)
    old, new = (build.read(tree, "preview", (), args.jobs, out.progress, ignore=args.ignore) for tree in trees)
    found = preview.preview(old, new, args.home.root / "build" / "preview", args.jobs, out.progress)
    changes = [file for file in found.files if file.kind != "unchanged"]
    for file in changes:
        sizes = f"{human_bytes(file.size_bytes):>7} → {human_bytes(file.patch_bytes):>7}"
        note = f"  (its address map saves about {human_bytes(file.saved_bytes)} or more)" if file.saved_bytes else ""
        out.line(f"{file.kind:9}  {sizes}  {file.path}{note}")
    out.line("Files: " + ", ".join(f"{found.count(kind)} {kind}" for kind in preview.KINDS))
    patch_bytes = found.pack_bytes + found.document_bytes
    out.line(f"The patch would have {human_bytes(patch_bytes)}, {human_bytes(found.document_bytes)} of it documents.")
    out.line(f"In chunks of 1 MiB, as Steam has them: {human_bytes(found.steam_bytes)}")
    out.line(
        f"The changed files whole: {human_bytes(found.changed_bytes)} · everything: {human_bytes(found.tree_bytes)}"
    )
    out.line(
        f"CPU time: {human_time(found.make_cpu_s)} to make, {human_time(found.apply_cpu_s)} for a player to apply."
    )
    out.result({
        "patch_bytes": patch_bytes, "pack_bytes": found.pack_bytes, "steam_like_bytes": found.steam_bytes,
        "changed_bytes": found.changed_bytes, "tree_bytes": found.tree_bytes, "files": len(found.files),
        "make_cpu_s": found.make_cpu_s, "apply_cpu_s": round(found.apply_cpu_s, 3),
        **{kind: found.count(kind) for kind in preview.KINDS},
        "changes": [
            {
                "path": f.path, "kind": f.kind, "bytes": f.size_bytes, "patch_bytes": f.patch_bytes,
                "map_saves_about_bytes": f.saved_bytes,
            }
            for f in changes
        ],
    })  # fmt: skip


def _sign(args: argparse.Namespace, out: Output) -> None:
    request = signing.load(args.request)
    for text in request.summary():
        out.line(text)
    if not args.yes and not confirm("Sign this?", out):
        raise UsageError("usage.signatures", "Nothing was signed; --yes signs without a question.")
    feed = paths.check_name(request.feed)
    ring = KeyRing(args.home.keys / feed, passphrases(args, out))
    with publication.locked(args.home, feed):
        holder = signing.sign(request, ring, args.key)
        signing.save(request, args.request)
    out.line(f"Signed by {holder}. Signatures still missing: {request.missing}.")
    if not request.missing:
        verb = "release" if request.title else "keys" if request.version else "renew"
        verb = verb if request.fingerprint else "init"
        out.line(f"Now run the `shoal publish {verb}` command again, where the feed is.")
    out.result({"signed_by": holder, "missing_signatures": request.missing, "request": str(args.request)})


def _check(args: argparse.Namespace, out: Output) -> None:
    """Raises ContentError (content.feed) when the feed has a problem."""
    report = check.check(args.folder, args.jobs, args.deep, out.progress)
    for text in report.warnings:
        out.notice(f"warning: {text}")
    for text in report.problems:
        out.notice(f"problem: {text}")
    if report.problems:
        count = len(report.problems)
        message = f"{args.folder} has {count} problem{'s' if count > 1 else ''}: {report.problems[0]}."
        raise ContentError("content.feed", message, problems=count)
    size = human_bytes(report.content_bytes)
    out.line(f"All is well: {report.records} records, {report.contents} contents, {size}.")
    out.result({
        "records": report.records, "contents": report.contents, "content_bytes": report.content_bytes,
        "warnings": list(report.warnings),
    })  # fmt: skip


def _gc(args: argparse.Namespace, out: Output) -> None:
    with prune.plan(args.folder, args.home, args.days, datetime.now(UTC)) as found:
        count, size, kept = len(found.files), human_bytes(found.size_bytes), human_bytes(found.kept_bytes)
        out.line(f"Nothing of the last {args.days} days leads to {count} files, {size}. {kept} stay.")
        removed = bool(count) and not args.dry_run and (args.yes or confirm("Remove them?", out))
        if removed:
            prune.remove(args.folder, found, out.progress)
    if count:
        out.line("Removed." if removed else "Nothing was removed.")
    out.result({
        "removed": removed, "files": count, "bytes": found.size_bytes, "kept_bytes": found.kept_bytes,
        "days": args.days,
    })  # fmt: skip


def _status(args: argparse.Namespace, out: Output) -> int:
    feed, titles, roles = feeds.status(args.folder)
    now = datetime.now(UTC)
    out.line(f"{feed.name}: {', '.join(feed.origins)}")
    for title in titles:
        live = ", ".join(f"{name} {version}" for name, version in title.channels.items())
        out.line(f"{title.title}: {live} (releases: {', '.join(title.versions)})")
    for role in roles:
        out.line(f"{role.role:<20} {_time_left(role.expires, now)}")
    soon = [role for role in roles if role.expires <= now + timedelta(days=args.fail_within)]
    for role in soon:
        out.notice(f"{role.role}: {_time_left(role.expires, now)}. `shoal publish renew` renews it.")
    out.result({
        "feed": feed.name, "origins": list(feed.origins), "titles": [dataclasses.asdict(title) for title in titles],
        "roles": [
            {
                "role": r.role, "version": r.version, "expires": r.expires.isoformat(), "expired": r.expires <= now,
                "days_left": (r.expires - now).days,
            }
            for r in roles
        ],
    })  # fmt: skip
    return WORK_LEFT_EXIT if args.fail_within and soon else 0


def _time_left(expires: datetime, now: datetime) -> str:
    day = f"{expires:%Y-%m-%d}"
    return f"expires on {day}, {(expires - now).days} days left" if expires > now else f"EXPIRED on {day}"


def _renew(args: argparse.Namespace, out: Output) -> int:
    done = publication.renew(args.folder, args.home, passphrases(args, out))
    feed, _, roles = feeds.status(args.folder)
    now = datetime.now(UTC)
    out.line(f"Renewed: {', '.join(sorted(done.roles))}." if done.roles else "Nothing is past half its life.")
    out.line(f"{roles[0].role} is the first that expires, on {roles[0].expires:%Y-%m-%d}.")
    refused = publication.refused({role.role: role.expires for role in roles}, feed.titles, now)
    show_request(done, out, f"Until then players refuse the feed: {', '.join(refused)}." if refused else RENEWAL_STATE)
    out.result({
        "renewed": sorted(done.roles), "refused": refused, "expires_first": roles[0].role,
        "expires": roles[0].expires.isoformat(), **request_fields(done),
    })  # fmt: skip
    return WAITING_EXIT if done.request else 0


def _export(args: argparse.Namespace, out: Output) -> None:
    written = feeds.export(args.folder, args.title, args.to, args.web_seed)
    for path in written:
        out.line(str(path))
    out.result({"files": [str(path) for path in written]})

"""`shoal publish upload`, and the options for it that `release` takes as well."""

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager

from patcher.cli.output import Output
from patcher.cli.verbs import Verbs, add_feed_verb
from patcher.plain import human_bytes
from patcher.publish.upload.destination import Destination
from patcher.publish.upload.upload import Uploaded, UploadOrder, open_destination, upload


def add_verbs(verbs: Verbs) -> None:
    """Add `upload` to `publish`."""
    verb = add_feed_verb(
        verbs, "upload", _upload, "bring a feed to where players read it; only what is missing is sent"
    )
    text = "a folder, ssh://user@host/folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
    verb.add_argument("destination", metavar="DEST", help=text)
    add_options(verb)
    verb.add_argument("--dry-run", action="store_true", help="only say what is missing")


def add_options(verb: argparse.ArgumentParser) -> None:
    """Add what `upload` and `release --upload` may be told."""
    verb.add_argument("--endpoint", default="", metavar="URL", help="a server that is compatible with S3")
    text = "DEST's web address, read before the new feed goes live (default: the feed's first origin)"
    verb.add_argument("--origin", default="", metavar="URL", help=text)
    verb.add_argument("--no-read-back", action="store_true", help="nothing is read from the web address")


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[Destination]:
    """The destination that was named. Raises UsageError, OriginError."""
    with closing(open_destination(args.destination, args.endpoint)) as destination:
        yield destination


def send(args: argparse.Namespace, out: Output, destination: Destination) -> dict[str, object]:
    """Upload the feed, and say what was sent. Returns the fields of the result object."""
    order = UploadOrder(args.origin, args.ca, not args.no_read_back, args.dry_run)
    done = upload(args.folder, args.home, destination, order, out.progress, out.notice)
    out.line(_text(args, done))
    return {
        "destination": args.destination, "sent_files": done.sent_files, "sent_bytes": done.sent_bytes,
        "kept_files": done.kept_files, "changed": done.is_new, "read_back": done.is_read_back,
    }  # fmt: skip


def _upload(args: argparse.Namespace, out: Output) -> None:
    with opened(args) as destination:
        out.result(send(args, out, destination))


def _text(args: argparse.Namespace, done: Uploaded) -> str:
    amount = f"{done.sent_files} files, {human_bytes(done.sent_bytes)}; {done.kept_files} files are there"
    if args.dry_run:
        return f"Would send {amount}. Nothing was sent."
    state = "The feed is live" if done.is_new else "The feed was live already"
    read = ", and read back as a player reads it" if done.is_read_back else ""
    return f"Sent {amount}. {state}{read}."

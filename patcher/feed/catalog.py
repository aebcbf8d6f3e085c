"""What clients show of a feed, kept in its folder so that a start needs neither the network nor a signature check.

Nothing is decided by it: whatever is installed or fetched is read from `Trust` each time.
"""

import dataclasses
import json
import locale
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from patcher import disk, strict_json
from patcher.content import records
from patcher.content.merkle import BLOCK_BYTES, HASH_BYTES, Ref
from patcher.errors import ContentError, OriginError, TrustError
from patcher.feed.reader import Reader
from patcher.protocol import wire
from patcher.protocol.events import About, FeedSnapshot, PartFact
from patcher.transfer.origin.client import Origin

ART_MAX_BYTES = 8 << 20
NOTES_MAX_BYTES = 256 << 10
LIVE = "live"
"""The channel that clients are shown."""
_FILE = "catalog.json"
_MAX_BYTES = 1 << 26
_ART = "art"


@dataclass(frozen=True, slots=True)
class TitleFacts:
    """One title: its label, the version that its live channel offers, and what else the publisher says.

    ``preload``: the sequence of the sealed release that this channel lets players fetch ahead, 0 for none.
    """

    label: str
    version: str = ""
    preload: int = 0
    about: About = About()
    art: str = ""
    """Root of the art, which is fetched by `with_art` alone."""
    notes: str = ""
    """Root of the notes, likewise."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """One feed as last read."""

    shown: FeedSnapshot
    trackers: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()
    """Other addresses of the same feed."""
    hosts: tuple[str, ...] = ()
    """Other hosts to which its servers may redirect."""
    titles: dict[str, TitleFacts] = field(default_factory=dict)

    def showing(self, **changes: str) -> "Catalog":
        """The catalog with another ``url`` or ``problem`` of the feed."""
        return dataclasses.replace(self, shown=dataclasses.replace(self.shown, **changes))  # type: ignore[arg-type]  # both are texts


def load(folder: Path) -> Catalog | None:
    """The catalog that `save` wrote; None if there is none that this version can read."""
    try:
        loaded: Catalog = wire.build(Catalog, strict_json.load(folder / _FILE, _MAX_BYTES))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return loaded


def save(folder: Path, catalog: Catalog) -> None:
    """Keep a catalog for the next start. Raises DiskError."""
    disk.write_atomic(folder / _FILE, json.dumps(dataclasses.asdict(catalog), ensure_ascii=False).encode())


def read(known: Catalog, reader: Reader, stale: Collection[str]) -> Catalog:
    """The catalog with the ``stale`` titles, and those that are new, read again. Raises what `Reader` raises."""
    feed = reader.feed()
    titles = {
        name: known.titles[name] if name in known.titles and name not in stale else _title(name, reader, known)
        for name in feed.titles
    }
    here = known.shown.url.rstrip("/")
    mirrors = tuple(url.rstrip("/") for url in feed.origins if url.rstrip("/") != here)
    shown = dataclasses.replace(known.shown, titles=feed.titles, problem="")
    return Catalog(shown, feed.trackers, mirrors, feed.hosts, titles)


def with_art(catalog: Catalog, reader: Reader, origin: Origin, folder: Path) -> Catalog:
    """The catalog with art and notes, fetched where they are new and left out where they cannot be fetched."""
    titles = {}
    for name, facts in catalog.titles.items():
        title, release = _records(name, reader)
        art, notes = _documents(title, release)
        about = facts.about
        if (art.hex if art else "") != facts.art or (about.art and not Path(about.art).exists()):
            about = dataclasses.replace(about, art=_art(art, origin, folder))
        if (notes.hex if notes else "") != facts.notes:
            text = _fetched(notes, NOTES_MAX_BYTES, origin).decode("utf-8", "replace")
            about = dataclasses.replace(about, notes=text)
        roots = art.hex if art else "", notes.hex if notes else ""
        titles[name] = dataclasses.replace(facts, about=about, art=roots[0], notes=roots[1])
    return dataclasses.replace(catalog, titles=titles)


def _records(name: str, reader: Reader) -> tuple[records.Title | None, records.Release | None]:
    try:
        title = reader.title(name)
        return title, reader.release(name, reader.channel(name, LIVE).release)
    except TrustError:
        return None, None


def _documents(title: records.Title | None, release: records.Release | None) -> tuple[Ref | None, Ref | None]:
    """Art and notes, in the language of this process where the publisher has them."""
    language = _language()
    art = records.in_language(title.art_in, language, title.art) if title else None
    return art, records.in_language(release.notes_in, language, release.notes) if release else None


def _language() -> str:
    """The language tag of this process' environment: ``de-AT``; empty if it says none."""
    name = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), None) or locale.getlocale()[0]
    return (name or "").partition(".")[0].replace("_", "-")


def _title(name: str, reader: Reader, known: Catalog) -> TitleFacts:
    title, release = _records(name, reader)
    before = known.titles.get(name, TitleFacts(name))
    if title is None or release is None:
        return before
    labels = {language: text.label for language, text in title.texts.items()}
    about = dataclasses.replace(
        before.about,
        kind=title.kind,
        labels=labels,
        summaries={language: text.summary for language, text in title.texts.items()},
        links=dict(title.links or {}),
        licence=title.licence,
        parts=tuple(PartFact(part.name, part.tags, _about_bytes(part)) for part in release.parts),
    )
    _, notes = _documents(title, release)
    if (notes.hex if notes else "") != before.notes:  # they are of another release, or another language
        about, before = dataclasses.replace(about, notes=""), dataclasses.replace(before, notes="")
    label = labels.get("en") or next(iter(labels.values()), name)
    preload = reader.channel(name, LIVE).preload
    return dataclasses.replace(before, label=label, version=release.version, preload=preload, about=about)


def _about_bytes(part: records.Part) -> int:
    """The size of a part to within 16 KiB a file. The exact size would need its manifest."""
    return part.leaves.size_bytes // HASH_BYTES * BLOCK_BYTES if part.leaves else 0


def _art(ref: Ref | None, origin: Origin, folder: Path) -> str:
    data = _fetched(ref, ART_MAX_BYTES, origin)
    if not ref or not data:
        return ""
    disk.make_folder(folder / _ART)
    disk.write_atomic(folder / _ART / ref.hex, data)
    return str(folder / _ART / ref.hex)


def _fetched(ref: Ref | None, max_bytes: int, origin: Origin) -> bytes:
    if ref is None or ref.size_bytes > max_bytes:
        return b""
    try:
        return origin.content(ref)
    except (OriginError, ContentError):
        return b""

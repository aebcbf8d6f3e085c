"""`title`: changes what players read and see of a title. The title's online key signs it; no release changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from patcher.config import Home
from patcher.content import feed_paths, paths, records
from patcher.content.merkle import Ref, ref_of
from patcher.errors import UsageError
from patcher.feed.catalog import ART_MAX_BYTES
from patcher.publish import publication
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.publication import opened
from patcher.publish.release import history, stated
from patcher.publish.repository import Changes
from patcher.publish.store import Store
from patcher.transfer.origin.hosts import Reach

KINDS = ("album", "app", "data", "game", "image")
LINKS = ("site", "support")
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


@dataclass(frozen=True, slots=True)
class TitleText:
    """What the publisher says of a title. None and empty values change nothing."""

    language: str = "en"
    label: str | None = None
    summary: str | None = None
    kind: str | None = None
    art: Mapping[str, Path] = field(default_factory=dict)
    """PNG or JPEG files by language tag; that for all languages at ``""``."""
    links: Mapping[str, str] = field(default_factory=dict)
    """By kind (`LINKS`); an empty address removes the link."""
    licence: str | None = None
    citation: str | None = None


def describe(
    folder: Path, home: Home, title: str, words: TitleText, passphrases: Passphrases
) -> tuple[records.Title, bool]:
    """Sign and publish a title's record with ``words`` in it; returns it, and whether anything changed.

    Raises UsageError (usage.unknown_title, usage.release, usage.passphrase, usage.key_missing), BusyError, DiskError,
    TrustError; players then see no change.
    """
    with opened(folder, home) as repo:
        feed = repo.feed
        if title not in feed.titles:
            message = f"The feed has no title {title!r}; its first release makes it."
            raise UsageError("usage.unknown_title", message, title=title)
        art = {language: read_art(path) for language, path in words.art.items()}
        ring = KeyRing(home.keys / feed.name, passphrases)
        before = history(repo, title).title
        assert before is not None
        about = _changed(before, words, {language: ref_of(data) for language, data in art.items()})
        _check_links(about, feed)
        data = _encoded(about)
        changed = about != before
        if changed or art:
            repo.open_online_keys(ring)
            with Store(folder).adding() as store:
                for picture in art.values():
                    store.put(picture)
        if changed:
            publication.publish(repo, home, ring, Changes({feed_paths.title(title): data}), online_only=True)
    return about, changed


def read_art(path: Path) -> bytes:
    """The bytes of a picture for players. Raises UsageError (usage.release)."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError("usage.release", f"The art cannot be read: {error.strerror}.", path=str(path)) from error
    if not data.startswith(_IMAGES) or len(data) > ART_MAX_BYTES:
        message = f"The art must be a PNG or JPEG of {ART_MAX_BYTES >> 20} MiB at most."
        raise UsageError("usage.release", message, path=str(path))
    return data


def _changed(before: records.Title, words: TitleText, art: Mapping[str, Ref]) -> records.Title:
    text = before.texts.get(words.language, records.Text(before.name))
    if words.label is not None:
        text = replace(text, label=words.label)
    if words.summary is not None:
        text = replace(text, summary=words.summary)
    has_text = words.label is not None or words.summary is not None
    links = {kind: url for kind, url in {**before.links, **words.links}.items() if url}
    plain = {name: getattr(words, name) for name in ("kind", "licence", "citation") if getattr(words, name) is not None}
    texts = {**before.texts, **({words.language: text} if has_text else {})}
    art_in = {**(before.art_in or {}), **{language: ref for language, ref in art.items() if language}}
    return replace(before, texts=texts, links=links, art=art.get("", before.art), art_in=art_in or None, **plain)


def _check_links(about: records.Title, feed: records.Feed) -> None:
    for url in about.links.values():
        if not Reach.of_url(feed.origins[0]).may_name(url):
            message = f"No player would see the link {url!r}: it leads nearer to them than {feed.origins[0]!r}."
            raise UsageError("usage.release", message, link=url)


def _encoded(about: records.Title) -> bytes:
    if about.kind not in KINDS:
        raise UsageError("usage.release", f"A title's kind is one of {', '.join(KINDS)}.", kind=about.kind)
    for kind in about.links:
        paths.check_name(kind)
    with stated("usage.release", "The title cannot be described"):
        return records.encode(about)

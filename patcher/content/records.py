"""The small signed records of a feed: canonical JSON in, frozen facts out (docs/formats).

Each record starts with ``format`` and ``requires``; unknown other keys are ignored. `parse_…` is strict on types and
bounds although the bytes are signed: TrustError trust.record, or trust.needs_newer for a format or feature of the
future. `encode_…` refuses what its own parser would.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from patcher.content import paths
from patcher.content.json_fields import Fields, address, dump, host, language, line, load, wrong
from patcher.content.merkle import Ref
from patcher.errors import ContentError, UsageError

_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Feed:
    """``feed.json``: who speaks, where content is, which hosts may be contacted, which titles there are."""

    name: str
    label: str
    origins: tuple[str, ...]
    trackers: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """What a title is called and is, in one language."""

    label: str
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Title:
    """``T/title.json``. ``texts`` by language tag; ``links`` by kind (site, support), web addresses only."""

    name: str
    kind: str
    texts: Mapping[str, Text]
    art: Ref | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    citation: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """``T/channels/NAME.json``: which release is live for how many players.

    ``release``, ``not_below`` and ``preload`` are sequences, 0 where there is none. ``min_launcher`` is a dotted
    version or empty.
    """

    release: int
    rollout_percent: int = 100
    rollout_salt: str = ""
    not_below: int = 0
    min_launcher: str = ""
    preload: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a release; ``tags`` are ``group:value``, ``info_hash`` is 32 bytes.

    ``layers`` is None when no file is larger than a piece, ``leaves`` when there are no bytes, ``landmarks`` for none.
    """

    name: str
    tags: tuple[str, ...]
    defaults: bool
    manifest: Ref
    info_hash: bytes
    layers: Ref | None
    leaves: Ref | None
    landmarks: Ref | None = None

    @property
    def documents(self) -> dict[str, Ref]:
        """What it leads to, by kind."""
        refs = {"manifest": self.manifest, "layers": self.layers, "leaves": self.leaves, "landmarks": self.landmarks}
        return {kind: ref for kind, ref in refs.items() if ref}


@dataclass(frozen=True, slots=True)
class Launch:
    """How a release starts on one system: ``argv[0]`` and ``cwd`` are paths below the install folder ("" is itself)."""

    argv: tuple[str, ...]
    cwd: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """``T/releases/N.json``: what is genuine. ``launch`` by system: linux, windows, macos."""

    title: str
    sequence: int
    version: str
    parts: tuple[Part, ...]
    launch: Mapping[str, Launch]
    notes: Ref | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """From one older release: the patch index (None: no pack is needed or offered) and the manifest delta."""

    from_sequence: int
    index: Ref | None
    manifest: Ref | None


@dataclass(frozen=True, slots=True)
class PartPatches:
    """How to get one part cheaply: the full pack's index, deltas, the manifest packed (a delta from nothing)."""

    part: str
    full: Ref | None
    deltas: tuple[Delta, ...] = ()
    manifest: Ref | None = None


@dataclass(frozen=True, slots=True)
class Patches:
    """``T/patches/N.json``: to release N."""

    to_sequence: int
    parts: tuple[PartPatches, ...] = ()

    @property
    def starts(self) -> frozenset[int]:
        """The sequences of the releases from which there is a patch."""
        return frozenset(delta.from_sequence for part in self.parts for delta in part.deltas)


def chosen(part: Part, tags: Collection[str]) -> bool:
    """Is the part installed with these tags: for each group it names, one of its values is among them?"""
    groups: dict[str, bool] = {}
    for tag in part.tags:
        group = tag.partition(":")[0]
        groups[group] = groups.get(group, False) or tag in tags
    return all(groups.values())


def in_rollout(channel: Channel, install_id: bytes) -> bool:
    """Does the channel's release reach this install yet? The id never leaves the machine."""
    digest = hmac.new(install_id, channel.rollout_salt.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest, "big") % 10_000 < channel.rollout_percent * 100


def check_tag(tag: str) -> str:
    """A tag ``group:value``, each part a name. Raises UsageError usage.argument."""
    group, colon, value = tag.partition(":")
    if not colon:
        raise UsageError("usage.argument", f"a tag is written group:value, not {tag[:80]!a}")
    paths.check_name(group)
    paths.check_name(value)
    return tag


# ---------------------------------------------------------------- documents


def parse_feed(data: bytes) -> Feed:
    """Read ``feed.json``."""
    record = load(data)
    return Feed(
        _name(record.value("name")),
        record.label("label"),
        record.items("origins", address("https", "http")),
        record.items("trackers", address("udp", "https", "http")),
        record.items("hosts", host),
        record.items("titles", _name),
    )


def encode_feed(feed: Feed) -> bytes:
    """Write ``feed.json``."""
    fields = {
        "name": feed.name,
        "label": feed.label,
        "origins": list(feed.origins),
        "trackers": list(feed.trackers),
        "hosts": list(feed.hosts),
        "titles": list(feed.titles),
    }
    return _sealed(fields, parse_feed)


def parse_title(data: bytes) -> Title:
    """Read ``T/title.json``."""
    record = load(data)
    return Title(
        _name(record.value("name")),
        _name(record.value("kind")),
        record.mapping("texts", language, _text),
        record.maybe_ref("art"),
        record.mapping("links", _name, address("https", "http", bare=False)),
        record.text("licence", ""),
        record.text("citation", ""),
    )


def encode_title(title: Title) -> bytes:
    """Write ``T/title.json``."""
    fields = {
        "name": title.name,
        "kind": title.kind,
        "texts": {tag: {"label": text.label, "summary": text.summary} for tag, text in title.texts.items()},
        "art": _json(title.art),
        "links": dict(title.links),
        "licence": title.licence,
        "citation": title.citation,
    }
    return _sealed(fields, parse_title)


def parse_channel(data: bytes) -> Channel:
    """Read ``T/channels/NAME.json``."""
    record = load(data)
    rollout = Fields(record.value("rollout"))
    return Channel(
        record.integer("release", 0),
        rollout.integer("percent", 0, 100),
        rollout.text("salt"),
        record.integer("not_below", 0, default=0),
        record.matching("min_launcher", _VERSION),
        record.integer("preload", 0, default=0),
    )


def encode_channel(channel: Channel) -> bytes:
    """Write ``T/channels/NAME.json``."""
    fields = {
        "release": channel.release,
        "rollout": {"percent": channel.rollout_percent, "salt": channel.rollout_salt},
        "not_below": channel.not_below,
        "min_launcher": channel.min_launcher,
        "preload": channel.preload,
    }
    return _sealed(fields, parse_channel)


def parse_release(data: bytes) -> Release:
    """Read ``T/releases/N.json``."""
    record = load(data)
    release = Release(
        _name(record.value("title")),
        record.integer("sequence", 1),
        record.label("version"),
        record.items("parts", _part),
        record.mapping("launch", _name, _launch),
        record.maybe_ref("notes"),
    )
    _distinct([part.name for part in release.parts], "parts")
    return release


def encode_release(release: Release) -> bytes:
    """Write ``T/releases/N.json``."""
    fields = {
        "title": release.title,
        "sequence": release.sequence,
        "version": release.version,
        "parts": [_part_json(part) for part in release.parts],
        "launch": {system: {"argv": list(run.argv), "cwd": run.cwd} for system, run in release.launch.items()},
        "notes": _json(release.notes),
    }
    return _sealed(fields, parse_release)


def parse_patches(data: bytes) -> Patches:
    """Read ``T/patches/N.json``."""
    record = load(data)
    patches = Patches(record.integer("to_sequence", 1), record.items("parts", _part_patches))
    _distinct([part.part for part in patches.parts], "parts")
    return patches


def encode_patches(patches: Patches) -> bytes:
    """Write ``T/patches/N.json``."""
    fields = {
        "to_sequence": patches.to_sequence,
        "parts": [
            {
                "part": part.part,
                "full": _json(part.full),
                "manifest": _json(part.manifest),
                "deltas": [
                    {"from_sequence": d.from_sequence, "index": _json(d.index), "manifest": _json(d.manifest)}
                    for d in part.deltas
                ],
            }
            for part in patches.parts
        ],
    }
    return _sealed(fields, parse_patches)


def _sealed(fields: dict[str, Any], parse: Callable[[bytes], object]) -> bytes:
    data = dump(fields)
    parse(data)
    return data


# ---------------------------------------------------------------- pieces of documents


def _part(value: object) -> Part:
    fields = Fields(value)
    return Part(
        _name(fields.value("name")),
        fields.items("tags", _tag),
        fields.flag("defaults"),
        fields.ref("manifest"),
        fields.digest("info_hash"),
        fields.maybe_ref("layers"),
        fields.maybe_ref("leaves"),
        fields.maybe_ref("landmarks"),
    )


def _part_json(part: Part) -> dict[str, object]:
    landmarks = {"landmarks": part.landmarks.to_json()} if part.landmarks else {}  # as before there were any
    return landmarks | {
        "name": part.name,
        "tags": list(part.tags),
        "defaults": part.defaults,
        "manifest": part.manifest.to_json(),
        "info_hash": part.info_hash.hex(),
        "layers": _json(part.layers),
        "leaves": _json(part.leaves),
    }


def _part_patches(value: object) -> PartPatches:
    fields = Fields(value)
    name, full, packed = _name(fields.value("part")), fields.maybe_ref("full"), fields.maybe_ref("manifest")
    part = PartPatches(name, full, fields.items("deltas", _delta), packed)
    _distinct([delta.from_sequence for delta in part.deltas], "deltas")
    return part


def _delta(value: object) -> Delta:
    fields = Fields(value)
    return Delta(fields.integer("from_sequence", 1), fields.maybe_ref("index"), fields.maybe_ref("manifest"))


def _launch(value: object) -> Launch:
    fields = Fields(value)
    launch = Launch(fields.items("argv", lambda item: line(item, "argv")), fields.text("cwd", ""))
    if not launch.argv:
        raise wrong("argv is empty")
    try:
        paths.check(launch.argv[0])
        if launch.cwd:
            paths.check(launch.cwd)
    except ContentError as error:
        raise wrong("the program or folder to start in is no safe path") from error
    return launch


def _text(value: object) -> Text:
    fields = Fields(value)
    return Text(fields.label("label"), fields.text("summary", ""))


def _name(value: object) -> str:
    return _checked(value, "a name", paths.check_name)


def _tag(value: object) -> str:
    return _checked(value, "a tag", check_tag)


def _checked(value: object, what: str, check: Callable[[str], str]) -> str:
    try:
        return check(line(value, what))
    except UsageError as error:
        raise wrong(f"{what} is not valid") from error


def _distinct(values: list[Any], what: str) -> None:
    if len(set(values)) != len(values):
        raise wrong(f"{what} names something twice")


def _json(ref: Ref | None) -> dict[str, object] | None:
    return None if ref is None else ref.to_json()

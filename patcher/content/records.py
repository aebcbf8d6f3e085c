"""The small signed records of a feed: canonical JSON (docs/formats/records.md), read into frozen dataclasses.

`json_fields` reads each field by its type. It is strict on types and bounds although the bytes are signed.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NoReturn, TypeVar

from patcher import strict_json
from patcher.content import json_fields, paths
from patcher.content.json_fields import address, invalid, matching, valid, within
from patcher.content.merkle import Ref
from patcher.errors import NeedsNewer, UsageError

FORMAT = 1
MAX_RECORD_BYTES = 4 * 1024 * 1024

R = TypeVar("R")


def check_tag(tag: str) -> str:
    """A tag ``group:value``, each part a name. Raises UsageError usage.argument."""
    group, colon, value = tag.partition(":")
    if not colon:
        raise UsageError("usage.argument", f"a tag is written group:value, not {tag[:80]!a}")
    paths.check_name(group)
    paths.check_name(value)
    return tag


def _is_safe(launch: "Launch") -> bool:
    return bool(launch.argv and paths.check(launch.argv[0]) and (not launch.cwd or paths.check(launch.cwd)))


Name = Annotated[str, valid(paths.check_name, "name")]
Label = Annotated[str, valid(lambda text: not set(text) & set("\n\t"), "text of one line")]
LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)
Language = Annotated[str, matching(LANGUAGE.pattern, "language tag (BCP 47)")]
Host = Annotated[str, matching(r"[a-z0-9.:\[\]-]{1,255}", "host name")]
Key = Annotated[str, matching(r"[0-9a-f]{64}", "key of 32 bytes in hex")]
Version = Annotated[str, matching(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9}){0,3})?", "dotted version")]


# ---------------------------------------------------------------- the records


@dataclass(frozen=True, slots=True)
class Feed:
    """``feed.json``: the publisher, where content is, which hosts may be contacted, and the titles."""

    name: Name
    label: Label
    origins: tuple[Annotated[str, address("https", "http")], ...]
    trackers: tuple[Annotated[str, address("udp", "https", "http")], ...] = ()
    hosts: tuple[Host, ...] = ()
    """With or without a port, in lower case."""
    titles: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A title's name and summary in one language."""

    label: Label
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Title:
    """``T/title.json``. ``texts`` by language tag; ``links`` by kind (site, support), web addresses only."""

    name: Name
    kind: Name
    texts: Mapping[Language, Text]
    art: Ref | None = None
    links: Mapping[Name, Annotated[str, address("https", "http", bare=False)]] = field(default_factory=dict)
    licence: str = ""
    citation: str = ""
    art_in: Mapping[Language, Ref] | None = field(default=None, metadata=json_fields.LEFT_OUT)
    """The art for readers of some languages."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """The share of players to whom a channel offers its release."""

    percent: Annotated[int, within(0, 100)]
    salt: str


@dataclass(frozen=True, slots=True)
class Channel:
    """``T/channels/NAME.json``: which release is live for how many players.

    ``release``, ``not_below`` and ``preload`` are sequences, 0 where there is none. ``min_launcher`` is a dotted
    version or empty. ``before`` is what the channel offered before, and to players outside the rollout still does.
    """

    release: Annotated[int, within(0)]
    rollout: Rollout = Rollout(100, "")
    not_below: Annotated[int, within(0)] = 0
    min_launcher: Version = ""
    preload: Annotated[int, within(0)] = 0
    before: Annotated[int, within(1)] | None = field(default=None, metadata=json_fields.LEFT_OUT)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a release; ``tags`` are ``group:value``, ``info_hash`` is 32 bytes.

    ``layers`` is None when no file is larger than a piece, ``leaves`` when there are no bytes, ``landmarks`` for none.
    """

    name: Name
    tags: tuple[Annotated[str, valid(check_tag, "tag")], ...]
    defaults: bool
    manifest: Ref
    info_hash: bytes
    layers: Ref | None
    leaves: Ref | None
    landmarks: Ref | None = field(default=None, metadata=json_fields.LEFT_OUT)

    @property
    def documents(self) -> dict[str, Ref]:
        """The documents it leads to, by kind."""
        refs = {"manifest": self.manifest, "layers": self.layers, "leaves": self.leaves, "landmarks": self.landmarks}
        return {kind: ref for kind, ref in refs.items() if ref}


@dataclass(frozen=True, slots=True)
class Launch:
    """How a release starts on one system: ``argv[0]`` and ``cwd`` are paths below the install folder ("" is itself)."""

    argv: tuple[str, ...]
    cwd: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """``T/releases/N.json``: the parts of a genuine release. ``launch`` by system: linux, windows, macos."""

    title: Name
    sequence: Annotated[int, within(1)]
    version: Label
    parts: tuple[Part, ...]
    launch: Mapping[Name, Annotated[Launch, valid(_is_safe, "program and folder below the install folder")]]
    notes: Ref | None = None
    rules: tuple[str, ...] | None = field(default=None, metadata=json_fields.LEFT_OUT)
    """How the publisher divided the folder into parts, for the next release; players have no use for it."""
    ignore: tuple[str, ...] | None = field(default=None, metadata=json_fields.LEFT_OUT)
    """What the publisher left out besides the folder's own file of patterns, likewise for the next release."""
    executable: tuple[str, ...] | None = field(default=None, metadata=json_fields.LEFT_OUT)
    """Globs of files that the publisher called executable, likewise."""
    keep: Annotated[int, within(1)] | None = field(default=None, metadata=json_fields.LEFT_OUT)
    """How many releases of the title the publisher keeps listed, likewise."""
    notes_in: Mapping[Language, Ref] | None = field(default=None, metadata=json_fields.LEFT_OUT)
    """The notes in other languages."""


@dataclass(frozen=True, slots=True)
class Delta:
    """The way from one older release: patch index (None: no pack is needed or offered) and manifest delta."""

    from_sequence: Annotated[int, within(1)]
    index: Ref | None
    manifest: Ref | None


@dataclass(frozen=True, slots=True)
class PartPatches:
    """How to get one part cheaply: the full pack's index, deltas, the manifest packed (a delta from nothing)."""

    part: Name
    full: Ref | None
    deltas: tuple[Delta, ...] = ()
    manifest: Ref | None = None


@dataclass(frozen=True, slots=True)
class SealedPack:
    """A sealed pack, as the one file of a part: what the part of that name and those tags needs to reach release N.

    ``from_sequence`` is the release that a player must have, 0 for none.
    """

    from_sequence: Annotated[int, within(0)]
    part: Part

    @property
    def identity(self) -> tuple[int, str]:
        """A release has one for each of its parts."""
        return self.from_sequence, self.part.name


@dataclass(frozen=True, slots=True)
class Patches:
    """``T/patches/N.json``: the patches that lead to release N. While N is not live, ``sealed`` is all of it."""

    to_sequence: Annotated[int, within(1)]
    parts: tuple[PartPatches, ...] = ()
    sealed: tuple[SealedPack, ...] | None = field(default=None, metadata=json_fields.LEFT_OUT)
    key: Key | None = field(default=None, metadata=json_fields.LEFT_OUT)
    """Opens the sealed packs, once the release is live; in hex."""

    @property
    def starts(self) -> frozenset[int]:
        """The sequences of the releases from which there is a patch."""
        return frozenset(delta.from_sequence for part in self.parts for delta in part.deltas)


# ---------------------------------------------------------------- as JSON


@dataclass(frozen=True, slots=True)
class _Head:
    """The fields that every record has besides."""

    format: Annotated[int, within(FORMAT)]
    requires: tuple[str, ...]


def parse(kind: type[R], data: bytes) -> R:
    """Read a record: a `Feed`, `Title`, `Channel`, `Release` or `Patches`. Unknown keys are ignored.

    Raises TrustError trust.record; trust.needs_newer for a format or feature that this version does not know.
    """
    try:
        value = strict_json.loads(data, MAX_RECORD_BYTES, _no_number)
    except ValueError as error:
        raise invalid(str(error)[:200]) from error
    head = json_fields.read(_Head, value)
    if head.format > FORMAT or head.requires:
        wanted = ", ".join(head.requires)[:200] or f"format {head.format}"
        raise NeedsNewer(f"a signed record needs a newer Shoal: {wanted}")
    return json_fields.read(kind, value)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no whole number")


def encode(record: Any) -> bytes:
    """Write a record as canonical JSON (sorted keys, no spaces, UTF-8). Raises what `parse` would raise."""
    value = {"format": FORMAT, "requires": [], **json_fields.write(record)}
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise invalid("it holds text that is no Unicode") from error
    parse(type(record), data)
    return data


# ---------------------------------------------------------------- what they decide


def in_language(refs: Mapping[str, Ref] | None, language: str, otherwise: Ref | None) -> Ref | None:
    """The document for a language tag, for that language anywhere, or the one that is for all."""
    refs = refs or {}
    return refs.get(language) or refs.get(language.partition("-")[0]) or otherwise


def chosen(part: Part, tags: Collection[str]) -> bool:
    """Whether the part is installed with these tags: for each group it names, one of its values is among them."""
    groups: dict[str, bool] = {}
    for tag in part.tags:
        group = tag.partition(":")[0]
        groups[group] = groups.get(group, False) or tag in tags
    return all(groups.values())

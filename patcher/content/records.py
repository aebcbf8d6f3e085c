"""The small signed records of a feed: canonical JSON in, frozen facts out (docs/formats/records.md).

Each record is a dataclass whose fields say how they are read and written (`json_fields`). `parse` is strict on types
and bounds although the bytes are signed: TrustError trust.record, or trust.needs_newer for a format or feature of the
future. `encode` refuses what `parse` would refuse.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from patcher.content import json_fields, paths
from patcher.content.json_fields import (
    DIGEST,
    FLAG,
    LABEL,
    MAYBE_REF,
    REF,
    TEXT,
    address,
    host,
    integer,
    invalid,
    items,
    language,
    line,
    mapping,
    objects,
    rule,
)
from patcher.content.merkle import Ref
from patcher.errors import ContentError, UsageError

R = TypeVar("R")
_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,3}", re.ASCII)


def check_tag(tag: str) -> str:
    """A tag ``group:value``, each part a name. Raises UsageError usage.argument."""
    group, colon, value = tag.partition(":")
    if not colon:
        raise UsageError("usage.argument", f"a tag is written group:value, not {tag[:80]!a}")
    paths.check_name(group)
    paths.check_name(value)
    return tag


def parse(kind: type[R], data: bytes) -> R:
    """Read a record: a `Feed`, `Title`, `Channel`, `Release` or `Patches`. Unknown keys are ignored."""
    return json_fields.read(kind, json_fields.load(data))


def encode(record: Any) -> bytes:
    """Write a record. Raises what `parse` would raise."""
    data = json_fields.dump(json_fields.write(record))
    parse(type(record), data)
    return data


def _checked(what: str, check: Callable[[str], str]) -> Callable[[object], str]:
    def read(value: object) -> str:
        try:
            return check(line(value, what))
        except UsageError as error:
            raise invalid(f"{what} is not valid") from error

    return read


_name = _checked("a name", paths.check_name)
_NAME = rule(lambda value, _: _name(value))


def _version(value: object, key: str) -> str:
    if (version := line(value, key)) and not _VERSION.fullmatch(version):
        raise invalid(f"{key} is not written as it should be")
    return version


def _launch(value: object) -> "Launch":
    launch = json_fields.read(Launch, value)
    if not launch.argv:
        raise invalid("argv is empty")
    try:
        paths.check(launch.argv[0])
        if launch.cwd:
            paths.check(launch.cwd)
    except ContentError as error:
        raise invalid("the program or folder to start in is no safe path") from error
    return launch


# ---------------------------------------------------------------- the records


@dataclass(frozen=True, slots=True)
class Feed:
    """``feed.json``: the publisher, where content is, which hosts may be contacted, and the titles."""

    name: str = field(metadata=_NAME)
    label: str = field(metadata=LABEL)
    origins: tuple[str, ...] = field(metadata=items(address("https", "http")))
    trackers: tuple[str, ...] = field(default=(), metadata=items(address("udp", "https", "http")))
    hosts: tuple[str, ...] = field(default=(), metadata=items(host))
    titles: tuple[str, ...] = field(default=(), metadata=items(_name))


@dataclass(frozen=True, slots=True)
class Text:
    """A title's name and summary in one language."""

    label: str = field(metadata=LABEL)
    summary: str = field(default="", metadata=TEXT)


@dataclass(frozen=True, slots=True)
class Title:
    """``T/title.json``. ``texts`` by language tag; ``links`` by kind (site, support), web addresses only."""

    name: str = field(metadata=_NAME)
    kind: str = field(metadata=_NAME)
    texts: Mapping[str, Text] = field(
        metadata=mapping(language, lambda value: json_fields.read(Text, value), json_fields.write)
    )
    art: Ref | None = field(default=None, metadata=MAYBE_REF)
    links: Mapping[str, str] = field(
        default_factory=dict, metadata=mapping(_name, address("https", "http", bare=False))
    )
    licence: str = field(default="", metadata=TEXT)
    citation: str = field(default="", metadata=TEXT)


@dataclass(frozen=True, slots=True)
class Channel:
    """``T/channels/NAME.json``: which release is live for how many players.

    ``release``, ``not_below`` and ``preload`` are sequences, 0 where there is none. ``min_launcher`` is a dotted
    version or empty.
    """

    release: int = field(metadata=integer(0))
    rollout_percent: int = field(default=100, metadata=integer(0, 100, path="rollout.percent"))
    rollout_salt: str = field(default="", metadata=rule(line, path="rollout.salt"))
    not_below: int = field(default=0, metadata=integer(0, default=0))
    min_launcher: str = field(default="", metadata=rule(_version, default=""))
    preload: int = field(default=0, metadata=integer(0, default=0))


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a release; ``tags`` are ``group:value``, ``info_hash`` is 32 bytes.

    ``layers`` is None when no file is larger than a piece, ``leaves`` when there are no bytes, ``landmarks`` for none.
    """

    name: str = field(metadata=_NAME)
    tags: tuple[str, ...] = field(metadata=items(_checked("a tag", check_tag)))
    defaults: bool = field(metadata=FLAG)
    manifest: Ref = field(metadata=REF)
    info_hash: bytes = field(metadata=DIGEST)
    layers: Ref | None = field(metadata=MAYBE_REF)
    leaves: Ref | None = field(metadata=MAYBE_REF)
    landmarks: Ref | None = field(default=None, metadata={**MAYBE_REF, "optional": True})

    @property
    def documents(self) -> dict[str, Ref]:
        """The documents it leads to, by kind."""
        refs = {"manifest": self.manifest, "layers": self.layers, "leaves": self.leaves, "landmarks": self.landmarks}
        return {kind: ref for kind, ref in refs.items() if ref}


@dataclass(frozen=True, slots=True)
class Launch:
    """How a release starts on one system: ``argv[0]`` and ``cwd`` are paths below the install folder ("" is itself)."""

    argv: tuple[str, ...] = field(metadata=items(lambda word: line(word, "argv")))
    cwd: str = field(default="", metadata=TEXT)


@dataclass(frozen=True, slots=True)
class Release:
    """``T/releases/N.json``: the parts of a genuine release. ``launch`` by system: linux, windows, macos."""

    title: str = field(metadata=_NAME)
    sequence: int = field(metadata=integer(1))
    version: str = field(metadata=LABEL)
    parts: tuple[Part, ...] = field(metadata=objects(Part, "name"))
    launch: Mapping[str, Launch] = field(metadata=mapping(_name, _launch, json_fields.write))
    notes: Ref | None = field(default=None, metadata=MAYBE_REF)


@dataclass(frozen=True, slots=True)
class Delta:
    """The way from one older release: patch index (None: no pack is needed or offered) and manifest delta."""

    from_sequence: int = field(metadata=integer(1))
    index: Ref | None = field(metadata=MAYBE_REF)
    manifest: Ref | None = field(metadata=MAYBE_REF)


@dataclass(frozen=True, slots=True)
class PartPatches:
    """How to get one part cheaply: the full pack's index, deltas, the manifest packed (a delta from nothing)."""

    part: str = field(metadata=_NAME)
    full: Ref | None = field(metadata=MAYBE_REF)
    deltas: tuple[Delta, ...] = field(default=(), metadata=objects(Delta, "from_sequence"))
    manifest: Ref | None = field(default=None, metadata=MAYBE_REF)


@dataclass(frozen=True, slots=True)
class Patches:
    """``T/patches/N.json``: the patches that lead to release N."""

    to_sequence: int = field(metadata=integer(1))
    parts: tuple[PartPatches, ...] = field(default=(), metadata=objects(PartPatches, "part"))

    @property
    def starts(self) -> frozenset[int]:
        """The sequences of the releases from which there is a patch."""
        return frozenset(delta.from_sequence for part in self.parts for delta in part.deltas)


# ---------------------------------------------------------------- what they decide


def chosen(part: Part, tags: Collection[str]) -> bool:
    """Whether the part is installed with these tags: for each group it names, one of its values is among them."""
    groups: dict[str, bool] = {}
    for tag in part.tags:
        group = tag.partition(":")[0]
        groups[group] = groups.get(group, False) or tag in tags
    return all(groups.values())


def in_rollout(channel: Channel, install_id: bytes) -> bool:
    """Whether the channel's rollout has reached this install. The id never leaves the machine."""
    digest = hmac.new(install_id, channel.rollout_salt.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest, "big") % 10_000 < channel.rollout_percent * 100

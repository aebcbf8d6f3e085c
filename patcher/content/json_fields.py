"""The JSON of signed records: one strict way to read it and one to write it. All faults are TrustError trust.record.

A record is a frozen dataclass whose fields have a `rule` each: how the field is read and how it is written. `read` and
`write` follow these rules.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from patcher import strict_json
from patcher.content.merkle import Ref
from patcher.errors import NeedsNewer, TrustError

FORMAT = 1
MAX_RECORD_BYTES = 4 * 1024 * 1024
MAX_ITEMS = 10_000
MAX_TEXT = 65_536
MAX_INTEGER = 2**53 - 1  # what every JSON reader holds exactly

R = TypeVar("R")
"""A dataclass with a `rule` for each field."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)
_HOST = re.compile(r"[a-z0-9.:\[\]-]{1,255}", re.ASCII)
_ADDRESS = re.compile(r"[!-\[\]-~]{1,2000}")  # printable ASCII, no space, no backslash
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


def dump(fields: Mapping[str, Any]) -> bytes:
    """Canonical JSON (sorted keys, no spaces, UTF-8) of a record with these fields."""
    record = {"format": FORMAT, "requires": [], **fields}
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise invalid("it holds text that is no Unicode") from error


def load(data: bytes) -> object:
    """The JSON of a record of a format and with features that this version knows.

    Raises TrustError trust.record, trust.needs_newer.
    """
    try:
        value = strict_json.loads(data, MAX_RECORD_BYTES, _no_number)
    except ValueError as error:
        raise invalid(str(error)[:200]) from error
    head = read(_Head, value)
    if head.format > FORMAT or head.requires:
        wanted = ", ".join(head.requires)[:200] or f"format {head.format}"
        raise NeedsNewer(f"a signed record needs a newer Shoal: {wanted}")
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no whole number")


def read(kind: type[R], value: object) -> R:
    """The dataclass ``kind`` from a JSON object, field by field."""
    record, found = _object(value), {}
    for each in dataclasses.fields(kind):  # type: ignore[arg-type]  # a TypeVar cannot be bound to dataclasses
        rules = each.metadata
        above, _, key = (rules["path"] or each.name).rpartition(".")
        holder = _object(record.get(above)) if above else record
        found[each.name] = rules["read"](holder.get(key, rules["default"]), key)
    return kind(**found)


def write(record: Any) -> dict[str, Any]:
    """The JSON object that `read` takes."""
    fields: dict[str, Any] = {}
    for each in dataclasses.fields(record):
        value, rules = getattr(record, each.name), each.metadata
        above, _, key = (rules["path"] or each.name).rpartition(".")
        if value is not None or not rules["optional"]:
            (fields.setdefault(above, {}) if above else fields)[key] = rules["write"](value)
    return fields


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid("an object is missing")
    return value


# ---------------------------------------------------------------- rules


def rule(
    read: Callable[[object, str], object],
    write: Callable[[Any], object] = lambda value: value,
    *,
    default: object = None,
    path: str = "",
    optional: bool = False,
) -> dict[str, Any]:
    """The metadata of a field. ``read`` takes its JSON, or ``default`` where it is missing, and its key.

    ``path``: the key, or object and key with a dot between; the field's own name where it is empty. An ``optional``
    field that is None is not written.
    """
    return {"read": read, "write": write, "default": default, "path": path, "optional": optional}


def line(value: object, what: str) -> str:
    """Text of bounded length, without control characters but line ends and tabs, and without direction overrides."""
    if not isinstance(value, str) or len(value) > MAX_TEXT or _CONTROL.search(value):
        raise invalid(f"{what} is no plain text")
    return value


def _label(value: object, key: str) -> str:
    """Text of one line."""
    if set(text := line(value, key)) & set("\n\t"):
        raise invalid(f"{key} has more than one line")
    return text


def _flag(value: object, key: str) -> bool:
    if not isinstance(value, bool):
        raise invalid(f"{key} is neither true nor false")
    return value


def _digest(value: object, key: str) -> bytes:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise invalid(f"{key} is no hash of 64 hex digits")
    return bytes.fromhex(value)


TEXT = rule(line, default="")
LABEL = rule(_label)
FLAG = rule(_flag)
DIGEST = rule(_digest, bytes.hex)
REF = rule(lambda value, _: Ref.from_json(value), Ref.to_json)
MAYBE_REF = rule(lambda value, _: None if value is None else Ref.from_json(value), lambda ref: ref and ref.to_json())


def integer(least: int, most: int = MAX_INTEGER, *, default: int | None = None, path: str = "") -> dict[str, Any]:
    """A whole number within these bounds."""

    def read(value: object, key: str) -> int:
        if type(value) is not int or not least <= value <= most:
            raise invalid(f"{key} is no whole number from {least} to {most}")
        return value

    return rule(read, default=default, path=path)


def items(check: Callable[[object], object], write: Callable[[Any], object] = lambda item: item) -> dict[str, Any]:
    """A list whose items ``check`` accepts; a tuple in the record."""

    def read(value: object, key: str) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise invalid(f"{key} is no list, or too long")
        return tuple(check(item) for item in value)

    return rule(read, lambda found: [write(item) for item in found], default=[])


def objects(kind: type[Any], distinct: str) -> dict[str, Any]:
    """A list of objects of one kind, no two with the same field ``distinct``."""
    listed = items(lambda item: read(kind, item), write)

    def read_all(value: object, key: str) -> Any:
        found = listed["read"](value, key)
        if len({getattr(each, distinct) for each in found}) != len(found):
            raise invalid(f"{key} names something twice")
        return found

    return {**listed, "read": read_all}


def mapping(
    check: Callable[[object], str], value_of: Callable[[object], object], write: Callable[[Any], object] = lambda v: v
) -> dict[str, Any]:
    """An object whose keys ``check`` accepts, and whose values ``value_of`` does."""

    def read(value: object, key: str) -> dict[str, Any]:
        if not isinstance(value, dict) or len(value) > MAX_ITEMS:
            raise invalid(f"{key} is no object, or too long")
        return {check(name): value_of(item) for name, item in value.items()}

    return rule(read, lambda found: {name: write(item) for name, item in found.items()}, default={})


@dataclass(frozen=True, slots=True)
class _Head:
    """The fields that every record has."""

    format: int = field(metadata=integer(FORMAT))
    requires: tuple[str, ...] = field(metadata=items(lambda item: line(item, "requires")))


# ---------------------------------------------------------------- values


def language(value: object) -> str:
    """A language tag as in BCP 47."""
    tag = line(value, "a language")
    if not _LANGUAGE.fullmatch(tag):
        raise invalid("a language tag is not valid")
    return tag


def host(value: object) -> str:
    """A host name or address, in lower case, with or without a port."""
    name = line(value, "a host")
    if not _HOST.fullmatch(name):
        raise invalid("a host name is not valid")
    return name


def is_address(url: str, schemes: Collection[str], *, bare: bool = True) -> bool:
    """Whether a URL has one of these schemes, a host and no user; with ``bare`` also no query and no fragment."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in schemes and parts.hostname and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False
    return bool(is_good) and url.isprintable() and not set(url) & set(" ?#" if bare else " ")


def address(*schemes: str, bare: bool = True) -> Callable[[object], str]:
    """A check for `items` and `mapping`: an ASCII URL that `is_address` accepts."""

    def read(value: object) -> str:
        url = line(value, "an address")
        if not _ADDRESS.fullmatch(url) or not is_address(url, schemes, bare=bare):
            without = ", without a query" if bare else ""
            raise invalid(f"an address is none of {', '.join(schemes)}{without}")
        return url

    return read


def invalid(reason: str) -> TrustError:
    """The error for a signed record that is not valid."""
    return TrustError("trust.record", f"a signed record is not valid: {reason}")

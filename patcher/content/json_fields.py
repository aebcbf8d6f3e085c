"""Frozen dataclasses as JSON objects, read strictly. Every fault raises TrustError trust.record.

The type of a field says how it is read. Text, whole numbers, flags, hashes and `Ref` are read by their class, optional
values, tuples, mappings and further dataclasses by what they hold. A type may be ``Annotated`` with a check.
"""

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin
from urllib.parse import urlsplit

from patcher.content.merkle import Ref
from patcher.errors import ContentError, TrustError, UsageError

MAX_ITEMS = 10_000
MAX_TEXT = 65_536
MAX_INTEGER = 2**53 - 1  # what every JSON reader holds exactly

R = TypeVar("R")
Check = Callable[[Any, str], Any]
"""Takes a value and its key, and returns the value if it is valid."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_ADDRESS = re.compile(r"[!-\[\]-~]{1,2000}")  # printable ASCII, no space, no backslash
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)

LEFT_OUT = {"left_out": True}
"""Metadata of a field that is not written when it is None; others are written as null."""
_MISSING: Mapping[object, object] = {tuple: [], Mapping: {}, UnionType: None, Union: None}
"""What a missing key counts as, by the type of its field; for other types the field's default counts."""


def read(kind: type[R], value: object) -> R:
    """The dataclass ``kind`` from a JSON object. Keys that are no fields are ignored."""
    if not isinstance(value, dict):
        raise invalid("an object is missing")
    found = {}
    for each in dataclasses.fields(kind):  # type: ignore[arg-type]  # a TypeVar cannot be bound to dataclasses
        missing = _MISSING.get(get_origin(each.type), each.default)
        found[each.name] = _field(each.type, value.get(each.name, missing), each.name)
    return kind(**found)


def write(value: Any) -> Any:
    """The JSON that `read` takes."""
    match value:
        case Ref():
            return value.to_json()
        case bytes():
            return value.hex()
        case tuple():
            return [write(item) for item in value]
        case Mapping():
            return {key: write(item) for key, item in value.items()}
    return _write_fields(value) if dataclasses.is_dataclass(value) else value


def _write_fields(record: Any) -> dict[str, Any]:
    values = {each: getattr(record, each.name) for each in dataclasses.fields(record)}
    return {each.name: write(value) for each, value in values.items() if value is not None or each.metadata != LEFT_OUT}


def _field(hint: Any, value: object, key: str) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint](value, key)
    if origin is Annotated:
        return args[1](_field(args[0], value, key), key)
    if origin in (UnionType, Union):
        return None if value is None else _field(args[0], value, key)
    if origin is tuple:
        return _items(args[0], value, key)
    return _mapping(args[0], args[1], value, key) if origin is Mapping else read(hint, value)


def _items(kind: Any, value: object, key: str) -> tuple[Any, ...]:
    """A list; objects in it are told apart by their first field, or by what they call their ``identity``."""
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise invalid(f"{key} is no list, or too long")
    found = tuple([_field(kind, item, key) for item in value])
    if dataclasses.is_dataclass(kind):
        name = dataclasses.fields(kind)[0].name
        if len({getattr(item, "identity", getattr(item, name)) for item in found}) != len(found):
            raise invalid(f"{key} names something twice")
    return found


def _mapping(name: Any, kind: Any, value: object, key: str) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > MAX_ITEMS:
        raise invalid(f"{key} is no object, or too long")
    return {_field(name, each, key): _field(kind, item, key) for each, item in value.items()}


# ---------------------------------------------------------------- checks


def valid(test: Callable[[Any], object], what: str) -> Check:
    """A check for values of which ``test`` returns something true, and raises no UsageError or ContentError."""

    def check(value: Any, key: str) -> Any:
        try:
            good = test(value)
        except (UsageError, ContentError):
            good = False
        if not good:
            raise invalid(f"{key}: this is no {what}")
        return value

    return check


def matching(pattern: str, what: str) -> Check:
    """A check for text that matches a pattern as a whole."""
    return valid(re.compile(pattern, re.ASCII).fullmatch, what)


def within(least: int, most: int = MAX_INTEGER) -> Check:
    """A check for whole numbers within these bounds."""
    return valid(lambda number: least <= number <= most, f"number from {least} to {most}")


def address(*schemes: str, bare: bool = True) -> Check:
    """A check for ASCII URLs that `is_address` accepts."""
    what = f"address ({', '.join(schemes)}){' without a query' if bare else ''}"
    return valid(lambda url: _ADDRESS.fullmatch(url) and is_address(url, schemes, bare=bare), what)


def is_address(url: str, schemes: Collection[str], *, bare: bool = True) -> bool:
    """Whether a URL has one of these schemes, a host and no user; with ``bare`` also no query and no fragment."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in schemes and parts.hostname and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False
    return bool(is_good) and url.isprintable() and not set(url) & set(" ?#" if bare else " ")


def invalid(reason: str) -> TrustError:
    """The error for a signed record that is not valid."""
    return TrustError("trust.record", f"a signed record is not valid: {reason}")


def _is_text(value: object) -> bool:
    """Of bounded length, without control characters but line ends and tabs, and without direction overrides."""
    return isinstance(value, str) and len(value) <= MAX_TEXT and not _CONTROL.search(value)


_hash = valid(lambda value: isinstance(value, str) and _HASH.fullmatch(value), "hash of 64 hex digits")
_PLAIN: Mapping[object, Check] = {
    str: valid(_is_text, "plain text"),
    int: valid(lambda value: type(value) is int, "whole number"),
    bool: valid(lambda value: type(value) is bool, "flag"),
    bytes: lambda value, key: bytes.fromhex(_hash(value, key)),
    Ref: lambda value, _: Ref.from_json(value),
}

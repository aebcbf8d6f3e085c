"""One strict way to read and write the JSON of signed records. All faults are TrustError trust.record."""

import json
import re
from collections.abc import Callable, Collection
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

_T = TypeVar("_T")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)
_HOST = re.compile(r"[a-z0-9.:\[\]-]{1,255}", re.ASCII)
_ADDRESS = re.compile(r"[!-\[\]-~]{1,2000}")  # printable ASCII, no space, no backslash
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


def dump(fields: dict[str, Any]) -> bytes:
    """Canonical JSON (sorted keys, no spaces, UTF-8) of a record with these fields."""
    record = {"format": FORMAT, "requires": [], **fields}
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise wrong("it holds text that is no Unicode") from error


def load(data: bytes) -> "Fields":
    """The fields of a record of a format and with features that this version knows.

    Raises TrustError trust.record, trust.needs_newer.
    """
    try:
        value = strict_json.loads(data, MAX_RECORD_BYTES, _no_number)
    except ValueError as error:
        raise wrong(str(error)[:200]) from error
    fields = Fields(value)
    number, requires = fields.integer("format", FORMAT), fields.items("requires", lambda item: line(item, "requires"))
    if number > FORMAT or requires:
        wanted = ", ".join(requires)[:200] or f"format {number}"
        raise NeedsNewer(f"a signed record needs a newer Shoal: {wanted}")
    return fields


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no whole number")


class Fields:
    """One JSON object that gives out its fields only in the shape asked for."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict):
            raise wrong("an object is missing")
        self._fields: dict[str, Any] = value

    def value(self, key: str) -> object:
        """Whatever it is; None when it is missing."""
        return self._fields.get(key)

    def integer(self, key: str, least: int, most: int = MAX_INTEGER, default: int | None = None) -> int:
        """A whole number within these bounds."""
        value = self._fields.get(key, default)
        if type(value) is not int or not least <= value <= most:
            raise wrong(f"{key} is no whole number from {least} to {most}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """Text without control characters but for line ends and tabs, and without any that turn how it is read."""
        return line(self._fields.get(key, default), key)

    def label(self, key: str) -> str:
        """Such text in one line, as names stand in lists."""
        value = self.text(key)
        if set(value) & set("\n\t"):
            raise wrong(f"{key} has more than one line")
        return value

    def matching(self, key: str, pattern: re.Pattern[str]) -> str:
        """Text that is empty or as the pattern says."""
        value = self.text(key, "")
        if value and not pattern.fullmatch(value):
            raise wrong(f"{key} is not written as it should be")
        return value

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._fields.get(key)
        if not isinstance(value, bool):
            raise wrong(f"{key} is neither true nor false")
        return value

    def digest(self, key: str) -> bytes:
        """32 bytes, written as 64 lower-case hex digits."""
        value = self._fields.get(key)
        if not isinstance(value, str) or not _HASH.fullmatch(value):
            raise wrong(f"{key} is no hash of 64 hex digits")
        return bytes.fromhex(value)

    def ref(self, key: str) -> Ref:
        """A {root, size}."""
        return Ref.from_json(self._fields.get(key))

    def maybe_ref(self, key: str) -> Ref | None:
        """A {root, size}, or None for null or nothing."""
        return None if self._fields.get(key) is None else self.ref(key)

    def items(self, key: str, read: Callable[[object], _T]) -> tuple[_T, ...]:
        """A list, each item read; nothing is an empty list."""
        value = self._fields.get(key, [])
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise wrong(f"{key} is no list, or too long")
        return tuple(read(item) for item in value)

    def mapping(self, key: str, check: Callable[[object], str], read: Callable[[object], _T]) -> dict[str, _T]:
        """An object, each key checked and each value read; nothing is an empty object."""
        value = self._fields.get(key, {})
        if not isinstance(value, dict) or len(value) > MAX_ITEMS:
            raise wrong(f"{key} is no object, or too long")
        return {check(name): read(item) for name, item in value.items()}


def line(value: object, what: str) -> str:
    """Text of bounded length without control characters but for line ends and tabs, nor overrides of its direction."""
    if not isinstance(value, str) or len(value) > MAX_TEXT or _CONTROL.search(value):
        raise wrong(f"{what} is no plain text")
    return value


def language(value: object) -> str:
    """A language tag as in BCP 47."""
    tag = line(value, "a language")
    if not _LANGUAGE.fullmatch(tag):
        raise wrong("a language tag is not valid")
    return tag


def host(value: object) -> str:
    """A host name or address, in lower case, with or without a port."""
    name = line(value, "a host")
    if not _HOST.fullmatch(name):
        raise wrong("a host name is not valid")
    return name


def is_address(url: str, schemes: Collection[str], *, bare: bool = True) -> bool:
    """Whether it is an address of one of these schemes: with a host, no user; ``bare``: no query or fragment."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in schemes and parts.hostname and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False
    return bool(is_good) and url.isprintable() and not set(url) & set(" ?#" if bare else " ")


def address(*schemes: str, bare: bool = True) -> Callable[[object], str]:
    """Reads what `is_address` takes, in ASCII."""

    def read(value: object) -> str:
        url = line(value, "an address")
        if not _ADDRESS.fullmatch(url) or not is_address(url, schemes, bare=bare):
            without = ", without a query" if bare else ""
            raise wrong(f"an address is none of {', '.join(schemes)}{without}")
        return url

    return read


def wrong(reason: str) -> TrustError:
    """The error for a record that is signed and yet not valid."""
    return TrustError("trust.record", f"a signed record is not valid: {reason}")

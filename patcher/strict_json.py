"""A strict JSON reader for untrusted input: a file of the home, a message on a socket, a signed record.

Input that is too long or nested too deeply is refused before any object is made. Every fault raises ValueError.
"""

import codecs
import json
import math
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

MAX_DEPTH = 64
"""Nested lists and objects. The deepest document that Shoal writes has ten levels."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # an unclosed one is taken whole, so no byte is read twice
_EMPTY = re.compile(rb"\[\]|\{\}")
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
_MAX_DIGITS = 20
"""As many as 2**64 has; sizes, times and file numbers have fewer."""


def _finite(text: str) -> float:
    """A number with a fraction or an exponent. Raises ValueError when it is too large for a float."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("it holds a number that is too large")
    return number


def loads(data: bytes, max_bytes: int, read_float: Callable[[str], float] = _finite) -> Any:
    """Read a JSON document of at most ``max_bytes``, with at most 50 bytes of memory for each of its bytes.

    ``read_float`` converts numbers with a fraction or an exponent. Raises only ValueError: for a document that is too
    long, nested deeper than `MAX_DEPTH`, not UTF-8 or not JSON, for a key that an object has twice, for NaN, Infinity
    and whole numbers of more than 20 digits.
    """
    if len(data) > max_bytes:
        raise ValueError(f"it is longer than {max_bytes} bytes")
    _check_depth(data)
    return json.loads(
        data.decode(),
        object_pairs_hook=_object,
        parse_float=read_float,
        parse_int=_integer,
        parse_constant=_no_number,
    )


def load(path: Path, max_bytes: int) -> Any:
    """Read a JSON file as `loads` does, also with the byte order mark that some editors write.

    Of a longer file only ``max_bytes`` + 1 bytes are read.

    Raises OSError, and ValueError also when this is not a regular file: reading a pipe could block for ever.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is not a regular file")
        return loads(file.read(max_bytes + 1).removeprefix(codecs.BOM_UTF8), max_bytes)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_depth(data: bytes) -> None:
    """Remove the innermost pairs of brackets, one level a round, after removing all strings."""
    brackets = _STRING.sub(b"", data).translate(None, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        outer = _EMPTY.sub(b"", brackets)
        if len(outer) == len(brackets):
            break
        brackets = outer
    if brackets:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH}, or not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError("it holds a whole number that is too large")
    return int(text)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not a number")

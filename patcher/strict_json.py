"""One way to read JSON that nobody vouches for: a file of the home, a message on a socket, a signed record.

What is too long or too deep is refused before an object exists; every fault is a ValueError, and nothing else is.
"""

import json
import math
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

MAX_DEPTH = 64
"""Lists and objects within one another. The deepest document that Shoal writes has ten."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # an unclosed one is taken whole, so no byte is read twice
_EMPTY = re.compile(rb"\[\]|\{\}")
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
_MAX_DIGITS = 20
"""Of 2**64, and more than any size, time or file number has."""


def finite(text: str) -> float:
    """A number with a fraction or an exponent. Raises ValueError for one that is too large for a float."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("it holds a number that is too large")
    return number


def loads(data: bytes, max_bytes: int, read_float: Callable[[str], float] = finite) -> Any:
    """The value that a JSON document of at most ``max_bytes`` holds, at a cost of at most 50 bytes for each of its own.

    ``read_float`` reads numbers that are not whole. Raises ValueError, and only that, for a document that is too long,
    nested deeper than `MAX_DEPTH`, not UTF-8 or not JSON, and for a key that stands twice in an object, NaN, Infinity,
    or a whole number of more than 20 digits.
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
    """The value in a file, as `loads` reads it; no more of a longer file is read.

    Raises OSError; ValueError also when it is no regular file: a pipe would keep its reader waiting for ever.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is not a regular file")
        return loads(file.read(max_bytes + 1), max_bytes)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_depth(data: bytes) -> None:
    """Peel the innermost pairs of brackets, one level a round; strings are none."""
    brackets = _STRING.sub(b"", data).translate(None, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return
        brackets = _EMPTY.sub(b"", brackets)
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

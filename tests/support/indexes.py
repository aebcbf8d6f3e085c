"""Index documents by hand: small ones that are valid, and their parts with one thing changed."""

from typing import Any

from tests.support import trees
from tests.support.trees import MIB

NEW = trees.made_up([("a", 100), ("b", 200), ("big", 20 * MIB)])
OLD = trees.made_up([("a", 90), ("big", 19 * MIB)], "old")


def window(**changes: object) -> list[Any]:
    fields = {"offset": 0, "length": 50, "codec": 2, "new": [0, 1], "old": [0], "output": 300, "sha": bytes(32)}
    return list((fields | changes).values())


def document(*windows: object, **changes: object) -> dict[bytes, Any]:
    raw: dict[bytes, Any] = {
        b"format": 1, b"requires": [], b"filters": [], b"piece length": 65_536, b"layer": b"", b"inline": bytes(50),
        b"windows": list(windows) or [window()],
    }  # fmt: skip
    return raw | {key.replace("_", " ").encode(): value for key, value in changes.items()}


def big(offset: int, length: int, at: int = 0) -> list[Any]:
    return window(offset=at, length=25, new=[[2, offset, length]], old=[1], output=length)


BIG = (big(0, 16 * MIB), big(16 * MIB, 4 * MIB, 25))
RUN = [2, 9 * MIB, 100_000]
REST = [[2, 0, 9 * MIB], [2, 100_000, 11 * MIB - 100_000]]


def copied(**changes: object) -> list[Any]:
    """All of the big file but for one run."""
    old = [[1, 0, 9 * MIB], [1, -2 * MIB, 11 * MIB - 100_000]]
    fields = {"offset": 0, "length": 0, "codec": 3, "new": REST, "old": old, "output": 20 * MIB - 100_000, "sha": b""}
    return window(**(fields | changes))


def run(offset: int = 0) -> list[Any]:
    """The run."""
    return window(offset=offset, new=[RUN], old=[[1, 8 * MIB, MIB]], output=100_000)


COPIED = (copied(), run())


def mapped(*, filters: object = None, **changes: object) -> dict[bytes, Any]:
    """All of `COPIED` and the small files, read through maps but for the run."""
    if filters is None:
        filters = [[0, b"x86-1", 0, 20, bytes(32)], [1, b"x86-1", 20, 30, b"s" * 32]]
    windows = [window(codec=4, offset=50), copied(codec=5, offset=100), run(offset=100)]
    return document(**{"windows": windows, "requires": [b"x86-1"], "filters": filters, "inline": bytes(150), **changes})

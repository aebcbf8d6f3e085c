"""Renamed files: the old file that a new one most likely came from, by their names."""

import re
from collections.abc import Iterator

from patcher.content.manifest import Manifest

_VARYING = re.compile(r"(?<![0-9a-f])(?=[0-9a-f]{8})[a-f]*+[0-9][0-9a-f]*+|[0-9]+")  # no letter is read twice


class Similar:
    """Finds the old file of the same path, or the one that was renamed: of those whose path is gone, the one that has
    the longest tail of the path in common. Numbers and hashes in names (mostly versions) make no difference.
    """

    def __init__(self, new: Manifest, old: Manifest) -> None:
        self._by_path = {entry.path: number for number, entry in enumerate(old.entries) if entry.size_bytes}
        self._by_tail: dict[str, int] = {}
        stay = {entry.path for entry in new.entries}
        for path, number in self._by_path.items():
            if path not in stay:
                for tail in _tails(path):
                    self._by_tail.setdefault(tail, number)

    def same(self, path: str) -> int | None:
        """The number of the old file of this path, or None."""
        return self._by_path.get(path)

    def find(self, path: str) -> int | None:
        """The number of the old file that was renamed to this path, or None."""
        return next((self._by_tail[tail] for tail in _tails(path) if tail in self._by_tail), None)


def _tails(path: str) -> Iterator[str]:
    """The path with its varying parts replaced, then without its first folder, and so on."""
    path = _VARYING.sub("0", path)
    yield path
    while "/" in path:
        path = path.partition("/")[2]
        yield path

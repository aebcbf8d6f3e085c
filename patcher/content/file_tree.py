"""The file tree of a torrent (BEP 52), read and written without a dictionary for each file and folder.

A tree has exactly one encoding, with the names of a folder in order. `read` accepts that one alone. Releases of a title
have most files in common, and their trees long stretches of equal bytes. What `read` finds in such a stretch it takes
from the tree that it read before: the same objects, without a look at each file.
"""

import gc
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from patcher.content import bencoded, paths
from patcher.errors import ContentError

_WHAT = "a manifest"
_MAX_NAME = f"{{1,{paths.MAX_NAME_BYTES}}}".encode()
_TOKEN = re.compile(
    rb"([1-9][0-9]*):([^:/]" + _MAX_NAME + rb")"
    rb"(?:d0:d(4:attr1:x)?6:lengthi(0|[1-9][0-9]{0,18})e(?:11:pieces root32:(.{32}))?ee|d(?=[1-9]))|(e)|.",
    re.DOTALL,
)
"""A file (length of the name, name, attribute, size, root), the beginning of a folder (the first two), the end of one,
or a byte that is none of them. The name ends where its length says; no name holds a colon (`paths.check`)."""
_LEAST_COMPARED, _MOST_COMPARED = 64, 1 << 20
"""Bytes that are compared at once."""


class Entry(NamedTuple):
    """One regular file; ``root`` is ``b""`` when it is empty."""

    path: str
    size_bytes: int
    root: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class FileTree:
    """A tree as it was read: ``data[start:end]``. ``ends``: where the encoding of each entry ends."""

    data: bytes
    start: int
    end: int
    entries: tuple[Entry, ...]
    ends: "array[int]"


def write(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The encoding of the tree of these entries. Raises ContentError (content.invalid) if they are not in order."""
    above = before = ""
    yield b"d"
    for path, size_bytes, root, executable in entries:
        if (place := paths.order(path)) <= before:
            raise _invalid("it is not in order")
        before = place
        parent, _, name = path.rpartition("/")
        if parent != above:
            yield _step(above, parent)
            above = parent
        attr = b"4:attr1:x" if executable else b""
        held = b"11:pieces root32:%b" % root if size_bytes else b""
        yield b"%bd0:d%b6:lengthi%de%bee" % (_string(name), attr, size_bytes, held)
    yield b"e" * (len(_names(above)) + 1)


def _step(before: str, after: str) -> bytes:
    """What leads from the files of one folder to those of another: the ends of folders, and beginnings."""
    old, new = _names(before), _names(after)
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same]:
        same += 1
    return b"e" * (len(old) - same) + b"".join(_string(name) + b"d" for name in new[same:])


def _names(folder: str) -> list[str]:
    return folder.split("/") if folder else []


def _string(text: str) -> bytes:
    data = text.encode()
    return b"%d:%b" % (len(data), data)


def read(data: bytes, start: int, paths_bytes: int, known: FileTree | None = None) -> FileTree:
    """Read the tree that begins at ``start``. All its paths may take ``paths_bytes``, but for those in ``known``.

    Raises ContentError (content.invalid).
    """
    was_collecting = gc.isenabled()
    gc.disable()  # it would look at every entry again and again, none of which is garbage: a fifth of the time
    try:
        return _Reader(data, start, paths_bytes, known).read()
    finally:
        if was_collecting:
            gc.enable()


def known_tree(data: bytes, start: int, entries: tuple[Entry, ...]) -> FileTree:
    """The tree of these entries that was written to ``data``, as `read` would find it."""
    files = (found.end() for found in _TOKEN.finditer(data, start + 1) if found[4] is not None)
    ends = array("I", islice(files, len(entries)))
    end = ends[-1] + entries[-1].path.count("/") + 1 if entries else start + 2
    return FileTree(data, start, end, entries, ends)


class _Reader:
    def __init__(self, data: bytes, start: int, paths_bytes: int, known: FileTree | None) -> None:
        self._data, self._start, self._room, self._known = data, start, paths_bytes, known
        self._entries: list[Entry] = []
        self._ends = array("I")
        self._above = ""
        """The folder of the place, with a slash at its end unless it is the top."""
        self._last = [b""]
        """The last name in the top folder, and in each one below that leads to the place; none behind the tree."""
        self._twin = 0
        """The first entry of the known tree that is not before the place."""

    def read(self) -> FileTree:
        at = self._start + 1
        if self._data[self._start : at] != b"d":
            raise _invalid("it has no file tree")
        if self._known:
            at = self._take(self._known, at, self._known.start + 1, 0)
        try:
            while self._last:
                at = self._read_on(at)
        except UnicodeDecodeError as error:
            raise _invalid("a name in it is not UTF-8") from error
        return FileTree(self._data, self._start, at, tuple(self._entries), self._ends)

    def _read_on(self, start: int) -> int:
        """Read to the end of the tree, or to a file behind which the known tree goes on alike. Returns the place."""
        add, ends, last, known = self._entries.append, self._ends, self._last, self._known
        new = tuple.__new__  # takes half the time of a call of the class
        above, above_bytes = self._above, len(self._above.encode())
        for found in _TOKEN.finditer(self._data, start):
            length, name, attr, size, root, closed = found.groups()
            if size is None:
                self._turn(length, name, closed)
                if not last:
                    return found.end()
                above, above_bytes = self._above, len(self._above.encode())
                continue
            if name <= last[-1] or int(length) != len(name) or (root is None) != (size == b"0"):
                raise _invalid("a file in it is out of order, or not described as in BEP 52")
            last[-1] = name
            path = above + name.decode()
            self._room -= above_bytes + len(name)
            if self._room < 0:
                break
            add(new(Entry, (path, int(size), root or b"", attr is not None)))
            ends.append(found.end())
            if known and (after := self._take_after(known, found.end(), path)) != found.end():
                return after
        raise _invalid("its tree does not end, or its paths are too long")

    def _turn(self, length: bytes | None, name: bytes | None, closed: bytes | None) -> None:
        """Enter a folder, or leave one."""
        above, last = self._above, self._last
        if closed:
            last.pop()
            self._above = above[: above.rfind("/", 0, -1) + 1]
        elif length is None or name is None or int(length) != len(name) or name <= last[-1]:
            raise _invalid("its file tree holds something that is neither file nor folder, or is out of order")
        elif len(last) >= paths.MAX_DEPTH:
            raise _invalid("its file tree is too deep")
        else:
            last[-1] = name
            last.append(b"")
            self._above = f"{above}{name.decode()}/"
            self._room -= len(self._above.encode())

    def _take_after(self, known: FileTree, at: int, path: str) -> int:
        """The same as `_take`, where a file was read that the known tree may have, too."""
        entries, key = known.entries, paths.order(path)
        while self._twin < len(entries) and paths.order(entries[self._twin].path) < key:
            self._twin += 1
        if self._twin == len(entries) or entries[self._twin].path != path:
            return at
        return self._take(known, at, known.ends[self._twin], self._twin + 1)

    def _take(self, known: FileTree, at: int, old_at: int, first: int) -> int:
        """Take all entries from number ``first`` on, which begins at ``old_at``, that stand alike at the place."""
        self._twin = after = bisect_right(known.ends, old_at + _common(self._data, at, known.data, old_at), first)
        if after == first:
            return at
        self._entries += known.entries[first:after]
        self._ends.extend(end - old_at + at for end in known.ends[first:after])
        *above, name = self._entries[-1].path.split("/")
        self._above = "".join(f"{each}/" for each in above)
        self._last[:] = [each.encode() for each in (*above, name)]
        return self._ends[-1]


def _common(data: bytes, at: int, other: bytes, other_at: int) -> int:
    """Length of the equal bytes from two places on."""
    start, size = at, _LEAST_COMPARED
    while _alike(data, at, other, other_at, size):
        at, other_at, size = at + size, other_at + size, min(2 * size, _MOST_COMPARED)
    while size := size // 2:
        if _alike(data, at, other, other_at, size):
            at, other_at = at + size, other_at + size
    return at - start


def _alike(data: bytes, at: int, other: bytes, other_at: int, size: int) -> bool:
    return at + size <= len(data) and data[at : at + size] == other[other_at : other_at + size]


def _invalid(reason: str) -> ContentError:
    return bencoded.invalid(_WHAT, reason)

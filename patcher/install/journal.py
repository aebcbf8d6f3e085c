"""The journal of a commit: its operations in an order that can be repeated (docs/formats/install.md).

A line is ``crc32 JSON``. The first says PREPARED and the operations, the second DONE. A torn line counts as not
written. Others may have put a journal into an install folder, so one is followed only if it is exactly like ours.
"""

import dataclasses
import errno
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import FileIO
from typing import Any

from patcher import beneath, strict_json
from patcher.beneath import Beneath
from patcher.content import paths
from patcher.errors import ContentError, DiskError, Unfinished

_FORMAT = 1
_PORTION_BYTES = 1 << 20
_HEAD_BYTES = 9
"""The CRC and a space."""
_MAX_BYTES = 1 << 29
"""Some 300 bytes for each of more than a million files."""
LARGE_BYTES = 16 << 20
"""Reading a journal may take thirty times its size in memory, so a larger one is read only if this home wrote it."""


@dataclass(frozen=True, slots=True)
class Operations:
    """A change as the journal has it, in an order that can be repeated."""

    keep_previous: bool
    old: tuple[str, ...]
    """Files and links that are replaced or removed; they go to ``trash/files``."""
    documents: tuple[str, ...]
    """The documents of the old release in ``.shoal``; copied to ``trash``."""
    first: tuple[str, ...]
    """Old files that stand where a folder, or a name that differs in case only, must be."""
    first_folders: tuple[str, ...]
    folders: tuple[str, ...]
    place: tuple[tuple[str, str], ...]
    """Name in staging and path, files and links."""
    modes: tuple[tuple[str, bool], ...]
    last: tuple[str, ...]
    last_folders: tuple[str, ...]
    meta: tuple[tuple[str, str], ...]
    same_release: bool = False
    """The release stays what it is, so ``previous`` stays, too. Journals of earlier versions do not have this field."""

    @property
    def changed_folders(self) -> set[str]:
        """The folders whose names change."""
        paths = {*self.old, *self.first_folders, *self.folders, *self.last_folders, *(path for _, path in self.place)}
        return {path.rpartition("/")[0] for path in paths}


class ForeignJournal(DiskError):
    """A journal that no Shoal wrote. It is not followed; repair removes it."""

    def __init__(self, journal: Beneath, why: str) -> None:
        super().__init__("disk.journal", f"{journal} was not written by Shoal: {why}.", path=str(journal))


def prepared(operations: Operations) -> bytes:
    """The first line."""
    return _line({"format": _FORMAT, "state": "PREPARED", **dataclasses.asdict(operations)})


def _line(fields: dict[str, Any]) -> bytes:
    text = json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


DONE = b"\n" + _line({"state": "DONE"})
"""The second line, to be appended. Its leading line break ends a torn line before it."""


def digest(first_line: bytes) -> bytes:
    """Identifies a large journal."""
    return hashlib.sha256(first_line).digest()


def read(journal: Beneath, known: bytes = b"") -> tuple[Operations, bool] | None:
    """The operations, and whether the journal says DONE; None if the first line is torn.

    ``known`` is the digest of the last large journal that this home wrote. Raises OSError, ForeignJournal, and
    Unfinished when a newer Shoal wrote it.
    """
    data = _data(journal, known)
    line = _whole(data.partition(b"\n")[0])
    if line is None:
        return None
    try:
        record = strict_json.loads(line, _MAX_BYTES)
        is_ours = record["format"] == _FORMAT
        operations = _operations(record) if is_ours else None
    except KeyError as error:
        raise ForeignJournal(journal, f"{error} is missing") from error
    except (TypeError, ValueError, DiskError) as error:
        raise ForeignJournal(journal, str(error)) from error
    if operations is None:
        raise Unfinished("A newer Shoal left an update unfinished.", path=str(journal))
    return operations, DONE in data


def _data(journal: Beneath, known: bytes) -> bytes:
    """The content of the file; nothing if it is large and torn. Raises OSError, ForeignJournal."""
    try:
        with beneath.open_file(journal) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            found = _look(file) if LARGE_BYTES < size_bytes <= _MAX_BYTES else b""
        if found is None:
            return b""
        data = beneath.read(journal, _MAX_BYTES if found and found == known else LARGE_BYTES)
        if len(data) > LARGE_BYTES and digest(data[: data.find(b"\n") + 1]) != known:
            raise OSError(errno.EFBIG, "Changed while it was read")
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EFBIG, errno.ENXIO):
            raise
        raise ForeignJournal(journal, str(error.strerror)) from error
    return data


def _look(file: FileIO) -> bytes | None:
    """The digest of the first line, None if that is torn. Holds only a portion of it in memory."""
    head, crc = file.read(_HEAD_BYTES), 0
    hasher = hashlib.sha256(head)
    while data := file.read(_PORTION_BYTES):
        text, end, _ = data.partition(b"\n")
        crc = zlib.crc32(text, crc)
        hasher.update(text + end)
        if end:
            return hasher.digest() if head == b"%08x " % crc else None
    return None


def _operations(record: dict[str, Any]) -> Operations:
    fields = dataclasses.fields(Operations)
    there = (each for each in fields if each.name in record or each.default is dataclasses.MISSING)
    operations = Operations(**{each.name: _checked(record[each.name], each.type) for each in there})
    check_paths(_paths(operations))
    if not {path.rpartition("/")[0] for _, path in operations.place} <= {"", *operations.folders}:
        raise ValueError("a file is to be placed where no folder is made")
    return operations


def _whole(line: bytes) -> bytes | None:
    """The JSON of a line, unless it is torn."""
    crc, _, text = line.partition(b" ")
    return text if crc == b"%08x" % zlib.crc32(text) else None


_COLUMNS: dict[object, tuple[type, ...]] = {
    tuple[tuple[str, str], ...]: (str, str),
    tuple[tuple[str, bool], ...]: (str, bool),
}
"""What each row of a field of `Operations` holds."""


def _checked(value: Any, kind: object) -> Any:
    """A field of the JSON, turned back into tuples. Raises TypeError."""
    columns = _COLUMNS.get(kind)
    if kind is bool:
        is_right = isinstance(value, bool)
    elif columns is None:
        is_right = isinstance(value, list) and all(isinstance(each, str) for each in value)
    else:
        rows = value if isinstance(value, list) else [None]
        is_right = all(isinstance(row, list) and tuple(map(type, row)) == columns for row in rows)
    if not is_right:
        raise TypeError("a field is not of its kind")
    return value if kind is bool else tuple(value) if columns is None else tuple(map(tuple, value))


def _paths(operations: Operations) -> Iterator[str]:
    """Every name that will be joined to a folder. A document to remove has no name in staging."""
    o = operations
    yield from (*o.old, *o.documents, *o.first, *o.first_folders, *o.folders, *o.last, *o.last_folders)
    yield from (path for path, _ in o.modes)
    yield from (name for pair in o.place for name in pair)
    yield from (name for staged, path in o.meta for name in (staged or path, path))


def check_paths(names: Iterable[str]) -> None:
    """Raises DiskError (disk.in_the_way) for a name that no release can have."""
    for name in names:
        try:
            paths.check(name)
        except ContentError as error:
            raise DiskError("disk.in_the_way", f"{error.message}.", path=name) from error

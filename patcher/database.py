"""Opens the SQLite database of a home, `config.Home.registry`.

Each table has one module that creates and writes it: installs and commands `install.registry`, the trust floor
`feed.guard`, the ledger `seeding.traffic`.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from patcher import disk
from patcher.errors import Damaged, DiskError

_TIMEOUT_S = 10.0
_FIRST_TIMEOUT_S = 2.0
"""An engine that begins has no other threads to wait for."""
_COMPANIONS = ("-journal", "-wal", "-shm")
"""What SQLite keeps beside a database belongs to it: beside another one it would damage that."""
_CODES = {
    sqlite3.SQLITE_FULL: "disk.full",
    sqlite3.SQLITE_BUSY: "disk.in_use",
    sqlite3.SQLITE_LOCKED: "disk.in_use",
    sqlite3.SQLITE_CANTOPEN: "disk.denied",
    sqlite3.SQLITE_PERM: "disk.denied",
    sqlite3.SQLITE_READONLY: "disk.read_only",
    sqlite3.SQLITE_IOERR: "disk.failed",
    sqlite3.SQLITE_CORRUPT: "disk.damaged",
    sqlite3.SQLITE_NOTADB: "disk.damaged",
    sqlite3.SQLITE_ERROR: "disk.damaged",  # no such table
}
_PRIMARY = 0xFF
"""The part of a result code that says what kind it is."""


@contextmanager
def opened(path: Path, timeout_s: float = _TIMEOUT_S) -> Iterator[sqlite3.Connection]:
    """A connection for the calling thread. Its changes are durable when the ``with`` block ends without an error.

    Raises Damaged, and DiskError by what the player can do, also for SQLite errors in the block.
    """
    try:
        with closing(sqlite3.connect(path, timeout=timeout_s)) as db, db:
            db.execute("PRAGMA synchronous = EXTRA")  # with FULL a power cut may undo the last transaction
            yield db
    except sqlite3.Error as error:
        code = _CODES.get(getattr(error, "sqlite_errorcode", -1) & _PRIMARY, "disk.home")
        text = f"The registry {path} cannot be used: {error}."
        if code == Damaged.own_code:
            raise Damaged(text, path=str(path)) from error
        raise DiskError(code, text, path=str(path)) from error


def run(path: Path, statement: str, *values: object) -> list[Any]:
    """Run one statement, durably, and return its rows. Raises DiskError."""
    with opened(path) as db:
        return db.execute(statement, values).fetchall()


def check(path: Path) -> None:
    """Raises Damaged for what is no whole database, and soon DiskError for one that cannot be read. None is well.

    A folder where SQLite writes a file beside it is set aside.
    """
    for place in (path.with_name(path.name + suffix) for suffix in _COMPANIONS):
        if place.is_dir():
            disk.set_aside(place)
    if os.path.lexists(path) and not (path.is_file() and path.stat().st_size):
        raise Damaged(f"The registry {path} is empty, or no file.", path=str(path))
    if path.exists():
        with opened(path, _FIRST_TIMEOUT_S) as db:
            (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise Damaged(f"The registry {path} is damaged: {found}.", path=str(path))


def set_aside(path: Path) -> str:
    """Keep a damaged database beside, with all that belongs to it. Returns its new name. Raises DiskError."""
    for suffix in _COMPANIONS:
        if os.path.lexists(place := path.with_name(path.name + suffix)):
            disk.set_aside(place)
    return disk.set_aside(path)

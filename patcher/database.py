"""Opens the SQLite database of a home, `config.Home.registry`.

Each table has one module that creates and writes it: installs and commands `install.registry`, the trust floor
`feed.guard`, the ledger `seeding.traffic`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from patcher.errors import DiskError

_TIMEOUT_S = 30.0


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection for the calling thread. Its changes are durable when the ``with`` block ends without an error.

    Raises DiskError (disk.home, disk.full), also for SQLite errors in the block.
    """
    try:
        with closing(sqlite3.connect(path, timeout=_TIMEOUT_S)) as db, db:
            db.execute("PRAGMA synchronous = EXTRA")  # with FULL a power cut may undo the last transaction
            yield db
    except sqlite3.Error as error:
        code = "disk.full" if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL else "disk.home"
        raise DiskError(code, f"The registry cannot be used: {error}.", path=str(path)) from error


def run(path: Path, statement: str, *values: object) -> list[Any]:
    """Run one statement, durably, and return its rows. Raises DiskError."""
    with opened(path) as db:
        return db.execute(statement, values).fetchall()

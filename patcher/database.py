"""The registry's file: one SQLite database, opened the same way by all who keep a table in it.

Who owns a table makes it and alone writes it: installs and commands (`install.registry`), the trust floor
(`feed.guard`), the ledger (`seeding.traffic`).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from patcher.errors import DiskError

_TIMEOUT_S = 30.0


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of the caller's own, so of his thread; what he did is durable when this is left without an error.

    Raises DiskError (disk.home, disk.full), also for what goes wrong within.
    """
    try:
        with closing(sqlite3.connect(path, timeout=_TIMEOUT_S)) as db, db:
            db.execute("PRAGMA synchronous = EXTRA")  # with FULL a power cut may take the last transaction back
            yield db
    except sqlite3.Error as error:
        code = "disk.full" if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL else "disk.home"
        raise DiskError(code, f"The registry cannot be used: {error}.", path=str(path)) from error

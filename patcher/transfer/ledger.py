"""Bytes by source, and bytes given to others, per title and month. It never leaves the machine."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from patcher.errors import DiskError
from patcher.events import Sources

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ledger (
    month TEXT NOT NULL, title TEXT NOT NULL, lan_bytes INTEGER NOT NULL, peer_bytes INTEGER NOT NULL,
    origin_bytes INTEGER NOT NULL, metadata_bytes INTEGER NOT NULL, uploaded_bytes INTEGER NOT NULL,
    PRIMARY KEY (month, title))
"""
_ADD = """
INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (month, title) DO UPDATE SET
    lan_bytes = lan_bytes + excluded.lan_bytes, peer_bytes = peer_bytes + excluded.peer_bytes,
    origin_bytes = origin_bytes + excluded.origin_bytes, metadata_bytes = metadata_bytes + excluded.metadata_bytes,
    uploaded_bytes = uploaded_bytes + excluded.uploaded_bytes
"""
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Row:
    """One title in one month, as ``2026-01`` (UTC)."""

    month: str
    title: str
    sources: Sources
    uploaded_bytes: int


class Ledger:
    """Lives in its own table of the registry's file. All methods raise DiskError (disk.home)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, title: str, sources: Sources, uploaded_bytes: int, month: str = "") -> None:
        """Add bytes received and given to a month, the current one by default."""
        counts = (sources.lan_bytes, sources.peer_bytes, sources.origin_bytes, sources.metadata_bytes)
        with self._opened() as db:
            db.execute(_ADD, (month or this_month(), title, *counts, uploaded_bytes))

    def totals(self) -> list[Row]:
        """All rows, the oldest month first, titles in order."""
        with self._opened() as db:
            rows = db.execute("SELECT * FROM ledger ORDER BY month, title").fetchall()
        return [Row(month, title, Sources(*counts), uploaded) for month, title, *counts, uploaded in rows]

    def uploaded_this_month_bytes(self) -> int:
        """What all titles gave to others in the current month."""
        with self._opened() as db:
            query = "SELECT coalesce(sum(uploaded_bytes), 0) FROM ledger WHERE month = ?"
            return int(db.execute(query, (this_month(),)).fetchone()[0])

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=_TIMEOUT_S)) as db, db:
                db.execute(_SCHEMA)
                yield db
        except sqlite3.Error as error:
            text = f"The ledger in {self._path} cannot be used: {error}."
            raise DiskError("disk.home", text, path=str(self._path)) from error


def this_month() -> str:
    """The current month as ``2026-01`` (UTC)."""
    return datetime.now(UTC).strftime("%Y-%m")

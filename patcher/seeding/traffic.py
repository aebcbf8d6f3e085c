"""Bytes downloaded by source, and bytes uploaded, per title and month. They never leave the machine."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from patcher import database
from patcher.errors import DiskError
from patcher.protocol.events import Sources

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

_WRITE_S = 5.0


@dataclass(frozen=True, slots=True)
class Row:
    """One title in one month (UTC, ``2026-01``)."""

    month: str
    title: str
    sources: Sources
    uploaded_bytes: int


class Ledger:
    """A table in the registry's file. All methods raise DiskError (disk.home)."""

    def __init__(self, path: Path) -> None:
        self._run = partial(database.run, path)
        self._run(_SCHEMA)

    def add(self, title: str, sources: Sources, uploaded_bytes: int) -> None:
        """Add downloaded and uploaded bytes to the current month."""
        counts = (sources.lan_bytes, sources.peer_bytes, sources.origin_bytes, sources.metadata_bytes)
        self._run(_ADD, current_month(), title, *counts, uploaded_bytes)

    def totals(self) -> list[Row]:
        """All rows, the oldest month first, titles in order."""
        rows = self._run("SELECT * FROM ledger ORDER BY month, title")
        return [Row(month, title, Sources(*counts), uploaded) for month, title, *counts, uploaded in rows]

    def month_uploaded_bytes(self) -> int:
        """Uploads of all titles in the current month."""
        rows = self._run("SELECT coalesce(sum(uploaded_bytes), 0) FROM ledger WHERE month = ?", current_month())
        return int(rows[0][0])


class Tally:
    """Writes what one job receives into the ledger as it comes, so that neither a failure nor a kill hides it.

    ``received`` tells the bytes of the job so far. What cannot be written now is written with what comes next.
    """

    def __init__(self, ledger: Ledger, received: Callable[[], Sources]) -> None:
        self._ledger, self._received = ledger, received
        self._title = ""
        self._written = Sources()
        self._written_s = time.monotonic()

    @contextlib.contextmanager
    def counting(self, title: str) -> Iterator[None]:
        """All that has come since the last time, and comes while this lasts, belongs to a title; empty: to none."""
        self._title = title
        try:
            yield
        finally:
            self._write()

    def note(self) -> None:
        """More has come. It is written every few seconds."""
        if time.monotonic() - self._written_s >= _WRITE_S:
            self._write()

    def _write(self) -> None:
        received, self._written_s = self._received(), time.monotonic()
        if self._title and received != self._written:
            with contextlib.suppress(DiskError):
                self._ledger.add(self._title, received - self._written, 0)
                self._written = received


def current_month() -> str:
    """The current month as ``2026-01`` (UTC)."""
    return datetime.now(UTC).strftime("%Y-%m")

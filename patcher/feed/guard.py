"""The trust floor: the highest versions and the latest time that were seen. Nothing older is accepted.

A role's version belongs to the keys that signed it. It is forgotten only when a newer signed root replaces these keys
(TUF section 5.3.11). Otherwise a thief of online keys could sign a version so high that players refuse the feed for
ever. The time is never forgotten. A time ahead of this computer's clock is refused, so no thief can set it too high.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from patcher import database
from patcher.errors import Cancelled
from patcher.feed.verified import ROOT

_SCHEMA = """
CREATE TABLE IF NOT EXISTS trust_floor (
    feed TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (feed, name)) WITHOUT ROWID
"""
_LIFT = """
INSERT INTO trust_floor VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET value = excluded.value WHERE excluded.value > trust_floor.value
"""
_FORGET = """
DELETE FROM trust_floor WHERE feed = :feed AND name = :name
    AND (SELECT value FROM trust_floor WHERE feed = :feed AND name = 'root.json') < :root
"""
_TIME = "signed-at"
_LOOK_S = 0.1
"""How often a thread that waits for its turn looks whether it is cancelled."""


@contextmanager
def turn(lock: "threading.RLock | threading.Lock", cancel: Callable[[], bool]) -> Iterator[None]:
    """Hold a lock, which another thread may have for as long as a server does not answer. Raises Cancelled."""
    while not lock.acquire(timeout=_LOOK_S):
        if cancel():
            raise Cancelled
    try:
        yield
    finally:
        lock.release()


class Floor:
    """A table in the registry; safe for several threads and processes. ``feed`` is a feed's fingerprint.

    It outlives the feed's folder, so that removing a feed, or restoring an old folder, opens no way back.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        database.run(path, _SCHEMA)

    def turn(self, feed: str, cancel: Callable[[], bool]) -> AbstractContextManager[None]:
        """A thread's turn at a feed: of those that share this floor, only one refreshes or reads at a time.

        Raises Cancelled while another one has it.
        """
        return turn(self._locks[feed], cancel)

    def versions(self, feed: str) -> dict[str, int]:
        """Metadata file name to the highest version seen."""
        rows = database.run(self._path, "SELECT name, value FROM trust_floor WHERE feed = ? AND name != ?", feed, _TIME)
        return {str(name): int(value) for name, value in rows}

    def signed_at(self, feed: str) -> int:
        """The latest time, in seconds since 1970, at which the publisher signed something we saw; 0 for none."""
        rows = database.run(self._path, "SELECT value FROM trust_floor WHERE feed = ? AND name = ?", feed, _TIME)
        return int(rows[0][0]) if rows else 0

    def update(self, feed: str, versions: Mapping[str, int], signed_at: int, renewed: Collection[str] = ()) -> None:
        """Raise the floor to the versions and time seen now, durably. Higher values stay.

        The old versions of the files ``renewed`` are forgotten first if the root in ``versions`` is newer.
        """
        root = versions.get(ROOT, 0)
        with database.opened(self._path) as db:
            db.executemany(_FORGET, [{"feed": feed, "name": name, "root": root} for name in renewed])
            db.executemany(_LIFT, [(feed, name, value) for name, value in (*versions.items(), (_TIME, signed_at))])

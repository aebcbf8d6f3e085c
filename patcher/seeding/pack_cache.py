"""Patch packs kept for other players: a bounded cache of files, of which the least recently used go first.

A pack lies at ``<root hex>``. Once it is whole its torrent lies beside it as ``<root hex>.torrent``: the mark of
completeness, and what is needed to offer the pack again. The time of that mark is when the pack was used last.
"""

import contextlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from patcher import beneath, disk
from patcher.content.merkle import Ref
from patcher.transfer.swarm.torrent import Torrent

_MARK = ".torrent"
_MARK_BYTES = 64 << 20
"""No mark is larger: the index of a pack holds its layer too, and is not."""


class Packs:
    """The cache in one folder. Safe to use from several threads; of one process at a time."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._folder = folder
        self._lock = threading.RLock()
        self._open: list[str] = []
        self._marks: dict[str, tuple[int, Torrent]] = {}
        """What was read of each mark, and when that was written (ns)."""

    def path(self, pack: Ref) -> Path:
        """Where the pack is, or would be."""
        return self._folder / pack.hex

    def has(self, pack: Ref) -> bool:
        """Whether it is whole."""
        return self._is_whole(pack.hex, pack.size_bytes)

    @contextmanager
    def open(self, pack: Ref) -> Iterator[Path]:
        """Where to fetch the pack to or read it from; it is not removed meanwhile. Raises DiskError."""
        disk.make_folder(self._folder)
        with self._lock:
            self._open.append(pack.hex)
        try:
            yield self.path(pack)
        finally:
            with self._lock:
                self._open.remove(pack.hex)

    def keep(self, pack: Ref, torrent: bytes) -> None:
        """The pack is whole and was used now; ``torrent`` is the one it was fetched with. Raises DiskError."""
        disk.write_atomic(self._mark(pack.hex), torrent)

    def torrents(self, trackers: tuple[str, ...] = ()) -> list[Torrent]:
        """What can be offered: all whole packs, the least recently used first. Only new marks are read."""
        before, self._marks = self._marks, {}
        for name in self._names():
            with contextlib.suppress(OSError, ValueError):  # without a mark, or with a damaged one
                written_ns, known = self._used_ns(name), before.get(name)
                if known is None or known[0] != written_ns:
                    data = beneath.read(self._mark(name), _MARK_BYTES)
                    known = written_ns, Torrent.parse(data, [self._folder / name])
                self._marks[name] = known
        read = ((name, torrent) for name, (_, torrent) in self._marks.items())
        return [replace(each, trackers=trackers) for name, each in read if self._is_whole(name, each.layout.sizes[0])]

    def to_remove(self) -> list[bytes]:
        """Roots to `remove` for the cache to fit its bound: half-fetched packs, then the least recently used.

        Packs that are open stay. Withdraw the others from the session first.
        """
        with self._lock:
            names, in_use = self._names(), set(self._open)
        excess = sum(map(self._size, names)) - self.limit_bytes
        gone = []
        for name in names:
            if excess > 0 and name not in in_use:
                excess -= self._size(name)
                gone.append(bytes.fromhex(name))
        return gone

    def remove(self, roots: Iterable[bytes]) -> None:
        """Forget packs, except those that were opened meanwhile. Raises DiskError."""
        with self._lock:
            for name in {root.hex() for root in roots} - set(self._open):
                for path in (self._mark(name), self._folder / name):
                    if path.exists():
                        disk.remove(path)

    def _mark(self, name: str) -> Path:
        return self._folder / (name + _MARK)

    def _is_whole(self, name: str, size_bytes: int) -> bool:
        path = self._folder / name
        return self._mark(name).exists() and path.exists() and path.stat().st_size == size_bytes

    def _size(self, name: str) -> int:
        """What the file takes on the disk: half-fetched ones have holes."""
        stat = (self._folder / name).stat()
        return min(stat.st_size, getattr(stat, "st_blocks", stat.st_size) * 512)

    def _names(self) -> list[str]:
        """The packs here, half-fetched ones first, then the least recently used."""
        if not self._folder.is_dir():
            return []
        names = [path.name for path in self._folder.iterdir() if len(path.name) == 64]
        return sorted(names, key=self._used_ns)

    def _used_ns(self, name: str) -> int:
        mark = self._mark(name)
        return mark.stat().st_mtime_ns if mark.exists() else 0

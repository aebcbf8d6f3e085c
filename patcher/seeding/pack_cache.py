"""Patch packs kept for other players: a bounded cache of files, the least recently used go first.

A pack lies at ``<root hex>``; once it is whole its torrent lies beside it as ``<root hex>.torrent``, which is both the
mark of completeness and what is needed to offer it again. The time of that mark is when it was used last.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from patcher import disk
from patcher.beneath import name_of
from patcher.content.layout import Layout, Torrent
from patcher.content.merkle import Ref

_MARK = ".torrent"


class Packs:
    """The cache in one folder. Safe to use from several threads; of one process at a time."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._folder = folder
        self._lock = threading.RLock()
        self._open: list[str] = []

    def path(self, pack: Ref) -> Path:
        """Where the pack is, or would be."""
        return self._folder / pack.hex

    def has(self, pack: Ref) -> bool:
        """Whether it is whole."""
        return self._is_whole(self.path(pack), pack.size_bytes)

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
        """What can be offered: all whole packs, the least recently used first."""
        found = []
        for name in self._names():
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # without a mark, or with a damaged one
                torrent = Torrent(self._mark(name).read_bytes(), (self._folder / name,), trackers)
                if self._is_whole(self._folder / name, Layout.parse(torrent.data).sizes[0]):
                    found.append(torrent)
        return found

    def surplus(self) -> list[bytes]:
        """Roots to `remove` for the cache to fit its bound: half-fetched ones, then the least recently used.

        Packs that are open are left alone. Release each from the session before it is removed.
        """
        with self._lock:
            names = [name for name in self._names() if name not in self._open]
        names.sort(key=lambda name: self._mark(name).exists())
        excess = sum(map(self._size, self._names())) - self.limit_bytes
        gone = []
        for name in names:
            if excess <= 0:
                break
            excess -= self._size(name)
            gone.append(bytes.fromhex(name))
        return gone

    def trim(self, let_go: Callable[[bytes], object] = lambda info_hash: None) -> None:
        """Remove what is too much; ``let_go`` is told the info hash of each whole pack before. Raises DiskError."""
        with self._lock:
            surplus = self.surplus()
            for torrent in self.torrents() if surplus else ():
                if bytes.fromhex(name_of(torrent.paths[0])) in surplus:
                    let_go(Layout.parse(torrent.data).info_hash)
            for root in surplus:
                self.remove(root)

    def remove(self, root: bytes) -> None:
        """Forget a pack. Raises DiskError."""
        for path in (self._mark(root.hex()), self._folder / root.hex()):
            if path.exists():
                disk.remove(path)

    def _mark(self, name: str) -> Path:
        return self._folder / (name + _MARK)

    def _is_whole(self, path: Path, size_bytes: int) -> bool:
        return self._mark(path.name).exists() and path.exists() and path.stat().st_size == size_bytes

    def _size(self, name: str) -> int:
        """What the file takes on the disk: half-fetched ones have holes."""
        stat = (self._folder / name).stat()
        return min(stat.st_size, getattr(stat, "st_blocks", stat.st_size) * 512)

    def _names(self) -> list[str]:
        """The packs here, the least recently used first."""
        if not self._folder.is_dir():
            return []
        names = [path.name for path in self._folder.iterdir() if len(path.name) == 64]
        return sorted(names, key=self._used_ns)

    def _used_ns(self, name: str) -> int:
        mark = self._mark(name)
        return mark.stat().st_mtime_ns if mark.exists() else 0

"""Patch packs kept for other players: a bounded cache of files. The least recently used ones are removed first.

A pack lies at ``<root hex>``. Once it is whole, its torrent is written beside it as ``<root hex>.torrent``. This mark
says that the pack is complete, holds what is needed to offer it again, and has the time of its last use.

A sealed pack is there for a title that waits for its release: ``<root hex>.for`` names that title, and the sequence of
the release on a second line. It stays whatever the bound, until the title needs it no more.
"""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from patcher import beneath, disk
from patcher.content.merkle import Ref
from patcher.content.patch_index import MAX_INDEX_BYTES
from patcher.transfer.swarm.torrent import Torrent

_ROOM_BYTES = 16 << 20
_FOR, _TITLE_BYTES = ".for", 4096
_MARKS_READ = 1_000
"""So many marks stay in memory."""


class Packs:
    """The cache in one folder. Safe to use from several threads, but from one process at a time."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder, self.limit_bytes = folder, limit_bytes
        self._lock = threading.Lock()
        self._open: list[Path] = []

    def path(self, pack: Ref) -> Path:
        """Where the pack is, or would be."""
        return self.folder / pack.hex

    def has(self, pack: Ref) -> bool:
        """Whether it is whole."""
        path = self.path(pack)
        return _mark(path).exists() and path.exists() and path.stat().st_size == pack.size_bytes

    @contextlib.contextmanager
    def open(self, pack: Ref) -> Iterator[Path]:
        """The file to fetch the pack into or to read it from. It is not removed meanwhile. Raises DiskError."""
        disk.make_folder(self.folder)
        path = self.path(pack)
        with self._lock:
            self._open.append(path)
        try:
            yield path
        finally:
            with self._lock:
                self._open.remove(path)

    def keep(self, pack: Ref, torrent: bytes) -> None:
        """Mark the pack as whole and used now; ``torrent`` is the one it was fetched with. Raises DiskError."""
        disk.write_atomic(_mark(self.path(pack)), torrent)

    def torrents(self, trackers: tuple[str, ...] = ()) -> list[Torrent]:
        """The torrents of all whole packs, the least recently used first."""
        found = []
        for pack in self._packs():
            with contextlib.suppress(OSError, ValueError):  # the mark is missing or damaged
                torrent = _marked(pack, _used_ns(pack))
                if pack.stat().st_size == torrent.layout.sizes[0]:
                    found.append(replace(torrent, trackers=trackers))
        return found

    def needed_bytes(self, packs: Mapping[Ref, int]) -> int:
        """The space to be found for so many bytes of each pack, less what is here of them."""
        here = ((self.path(pack), size_bytes) for pack, size_bytes in packs.items())
        return sum(max(0, size - (beneath.room_bytes(path.stat()) if path.exists() else 0)) for path, size in here)

    def reserve(self, pack: Ref, title: str, sequence: int) -> None:
        """Keep the pack, which need not be here yet, until `release`: for a release of this title. Raises DiskError."""
        disk.make_folder(self.folder)
        disk.write_atomic(_for(self.path(pack)), f"{title}\n{sequence}".encode())

    def is_ready(self, title: str, sequence: int) -> bool:
        """Whether packs are reserved for this release of a title, and all of them are whole."""
        with contextlib.suppress(OSError):  # a job may remove them meanwhile
            mine = [mark.with_suffix("") for mark, text in self._reserved() if text == f"{title}\n{sequence}"]
            return bool(mine) and all(_mark(pack).exists() and pack.exists() for pack in mine)
        return False

    def release(self, title: str, keep: Iterable[Ref] = ()) -> list[bytes]:
        """End what is reserved for a title, but for those to ``keep``. Returns their roots. Raises DiskError."""
        kept, gone = {_for(self.path(pack)) for pack in keep}, []
        for mark, text in self._reserved():
            if mark not in kept and text.partition("\n")[0] == title:
                disk.remove(mark)
                gone.append(bytes.fromhex(mark.stem))
        if gone:
            disk.sync_folder(self.folder)
        return gone

    def leave_room(self) -> None:
        """Remove packs, half-fetched ones first, until Shoal's other files have room on the drive. Raises DiskError."""
        missing_bytes = _ROOM_BYTES - disk.free_bytes(self.folder)
        if missing_bytes > 0:
            self.remove(self.to_remove(missing_bytes))

    def to_remove(self, missing_bytes: int = 0, keep: Iterable[Ref] = ()) -> list[bytes]:
        """Roots to `remove` for the cache to fit its bound and to leave ``missing_bytes`` more to others: half-fetched
        packs, then the least recently used.

        Packs to ``keep`` and those that are open stay. Withdraw the others from the session first.
        """
        with self._lock:
            in_use = {*self._open, *map(self.path, keep)}
        sizes = {pack: beneath.room_bytes(pack.stat()) for pack in self._packs() if not _for(pack).exists()}
        excess_bytes, gone = max(missing_bytes, sum(sizes.values()) - self.limit_bytes), []
        for pack, size_bytes in sizes.items():
            if excess_bytes > 0 and pack not in in_use:
                excess_bytes -= size_bytes
                gone.append(bytes.fromhex(pack.name))
        return gone

    def remove(self, roots: Iterable[bytes]) -> None:
        """Remove packs, except those that were opened meanwhile. Raises DiskError."""
        with self._lock:
            for pack in {self.folder / root.hex() for root in roots} - set(self._open):
                for path in (_mark(pack), pack):
                    if path.exists():
                        disk.remove(path)

    def _reserved(self) -> list[tuple[Path, str]]:
        """The marks of what is reserved, and what they say."""
        marks = self.folder.glob(f"*{_FOR}")
        return [(mark, beneath.read(mark, _TITLE_BYTES).decode("utf-8", "replace")) for mark in marks]

    def _packs(self) -> list[Path]:
        """The packs here, half-fetched ones first, then the least recently used."""
        if not self.folder.is_dir():
            return []
        return sorted((path for path in self.folder.iterdir() if len(path.name) == 64), key=_used_ns)


def _for(pack: Path) -> Path:
    return pack.with_name(f"{pack.name}{_FOR}")


def _mark(pack: Path) -> Path:
    return pack.with_name(f"{pack.name}.torrent")


@lru_cache(maxsize=_MARKS_READ)
def _marked(pack: Path, _written_ns: int) -> Torrent:
    """The torrent in a pack's mark, which is read again only when it was written again."""
    return Torrent.parse(beneath.read(_mark(pack), MAX_INDEX_BYTES), [pack])  # the index holds the same layer


def _used_ns(pack: Path) -> int:
    mark = _mark(pack)
    return mark.stat().st_mtime_ns if mark.exists() else 0

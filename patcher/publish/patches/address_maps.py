"""Address maps of native code: one for each changed program or library that gains by it, and the old file re-based.

Both are kept in the build folder; windows are then cut and made against re-based old files as against any others.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from patcher import beneath, disk, strict_json
from patcher.content import patch_index
from patcher.content.manifest import Entry, Manifest
from patcher.content.native import image
from patcher.publish.patches import pool, windows
from patcher.publish.patches.matching import Chunks
from patcher.publish.store import CHUNK_BYTES, OnProgress, PhaseMeter, read_range

_MIN_BYTES = 16 * 1024
"""Smaller files have hardly a reference that moves."""
_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Fit:
    """One map to make, a `MapFile`: from an old file to the new one that came from it."""

    old: Path
    old_bytes: int
    new: Path
    new_bytes: int
    result: Path

    @property
    def size_bytes(self) -> int:
        """Of both files."""
        return self.old_bytes + self.new_bytes

    def make(self) -> bytes:
        """Nothing where no map is worth having; else the re-based old file is there before its map."""
        from patcher.content.native.rebase import Rebased
        from patcher.publish.patches.native.fitting import fit

        old, new = (partial(_read, path) for path in (self.old, self.new))
        fitted = fit(old, self.old_bytes, new, self.new_bytes)
        if fitted is None or len(fitted.data) > patch_index.MAX_MAP_BYTES:
            return b""
        rebased = Rebased(old, self.old_bytes, fitted.filter, fitted.data)
        with disk.Staged(_rebased(self.result), self.old_bytes) as staged:
            for at in range(0, self.old_bytes, CHUNK_BYTES):
                staged.write(at, rebased.read(at, CHUNK_BYTES))
            staged.sync()
        return json.dumps([fitted.filter, fitted.saved_bytes]).encode() + b"\n" + fitted.data


@dataclass(frozen=True, slots=True)
class MapFile:
    """A made map: its filter, its bytes in the pack, the old file as it moves it, and (root) the new one it is for."""

    filter: str
    data: bytes
    rebased: Path
    new: bytes
    saved_bytes: int
    """A careful estimate, made with it."""

    @classmethod
    def read(cls, path: Path, new: bytes) -> "MapFile | None":
        """None when none was worth having. Raises DiskError."""
        with beneath.translated(path):
            head, _, data = path.read_bytes().partition(b"\n")
        if not head:
            return None
        name, saved_bytes = strict_json.loads(head, _HEAD_BYTES)
        return cls(name, data, _rebased(path), new, saved_bytes)

    @property
    def length(self) -> int:
        """Of its bytes."""
        return len(self.data)

    @property
    def sha256(self) -> bytes:
        """Of its bytes."""
        return hashlib.sha256(self.data).digest()

    def chunks(self) -> Iterator[bytes]:
        """Its bytes."""
        yield self.data


def make(
    new: Manifest, old: Manifest, chunks: Mapping[bytes, Chunks], places: Mapping[bytes, Path], folder: Path,
    jobs: int, progress: OnProgress,
) -> dict[bytes, MapFile]:  # fmt: skip
    """By root of an old file: the map to the new file that came from it. What is in ``folder`` is not made again.

    Raises what `workers.run` raises.
    """
    pairs = _pairs(new, old, chunks, places)
    if not pairs:
        return {}
    fits = [
        Fit(places[before.root], before.size_bytes, places[after.root], after.size_bytes, folder / before.root.hex())
        for before, after in pairs
    ]
    meter = PhaseMeter(progress, "map", sum(fit.size_bytes for fit in fits))
    disk.make_folder(folder)
    pool.run(sorted(fits, key=lambda fit: -fit.size_bytes), jobs, meter.add)
    made = {before.root: MapFile.read(folder / before.root.hex(), after.root) for before, after in pairs}
    return {root: found for root, found in made.items() if found}


def _pairs(
    new: Manifest, old: Manifest, chunks: Mapping[bytes, Chunks], places: Mapping[bytes, Path]
) -> list[tuple[Entry, Entry]]:
    """Native old files and where each went: into the file of its own path where that is new, else the first."""
    held = {entry.root for entry in old.entries}
    fresh = {e.root for e in new.entries if e.root not in held and _is_native(e, places)}
    pairs = windows.bases(new, old, chunks, fresh) if fresh else []
    pairs.sort(key=lambda pair: pair[0].path != pair[1].path)
    firsts = {before.root: (before, after) for before, after in reversed(pairs) if _is_native(before, places)}
    return list(firsts.values())


def _is_native(entry: Entry, places: Mapping[bytes, Path]) -> bool:
    if entry.size_bytes < _MIN_BYTES:
        return False
    return image.parse(partial(_read, places[entry.root]), entry.size_bytes) is not None


def _read(path: Path, offset: int, length: int) -> bytes:
    with beneath.translated(path):
        return read_range(path, offset, length)


def _rebased(result: Path) -> Path:
    return result.with_suffix(".old")

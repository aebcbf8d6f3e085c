"""Address maps of native code: one for each changed program or library that gains by it, and the rebased old file.

Both are kept in the build folder. Windows are then cut and made against rebased old files as against any others.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from patcher import beneath, disk, strict_json
from patcher.content import patch_index
from patcher.content.file_tree import Entry
from patcher.content.manifest import Manifest
from patcher.content.native import image
from patcher.publish.patches import pool, windows
from patcher.publish.patches.matching import Chunks
from patcher.publish.store import CHUNK_BYTES, OnProgress, PhaseMeter, read_range

_MIN_BYTES = 16 * 1024
"""Smaller files have hardly any reference that moves."""
_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Fit:
    """A `MapFile` to make: from an old file to the new one that came from it."""

    old: str
    old_bytes: int
    new: str
    new_bytes: int
    result: Path

    @property
    def size_bytes(self) -> int:
        """Size of both files."""
        return self.old_bytes + self.new_bytes

    def make(self) -> bytes:
        """The content of the map file; nothing if no map is worth it. The rebased old file is written first."""
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
    """A map: its filter, its bytes in the pack, the rebased old file, and the root of the new file."""

    filter: str
    data: bytes
    rebased: Path
    new: bytes
    saved_bytes: int
    """A low estimate of what a patch saves by it."""

    @classmethod
    def read(cls, path: Path, new: bytes) -> "MapFile | None":
        """The map in a file; None if none was worth it. Raises DiskError."""
        with beneath.translated(path):
            head, _, data = path.read_bytes().partition(b"\n")
        if not head:
            return None
        name, saved_bytes = strict_json.loads(head, _HEAD_BYTES)
        return cls(name, data, _rebased(path), new, saved_bytes)


def make(
    new: Manifest, old: Manifest, chunks: Mapping[bytes, Chunks], places: pool.PathByRoot, folder: Path,
    jobs: int, progress: OnProgress,
) -> dict[bytes, MapFile]:  # fmt: skip
    """Root of an old file to the map to the new file that came from it. Files in ``folder`` are not made again.

    Raises what `pool.run` raises.
    """
    pairs = _pairs(new, old, chunks, places)
    if not pairs:
        return {}
    fits = [
        Fit(places[old.root], old.size_bytes, places[new.root], new.size_bytes, folder / old.root.hex())
        for old, new in pairs
    ]
    meter = PhaseMeter(progress, "map", sum(fit.size_bytes for fit in fits))
    disk.make_folder(folder)
    pool.run(sorted(fits, key=lambda fit: -fit.size_bytes), jobs, meter.add)
    made = {before.root: MapFile.read(folder / before.root.hex(), after.root) for before, after in pairs}
    return {root: found for root, found in made.items() if found}


def _pairs(
    new: Manifest, old: Manifest, chunks: Mapping[bytes, Chunks], places: pool.PathByRoot
) -> list[tuple[Entry, Entry]]:
    """Native old files, each with the new file of its path, else the first one that came from it."""
    held = {entry.root for entry in old.entries}
    fresh = {e.root for e in new.entries if e.root not in held and _is_native(e, places)}
    pairs = windows.bases(new, old, chunks, fresh) if fresh else []
    pairs.sort(key=lambda pair: pair[0].path != pair[1].path)
    firsts = {before.root: (before, after) for before, after in reversed(pairs) if _is_native(before, places)}
    return list(firsts.values())


def _is_native(entry: Entry, places: pool.PathByRoot) -> bool:
    if entry.size_bytes < _MIN_BYTES:
        return False
    return image.parse(partial(_read, places[entry.root]), entry.size_bytes) is not None


def _read(path: str, offset: int, length: int) -> bytes:
    with beneath.translated(path):
        return read_range(path, offset, length)


def _rebased(result: Path) -> Path:
    return result.with_suffix(".old")

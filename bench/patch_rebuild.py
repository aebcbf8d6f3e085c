"""What a player fetches whom no patch fits: the 16 KiB blocks of a new file that no old file has.

`python -m bench.patch_rebuild` looks in files of real releases for those of the next ones, as an update does, and
beside it at every offset, which no player could afford.
"""

import hashlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.support import releases
from patcher.content import landmarks, merkle
from patcher.content.merkle import BLOCK_BYTES, Ref
from patcher.update.planning.costs import Rebuild
from patcher.update.planning.local_search import LocalFile, Search

_PORTION_BYTES = 1 << 20
_EVERYWHERE_BYTES = 100 << 20
"""Larger files are not looked for at every offset."""
_FACTOR = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class Case:
    label: str
    old: Path
    new: Path


def cases(folder: Path) -> list[Case]:
    """Native code, text, and one large file that was changed in three ways."""
    cache = releases.CACHE / "trees"
    releases.pairs()
    code, text = "PySide6/Qt/lib/libQt6Core.so.6", "package/Build/CesiumUnminified/index.js"
    pak = cache / "pak"
    start = folder / "start"
    with (pak / "6.11.2/everything.pak").open("rb") as file:
        start.write_bytes(data := file.read(50_000_000))
    inserted, modified = folder / "inserted", folder / "modified"
    inserted.write_bytes(data[:20_000_000] + hashlib.shake_256(b"news").digest(100_000) + data[20_000_000:])
    changed = bytearray(data)
    for at in range(0, len(data), 2_500_000):
        changed[at : at + 3] = b"mod"
    modified.write_bytes(changed)
    return [
        Case("50 MB of a pak, 100 kB inserted", start, inserted),
        Case("50 MB of a pak, 3 bytes changed at 20 places", modified, start),
        Case("cesium's index.js 1.144.0 → 1.145.0", cache / "cesium/1.144.0" / text, cache / "cesium/1.145.0" / text),
        Case("libQt6Core 6.11.2 → 6.11.3", cache / "pyside6/6.11.2" / code, cache / "pyside6/6.11.3" / code),
        Case("PySide6 as one pak 6.11.2 → 6.11.3", pak / "6.11.2/everything.pak", pak / "6.11.3/everything.pak"),
    ]


def portions(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(_PORTION_BYTES):
            yield data


def searched(case: Case) -> tuple[Rebuild, int, float]:
    """What was found, the bytes of the hashes that it took, and the CPU time of the search."""
    size = case.new.stat().st_size
    hasher = merkle.Hasher()
    for data in portions(case.new):
        hasher.update(data)
    leaves, marks = hasher.leaves(), landmarks.of(portions(case.new), size)
    search = Search(Ref(merkle.root_of(leaves), size), leaves)
    started_s = time.process_time()
    with case.old.open("rb", buffering=0) as file:

        def read(offset: int, length: int) -> bytes:
            file.seek(offset)
            return file.read(length)

        search.search_in(LocalFile(case.old, case.old.stat().st_size, read), marks)
    return search.result(), len(leaves) + len(marks), time.process_time() - started_s


def everywhere(case: Case) -> int:
    """The bytes of the blocks that no offset of the old file has, by a rolling hash of all of them."""
    new, old = (np.frombuffer(path.read_bytes(), np.uint8) for path in (case.new, case.old))
    powers = np.cumprod(np.full(max(len(new), len(old)) + 1, _FACTOR, np.uint64), dtype=np.uint64)
    inverse = np.full(len(powers), pow(_FACTOR, -1, 1 << 64), np.uint64)
    unpowers = np.cumprod(inverse, dtype=np.uint64)

    def hashes(data: np.ndarray, step: int) -> np.ndarray:
        sums = np.concatenate(
            ([np.uint64(0)], np.cumsum((data.astype(np.uint64) + 1) * powers[: len(data)], dtype=np.uint64))
        )
        starts = np.arange(0, len(data) - BLOCK_BYTES + 1, step)
        return (sums[starts + BLOCK_BYTES] - sums[starts]) * unpowers[starts]

    found = int(np.isin(hashes(new, BLOCK_BYTES), hashes(old, 1)).sum())
    return (len(new) // BLOCK_BYTES - found) * BLOCK_BYTES


def main() -> int:
    print("| | file, MB | fetched, MB | at every offset, MB | hashes, kB | search, CPU s |")
    print("|---|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(Path(folder)):
            rebuild, hash_bytes, cpu_s = searched(case)
            size = rebuild.content.size_bytes
            least = f"{everywhere(case) / 1e6:.2f}" if size < _EVERYWHERE_BYTES else "–"
            figures = (
                f"{size / 1e6:.1f} | {rebuild.fetch_bytes / 1e6:.2f} | {least} | {hash_bytes / 1e3:.0f} | {cpu_s:.1f}"
            )
            print(f"| {case.label} | {figures} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The slow proof of address maps on real libraries: pairs of neighbouring releases, there and compared byte by byte.

    python -m tests.support.native_pairs

Wheels are fetched by their packages' names and kept, as for the benches. Of each library a patch is made as `publish
release` makes it, and applied as a player does. Fails when it does not give the new file, when the old file read
through its map in odd portions is not the old file moved as a whole, or when the pack is larger than without a map.
"""

import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path

import pytest

from bench.patch_size import MAP_LIMIT
from bench.support import ours, releases
from patcher.content.native import references
from patcher.content.native.addresses import AddressMap
from patcher.content.native.binary import Binary
from patcher.content.native.rebase import TILE_BYTES, Mover, Rebased

LIBRARIES = {
    ("PySide6-Essentials", "6.11.2", "6.11.3", "x86_64"): ("PySide6/Qt/lib/libQt6Gui.so.6",),
    ("PySide6-Essentials", "6.11.2", "6.11.3", "aarch64"): ("PySide6/Qt/lib/libQt6Core.so.6",),
    ("PySide6-Essentials", "6.11.2", "6.11.3", "win_amd64"): ("PySide6/Qt6Core.dll",),
    ("PySide6-Essentials", "6.11.2", "6.11.3", "win_arm64"): ("PySide6/Qt6Gui.dll",),
    ("cryptography", "46.0.2", "46.0.3", "x86_64"): ("cryptography/hazmat/bindings/_rust.abi3.so",),
    ("cryptography", "46.0.2", "46.0.3", "win_amd64"): ("cryptography/hazmat/bindings/_rust.pyd",),
    ("cryptography", "46.0.2", "46.0.3", "win_arm64"): ("cryptography/hazmat/bindings/_rust.pyd",),
    ("libtorrent", "2.0.13", "2.0.14", "x86_64"): ("libtorrent/__init__.cpython-311-x86_64-linux-gnu.so",),
    ("libtorrent", "2.0.13", "2.0.14", "win_amd64"): ("libtorrent/__init__.cp311-win_amd64.pyd",),
    ("lxml", "6.0.1", "6.0.2", "x86_64"): ("lxml/etree.cpython-311-x86_64-linux-gnu.so",),
    ("lxml", "6.0.1", "6.0.2", "aarch64"): ("lxml/objectify.cpython-311-aarch64-linux-gnu.so",),
    ("lxml", "6.0.1", "6.0.2", "win_amd64"): ("lxml/etree.cp311-win_amd64.pyd", "lxml/builder.cp311-win_amd64.pyd"),
    ("numpy", "2.3.4", "2.3.5", "x86_64"): (
        "numpy/_core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so",
        "numpy/random/_generator.cpython-311-x86_64-linux-gnu.so",
    ),
    ("numpy", "2.3.4", "2.3.5", "aarch64"): ("numpy/_core/_multiarray_umath.cpython-311-aarch64-linux-gnu.so",),
    ("numpy", "2.3.4", "2.3.5", "win_amd64"): ("numpy/random/mtrand.cp311-win_amd64.pyd",),
    ("numpy", "2.3.4", "2.3.5", "win_arm64"): ("numpy/random/_common.cp311-win_arm64.pyd",),
    ("orjson", "3.11.4", "3.11.5", "x86_64"): ("orjson/orjson.cpython-311-x86_64-linux-gnu.so",),
    ("orjson", "3.11.4", "3.11.5", "win_amd64"): ("orjson/orjson.cp311-win_amd64.pyd",),
    ("panda3d", "1.10.15", "1.10.16", "x86_64"): ("panda3d/libpanda.so.1.10", "panda3d/libpandabullet.so.1.10"),
    ("panda3d", "1.10.15", "1.10.16", "win_amd64"): ("panda3d/libp3assimp.dll",),
    ("pillow", "12.0.0", "12.1.0", "x86_64"): ("PIL/_imaging.cpython-311-x86_64-linux-gnu.so",),
    ("pillow", "12.0.0", "12.1.0", "win_amd64"): ("PIL/_imagingft.cp311-win_amd64.pyd",),
    ("psutil", "7.1.2", "7.1.3", "x86_64"): ("psutil/_psutil_linux.abi3.so",),
    ("psutil", "7.1.2", "7.1.3", "win_amd64"): ("psutil/_psutil_windows.pyd",),
}
"""Package, old and new version, machine: paths in the wheels."""


@dataclass(frozen=True)
class Pair:
    """One library in two releases."""

    name: str
    old: Path
    new: Path


@dataclass(frozen=True)
class Packs:
    """Bytes of the pack without a map, of the one with it, and of the map."""

    plain_bytes: int
    pack_bytes: int
    map_bytes: int

    @property
    def ratio(self) -> float:
        return self.pack_bytes / self.plain_bytes

    def __str__(self) -> str:
        return f"{self.plain_bytes:,} → {self.pack_bytes:,} bytes, {self.ratio:.3f}; {self.map_bytes:,} are the map"


def pairs() -> Iterator[Pair]:
    """All of them, each fetched when its turn comes."""
    for (package, old, new, machine), paths in LIBRARIES.items():
        trees = [releases.wheel(package, version, machine) for version in (old, new)]
        for path in paths:
            yield Pair(f"{package} {old} → {new} {machine} {Path(path).name}", *(tree / path for tree in trees))


def check(pair: Pair) -> Packs:
    """Raises AssertionError for what does not hold, and whatever applying raises."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for version, path in (("old", pair.old), ("new", pair.new)):
            (root / version).mkdir()
            shutil.copyfile(path, root / version / "library")
        with ours.without_maps():
            plain = ours.make(root / "old", root / "new", root / "plain")
        made = ours.make(root / "old", root / "new", root / "mapped")
        ours.apply(made, root / "install")
        (staged,) = (root / "install" / ".shoal" / "staging").iterdir()
        assert staged.read_bytes() == pair.new.read_bytes(), "the patch gives something else"
        pack, plain_bytes = made.pack.read_bytes(), plain.pack.stat().st_size
    assert len(pack) <= plain_bytes * MAP_LIMIT, f"{len(pack)} bytes are more than {plain_bytes} without a map"
    assert made.offer.patch and len(made.offer.patch.filters) == 1, "it has no map"
    (each,) = made.offer.patch.filters
    check_tiles(pair.old.read_bytes(), each.name, pack[each.offset : each.offset + each.length])
    return Packs(plain_bytes, len(pack), each.length)


def check_tiles(data: bytes, name: str, addresses: bytes) -> None:
    """Read in odd portions, most of them over a border of tiles or two, and with all references found at once."""
    read = partial(_slice, data)
    rebased, dice, at = Rebased(read, len(data), name, addresses), random.Random(len(data)), 0
    portions = []
    while at < len(data):
        portions.append(rebased.read(at, dice.randrange(1, 2 * TILE_BYTES)))
        at += len(portions[-1])
    binary = Binary.open(read, len(data))
    assert binary
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(references, "_TILE_BYTES", len(data))
        fields = references.find(binary, 0, len(data))
    whole = Mover(AddressMap.decode(addresses), len(data)).read(binary, 0, len(data), fields)
    assert b"".join(portions) == whole, "tiles are not as the whole"
    assert whole != data, "the map moves nothing"


def _slice(data: bytes, offset: int, length: int) -> bytes:
    return data[offset : offset + length]


def main() -> int:
    started_s, made = time.monotonic(), []
    for pair in pairs():
        sys.stdout.write(f"{pair.name}, {pair.new.stat().st_size / 1e6:.2f} MB: ")
        sys.stdout.flush()  # who sees it fail wants to know of which
        made.append(check(pair))
        sys.stdout.write(f"{made[-1]}\n")
    ratios, took_s = [packs.ratio for packs in made], time.monotonic() - started_s
    total = Packs(*(sum(counts) for counts in zip(*map(astuple, made), strict=True)))
    sys.stdout.write(f"{len(made)} pairs in {took_s:.0f} s: {total}, each {min(ratios):.3f} to {max(ratios):.3f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

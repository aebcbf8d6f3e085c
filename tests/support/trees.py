"""Release trees as data: pairs of an old and a new tree that every room must get right, and how to lay them down.

`SCENARIOS` names them for a test; `scenario` builds one. All bytes come from seeds: a tree is the same everywhere.
"""

import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from patcher.content import chunker, codec, merkle
from patcher.content.file_tree import Entry
from patcher.content.layout import Range
from patcher.content.manifest import Manifest
from patcher.content.patch_index import Index, Window
from patcher.publish import build
from patcher.publish.patches import drafts, encode, windows
from patcher.publish.patches.matching import AVERAGE_BYTES, Chunks
from tests.support.libraries import library

MIB = 1024 * 1024


@dataclass(frozen=True)
class File:
    data: bytes
    executable: bool = field(default=False, compare=os.name != "nt")
    """Windows keeps no such bit with a file."""


@dataclass(frozen=True)
class Link:
    target: str


@dataclass(frozen=True)
class Folder:
    """An empty one; others are there because something is in them."""


Layout = Mapping[str, File | Link | Folder]


@dataclass(frozen=True)
class Scenario:
    name: str
    old: Layout
    new: Layout


# ---------------------------------------------------------------- bytes


def noise(seed: int, size: int) -> bytes:
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(size)


def prose(seed: int, size: int) -> bytes:
    """Bytes that compress well."""
    dice = random.Random(seed)
    words = [f"{dice.randrange(10**6):x} ".encode() for _ in range(300)]
    return b"".join(dice.choices(words, k=size // 4 + 1))[:size]


def edited(data: bytes, seed: int, edits: int = 3) -> bytes:
    """The same data with a few bytes put in, taken out and overwritten."""
    dice = random.Random(seed)
    out = bytearray(data)
    for _ in range(edits):
        at = dice.randrange(len(out) + 1)
        out[at : at + dice.randrange(12)] = dice.randbytes(dice.randrange(1, 12))
    return bytes(out)


# ---------------------------------------------------------------- scenarios


def _base() -> dict[str, File | Link | Folder]:
    return {
        "bin/game": File(noise(1, 90_000), executable=True),
        "bin/tool": File(b"exit 0\n", executable=True),
        "data/levels/one.lvl": File(prose(2, 150_000)),
        "data/levels/two.lvl": File(prose(3, 16_384)),
        "data/sound.pak": File(noise(4, 300_001)),
        "data/empty.cfg": File(b""),
        "readme.txt": File(b"Version 1\n"),
    }


def _changed() -> tuple[Layout, Layout]:
    old = _base()
    new = dict(old)
    for number, path in enumerate(("bin/game", "data/levels/one.lvl", "data/sound.pak")):
        file = old[path]
        assert isinstance(file, File)
        new[path] = File(edited(file.data, number), file.executable)
    new["bin/tool"] = File(b"exit 0\n", executable=False)
    new["data/empty.cfg"] = File(b"volume=1\n")
    new["readme.txt"] = File(b"Version 2\n", executable=True)
    return old, new


def _added_and_removed() -> tuple[Layout, Layout]:
    old = _base()
    new = {path: item for path, item in old.items() if not path.startswith("data/levels/")}
    new["data/music/theme.ogg"] = File(noise(10, 200_000))
    new["data/music/credits.txt"] = File(prose(11, 5_000))
    new["a"] = File(b"x")
    return old, new


def _moved_and_duplicated() -> tuple[Layout, Layout]:
    old = _base()
    new = dict(old)
    new["assets/sound.pak"] = new.pop("data/sound.pak")
    new["bin/game-1.1"] = new.pop("bin/game")
    new["copies/one.lvl"] = new["copies/again/one.lvl"] = old["data/levels/one.lvl"]
    new["twice/a.bin"] = new["twice/b.bin"] = File(noise(20, 70_000))
    new["data/levels/one.lvl"], new["data/levels/two.lvl"] = old["data/levels/two.lvl"], old["data/levels/one.lvl"]
    return old, new


def _folders_become_files() -> tuple[Layout, Layout]:
    old = _base() | {"plugins": File(b"none"), "mods/readme": File(b"here"), "mods/deep/er/x": File(b"x")}
    new = _base() | {"plugins/first.so": File(noise(30, 40_000), executable=True), "mods": File(b"none")}
    return old, new


def _links_and_empty_folders() -> tuple[Layout, Layout]:
    old = _base() | {
        "lib/libgame.so": Link("libgame.so.1"),
        "lib/libgame.so.1": File(noise(40, 30_000)),
        "current": Link("data/levels"),
        "saves": Folder(),
        "logs/old": Folder(),
    }
    new = _base() | {
        "lib/libgame.so": Link("libgame.so.2"),
        "lib/libgame.so.2": File(edited(noise(40, 30_000), 41)),
        "current": File(b"no link any more"),
        "readme": Link("readme.txt"),
        "saves/first": File(b"a slot"),
        "screenshots/full": Folder(),
    }
    return old, new


def _case_renames() -> tuple[Layout, Layout]:
    old = _base()
    new = {path.replace("data/", "Data/").replace("readme", "README"): item for path, item in old.items()}
    gone: Layout = {"extra/deep/gone.txt": File(b"gone"), "logs/old": Folder()}
    return {**old, **gone}, {**new, "EXTRA/new.txt": File(b"new"), "Logs": Folder()}


def _many_small_files() -> tuple[Layout, Layout]:
    old = {f"db/{n % 7}/{n:04}.json": File(prose(1000 + n, 200 + n * 3)) for n in range(300)}
    new = dict(old)
    for n in range(0, 300, 9):
        path = f"db/{n % 7}/{n:04}.json"
        new[path] = File(edited(old[path].data, n))
    return old, new


def _a_large_file() -> tuple[Layout, Layout]:
    data = noise(50, 17 * MIB + 12_345)
    old = _base() | {"world.bin": File(data)}
    new = _base() | {"world.bin": File(edited(data, 51, 20) + noise(52, 1000))}
    return old, new


def _native_code() -> tuple[Layout, Layout]:
    old = _base() | {
        "bin/game": File(library(53), executable=True),
        "bin/engine.so": File(library(54, data_bytes=1_200_000), executable=True),
        "bin/was/plugin.so": File(library(55), executable=True),
    }
    new = _base() | {
        "bin/game": File(library(53, 2), executable=True),
        "bin/engine.so": File(library(54, 5, 1_200_000), executable=True),
        "bin/is/plugin.so": File(library(55, 1), executable=True),
        "data/added.pak": File(noise(56, 90_000)),
    }
    return old, new


def _names_of_the_world() -> tuple[Layout, Layout]:
    old: Layout = {
        "münchen/straße.txt": File(b"1"),
        "日本語/データ.bin": File(noise(60, 20_000)),
        "a b/c d": File(b"2"),
    }
    new: Layout = {
        "münchen/straße.txt": File(b"2"),
        "日本語/データ二.bin": File(noise(60, 20_000)),
        "a b/c d": File(b"3"),
    }
    return old, new


def _first_install() -> tuple[Layout, Layout]:
    return {}, _base()


def _nothing_new() -> tuple[Layout, Layout]:
    return _base(), _base()


_BUILDERS: dict[str, Callable[[], tuple[Layout, Layout]]] = {
    "changed": _changed,
    "added and removed": _added_and_removed,
    "moved and duplicated": _moved_and_duplicated,
    "folders become files": _folders_become_files,
    "links and empty folders": _links_and_empty_folders,
    "case renames": _case_renames,
    "many small files": _many_small_files,
    "a large file": _a_large_file,
    "native code": _native_code,
    "names of the world": _names_of_the_world,
    "first install": _first_install,
    "nothing new": _nothing_new,
}
SCENARIOS = tuple(
    pytest.param(name, marks=pytest.mark.posix("symlinks") if "links" in name else ()) for name in _BUILDERS
)


@cache
def scenario(name: str) -> Scenario:
    return Scenario(name, *_BUILDERS[name]())


# ---------------------------------------------------------------- on the disk


def write(folder: Path, layout: Layout) -> None:
    """Lay a tree down in a new or empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, item in layout.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        match item:
            case File(data, executable):
                place.write_bytes(data)
                place.chmod(0o755 if executable else 0o644)
            case Link(target):
                place.symlink_to(target)
            case Folder():
                place.mkdir()


def executable(folder: Path) -> list[str]:
    """Files that were laid down as executable: a publisher names them, as modes do not count."""
    files = (place for place in folder.rglob("*") if place.is_file() and not place.is_symlink())
    return [place.relative_to(folder).as_posix() for place in files if place.stat().st_mode & 0o100]


def read(folder: Path) -> dict[str, File | Link | Folder]:
    """What lies in a folder, but for `.shoal`; equal to the layout that it should be."""
    found: dict[str, File | Link | Folder] = {}
    for place in _places(folder):
        path = place.relative_to(folder).as_posix()
        if place.is_symlink():
            found[path] = Link(os.readlink(place))
        elif place.is_file():
            found[path] = File(place.read_bytes(), bool(place.stat().st_mode & 0o100))
        elif not any(place.iterdir()):
            found[path] = Folder()
    return found


def _places(folder: Path, skip: str = ".shoal") -> Iterator[Path]:
    """All below ``folder``. An engine may still be tidying up in ``skip``, so nobody looks into it."""
    for place in folder.iterdir():
        if place.name != skip:
            yield place
            if place.is_dir() and not place.is_symlink():
                yield from _places(place, "")


# ---------------------------------------------------------------- as content


def manifest_of(layout: Layout, name: str = "game.main") -> Manifest:
    files = {path: item for path, item in layout.items() if isinstance(item, File)}
    return build.manifest_of(
        name,
        [Entry(path, len(f.data), merkle.root_of(merkle.leaves_of(f.data)), f.executable) for path, f in files.items()],
        [(path, item.target) for path, item in layout.items() if isinstance(item, Link)],
        [path for path, item in layout.items() if isinstance(item, Folder)],
    )


def made_up(files: Iterable[tuple[str, int]], tag: str = "") -> Manifest:
    """A manifest of files that nobody has to have."""
    entries = [Entry(p, n, sha256(f"{p}{n}{tag}".encode()).digest() if n else b"") for p, n in files]
    return build.manifest_of("game.main", entries)


def leaves_of(layout: Layout) -> dict[bytes, bytes]:
    """Root → leaves of each file that has bytes."""
    all_leaves = [merkle.leaves_of(item.data) for item in layout.values() if isinstance(item, File) and item.data]
    return {merkle.root_of(leaves): leaves for leaves in all_leaves}


def read_ranges(layout: Layout, m: Manifest, ranges: tuple[Range, ...]) -> bytes:
    """The bytes of some ranges, side by side."""
    parts = []
    for span in ranges:
        file = layout[m.entries[span.file].path]
        assert isinstance(file, File)
        parts.append(file.data[span.offset : span.end])
    return b"".join(parts)


def chunks_of(data: bytes, portion_bytes: int = 1 << 30) -> Chunks:
    """The chunks of bytes that come in portions."""
    portions = (data[at : at + portion_bytes] for at in range(0, len(data), portion_bytes))
    return Chunks.of(chunker.chunks(portions, AVERAGE_BYTES))


def chunks_by_root(new: Layout, m: Manifest, old: Layout, m_old: Manifest) -> dict[bytes, Chunks]:
    """The chunks that a patch asks for, by root."""
    data = {e.root: read_ranges(old, m_old, (Range(n, 0, e.size_bytes),)) for n, e in enumerate(m_old.entries)}
    data |= {e.root: read_ranges(new, m, (Range(n, 0, e.size_bytes),)) for n, e in enumerate(m.entries)}
    found = {}
    for entry in windows.to_chunk(m, m_old):
        found[entry.root] = chunks_of(data[entry.root])
    return found


def compare(new: Layout, m: Manifest, old: Layout, m_old: Manifest) -> windows.Compare:
    """How far bytes agree, as the publisher finds it in files."""

    def common(number: int, at: int, file: int, old_at: int, limit: int) -> int:
        low, count = min(limit, 0), abs(limit)
        a = read_ranges(new, m, (Range(number, at + low, count),))
        b = read_ranges(old, m_old, (Range(file, old_at + low, count),))
        return drafts.same_bytes(a, b) if limit > 0 else drafts.same_bytes(a[::-1], b[::-1])

    return common


def make_patch(new: Layout, old: Layout | None) -> tuple[Index, bytes]:
    """The index and the pack of a patch, or of a full pack when there is no old tree."""
    m, m_old = manifest_of(new), None if old is None else manifest_of(old)
    pack = bytearray()
    made = []
    common = compare(new, m, old, m_old) if old is not None and m_old else None
    chunks = chunks_by_root(new, m, old, m_old) if old is not None and m_old else None
    for cut in windows.cut(m, m_old, chunks, (), common):
        if cut.copied:
            made.append(Window(len(pack), 0, codec.COPY, cut.new, cut.old, cut.output_bytes, b""))
            continue
        output = read_ranges(new, m, cut.new)
        kind, data = encode.make_window(output, read_ranges(old, m_old, cut.old) if old is not None and m_old else None)
        if m_old or windows.keeps_window(cut, m, len(data)):
            used = cut.old if kind == codec.HDIFF else ()
            digest = sha256(output).digest()
            made.append(Window(len(pack), len(data), kind, cut.new, used, len(output), digest))
            pack += data
    return encode.index_of(made, merkle.leaves_of(pack), len(pack), bytes(pack)), bytes(pack)

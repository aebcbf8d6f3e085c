"""The ways to bring a player from one release to the next, each measured on the same files: bytes and CPU seconds.

Real tools work on pairs of files of one path; a file without an older one is compressed alone. What the old release
holds already, under any name, costs none of them anything.
"""

import hashlib
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import hdiffpatch
from backports import zstd as zstandard

from bench.support.releases import Pair, tools
from bench.support.zsync import fetched_bytes
from patcher.publish.patches import encode

MIB = 1 << 20
BSDIFF_BYTES = 48 * MIB
"""bsdiff takes 17 times a file in memory, and minutes for the larger ones."""
SOLID_BYTES = 128 * MIB


@dataclass(frozen=True)
class Changed:
    """A new content, and the old file of the same path."""

    path: str
    new: Path
    old: Path | None


@dataclass(frozen=True)
class Work:
    """What one update has to move."""

    pair: Pair
    changed: tuple[Changed, ...]
    gone: dict[str, Path] = field(default_factory=dict)
    """Old files whose content is in the new release no more, by path."""

    @property
    def changed_bytes(self) -> int:
        return sum(one.new.stat().st_size for one in self.changed)


def work_of(pair: Pair) -> Work:
    """Hashes both releases."""
    old, new = _contents(pair.old), _contents(pair.new)
    held, kept = set(old.values()), set(new.values())
    changed: dict[bytes, Changed] = {}
    for path, digest in new.items():
        if digest not in held and digest not in changed and (pair.new / path).stat().st_size:
            changed[digest] = Changed(path, pair.new / path, pair.old / path if path in old else None)
    gone = {path: pair.old / path for path, digest in old.items() if digest not in kept}
    return Work(pair, tuple(changed.values()), gone)


def _contents(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb") as file:
            found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").digest()
    return found


def cpu_s() -> float:
    """Of this process and of all its children that ended."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


# ---------------------------------------------------------------- per file, by tools

Command = Callable[[Path, Path, Path], list[str]]


def _xdelta3(old: Path, new: Path, out: Path) -> list[str]:
    source = max(64 * MIB, 1 << (old.stat().st_size - 1).bit_length())
    return ["xdelta3", "-e", "-9", "-f", "-D", "-S", "lzma", "-B", str(source), "-s", str(old), str(new), str(out)]


def _bsdiff(old: Path, new: Path, out: Path) -> list[str]:
    return ["bsdiff", str(old), str(new), str(out)]


def _zstd(old: Path, new: Path, out: Path) -> list[str]:
    return ["zstd", "-q", "-f", "-19", "--ultra", "--long=31", "--patch-from", str(old), str(new), "-o", str(out)]


def _per_file(work: Work, command: Command) -> dict[str, int]:
    """Path → bytes."""
    sizes = {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        for one in work.changed:
            if one.old is None or not one.old.stat().st_size:
                sizes[one.path] = len(zstandard.compress(one.new.read_bytes(), level=19))
            else:
                _run(command(one.old, one.new, out))
                sizes[one.path] = out.stat().st_size
    return sizes


def _run(command: list[str]) -> None:
    """A tool that may chat."""
    done = subprocess.run(
        command, check=False, env=tools(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == 0, f"{command[0]}: {done.stderr[-500:]}"


def xdelta3(work: Work) -> dict[str, int]:
    return _per_file(work, _xdelta3)


def bsdiff(work: Work) -> dict[str, int] | None:
    """None where a file is too large for it."""
    sizes = [p.stat().st_size for one in work.changed for p in (one.new, one.old) if p]
    return _per_file(work, _bsdiff) if max(sizes) <= BSDIFF_BYTES else None


def zstd(work: Work) -> dict[str, int]:
    return _per_file(work, _zstd)


def hdiff(work: Work) -> dict[str, int] | None:
    """Each file as a whole; None for files so large that memory is short."""
    if max(one.new.stat().st_size for one in work.changed) > 2 * SOLID_BYTES:
        return None
    return {one.path: _hdiff(one.new.read_bytes(), one.old.read_bytes() if one.old else b"") for one in work.changed}


def _hdiff(new: bytes, old: bytes) -> int:
    config = hdiffpatch.Lzma2Config(level=9, window=28)
    return len(hdiffpatch.diff(old, new, config, validate=False, big_cache_match=True))


# ---------------------------------------------------------------- solid


def solid(work: Work) -> dict[str, int] | None:
    """HDiffPatch in windows of 128 MiB, without a bound of memory: first path of each window → bytes."""
    if max(one.new.stat().st_size for one in work.changed) > 2 * SOLID_BYTES:
        return None
    windows = list(_solid_windows(work.changed))
    sizes = {}
    for number, window in enumerate(windows):
        last = windows[number + 1][0].path if number + 1 < len(windows) else "\U0010ffff"
        first = window[0].path if number else ""
        near = {path: file for path, file in work.gone.items() if first <= path < last}
        old = b"".join(file.read_bytes() for file in near.values())
        sizes[window[0].path] = _hdiff(b"".join(one.new.read_bytes() for one in window), old)
    return sizes


def _solid_windows(changed: tuple[Changed, ...]) -> Iterator[list[Changed]]:
    window: list[Changed] = []
    size = 0
    for one in sorted(changed, key=lambda one: one.path):
        length = one.new.stat().st_size
        if window and size + length > SOLID_BYTES:
            yield window
            window, size = [], 0
        window.append(one)
        size += length
    yield window


# ---------------------------------------------------------------- whole trees, and stores of chunks


def casync(work: Work) -> dict[str, int]:
    """New chunks of the new release's archive, and its index."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        made = []
        for number, release in enumerate((work.pair.old, work.pair.new)):
            command = [
                "casync",
                "make",
                "--without=all",
                f"--store={place}/store",
                f"{place}/{number}.caidx",
                str(release),
            ]
            subprocess.run(command, check=True, env=tools(), stdout=subprocess.DEVNULL)
            made.append({p.name: p.stat().st_size for p in (place / "store").rglob("*") if p.is_file()})
        return {"chunks": sum(made[1].values()) - sum(made[0].values()), "index": (place / "1.caidx").stat().st_size}


def zsync(work: Work) -> dict[str, int]:
    """The changed files as one file each side: its control file, and what the client fetches."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        olds = list(work.gone.values())
        for name, files in (("old", olds), ("new", [one.new for one in work.changed])):
            with (place / name).open("wb") as file:
                file.writelines(path.read_bytes() for path in files)
        subprocess.run(["zsyncmake", "-u", "new", "-o", "new.zsync", "new"], check=True, env=tools(), cwd=place)
        return {"all": fetched_bytes(place, tools())}


def steam_like(work: Work) -> dict[str, int]:
    """Fixed chunks of 1 MiB, the new ones compressed."""
    held = {hashlib.sha256(data).digest() for path in work.gone.values() for data in _portions(path)}
    sizes: dict[str, int] = {}
    for one in work.changed:
        for data in _portions(one.new):
            if (digest := hashlib.sha256(data).digest()) not in held:
                held.add(digest)
                sizes[one.path] = sizes.get(one.path, 0) + encode.packed_bytes(data)
    return sizes


def _portions(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(MIB):
            yield data


def butler_like(work: Work) -> dict[str, int]:
    """The rolling match of rsync against blocks of 64 KiB (by librsync), the rest compressed."""
    sizes = {}
    with tempfile.TemporaryDirectory() as folder:
        signature, out = Path(folder) / "signature", Path(folder) / "out"
        for one in work.changed:
            if one.old is None:
                sizes[one.path] = encode.packed_bytes(one.new.read_bytes())
                continue
            sign = ["rdiff", "-f", "-b", "65536", "signature", str(one.old), str(signature)]
            match = ["rdiff", "-f", "delta", str(signature), str(one.new), str(out)]
            for command in (sign, match):
                subprocess.run(command, check=True, env=tools())
            sizes[one.path] = encode.packed_bytes(out.read_bytes())
    return sizes


def whole(work: Work) -> dict[str, int]:
    """The changed files, compressed alone."""
    return {one.path: encode.packed_bytes(one.new.read_bytes()) for one in work.changed}

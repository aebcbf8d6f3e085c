"""Finds what is on the disk already: installed files, other local copies, and staging of an interrupted job.

Fast: a file counts as verified while its size, mtime and inode are those recorded when its bytes were last verified.
Full: every byte is hashed. Staging is always hashed, so nothing has to be recorded while a download runs: a power cut
can lose bytes but never make wrong ones look right.
"""

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from patcher import beneath
from patcher.beneath import Beneath, Where
from patcher.content import merkle
from patcher.content.file_tree import Entry
from patcher.content.manifest import Manifest
from patcher.errors import Cancelled, DiskError
from patcher.install import trials
from patcher.install.names import Names

READ_BYTES = 1 << 20
_INODE_BITS = 2**63 - 1
_THREADS = min(4, os.cpu_count() or 1)

Watch = Callable[[str, int], None]
"""Called with the file and the bytes just read; raises Cancelled to stop."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The stat of a file whose bytes were verified."""

    size_bytes: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Seen":
        """Of the inode, the 63 bits that a database keeps: Windows has up to 128."""
        return cls(found.st_size, found.st_mtime_ns, found.st_ino & _INODE_BITS)


def seen(where: Where) -> Seen | None:
    """The stat of a regular file, or None when there is none (a link is none)."""
    found = beneath.status(where)
    return Seen.of(found) if found and stat.S_ISREG(found.st_mode) else None


@dataclass(frozen=True, slots=True)
class Found:
    """The state of an install folder. Paths are relative."""

    intact: Mapping[str, bytes] = field(default_factory=dict)
    """Path to root of files with the released bytes."""
    stats: Mapping[str, Seen] = field(default_factory=dict)
    """Path to stat, of the intact files, taken before their bytes were read."""
    modified: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class LocalSources(Mapping[bytes, Where]):
    """Root to a local file that holds it whole: intact ones of the install folder, and others. Few are asked for."""

    def __init__(self, folder: Beneath, intact: Mapping[str, bytes], others: Mapping[bytes, Where]) -> None:
        self._folder, self._others = folder, others
        self._paths = {root: path for path, root in intact.items() if root}

    def __getitem__(self, root: bytes) -> Where:
        path = self._paths.get(root)
        return self._others[root] if path is None else self._folder / path

    def __contains__(self, root: object) -> bool:
        return root in self._paths or root in self._others

    def __iter__(self) -> Iterator[bytes]:
        return iter({**self._others, **self._paths})

    def __len__(self) -> int:
        return len({**self._others, **self._paths})


@dataclass(frozen=True, slots=True)
class Have:
    """Everything a plan may build from without a download."""

    intact: Mapping[str, bytes] = field(default_factory=dict)
    """Path in the install folder to the root of the bytes it holds."""
    stats: Mapping[str, Seen] = field(default_factory=dict)
    """Path to stat of the intact files."""
    sources: Mapping[bytes, Where] = field(default_factory=dict)
    """Root to a local file that holds it whole (checked again as it is copied)."""
    staged: Mapping[bytes, bytes] = field(default_factory=dict)
    """Root to the leaves of what staging holds of it: whole when they fold to the root."""
    room_bytes: Mapping[bytes, int] = field(default_factory=dict)
    """Root to the room that the staged file takes already."""
    modified: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    gone: frozenset[bytes] = frozenset()
    """Old files that the origin does not have any more."""
    defaults: frozenset[str] = frozenset()
    """Files of `defaults` parts that exist already: they are the player's own."""
    executable: frozenset[str] = frozenset()
    """Our files whose executable bit is set."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Symbolic links that stand where a release has one, and where they point."""


def hash_file(where: Where, watch: Watch, name: str = "") -> bytes:
    """The leaves of a file. Raises OSError, Cancelled."""
    hasher = merkle.Hasher()
    with beneath.open_file(where) as file:
        while data := file.read(READ_BYTES):
            hasher.update(data)
            watch(name or where.name, len(data))
    return hasher.leaves()


def root_of(where: Where, watch: Watch, name: str = "") -> bytes | None:
    """The root of a file, or None when it cannot be read. Raises DiskError (disk.cloud), Cancelled."""
    try:
        return merkle.root_of(hash_file(where, watch, name))
    except OSError as error:
        if error.errno == errno.EREMOTE:
            with beneath.translated(where):
                raise
        return None


def installed(folder: Beneath, entries: Iterable[Entry], known: Mapping[str, Seen] | None, watch: Watch) -> Found:
    """Compare ``folder`` with the entries it should hold; ``known`` None means a full scan.

    A file whose stat is not the known one is hashed, so one whose time alone changed stays intact.
    """
    intact: dict[str, bytes] = {}
    modified: list[str] = []
    missing: list[str] = []
    doubtful: list[Entry] = []
    stats: dict[str, Seen] = {}
    for entry in entries:
        found = seen(folder / entry.path)
        if found is None:
            missing.append(entry.path)
            continue
        before = known.get(entry.path) if known is not None else None
        stats[entry.path] = before if before == found else found
        if found.size_bytes != entry.size_bytes:
            modified.append(entry.path)
        elif before == found:
            intact[entry.path] = entry.root
        else:
            doubtful.append(entry)
    for entry, root in _roots(folder, doubtful, watch):
        if root == entry.root:
            intact[entry.path] = entry.root
        else:
            modified.append(entry.path)
    stats = {path: stats[path] for path in intact}
    return Found(intact, stats, tuple(sorted(modified)), tuple(sorted(missing)))


def conflicts(folder: Beneath, manifests: Sequence[Manifest], ours: Names, watch: Watch) -> Found:
    """Compare the paths of new files, links and folders: ``intact`` are right already, ``modified`` are not ours.

    A file of ours under another spelling is neither: it goes, and the new one comes in its place.
    """
    entries = [entry for m in manifests for entry in m.entries]
    links = [link for m in manifests for link in m.links]
    strangers = [e for e in entries if e.path not in ours and _is_no_folder(folder / e.path)]
    found = installed(folder, strangers, None, watch)
    other = {*found.modified, *found.missing}
    other |= {
        p for p, to in links if p not in ours and _is_no_folder(folder / p) and beneath.link_target(folder / p) != to
    }
    other |= {path for path in folders_of(manifests) if path not in ours and _is_no_folder(folder / path)}
    return Found(found.intact, found.stats, tuple(sorted(other)))


def folders_of(manifests: Sequence[Manifest]) -> set[str]:
    """All folders of these releases: the empty ones, and those on the way to any path."""
    empty = {path for m in manifests for path in m.empty_folders}
    parents = set()
    for path in (*empty, *(path for m in manifests for path in m.paths)):
        while (path := path.rpartition("/")[0]) and path not in parents:
            parents.add(path)
    return parents | empty


def _is_no_folder(where: Beneath) -> bool:
    """Whether a file or link is there. The commit looks into folders."""
    return beneath.exists(where) and not beneath.is_folder(where)


def staging(folder: Beneath, wanted: Iterable[bytes], watch: Watch) -> dict[bytes, bytes]:
    """Root to leaves for each file of the staging ``folder`` that is named by a wanted root."""
    names = {root.hex(): root for root in wanted}
    found = ((name, beneath.status(folder / name)) for name, _ in beneath.entries(folder) if name in names)
    return {names[name]: hash_file(folder / name, watch) for name, each in found if each and beneath.is_own(each)}


def room(folder: Beneath, staged: Iterable[bytes]) -> dict[bytes, int]:
    """Root to the room in bytes that each of the files ``staged`` takes on the disk."""
    roots = {root.hex(): root for root in staged}
    return {roots[name]: beneath.room_bytes(each) for name, each in beneath.entries(folder) if name in roots}


def sources_in(folder: Beneath, manifests: Iterable[Manifest]) -> dict[bytes, Where]:
    """Root to path for the files of another folder that have the right size; their bytes are checked when used."""
    found: dict[bytes, Where] = {}
    for entry in (entry for manifest in manifests for entry in manifest.entries if entry.root):
        file = seen(folder / entry.path)
        if file and file.size_bytes == entry.size_bytes:
            found[entry.root] = folder / entry.path
    return found


def held_pieces(leaves: bytes, layer: bytes, root: bytes, piece_bytes: int) -> frozenset[int]:
    """Which pieces of a half-written file are right, by folding its leaves to the file's layer.

    A file not larger than a piece has no layer: it is held whole or not at all.
    """
    if not layer:
        return frozenset({0}) if merkle.root_of(leaves) == root else frozenset()
    size = merkle.HASH_BYTES
    mine = merkle.layer_of(leaves, piece_bytes) if len(leaves) > piece_bytes // merkle.BLOCK_BYTES * size else b""
    return frozenset(i for i in range(len(mine) // size) if mine[size * i :][:size] == layer[size * i :][:size])


def _roots(folder: Beneath, entries: list[Entry], watch: Watch) -> Iterator[tuple[Entry, bytes | None]]:
    stop = False

    def watch_all(name: str, count: int) -> None:
        if stop:
            raise Cancelled
        watch(name, count)

    with ThreadPoolExecutor(_THREADS, "scan", beneath.keep_open) as pool:
        try:
            work = (pool.submit(root_of, folder / entry.path, watch_all, entry.path) for entry in entries)
            futures = list(work)
            for entry, future in zip(entries, futures, strict=True):
                root = future.result()
                yield entry, (b"" if entry.size_bytes == 0 and root is not None else root)
        except BaseException:
            stop = True
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def links(folder: Beneath, manifests: Iterable[Manifest], trial: Beneath) -> dict[str, str]:
    """Where the links of the manifests point now; absent ones are left out. On a disk without links: as released."""
    released = {path: target for manifest in manifests for path, target in manifest.links}
    found = {path: target for path in released if (target := beneath.link_target(folder / path)) is not None}
    return released if found.keys() < released.keys() and not _holds(trials.holds_links, trial) else found


def executable(folder: Beneath, entries: Collection[Entry], trial: Beneath) -> frozenset[str]:
    """The files that the player may execute. On a disk that keeps no such bits: as released."""
    found = frozenset(entry.path for entry in entries if trials.is_executable(folder / entry.path))
    released = frozenset(entry.path for entry in entries if entry.executable)
    return released if found != released and not _holds(trials.holds_modes, trial) else found


def _holds(can_hold: Callable[[Beneath], bool], trial: Beneath) -> bool:
    """What a trial says; where no install has begun yet, there is nothing to try it in."""
    return not beneath.is_folder(trial.parent) or can_hold(trial)


def differences(
    folder: Beneath, manifests: Sequence[Manifest], trial: Beneath, watch: Watch
) -> tuple[set[str], Mapping[str, Seen]]:
    """Read every file. Returns the paths of files and links that are not as released, and the stats of the others.

    ``trial``: a name in a folder of ours, to find out what the disk can hold: only that is compared.
    """
    entries = [entry for m in manifests for entry in m.entries]
    found = installed(folder, entries, None, watch)
    modes, moved = set[str](), set[str]()
    with suppress(DiskError):  # where nothing can be tried, nothing could be put right
        intact = [entry for entry in entries if entry.path in found.intact]
        runnable = executable(folder, intact, trial)
        modes = {entry.path for entry in intact if entry.executable != (entry.path in runnable)}
        targets = links(folder, manifests, trial)
        moved = {path for m in manifests for path, target in m.links if targets.get(path) != target}
    return {*found.modified, *found.missing, *modes, *moved}, found.stats

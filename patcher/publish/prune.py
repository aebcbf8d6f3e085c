"""`gc`: removes files from a feed folder that no record leads to any more. It needs no key: nothing signed changes.

All files stay to which the newest records lead, or did at any time in the last days, since players who read the feed
then may still be fetching. Files that are themselves younger stay too, since content is there before the signatures
that name it. Names are removed before the files that they name, so that a run may stop anywhere and the next goes on.
"""

import itertools
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from patcher import disk
from patcher.config import Home
from patcher.content import manifest, patch_index, records
from patcher.content.feed_paths import CONTENT, METADATA, TARGETS
from patcher.content.merkle import Ref
from patcher.publish import repository
from patcher.publish.publication import opened
from patcher.publish.repository import Repository
from patcher.publish.store import OnProgress, PhaseMeter, Store

DAYS = 30
"""Files that were live stay this long: the lifetime of a snapshot of the `solo` profile."""

_METADATA = re.compile(rf"{METADATA}/([0-9]+)\.(.+)\.json")
_RECORD = re.compile(rf"{TARGETS}/(?:.+/)?[0-9a-f]{{64}}\.[^/]+")
_CONTENT = re.compile(rf"{CONTENT}/[0-9a-f]{{2}}/[0-9a-f]{{64}}(?:-64)?")


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """The files to remove: paths below the feed folder with their sizes, in the order of removal."""

    files: tuple[tuple[str, int], ...]
    kept_bytes: int
    """Bytes of the files that stay."""

    @property
    def size_bytes(self) -> int:
        """Bytes that are freed."""
        return sum(size for _, size in self.files)


@contextmanager
def plan(folder: Path, home: Home, days: int, now: datetime) -> Iterator[PrunePlan]:
    """The files that nobody needs who read the feed in the last ``days``. No publication can begin meanwhile.

    Raises UsageError (usage.feed_folder), BusyError; TrustError and ContentError if a document that names further files
    is missing or damaged.
    """
    with opened(folder, home) as repo:
        since = now - timedelta(days=days)
        needed = needed_by(_views(repo, since), Store(folder))
        files = {path.relative_to(folder).as_posix(): path.stat() for path in _files(folder)}
        gone = [
            (path, stat.st_size)
            for path, stat in files.items()
            if path not in needed and stat.st_mtime < since.timestamp() and _is_ours(path, repo)
        ]
        found = PrunePlan(tuple(sorted(gone, key=lambda file: _order(file[0]))), 0)
        yield replace(found, kept_bytes=sum(stat.st_size for stat in files.values()) - found.size_bytes)


def remove(folder: Path, found: PrunePlan, progress: OnProgress) -> None:
    """Remove the files. Raises DiskError."""
    meter = PhaseMeter(progress, "remove", found.size_bytes)
    for _, files in itertools.groupby(found.files, key=lambda file: _order(file[0])[0]):
        parents = set()
        for path, size_bytes in files:
            disk.remove(folder / path)
            parents.add((folder / path).parent)
            meter.add(size_bytes)
        for parent in sorted(parents):  # a name that a power cut brings back must still lead somewhere
            disk.sync_folder(parent)


def _files(folder: Path) -> Iterator[Path]:
    paths = (path for kind in (METADATA, TARGETS, CONTENT) for path in (folder / kind).rglob("*"))
    return (path for path in paths if path.is_file() and not path.is_symlink())


def _is_ours(path: str, repo: Repository) -> bool:
    """Whether it is an older file of the feed. The chain of roots stays, and so do versions that are not live yet."""
    if match := _METADATA.fullmatch(path):
        version, role = int(match[1]), match[2]
        newest = repo.snapshot if role == "snapshot" else repo.roles.get(role)
        return newest is not None and version < newest.version
    return bool(_RECORD.fullmatch(path) or _CONTENT.fullmatch(path))


def _order(path: str) -> tuple[int, str]:
    """The order of removal: snapshots, roles, records, content."""
    kinds = (".snapshot.json" in path, path.startswith(METADATA), path.startswith(TARGETS), True)
    return kinds.index(True), path


def _views(repo: Repository, since: datetime) -> Iterator[Repository]:
    """The feed now and before, back to ``since``. A snapshot was the newest until the next one was signed."""
    yield repo
    until = repo.signed_at
    for version in sorted(repository.snapshots(repo), reverse=True):
        if until < since:
            return
        view = repository.at(repo, version)
        until = view.signed_at
        yield view


def needed_by(views: Iterable[Repository], store: Store) -> set[str]:
    """The paths of all files that the views lead to."""
    needed: set[str] = set()
    for view in views:
        needed |= view.metadata_files
        for path in view.paths():
            file = view.file_of(path)
            if file not in needed:
                needed.add(file)
                needed.update(f"{CONTENT}/{ref.file}" for ref in _named(view.parsed(path), store))
    return needed


def _named(record: object, store: Store) -> Iterator[Ref]:
    """The content that a record leads to."""
    match record:
        case records.Title() as title:
            yield from (ref for ref in (title.art, *(title.art_in or {}).values()) if ref)
        case records.Release() as release:
            yield from _of_release(release, store)
        case records.Patches() as patches:
            yield from _of_patches(patches, store)


def _of_release(release: records.Release, store: Store) -> Iterator[Ref]:
    yield from (ref for ref in (release.notes, *(release.notes_in or {}).values()) if ref)
    for part in release.parts:
        yield from of_part(part, store)


def of_part(part: records.Part, store: Store) -> Iterator[Ref]:
    """The documents and files of a part."""
    yield from part.documents.values()
    entries = manifest.parse(store.read(part.manifest)).entries
    yield from (Ref(entry.root, entry.size_bytes) for entry in entries if entry.size_bytes)


def _of_patches(patches: records.Patches, store: Store) -> Iterator[Ref]:
    for part in patches.parts:
        yield from (ref for ref in (part.manifest, *(step.manifest for step in part.deltas)) if ref)
        for index in (ref for ref in (part.full, *(step.index for step in part.deltas)) if ref):
            yield index
            pack = patch_index.pack_of(store.read(index))
            yield from (pack,) if pack else ()
    for each in patches.sealed or ():
        yield from of_part(each.part, store)

"""Staged files become the installed release, all or nothing, whatever stops the machine.

    PREPARE  check all that could fail; fsync what is staged, then staging; write the journal, fsync   ← no way back
    COMMIT   old files → trash, fsync; what stands in the way goes; folders, fsync; staged files over old ones; what is
             left to remove goes; fsync every touched folder
    DONE     said in the journal, fsync; documents swapped in; trash becomes ``previous``; the journal goes
    RECOVER  no whole PREPARED record: the old tree is untouched, staging is kept. PREPARED: all of COMMIT again.
             DONE: the rest of DONE again

Each operation can be done again after any part of it was: an old file is only removed while it is the very file in
trash, and only replaced while its successor is still in staging. Trash is durable before anything is replaced, so
"not in trash" means "not begun". While a journal exists the title must not be played.
"""

import dataclasses
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patcher import disk
from patcher.errors import DiskError
from patcher.update.survey import Survey

STATE = ".shoal"
_FORMAT = 1
_SLACK_BYTES = 1 << 20
"""Folders and names need some room too."""


@dataclass(frozen=True, slots=True)
class Change:
    """The operations of one commit. Paths are relative to the install folder, with ``/``."""

    folders: tuple[str, ...] = ()
    """Exist afterwards."""
    place: tuple[tuple[str, str, bool], ...] = ()
    """Name in staging, path, executable. Each staged file is one of its own, not a second name of another."""
    links: tuple[tuple[str, str], ...] = ()
    """Path and target of symbolic links."""
    modes: tuple[tuple[str, bool], ...] = ()
    """Executable bits of files that stay."""
    remove: tuple[str, ...] = ()
    """Files and links of ours that go."""
    remove_folders: tuple[str, ...] = ()
    """Folders of ours that go when they are empty, deepest first."""
    meta: tuple[tuple[str, str], ...] = ()
    """Name in staging and path below ``.shoal`` of the documents that change; without a name, one that goes."""


@dataclass(frozen=True, slots=True)
class _Operations:
    """What the journal says: a change, put into an order that can be done, and done again."""

    keep_previous: bool
    old: tuple[str, ...]
    """Files and links that are replaced or removed; they go to ``trash/files``."""
    documents: tuple[str, ...]
    """What ``.shoal`` says of the old release; copied to ``trash``."""
    first: tuple[str, ...]
    """Old files that stand where a folder, or a name that differs in case only, must be."""
    first_folders: tuple[str, ...]
    folders: tuple[str, ...]
    place: tuple[tuple[str, str], ...]
    """Name in staging and path, files and links."""
    modes: tuple[tuple[str, bool], ...]
    last: tuple[str, ...]
    last_folders: tuple[str, ...]
    meta: tuple[tuple[str, str], ...]

    @property
    def touched(self) -> set[str]:
        """The folders whose names change."""
        paths = {*self.old, *self.first_folders, *self.folders, *self.last_folders, *(path for _, path in self.place)}
        return {path.rpartition("/")[0] for path in paths}


def commit(folder: Path, change: Change, keep_bytes: int) -> None:
    """Make ``change`` in the install ``folder``. What it replaces is kept in ``.shoal/previous`` up to ``keep_bytes``.

    Raises DiskError: disk.in_the_way, disk.denied, disk.read_only, disk.in_use, disk.full, disk.failed while nothing
    was changed; disk.interrupted once the journal stands: `recover` then goes on.
    """
    if pending(folder):
        raise DiskError("disk.interrupted", "An earlier update is not finished.", path=str(folder))
    operations = _check(folder, change, keep_bytes)
    record = _record({"format": _FORMAT, "state": "PREPARED", **dataclasses.asdict(operations)})
    if disk.free_bytes(folder) < len(record) + _SLACK_BYTES:
        raise DiskError("disk.full", f"No room for the journal in {folder}.", path=str(folder))
    with _interruptible(folder):
        _sync_staged(folder, change, operations)
        _begin(folder, record)
        _go_on(folder, operations, done=False)


def recover(folder: Path) -> bool:
    """Finish a commit that was interrupted; True when there was one past the point of no return.

    Otherwise the old release is untouched and staging is kept. May itself be interrupted and called again.
    Raises DiskError (disk.interrupted).
    """
    journal = folder / STATE / "journal"
    if not pending(folder):
        return False
    with _interruptible(folder):
        records = _read(journal)
        if not records:
            disk.remove(journal)
            disk.sync_folder(journal.parent)
            return False
        prepared, done = records[0], len(records) > 1
        if prepared["format"] != _FORMAT:
            raise DiskError("disk.interrupted", "A newer Shoal left an update unfinished.", path=str(folder))
        disk.sync_file(journal)  # read from memory perhaps: it must be on disk before anything relies on it
        disk.sync_folder(journal.parent)
        fields = {field.name: prepared[field.name] for field in dataclasses.fields(_Operations)}
        operations = _Operations(**fields)
        # Somebody may hand us a folder with any journal in it: no name may lead out.
        named = [path for path, _ in operations.modes] + [name for pair in operations.place for name in pair]
        _check_paths(
            (
                *operations.old,
                *operations.first,
                *operations.first_folders,
                *operations.folders,
                *named,
                *operations.last,
                *operations.last_folders,
                *operations.documents,
                *(name for pair in operations.meta for name in pair if name),
            )
        )
        _go_on(folder, operations, done=done)
    return True


def pending(folder: Path) -> bool:
    """Whether a journal exists: `recover` first, no play."""
    return os.path.lexists(folder / STATE / "journal")


# ---------------------------------------------------------------- prepare


def _check(folder: Path, change: Change, keep_bytes: int) -> _Operations:
    """All that could make the commit fail is looked at here, before anything changes."""
    _check_names(change)
    disk.inside(folder, f"{STATE}/journal")
    for name in _staged_files(change):
        staged = disk.inside(_staging(folder), name)
        if not staged.is_file() or staged.is_symlink() or staged.lstat().st_nlink > 1:
            raise DiskError("disk.failed", f"{name} was not staged as a file of its own.", path=name)
    survey = Survey(folder, change.remove)
    links = [(f"link-{i}", path) for i, (path, to) in enumerate(change.links) if not survey.is_link(path, to)]
    place = [(name, path) for name, path, _ in change.place] + links
    for path in change.folders:
        survey.need_folder(path)
    for _, path in place:
        survey.need_file(path)
    for path, _ in change.modes:
        survey.need_kept(path)
    first, last = survey.removed()
    first_folders, last_folders = survey.removed_folders(change.remove_folders)
    operations = _Operations(
        keep_previous=survey.old_bytes <= keep_bytes,
        old=tuple(survey.old),
        documents=tuple(_documents(folder)),
        first=tuple(first),
        first_folders=tuple(first_folders),
        folders=tuple(survey.folders),
        place=tuple(place),
        modes=change.modes,
        last=tuple(last),
        last_folders=tuple(last_folders),
        meta=change.meta,
    )
    for touched in sorted(operations.touched | {STATE}):
        if (folder / touched).is_dir():
            disk.check_writable(folder / touched)
    return operations


def _check_names(change: Change) -> None:
    """The manifests' readers refused such names already; a journal must not hold one whatever happened since."""
    places = [path for _, path, _ in change.place] + [path for path, _ in (*change.links, *change.modes)]
    meta = [path for _, path in change.meta]
    _check_paths((*places, *change.folders, *change.remove, *change.remove_folders, *meta))


def _check_paths(names: Iterable[str]) -> None:
    for name in names:
        parts = name.split("/")
        if parts[0] == STATE or any(part in ("", ".", "..") for part in parts):
            raise DiskError("disk.in_the_way", f"{name!r} is no path of a release.", path=name)


def _staged_files(change: Change) -> list[str]:
    return [name for name, _, _ in change.place] + [name for name, _ in change.meta if name]


def _documents(folder: Path) -> Iterable[str]:
    """What ``.shoal`` says of the release in place: its pointer, manifests and the like."""
    state = folder / STATE
    for at, folders, files in os.walk(state):
        folders.sort()
        if at == str(state):
            folders[:] = [name for name in folders if name not in ("staging", "trash", "previous")]
        yield from sorted(str((Path(at) / name).relative_to(state).as_posix()) for name in files)


def _sync_staged(folder: Path, change: Change, operations: _Operations) -> None:
    """Stage the links, set the executable bits, and make all that is staged durable: older stages may not be."""
    staging = _staging(folder)
    disk.make_folder(staging)
    targets = dict(change.links)
    for staged, path in operations.place:
        if path in targets:
            with suppress(FileNotFoundError):
                os.lstat(staging / staged)
                disk.remove(staging / staged)
            disk.symlink(targets[path], staging / staged)
    for staged, _, executable in change.place:
        disk.set_executable(staging / staged, executable)
    for staged in _staged_files(change):
        disk.sync_file(staging / staged)
    disk.sync_folder(staging)


def _begin(folder: Path, record: bytes) -> None:
    """Write the journal. What it relies on, its own folders too, is durable before it can be."""
    state = folder / STATE
    disk.remove_tree(state / "trash")
    for above in (state, folder, folder.parent):
        disk.sync_folder(above)
    disk.append(state / "journal", record)
    disk.sync_folder(state)


# ---------------------------------------------------------------- commit


def _go_on(folder: Path, operations: _Operations, *, done: bool) -> None:
    if not done:
        _keep_old(folder, operations)
        _swap(folder, operations)
        _sync_swapped(folder, operations)
        disk.append(folder / STATE / "journal", b"\n" + _record({"state": "DONE"}))
    _finish(folder, operations)


@contextmanager
def _interruptible(folder: Path) -> Iterator[None]:
    """While a journal stands, whatever went wrong is an interrupted commit."""
    try:
        with disk.translated(folder):
            yield
    except DiskError as error:
        if not pending(folder):
            raise
        message = f"The update is not finished: {error.message}"
        raise DiskError("disk.interrupted", message, **error.facts) from error


def _keep_old(folder: Path, operations: _Operations) -> None:
    """Give every old file a name in trash; where the disk has no second names, move it there."""
    trash = folder / STATE / "trash"
    names = [f"files/{path}" for path in operations.old] + list(operations.documents)
    disk.make_folder(trash)
    for name in names:
        disk.make_folder((trash / name).parent)
    _sync_folders(trash.parent, [f"trash/{name}" for name in names])  # or a file moved into one could be lost with it
    for path in operations.old:
        old, kept = _find(folder, path), trash / "files" / path
        if old and not os.path.lexists(kept) and not disk.link(old, kept):
            disk.rename(old, kept)
    for path in operations.documents:
        document, kept = trash.parent / path, trash / path
        if not os.path.lexists(kept) and not disk.link(document, kept):
            disk.write_atomic(kept, document.read_bytes())
    _sync_folders(trash.parent, [f"trash/{name}" for name in names])


def _swap(folder: Path, operations: _Operations) -> None:
    _drop(folder, operations.first, operations.first_folders)
    for path in operations.folders:
        disk.make_folder(disk.inside(folder, path))
    _sync_folders(folder, operations.folders)
    for staged, path in operations.place:
        source = disk.inside(_staging(folder), staged)
        if os.path.lexists(source):
            disk.rename(source, disk.inside(folder, path))
    for path, executable in operations.modes:
        if (file := _find(folder, path)) and file.is_file():
            disk.set_executable(file, executable)
    _drop(folder, operations.last, operations.last_folders)


def _drop(folder: Path, paths: Iterable[str], folders: Iterable[str]) -> None:
    for path in paths:
        old, kept = _find(folder, path), folder / STATE / "trash" / "files" / path
        if old and os.path.lexists(kept) and os.path.samestat(old.lstat(), kept.lstat()):
            disk.remove(old)
    for path in folders:
        old = _find(folder, path)
        if old and old.is_dir() and not old.is_symlink() and not any(old.iterdir()):
            disk.remove_folder(old)


def _sync_swapped(folder: Path, operations: _Operations) -> None:
    for path, _ in operations.modes:
        if (file := _find(folder, path)) and file.is_file():
            disk.sync_file(file)
    disk.sync_folder(_staging(folder))
    for path in sorted(operations.touched):
        touched = _find(folder, path) if path else folder
        if touched and touched.is_dir() and not touched.is_symlink():
            disk.sync_folder(touched)


# ---------------------------------------------------------------- done


def _finish(folder: Path, operations: _Operations) -> None:
    state = folder / STATE
    for staged, path in operations.meta:
        document = disk.inside(state, path)
        source = disk.inside(_staging(folder), staged) if staged else None
        if source is None and os.path.lexists(document):
            disk.remove(document)
        elif source and os.path.lexists(source):
            disk.make_folder(document.parent)
            disk.rename(source, document)
    if _staging(folder).is_dir():
        disk.sync_folder(_staging(folder))
    _sync_folders(state, [path for _, path in operations.meta])
    if os.path.lexists(state / "trash"):
        disk.remove_tree(state / "previous")
        if operations.keep_previous:
            disk.rename(state / "trash", state / "previous")
        else:
            disk.remove_tree(state / "trash")
    disk.remove_tree(_staging(folder))
    disk.sync_folder(state)  # all of it, before the journal that would do it again can be gone
    disk.remove(state / "journal")
    with suppress(DiskError):  # should the journal come back, all this is done again; it is no failed update
        disk.sync_folder(state)


# ---------------------------------------------------------------- journal and paths


def _record(fields: dict[str, Any]) -> bytes:
    text = json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _read(journal: Path) -> list[dict[str, Any]]:
    """The whole records, none when the first (PREPARED) is torn. What was torn after it is skipped."""
    lines = [_parse(line) for line in journal.read_bytes().split(b"\n")]
    return [record for record in lines if record is not None] if lines[0] is not None else []


def _parse(line: bytes) -> dict[str, Any] | None:
    crc, _, text = line.partition(b" ")
    if crc != b"%08x" % zlib.crc32(text):
        return None
    record = json.loads(text)
    assert isinstance(record, dict)
    return record


def _staging(folder: Path) -> Path:
    return folder / STATE / "staging"


def _find(folder: Path, path: str) -> Path | None:
    """``path`` below ``folder`` when it is there and none of its parents is a link or file."""
    with suppress(DiskError):
        found = disk.inside(folder, path)
        return found if os.path.lexists(found) else None
    return None


def _sync_folders(root: Path, paths: Iterable[str]) -> None:
    """Sync every folder from ``root`` down to those that hold ``paths``."""
    folders = {root}
    for path in paths:
        folders.update((root / path).parents)
    for folder in sorted(f for f in folders if f.is_relative_to(root) and f.is_dir()):
        disk.sync_folder(folder)

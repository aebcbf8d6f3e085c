"""Staged files become the installed release, all or nothing, even if the machine stops at any point.

    PREPARE  check everything that could fail; fsync the staged files, then staging; write the journal, fsync
             (the point of no return)
    COMMIT   old files → trash, fsync; remove what is in the way; make folders, fsync; staged files over old ones;
             remove the rest of the old files; fsync every changed folder
    DONE     say so in the journal, fsync; swap the documents in; trash becomes ``previous``; remove the journal
    RECOVER  no whole PREPARED record: the old tree is untouched, and staging is kept. PREPARED: repeat COMMIT.
             DONE: repeat the rest of DONE

Each operation can be repeated after any part of it was done: an old file is only removed while the file in trash is the
same inode, and only replaced while its successor is still in staging. Trash is durable before anything is replaced, so
"not in trash" means "not begun". While a journal exists the title must not be played.
"""

import errno
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from patcher import beneath, disk
from patcher.beneath import Beneath
from patcher.content import paths
from patcher.errors import Cancelled, DiskError, Unfinished
from patcher.install import journal, trials
from patcher.install.conflicts import Conflicts
from patcher.install.folder import InstallFolder
from patcher.install.journal import ForeignJournal, Operations
from patcher.install.registry import Installation, Registry
from patcher.install.scan import Watch

_SURE_LENGTH = 100
"""Names of ASCII of so many letters are held by every disk; the longest ones of eCryptfs have 143."""
_MEMORY_LOOKS, _MEMORY_PAUSE_S = 30, 0.1
"""Systems remember what was in a folder of a network or FUSE disk for a second or so."""
_SLACK_BYTES = 1 << 20
"""Folders and names need some space too."""
_HOPELESS = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EEXIST, errno.ENOTEMPTY, errno.EINVAL)
"""Errors caused by what is in a folder, not by the state of the disk: they occur at every try."""


@dataclass(frozen=True, slots=True)
class Change:
    """The operations of one commit. Paths are relative to the install folder, with ``/``."""

    folders: tuple[str, ...] = ()
    """Folders that exist afterwards."""
    place: tuple[tuple[str, str, bool], ...] = ()
    """Name in staging, path, executable. A staged file must have no second name."""
    links: tuple[tuple[str, str], ...] = ()
    """Path and target of symbolic links."""
    modes: tuple[tuple[str, bool], ...] = ()
    """Executable bits of files that stay."""
    remove: tuple[str, ...] = ()
    """Files and links of ours to remove."""
    remove_folders: tuple[str, ...] = ()
    """Folders of ours to remove if they are empty, deepest first."""
    meta: tuple[tuple[str, str], ...] = ()
    """Name in staging and path below ``.shoal`` of the documents that change; the name is empty for those to remove."""


def commit(
    folder: InstallFolder,
    change: Change,
    keep_bytes: int | None,
    note_journal: Callable[[bytes], None] = lambda _: None,
    watch: Watch = lambda *_: None,
) -> None:
    """Make ``change`` in the install ``folder``. Replaced files are kept in ``.shoal/previous`` if they have at most
    ``keep_bytes``; None: the release stays the same, and so does the release before.

    ``note_journal`` takes the digest of a large journal before it is written; `recover` needs it again. ``watch`` is
    called at each step of a file that is placed or leaves its place, in all with its size. Raises Cancelled, DiskError:
    disk.in_the_way, disk.denied, disk.read_only, disk.in_use, disk.full, disk.volume, disk.unsuitable, disk.failed
    while nothing was changed; Unfinished once the journal stands: `recover` then goes on.
    """
    if pending(folder):
        raise Unfinished("An earlier update is not finished.", path=str(folder.path))
    folder.check()
    operations = _check(folder, change, keep_bytes)
    record = journal.prepared(operations)
    if disk.free_bytes(folder.path) < len(record) + _SLACK_BYTES:
        raise DiskError("disk.full", f"No room for the journal in {folder.path}.", path=str(folder.path))
    with _interruptible(folder):
        _sync_staged(folder, change, operations, watch)
        if len(record) > journal.LARGE_BYTES:
            note_journal(journal.digest(record))
        _begin(folder, record)
        _go_on(folder, operations, _heedless(watch), done=False)


def _heedless(watch: Watch) -> Watch:
    """The same past the point of no return, where it is too late to cancel."""

    def heedless(name: str, count: int) -> None:
        with suppress(Cancelled):
            watch(name, count)

    return heedless


def check_disk(folder: InstallFolder, change: Change) -> None:
    """Raises DiskError when the disk cannot take ``change``: disk.volume for a folder of it that is another volume,
    disk.unsuitable for a name. `commit` checks it too, but before a download it costs less.
    """
    own = (folder.staging, folder.trash, folder.previous_folder)
    described = (folder.current.manifests_folder, folder.current.layers_folder)
    missing = [path for path in change.folders if not beneath.is_folder(folder.root / path)]
    new = [*missing, *(path for _, path, _ in change.place), *(path for path, _ in change.links)]
    touched = {path.rpartition("/")[0] for path in (*new, *change.remove, *change.remove_folders)}
    touched.update(change.remove_folders)
    for each in (folder.state, *filter(beneath.is_folder, (*own, *described)), *_folders(folder, touched)):
        disk.check_same_volume(folder.root, each)
    if names := {name for path in new for name in path.split("/") if len(name) > _SURE_LENGTH or not name.isascii()}:
        disk.make_folder(folder.staging)
        for name in sorted(names):
            trials.check_name(folder.staging / name)


def recover(folder: InstallFolder, known_journal: bytes = b"") -> bool:
    """Finish a commit that was interrupted; True when there was one past the point of no return.

    Otherwise the old release is untouched and staging is kept. May itself be interrupted and called again.
    Raises Unfinished, ForeignJournal; DiskError (disk.in_the_way) before anything is changed.
    """
    if not pending(folder):
        return False
    folder.check()
    with _interruptible(folder):
        found = journal.read(folder.journal, known_journal)
        if not found and beneath.exists(folder.trash):  # which is empty until the journal is whole
            raise ForeignJournal(folder.journal, "it is damaged, and what it began is not known")
        if not found:
            disk.remove(folder.journal)
            disk.sync_folder(folder.state)
            return False
        operations, done = found
        disk.sync_file(folder.journal)  # read from memory perhaps: it must be on disk before anything relies on it
        disk.sync_folder(folder.state)
        _go_on(folder, operations, done=done)
    return True


def recover_locked(folder: InstallFolder, title: str, registry: Registry) -> None:
    """Finish an interrupted commit in a folder that the caller has locked. Raises like `recover`.

    The files count as verified only when the next job has looked at them.
    """
    if pending(folder):
        registry.note_seen(title, {})
        recover(folder, registry.journal(title))


def recover_install(install: Installation, registry: Registry, home: Path, *, forget_foreign: bool = False) -> None:
    """Finish an interrupted commit of an install. ``home`` is that of our engine.

    ``forget_foreign``: remove a journal that cannot be followed, because all files will be scanned. Raises BusyError
    when another Shoal is at work there, DiskError, ForeignJournal.
    """
    if pending(install.folder):
        with install.folder.locked(home) as mine, beneath.kept_open():
            try:
                recover_locked(mine, install.title, registry)
            except DiskError as error:
                if not forget_foreign or not is_permanent(error):
                    raise
                forget(mine)


def is_permanent(error: DiskError) -> bool:
    """Whether `recover` would always fail so: the journal is foreign, or files that it names are gone or in the way."""
    cause: BaseException | None = error
    while isinstance(cause, DiskError) and not isinstance(cause, ForeignJournal):
        cause = cause.__cause__
    return isinstance(cause, ForeignJournal) or (isinstance(cause, OSError) and cause.errno in _HOPELESS)


def forget(folder: InstallFolder) -> None:
    """Remove a journal that cannot be followed. The folder must be scanned afterwards. Raises DiskError."""
    disk.remove_tree(folder.journal)
    disk.sync_folder(folder.state)


def pending(folder: InstallFolder) -> bool:
    """Whether a journal exists: `recover` first, no play."""
    return beneath.exists(folder.journal)


def changes_nothing(folder: InstallFolder, change: Change) -> bool:
    """Whether all is in place already. A commit would drop the previous release for nothing."""
    if any((change.place, change.links, change.modes, change.remove, change.remove_folders)):
        return False
    if not all(beneath.is_folder(folder.root / path) for path in change.folders):
        return False
    return all(staged and _equal(folder.staging / staged, folder.state / path) for staged, path in change.meta)


def _equal(staged: Beneath, document: Beneath) -> bool:
    mine, found = beneath.status(staged), beneath.status(document)
    if mine is None or found is None or not beneath.is_file(document) or mine.st_size != found.st_size:
        return False
    return beneath.read(document, found.st_size) == beneath.read(staged, mine.st_size)


@contextmanager
def unfinished() -> Iterator[None]:
    """Turn a DiskError into Unfinished, once the new release is in place: the command is kept, and does the rest."""
    try:
        yield
    except DiskError as error:
        raise _unfinished(error) from error


# ---------------------------------------------------------------- prepare


def _check(folder: InstallFolder, change: Change, keep_bytes: int | None) -> Operations:
    """Check everything that could make the commit fail, before anything changes."""
    _check_names(change)
    check_disk(folder, change)
    for name in _staged_files(change):
        staged = beneath.status(folder.staging / name)
        if staged is None or not beneath.is_own(staged):
            raise DiskError("disk.failed", f"{name} was not staged as a file of its own.", path=name)
    conflicts = Conflicts(folder.root, change.remove)
    links = [(f"link-{i}", path) for i, (path, to) in enumerate(change.links) if not conflicts.is_link(path, to)]
    place = [(name, path) for name, path, _ in change.place] + links
    for path in change.folders:
        conflicts.need_folder(path)
    for _, path in place:
        conflicts.need_file(path)
    for path, _ in change.modes:
        conflicts.need_kept(path)
    first, last = conflicts.removed()
    first_folders, last_folders = conflicts.removed_folders(change.remove_folders)
    operations = Operations(
        keep_previous=keep_bytes is not None and conflicts.old_bytes <= keep_bytes,
        old=tuple(conflicts.old),
        documents=tuple(folder.current.names()),
        first=tuple(first),
        first_folders=tuple(first_folders),
        folders=tuple(conflicts.folders),
        place=tuple(place),
        modes=change.modes,
        last=tuple(last),
        last_folders=tuple(last_folders),
        meta=change.meta,
        same_release=keep_bytes is None,
    )
    for touched in (folder.state, *_folders(folder, operations.changed_folders)):
        disk.check_writable(touched)
    return operations


def _check_names(change: Change) -> None:
    """Refuse unsafe names once more: the readers of manifests did, but a journal must never hold one."""
    places = [path for _, path, _ in change.place] + [path for path, _ in (*change.links, *change.modes)]
    meta = [path for _, path in change.meta]
    journal.check_paths((*places, *change.folders, *change.remove, *change.remove_folders, *meta))


def _staged_files(change: Change) -> list[str]:
    return [name for name, _, _ in change.place] + [name for name, _ in change.meta if name]


def _sync_staged(folder: InstallFolder, change: Change, operations: Operations, watch: Watch) -> None:
    """Stage the links, set the executable bits, and make all staged files durable: those of earlier jobs may not be."""
    disk.make_folder(folder.staging)
    targets = dict(change.links)
    for staged, path in operations.place:
        if path in targets:
            if beneath.exists(folder.staging / staged):
                disk.remove(folder.staging / staged)
            disk.symlink(targets[path], folder.staging / staged)
    for staged, _, executable in change.place:
        disk.set_executable(folder.staging / staged, executable)
    files = [folder.staging / staged for staged in _staged_files(change)]
    placed = {staged for staged, _, _ in change.place}

    def synced(name: str, size_bytes: int) -> None:
        watch(name, _first_half(size_bytes) if name in placed else size_bytes)

    disk.sync_all(folder.staging, files, [folder.staging], synced)


def _begin(folder: InstallFolder, record: bytes) -> None:
    """Write the journal, after everything that it relies on is durable, the folders above it included."""
    disk.remove_tree(folder.trash)
    for above in (folder.state, folder.root, folder.path.parent):
        disk.sync_folder(above)
    disk.create(folder.journal, record)
    disk.sync_folder(folder.state)


# ---------------------------------------------------------------- commit


def _go_on(folder: InstallFolder, operations: Operations, watch: Watch = lambda *_: None, *, done: bool) -> None:
    if not done:
        _keep_old(folder, operations, watch)
        _swap(folder, operations, watch)
        _sync_swapped(folder, operations)
        disk.append(folder.journal, journal.DONE)
    _finish(folder, operations)


@contextmanager
def _interruptible(folder: InstallFolder) -> Iterator[None]:
    """While a journal exists, report every DiskError as an unfinished commit."""
    try:
        with beneath.translated(folder.root):
            yield
    except ForeignJournal:
        raise
    except DiskError as error:
        if not pending(folder):
            raise
        raise _unfinished(error) from error


def _unfinished(error: DiskError) -> Unfinished:
    """The same error once the journal stands, or the new release is in place."""
    return Unfinished(f"The update is not finished: {error.message}", **error.facts)


def _keep_old(folder: InstallFolder, operations: Operations, watch: Watch) -> None:
    """Give every old file a second name in trash; move it there if the disk has no hard links."""
    files = [(folder.root / path, folder.trash_files / path) for path in operations.old]
    documents = [(folder.state / path, folder.trash / path) for path in operations.documents]
    disk.make_folder(folder.trash)
    for _, kept in (*files, *documents):
        disk.make_folder(kept.parent)
    inner = [kept for _, kept in (*files, *documents)]
    leaving = {folder.root / path for path in (*operations.first, *operations.last)}
    _sync_folders(folder.state, inner)  # or a file moved into one could be lost with it
    for old, kept in files:
        found = beneath.status(old)
        size_bytes, is_left = found.st_size if found else 0, old not in leaving
        if found and not beneath.exists(kept) and not disk.link(old, kept):
            disk.rename(old, kept)
            is_left = True
        watch(old.name, size_bytes if is_left else _first_half(size_bytes))
    for document, kept in documents:
        if not beneath.exists(kept) and not disk.link(document, kept):
            disk.write_atomic(kept, beneath.read(document))
    _sync_folders(folder.state, inner)


def _swap(folder: InstallFolder, operations: Operations, watch: Watch) -> None:
    _drop(folder, operations.first, operations.first_folders, watch)
    _settle(folder, operations)
    folders = [folder.root / path for path in operations.folders]
    for each in folders:
        disk.make_folder(each)
    _sync_folders(folder.root, folders)
    for staged, path in operations.place:
        if found := beneath.status(folder.staging / staged):
            disk.rename(folder.staging / staged, folder.root / path)
            watch(path, 0 if stat.S_ISLNK(found.st_mode) else found.st_size - _first_half(found.st_size))
    for path, executable in operations.modes:
        if beneath.is_file(folder.root / path):
            disk.set_executable(folder.root / path, executable)
    _drop(folder, operations.last, operations.last_folders, watch)


def _first_half(size_bytes: int) -> int:
    """What the first of two steps counts of a file; the second one counts the rest."""
    return size_bytes // 2


def _drop(folder: InstallFolder, paths: Iterable[str], folders: Iterable[str], watch: Watch) -> None:
    for path in paths:
        old, kept = (beneath.status(where) for where in (folder.root / path, folder.trash_files / path))
        if old and kept and old.st_ino and os.path.samestat(old, kept):  # where files have no numbers, all have 0
            disk.remove(folder.root / path)
            watch(path, old.st_size - _first_half(old.st_size))
    for path in folders:
        old_folder = folder.root / path
        if beneath.is_folder(old_folder) and not beneath.entries(old_folder):
            disk.remove_folder(old_folder)


def _settle(folder: InstallFolder, operations: Operations) -> None:
    """Wait until no folder that went seems to be there under its new spelling.

    Systems remember what they saw of network and FUSE disks for a second. What is there without being listed is such a
    memory, if it is not there under the old spelling either.
    """
    new = {paths.fold(path): folder.root / path for path in operations.folders}
    gone = [path for path in operations.first_folders if not beneath.exists(folder.root / path)]
    for place in (new[fold] for path in gone if (fold := paths.fold(path)) in new):
        for _ in range(_MEMORY_LOOKS):
            if not beneath.exists(place) or place.name in dict(beneath.entries(place.parent)):
                break
            time.sleep(_MEMORY_PAUSE_S)


def _sync_swapped(folder: InstallFolder, operations: Operations) -> None:
    kept = [folder.root / path for path, _ in operations.modes if beneath.is_file(folder.root / path)]
    disk.sync_all(folder.root, kept, [folder.staging, *_folders(folder, operations.changed_folders)])


# ---------------------------------------------------------------- done


def _finish(folder: InstallFolder, operations: Operations) -> None:
    documents = [(staged, folder.state / path) for staged, path in operations.meta]
    new = [document for staged, document in documents if staged]
    for document in new:
        disk.make_folder(document.parent)
    _sync_folders(folder.state, new)  # or a document moved into one could be lost with it
    for staged, document in documents:
        if not staged and beneath.exists(document):
            disk.remove(document)
        elif staged and beneath.exists(folder.staging / staged):
            _put(folder.staging / staged, document)
    if beneath.is_folder(folder.staging):
        disk.sync_folder(folder.staging)
    _sync_folders(folder.state, [document for _, document in documents])
    _clear_trash(folder, operations)
    disk.remove_tree(folder.staging)
    disk.sync_folder(folder.state)  # all of it, before the journal that would do it again can be gone
    disk.remove(folder.journal)
    with suppress(DiskError):  # should the journal come back, all this is done again; it is no failed update
        disk.sync_folder(folder.state)


def _clear_trash(folder: InstallFolder, operations: Operations) -> None:
    if not beneath.exists(folder.trash):
        return
    if not operations.same_release:
        disk.remove_tree(folder.previous.folder)
    if operations.keep_previous:
        disk.rename(folder.trash, folder.previous.folder)
    else:
        disk.remove_tree(folder.trash)


def _put(staged: Beneath, document: Beneath) -> None:
    if beneath.is_folder(document):
        disk.remove_tree(document)  # whose it is cannot be asked past the point of no return
    disk.rename(staged, document)


# ---------------------------------------------------------------- folders


def _folders(folder: InstallFolder, paths: Iterable[str]) -> list[Beneath]:
    """Those of the ``paths`` that are folders; the empty path is the install folder."""
    found = (folder.root / path if path else folder.root for path in sorted(paths))
    return [each for each in found if beneath.is_folder(each)]


def _sync_folders(root: Beneath, inner: Iterable[Beneath]) -> None:
    """Sync every folder from ``root`` down to those that hold the ``inner`` paths."""
    folders = {root}
    for path in inner:
        folder = path.parent
        while folder not in folders:
            folders.add(folder)
            folder = folder.parent
    found = [folder for folder in sorted(folders, key=lambda each: each.relative) if beneath.is_folder(folder)]
    disk.sync_all(root, [], found)

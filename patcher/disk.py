"""The only module that changes files. Every change is a step with a name.

`hook` is called *before* each step, so that a crash test can number the steps and kill the process at any of them, and
a model can record them. Steps and their arguments:

    make_folder(path) · create(path) · resize(path, size_bytes) · write(path, offset, data) · mode(path, permissions)
    copy(source, source_offset, path, offset, length) · symlink(target, path) · link(source, path)
    rename(source, path) · remove(path) · remove_folder(path) · sync_file(path) · sync_folder(path) · sync_volume(path)

The limits of a disk (no hard links, no modes, no fsync of a folder, no replacing of a file in use) are found by trying,
not by the name of the system. Every function raises DiskError, with the fact ``path``, instead of OSError. No function
follows a link in the last component of a path, nor any link on the way to a `beneath.Beneath`.
"""

import errno
import os
import shutil
import stat
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from patcher import beneath, volumes, windows
from patcher.beneath import Beneath, Where, held, path_of, translated
from patcher.closing import Closing
from patcher.windows import patiently

hook: Callable[[str, tuple[object, ...]], None] | None = None

_SYNC = os.O_RDWR if os.name == "nt" else os.O_RDONLY
"""Windows can flush only a handle that may write; elsewhere a running program cannot be opened for writing."""

_NOT_HELD = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""Errors of links and modes that a disk cannot hold, or only no more of."""
_NO_PRIVILEGE = 1314
"""Windows: ordinary accounts make no symbolic links."""
_NOTHING = "-" * 256
"""A name so long that no file has it."""
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EOPNOTSUPP)
_NO_RANGE_COPY = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_COPY_BYTES = 1 << 20
_MANY = 64
_LARGE_BYTES = 1 << 20
"""`sync_all` syncs more than so many at once, but each file of this size by itself, so that progress is seen."""
DAMAGED = ".damaged"
"""Behind the name of a file that was set aside."""
_DEEP = 128
"""Twice the depth that a release may have."""


def _step(name: str, *arguments: object) -> None:
    """Call the hook, with paths as they are now."""
    if hook is not None:
        hook(name, tuple(each.path if isinstance(each, Beneath) else each for each in arguments))


def _unprotect(name: str) -> None:
    """Clear the read-only attribute of Windows, where such a file can be neither removed nor replaced."""
    with suppress(OSError):
        if not os.lstat(name).st_mode & stat.S_IWRITE:
            _step("mode", Path(name), stat.S_IWRITE)
            os.chmod(name, stat.S_IWRITE)


# ---------------------------------------------------------------- permissions and space


def free_bytes(folder: Path) -> int:
    """Free bytes on the volume of ``folder``, which need not exist yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    with translated(folder):
        return shutil.disk_usage(folder).free


def is_same_volume(one: Path, other: Path) -> bool:
    """Whether files in these two folders, which need not exist yet, share their free space."""
    places = [next(each for each in (path, *path.parents) if each.exists()) for path in (one, other)]
    with translated(one):
        return places[0].stat().st_dev == places[1].stat().st_dev


def check_writable(folder: Where) -> None:
    """Raises DiskError (disk.read_only, disk.denied) when names in ``folder`` cannot be changed."""
    with translated(folder), held(folder) as (name, above):
        if sys.platform == "win32":
            windows.check_may_add(name)
        elif not os.access(name, os.W_OK | os.X_OK, dir_fd=above):
            read_only = os.statvfs(path_of(folder)).f_flag & os.ST_RDONLY
            raise OSError(errno.EROFS if read_only else errno.EACCES, "This folder may not be changed")


def check_replaceable(where: Where) -> None:
    """Raises DiskError (disk.in_use, …) when the system refuses to rename ``where``: a file of a running game."""
    with translated(where), held(where) as (name, folder):  # changes nothing, but needs the rights of a rename
        patiently(lambda: os.replace(name, name, src_dir_fd=folder, dst_dir_fd=folder))


def check_same_volume(folder: Where, other: Where) -> None:
    """Raises DiskError (disk.volume) when no file of one folder can be renamed into the other.

    Volumes that are parts of one, as those of btrfs, have numbers of their own. A second mount of the same one has not,
    but there even a rename of nothing fails so.
    """
    nothing, other_nothing = folder / _NOTHING, other / _NOTHING
    with translated(other), held(nothing) as (name, above), held(other_nothing) as (other_name, other_above):
        is_same = _device(folder) == _device(other)
        try:
            os.rename(name, other_name, src_dir_fd=above, dst_dir_fd=other_above)
        except OSError as error:
            is_same = is_same and error.errno != errno.EXDEV
        if not is_same:
            raise OSError(errno.EXDEV, "Lies on another volume")


def _device(folder: Where) -> int | None:
    found = beneath.status(folder)
    return found.st_dev if found else None


# ---------------------------------------------------------------- folders and names


def make_folder(where: Where) -> None:
    """Create a folder and its missing parents. Durable once the parent of each is synced.

    Raises DiskError: disk.in_the_way when a link or file below a base is in the way.
    """
    missing: list[Where] = []
    while not _is_folder(where):
        missing.append(where)
        where = where.parent
        if isinstance(where, Beneath) and not where.relative:
            where = where.base.path
    for folder in reversed(missing):
        _make(folder)


def _make(folder: Where) -> None:
    with translated(folder), held(folder) as (name, above):
        _step("make_folder", folder)
        with suppress(FileExistsError):
            patiently(lambda: os.mkdir(name, dir_fd=above))
        if not _is_folder(folder):
            raise OSError(errno.ELOOP, "A link or a file stands where a folder must be")


def _is_folder(where: Where) -> bool:
    return where.is_dir() if isinstance(where, Path) else beneath.is_folder(where)


def rename(source: Where, where: Where) -> None:
    """Rename atomically, replacing any file that is there. Durable once both folders are synced."""
    _step("rename", source, where)
    with translated(where), held(source) as (old, old_folder), held(where) as (new, new_folder):
        patiently(lambda: os.replace(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder), new, _unprotect)
    beneath.changed(source)
    beneath.changed(where)


def set_aside(where: Where) -> str:
    """Keep a damaged file, or what stands in its place, beside it, durably. Returns its new name, ``NAME.damaged``.

    There are nine such names; the last one is used again.
    """
    names = [where.name + DAMAGED, *(f"{where.name}{DAMAGED}.{number}" for number in range(2, 10))]
    name = next((name for name in names if not beneath.exists(where.parent / name)), names[-1])
    remove_tree(where.parent / name)
    rename(where, where.parent / name)
    sync_folder(where.parent)
    return name


def link(source: Where, where: Where) -> bool:
    """Give a file (or a link itself) a second name. False when the disk or system has no hard links: rename or copy it.

    Always False on Windows, where a running program cannot be replaced by a second name but can be renamed.
    """
    if os.name == "nt":
        return False
    _step("link", source, where)
    with translated(where), held(source) as (old, old_folder), held(where) as (new, new_folder):
        try:
            os.link(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder, follow_symlinks=False)
        except OSError as error:
            if not _is_not_held(error):
                raise
            return False
    return True


def symlink(target: str, where: Where) -> bool:
    """Create a symbolic link. False when the disk or the account has none. Raises DiskError when something is there."""
    _step("symlink", target, where)
    with translated(where), held(where) as (name, folder):
        try:
            os.symlink(target, name, dir_fd=folder)
        except OSError as error:
            if not _is_not_held(error):
                raise
            return False
    return True


def _is_not_held(error: OSError) -> bool:
    return error.errno in _NOT_HELD or getattr(error, "winerror", None) == _NO_PRIVILEGE


def remove(where: Where) -> None:
    """Remove a file or link. Raises DiskError when it is missing."""
    _step("remove", where)
    with translated(where), held(where) as (name, folder):
        patiently(lambda: os.unlink(name, dir_fd=folder), name, _unprotect)


def remove_folder(where: Where) -> None:
    """Remove an empty folder."""
    _step("remove_folder", where)
    with translated(where), held(where) as (name, folder):
        patiently(lambda: os.rmdir(name, dir_fd=folder), name, _unprotect)
    beneath.folder_removed()


def remove_tree(where: Where) -> None:
    """Remove a folder and everything below it. Links are removed, not followed. A missing folder is no error.

    Each use walks from the base, so folders deeper than any of a release are first moved to the top.
    """
    found = beneath.status(where)
    if found is not None and not beneath.is_folder(where):
        remove(where)
    folders = [where] if found is not None and beneath.is_folder(where) else []
    for folder in folders:  # grows meanwhile: a deep tree needs no deep stack
        for name, each in beneath.entries(folder):
            inner = folder / name
            if stat.S_ISDIR(each.st_mode) and beneath.is_folder(inner):
                folders.append(_raised(inner, where, len(folders)))
            else:
                remove(inner)
    for folder in reversed(folders):
        remove_folder(folder)


def _raised(folder: Where, top: Where, number: int) -> Where:
    """The folder, moved to directly below ``top`` if it was deep."""
    if len(path_of(folder).parts) - len(path_of(top).parts) <= _DEEP:
        return folder
    while beneath.exists(top / f"deep.{number}"):
        number += 1
    rename(folder, top / f"deep.{number}")
    return top / f"deep.{number}"


def set_executable(where: Where, on: bool) -> None:
    """Set or clear the executable bit of everyone who may read the file. Needs `sync_file`.

    No-op on Windows and on disks that keep no modes.
    """
    if os.name == "nt":
        return
    with translated(where), beneath.opened(where, os.O_RDONLY) as descriptor:
        mode = stat.S_IMODE(beneath.own(descriptor).st_mode)
        wanted = mode | (mode & 0o444) >> 2 if on else mode & ~0o111
        if wanted != mode:
            _set_mode(where, descriptor, wanted)


def set_private(folder: Where) -> None:
    """Close a folder to other users (mode 0700; on Windows, by its access list, unless it is private as in a profile).

    No-op on disks that keep neither.
    """
    if sys.platform == "win32":
        name = windows.system_path(path_of(folder))
        with suppress(OSError):
            if not windows.is_private(name):
                windows.make_private(name)
        return
    with translated(folder), _opened_folder(folder) as descriptor:
        if descriptor is not None and stat.S_IMODE(os.fstat(descriptor).st_mode) != 0o700:
            _set_mode(folder, descriptor, 0o700)


def _set_mode(where: Where, descriptor: int, mode: int) -> None:
    _step("mode", where, mode)
    try:
        os.fchmod(descriptor, mode)
    except OSError as error:
        if not _is_not_held(error):
            raise


# ---------------------------------------------------------------- durability


def sync_file(where: Where) -> None:
    """Make a file's bytes and mode durable (fsync), but not its name."""
    with translated(where), beneath.opened(where, _SYNC) as descriptor:
        _step("sync_file", where)
        os.fsync(descriptor)


def sync_folder(where: Where) -> None:
    """Make the names in a folder durable. No-op on disks that cannot (Windows, some network disks)."""
    with translated(where), _opened_folder(where) as descriptor:
        if descriptor is not None:
            _step("sync_folder", where)
            try:
                os.fsync(descriptor)
            except OSError as error:
                if error.errno not in _NO_FOLDER_SYNC:
                    raise


def sync_all(
    base: Where, files: Iterable[Where], folders: Iterable[Where], watch: Callable[[str, int], None] = lambda *_: None
) -> None:
    """`sync_file` each of the files and `sync_folder` each of the folders, all below the folder ``base``.

    Many are made durable by one sync of their volume where that is as safe (Linux). ``watch`` is called with the name
    and size of each file. When this returns, all is durable; until then, nothing has to be.
    """
    syncs = [*((sync_file, each) for each in files), *((sync_folder, each) for each in folders)]
    left = []
    with translated(base), _opened_folder(base) as volume:
        at_once = len(syncs) > _MANY and volume is not None and volumes.has_sync(volume)
        device = os.fstat(volume).st_dev if at_once and volume is not None else -1
        for sync, where in syncs:
            found = beneath.status(where)
            size_bytes = found.st_size if found and sync is sync_file else 0
            if found and found.st_dev == device and size_bytes < _LARGE_BYTES:
                left.append((where, size_bytes))
            else:
                sync(where)
                watch(where.name, size_bytes)
        if left and volume is not None:
            _step("sync_volume", base)
            volumes.sync(volume)
    for where, size_bytes in left:
        watch(where.name, size_bytes)


@contextmanager
def _opened_folder(where: Where) -> Iterator[int | None]:
    """A descriptor; None on Windows, which opens no folders, and for a folder that we may write but not read."""
    descriptor = None
    with suppress(PermissionError):
        if isinstance(where, Beneath):
            descriptor = beneath.open_descriptor(where, os.O_RDONLY)
        else:  # the player's own folders may be links
            descriptor = os.open(where, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


# ---------------------------------------------------------------- bytes


class Staged(Closing):
    """A file of known size that is written in any order, also by several threads. Durable after `sync`.

    An existing file keeps its bytes and is resized to ``size_bytes``; ranges not written yet read as zeros. Raises
    DiskError (disk.in_the_way) for a link or a file with a second name.
    """

    def __init__(self, where: Where, size_bytes: int) -> None:
        self.path = path_of(where)
        self._lock = threading.Lock()
        with translated(where):
            if not beneath.exists(where):
                _step("create", where)
            descriptor = beneath.open_descriptor(where, os.O_RDWR | os.O_CREAT)
            self._file = FileIO(descriptor, "r+")
            try:
                if beneath.own(descriptor).st_size != size_bytes:
                    _step("resize", where, size_bytes)
                    _resize(self._file, size_bytes)
            except BaseException:
                self._file.close()
                raise

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Write ``data`` at ``offset``."""
        _step("write", self.path, offset, data)
        with translated(self.path), self._lock:
            self._file.seek(offset)
            _write_all(self._file.fileno(), data)

    def read(self, offset: int, length: int) -> bytes:
        """Read ``length`` bytes at ``offset``; fewer only at the end of the file."""
        with translated(self.path), self._lock:
            self._file.seek(offset)
            return self._file.read(length)

    def copy(self, source: int, source_offset: int, offset: int, length: int) -> bool:
        """Have the system copy from an open descriptor, sharing blocks if it can. False when it cannot copy."""
        if not hasattr(os, "copy_file_range"):
            return False
        while length:
            try:
                copied = os.copy_file_range(source, self._file.fileno(), length, source_offset, offset)
            except OSError as error:
                if error.errno not in _NO_RANGE_COPY:
                    raise
                return False
            if not copied:
                raise OSError(errno.EIO, "The source ended early")
            source_offset, offset, length = source_offset + copied, offset + copied, length - copied
        return True

    def sync(self) -> None:
        """Make the bytes durable. The name needs `sync_folder`."""
        _step("sync_file", self.path)
        with translated(self.path):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def copy_range(source: FileIO, source_offset: int, staged: Staged, offset: int, length: int) -> None:
    """Copy bytes between files, in the kernel where the system can (reflink, copy_file_range).

    ``source`` is an unbuffered file that was opened by its path. Raises DiskError (disk.failed) when it ends early.
    """
    _step("copy", Path(source.name), source_offset, staged.path, offset, length)
    with translated(staged.path):
        if staged.copy(source.fileno(), source_offset, offset, length):
            return
        source.seek(source_offset)
        while length:
            data = source.read(min(length, _COPY_BYTES))
            if not data:
                raise OSError(errno.EIO, "The source ended early")
            staged.write(offset, data)
            offset, length = offset + len(data), length - len(data)


def write_atomic(where: Where, data: bytes, mode: int = 0o644) -> None:
    """Replace a file's content atomically and durably: write a new file, fsync, rename, fsync the folder.

    The new file is named like the old one plus ``.new``, so a crash leaves at most one. A path may have one writer.
    A folder that stands in the file's place is set aside.
    """
    new = where.parent / (where.name + ".new")
    if beneath.exists(new):
        remove_tree(new)
    if beneath.is_folder(where):
        set_aside(where)
    _put(new, 0, data, os.O_EXCL, mode)
    rename(new, where)
    sync_folder(where.parent)


def create(where: Where, data: bytes, *, is_synced: bool = True) -> None:
    """Write a new file, durably or for `sync_all`. Its name needs `sync_folder`. Raises DiskError if it exists."""
    _put(where, 0, data, os.O_EXCL, 0o644, is_synced=is_synced)


def append(where: Where, data: bytes) -> None:
    """Append to a file durably, creating it if it is missing. A new file's name needs `sync_folder`."""
    found = beneath.status(where)
    _put(where, found.st_size if found else 0, data, os.O_APPEND, 0o644)


def _put(where: Where, offset: int, data: bytes, flag: int, mode: int, *, is_synced: bool = True) -> None:
    with translated(where):
        if flag == os.O_EXCL or not beneath.exists(where):
            _step("create", where)
        descriptor = beneath.open_descriptor(where, os.O_WRONLY | os.O_CREAT | flag, mode)
        try:
            if flag != os.O_EXCL:
                beneath.own(descriptor)
            _step("write", where, offset, data)
            _write_all(descriptor, data)
            if is_synced:
                _step("sync_file", where)
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _resize(file: FileIO, size_bytes: int) -> None:
    if sys.platform == "win32":
        windows.set_size(file.fileno(), size_bytes)  # its C library would write every zero of a file that grows
    else:
        file.truncate(size_bytes)


def _write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[os.write(descriptor, rest) :]

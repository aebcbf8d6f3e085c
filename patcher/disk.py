"""The one door to files that change: every call is a durable, nameable step.

Each mutating step is announced to `hook` *before* it is done, so that a crash test can number the steps and kill the
process at any of them, and a model can record them. Steps and their arguments:

    make_folder(path) · create(path) · resize(path, size_bytes) · write(path, offset, data) · mode(path, permissions)
    copy(source, source_offset, path, offset, length) · symlink(target, path) · link(source, path)
    rename(source, path) · remove(path) · remove_folder(path) · sync_file(path) · sync_folder(path)

What a disk cannot do (hard links, fsync of a folder, replacing a file in use) is found by trying, not by asking for the
system's name. Every OSError leaves as a DiskError with the fact ``path``. Nothing here follows a link in the last
component of a path, and none at all on the way to a `beneath.Beneath`.
"""

import errno
import os
import shutil
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from patcher import beneath
from patcher.beneath import Beneath, Where, held, path_of, translated

hook: Callable[[str, tuple[object, ...]], None] | None = None

_SYNC = os.O_RDWR if os.name == "nt" else os.O_RDONLY
"""Windows flushes only through a handle that may write; elsewhere a running program cannot be opened for writing."""

_PATIENCE_S = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Virus scanners and indexers open new files for a moment; a player's program stays longer than this."""
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EOPNOTSUPP)
_NO_RANGE_COPY = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_COPY_BYTES = 1 << 20
_DEEP = 128
"""Twice as deep as a release goes."""


def _step(name: str, *arguments: object) -> None:
    """Tell the hook; paths as they are now."""
    if hook is not None:
        hook(name, tuple(each.path if isinstance(each, Beneath) else each for each in arguments))


def _patiently(call: Callable[[], None]) -> None:
    for pause_s in _PATIENCE_S:
        try:
            return call()
        except OSError as error:
            if not beneath.is_sharing(error):
                raise
        time.sleep(pause_s)
    return call()


# ---------------------------------------------------------------- what may be written


def free_bytes(folder: Path) -> int:
    """Bytes that may still be written to the volume of ``folder``, which need not exist yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    with translated(folder):
        return shutil.disk_usage(folder).free


def check_writable(folder: Where) -> None:
    """Raises DiskError (disk.read_only, disk.denied) when no name in ``folder`` can be changed."""
    with translated(folder), held(folder) as (name, above):
        if os.access(name, os.W_OK | os.X_OK, dir_fd=above):
            return
        read_only = os.statvfs(path_of(folder)).f_flag & os.ST_RDONLY
        raise OSError(errno.EROFS if read_only else errno.EACCES, "This folder may not be changed")


def check_replaceable(where: Where) -> None:
    """Raises DiskError (disk.in_use, …) when the system would not let it be renamed: a running game's files."""
    with translated(where), held(where) as (name, folder):  # changes nothing, but needs what a rename needs
        _patiently(lambda: os.replace(name, name, src_dir_fd=folder, dst_dir_fd=folder))


# ---------------------------------------------------------------- folders and names


def make_folder(where: Where) -> None:
    """Make a folder and those above where missing. Not durable before each one's parent is synced.

    Raises DiskError: disk.in_the_way when a link or file stands beneath a base where a folder must be.
    """
    missing: list[Where] = []
    while not _is_folder(where):
        missing.append(where)
        where = where.parent
        if isinstance(where, Beneath) and not where.name:
            where = where.base.path
    for folder in reversed(missing):
        with translated(folder), held(folder) as (name, above):
            _step("make_folder", folder)
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=above)
            if not _is_folder(folder):
                raise OSError(errno.ELOOP, "A link or a file stands where a folder must be")


def _is_folder(where: Where) -> bool:
    return where.is_dir() if isinstance(where, Path) else beneath.is_folder(where)


def rename(source: Where, where: Where) -> None:
    """Move one name over another, at once. Not durable before both folders are synced."""
    _step("rename", source, where)
    with translated(where), held(source) as (old, old_folder), held(where) as (new, new_folder):
        _patiently(lambda: os.replace(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder))
    beneath.changed(source)
    beneath.changed(where)


def link(source: Where, where: Where) -> bool:
    """Give a file (or link, itself) a second name. False when this disk or system has none: rename or copy it then.

    On Windows always False: a second name would not let a running program be replaced, renaming it away does.
    """
    if os.name == "nt":
        return False
    _step("link", source, where)
    with translated(where), held(source) as (old, old_folder), held(where) as (new, new_folder):
        try:
            os.link(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return False
    return True


def symlink(target: str, where: Where) -> None:
    """Make a symbolic link, where nothing may stand."""
    _step("symlink", target, where)
    with translated(where), held(where) as (name, folder):
        os.symlink(target, name, dir_fd=folder)


def remove(where: Where) -> None:
    """Remove a file or link. A missing one is an error."""
    _step("remove", where)
    with translated(where), held(where) as (name, folder):
        _patiently(lambda: os.unlink(name, dir_fd=folder))


def remove_folder(where: Where) -> None:
    """Remove an empty folder."""
    _step("remove_folder", where)
    with translated(where), held(where) as (name, folder):
        _patiently(lambda: os.rmdir(name, dir_fd=folder))
    beneath.changed(where)


def remove_tree(where: Where) -> None:
    """Remove a folder and all below it, following no link: where one stands it goes itself. A missing one is fine.

    Each use walks down from the base, so folders that are deeper than any of ours are first moved to the top.
    """
    found = beneath.status(where)
    if found is not None and not beneath.is_folder(where):
        remove(where)
    folders = [where] if found is not None and beneath.is_folder(where) else []
    for folder in folders:  # grows as we go: deep trees need no deep stack
        for name, each in beneath.entries(folder):
            inner = folder / name
            if stat.S_ISDIR(each.st_mode) and beneath.is_folder(inner):
                folders.append(_raised(inner, where, len(folders)))
            else:
                remove(inner)
    for folder in reversed(folders):
        remove_folder(folder)


def _raised(folder: Where, top: Where, number: int) -> Where:
    """The same folder, right below ``top`` if it was deep."""
    if len(path_of(folder).parts) - len(path_of(top).parts) <= _DEEP:
        return folder
    while beneath.exists(top / f"deep.{number}"):
        number += 1
    rename(folder, top / f"deep.{number}")
    return top / f"deep.{number}"


def set_executable(where: Where, on: bool) -> None:
    """Let those who may read a file run it, or nobody. Durable after `sync_file`. Does nothing on Windows."""
    if os.name == "nt":
        return
    with translated(where):
        descriptor = beneath.open_descriptor(where, os.O_RDONLY)
        try:
            mode = stat.S_IMODE(beneath.own(descriptor).st_mode)
            wanted = mode | (mode & 0o444) >> 2 if on else mode & ~0o111
            if wanted != mode:
                _step("mode", where, wanted)
                os.fchmod(descriptor, wanted)
        finally:
            os.close(descriptor)


def set_private(folder: Where) -> None:
    """Let nobody else into a folder. Does nothing on Windows, where a profile's folders are private."""
    if os.name == "nt":
        return
    with translated(folder):
        descriptor = _open_folder(folder)
        if descriptor is None:
            return
        try:
            if stat.S_IMODE(os.fstat(descriptor).st_mode) != 0o700:
                _step("mode", folder, 0o700)
                os.fchmod(descriptor, 0o700)
        finally:
            os.close(descriptor)


# ---------------------------------------------------------------- durability


def sync_file(where: Where) -> None:
    """Make a file's bytes and mode durable (fsync), not its name."""
    with translated(where):
        descriptor = beneath.open_descriptor(where, _SYNC)
        try:
            _step("sync_file", where)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_folder(where: Where) -> None:
    """Make the names in a folder durable. A disk that cannot (Windows, some network disks) orders them itself."""
    with translated(where):
        descriptor = _open_folder(where)
        if descriptor is None:
            return
        try:
            _step("sync_folder", where)
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise
        finally:
            os.close(descriptor)


def _open_folder(where: Where) -> int | None:
    """None where Windows opens no folder, and elsewhere for one that we may write but not read."""
    try:
        if isinstance(where, Beneath):
            return beneath.open_descriptor(where, os.O_RDONLY)
        return os.open(where, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))  # folders of the player's own may be links
    except PermissionError:
        return None


# ---------------------------------------------------------------- bytes


class Staged:
    """A file of known size that is filled in any order, from several threads if need be. Not durable before `sync`.

    An existing file keeps its bytes and is brought to ``size_bytes``; unwritten ranges read as zeros. A link, or a file
    with a second name, is not written: raises DiskError (disk.in_the_way).
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
                    self._file.truncate(size_bytes)
            except BaseException:
                self._file.close()
                raise

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Put ``data`` at ``offset``."""
        _step("write", self.path, offset, data)
        with translated(self.path), self._lock:
            self._file.seek(offset)
            _write_all(self._file.fileno(), data)

    def read(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes at ``offset``; fewer only at the end."""
        with translated(self.path), self._lock:
            self._file.seek(offset)
            return self._file.read(length)

    def copy(self, source: int, source_offset: int, offset: int, length: int) -> bool:
        """Let the system copy from an open descriptor, sharing blocks where it can. False when it cannot."""
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
        """Make the bytes durable; the name needs `sync_folder`."""
        _step("sync_file", self.path)
        with translated(self.path):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def copy_range(source: FileIO, source_offset: int, staged: Staged, offset: int, length: int) -> None:
    """Copy bytes between files, without passing them through Python where the system can (reflink, copy_file_range).

    ``source`` is a file opened unbuffered by its path. Raises DiskError (disk.failed) when it ends early.
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
    """Replace a file's content, all or nothing, durably: new file beside it, fsync, rename, fsync of the folder.

    One writer a path at a time: the new file's name is that of the old with ``.new``, so that a crash leaves no second.
    """
    new = where.parent / (beneath.name_of(where) + ".new")
    if beneath.exists(new):
        remove(new)
    _put(new, 0, data, os.O_EXCL, mode)
    rename(new, where)
    sync_folder(where.parent)


def create(where: Where, data: bytes) -> None:
    """Write a file where nothing stands, durably. Its name needs `sync_folder`."""
    _put(where, 0, data, os.O_EXCL, 0o644)


def append(where: Where, data: bytes) -> None:
    """Add to the end of a file, made when missing, durably. A new file's name needs `sync_folder`."""
    found = beneath.status(where)
    _put(where, found.st_size if found else 0, data, os.O_APPEND, 0o644)


def _put(where: Where, offset: int, data: bytes, flag: int, mode: int) -> None:
    with translated(where):
        if not beneath.exists(where):
            _step("create", where)
        descriptor = beneath.open_descriptor(where, os.O_WRONLY | os.O_CREAT | flag, mode)
        try:
            beneath.own(descriptor)
            _step("write", where, offset, data)
            _write_all(descriptor, data)
            _step("sync_file", where)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[os.write(descriptor, rest) :]

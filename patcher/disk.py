"""The one door to files that change: every call is a durable, nameable step.

Each mutating step is announced to `hook` *before* it is done, so that a crash test can number the steps and kill the
process at any of them, and a model can record them. Steps and their arguments:

    make_folder(path) · create(path) · resize(path, size_bytes) · write(path, offset, data) · mode(path, permissions)
    copy(source, source_offset, path, offset, length) · symlink(target, path) · link(source, path)
    rename(source, path) · remove(path) · remove_folder(path) · sync_file(path) · sync_folder(path)

What a disk cannot do (hard links, fsync of a folder, replacing a file in use) is found by trying, not by asking for the
system's name. Every OSError leaves as a DiskError with the fact ``path``. Nothing here follows a link in the last
component of a path; `inside` looks after the others.
"""

import errno
import os
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from patcher.errors import DiskError

hook: Callable[[str, tuple[object, ...]], None] | None = None

_OPEN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_SYNC = os.O_RDWR if os.name == "nt" else os.O_RDONLY
"""Windows flushes only through a handle that may write; elsewhere a running program cannot be opened for writing."""

_CODES = {
    errno.ENOSPC: "disk.full",
    errno.EDQUOT: "disk.full",
    errno.EROFS: "disk.read_only",
    errno.EACCES: "disk.denied",
    errno.EPERM: "disk.denied",
    errno.ETXTBSY: "disk.in_use",
    errno.EBUSY: "disk.in_use",
    errno.ELOOP: "disk.in_the_way",
}
_SHARING = (32, 33)
"""Windows: ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION, which Python shows as a PermissionError."""
_PATIENCE_S = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Virus scanners and indexers open new files for a moment; a player's program stays longer than this."""
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EOPNOTSUPP)
_NO_RANGE_COPY = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_COPY_BYTES = 1 << 20


def _step(name: str, *arguments: object) -> None:
    if hook is not None:
        hook(name, arguments)


# ---------------------------------------------------------------- errors


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn an OSError about ``path`` into a DiskError. For readers too: reading needs no door, but the same errors."""
    try:
        yield
    except OSError as error:
        code = "disk.in_use" if _is_sharing(error) else _CODES.get(error.errno or 0, "disk.failed")
        raise DiskError(code, f"{path}: {error.strerror or error}.", path=str(path)) from error


def _is_sharing(error: OSError) -> bool:
    return getattr(error, "winerror", None) in _SHARING


def _patiently(call: Callable[[], None]) -> None:
    for pause_s in _PATIENCE_S:
        try:
            return call()
        except OSError as error:
            if not _is_sharing(error):
                raise
        time.sleep(pause_s)
    return call()


# ---------------------------------------------------------------- where we may write


def inside(root: Path, relative: str) -> Path:
    """``root / relative``, sure to lie below ``root``: no parent is a link, no component leads up.

    The last component may be anything or missing. Raises DiskError (disk.in_the_way).
    """
    parts = relative.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise DiskError("disk.in_the_way", f"{relative!r} is no path below {root}.", path=relative)
    path = root
    for part in parts[:-1]:
        path = path / part
        if path.is_symlink():
            raise DiskError("disk.in_the_way", f"{path} is a link where a folder must be.", path=str(path))
    return path / parts[-1]


def free_bytes(folder: Path) -> int:
    """Bytes that may still be written to the volume of ``folder``, which need not exist yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    with translated(folder):
        return shutil.disk_usage(folder).free


def check_writable(folder: Path) -> None:
    """Raises DiskError (disk.read_only, disk.denied) when no name in ``folder`` can be changed."""
    if os.access(folder, os.W_OK | os.X_OK):
        return
    with translated(folder):
        read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
        raise OSError(errno.EROFS if read_only else errno.EACCES, "This folder may not be changed")


def check_replaceable(path: Path) -> None:
    """Raises DiskError (disk.in_use, …) when the system would not let ``path`` be renamed: a running game's files."""
    with translated(path):
        _patiently(lambda: os.replace(path, path))  # changes nothing, but needs what a rename needs


# ---------------------------------------------------------------- folders and names


def make_folder(path: Path) -> None:
    """Make ``path`` and its parents where missing. Not durable before each one's parent is synced."""
    missing = [path]
    while not missing[-1].parent.is_dir():
        missing.append(missing[-1].parent)
    for folder in reversed(missing):
        with translated(folder):
            if not folder.is_dir():
                _step("make_folder", folder)
                with suppress(FileExistsError):
                    os.mkdir(folder)


def rename(source: Path, path: Path) -> None:
    """Move one name over another, at once. Not durable before both folders are synced."""
    _step("rename", source, path)
    with translated(path):
        _patiently(lambda: os.replace(source, path))


def link(source: Path, path: Path) -> bool:
    """Give a file (or link, itself) a second name. False when this disk or system has none: rename or copy it then.

    On Windows always False: a second name would not let a running program be replaced, renaming it away does.
    """
    if os.name == "nt":
        return False
    _step("link", source, path)
    with translated(path):
        try:
            os.link(source, path, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return False
    return True


def symlink(target: str, path: Path) -> None:
    """Make a symbolic link at ``path``, which must be free."""
    _step("symlink", target, path)
    with translated(path):
        os.symlink(target, path)


def remove(path: Path) -> None:
    """Remove a file or link. A missing one is an error."""
    _step("remove", path)
    with translated(path):
        _patiently(lambda: os.unlink(path))


def remove_folder(path: Path) -> None:
    """Remove an empty folder."""
    _step("remove_folder", path)
    with translated(path):
        _patiently(lambda: os.rmdir(path))


def remove_tree(folder: Path) -> None:
    """Remove a folder and all below it, following no link. A missing one is fine."""
    with translated(folder):
        if not os.path.lexists(folder):
            return
        with os.scandir(folder) as found:
            entries = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in found)
    for name, is_folder in entries:
        if is_folder:
            remove_tree(folder / name)
        else:
            remove(folder / name)
    remove_folder(folder)


def set_executable(path: Path, on: bool) -> None:
    """Let those who may read a file run it, or nobody. Durable after `sync_file`. Does nothing on Windows."""
    with translated(path):
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.ELOOP, "Not a regular file")
        mode = stat.S_IMODE(status.st_mode)
        wanted = mode | (mode & 0o444) >> 2 if on else mode & ~0o111
        _set_mode(path, mode, wanted)


def set_private(folder: Path) -> None:
    """Let nobody else into a folder. Does nothing on Windows, where a profile's folders are private."""
    with translated(folder):
        _set_mode(folder, stat.S_IMODE(os.lstat(folder).st_mode), 0o700)


def _set_mode(path: Path, mode: int, wanted: int) -> None:
    if wanted != mode and os.name != "nt":
        _step("mode", path, wanted)
        os.chmod(path, wanted)


# ---------------------------------------------------------------- durability


def sync_file(path: Path) -> None:
    """Make a file's bytes and mode durable (fsync), not its name."""
    with translated(path):
        descriptor = os.open(path, _SYNC | _OPEN)
        try:
            _step("sync_file", path)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable. A disk that cannot (Windows, some network disks) orders them itself."""
    with translated(path):
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except PermissionError:
            return  # Windows opens no folder; elsewhere a folder we may write but not read: nothing better to do
        try:
            _step("sync_folder", path)
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise
        finally:
            os.close(descriptor)


# ---------------------------------------------------------------- bytes


class Staged:
    """A file of known size that is filled in any order, from several threads if need be. Not durable before `sync`.

    An existing file keeps its bytes and is brought to ``size_bytes``; unwritten ranges read as zeros.
    """

    def __init__(self, path: Path, size_bytes: int) -> None:
        self.path = path
        self._lock = threading.Lock()
        with translated(path):
            if not os.path.lexists(path):
                _step("create", path)
            self._file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | _OPEN, 0o666), "r+")
            try:
                if os.fstat(self._file.fileno()).st_size != size_bytes:
                    _step("resize", path, size_bytes)
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


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace a file's content, all or nothing, durably: new file beside it, fsync, rename, fsync of the folder.

    One writer a path at a time: the new file's name is ``path`` with ``.new``, so that a crash leaves no second one.
    """
    new = path.with_name(path.name + ".new")
    if os.path.lexists(new):
        remove(new)
    _put(new, 0, data, os.O_EXCL, mode)
    rename(new, path)
    sync_folder(path.parent)


def append(path: Path, data: bytes) -> None:
    """Add to the end of a file, made when missing, durably. A new file's name needs `sync_folder`."""
    size_bytes = path.lstat().st_size if os.path.lexists(path) else 0
    _put(path, size_bytes, data, os.O_APPEND, 0o644)


def _put(path: Path, offset: int, data: bytes, flag: int, mode: int) -> None:
    with translated(path):
        if not os.path.lexists(path):
            _step("create", path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flag | _OPEN, mode)
        try:
            _step("write", path, offset, data)
            _write_all(descriptor, data)
            _step("sync_file", path)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[os.write(descriptor, rest) :]

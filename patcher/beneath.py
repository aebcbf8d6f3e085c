"""Paths below a folder in which other programs may write, above all an install folder.

A `Beneath` is a name below a base folder with the meaning that openat2(2) gives RESOLVE_BENEATH and
RESOLVE_NO_SYMLINKS. Each use walks from the base folder to the file, one component at a time, and follows no link.
The folder that was checked is the one that stays open, so a link that is swapped in later cannot lead outside. On
Windows, handles keep the folders on the way from being renamed. Functions also take a plain `Path` for folders that
only the player can write (the home): links in its parents are followed, a link in its last component never is.
"""

import errno
import os
import stat
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from itertools import accumulate
from pathlib import Path

from patcher import windows
from patcher.errors import DiskError
from patcher.windows import open_patiently, system_path

_BY_DESCRIPTOR = os.open in os.supports_dir_fd
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_OPEN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_SEPARATORS = "/\\:\0" if os.name == "nt" else "/\0"
"""Characters that no name may contain. On Windows a backslash or a drive in a name would lead elsewhere."""
_MAX_OPEN = 64
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_READ_LIMIT_BYTES = 64 << 20
_GROWN_BYTES = 1 << 16
_DESCRIPTORS = "/proc/self/fd"
_LIST, _SHARED, _EXISTING, _FOLDER_ITSELF = 0x1, 0x3, 3, 0x02200000
"""Arguments of CreateFile: access that counts for sharing; others may read and write but not rename; the folder must
exist; open folders, and links themselves instead of their targets."""

_CODES = {
    errno.ENOSPC: "disk.full",
    errno.EDQUOT: "disk.full",
    errno.EROFS: "disk.read_only",
    errno.EACCES: "disk.denied",
    errno.EPERM: "disk.denied",
    errno.ETXTBSY: "disk.in_use",
    errno.EBUSY: "disk.in_use",
    errno.ELOOP: "disk.in_the_way",
    errno.EISDIR: "disk.in_the_way",
    errno.ENXIO: "disk.in_the_way",  # a socket or device in place of a file
    errno.EXDEV: "disk.volume",
    errno.EFBIG: "disk.unsuitable",
    errno.EREMOTE: "disk.cloud",
}


@dataclass(frozen=True, slots=True)
class Base:
    """A folder that the player chose, and its identity when it was first seen. Links that lead to it are followed."""

    path: Path
    identity: tuple[int, int] | None = None
    """Device and inode; None while the folder does not exist."""

    @classmethod
    def of(cls, path: Path) -> "Base":
        """The base at ``path``, with the identity of the folder that is there now."""
        with suppress(OSError):
            found = os.stat(path)
            return cls(path, _identity(found) if stat.S_ISDIR(found.st_mode) else None)
        return cls(path)

    def made(self) -> "Base":
        """The same base after its folder was created. Raises OSError (ELOOP) when a link or file is there instead."""
        found = os.lstat(self.path)
        if not _is_real_folder(found):
            raise OSError(errno.ELOOP, "A link was put here meanwhile")
        return Base(self.path, _identity(found))

    def check(self, found: os.stat_result) -> None:
        """Raises OSError (ELOOP) when ``found`` is not the folder that was first seen."""
        if self.identity is not None and self.identity != _identity(found):
            raise OSError(errno.ELOOP, "Another folder was put here meanwhile")


@dataclass(frozen=True, slots=True)
class Beneath:
    """A path below a base folder, or the base itself. The operator ``/`` joins names and checks them."""

    base: Base
    relative: str = ""
    """Names joined by ``/``; empty for the base."""

    def __truediv__(self, name: str) -> "Beneath":
        """A path further down. Raises DiskError (disk.in_the_way) for a name that could lead outside."""
        parts = name.split("/")
        if any(part in ("", ".", "..") or not set(part).isdisjoint(_SEPARATORS) for part in parts):
            raise DiskError("disk.in_the_way", f"{name!r} is no path below {self.path}.", path=name)
        return Beneath(self.base, f"{self.relative}/{name}" if self.relative else name)

    def __str__(self) -> str:
        """The path, for messages."""
        return str(self.path)

    @property
    def path(self) -> Path:
        """The path now, for messages and for the steps that tests record. Do not open it: that would follow links."""
        return self.base.path / self.relative

    @property
    def parent(self) -> "Beneath":
        """The folder above."""
        return Beneath(self.base, self.relative.rpartition("/")[0])

    @property
    def name(self) -> str:
        """The last component; empty for the base."""
        return self.relative.rpartition("/")[2]


Where = Path | Beneath


def below(folder: Path) -> Beneath:
    """``folder`` as the base of paths below it."""
    return Beneath(Base.of(folder))


def path_of(where: Where) -> Path:
    """The path, for messages."""
    return where.path if isinstance(where, Beneath) else where


# ---------------------------------------------------------------- errors


@contextmanager
def translated(where: Where | str) -> Iterator[None]:
    """Turn an OSError into a DiskError with the fact ``path``."""
    try:
        yield
    except OSError as error:
        code = windows.CODES.get(getattr(error, "winerror", 0)) or _CODES.get(error.errno or 0, "disk.failed")
        raise DiskError(code, f"{where}: {error.strerror or error}.", path=str(where)) from error


# ---------------------------------------------------------------- holding


@contextmanager
def held(where: Where) -> Iterator[tuple[str, int | None]]:
    """The last component and a descriptor of its folder, for calls that take ``dir_fd``.

    Raises OSError: ELOOP when a component on the way is a link or not a folder.
    """
    if isinstance(where, Path):
        yield system_path(where), None
    elif _thread.folders is not None:
        yield where.name or ".", _thread.folders.folder(where)
    elif _BY_DESCRIPTOR:
        folder = _open_folder(where.base, where.relative.split("/")[:-1])
        try:
            yield where.name or ".", folder
        finally:
            os.close(folder)
    else:
        with _pinned(where.base, where.relative.split("/")[:-1]):
            yield system_path(where.path), None


class _FolderCache:
    """The folders that were used last, kept open for the next use."""

    def __init__(self) -> None:
        self._folders: dict[tuple[Base, str], int] = {}
        self._above: set[str] = set()

    def folder(self, where: Beneath) -> int:
        """A descriptor of the folder that holds ``where``."""
        name = where.relative.rpartition("/")[0]
        found = self._folders.pop((where.base, name), None)
        if found is None:
            found = _open_folder(where.base, name.split("/") if name else [])
            self._above.update(accumulate(name.split("/"), lambda above, part: f"{above}/{part}"))
            if len(self._folders) == _MAX_OPEN:
                os.close(self._folders.pop(next(iter(self._folders))))
        self._folders[where.base, name] = found
        return found

    def changed(self, where: Where) -> None:
        """Forget the folders below ``where``, which may be another folder from now on."""
        if isinstance(where, Beneath) and where.relative in self._above:
            self.close()

    def close(self) -> None:
        for descriptor in self._folders.values():
            os.close(descriptor)
        self._folders.clear()
        self._above.clear()

    def __del__(self) -> None:
        self.close()


class _Thread(threading.local):
    folders: _FolderCache | None = None


_thread = _Thread()


def keep_open() -> None:
    """Cache open folders until this thread ends, which saves most of the walking.

    A folder that another program moves meanwhile stays the one that is used. Do not call this in a thread that outlives
    a job: a drive with an open folder cannot be ejected.
    """
    if _BY_DESCRIPTOR:
        _thread.folders = _FolderCache()


@contextmanager
def kept_open() -> Iterator[None]:
    """`keep_open` until the end of the ``with`` block."""
    before = _thread.folders
    keep_open()
    try:
        yield
    finally:
        if _thread.folders is not None:
            _thread.folders.close()
        _thread.folders = before


def changed(where: Where) -> None:
    """Must be called after ``where`` was renamed or replaced, if it may have been a folder."""
    if _thread.folders is not None:
        _thread.folders.changed(where)


def folder_removed() -> None:
    """Must be called after a folder was removed: where case is ignored, it may be open under another spelling."""
    if _thread.folders is not None:
        _thread.folders.close()


def _open_folder(base: Base, parts: list[str]) -> int:
    folder = os.open(base.path, _FOLDER)
    try:
        base.check(os.fstat(folder))
        for part in parts:
            try:
                inner = os.open(part, _FOLDER | _NO_LINK, dir_fd=folder)
            except NotADirectoryError as error:
                raise OSError(errno.ELOOP, f"{part} is a link or a file where a folder must be") from error
            os.close(folder)
            folder = inner
    except BaseException:
        os.close(folder)
        raise
    return folder


@contextmanager
def _pinned(base: Base, parts: list[str]) -> Iterator[None]:
    """Hold a handle of every folder on the way, so that none can be replaced meanwhile."""
    path = base.path
    with ExitStack() as handles:
        handles.callback(_close_handle, _open_handle(path))
        base.check(os.stat(system_path(path)))
        for part in parts:
            path = path / part
            handles.callback(_close_handle, _open_handle(path))
            if not _is_real_folder(os.lstat(system_path(path))):
                raise OSError(errno.ELOOP, f"{part} is a link or a file where a folder must be")
        yield


def _open_handle(path: Path) -> int:
    if sys.platform == "win32":
        import _winapi

        return _winapi.CreateFile(system_path(path), _LIST, _SHARED, 0, _EXISTING, _FOLDER_ITSELF, 0)
    return 0  # a system with neither: a folder may be replaced after it was checked


def _close_handle(handle: int) -> None:
    if sys.platform == "win32":
        import _winapi

        _winapi.CloseHandle(handle)


def _is_reparsed(found: os.stat_result) -> bool:
    """Whether this is a link or junction of Windows. Placeholders of cloud files are not."""
    tag = getattr(found, "st_reparse_tag", 0)
    return bool(tag & 0x20000000)  # the "name surrogate" bit


def _is_real_folder(found: os.stat_result) -> bool:
    return stat.S_ISDIR(found.st_mode) and not _is_reparsed(found)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def open_descriptor(where: Where, flags: int, mode: int = 0o666) -> int:
    """`os.open` that follows no link, and waits a moment where Windows refuses. Raises OSError (ELOOP for a link)."""
    with held(where) as (name, folder):
        if not _NO_LINK:
            with suppress(FileNotFoundError):
                found = os.lstat(name)
                _refuse_link(found)
                _refuse_recalled(found)
        flags |= _OPEN | _NO_LINK
        return open_patiently(name, flags, lambda: os.open(name, flags, mode, dir_fd=folder))


@contextmanager
def opened(where: Where, flags: int, mode: int = 0o666) -> Iterator[int]:
    """`open_descriptor`, closed at the end of the ``with`` block."""
    descriptor = open_descriptor(where, flags, mode)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_own(found: os.stat_result) -> bool:
    """Whether this is a regular file with one name. A second hard link could be a file of the player's own."""
    return stat.S_ISREG(found.st_mode) and found.st_nlink <= 1  # 0 where the system did not count


def own(descriptor: int) -> os.stat_result:
    """The stat of a file that is open for writing. Raises OSError (ELOOP) unless it `is_own`."""
    found = os.fstat(descriptor)
    if not is_own(found):
        raise OSError(errno.ELOOP, "Not a file of its own")
    return found


def _refuse_link(found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode) or _is_reparsed(found):
        raise OSError(errno.ELOOP, "Is a link")


def _refuse_recalled(found: os.stat_result) -> None:
    """A file of OneDrive that is not here. To read it would download it, or fail without a connection."""
    if getattr(found, "st_file_attributes", 0) & windows.RECALLED:
        raise OSError(errno.EREMOTE, "Its bytes are with a cloud service, not on this drive")


class OpenFolders:
    """Folders held open for a library that can open files by path alone.

    On Linux the path goes through the open folder (``/proc/self/fd``), so it stays in that folder even if the folder is
    replaced; elsewhere it is the plain path. The folder itself must be writable by the player alone.
    """

    def __init__(self) -> None:
        self._folders: dict[Beneath, int] = {}

    def path(self, where: Where) -> str:
        """The path for the library, valid until `close`. Raises DiskError."""
        if isinstance(where, Path) or not _BY_DESCRIPTOR or not os.path.isdir(_DESCRIPTORS):
            return str(where)
        folder = where.parent
        if folder not in self._folders:
            with translated(folder):
                self._folders[folder] = open_descriptor(folder, os.O_RDONLY | os.O_DIRECTORY)
        return f"{_DESCRIPTORS}/{self._folders[folder]}/{where.name}"

    def close(self) -> None:
        """Close the folders. May be called twice."""
        for descriptor in self._folders.values():
            os.close(descriptor)
        self._folders.clear()


# ---------------------------------------------------------------- looking


def status(where: Where) -> os.stat_result | None:
    """The stat of ``where`` (of a link itself); None if it is missing or its path goes through a link or file."""
    try:
        with held(where) as (name, folder):
            return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        with translated(where):
            raise


def check_parents(where: Where) -> None:
    """Raises DiskError (disk.in_the_way) when a component on the way is a link or not a folder."""
    with translated(where), suppress(FileNotFoundError), held(where):
        pass


def exists(where: Where) -> bool:
    """Whether there is anything, including a dangling link."""
    return status(where) is not None


def is_file(where: Where) -> bool:
    """Whether this is a regular file."""
    found = status(where)
    return found is not None and stat.S_ISREG(found.st_mode)


def is_folder(where: Where) -> bool:
    """Whether this is a folder, and not a link to one."""
    found = status(where)
    return found is not None and _is_real_folder(found)


def link_target(where: Where) -> str | None:
    """The target of a link; None if this is not a link."""
    found = status(where)
    if found is None or not stat.S_ISLNK(found.st_mode):
        return None
    with translated(where), held(where) as (name, folder):
        return os.readlink(name, dir_fd=folder)


def entries(folder: Where) -> list[tuple[str, os.stat_result]]:
    """The names in a folder, sorted, each with its stat (of a link itself; on Windows without the number of its names).

    Empty when there is no such folder.
    """
    try:
        with _listed(folder) as listing, os.scandir(listing) as found:
            return sorted(_stats(found))
    except OSError as error:
        if error.errno in _ABSENT:
            return []
        with translated(folder):
            raise


def room_bytes(stat: os.stat_result) -> int:
    """The room that a file takes on its disk; half-written ones have holes."""
    return min(stat.st_size, getattr(stat, "st_blocks", stat.st_size) * 512)


def _stats(found: Iterable[os.DirEntry[str]]) -> Iterator[tuple[str, os.stat_result]]:
    for entry in found:
        with suppress(FileNotFoundError):  # removed since the folder was listed
            yield entry.name, entry.stat(follow_symlinks=False)


@contextmanager
def _listed(folder: Where) -> Iterator[int | str]:
    if isinstance(folder, Path):
        yield system_path(folder)
    elif _BY_DESCRIPTOR:
        with opened(folder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
            yield descriptor
    else:
        with held(folder) as (name, _):
            if folder.relative:
                _refuse_link(os.lstat(name))
            yield name


def open_file(where: Where) -> FileIO:
    """A regular file, open for reading without a buffer. Raises OSError (ELOOP if it is anything else)."""
    try:
        descriptor = open_descriptor(where, os.O_RDONLY)
    except PermissionError as error:  # what Windows says of a folder
        if is_folder(where):
            raise OSError(errno.ELOOP, "Not a regular file") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.ELOOP, "Not a regular file")
    return FileIO(str(where), "rb", opener=lambda *_: descriptor)


def read(where: Where, limit_bytes: int = _READ_LIMIT_BYTES) -> bytes:
    """All bytes of a regular file. Raises OSError (EFBIG if it has more than ``limit_bytes``)."""
    with open_file(where) as file:
        data, size = b"", os.fstat(file.fileno()).st_size
        while size <= limit_bytes and (more := file.read(size - len(data) + _GROWN_BYTES)):
            data += more
            size = max(size, len(data))
    if size > limit_bytes:
        raise OSError(errno.EFBIG, "Larger than it can be")
    return data

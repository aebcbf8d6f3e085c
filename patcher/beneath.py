"""Paths beneath a folder in which others may write: to look at, and to hold while `patcher.disk` changes something.

A `Beneath` is a name below an open folder, as openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS means it. Each use
walks down from the base folder, component by component, without following a link; what was checked is what is held
open, so nothing that others swap in meanwhile can lead out. On Windows the folders on the way are held by handles
that keep them from being renamed. A plain `Path` is taken too, for folders that are the player's alone (the home):
its parents are followed, its last component never is.
"""

import errno
import os
import stat
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from itertools import accumulate
from pathlib import Path

from patcher.errors import DiskError

_BY_DESCRIPTOR = os.open in os.supports_dir_fd
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_OPEN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_SEPARATORS = "/\\:\0" if os.name == "nt" else "/\0"
"""What no single name holds; on Windows a backslash or a drive in a name would lead elsewhere."""
_KEPT = 64
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_READ_LIMIT_BYTES = 64 << 20
_GROWN_BYTES = 1 << 16
_DESCRIPTORS = "/proc/self/fd"
_LIST, _SHARED, _EXISTING, _FOLDER_ITSELF = 0x1, 0x3, 3, 0x02200000
"""CreateFile: access that counts for sharing; others may read and write but not rename; folders, and a link itself."""

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
    errno.ENXIO: "disk.in_the_way",  # a socket or device stands where a file must be
}
_SHARING = (32, 33)
"""Windows: ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION, which Python shows as a PermissionError."""


@dataclass(frozen=True, slots=True)
class Base:
    """A folder that the player chose, whatever links lead there, and which one it was when we first looked."""

    path: Path
    identity: tuple[int, int] | None = None
    """Device and inode; None while there is no such folder."""

    @classmethod
    def of(cls, path: Path) -> "Base":
        """The folder that stands at ``path`` now, if one does."""
        with suppress(OSError):
            found = os.stat(path)
            return cls(path, _identity(found) if stat.S_ISDIR(found.st_mode) else None)
        return cls(path)

    def made(self) -> "Base":
        """The base once its folder was made. Raises OSError (ELOOP) when a link or file stands there instead."""
        found = os.lstat(self.path)
        if not stat.S_ISDIR(found.st_mode) or _is_reparsed(found):
            raise OSError(errno.ELOOP, "A link was put here meanwhile")
        return Base(self.path, _identity(found))

    def check(self, found: os.stat_result) -> None:
        """Raises OSError (ELOOP) when another folder stands there now."""
        if self.identity is not None and self.identity != _identity(found):
            raise OSError(errno.ELOOP, "Another folder was put here meanwhile")


@dataclass(frozen=True, slots=True)
class Beneath:
    """A path below a base folder; without a name, the base itself. Names are joined with ``/``, which checks them."""

    base: Base
    name: str = ""

    def __truediv__(self, name: str) -> "Beneath":
        """A path further down. Raises DiskError (disk.in_the_way) for a name that would lead elsewhere."""
        parts = name.split("/")
        if any(part in ("", ".", "..") or not set(part).isdisjoint(_SEPARATORS) for part in parts):
            raise DiskError("disk.in_the_way", f"{name!r} is no path below {self.path}.", path=name)
        return Beneath(self.base, f"{self.name}/{name}" if self.name else name)

    def __str__(self) -> str:
        """For messages."""
        return str(self.path)

    @property
    def path(self) -> Path:
        """Where this is now, for messages and for the steps that tests watch; opening it would follow links."""
        return self.base.path / self.name

    @property
    def parent(self) -> "Beneath":
        """The folder above."""
        return Beneath(self.base, self.name.rpartition("/")[0])

    @property
    def leaf(self) -> str:
        """The last component."""
        return self.name.rpartition("/")[2]


Where = Path | Beneath


def below(folder: Path) -> Beneath:
    """The folder itself, as the base of paths beneath it."""
    return Beneath(Base.of(folder))


def name_of(where: Where) -> str:
    """The last component."""
    return where.leaf if isinstance(where, Beneath) else where.name


def path_of(where: Where) -> Path:
    """The path as messages have it."""
    return where.path if isinstance(where, Beneath) else where


# ---------------------------------------------------------------- errors


@contextmanager
def translated(where: Where) -> Iterator[None]:
    """Turn an OSError about ``where`` into a DiskError with the fact ``path``."""
    try:
        yield
    except OSError as error:
        code = "disk.in_use" if is_sharing(error) else _CODES.get(error.errno or 0, "disk.failed")
        raise DiskError(code, f"{where}: {error.strerror or error}.", path=str(where)) from error


def is_sharing(error: OSError) -> bool:
    """Whether another program has the file open (Windows)."""
    return getattr(error, "winerror", None) in _SHARING


# ---------------------------------------------------------------- holding


@contextmanager
def held(where: Where) -> Iterator[tuple[str, int | None]]:
    """The name and the open folder it is in, as calls that take ``dir_fd`` want them. Raises OSError.

    ELOOP: a link, or another thing that is no folder, stands on the way.
    """
    if isinstance(where, Path):
        yield str(where), None
    elif (kept := getattr(_here, "kept", None)) is not None:
        yield where.leaf or ".", kept.folder(where)
    elif _BY_DESCRIPTOR:
        folder = _open_folder(where.base, where.name.split("/")[:-1])
        try:
            yield where.leaf or ".", folder
        finally:
            os.close(folder)
    else:
        with _kept_in_place(where.base, where.name.split("/")[:-1]):
            yield str(where.path), None


class _Kept:
    """Folders that stay open between two uses, the most recent ones."""

    def __init__(self) -> None:
        self._folders: dict[tuple[Base, str], int] = {}
        self._above: set[str] = set()

    def folder(self, where: Beneath) -> int:
        """The folder in which ``where`` is."""
        name = where.name.rpartition("/")[0]
        found = self._folders.pop((where.base, name), None)
        if found is None:
            found = _open_folder(where.base, name.split("/") if name else [])
            self._above.update(accumulate(name.split("/"), lambda above, part: f"{above}/{part}"))
            if len(self._folders) == _KEPT:
                os.close(self._folders.pop(next(iter(self._folders))))
        self._folders[where.base, name] = found
        return found

    def changed(self, where: Where) -> None:
        """The name may mean another folder from now on."""
        if isinstance(where, Beneath) and where.name in self._above:
            self.close()

    def close(self) -> None:
        for descriptor in self._folders.values():
            os.close(descriptor)
        self._folders.clear()
        self._above.clear()

    def __del__(self) -> None:
        self.close()


_here = threading.local()


def keep_open() -> None:
    """Keep the folders on the way open for the next use until this thread ends, which saves most of the walking.

    A folder that others move meanwhile is still the one that is used. Not for threads that outlive a job: a drive with
    an open folder cannot be taken out.
    """
    if _BY_DESCRIPTOR:
        _here.kept = _Kept()


@contextmanager
def kept_open() -> Iterator[None]:
    """`keep_open`, until the end of this."""
    before = getattr(_here, "kept", None)
    keep_open()
    try:
        yield
    finally:
        if now := getattr(_here, "kept", None):
            now.close()
        _here.kept = before


def changed(where: Where) -> None:
    """Call this after ``where``, which may have been a folder, was removed, renamed or replaced."""
    if kept := getattr(_here, "kept", None):
        kept.changed(where)


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
def _kept_in_place(base: Base, parts: list[str]) -> Iterator[None]:
    """Hold every folder on the way, so that none can be replaced while this lasts."""
    handles: list[int] = []
    path = base.path
    try:
        handles.append(_keep(path))
        base.check(os.stat(path))
        for part in parts:
            path = path / part
            handles.append(_keep(path))
            found = os.lstat(path)
            if not stat.S_ISDIR(found.st_mode) or _is_reparsed(found):
                raise OSError(errno.ELOOP, f"{part} is a link or a file where a folder must be")
        yield
    finally:
        for handle in reversed(handles):
            _let_go(handle)


def _keep(path: Path) -> int:
    if sys.platform == "win32":
        import _winapi

        return _winapi.CreateFile(str(path), _LIST, _SHARED, 0, _EXISTING, _FOLDER_ITSELF, 0)
    return 0  # a system without either way: what was looked at may be replaced


def _let_go(handle: int) -> None:
    if sys.platform == "win32":
        import _winapi

        _winapi.CloseHandle(handle)


def _is_reparsed(found: os.stat_result) -> bool:
    """Whether Windows would go elsewhere from here: a link or junction. Files kept in a cloud are what they seem."""
    tag = getattr(found, "st_reparse_tag", 0)
    return bool(tag & 0x20000000)  # the "name surrogate" bit


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def open_descriptor(where: Where, flags: int, mode: int = 0o666) -> int:
    """`os.open` that follows no link. Raises OSError: ELOOP for a link."""
    with held(where) as (name, folder):
        if not _NO_LINK:
            with suppress(FileNotFoundError):
                _refuse_link(os.lstat(name))
        return os.open(name, flags | _OPEN | _NO_LINK, mode, dir_fd=folder)


def is_own(found: os.stat_result) -> bool:
    """Whether this is a regular file without a second name, which might be a file of the player's own."""
    return stat.S_ISREG(found.st_mode) and found.st_nlink <= 1  # 0 where the system did not count


def own(descriptor: int) -> os.stat_result:
    """The stat of what is open to be written. Raises OSError (ELOOP) unless it `is_own`."""
    found = os.fstat(descriptor)
    if not is_own(found):
        raise OSError(errno.ELOOP, "Not a file of its own")
    return found


def _refuse_link(found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode) or _is_reparsed(found):
        raise OSError(errno.ELOOP, "Is a link")


class OpenFolders:
    """Folders held open for a library that opens files by their paths alone.

    On Linux such a path leads over the open folder (``/proc/self/fd``), so it stays in that folder whatever is put in
    its place; elsewhere it is the plain path. Nobody else may write in the folder itself.
    """

    def __init__(self) -> None:
        self._folders: dict[Beneath, int] = {}

    def path(self, where: Where) -> str:
        """The path to hand over, good until `close`. Raises DiskError."""
        if isinstance(where, Path) or not _BY_DESCRIPTOR or not os.path.isdir(_DESCRIPTORS):
            return str(where)
        folder = where.parent
        if folder not in self._folders:
            with translated(folder):
                self._folders[folder] = open_descriptor(folder, os.O_RDONLY | os.O_DIRECTORY)
        return f"{_DESCRIPTORS}/{self._folders[folder]}/{where.leaf}"

    def close(self) -> None:
        """Let go of the folders. A second call does nothing."""
        for descriptor in self._folders.values():
            os.close(descriptor)
        self._folders.clear()


# ---------------------------------------------------------------- looking


def status(where: Where) -> os.stat_result | None:
    """What stands there, a link itself; None for nothing, or when the way there leads over a link or file."""
    try:
        with held(where) as (name, folder):
            return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        with translated(where):
            raise


def check_way(where: Where) -> None:
    """Raises DiskError (disk.in_the_way) when a link, or another thing that is no folder, stands on the way there."""
    with translated(where), suppress(FileNotFoundError), held(where):
        pass


def exists(where: Where) -> bool:
    """Whether anything stands there, be it a link that leads nowhere."""
    return status(where) is not None


def is_file(where: Where) -> bool:
    """Whether a regular file stands there."""
    found = status(where)
    return found is not None and stat.S_ISREG(found.st_mode)


def is_folder(where: Where) -> bool:
    """Whether a folder stands there, and no link to one."""
    found = status(where)
    return found is not None and stat.S_ISDIR(found.st_mode) and not _is_reparsed(found)


def link_target(where: Where) -> str | None:
    """Where the link leads; None for what is no link."""
    found = status(where)
    if found is None or not stat.S_ISLNK(found.st_mode):
        return None
    with translated(where), held(where) as (name, folder):
        return os.readlink(name, dir_fd=folder)


def entries(folder: Where) -> list[tuple[str, os.stat_result]]:
    """The names in a folder, sorted, and what each is itself. Nothing when there is no such folder."""
    try:
        with _listed(folder) as listing, os.scandir(listing) as found:
            return sorted(_looked_at(found))
    except OSError as error:
        if error.errno in _ABSENT:
            return []
        with translated(folder):
            raise


def _looked_at(found: Iterable[os.DirEntry[str]]) -> Iterator[tuple[str, os.stat_result]]:
    for entry in found:
        with suppress(FileNotFoundError):  # it was removed as we came to it
            yield entry.name, entry.stat(follow_symlinks=False)


@contextmanager
def _listed(folder: Where) -> Iterator[int | str]:
    if isinstance(folder, Path):
        yield str(folder)
    elif _BY_DESCRIPTOR:
        descriptor = open_descriptor(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    else:
        with held(folder) as (name, _):
            if folder.name:
                _refuse_link(os.lstat(name))
            yield name


def open_file(where: Where) -> FileIO:
    """A regular file, open to read without a buffer. Raises OSError: ELOOP for anything else that stands there."""
    descriptor = open_descriptor(where, os.O_RDONLY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.ELOOP, "Not a regular file")
    return FileIO(str(where), "rb", opener=lambda *_: descriptor)


def read(where: Where, limit_bytes: int = _READ_LIMIT_BYTES) -> bytes:
    """All bytes of a regular file. Raises OSError: EFBIG for one that is larger than it can be."""
    with open_file(where) as file:
        data, size = b"", os.fstat(file.fileno()).st_size
        while size <= limit_bytes and (more := file.read(size - len(data) + _GROWN_BYTES)):
            data += more
            size = max(size, len(data))
    if size > limit_bytes:
        raise OSError(errno.EFBIG, "Larger than it can be")
    return data

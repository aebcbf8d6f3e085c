"""A disk as a player on Windows has it: no second names, no sync of folders, files in use refuse to be renamed, and
read-only ones to be replaced or removed.

What it says was seen under Wine: 32 (sharing violation) of a file that another program holds, 5 (access denied) of one
that stands where a new one is to go, of a running program, and of a read-only file. Of a file that was removed while
another program has it open the name is taken until that one lets go: 5 or 303 (delete pending) of what is to be there,
145 (not empty) of its folder. 33 (a locked range) is said of reading and writing alone; nobody locks our files.
"""

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from patcher import beneath, disk, windows

_DENIED, _SHARING_VIOLATION, _NOT_EMPTY, _DELETE_PENDING = 5, 32, 145, 303
_WRITES = os.O_WRONLY | os.O_RDWR
_RECALL_ON_DATA_ACCESS = 0x400000


@dataclass
class WindowsLike:
    """What others do with the files. Put in place of the system's calls by `take_over`."""

    held: dict[Path, int] = field(default_factory=dict)
    """Files open elsewhere, and how often they still refuse to be renamed or removed."""
    exclusive: set[Path] = field(default_factory=set)
    """Those of ``held`` that refuse to be opened, too."""
    running: set[Path] = field(default_factory=set)
    """Programs that run: they may be renamed away, not replaced."""
    recalled: set[Path] = field(default_factory=set)
    """Files whose bytes are with a cloud service."""
    removed: dict[Path, int] = field(default_factory=dict)
    """Names of files that were removed while others had them open, and how often they still refuse to be used."""
    is_scanned: bool = False
    """Whether a virus scanner opens each file that was written or moved, so that what comes next is refused once."""

    def take_over(self, put: Callable[[object, str, object], None]) -> None:
        """Stand between the door and the system. ``put`` sets an attribute: ``monkeypatch.setattr`` or ``setattr``."""
        ours = {
            "open": self._open, "replace": self._replace, "unlink": self._unlink, "mkdir": self._mkdir,
            "rmdir": self._rmdir, "link": _link, "copy_file_range": _copy_file_range,
        }  # fmt: skip
        put(disk, "os", SimpleNamespace(**{**vars(os), **ours}))
        put(beneath, "os", SimpleNamespace(**{**vars(os), "open": self._open, "lstat": self._lstat}))
        put(beneath, "_BY_DESCRIPTOR", False)
        put(beneath, "_NO_LINK", 0)
        if self.is_scanned:
            put(windows, "_PAUSES_S", (0.0,) * len(windows._PAUSES_S))

    def _open(self, name: str | Path, flags: int, mode: int = 0o777, **_: None) -> int:
        path = Path(name)
        self._refuse_removed(path)
        if path.is_dir():
            raise PermissionError(errno.EACCES, "Permission denied")
        if path in self.exclusive:
            self._refuse(path)
        descriptor = os.open(name, flags, mode)
        if flags & _WRITES:
            self._scan(path)
        return descriptor

    def _mkdir(self, name: str, mode: int = 0o777, **_: None) -> None:
        self._refuse_removed(Path(name))
        os.mkdir(name, mode)

    def _rmdir(self, name: str, **_: None) -> None:
        for path in [path for path in self.removed if path.parent == Path(name)]:
            self._refuse_removed(path, _NOT_EMPTY)
        os.rmdir(name)

    def _replace(self, old: str, new: str, **_: None) -> None:
        source, path = Path(old), Path(new)
        self._refuse(source)
        if source != path:
            self._refuse_removed(path, _DENIED)
            self._refuse(path, _DENIED)
            _refuse_read_only(path)
            if path in self.running:
                raise _refused(_DENIED)
        os.replace(source, path)
        self._scan(path)
        if source in self.running:
            self.running = self.running - {source} | {path}

    def _unlink(self, name: str, **_: None) -> None:
        self._refuse(Path(name))
        _refuse_read_only(Path(name))
        os.unlink(name)
        if self.is_scanned:
            self.removed[Path(name)] = 1

    def _scan(self, path: Path) -> None:
        if self.is_scanned and path.is_file():
            self.held[path] = 1
            self.exclusive.add(path)

    def _refuse_removed(self, path: Path, number: int = _DELETE_PENDING) -> None:
        if self.removed.get(path):
            self.removed[path] -= 1
            raise _refused(number)

    def _lstat(self, name: str | Path, **_: None) -> os.stat_result | SimpleNamespace:
        found = os.lstat(name)
        if not self.recalled or Path(name) not in self.recalled:
            return found
        fields = {field: getattr(found, field) for field in dir(found) if field.startswith("st_")}
        return SimpleNamespace(**{**fields, "st_file_attributes": _RECALL_ON_DATA_ACCESS})

    def _refuse(self, path: Path, number: int = _SHARING_VIOLATION) -> None:
        if self.held.get(path):
            self.held[path] -= 1
            raise _refused(number)


def _refuse_read_only(path: Path) -> None:
    if os.path.lexists(path) and not os.path.islink(path) and not os.lstat(path).st_mode & stat.S_IWRITE:
        raise _refused(_DENIED)


def _link(source: str, path: str, **_: bool | None) -> None:
    raise OSError(errno.ENOTSUP, "Not supported")


def _copy_file_range(*_: int) -> int:
    raise OSError(errno.ENOSYS, "Not implemented")


def _refused(number: int) -> PermissionError:
    error = PermissionError(errno.EACCES, "Access is denied, or the file is used by another process")
    error.winerror = number  # type: ignore[attr-defined]  # it is there on Windows only
    return error

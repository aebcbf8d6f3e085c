"""A disk as a player on Windows has it: no second names, no sync of folders, files in use refuse to be renamed, and
read-only ones to be replaced or removed.

What it says was seen under Wine: 32 of a file that another program holds, 5 (access denied) of one that stands where a
new one is to go, of a running program, and of a read-only file.
"""

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from patcher import beneath, disk

_DENIED, _SHARING_VIOLATION = 5, 32
_RECALL_ON_DATA_ACCESS = 0x400000


@dataclass
class WindowsLike:
    """What others do with the files. Put in place of the system's calls by `take_over`."""

    held: dict[Path, int] = field(default_factory=dict)
    """Files open elsewhere, and how often they still refuse to be renamed or removed."""
    running: set[Path] = field(default_factory=set)
    """Programs that run: they may be renamed away, not replaced."""
    recalled: set[Path] = field(default_factory=set)
    """Files whose bytes are with a cloud service."""

    def take_over(self, put: Callable[[object, str, object], None]) -> None:
        """Stand between the door and the system. ``put`` sets an attribute: ``monkeypatch.setattr`` or ``setattr``."""
        ours = {
            "open": _open, "replace": self._replace, "unlink": self._unlink, "link": _link,
            "copy_file_range": _copy_file_range,
        }  # fmt: skip
        put(disk, "os", SimpleNamespace(**{**vars(os), **ours}))
        put(beneath, "os", SimpleNamespace(**{**vars(os), "open": _open, "lstat": self._lstat}))
        put(beneath, "_BY_DESCRIPTOR", False)
        put(beneath, "_NO_LINK", 0)

    def _replace(self, old: str, new: str, **_: None) -> None:
        source, path = Path(old), Path(new)
        self._refuse(source)
        if source != path:
            self._refuse(path, _DENIED)
            _refuse_read_only(path)
            if path in self.running:
                raise _refused(_DENIED)
        os.replace(source, path)
        if source in self.running:
            self.running = self.running - {source} | {path}

    def _unlink(self, name: str, **_: None) -> None:
        self._refuse(Path(name))
        _refuse_read_only(Path(name))
        os.unlink(name)

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


def _open(name: str | Path, flags: int, mode: int = 0o777, **_: None) -> int:
    if os.path.isdir(name):
        raise PermissionError(errno.EACCES, "Permission denied")
    return os.open(name, flags, mode)


def _link(source: str, path: str, **_: bool | None) -> None:
    raise OSError(errno.ENOTSUP, "Not supported")


def _copy_file_range(*_: int) -> int:
    raise OSError(errno.ENOSYS, "Not implemented")


def _refused(number: int) -> PermissionError:
    error = PermissionError(errno.EACCES, "Access is denied, or the file is used by another process")
    error.winerror = number  # type: ignore[attr-defined]  # it is there on Windows only
    return error

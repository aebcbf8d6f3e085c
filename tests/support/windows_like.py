"""A disk as a player on Windows has it: no second names, no sync of folders, files in use refuse to be renamed."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from patcher import beneath, disk

_SHARING_VIOLATION = 32


@dataclass
class WindowsLike:
    """What others do with the files. Put in place of the system's calls by `take_over`."""

    held: dict[Path, int] = field(default_factory=dict)
    """Files open elsewhere, and how often they still refuse to be renamed or removed."""
    running: set[Path] = field(default_factory=set)
    """Programs that run: they may be renamed away, not replaced."""

    def take_over(self, put: Callable[[object, str, object], None]) -> None:
        """Stand between the door and the system. ``put`` sets an attribute: ``monkeypatch.setattr`` or ``setattr``."""
        ours = {
            "open": _open, "replace": self._replace, "unlink": self._unlink, "link": _link,
            "copy_file_range": _copy_file_range,
        }  # fmt: skip
        put(disk, "os", SimpleNamespace(**{**vars(os), **ours}))
        put(beneath, "os", SimpleNamespace(**{**vars(os), "open": _open}))
        put(beneath, "_BY_DESCRIPTOR", False)

    def _replace(self, old: str, new: str, **_: None) -> None:
        source, path = Path(old), Path(new)
        self._refuse(source)
        self._refuse(path)
        if path in self.running and source != path:
            raise _refused()
        os.replace(source, path)
        if source in self.running:
            self.running = self.running - {source} | {path}

    def _unlink(self, name: str, **_: None) -> None:
        self._refuse(Path(name))
        os.unlink(name)

    def _refuse(self, path: Path) -> None:
        if self.held.get(path):
            self.held[path] -= 1
            raise _refused()


def _open(name: str | Path, flags: int, mode: int = 0o777, **_: None) -> int:
    if os.path.isdir(name):
        raise PermissionError(errno.EACCES, "Permission denied")
    return os.open(name, flags, mode)


def _link(source: str, path: str, **_: bool | None) -> None:
    raise OSError(errno.ENOTSUP, "Not supported")


def _copy_file_range(*_: int) -> int:
    raise OSError(errno.ENOSYS, "Not implemented")


def _refused() -> PermissionError:
    error = PermissionError(errno.EACCES, "The process cannot access the file: it is used by another process")
    error.winerror = _SHARING_VIOLATION  # type: ignore[attr-defined]  # it is there on Windows only
    return error

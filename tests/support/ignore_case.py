"""A disk that ignores case, as Windows and macOS have it: a name means what is there under any spelling of it.

Put between the door and the system below one folder. A new name is kept as it is spelled; one that is there keeps its
spelling when another file is renamed over it, as on ext4 and FAT.
"""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from patcher import beneath, disk
from patcher.content import paths

_PATHS = {
    "open": ((0, "dir_fd"),),
    "stat": ((0, "dir_fd"),),
    "lstat": ((0, "dir_fd"),),
    "mkdir": ((0, "dir_fd"),),
    "unlink": ((0, "dir_fd"),),
    "rmdir": ((0, "dir_fd"),),
    "readlink": ((0, "dir_fd"),),
    "access": ((0, "dir_fd"),),
    "symlink": ((1, "dir_fd"),),
    "link": ((0, "src_dir_fd"), (1, "dst_dir_fd")),
    "replace": ((0, "src_dir_fd"), (1, "dst_dir_fd")),
    "rename": ((0, "src_dir_fd"), (1, "dst_dir_fd")),
    "scandir": ((0, ""),),
}
"""The calls that take names: at which place, and what says in which folder."""


class IgnoreCase:
    """Ignores case below ``root``, but for folders that are called ``minds``: on some disks each decides for itself."""

    def __init__(self, root: Path, minds: str = "") -> None:
        self._root, self._minds = os.path.realpath(root), minds

    def take_over(self, put: Callable[[object, str, object], None]) -> None:
        """Stand between the door and what stood there before. ``put``: ``monkeypatch.setattr`` or ``setattr``."""
        for door in (disk, beneath):
            below = vars(door)["os"]
            calls = {name: self._spelled(getattr(below, name), places) for name, places in _PATHS.items()}
            put(door, "os", SimpleNamespace(**{**vars(below), **calls}))

    def _spelled(self, call: Callable[..., Any], places: tuple[tuple[int, str], ...]) -> Callable[..., Any]:
        def spelled(*arguments: Any, **options: Any) -> Any:
            words = list(arguments)
            for place, folder in places:
                if isinstance(words[place], str | Path):
                    words[place] = self._as_kept(str(words[place]), options.get(folder))
            return call(*words, **options)

        return spelled

    def _as_kept(self, name: str, folder: int | None) -> str:
        """The same path with the names that are there."""
        start = at = "/" if folder is None else os.readlink(f"/proc/self/fd/{folder}")
        for part in name.strip("/").split("/"):
            at = os.path.join(at, self._name_in(at, part))
        return at if folder is None else os.path.relpath(at, start)

    def _name_in(self, folder: str, name: str) -> str:
        is_ours = f"{folder}/".startswith(f"{self._root}/") and os.path.basename(folder) != self._minds
        if not is_ours or os.path.lexists(f"{folder}/{name}"):
            return name
        folded = paths.fold(name)
        try:
            return next((there for there in os.listdir(folder) if paths.fold(there) == folded), name)
        except OSError:  # there is no such folder
            return name

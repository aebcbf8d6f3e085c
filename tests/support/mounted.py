"""A volume that is mounted at a folder, without the rights to mount one: other numbers, and no rename across."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from patcher import beneath, disk


class Mounted:
    """All from ``folder`` down is another volume; ``is_same``: it is one volume that is mounted twice."""

    def __init__(self, folder: Path, *, is_same: bool = False) -> None:
        self._folder, self._is_same = os.path.realpath(folder), is_same

    def take_over(self, put: Callable[[object, str, object], None]) -> None:
        """Stand between the door and what stood there before. ``put``: ``monkeypatch.setattr`` or ``setattr``."""
        self._below = vars(disk)["os"]
        renames = {name: self._within(getattr(self._below, name)) for name in ("rename", "replace", "link")}
        put(disk, "os", SimpleNamespace(**{**vars(self._below), **renames}))
        if not self._is_same:
            put(beneath, "status", self._numbered(beneath.status))

    def _within(self, call: Callable[..., None]) -> Callable[..., None]:
        def within(
            old: str, new: str, src_dir_fd: int | None = None, dst_dir_fd: int | None = None, **more: Any
        ) -> None:
            if self._is_inside(_path(old, src_dir_fd)) != self._is_inside(_path(new, dst_dir_fd)):
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            call(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd, **more)

        return within

    def _numbered(self, status: Callable[[Any], os.stat_result | None]) -> Callable[[Any], os.stat_result | None]:
        def numbered(where: Any) -> os.stat_result | None:
            found = status(where)
            if found is None or not self._is_inside(str(beneath.path_of(where))):
                return found
            fields = list(found)
            fields[2] += 1000  # st_dev
            return os.stat_result(fields)

        return numbered

    def _is_inside(self, path: str) -> bool:
        return path == self._folder or path.startswith(f"{self._folder}/")


def _path(name: str, folder: int | None) -> str:
    return os.path.join("/" if folder is None else os.readlink(f"/proc/self/fd/{folder}"), name)

"""What is in the way of a commit in an install folder. Reads, changes nothing.

A folder that a player replaced with a link (to another disk, say) is never followed: nothing of ours is below it.
"""

import stat
from collections.abc import Iterable
from functools import cache

from patcher import beneath, disk
from patcher.beneath import Beneath
from patcher.content import paths
from patcher.errors import DiskError
from patcher.install.names import Names

_DEEPEST = 64
"""No release has deeper folders."""


class Conflicts:
    """The paths that a commit needs, and the old files that must leave them. All paths are relative.

    Call `need_folder`, `need_file` and `need_kept` for every path first, then read the results.
    """

    def __init__(self, folder: Beneath, remove: Iterable[str]) -> None:
        self._folder = folder
        self._kinds: dict[str, str] = {"": "folder"}
        self._files: dict[str, None] = {}
        self._folders: dict[str, None] = {}
        self._cleared: list[str] = []
        self.old: dict[str, None] = {}
        """Files and links that are replaced or removed, in order."""
        self._leaving = Names(folder)
        """The same, under any spelling."""
        self.old_bytes = 0
        for path in remove:
            if self._kind(path) in ("file", "link"):
                self._leaves(path)

    def need_folder(self, path: str) -> None:
        """A folder must be at ``path``. Raises DiskError (disk.in_the_way) if a link that is not ours is there."""
        if not path or path in self._folders:
            return
        self.need_folder(_parent(path))
        self._folders[path] = None
        kind = self._kind(path)
        if kind == "link" and path not in self._leaving:
            raise self._in_the_way(path, "is a link where a folder must be")
        if kind == "file":
            self._leaves(path)

    def need_file(self, path: str) -> None:
        """A file or link must be at ``path``. Raises DiskError (disk.in_the_way) for a folder that is not ours."""
        self.need_folder(_parent(path))
        self._files[path] = None
        kind = self._kind(path)
        if kind == "folder":
            self._clear(path)
        elif kind:
            self._leaves(path)

    def need_kept(self, path: str) -> None:
        """A regular file must be at ``path`` already, without a second name, which might be the player's own.

        Raises DiskError: disk.failed, disk.in_the_way.
        """
        found = beneath.status(self._folder / path)
        if found is None or not stat.S_ISREG(found.st_mode):
            raise DiskError("disk.failed", f"{self._folder / path} is missing.", path=path)
        if found.st_nlink > 1:
            raise self._in_the_way(path, "has a second name elsewhere, and its mode must change")

    def is_link(self, path: str, target: str) -> bool:
        """Whether this link is at ``path`` already, and stays."""
        return path not in self._leaving and beneath.link_target(self._folder / path) == target

    @property
    def folders(self) -> list[str]:
        """The folders needed, parents first."""
        return list(self._folders)

    def removed(self) -> tuple[list[str], list[str]]:
        """The old files that are not replaced: those in the way of something new, and the others."""
        gone = [path for path in self.old if path not in self._files]
        return self._split(gone)

    def removed_folders(self, folders: Iterable[str]) -> tuple[list[str], list[str]]:
        """The same for ``folders`` that go; those where a file must be are among the first."""
        first, last = self._split(folders)
        return [*self._cleared, *first], last

    def _split(self, gone: Iterable[str]) -> tuple[list[str], list[str]]:
        """Those in the way of something new, and the others. What is below a folder whose name changes only in case
        is in the way: the folder can only go when it is empty.
        """
        files = {paths.fold(path) for path in self._files}
        needed = files | {paths.fold(path) for path in self._folders}

        @cache
        def goes_first(folder: str) -> bool:
            folded = paths.fold(folder)
            changes = folded in files or (folded in needed and folder not in self._folders)
            return bool(folder) and (changes or goes_first(_parent(folder)))

        first: list[str] = []
        last: list[str] = []
        for path in gone:
            (first if paths.fold(path) in needed or goes_first(_parent(path)) else last).append(path)
        return first, last

    def _leaves(self, path: str) -> None:
        if path not in self._leaving:
            disk.check_replaceable(self._folder / path)
            self.old[path] = None
            self._leaving.add(path)
            found = beneath.status(self._folder / path)
            self.old_bytes += found.st_size if found else 0

    def _clear(self, path: str) -> None:
        """A folder must go, so everything in it must be ours. Noted deepest first."""
        for name, _ in beneath.entries(self._folder / path):
            inner = f"{path}/{name}"
            if self._kind(inner) == "folder" and inner.count("/") < _DEEPEST:
                self._clear(inner)
            elif inner not in self._leaving:
                raise self._in_the_way(inner, "is not part of the release, and its folder must go")
        self._cleared.append(path)

    def _kind(self, path: str) -> str:
        """What is at ``path``: folder, link, file (anything else), or nothing ("") when a parent is no folder."""
        if path not in self._kinds:
            self._kinds[path] = self._look(path) if self._kind(_parent(path)) == "folder" else ""
        return self._kinds[path]

    def _look(self, path: str) -> str:
        found = beneath.status(self._folder / path)
        if found is None:
            return ""
        return "folder" if stat.S_ISDIR(found.st_mode) else "link" if stat.S_ISLNK(found.st_mode) else "file"

    def _in_the_way(self, path: str, why: str) -> DiskError:
        return DiskError("disk.in_the_way", f"{self._folder / path} {why}.", path=path)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]

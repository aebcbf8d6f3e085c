"""Which paths a disk takes for one, found by trying: they differ in case or Unicode form only.

Whether these count is decided by the disk, the mount or the single folder, and nobody can be asked. A name that is
there without being listed is another spelling of one that is. The numbers of files do not tell: some disks make them
up for each spelling, and a second hard link has the same.
"""

from collections.abc import Iterable

from patcher import beneath
from patcher.beneath import Beneath
from patcher.content import paths


class Names:
    """Some paths of an install folder. ``in`` them are other spellings, too, where the disk takes both for one."""

    def __init__(self, folder: Beneath, known: Iterable[str] = ()) -> None:
        self._folder = folder
        self._alike: dict[str, list[str]] = {}
        self._listed: dict[str, frozenset[str]] = {}
        for path in known:
            self.add(path)

    def add(self, path: str) -> None:
        """One more."""
        self._alike.setdefault(paths.fold(path), []).append(path)

    def __contains__(self, path: str) -> bool:
        return any(self._is_one(path, known) for known in self._alike.get(paths.fold(path), ()))

    def respelled(self, path: str) -> bool:
        """Whether it is none of them but another spelling of one."""
        return path in self and path not in self._alike[paths.fold(path)]

    def _is_one(self, path: str, other: str) -> bool:
        """Whether two paths that are alike name the same place."""
        if path == other:
            return True
        (above, _, name), (other_above, _, other_name) = path.rpartition("/"), other.rpartition("/")
        if not self._is_one(above, other_above):
            return False
        return name == other_name or (
            beneath.exists(self._folder / path)
            and beneath.exists(self._folder / other)
            and not {name, other_name} <= self._listed_in(above)
        )

    def _listed_in(self, path: str) -> frozenset[str]:
        if path not in self._listed:
            folder = self._folder / path if path else self._folder
            self._listed[path] = frozenset(name for name, _ in beneath.entries(folder))
        return self._listed[path]

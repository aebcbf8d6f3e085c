"""Which missing files come by windows of a patch, and which are fetched whole: whatever fetches fewer bytes. Pure.

A window often makes many files, and an old file that was changed is restored for all windows that read it. Therefore
groups of files are decided together: those that one old file or one window serves.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from patcher.content.merkle import Ref

_MOST_STEPS = 1 << 20
"""Old files are weighed, the most expensive first, until so many windows and old files that they read were seen."""


@dataclass(frozen=True, slots=True)
class Windows:
    """What the missing files need of a patch. Files by root, windows by number."""

    made: Mapping[bytes, frozenset[int]]
    """File to the windows that are still to make it."""
    lost: Mapping[int, frozenset[Ref]]
    """Window to the old files it reads that are gone or changed."""
    length: Mapping[int, int]
    """Window to its bytes in the pack."""


def by_patch(windows: Windows, restore_bytes: Mapping[bytes, int], alone_bytes: Mapping[bytes, int]) -> set[bytes]:
    """The files to make by windows; the others fetch less alone.

    ``restore_bytes``: old file to the bytes that restoring it fetches. ``alone_bytes``: new file to the bytes that it
    fetches without the patch.
    """
    return _Choice(windows, restore_bytes, alone_bytes).kept


class _Choice:
    def __init__(self, windows: Windows, restore_bytes: Mapping[bytes, int], alone_bytes: Mapping[bytes, int]) -> None:
        self._windows, self._restore_bytes = windows, restore_bytes
        self._makes: dict[int, set[bytes]] = {}
        self._users: dict[bytes, set[int]] = {}
        for root, numbers in windows.made.items():
            for number in numbers:
                self._makes.setdefault(number, set()).add(root)
        for number in self._makes:
            for ref in windows.lost[number]:
                self._users.setdefault(ref.root, set()).add(number)
        self.kept = set(windows.made)
        for roots in self._groups():
            group = roots & self.kept
            if self._saved_bytes(group) > sum(alone_bytes[root] for root in group):
                self.kept -= group

    def _groups(self) -> Iterator[set[bytes]]:
        """The files that one old file serves, most expensive old file first; those of one window; each file."""
        steps = 0
        for old in sorted(self._users, key=lambda root: (-self._restore_bytes[root], root)):
            steps += sum(len(self._windows.lost[number]) for number in self._users[old])
            if steps > _MOST_STEPS:
                break
            yield {root for number in self._users[old] for root in self._makes[number]}
        for number in sorted(self._makes):
            if self._windows.lost[number]:
                yield set(self._makes[number])
        for root in sorted(self._windows.made):
            yield {root}

    def _saved_bytes(self, group: set[bytes]) -> int:
        """Bytes that need not be fetched if these files come alone."""
        touched = {number for root in group for number in self._windows.made[root]}
        freed = {number for number in touched if self._makes[number] & self.kept <= group}
        olds = {ref.root for number in freed for ref in self._windows.lost[number]}
        unused = (old for old in olds if all(n in freed or self._is_over(n) for n in self._users[old]))
        return sum(self._windows.length[n] for n in freed) + sum(self._restore_bytes[old] for old in unused)

    def _is_over(self, number: int) -> bool:
        """Whether no file that is still made by windows needs this one."""
        return self._makes[number].isdisjoint(self.kept)

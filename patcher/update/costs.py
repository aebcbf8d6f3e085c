"""Which files come by windows of a patch, and which alone, so that the fewest bytes are fetched. Pure.

A window often makes many files, and an old file that somebody changed is put back for all windows that need it. So not
file by file is decided but group by group: everything that one such old file, or one window, stands for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from patcher.content.merkle import Ref

_MOST_STEPS = 1 << 20
"""Old files are weighed, the most expensive first, until this many windows and what they lean on were looked at."""


@dataclass(frozen=True, slots=True)
class Windows:
    """What of a patch the missing files need. Files by root, windows by number."""

    made: Mapping[bytes, frozenset[int]]
    """File to the windows that are still to make it."""
    lost: Mapping[int, frozenset[Ref]]
    """Window to the old files it leans on that are not here as they were."""
    length: Mapping[int, int]
    """Window to the bytes of the pack it takes."""


def by_patch(windows: Windows, restore_bytes: Mapping[bytes, int], alone_bytes: Mapping[bytes, int]) -> set[bytes]:
    """The files to make by windows; the others cost less alone.

    ``restore_bytes``: what it takes to have each old file as it was; ``alone_bytes``: what each new file takes without
    the patch.
    """
    return _Choice(windows, restore_bytes, alone_bytes).kept


class _Choice:
    def __init__(self, windows: Windows, restore_bytes: Mapping[bytes, int], alone_bytes: Mapping[bytes, int]) -> None:
        self._windows, self._restore_bytes, self._alone_bytes = windows, restore_bytes, alone_bytes
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
        """What an old file is put back for, the most expensive one first; what one window makes; each file."""
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
        """What need not be fetched when these files come in another way."""
        touched = {number for root in group for number in self._windows.made[root]}
        freed = {number for number in touched if self._makes[number] & self.kept <= group}
        olds = {ref.root for number in freed for ref in self._windows.lost[number]}
        unused = (old for old in olds if all(n in freed or self._is_over(n) for n in self._users[old]))
        return sum(self._windows.length[n] for n in freed) + sum(self._restore_bytes[old] for old in unused)

    def _is_over(self, number: int) -> bool:
        """Nothing that is kept needs the window."""
        return self._makes[number].isdisjoint(self.kept)

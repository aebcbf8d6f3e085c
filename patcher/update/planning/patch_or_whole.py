"""Which missing files come by windows of a patch, and which are fetched whole: whatever fetches fewer bytes. Pure.

A window often makes many files, and an old file that was changed is restored for all windows that read it. Therefore
groups of files are decided together: those that one old file or one window serves.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

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
        self._lost = {number: {ref.root for ref in windows.lost[number]} for number in self._makes}
        for number, olds in self._lost.items():
            for old in olds:
                self._users.setdefault(old, set()).add(number)
        self._needed_by = Counter({old: len(users) for old, users in self._users.items()})
        """Old file to the number of windows that read it and are still to be fetched."""
        self.kept = set(windows.made)
        for roots in self._groups():
            group = roots & self.kept
            freed = self._freed(group)
            if self._saved_bytes(freed) > sum(alone_bytes[root] for root in group):
                self.kept -= group
                self._needed_by.subtract(self._read_by(freed))

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

    def _freed(self, group: set[bytes]) -> set[int]:
        """The windows that nothing needs any more if these files come alone."""
        touched = {number for root in group for number in self._windows.made[root]}
        return {number for number in touched if self._makes[number] & self.kept <= group}

    def _saved_bytes(self, freed: set[int]) -> int:
        """Bytes that need not be fetched without these windows: their own, and old files that only they read."""
        unused = (old for old, count in self._read_by(freed).items() if count == self._needed_by[old])
        return sum(self._windows.length[n] for n in freed) + sum(self._restore_bytes[old] for old in unused)

    def _read_by(self, numbers: set[int]) -> Counter[bytes]:
        """Old file to the number of these windows that read it."""
        return Counter(chain.from_iterable(self._lost[number] for number in numbers))

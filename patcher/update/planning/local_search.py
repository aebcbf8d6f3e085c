"""Searches local files for blocks of the missing ones. The search comes before the plan.

It serves players whom no patch fits: a file was changed or damaged, the version is unknown, or the patch is gone. The
leaves of the missing files are fetched and folded to their signed roots, and blocks of old files are compared with
them. Old files that a patch reads are searched before new ones, since restoring them usually fetches less.

Blocks at equal offsets are compared first. Shifted content is found by landmarks: where a chunk of an old file has a
landmark's digest, the blocks next to it are compared, and the match is followed in both directions up to the first
block that differs.
"""

import contextlib
import hashlib
import os
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from patcher import beneath
from patcher.beneath import Where
from patcher.content import landmarks, merkle, records
from patcher.content.file_tree import Entry
from patcher.content.manifest import Manifest
from patcher.content.merkle import BLOCK_BYTES, HASH_BYTES, Ref
from patcher.content.similar import Similar
from patcher.errors import Missing, OriginError
from patcher.install import scan
from patcher.install.folder import InstallFolder
from patcher.install.scan import Have, seen
from patcher.protocol.events import Phase
from patcher.transfer.origin import ranges
from patcher.update.planning import plan as planning
from patcher.update.planning.costs import LocalRange, Rebuild
from patcher.update.planning.patch_or_whole import Windows
from patcher.update.planning.plan import Mend
from patcher.update.progress import Meter
from patcher.update.target import Offer, Target

MEND_MIN_BYTES = 8 << 20
"""Putting a smaller file together in staging and renaming it takes no longer."""

_SHARE = 64
"""Less than this share of a file does not pay for its leaves, which are a 512th of it."""
_SOURCES = 3
_BATCH_BYTES = 1 << 30
"""The leaves of so many bytes, 2 MiB, are fetched together."""
_GAP_BYTES = 64 * 1024
_MISSING, _HERE = 0, 1
_PORTION_BYTES = 1 << 20
_FEW_BLOCKS = 4
"""If so few blocks are missing, landmarks would find none of them."""


# ---------------------------------------------------------------- one file in others


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A local file to search; ``read`` gives bytes by offset and length."""

    path: Where
    size_bytes: int
    read: Callable[[int, int], bytes]

    def read_all(self) -> Iterator[bytes]:
        """All its bytes."""
        return (self.read(at, _PORTION_BYTES) for at in range(0, self.size_bytes, _PORTION_BYTES))


class Search:
    """The search for the blocks of one file, whose signed leaves are ``leaves``, in one local file after another."""

    def __init__(self, content: Ref, leaves: bytes) -> None:
        self._content, self._leaves = content, leaves
        self._count = len(leaves) // HASH_BYTES
        self._from = bytearray(self._count)
        """By block: `_MISSING`, `_HERE`, or the number of the file that has it, above `_HERE`."""
        self._at = array("q", bytes(8 * self._count))
        """By block: the offset in that file."""
        self._sources: list[LocalFile] = []

    def begin_with(self, leaves: bytes) -> None:
        """Take the blocks that are in their place already. ``leaves``: those of the unfinished file."""
        self._compare(leaves, _HERE)

    def search_in(self, source: LocalFile, marks: bytes) -> None:
        """Search a local file for what is still missing. ``marks``: the landmarks of the file searched for, or nothing.

        Raises what ``read`` raises.
        """
        self._sources.append(source)
        hasher = merkle.Hasher()
        for portion in source.read_all():
            hasher.update(portion)
        self._compare(hasher.leaves(), _HERE + len(self._sources))
        if marks and self._from.count(_MISSING) > _FEW_BLOCKS:
            self._follow(source, landmarks.by_digest(marks))

    def _compare(self, leaves: bytes, number: int) -> None:
        for block in range(min(self._count, len(leaves) // HASH_BYTES)):
            if self._from[block] == _MISSING and merkle.hash_at(leaves, block) == merkle.hash_at(self._leaves, block):
                self._from[block], self._at[block] = number, block * BLOCK_BYTES

    def _follow(self, source: LocalFile, wanted: dict[bytes, list[int]]) -> None:
        """Follow each landmark to at most one place, so that hostile landmarks cause no more work."""
        for offset, digest in landmarks.chunks(source.read_all()):
            for place in wanted.pop(digest, ()):
                first = after = -(-place // BLOCK_BYTES)
                while self._is_found(after, source, offset - place):
                    after += 1
                while self._is_found(first - 1, source, offset - place):
                    first -= 1

    def _is_found(self, block: int, source: LocalFile, shift: int) -> bool:
        if not 0 <= block < self._count or self._from[block] != _MISSING:
            return False
        start, end = block * BLOCK_BYTES, min((block + 1) * BLOCK_BYTES, self._content.size_bytes)
        if start + shift < 0 or end + shift > source.size_bytes:
            return False
        if hashlib.sha256(source.read(start + shift, end - start)).digest() != merkle.hash_at(self._leaves, block):
            return False
        self._from[block], self._at[block] = _HERE + len(self._sources), start + shift
        return True

    def result(self) -> Rebuild:
        """What was found, and what is still missing."""
        found: list[LocalRange] = []
        missing: list[range] = []
        for (number, shift), run in groupby(range(self._count), self._place):
            blocks = tuple(run)
            if number == _MISSING:
                missing.append(range(blocks[0], blocks[-1] + 1))
            elif number != _HERE:
                offset, end = blocks[0] * BLOCK_BYTES, min((blocks[-1] + 1) * BLOCK_BYTES, self._content.size_bytes)
                found.append(LocalRange(offset, end - offset, self._sources[number - _HERE - 1].path, offset + shift))
        return Rebuild(self._content, self._leaves, tuple(found), tuple(missing))

    def _place(self, block: int) -> tuple[int, int]:
        """Who has the block, and how far it is shifted there."""
        number = self._from[block]
        return number, 0 if number == _MISSING else self._at[block] - block * BLOCK_BYTES


# ---------------------------------------------------------------- all files of a job


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file to search for, by its number in the manifest, and the local files to search."""

    number: int
    entry: Entry
    sources: tuple[Where, ...]


class LocalSearch:
    """The search of one job. It reads local files and fetches hashes. Raises Cancelled, DiskError."""

    def __init__(
        self, folder: InstallFolder, target: Target, ours: Sequence[Manifest], have: Have, meter: Meter
    ) -> None:
        self._target, self._ours, self._have, self._meter = target, ours, have, meter
        self._folder = folder.root
        borrowed = (each for each, _ in target.borrow)
        self._folders = (folder.root, folder.previous_files, *borrowed)

    def mends(self) -> list[Mend]:
        """The large damaged files to repair where they stand.

        A crash while a damaged block is written loses nothing, and a file of 1 TB needs no second copy. Files with a
        second name (hard links) are put together in staging and renamed, as small ones are.
        """
        mends: list[Mend] = []
        damaged = set(self._have.modified) if self._target.mend else set()
        with contextlib.suppress(OriginError):  # peers may help in the ordinary way
            for offer in self._target.offers:
                entries = [(n, e) for n, e in enumerate(offer.manifest.entries) if e.path in damaged]
                targets = [_Wanted(n, e, (self._folder / e.path,)) for n, e in entries if self._is_mendable(offer, e)]
                part = replace(offer.part, landmarks=None)  # what is wrong where it stands is nowhere else
                for target, search, _ in self._searches(part, offer.manifest, targets):
                    search.begin_with(scan.hash_file(target.sources[0], self._meter.watch, target.entry.path))
                    rebuild = search.result()
                    if 2 * rebuild.fetch_bytes < target.entry.size_bytes:
                        mends.append(Mend(target.entry.path, rebuild))
        return mends

    def _is_mendable(self, offer: Offer, entry: Entry) -> bool:
        stat = beneath.status(self._folder / entry.path)
        is_same = stat is not None and stat.st_size == entry.size_bytes and beneath.is_own(stat)
        return is_same and entry.size_bytes >= MEND_MIN_BYTES and not offer.part.defaults

    def rebuilds(self, mended: Iterable[str]) -> dict[bytes, Rebuild]:
        """What was found, by root: of old files that a patch reads, and of new files whose path is not ``mended``."""
        found: dict[bytes, Rebuild] = {}
        with contextlib.suppress(OriginError):  # what was found before is used
            for offer, roots in planning.missing(self._target.offers, self._have, frozenset(mended)):
                windows = planning.windows_for(offer, roots, self._have)
                if offer.old and offer.old_part:
                    olds = {ref.root for refs in windows.lost.values() for ref in refs}
                    found |= self._found(offer.old_part, offer.old, olds)
                found |= self._found(offer.part, offer.manifest, _costly(offer.manifest, roots, windows, found))
        return found

    def _found(self, part: records.Part, m: Manifest, roots: Iterable[bytes]) -> dict[bytes, Rebuild]:
        """What was found of the part's files with these ``roots``."""
        left = set(roots)
        similar = [(old, Similar(m, old)) for old in self._ours] if left else []
        targets = []
        for number, entry in enumerate(m.entries):
            if entry.root in left and (sources := self._sources(entry, similar)):
                left.discard(entry.root)
                targets.append(_Wanted(number, entry, sources))
        found: dict[bytes, Rebuild] = {}
        for target, search, marks in self._searches(part, m, targets):
            search.begin_with(self._have.staged.get(target.entry.root, b""))
            with contextlib.suppress(OSError):  # a file that cannot be read is no source
                for path in target.sources:
                    self._look(search, path, marks)
                rebuild = search.result()
                if rebuild.fetch_bytes < target.entry.size_bytes:
                    found[target.entry.root] = rebuild
        return found

    def _sources(self, entry: Entry, similar: Sequence[tuple[Manifest, Similar]]) -> tuple[Where, ...]:
        """Local files that may hold content of a file: those at its path, and one of a similar name that is gone."""
        if entry.size_bytes < landmarks.MIN_BYTES:
            return ()
        numbers = ((old, like.find(entry.path)) for old, like in similar)
        renamed = [self._folder / old.entries[number].path for old, number in numbers if number is not None]
        paths = [*(folder / entry.path for folder in self._folders), *renamed]
        least = max(landmarks.MIN_BYTES, entry.size_bytes // _SHARE)
        stats = ((path, seen(path)) for path in paths)
        return tuple(path for path, stat in stats if stat and stat.size_bytes >= least)[:_SOURCES]

    def _look(self, search: Search, path: Where, marks: bytes) -> None:
        with beneath.open_file(path) as file:

            def read(offset: int, length: int) -> bytes:
                file.seek(offset)
                data = file.read(length)
                self._meter.watch(path.name, len(data))
                return data

            search.search_in(LocalFile(path, os.fstat(file.fileno()).st_size, read), marks)

    def _searches(
        self, part: records.Part, m: Manifest, targets: Sequence[_Wanted]
    ) -> Iterator[tuple[_Wanted, Search, bytes]]:
        """A search for each target whose leaves fold to its root, and its landmarks. Raises OriginError."""
        if targets:
            self._meter.begin(Phase.PLAN, sum(_size(path) for each in targets for path in each.sources))
        for batch in _batches(targets):
            leaves = self._slices(part.leaves, m.leaf_offsets, batch)
            marks = self._slices(part.landmarks, landmarks.offsets(m), batch)
            for target, mine, landmark in zip(batch, leaves, marks, strict=True):
                if mine and merkle.root_of(mine) == target.entry.root:
                    yield target, Search(Ref(target.entry.root, target.entry.size_bytes), mine), landmark

    def _slices(self, document: Ref | None, offsets: Sequence[int], targets: Sequence[_Wanted]) -> list[bytes]:
        """Each target's share of a document of hashes; nothing where there is no such document, or no longer one."""
        feed = self._target.access.feed
        if feed and document and document.size_bytes == offsets[-1]:
            read = partial(feed.origin.read, as_content=False)
            spans = [(offsets[each.number], offsets[each.number + 1] - offsets[each.number]) for each in targets]
            with contextlib.suppress(Missing):
                return list(ranges.read(read, document, spans, gap_bytes=_GAP_BYTES))
        return [b""] * len(targets)


def _costly(m: Manifest, roots: Collection[bytes], windows: Windows, found: Mapping[bytes, Rebuild]) -> Iterator[bytes]:
    """Those of the ``roots`` that no patch makes, or only after restoring old files that take much to fetch."""
    for entry in m.entries:
        if entry.root in roots:
            olds = {ref for number in windows.made.get(entry.root, ()) for ref in windows.lost[number]}
            back_bytes = sum(found[ref.root].fetch_bytes if ref.root in found else ref.size_bytes for ref in olds)
            if entry.root not in windows.made or back_bytes > entry.size_bytes // _SHARE:
                yield entry.root


def _size(where: Where) -> int:
    found = beneath.status(where)
    return found.st_size if found else 0


def _batches(targets: Iterable[_Wanted]) -> Iterator[list[_Wanted]]:
    """Targets whose hashes fit into memory together, or a single larger one."""
    batch: list[_Wanted] = []
    for target in targets:
        if batch and sum(each.entry.size_bytes for each in (*batch, target)) > _BATCH_BYTES:
            yield batch
            batch = []
        batch.append(target)
    if batch:
        yield batch

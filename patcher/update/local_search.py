"""The search before a plan: what local files have of those that are missing, block by block.

It is for players whom no patch fits: a file was modified or damaged, the version is unknown, the patch is gone. The
leaves of the files in question are fetched and folded to their signed roots, and old bytes are compared with them.
Old files that a patch leans on are looked for before new ones, since putting them back is mostly less.
"""

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from patcher import beneath
from patcher.beneath import Where
from patcher.content import landmarks, merkle, records
from patcher.content.blocks import Rebuild, Search, Source
from patcher.content.manifest import Entry, Manifest
from patcher.content.merkle import Ref
from patcher.content.similar import Similar
from patcher.errors import Missing, OriginError
from patcher.install import scan
from patcher.install.folder import InstallFolder
from patcher.install.scan import Have, seen
from patcher.protocol.events import Phase
from patcher.transfer.origin import ranges
from patcher.update import plan as planning
from patcher.update.costs import Windows
from patcher.update.plan import Mend, Offer
from patcher.update.progress import Meter
from patcher.update.target import Target

MEND_MIN_BYTES = 8 << 20
"""Smaller files are as quickly put together anew and renamed."""

_SHARE = 64
"""What saves less than this share of a file does not pay for its leaves, which are a 512th."""
_SOURCES = 3
_BATCH_BYTES = 1 << 30
"""Files of so many bytes have hashes of 2 MiB, which are asked for together."""
_GAP_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Target:
    """A file to look for, by its number in the manifest, and the local files to look in."""

    number: int
    entry: Entry
    sources: tuple[Where, ...]


class LocalSearch:
    """The search of one job. Reads local files, fetches hashes, changes nothing. Raises Cancelled, DiskError."""

    def __init__(
        self, folder: InstallFolder, target: Target, ours: Sequence[Manifest], have: Have, meter: Meter
    ) -> None:
        self._target, self._ours, self._have, self._meter = target, ours, have, meter
        self._folder = folder.root
        borrowed = (each for each, _ in target.borrow)
        self._folders = (folder.root, folder.previous_files, *borrowed)

    def mends(self) -> list[Mend]:
        """The large damaged files that are repaired where they stand.

        A wrong block was wrong already, so replacing it loses nothing whenever the machine stops, and a file of 1 TB
        needs no second one. Files with a second name (hard links) are left to the ordinary way, which renames.
        """
        mends: list[Mend] = []
        damaged = set(self._have.modified) if self._target.mend else set()
        with contextlib.suppress(OriginError):  # peers may help in the ordinary way
            for offer in self._target.offers:
                entries = [(n, e) for n, e in enumerate(offer.manifest.entries) if e.path in damaged]
                targets = [_Target(n, e, (self._folder / e.path,)) for n, e in entries if self._is_mendable(offer, e)]
                part = replace(offer.part, landmarks=None)  # what is wrong where it stands is nowhere else
                for target, search, _ in self._searches(part, offer.manifest, targets):
                    search.in_place(scan.hash_file(target.sources[0], self._meter.watch, target.entry.path))
                    rebuild = search.result()
                    if 2 * rebuild.fetch_bytes < target.entry.size_bytes:
                        mends.append(Mend(target.entry.path, rebuild))
        return mends

    def _is_mendable(self, offer: Offer, entry: Entry) -> bool:
        stat = beneath.status(self._folder / entry.path)
        is_same = stat is not None and stat.st_size == entry.size_bytes and beneath.is_own(stat)
        return is_same and entry.size_bytes >= MEND_MIN_BYTES and not offer.part.defaults

    def rebuilds(self, mended: Iterable[str]) -> dict[bytes, Rebuild]:
        """What was found, by root: of old files that a patch leans on, and of new files that are not ``mended``."""
        found: dict[bytes, Rebuild] = {}
        with contextlib.suppress(OriginError):  # then what was found until then has to do
            for offer, roots in planning.missing(self._target.offers, self._have, frozenset(mended)):
                windows = planning.windows_for(offer, roots, self._have)
                if offer.old and offer.old_part:
                    olds = {ref.root for refs in windows.lost.values() for ref in refs}
                    found |= self._found(offer.old_part, offer.old, olds)
                found |= self._found(offer.part, offer.manifest, _costly(offer.manifest, roots, windows, found))
        return found

    def _found(self, part: records.Part, m: Manifest, roots: Iterable[bytes]) -> dict[bytes, Rebuild]:
        """What was found of the part's files with these roots, by root."""
        left = set(roots)
        similar = [(old, Similar(m, old)) for old in self._ours] if left else []
        targets = []
        for number, entry in enumerate(m.entries):
            if entry.root in left and (sources := self._sources(entry, similar)):
                left.discard(entry.root)
                targets.append(_Target(number, entry, sources))
        found: dict[bytes, Rebuild] = {}
        for target, search, marks in self._searches(part, m, targets):
            search.in_place(self._have.staged.get(target.entry.root, b""))
            with contextlib.suppress(OSError):  # a file that cannot be read is no source
                for path in target.sources:
                    self._look(search, path, marks)
                rebuild = search.result()
                if rebuild.fetch_bytes < target.entry.size_bytes:
                    found[target.entry.root] = rebuild
        return found

    def _sources(self, entry: Entry, similar: Sequence[tuple[Manifest, Similar]]) -> tuple[Where, ...]:
        """Local files that may hold content of a file: those of its path, and one of a like name that is gone."""
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
                self._meter.watch(beneath.name_of(path), len(data))
                return data

            search.look(Source(path, os.fstat(file.fileno()).st_size, read), marks)

    def _searches(
        self, part: records.Part, m: Manifest, targets: Sequence[_Target]
    ) -> Iterator[tuple[_Target, Search, bytes]]:
        """A search for each target whose leaves are right, and its landmarks. Raises OriginError."""
        if targets:
            self._meter.begin(Phase.PLAN, sum(_size(path) for each in targets for path in each.sources))
        for batch in _batches(targets):
            leaves = self._slices(part.leaves, m.leaf_offsets, batch)
            marks = self._slices(part.landmarks, landmarks.offsets(m), batch)
            for target, mine, landmark in zip(batch, leaves, marks, strict=True):
                if mine and merkle.root_of(mine) == target.entry.root:
                    yield target, Search(Ref(target.entry.root, target.entry.size_bytes), mine), landmark

    def _slices(self, document: Ref | None, offsets: Sequence[int], targets: Sequence[_Target]) -> list[bytes]:
        """Each target's part of a document of hashes; nothing when there is no such document (any more)."""
        origin = self._target.network.origin
        if origin and document and document.size_bytes == offsets[-1]:
            read = partial(origin.read, as_content=False)
            spans = [(offsets[each.number], offsets[each.number + 1] - offsets[each.number]) for each in targets]
            with contextlib.suppress(Missing):
                return list(ranges.read(read, document, spans, gap_bytes=_GAP_BYTES))
        return [b""] * len(targets)


def _costly(m: Manifest, roots: Collection[bytes], windows: Windows, found: Mapping[bytes, Rebuild]) -> Iterator[bytes]:
    """Those of the ``roots`` that no patch makes, or only with old files that take much to put back."""
    for entry in m.entries:
        if entry.root in roots:
            olds = {ref for number in windows.made.get(entry.root, ()) for ref in windows.lost[number]}
            back_bytes = sum(found[ref.root].fetch_bytes if ref.root in found else ref.size_bytes for ref in olds)
            if entry.root not in windows.made or back_bytes > entry.size_bytes // _SHARE:
                yield entry.root


def _size(where: Where) -> int:
    found = beneath.status(where)
    return found.st_size if found else 0


def _batches(targets: Iterable[_Target]) -> Iterator[list[_Target]]:
    """Targets whose hashes are few enough to be held together, or one that has more."""
    batch: list[_Target] = []
    for target in targets:
        if batch and sum(each.entry.size_bytes for each in (*batch, target)) > _BATCH_BYTES:
            yield batch
            batch = []
        batch.append(target)
    if batch:
        yield batch

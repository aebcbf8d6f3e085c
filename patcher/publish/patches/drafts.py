"""From two manifests and the files with their contents to the windows of a pack: first tasks, then the joined pack.

Files are read in read_in_chunks, never whole, so that files of any size take the same memory.
"""

import hashlib
from collections import ChainMap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, chain
from pathlib import Path
from typing import cast

from patcher import beneath
from patcher.content import chunker, patch_index
from patcher.content.codec import COPY, COPY_REBASED, HDIFF, HDIFF_REBASED
from patcher.content.file_tree import Entry
from patcher.content.layout import Range
from patcher.content.manifest import Manifest
from patcher.content.patch_index import Filter, Index, Window
from patcher.errors import Mismatch
from patcher.publish.patches import address_maps, encode, pool, windows
from patcher.publish.patches.address_maps import MapFile
from patcher.publish.patches.matching import Chunks, average_for
from patcher.publish.patches.pool import Cluster, FileSlice, PathByRoot, WindowFile, WindowTask
from patcher.publish.patches.windows import Cut, KnownPack
from patcher.publish.store import OnProgress, PhaseMeter, in_threads, read_in_chunks

_COMPARE_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Joined:
    """The parts of a finished pack in their order: maps, then windows. Copies have no bytes."""

    filters: tuple[Filter, ...]
    windows: tuple[Window, ...]
    maps: tuple[bytes, ...]
    files: tuple[WindowFile, ...]

    @property
    def size_bytes(self) -> int:
        """Size of the pack."""
        return sum(map(len, self.maps)) + sum(file.length for file in self.files)

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the pack. Raises DiskError."""
        return chain(self.maps, *(file.chunks() for file in self.files))

    def index(self, leaves: bytes) -> Index:
        """The pack's index, from its leaves."""
        inline = b"".join(self.chunks()) if self.size_bytes <= patch_index.INLINE_BYTES else b""
        return encode.index_of(self.windows, leaves, self.size_bytes, inline, self.filters)


@dataclass(frozen=True, slots=True)
class KnownWindows:
    """The full pack of the release before, as it was signed: manifest, index, and the file of the pack."""

    manifest: Manifest
    index: Index
    pack: Path

    def cuts(self, new: Manifest) -> dict[Cut, WindowFile]:
        """Those that a full pack of ``new`` keeps, cut as there: all of their contents are in it, and much of them."""
        numbers = _first_numbers(new.entries)
        entries, found = self.manifest.entries, {}
        for window in self.index.windows:
            files = [numbers.get(entries[span.file].root) for span in window.new]
            if window.output_bytes >= windows.KEPT_BYTES and None not in files:
                spans = zip(files, window.new, strict=True)
                made = tuple(
                    span if span.file == number else span._replace(file=number)
                    for number, span in spans
                    if number is not None
                )
                found[Cut(made, ())] = WindowFile(self.pack, window.codec, window.sha256, window.length, window.offset)
        return found

    def known_pack(self, kept: Collection[Cut]) -> KnownPack:
        """The same for `windows.cut_whole`."""
        entries = self.manifest.entries
        spans = (span for window in self.index.windows for span in window.new)
        large = (span for span in spans if entries[span.file].size_bytes >= windows.SMALL_BYTES)
        made = {(entries[span.file].root, span.offset) for span in large}
        return KnownPack(kept, {entry.root for entry in entries}, made)


@dataclass(frozen=True, slots=True)
class Draft:
    """A pack in the making: its windows, their sources, and the folder that keeps finished windows.

    ``old`` is None for a full pack. ``rebased``: ``places``, with rebased old files for those that have a map.
    ``maps``: by root of an old file.
    """

    new: Manifest
    old: Manifest | None
    places: PathByRoot
    rebased: PathByRoot
    maps: Mapping[bytes, MapFile]
    cuts: tuple[Cut, ...]
    folder: Path
    known: Mapping[Cut, WindowFile] = field(default_factory=dict)
    """Windows of a full pack that were made for the release before."""

    def tasks(self) -> Iterator[WindowTask]:
        """One task for each window to make. A task names every file, so there should never be many at a time."""
        return (self._task(number, cut) for number, cut in self._to_make())

    @property
    def size_bytes(self) -> int:
        """Length of the new bytes of all tasks."""
        return sum(cut.output_bytes for _, cut in self._to_make())

    def _to_make(self) -> Iterator[tuple[int, Cut]]:
        """The windows that are neither copies nor known."""
        return ((number, cut) for number, cut in enumerate(self.cuts) if not cut.copied and cut not in self.known)

    def joined(self) -> Joined:
        """The finished windows that the pack keeps. Raises DiskError."""
        numbers = _first_numbers(self.old.entries) if self.old and self.maps else {}
        firsts = {root: numbers[root] for root in self.maps}
        made = [one for number, cut in enumerate(self.cuts) if (one := self._made(number, cut, firsts))]
        used = {span.file for window, _ in made if window.is_rebased for span in window.old}
        mapped = sorted(used & set(firsts.values()))
        maps = [self.maps[self._root(number)] for number in mapped]
        at = accumulate([*(len(each.data) for each in maps), *(window.length for window, _ in made)], initial=0)
        filters = tuple(
            Filter(number, each.filter, next(at), len(each.data), hashlib.sha256(each.data).digest())
            for number, each in zip(mapped, maps, strict=True)
        )
        windows = tuple(replace(window, offset=next(at)) for window, _ in made)
        files = tuple(file for _, file in made if file)
        return Joined(filters, windows, tuple(each.data for each in maps), files)

    def _task(self, number: int, cut: Cut) -> WindowTask:
        new = _slices(self.new, cut.new, self.places)
        if self.old is None:
            return WindowTask(new, None, self._result(number), is_quick=cut.mostly_old)
        old, plain = (_slices(self.old, cut.old, places) for places in (self.rebased, self.places))
        return WindowTask(new, old, self._result(number), plain if plain != old else None)

    def _made(self, number: int, cut: Cut, firsts: Mapping[bytes, int]) -> tuple[Window, WindowFile | None] | None:
        """A window without an offset yet, and its file; None if a full pack does not keep it.

        A content has one map, whatever names it has in the old release: that of the first file with it.
        """
        rebased = tuple(span._replace(file=firsts.get(self._root(span.file), span.file)) for span in cut.old)
        if cut.copied:
            codec = COPY_REBASED if any(self._root(span.file) in self.maps for span in cut.old) else COPY
            return Window(0, 0, codec, cut.new, rebased, cut.output_bytes, b""), None
        file = self.known.get(cut) or WindowFile.read(self._result(number))
        if self.old is None and cut not in self.known and not windows.keeps_window(cut, self.new, file.length):
            return None
        old = {HDIFF: cut.old, HDIFF_REBASED: rebased}.get(file.codec, ())
        return Window(0, file.length, file.codec, cut.new, old, cut.output_bytes, file.sha256), file

    def _root(self, number: int) -> bytes:
        """The root of an old file."""
        assert self.old is not None
        return self.old.entries[number].root

    def _result(self, number: int) -> Path:
        return self.folder / f"{number:06}"


def draft(
    new: Manifest, old: Manifest | None, places: PathByRoot, folder: Path, jobs: int, progress: OnProgress,
    known: KnownWindows | None = None,
) -> Draft:  # fmt: skip
    """Cut the windows from ``old`` (None: from nothing) to ``new``. ``known``: the full pack of the release before.

    Reads the chunks of files whose names say too little, and makes the maps of native code, through which old files are
    then read. Raises Mismatch if a file has not the right size, DiskError, InternalError.
    """
    if old is None:
        kept = known.cuts(new) if known else {}
        before = known.known_pack(kept) if known else None
        del known  # an object for each file, which the new windows need themselves
        cuts = windows.cut_whole(new, before)
        return Draft(new, None, places, places, {}, tuple(cuts), folder, kept)
    wanted = windows.to_chunk(new, old)
    average = average_for(sum(entry.size_bytes for entry in wanted))
    chunks = _chunked(wanted, average, places, jobs, progress)
    found = address_maps.make(new, old, chunks, places, folder / "maps", jobs, progress)
    rebased = ChainMap(
        {root: str(each.rebased) for root, each in found.items()}, cast("dict[bytes, str]", places)
    )  # only read
    chunks |= _chunked([entry for entry in wanted if entry.root in found], average, rebased, jobs, progress)

    def compare(number: int, at: int, file: int, old_at: int, limit: int) -> int:
        return _common(places[new.entries[number].root], at, rebased[old.entries[file].root], old_at, limit)

    return Draft(new, old, places, rebased, found, tuple(windows.cut(new, old, chunks, found, compare)), folder)


def make(drafts: Sequence[Draft], jobs: int, progress: OnProgress, cluster: Cluster | None = None) -> None:
    """Make the windows of drafts, on the ``cluster`` if there is one. Raises what `pool.run_remote` raises."""
    tasks = chain.from_iterable(each.tasks() for each in drafts)
    meter = PhaseMeter(progress, "pack", sum(each.size_bytes for each in drafts))
    if cluster:
        pool.run_remote(cluster, tasks, meter.add)
    else:
        pool.run(tasks, jobs, meter.add)


def _first_numbers(entries: Sequence[Entry]) -> dict[bytes, int]:
    """The number of the first file of each content, by root."""
    numbers: dict[bytes, int] = {}
    for number, entry in enumerate(entries):
        numbers.setdefault(entry.root, number)
    return numbers


def _slices(files: Manifest, spans: Sequence[Range], places: PathByRoot) -> tuple[FileSlice, ...]:
    return tuple((places[files.entries[span.file].root], span.offset, span.length) for span in spans)


def _chunked(
    entries: Sequence[Entry], average: int, places: PathByRoot, jobs: int, progress: OnProgress
) -> dict[bytes, Chunks]:  # fmt: skip
    if not entries:
        return {}
    meter = PhaseMeter(progress, "match", sum(entry.size_bytes for entry in entries))

    def cut(entry: Entry) -> Chunks:
        path = places[entry.root]
        chunks = Chunks.of(chunker.chunks(read_in_chunks(path, meter), average))
        if chunks.start(len(chunks.ends)) != entry.size_bytes:
            raise Mismatch(f"{path} is not as long as it should be", path=path)
        return chunks

    found = in_threads(jobs, cut, entries, meter)
    return {entry.root: chunks for entry, chunks in zip(entries, found, strict=True)}


def _common(path: str, at: int, old_path: str, old_at: int, limit: int) -> int:
    """As `matching.Common`, for a new file and an old one; neither is empty."""
    count = 0
    with beneath.translated(path), open(path, "rb") as new, open(old_path, "rb") as old:
        while count < abs(limit):
            portion = min(_COMPARE_BYTES, abs(limit) - count)
            back = count + portion if limit < 0 else -count
            new.seek(at - back)
            old.seek(old_at - back)
            pair = new.read(portion), old.read(portion)
            same = same_bytes(*pair) if limit > 0 else same_bytes(*(data[::-1] for data in pair))
            count += same
            if same < portion:
                break
    return count


def same_bytes(a: bytes, b: bytes) -> int:
    """Length of the common beginning."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low

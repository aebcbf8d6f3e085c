"""Cuts a release into windows: which new bytes go together, and which old bytes each window is made from.

Small files are put side by side in path order, each with the old file it most likely came from. In a file larger than a
window, stretches that the old release has become *copies*; the rest are runs, which are treated like small files. The
choice of the old bytes decides how small a window gets.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from patcher.content.codec import WINDOW_BYTES
from patcher.content.file_tree import Entry
from patcher.content.layout import Range
from patcher.content.manifest import Manifest
from patcher.content.similar import Similar
from patcher.publish.patches.matching import NO_CHUNKS, Chunks, Known, around, extended

SMALL_BYTES = 1024 * 1024

KEPT_BYTES = WINDOW_BYTES // 2
"""Smaller windows of the full pack before are made anew, so that small releases do not leave small windows."""
_MOSTLY = 0.875
"""A window of a full pack with such a share of old contents is packed quickly."""
_LEAN_BYTES = 3 * WINDOW_BYTES
"""Old bytes of a window: a worker then takes 350 MB at most, and a player less than the format allows."""
_RUN_BYTES = WINDOW_BYTES // 2
_WORTH = 0.85
_SHARE = 0.25
"""A file of at most a window is smaller as a whole if copies have less than this share of it."""
_REBASED_SHARE = 0.75
"""The same if its old file is rebased, which players should not have to do twice."""
_NO_FILE = -1


Compare = Callable[[int, int, int, int, int], int]
"""The number of a new file, then the arguments and the result of `Common`."""

Stretch = tuple[int, int]
"""Start and end of bytes in a file."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A window to make: the new bytes, side by side, and the old ones that it is made from.

    A ``copied`` one needs no making: each new range equals the old range beside it.
    """

    new: tuple[Range, ...]
    old: tuple[Range, ...]
    copied: bool = False
    mostly_old: bool = False
    """Nearly all of a full pack's window is in the release before: it is packed again, but quickly."""

    @property
    def output_bytes(self) -> int:
        """Length of the new ranges together."""
        return sum(span.length for span in self.new)


@dataclass(frozen=True, slots=True)
class KnownPack:
    """The full pack of the release before: the windows of it that are kept, cut for the new release; the roots of its
    contents; the root and offset of each range of a file of at least 1 MiB that one of its windows makes.
    """

    kept: Collection[Cut] = ()
    roots: Collection[bytes] = ()
    made: Collection[tuple[bytes, int]] = ()


def cut(
    new: Manifest,
    old: Manifest | None,
    chunks: Mapping[bytes, Chunks] | None = None,
    rebased: Collection[bytes] = (),
    compare: Compare | None = None,
) -> list[Cut]:
    """All windows of the patch from ``old`` (None: of the full pack) to ``new``, in the order of their files.

    ``chunks``: those of the files that `to_chunk` names, by root, taken after rebasing for the roots ``rebased``.
    ``compare`` tells how far copies may be extended.
    """
    if old is None:
        return cut_whole(new)
    cuts = _Patch(new, old, chunks or {}, rebased, compare).cuts()
    return sorted(cuts, key=_place)


def cut_whole(new: Manifest, before: KnownPack | None = None) -> list[Cut]:
    """All windows of the full pack of ``new``, in the order of their files. Those that ``before`` keeps stay.

    A window holds either files under 1 MiB or larger ones, never both (see `keeps_window`), and whole pieces of the
    tree.
    """
    before = before or KnownPack()
    kept = {_begin(span) for window in before.kept for span in window.new}
    small, larger = _Lane(), _Lane()
    cuts = [*before.kept]
    for number, entry in _missing(new):
        spans = _pieces(number, 0, entry.size_bytes, WINDOW_BYTES)
        for span in (
            each for each in spans if _begin(each) not in kept and not _is_left_out(before, entry, each.offset)
        ):
            if entry.size_bytes > WINDOW_BYTES:
                cuts.append(Cut((span,), ()))
            else:
                (small if entry.size_bytes < SMALL_BYTES else larger).add(span, is_old=entry.root in before.roots)
    small.close()
    larger.close()
    return sorted(cuts + small.cuts + larger.cuts, key=_place)


def _begin(span: Range) -> int | tuple[int, int]:
    """Where a range begins; of the many that begin a file, a number that is there already."""
    return (span.file, span.offset) if span.offset else span.file


def _is_left_out(before: KnownPack, entry: Entry, offset: int) -> bool:
    """Whether a window with these bytes was not worth it, and need not be tried again."""
    return entry.size_bytes >= SMALL_BYTES and entry.root in before.roots and (entry.root, offset) not in before.made


def _place(window: Cut) -> tuple[int, int]:
    return window.new[0].file, window.new[0].offset


def to_chunk(new: Manifest, old: Manifest) -> list[Entry]:
    """The files, one of each content, whose chunks tell `cut` more than their names do."""
    sizes = {entry.path: entry.size_bytes for entry in old.entries if entry.size_bytes}
    missing = [entry for _, entry in _missing(new, old)]
    unclear = [e for e in missing if e.size_bytes >= SMALL_BYTES or not 0 < sizes.get(e.path, 0) <= 2 * WINDOW_BYTES]
    gone = [entry for _, entry in _missing(old, new)]
    return unclear + gone if unclear and gone else []


def bases(
    new: Manifest, old: Manifest, chunks: Mapping[bytes, Chunks], roots: Collection[bytes]
) -> list[tuple[Entry, Entry]]:  # fmt: skip
    """The new files of these ``roots``, in order, each preceded by the old file that `cut` makes it from."""
    patch = _Patch(new, old, chunks)
    found = [(patch.base(entry), entry) for _, entry in _missing(new) if entry.root in roots]
    return [(old.entries[base], entry) for base, entry in found if base is not None]


def keeps_window(window: Cut, new: Manifest, packed_bytes: int) -> bool:
    """Whether a full pack keeps this window: always for files under 1 MiB, else if it shrinks enough."""
    small = any(new.entries[span.file].size_bytes < SMALL_BYTES for span in window.new)
    return small or packed_bytes < _WORTH * window.output_bytes


def _missing(files: Manifest, other: Manifest | None = None) -> Iterator[tuple[int, Entry]]:
    """The first file of each content that ``other`` lacks, and its number."""
    seen = {b"", *(entry.root for entry in (other.entries if other else ()))}
    for number, entry in enumerate(files.entries):
        if entry.root not in seen:
            seen.add(entry.root)
            yield number, entry


# ---------------------------------------------------------------- windows filled


class _Lane:
    """Fills windows with files and runs one after the other."""

    def __init__(self) -> None:
        self.cuts: list[Cut] = []
        self._new: list[Range] = []
        self._old: dict[int, list[Stretch]] = {}
        self._new_bytes = self._old_bytes = self._known_bytes = 0

    def add(
        self, span: Range, base: int = _NO_FILE, near: Iterable[Stretch] = (), *, is_old: bool = False
    ) -> None:  # fmt: skip
        """Add a range that is made from the bytes ``near`` of the old file ``base``, if there are any.

        ``is_old``: the release before has this content.
        """
        near, before = list(near), self._old.get(base, [])
        held = merge([*before, *near])
        more_bytes = _bytes(held) - _bytes(before)
        if self._new_bytes + span.length > WINDOW_BYTES or self._old_bytes + more_bytes > _LEAN_BYTES:
            self.close()
            held = merge(near)
            more_bytes = _bytes(held)
        self._new.append(span)
        self._new_bytes += span.length
        self._known_bytes += span.length * is_old
        self._old[base] = held
        self._old_bytes += more_bytes

    def close(self) -> None:
        if self._new:
            old = [Range(file, start, end - start) for file, held in self._old.items() for start, end in held]
            mostly_old = self._known_bytes >= _MOSTLY * self._new_bytes
            self.cuts.append(Cut(tuple(self._new), tuple(sorted(old)), mostly_old=mostly_old))
        self._new, self._old = [], {}
        self._new_bytes = self._old_bytes = self._known_bytes = 0


def _bytes(stretches: Iterable[Stretch]) -> int:
    return sum(end - start for start, end in stretches)


def merge(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The union of stretches, in order."""
    merged: list[Stretch] = []
    for start, end in sorted(stretches):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def without(stretches: Iterable[Stretch], holes: Sequence[Stretch]) -> Iterator[Stretch]:
    """The parts of some stretches outside of all ``holes``, which are in order and apart."""
    for start, end in stretches:
        at = start
        for hole_start, hole_end in holes:
            if hole_end <= at or hole_start >= end:
                continue
            if at < hole_start:
                yield at, hole_start
            at = hole_end
        if at < end:
            yield at, end


def _pieces(file: int, start: int, end: int, most: int) -> Iterator[Range]:
    for offset in range(start, end, most):
        yield Range(file, offset, min(most, end - offset))


# ---------------------------------------------------------------- patches


class _Patch:
    """The windows from one release to another."""

    def __init__(
        self, new: Manifest, old: Manifest, chunks: Mapping[bytes, Chunks], rebased: Collection[bytes] = (),
        compare: Compare | None = None,
    ) -> None:  # fmt: skip
        self._new, self._old = new, old
        self._chunks, self._rebased, self._compare = chunks, rebased, compare
        self._known = Known({number: chunks[e.root] for number, e in _missing(old, new) if e.root in chunks})
        self._similar = Similar(new, old)
        self._lane = _Lane()
        self._copied: list[Cut] = []

    def cuts(self) -> list[Cut]:
        for number, entry in _missing(self._new, self._old):
            self._add(number, entry)
        self._lane.close()
        return self._copied + self._lane.cuts

    def base(self, entry: Entry) -> int | None:
        """The old file that a new one most likely came from: that of its path, else by content, else by name."""
        same = self._similar.same(entry.path)
        if same is None:
            same = self._known.base(self._chunks.get(entry.root, NO_CHUNKS))
        return self._similar.find(entry.path) if same is None else same

    def _add(self, number: int, entry: Entry) -> None:
        """Add a file whole, made from the whole old one; or by runs between copies if it is large or mostly copied."""
        found = self.base(entry)
        base, old = (_NO_FILE, Entry("", 0, b"")) if found is None else (found, self._old.entries[found])
        trace = self._known.trace(self._chunks.get(entry.root, NO_CHUNKS), base)
        copies = trace.copies()
        least_bytes = entry.size_bytes * (_REBASED_SHARE if old.root in self._rebased else _SHARE)
        is_small = max(entry.size_bytes, old.size_bytes // 2) <= WINDOW_BYTES
        if is_small and sum(copy.length for copy in copies) < least_bytes:
            self._lane.add(Range(number, 0, entry.size_bytes), base, [(0, old.size_bytes)] if old.size_bytes else [])
            return
        taken = merge((copy.old, copy.old_end) for copy in copies if copy.file == base)
        if self._compare:  # ``taken`` stays as it is: old bytes close to a run help it, copied or not
            sizes = {copy.file: self._old.entries[copy.file].size_bytes for copy in copies}
            copies = extended(copies, entry.size_bytes, sizes, partial(self._compare, number))
        if copies:
            made = tuple(Range(number, copy.new, copy.length) for copy in copies)
            used = tuple(Range(copy.file, copy.old, copy.length) for copy in copies)
            self._copied.append(Cut(made, used, copied=True))
        anchors = trace.anchors()
        for start, end in without([(0, entry.size_bytes)], [(copy.new, copy.end) for copy in copies]):
            for span in _pieces(number, start, end, _RUN_BYTES):
                near = merge(around(anchors, span.offset, span.end, entry.size_bytes, old.size_bytes))
                self._lane.add(span, base, without(near, taken))

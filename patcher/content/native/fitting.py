"""The address map between two versions of a native file, from what their references say.

Two rounds. In the first, references of code are blanked on both sides, so that what differs in nothing else is found
to be the same (tables are left: without their addresses all entries look alike). Each reference inside such a *cover*
votes on where its target went, and for where it stands itself. In the second, the old file is moved by the map of the
first: now its tables lie in covers too, and what is counted from another address finds that one in the first map.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from patcher.content.native import covers, references, votes
from patcher.content.native.addresses import ALLOWED_BYTES, REFUSED_BYTES, AddressMap, Ints
from patcher.content.native.covers import Bytes, Covers
from patcher.content.native.rebase import Mover, words
from patcher.content.native.references import GUESS, NO_BASE, TABLE, Binary, Fields
from patcher.content.native.sections import UNLOADED, Image, Read
from patcher.content.native.votes import Votes

_BLOCK_BYTES = 8 * 1024 * 1024
_SECTION_VOTES = 64
_BROKEN = 1.5


@dataclass(frozen=True, slots=True)
class Fitted:
    """A filter's name, the encoded map, and about how many bytes a patch is smaller with it, the map's own taken off."""

    filter: str
    data: bytes
    saved_bytes: int


def fit(old: Read, old_bytes: int, new: Read, new_bytes: int) -> Fitted | None:
    """The map that makes ``old`` most like ``new``; None when they are not of one kind, or it would save too little.

    Takes two to three times the files in memory. The same files give the same map.
    """
    sides = Binary.open(old, old_bytes), Binary.open(new, new_bytes)
    if not sides[0] or not sides[1] or sides[0].image.filter != sides[1].image.filter:
        return None
    pair = _Pair(sides[0], sides[1])
    pair.vote(pair.blanked())
    pair.vote(pair.moved())
    return pair.fitted()


class _Pair:
    def __init__(self, old: Binary, new: Binary) -> None:
        self.old, self.new = old, new
        self.fields = references.fields.joined([])
        self.map = AddressMap(*(np.zeros(0, np.int64),) * 4)

    def blanked(self) -> Covers:
        old, self.fields = _blanked(self.old)
        new, _ = _blanked(self.new)
        return covers.find(old, new)

    def moved(self) -> Covers:
        old = np.empty(self.old.size_bytes, np.uint8)
        mover = Mover(self.map, self.old.size_bytes)
        for start in range(0, old.size, _BLOCK_BYTES):
            end = min(start + _BLOCK_BYTES, old.size)
            first, last = np.searchsorted(self.fields.position, np.array([start - 7, end]))
            low = max(start - 7, 0)
            data = self.old.read(low, end + 8 - low)
            old[start:end] = np.frombuffer(mover.moved(data, low, self.fields.at(slice(first, last))), np.uint8)[start - low:end - low]
        new = np.empty(self.new.size_bytes, np.uint8)
        for start in range(0, new.size, _BLOCK_BYTES):
            data = self.new.read(start, _BLOCK_BYTES)
            new[start:start + len(data)] = np.frombuffer(data, np.uint8)
        return covers.find(old, new)

    def vote(self, found: Covers) -> None:
        self.covers = found
        cast = [_sections(self.old.image, self.new.image)]
        for pairs in _pairs(self.old, self.new, self.fields, found):
            cast += pairs.votes(self.map)
        self.votes = votes.summed(cast)
        starts, shifts = votes.fitted(self.votes)
        self.map = AddressMap(starts, shifts, *(np.zeros(0, np.int64),) * 2)
        self.map = self.tally()

    def tally(self) -> AddressMap:
        mover = Mover(self.map, self.old.size_bytes)
        certain = np.zeros(self.old.size_bytes // REFUSED_BYTES + 1)
        guessed = np.zeros(self.old.size_bytes // ALLOWED_BYTES + 1)
        self.hits = self.broken = 0
        for pairs in _pairs(self.old, self.new, self.fields, self.covers):
            guess = pairs.fields.kind == GUESS
            by = _by(self.map, pairs.fields)
            differs = pairs.differs
            hit = (by == differs) & (by != 0)
            broken = (by != 0) & (differs == 0)
            score = hit - _BROKEN * broken
            certain += np.bincount(pairs.fields.position[~guess] // REFUSED_BYTES, score[~guess], len(certain))
            guessed += np.bincount(pairs.fields.position[guess] // ALLOWED_BYTES, score[guess], len(guessed))
            self.hits += int(hit[~guess].sum()); self.broken += int(broken[~guess].sum())
        return AddressMap(self.map.starts, self.map.shifts, np.flatnonzero(certain < 0), np.flatnonzero(guessed > 0))

    def fitted(self) -> Fitted | None:
        data = self.map.encode()
        return Fitted(self.old.image.filter, data, self.hits - len(data))


def _by(map, fields):
    by = map.shift(fields.target) - map.shift(fields.base)
    scaled = np.flatnonzero(fields.scale != 1)
    by[scaled] //= fields.scale[scaled]
    return by


def _blanked(binary: Binary) -> tuple[Bytes, Fields]:
    data = np.empty(binary.size_bytes + 8, np.uint8)
    parts = []
    for start in range(0, binary.size_bytes, _BLOCK_BYTES):
        part = binary.read(start, _BLOCK_BYTES)
        data[start : start + len(part)] = np.frombuffer(part, np.uint8)
    for start in range(0, binary.size_bytes, _BLOCK_BYTES):
        fields = references.find(binary, start, start + _BLOCK_BYTES)
        parts.append(fields)
        for width in (4, 8):
            words(data, width)[fields.position[(fields.kind != TABLE) & (fields.width == width)]] = 0
    return data[: binary.size_bytes], references.fields.joined(parts)


def _sections(old: Image, new: Image) -> Votes:
    places = {section.name: section.address for section in new.sections}
    both = [s for s in old.sections if s.name in places]
    address = np.array([s.address for s in both], np.int64)
    return Votes.of(address, np.array([places[s.name] for s in both], np.int64) - address, _SECTION_VOTES)


class _Addresses:
    def __init__(self, image: Image) -> None:
        sections = [s for s in image.sections if s.size_bytes and s.loaded]
        self.starts = np.array([0, *(s.offset for s in sections)], np.int64)
        self.ends = np.array([0, *(s.end for s in sections)], np.int64)
        self.by = np.array([0, *(s.address - s.offset for s in sections)], np.int64)

    def __call__(self, places: Ints) -> Ints:
        number = np.searchsorted(self.starts, places, "right") - 1
        return places + np.where(places < self.ends[number], self.by[number], UNLOADED)


@dataclass(frozen=True, slots=True, eq=False)
class _Matched:
    """Old references inside covers, with what they hold more in the new file, and how far they moved themselves."""

    fields: Fields
    differs: Ints
    moved: Ints
    own: Ints
    cover: Ints
    low: Ints
    high: Ints

    def votes(self, known: AddressMap) -> Iterator[Votes]:
        f = self.fields
        relative = f.base == self.own
        by = self.differs * f.scale + np.where(relative, self.moved, known.shift(f.base))
        usable = relative | (f.base == NO_BASE) | (len(known.starts) > 0)
        # a branch inside of its cover says what the cover says
        within = relative & (self.differs == 0) & (f.target >= self.low) & (f.target < self.high)
        some = np.flatnonzero(usable & ~within)
        yield Votes.of(f.target[some], by[some])
        some = np.flatnonzero(relative)
        group, moved, cover = f.base[some] >> 6, self.moved[some], self.cover[some]
        first = np.flatnonzero(np.concatenate(([True], (group[1:] != group[:-1]) | (moved[1:] != moved[:-1]) | (cover[1:] != cover[:-1])))[:len(some)])
        count = np.diff(np.append(first, len(some)))
        yield Votes(f.base[some][first], moved[first], count)


def _pairs(old: Binary, new: Binary, fields: Fields, found: Covers) -> Iterator[_Matched]:
    """All references inside covers, by blocks of the new file."""
    old_at, new_at = _Addresses(old.image), _Addresses(new.image)
    for start in range(0, new.size_bytes, _BLOCK_BYTES):
        end = min(start + _BLOCK_BYTES, new.size_bytes)
        first = int(np.searchsorted(found.new + found.length, start, "right"))
        last = int(np.searchsorted(found.new, end))
        if first >= last:
            continue
        low = np.maximum(found.new[first:last], start)
        high = np.minimum(found.new[first:last] + found.length[first:last], end)
        by = found.new[first:last] - found.old[first:last]
        inside = np.searchsorted(fields.position, low - by), np.searchsorted(fields.position, high - by - 3)
        counts = np.maximum(inside[1] - inside[0], 0)
        number = np.repeat(np.arange(len(low)), counts)
        index = np.arange(len(number)) + np.repeat(inside[0] - (np.cumsum(counts) - counts), counts)
        some = fields.at(index)
        whole = some.position + some.width <= (high - by)[number]
        some, number = some.at(whole), number[whole]
        # values
        lengths = high - low
        data = b"".join(old.read(int(at), int(length)) for at, length in zip(low - by, lengths, strict=True))
        before = some.position - (low - by)[number] + (np.cumsum(lengths) - lengths)[number]
        ahead = some.position + by[number] - start
        theirs = new.read(start, end - start)
        differs = np.zeros(len(number), np.int64)
        for width in (4, 8):
            these = np.flatnonzero(some.width == width)
            change = words(theirs, width)[ahead[these]] - words(data, width)[before[these]]
            differs[these] = change.astype(f"<i{width}")
        own = old_at(some.position)
        yield _Matched(some, differs, new_at(some.position + by[number]) - own, own, number, old_at(low - by)[number], (old_at(low - by) + lengths)[number])

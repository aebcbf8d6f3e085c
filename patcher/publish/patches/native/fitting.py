"""Fits the address map between two versions of a native file, from their references.

In the first round references are blanked on both sides, so that covers contain bytes that differ in nothing else.
(Tables are not blanked: without their addresses all entries look alike.) Each reference in a cover votes on how far its
target moved, and how far it moved itself. In the next rounds the old file is moved by the map of the round before. Then
its tables lie in covers too, and references relative to another address find that address in the map.
"""

import dataclasses
import lzma
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patcher.content.native import fields, references, stored
from patcher.content.native.addresses import ALLOWED_BYTES, HEAD, MAX_BREAKS, PLANES, REFUSED_BYTES, AddressMap, filters
from patcher.content.native.binary import Binary, Spans
from patcher.content.native.fields import GUESS, NO_BASE, TABLE, Fields
from patcher.content.native.numbers import Bytes, Ints, changes
from patcher.content.native.rebase import Mover
from patcher.content.native.sections import Image, Read
from patcher.publish.patches.native import covers, matches, votes
from patcher.publish.patches.native.covers import Covers
from patcher.publish.patches.native.matches import BLOCK_BYTES, Matches
from patcher.publish.patches.native.votes import VoteCounter

_MOST_BYTES = 1 << 30
_ROUNDS = 3
_SECTION_VOTES = 64
_GROUP_BITS = 4
_BROKEN = 1.5
"""One reference that the map breaks weighs as much as this many that it puts right."""
_SAVED_BYTES = 0.4
"""Bytes that a reference put right saves at least; mostly it is twice as much."""
_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A filter's name, the encoded map, and a low estimate of the bytes that a patch saves by it."""

    filter: str
    data: bytes
    saved_bytes: int


def fit(old: Read, old_bytes: int, new: Read, new_bytes: int) -> Fitted | None:
    """The map that makes ``old`` most like ``new``; None if they are of different kinds or it would save too little.

    Takes twice the size of both files in memory, at least some 300 MB; None, too, if they are too large for that. The
    same files give the same map.
    """
    if old_bytes + new_bytes > _MOST_BYTES:
        return None
    ours, theirs = Binary.open(old, old_bytes), Binary.open(new, new_bytes)
    if not ours or not theirs or (ours.image.filter, ours.image.format) != (theirs.image.filter, theirs.image.format):
        return None
    pair = _Pair(ours, theirs)
    addresses, right = pair.round(None)
    for _ in range(_ROUNDS - 1 if right else 0):
        addresses, right = pair.round(addresses)
    data = encode(addresses)
    saved_bytes = int(right * _SAVED_BYTES) - len(data)
    useful = saved_bytes > 0 and len(addresses.starts) <= MAX_BREAKS
    return Fitted(ours.image.filter, data, saved_bytes) if useful else None


PackedFields = tuple[tuple[np.signedinteger, NDArray[np.unsignedinteger]], ...]
"""Fields in little memory: the least number of each column, and how much greater the others are, in the smallest type
that holds this."""


def packed(fields: Fields) -> PackedFields:
    """The packed form of fields."""
    return tuple(_narrow(getattr(fields, column.name)) for column in dataclasses.fields(fields))


def unpacked(columns: PackedFields) -> Fields:
    """The fields of their packed form."""
    return Fields(*(more.astype(least.dtype) + least for least, more in columns))


def _narrow(column: NDArray[np.signedinteger]) -> tuple[np.signedinteger, NDArray[np.unsignedinteger]]:
    least, most = (column.min(), column.max()) if column.size else (column.dtype.type(0),) * 2
    return least, (column - least).astype(np.min_scalar_type(int(most) - int(least)))


class _Pair:
    """Two versions of a file, with the references of the old one."""

    def __init__(self, old: Binary, new: Binary) -> None:
        self._old, self._new = old, new
        self._stubs = Spans.of(section for section in old.image.sections if section.name.startswith(".plt"))
        self._kept = [packed(some) for some in _references(old)]

    @property
    def _fields(self) -> Iterator[Fields]:
        """The references of the old file, `BLOCK_BYTES` of it at a time."""
        return map(unpacked, self._kept)

    def round(self, known: AddressMap | None) -> tuple[AddressMap, float]:
        """A map made with the one before, and the references that it puts right less those that it breaks."""
        if known:
            found = covers.find(self._moved(known), _whole(self._new))
        else:
            found = covers.find(_blanked(self._old, self._fields), _blanked(self._new, _references(self._new)))
        ballot = VoteCounter()
        _vote_of_sections(ballot, self._old.image, self._new.image)
        for some in matches.find(self._old, self._new, self._fields, found):
            _vote(ballot, some, known, self._stubs)
        starts, shifts = votes.fitted(ballot.votes())
        return self._listed(AddressMap(starts, shifts, _NONE, _NONE), found)

    def _moved(self, addresses: AddressMap) -> Bytes:
        """The old file, moved by a map."""
        mover, data = Mover(addresses, self._old.size_bytes), np.zeros(self._old.size_bytes, np.uint8)
        reaching = fields.joined([])
        for at, some in zip(_blocks(self._old), self._fields, strict=True):
            part = mover.read(self._old, at, BLOCK_BYTES, fields.joined([reaching, some]))
            data[at : at + len(part)] = np.frombuffer(part, np.uint8)
            reaching = some.at(some.position > at + BLOCK_BYTES - fields.MAX_WIDTH)
        return data

    def _listed(self, addresses: AddressMap, found: Covers) -> tuple[AddressMap, float]:
        """The map with the blocks in which it breaks more than it puts right, and those in which guesses are good."""
        certain = np.zeros(self._old.size_bytes // REFUSED_BYTES + 1)
        guessed = np.zeros(self._old.size_bytes // ALLOWED_BYTES + 1)
        for some in matches.find(self._old, self._new, self._fields, found):
            by = stored.moves(some.fields, addresses)
            score = (by != 0) * ((by == some.grown) - _BROKEN * (some.grown == 0))
            guess, position = some.fields.kind == GUESS, some.fields.position
            certain += np.bincount(position[~guess] // REFUSED_BYTES, score[~guess], len(certain))
            guessed += np.bincount(position[guess] // ALLOWED_BYTES, score[guess], len(guessed))
        right = certain[certain > 0].sum() + guessed[guessed > 0].sum()
        refused, allowed = np.flatnonzero(certain < 0), np.flatnonzero(guessed > 0)
        return AddressMap(addresses.starts, addresses.shifts, refused, allowed), float(right)


# ---------------------------------------------------------------- votes


def _vote_of_sections(ballot: VoteCounter, old: Image, new: Image) -> None:
    """Votes for the starts of sections, which are enough for references that count from them."""
    starts = {section.name: section.address for section in new.sections if section.loaded}
    both = [section for section in old.sections if section.loaded and section.name in starts]
    address = np.array([section.address for section in both], np.int64)
    moved = np.array([starts[section.name] for section in both], np.int64) - address
    ballot.add(address, moved, np.full(len(both), _SECTION_VOTES))


def _vote(ballot: VoteCounter, some: Matches, known: AddressMap | None, stubs: Spans) -> None:
    """A vote of each reference for its target, and one for its own address; the latter in groups of neighbours.

    Linker stubs all look alike, so they do not vote for their own addresses; only their callers do.
    """
    base, target = some.fields.base, some.fields.target
    shift = some.further + np.where(some.relative, some.moved, 0 if known is None else known.shift(base))
    clear = np.flatnonzero(some.tell & (some.relative | (base == NO_BASE) | (known is not None)))
    ballot.add(target[clear], shift[clear], np.ones(len(clear), np.int64))
    sure = some.relative & ~stubs.hold(base)
    own, moved = base[sure], some.moved[sure]
    first = np.flatnonzero(changes(own >> _GROUP_BITS) | changes(moved))
    ballot.add(own[first], moved[first], np.diff(first, append=len(own)))


# ---------------------------------------------------------------- bytes


def _blocks(binary: Binary) -> range:
    return range(0, binary.size_bytes, BLOCK_BYTES)


def _whole(binary: Binary) -> Bytes:
    data = np.zeros(binary.size_bytes, np.uint8)
    for at in _blocks(binary):
        part = binary.read(at, BLOCK_BYTES)
        data[at : at + len(part)] = np.frombuffer(part, np.uint8)
    return data


def _references(binary: Binary) -> Iterator[Fields]:
    """The references of a file, `BLOCK_BYTES` of it at a time."""
    return (references.find(binary, at, at + BLOCK_BYTES) for at in _blocks(binary))


def _blanked(binary: Binary, found: Iterable[Fields]) -> Bytes:
    """The file with zeros for all references but those in tables."""
    data = _whole(binary)
    for some in found:
        coded = some.at(some.kind != TABLE)
        stored.write(data, coded.position, coded, np.zeros(len(coded), np.int64))
    return data


# ---------------------------------------------------------------- the map as a document


def encode(addresses: AddressMap) -> bytes:
    """The document that `AddressMap.decode` reads."""
    starts, shifts = np.diff(addresses.starts, prepend=0), np.diff(addresses.shifts, prepend=0)
    blocks = np.diff(addresses.refused, prepend=0), np.diff(addresses.allowed, prepend=0)
    lists = (starts, (shifts << 1) ^ (shifts >> 63), *blocks)
    plain = b"".join(_planes(numbers, planes) for numbers, planes in zip(lists, PLANES, strict=True))
    head = HEAD.pack(len(addresses.starts), len(addresses.refused), len(addresses.allowed))
    return head + lzma.compress(plain, lzma.FORMAT_RAW, filters=filters(len(plain)))


def _planes(numbers: Ints, planes: int) -> bytes:
    return numbers.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :planes].T.tobytes()

"""Reads the pieces of a torrent from the origin: from a pack, from loose files, or from windows of the full pack."""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Protocol

from patcher import beneath
from patcher.content import codec
from patcher.content.layout import PieceLayout
from patcher.content.manifest import Manifest
from patcher.content.merkle import Ref
from patcher.content.patch_index import Index, Window
from patcher.errors import ContentError, Mismatch, Missing
from patcher.transfer.origin import ranges
from patcher.transfer.swarm.torrent import Torrent

_CACHED_PIECES = 16


class ContentReader(Protocol):
    """Reads content files: `client.Origin`."""

    def read(self, ref: Ref, offset: int, length: int) -> Iterator[bytes]:
        """``length`` bytes of a file from ``offset`` on, in portions, unverified. Raises OriginError, Cancelled."""


class PackSource:
    """The pieces of a pack, as ranges of its file."""

    def __init__(self, origin: ContentReader, layout: PieceLayout) -> None:
        self._origin = origin
        self._layout = layout
        self._pack = Ref(layout.roots[0], layout.sizes[0])

    def pieces(self, first: int, limit: int, is_needed: Callable[[int], bool]) -> Sequence[int]:
        """``first`` and the needed pieces behind it."""
        return _neighbours(first, min(first + limit, self._layout.count), is_needed)

    def read(self, pieces: Sequence[int], received: Callable[[int], None]) -> Generator[tuple[int, bytes]]:
        """Consecutive pieces, in one request. Raises OriginError."""
        spans = [self._layout.span(piece)[1:] for piece in pieces]
        yield from zip(pieces, ranges.read(self._origin.read, self._pack, spans, received), strict=True)


class TreeSource:
    """The pieces of a part's tree: ranges of its loose files, or whole windows of its full pack where that is cheaper.

    A window is taken when it is shorter than the bytes that are needed of its pieces. If the origin has no full pack
    any more, the loose files serve instead, and the other way round. Pieces that are `Torrent.partial` are completed:
    only their missing blocks are fetched.
    """

    def __init__(
        self, origin: ContentReader, manifest: Manifest, full: Index | None = None, torrent: Torrent | None = None
    ) -> None:
        self._origin = origin
        self._torrent = torrent or Torrent(manifest.info_hash, manifest.layout, b"", ())
        self._manifest = manifest
        self._layout = manifest.layout
        self._same: dict[bytes, list[int]] = {}
        for number, entry in enumerate(manifest.entries):
            self._same.setdefault(entry.root, []).append(number)
        self._pack = _FullPack(origin, full) if full else None
        self._window_of: dict[int, int] = {}
        for number, window in enumerate(full.windows if full else ()):
            self._window_of.update((piece, number) for piece, _, _ in self._made(window))

    def pieces(self, first: int, limit: int, is_needed: Callable[[int], bool]) -> Sequence[int]:
        """The needed pieces of the window that makes ``first`` where that is cheaper; else the range behind it."""
        if made := self._windowed_pieces(first, is_needed):
            return made

        def is_loose(piece: int) -> bool:
            """A neighbour that another window makes for less is left to that window."""
            is_same = self._window_of.get(piece) == self._window_of.get(piece - 1)
            return is_needed(piece) and (is_same or not self._windowed_pieces(piece, is_needed))

        return _neighbours(first, min(first + limit, self._layout.count), is_loose)

    def _windowed_pieces(self, first: int, is_needed: Callable[[int], bool]) -> Sequence[int]:
        """The needed pieces of the window that makes ``first`` where that is cheaper; else none."""
        number, pack = self._window_of.get(first), self._pack
        if number is None or not pack:
            return ()
        window = pack.windows[number]
        made = [piece for piece, _, _ in self._made(window) if piece == first or is_needed(piece)]
        return made if self._is_cheaper(window, made) else ()

    def read(self, pieces: Sequence[int], received: Callable[[int], None]) -> Generator[tuple[int, bytes]]:
        """What `pieces` returned. Raises OriginError; ContentError for a damaged window, left out from then on."""
        pack, numbers = self._pack, {self._window_of.get(piece) for piece in pieces}
        number = numbers.pop()
        if numbers or number is None or not pack or not self._is_cheaper(pack.windows[number], pieces):
            yield from self._loose_or_packed(pack, pieces, received)
            return
        try:
            yield from self._windowed(pack, number, received)
        except Missing:
            self._pack = None
            yield from self._loose(pieces, received)

    def _is_cheaper(self, window: Window, pieces: Sequence[int]) -> bool:
        return sum(length for piece in pieces for _, length in self._lacking(piece)) > window.length

    def _lacking(self, piece: int) -> list[tuple[int, int]]:
        """The ranges of a piece that have to be fetched: offset and length in its file."""
        start = self._layout.span(piece).offset
        return [(start + offset, count) for offset, count in self._torrent.missing(piece)]

    def _loose_or_packed(
        self, pack: "_FullPack | None", pieces: Sequence[int], received: Callable[[int], None]
    ) -> Generator[tuple[int, bytes]]:
        left = list(pieces)
        try:
            for piece, data in self._loose(pieces, received):
                yield piece, data
                left.remove(piece)
        except Missing:
            number = self._window_of.get(left[0])
            if number is None or not pack:
                raise
            yield from self._windowed(pack, number, received)

    def _loose(self, pieces: Sequence[int], received: Callable[[int], None]) -> Generator[tuple[int, bytes]]:
        """The pieces of each file in one request, or in a few where most blocks are here."""
        for number, mine in itertools.groupby(sorted(pieces), lambda piece: self._layout.span(piece).file):
            entry, group = self._manifest.entries[number], list(mine)
            spans = (span for piece in group for span in self._lacking(piece))
            stream = ranges.read(self._origin.read, Ref(entry.root, entry.size_bytes), spans, received)
            for piece in group:
                yield piece, self._filled(piece, stream) if piece in self._torrent.partial else next(stream)

    def _filled(self, piece: int, stream: Iterator[bytes]) -> bytes:
        """A piece made of the blocks that its file holds and the fetched ones."""
        file, start, length = self._layout.span(piece)
        with beneath.translated(self._torrent.paths[file]), beneath.open_file(self._torrent.paths[file]) as held:
            held.seek(start)
            data = bytearray(held.read(length))
        for offset, count in self._torrent.missing(piece):
            data[offset : offset + count] = next(stream)
        return bytes(data)

    def _windowed(
        self, pack: "_FullPack", number: int, received: Callable[[int], None]
    ) -> Generator[tuple[int, bytes]]:
        """All pieces that a window makes, in every file that has the same content."""
        window = pack.windows[number]
        try:
            data = pack.read(window, received)
            output = memoryview(codec.apply(window.codec, data, b"", window.output_bytes, window.sha256))
        except ContentError:
            self._window_of = {piece: other for piece, other in self._window_of.items() if other != number}
            raise
        for piece, at, length in self._made(window):
            yield piece, bytes(output[at : at + length])

    def _made(self, window: Window) -> Iterator[tuple[int, int, int]]:
        """The pieces that a window makes: number, and offset and length in its output."""
        at, size = 0, self._layout.piece_bytes
        for span in window.new:
            for offset in range(0, span.length, size):
                for file in self._same[self._manifest.entries[span.file].root]:
                    piece = self._layout.firsts[file] + (span.offset + offset) // size
                    yield piece, at + offset, min(size, span.length - offset)
            at += span.length


class _FullPack:
    """The full pack at the origin. Its bytes are checked against the pack's hashes before a decoder sees them."""

    def __init__(self, origin: ContentReader, index: Index) -> None:
        self.windows = index.windows
        self._origin = origin
        self._index = index
        self._lock = threading.Lock()
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        """Windows do not begin and end with pieces: their neighbours need the same ones."""

    def read(self, window: Window, received: Callable[[int], None]) -> bytes:
        """The window's bytes. Raises OriginError; Mismatch for a wrong piece."""
        if self._index.pack is None:
            return self._index.inline[window.offset : window.offset + window.length]
        layout = self._index.layout
        numbers = layout.covering(0, window.offset, window.length)
        with self._lock:
            known = {number: self._cache[number] for number in numbers if number in self._cache}
        missing = [number for number in numbers if number not in known]
        source = PackSource(self._origin, layout)
        for number, data in source.read(range(missing[0], missing[-1] + 1), received) if missing else ():
            if not layout.matches(number, data):
                raise Mismatch(f"The server sent a wrong piece {number} of a pack", piece=number)
            known[number] = data
        self._remember({number: known[number] for number in (numbers[0], numbers[-1])})
        start = window.offset - layout.span(numbers[0]).offset
        return b"".join(known[number] for number in numbers)[start : start + window.length]

    def _remember(self, pieces: dict[int, bytes]) -> None:
        with self._lock:
            self._cache.update(pieces)
            while len(self._cache) > _CACHED_PIECES:
                self._cache.popitem(last=False)


def _neighbours(first: int, end: int, is_needed: Callable[[int], bool]) -> Sequence[int]:
    last = first + 1
    while last < end and is_needed(last):
        last += 1
    return range(first, last)

"""Reads the pieces of a torrent from the origin: from a pack, from loose files, or from windows of the full pack."""

import itertools
import threading
from collections.abc import Callable, Generator, Iterator, Sequence

from patcher import beneath
from patcher.content import codec
from patcher.content.layout import PieceLayout
from patcher.content.merkle import Ref
from patcher.content.patch_index import Index, Window
from patcher.errors import ContentError, Mismatch, Missing, NoRanges
from patcher.transfer.origin import ranges
from patcher.transfer.swarm.torrent import Torrent

_CACHED_PIECES = 16
_REQUEST_BYTES = 64 << 10
"""What a request costs beside its bytes: about as much as passes the line in one round trip, over all connections."""


class PackSource:
    """The pieces of a pack, as ranges of its file."""

    def __init__(self, read: ranges.Read, layout: PieceLayout) -> None:
        self._read = read
        self._layout = layout
        self._pack = Ref(layout.roots[0], layout.sizes[0])

    def pieces(self, first: int, limit: int, is_needed: Callable[[int], bool]) -> Sequence[int]:
        """``first`` and the needed pieces that follow it without a gap."""
        return _neighbours(first, min(first + limit, self._layout.count), is_needed)

    def read(self, pieces: Sequence[int], received: Callable[[int], None]) -> Generator[tuple[int, bytes]]:
        """Consecutive pieces, in one request. Raises OriginError."""
        spans = [self._layout.span(piece)[1:] for piece in pieces]
        yield from zip(pieces, ranges.read(self._read, self._pack, spans, received), strict=True)


class TreeSource:
    """The pieces of a part's tree: ranges of its loose files, or whole windows of its full pack if that is cheaper.

    A window is taken when it costs less than the bytes that are needed of its pieces, with a request for each file. If
    the origin has no full pack any more, the loose files serve instead, and the other way round. Pieces that are
    `Torrent.partial` are completed: only their missing blocks are fetched.
    """

    def __init__(self, read: ranges.Read, torrent: Torrent, full: Index | None = None) -> None:
        self._read = read
        self._torrent = torrent
        self._layout = torrent.layout
        self._same: dict[bytes, list[int]] = {}
        for file, root in enumerate(self._layout.roots):
            self._same.setdefault(root, []).append(file)
        self._pack = _FullPack(read, full) if full else None
        self._window_of: dict[int, Window] = {}
        """The windows that can be had, by the pieces that they make."""
        for window in full.windows if full else ():
            self._window_of.update((piece, window) for piece, _, _ in self._made(window))

    def pieces(self, first: int, limit: int, is_needed: Callable[[int], bool]) -> Sequence[int]:
        """The needed pieces of the window that makes ``first`` if that is cheaper; else the run from ``first`` on."""
        if made := self._windowed_pieces(first, is_needed):
            return made

        def is_loose(piece: int) -> bool:
            """A neighbour that another window makes for less is left to that window."""
            is_same = self._window_of.get(piece) is self._window_of.get(piece - 1)
            return is_needed(piece) and (is_same or not self._windowed_pieces(piece, is_needed))

        return _neighbours(first, min(first + limit, self._layout.count), is_loose)

    def _windowed_pieces(self, first: int, is_needed: Callable[[int], bool]) -> Sequence[int]:
        """The needed pieces of the window that makes ``first`` if that is cheaper; else none."""
        window = self._window_of.get(first)
        made = [piece for piece, _, _ in self._made(window) if piece == first or is_needed(piece)] if window else []
        return made if made and self._cheaper(made) else ()

    def read(self, pieces: Sequence[int], received: Callable[[int], None]) -> Generator[tuple[int, bytes]]:
        """Read the result of `pieces`. Raises OriginError; ContentError for a damaged window, not used again."""
        if window := self._cheaper(pieces):
            try:
                yield from self._windowed(window, received)
                return
            except (Missing, NoRanges):
                self._window_of = {}
        left = list(pieces)
        try:
            for piece, data in self._loose(pieces, received):
                yield piece, data
                left.remove(piece)
        except (Missing, NoRanges):
            window = self._window_of.get(left[0])
            if window is None:
                raise
            yield from self._windowed(window, received)

    def _cheaper(self, pieces: Sequence[int]) -> Window | None:
        """The window that makes all these pieces and costs less than the bytes they lack; None if there is none."""
        window = self._window_of.get(pieces[0])
        if window and all(self._window_of.get(piece) is window for piece in pieces):
            requests = len({self._layout.span(piece).file for piece in pieces})
            loose_bytes = sum(map(self._torrent.missing_bytes, pieces)) + requests * _REQUEST_BYTES
            return window if loose_bytes > window.length + _REQUEST_BYTES else None
        return None

    def _lacking(self, piece: int) -> list[tuple[int, int]]:
        """The ranges of a piece that have to be fetched: offset and length in its file."""
        start = self._layout.span(piece).offset
        return [(start + offset, count) for offset, count in self._torrent.missing(piece)]

    def _loose(self, pieces: Sequence[int], received: Callable[[int], None]) -> Generator[tuple[int, bytes]]:
        """The pieces of each file in one request, or in a few if blocks between are here already."""
        layout = self._layout
        for file, mine in itertools.groupby(sorted(pieces), lambda piece: layout.span(piece).file):
            group = list(mine)
            spans = (span for piece in group for span in self._lacking(piece))
            stream = ranges.read(self._read, Ref(layout.roots[file], layout.sizes[file]), spans, received)
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

    def _windowed(self, window: Window, received: Callable[[int], None]) -> Generator[tuple[int, bytes]]:
        """All pieces that a window makes, in every file that has the same content."""
        assert self._pack
        try:
            data = self._pack.read(window, received)
            output = memoryview(codec.apply(window.codec, data, b"", window.output_bytes, window.sha256))
        except ContentError:
            self._window_of = {piece: other for piece, other in self._window_of.items() if other is not window}
            raise
        for piece, at, length in self._made(window):
            yield piece, bytes(output[at : at + length])

    def _made(self, window: Window) -> Iterator[tuple[int, int, int]]:
        """The pieces that a window makes: number, and offset and length in its output."""
        at, size = 0, self._layout.piece_bytes
        for span in window.new:
            for offset in range(0, span.length, size):
                for file in self._same[self._layout.roots[span.file]]:
                    piece = self._layout.firsts[file] + (span.offset + offset) // size
                    yield piece, at + offset, min(size, span.length - offset)
            at += span.length


class _FullPack:
    """The full pack at the origin. Its bytes are checked against the pack's hashes before a decoder sees them."""

    def __init__(self, read: ranges.Read, index: Index) -> None:
        self._read = read
        self._index = index
        self._lock = threading.Lock()
        self._cache: dict[int, bytes] = {}
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
        source = PackSource(self._read, layout)
        for number, data in source.read(range(missing[0], missing[-1] + 1), received) if missing else ():
            if not layout.matches(number, data):
                raise Mismatch(f"The server sent a wrong piece {number} of a pack.", piece=number)
            known[number] = data
        with self._lock:
            self._cache |= {number: known[number] for number in (numbers[0], numbers[-1])}
            while len(self._cache) > _CACHED_PIECES:
                del self._cache[next(iter(self._cache))]
        start = window.offset - layout.span(numbers[0]).offset
        return b"".join(known[number] for number in numbers)[start : start + window.length]


def _neighbours(first: int, end: int, is_needed: Callable[[int], bool]) -> Sequence[int]:
    last = first + 1
    while last < end and is_needed(last):
        last += 1
    return range(first, last)

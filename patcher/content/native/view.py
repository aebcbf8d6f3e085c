"""A part of a native file as numbers."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from patcher.content.native.binary import Binary
from patcher.content.native.numbers import Ints, words
from patcher.content.native.sections import Section


class View:
    """The bytes of a file from ``start`` to ``end``, cut to the file, and zeros behind them."""

    def __init__(self, binary: Binary, start: int, end: int) -> None:
        self.binary = binary
        self.start, self.end = max(start, 0), min(end, binary.size_bytes)
        data = binary.read(self.start, self.end - self.start)
        self.bytes = np.zeros(self.end - self.start + 8, np.uint8)
        self.bytes[: len(data)] = np.frombuffer(data, np.uint8)

    def sections(self, role: str) -> Iterator[Section]:
        """The sections of this role that have bytes in the view."""
        return (s for s in self.binary.image.of_role(role) if s.offset < self.end and s.end > self.start)

    def entries(self, section: Section, step: int, skip: int = 0) -> Ints:
        """Offsets of the entries of ``step`` bytes whole in the view; the first is ``skip`` bytes into the section."""
        first = section.offset + skip
        start = first + -(-max(self.start - first, 0) // step) * step
        return np.arange(start, min(section.end, self.end) - step + 1, step, dtype=np.int64)

    def inside(self, offsets: NDArray[np.uint32], width: int) -> Ints:
        """The sorted offsets whose ``width`` bytes lie whole in the view."""
        first, last = np.searchsorted(offsets, np.array([self.start, max(self.end - width + 1, 0)], np.uint32))
        return offsets[first:last].astype(np.int64)

    def u8(self, offsets: Ints) -> Ints:
        """The bytes at these offsets."""
        return self.bytes[offsets - self.start].astype(np.int64)

    def u32(self, offsets: Ints) -> Ints:
        """The 32-bit numbers at these offsets."""
        return self._at("<u4", offsets)

    def i32(self, offsets: Ints) -> Ints:
        """The signed 32-bit numbers at these offsets."""
        return self._at("<i4", offsets)

    def i64(self, offsets: Ints) -> Ints:
        """The signed 64-bit numbers at these offsets; negative ones are no addresses."""
        return self._at("<i8", offsets)

    def _at(self, kind: str, offsets: Ints) -> Ints:
        return words(self.bytes, kind)[offsets - self.start].astype(np.int64)

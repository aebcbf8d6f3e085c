"""An opened native file: its image and the lists in its tables, so that any part of it can be examined alone."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patcher.content.native import image as images
from patcher.content.native import offsets
from patcher.content.native.numbers import Ints
from patcher.content.native.offsets import Offsets
from patcher.content.native.sections import Image, Read, Section


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """A set of addresses, as the rising borders between outside and inside."""

    borders: Ints

    @classmethod
    def of(cls, sections: Iterable[Section], more: int = 0) -> "Spans":
        """The addresses of the sections in memory, and ``more`` addresses behind each of them."""
        borders: list[int] = []
        for start, end in sorted((s.address, s.address + s.memory_bytes + more) for s in sections):
            if borders and start <= borders[-1]:
                borders[-1] = max(borders[-1], end)
            elif start < end:
                borders += [start, end]
        return cls(np.array(borders, np.int64))

    def hold(self, addresses: Ints) -> NDArray[np.bool_]:
        """Which of the addresses are in the set."""
        return (np.searchsorted(self.borders, addresses, "right") & 1).astype(np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Binary:
    """One native file: its ``code`` addresses, all ``loaded`` ones, and the lists of `offsets`."""

    image: Image
    size_bytes: int
    read: Read
    code: Spans
    loaded: Spans
    pointers: Offsets
    frames: Offsets
    rvas: Offsets

    @classmethod
    def open(cls, read: Read, size_bytes: int) -> "Binary | None":
        """The native file of ``size_bytes`` behind ``read``; None if it is of no known kind. Never raises."""
        image = images.parse(read, size_bytes)
        if image is None:
            return None
        loaded = [section for section in image.sections if section.loaded]
        return cls(
            image,
            size_bytes,
            read,
            Spans.of(section for section in loaded if section.executable),
            Spans.of(loaded, 1),  # a symbol that marks the end of a section points behind it
            offsets.listed(image, offsets.pointers(image, read), 8),
            offsets.listed(image, offsets.frames(image, read), 4),
            offsets.listed(image, offsets.rvas(image, read), 4),
        )

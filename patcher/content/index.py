"""The index of a patch: what is where in a pack, and what comes of it.

A *window* is at most 16 MiB of new bytes, whole small files or runs of larger ones, decoded on its own from its bytes
in the pack and from the old ranges it names; or a copy, of any size, that needs no bytes of the pack. A patch makes its
files whole; a *full pack* (no old release) may leave windows out. Content that the old release holds anywhere is in no
patch, and no content is in it twice.

A *filter* gives an old file of native code an address map: *re-based* windows read the file with its references moved
by that map, so that they meet the references of the new file.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from bencode2 import bencode

from patcher.content import bencoded, merkle
from patcher.content.codec import COPY, COPY_REBASED, HDIFF_REBASED
from patcher.content.manifest import announce, piece_bytes_for
from patcher.content.merkle import Ref
from patcher.publish.patches.windows import Range

INLINE_BYTES = 8 * 1024
SWARM_BYTES = 64 * 1024

WHAT = "a patch index"


@dataclass(frozen=True, slots=True)
class Window:
    """Where a window lies in the pack, what it makes (``new``, side by side) and from what (``old``, side by side).

    A copy has no bytes in the pack and no ``sha256``: each new range is the old one beside it, and the files it is part
    of have their signed roots.
    """

    offset: int
    length: int
    codec: int
    new: tuple[Range, ...]
    old: tuple[Range, ...]
    output_bytes: int
    sha256: bytes

    @property
    def is_copy(self) -> bool:
        """There is nothing to decode."""
        return self.codec in {COPY, COPY_REBASED}

    @property
    def is_rebased(self) -> bool:
        """Old files that have a filter are read through it; else all are read as they are."""
        return self.codec in {HDIFF_REBASED, COPY_REBASED}


@dataclass(frozen=True, slots=True)
class Filter:
    """Number of an old file, how references are found in it, and where in the pack its address map lies."""

    file: int
    name: str
    offset: int
    length: int
    sha256: bytes
    """Of the map as it lies there."""


@dataclass(frozen=True)
class Index:
    """A pack, its maps and its windows. ``pack`` is None when the pack is empty or stands in ``inline``.

    ``layer`` is the pack's piece layer, ``b""`` for a pack of one piece.
    """

    pack: Ref | None
    piece_bytes: int
    layer: bytes
    windows: tuple[Window, ...]
    inline: bytes = b""
    filters: tuple[Filter, ...] = ()

    @property
    def pack_bytes(self) -> int:
        """Size of the pack, wherever it is."""
        return self.pack.size_bytes if self.pack else len(self.inline)

    @property
    def has_swarm(self) -> bool:
        """A smaller pack is not worth a torrent."""
        return self.pack is not None and self.pack.size_bytes >= SWARM_BYTES

    def filters_of(self, window: Window) -> dict[int, Filter]:
        """By old file: the filters through which a window reads."""
        if not window.is_rebased:
            return {}
        return {span.file: self._filters[span.file] for span in window.old if span.file in self._filters}

    @cached_property
    def _filters(self) -> dict[int, Filter]:
        return {each.file: each for each in self.filters}


def index_of(
    windows: Iterable[Window], leaves: bytes, size_bytes: int, inline: bytes = b"", filters: Iterable[Filter] = ()
) -> Index:
    """The index of a finished pack, from its leaves and size; of a pack of up to 8 KiB ``inline`` are its bytes."""
    piece = piece_bytes_for(size_bytes)
    windows, filters = tuple(windows), tuple(filters)
    if size_bytes <= INLINE_BYTES:
        return Index(None, piece, b"", windows, inline, filters)
    pack = Ref(merkle.root_of(leaves), size_bytes)
    return Index(pack, piece, merkle.layer_of(leaves, piece), windows, b"", filters)


def pack_torrent(index: Index, part: str, trackers: Sequence[str] = ()) -> bytes:
    """The pack as a v2 torrent of one file, with its piece layer; ``part`` is the name in the new manifest.

    The same pack and part make the same swarm. Raises ContentError content.invalid when there is no pack file.
    """
    if index.pack is None:
        raise bencoded.invalid(WHAT, "there is no pack to make a torrent of")
    name = f"{part}.patch".encode()
    file = {b"length": index.pack.size_bytes, b"pieces root": index.pack.root}
    info = {
        b"file tree": {name: {b"": file}},
        b"meta version": 2,
        b"name": name,
        b"piece length": index.piece_bytes,
    }
    layers = {index.pack.root: index.layer} if index.layer else {}
    return bencode({b"info": info, b"piece layers": layers, **announce(trackers)})

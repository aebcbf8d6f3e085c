"""Contents that are on this disk already, in sealed packs whose key is known, read like those of an origin."""

from collections.abc import Iterator
from pathlib import Path

from patcher.content import sealed
from patcher.content.merkle import Ref
from patcher.content.sealed import SALT_BYTES, Seal

_PORTION_BYTES = 1 << 20


class Shelf:
    """Sealed packs. What is read is *unverified*, as from an origin; safe for several threads."""

    def __init__(self) -> None:
        self._places: dict[Ref, tuple[Path, int, Seal]] = {}

    def add(self, pack: Path, key: bytes) -> None:
        """Open a pack. Raises ContentError (content.invalid) for a wrong key or a damaged table, OSError."""
        seal, places = sealed.places(key, pack.stat().st_size, lambda offset, length: _read(pack, offset, length))
        self._places.update({ref: (pack, offset, seal) for ref, offset in places.items()})

    def has(self, ref: Ref) -> bool:
        """Whether a pack holds the content."""
        return ref in self._places

    def read(self, ref: Ref, offset: int, length: int) -> Iterator[bytes]:
        """A range of a content that a pack holds, in portions. Raises OSError."""
        pack, start, seal = self._places[ref]
        for at in range(offset, offset + length, _PORTION_BYTES):
            count = min(_PORTION_BYTES, offset + length - at)
            yield seal.apply(_read(pack, SALT_BYTES + start + at, count), start + at)


def _read(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)

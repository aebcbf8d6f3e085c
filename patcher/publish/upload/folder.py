"""Uploads to a folder of this machine, such as the root of a web server or a mounted share."""

import os
from collections.abc import Collection
from pathlib import Path

from patcher import disk
from patcher.beneath import translated
from patcher.publish.store import PhaseMeter, make_folder, read_in_chunks
from patcher.publish.upload.destination import PART, SmallFile, overtaken


class FolderDestination:
    """A folder. Whatever is in it when the timestamp is replaced is durable."""

    transfers = 4

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sizes(self, folders: Collection[str]) -> dict[str, int]:
        """See `Destination.sizes`."""
        found = {}
        for name in folders:
            with translated(self._folder / name):
                if (self._folder / name).is_dir():
                    found.update({f"{name}/{e.name}": e.stat().st_size for e in os.scandir(self._folder / name)})
        return found

    def read(self, path: str) -> SmallFile | None:
        """See `Destination.read`."""
        with translated(self._folder / path):
            return SmallFile((self._folder / path).read_bytes()) if (self._folder / path).is_file() else None

    def put(self, path: str, source: Path, meter: PhaseMeter) -> None:
        """See `Destination.put`."""
        place = self._folder / path
        part = place.with_name(place.name + PART)
        make_folder(place.parent)
        with disk.Staged(part, source.stat().st_size) as staged:
            offset = 0
            for chunk in read_in_chunks(source, meter):
                staged.write(offset, chunk)
                offset += len(chunk)
            staged.sync()
        disk.rename(part, place)
        disk.sync_folder(place.parent)

    def replace(self, path: str, data: bytes, known: SmallFile | None) -> None:
        """See `Destination.replace`."""
        if self.read(path) != known:
            raise overtaken(str(self._folder))
        make_folder((self._folder / path).parent)
        disk.write_atomic(self._folder / path, data)

    def close(self) -> None:
        """Nothing is open."""

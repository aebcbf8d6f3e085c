"""Preloads: sealed packs of a release that is not live yet are fetched ahead, and read like an origin at its launch.

They lie in the pack cache, reserved for their title, and are offered to other players like every pack there. Their key
is in the signed records from the launch on. The update then is an ordinary one: it only finds its contents here.
"""

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from patcher import disk
from patcher.content import manifest, records
from patcher.content.merkle import Ref
from patcher.content.records import SealedPack
from patcher.errors import ContentError, DiskError, UsageError
from patcher.feed.feeds import Opened
from patcher.install.folder import Installed
from patcher.install.registry import Installation
from patcher.plain import human_bytes
from patcher.seeding.pack_cache import Packs
from patcher.seeding.seeder import Seeder
from patcher.transfer.origin.shelf import Shelf
from patcher.transfer.swarm.torrent import Torrent
from patcher.update.download import Downloader
from patcher.update.progress import Meter
from patcher.update.target import Access


@dataclass(frozen=True, slots=True)
class Preloads:
    """The sealed packs of one title."""

    install: Installation
    installed: Installed | None
    packs: Packs
    seeder: Seeder

    def fetch(self, access: Access, meter: Meter) -> int:
        """Fetch what the title's next release will need, before it is live. Returns the bytes of all its packs.

        Raises UsageError (usage.no_preload) if nothing is preloaded now, DiskError (disk.full), OriginError, …
        """
        assert access.feed
        reader, sequence = access.feed.reader, self._sequence(access.feed)
        patches = reader.patches(self._name, sequence) if sequence else None
        if patches is None or not patches.sealed or patches.key:
            raise UsageError("usage.no_preload", f"{self._name} has nothing to preload now.", title=self.install.title)
        torrents: dict[Ref, Torrent] = {}
        for each in self._chosen(patches.sealed):
            files = manifest.parse(reader.manifest(each.part, None, None))
            pack, layers = _pack_of(files), reader.layers(each.part, files)
            path = self.packs.path(pack)
            torrents[pack] = Torrent.of_tree(files, layers, [path], access.feed.record.trackers)
        self._check_room(torrents)
        for pack in torrents:
            self.packs.reserve(pack, self.install.title, sequence)
        self._release(torrents)
        missing = {pack: torrent for pack, torrent in torrents.items() if not self.packs.has(pack)}
        meter.begin_download(sum(pack.size_bytes for pack in missing))
        for pack, torrent in missing.items():
            Downloader(access, self.packs, meter).whole(pack, torrent)
        return sum(pack.size_bytes for pack in torrents)

    def opened(self, access: Access, release: records.Release) -> Access:
        """How a job gets the bytes of ``release``: from here, with neither peers nor a limit, if all was preloaded."""
        if access.feed is None:
            return access
        patches = access.feed.reader.patches(release.title, release.sequence)
        if patches is None or not patches.sealed or not patches.key:
            return access
        shelf, is_whole = Shelf(), True
        for each in self._chosen(patches.sealed):
            pack = _pack_of(manifest.parse(access.feed.reader.manifest(each.part, None, None)))
            try:
                if self.packs.has(pack):
                    shelf.add(self.packs.path(pack), bytes.fromhex(patches.key))
                else:
                    is_whole = False
            except (ContentError, OSError):
                is_whole = False
        access.feed.origin.shelf = shelf
        if not is_whole:
            return access
        return replace(access, session_for=lambda: None, server_only=True, download_limit=lambda: 0)

    def end_old(self, access: Access, sequence: int) -> None:
        """Remove the title's sealed packs unless they are for a release after this one, which is installed."""
        if access.feed and self._sequence(access.feed) <= sequence:
            self.end()

    def end(self) -> None:
        """Remove the title's sealed packs: it is installed, or uninstalled."""
        self._release(())

    @property
    def _name(self) -> str:
        return self.install.title.partition("/")[2]

    def _sequence(self, feed: Opened) -> int:
        """That of the release to come, 0 if there is none."""
        return feed.reader.channel(self._name, self.install.channel).preload

    def _release(self, keep: Collection[Ref]) -> None:
        with contextlib.suppress(DiskError):  # they are in the way of nothing but space
            if gone := self.packs.release(self.install.title, keep):
                self.seeder.drop(gone)

    def _chosen(self, sealed: Sequence[SealedPack]) -> list[SealedPack]:
        """For each chosen part the pack from the release in place, else that from nothing."""
        here = self.installed
        parts = {part.name for part in here.parts} if here else set()
        found: dict[str, SealedPack] = {}
        for each in sealed:
            name = each.part.name
            is_way = bool(here and each.from_sequence == here.release.sequence and name in parts)
            is_better = is_way or (not each.from_sequence and name not in found)
            if is_better and records.chosen(each.part, self.install.tags):
                found[name] = each
        return list(found.values())

    def _check_room(self, torrents: Collection[Ref]) -> None:
        needed = self.packs.needed_bytes({pack: pack.size_bytes for pack in torrents})
        free = disk.free_bytes(self.packs.folder)
        if needed > free:
            message = f"{self.packs.folder} needs {human_bytes(needed)} of space and has {human_bytes(free)}."
            path = str(self.packs.folder)
            raise DiskError("disk.full", message, path=path, needed_bytes=needed, free_bytes=free)


def _pack_of(files: manifest.Manifest) -> Ref:
    """The one file of a sealed part. Raises ContentError (content.invalid)."""
    if len(files.entries) != 1:
        raise ContentError("content.invalid", "A sealed pack has more than one file.")
    return Ref(files.entries[0].root, files.entries[0].size_bytes)

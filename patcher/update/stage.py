"""Assemble new files in ``.shoal/staging`` from local copies, patch windows and pieces; verify each root at the end.

Nothing here touches the installed files or the network. A staged file is named by its root, so whatever an interrupted
job leaves behind is a source of the next one.
"""

from collections.abc import Collection, Iterable, Mapping
from io import FileIO
from pathlib import Path

from patcher import disk
from patcher.content import delta, merkle
from patcher.errors import ContentError
from patcher.update.installs import Seen, seen
from patcher.update.plan import Copy, Offer, Place, Plan, staged_name
from patcher.update.scan import Watch, hash_file


class Stage:
    """The staging folder of one install."""

    def __init__(self, folder: Path, sources: Mapping[bytes, Path], watch: Watch) -> None:
        self.folder = folder / ".shoal" / "staging"
        self._sources = sources
        self._watch = watch
        disk.make_folder(self.folder)

    def path(self, root: bytes) -> Path:
        """Where the content ``root`` is staged."""
        return self.folder / staged_name(root)

    def prune(self, wanted: Collection[bytes]) -> None:
        """Remove what an older job staged and this one cannot use."""
        names = {staged_name(root) for root in wanted}
        for path in self.folder.iterdir():
            if path.name not in names:
                disk.remove(path)

    def copy(self, copy: Copy) -> None:
        """Copy a local file. Its bytes are checked with all others by `verify`."""
        with _open(copy.source) as source, disk.Staged(self.path(copy.root), copy.size_bytes) as staged:
            disk.copy_range(source, 0, staged, 0, copy.size_bytes)
        self._watch(copy.source.name, copy.size_bytes)

    def apply(self, offer: Offer, window: delta.Window, data: bytes, wanted: Collection[bytes]) -> None:
        """Decode one window of a patch or full pack and write its output to the wanted files.

        ``data`` are the window's bytes of the pack, already checked. Raises ContentError (content.window) when the
        output is not the signed one: an old file is not what it seemed, or the patch is damaged.
        """
        if window.codec == delta.COPY:
            self._copy_ranges(offer, window, wanted)
            return
        old = b"".join(self._old(offer, span) for span in window.old)
        output = memoryview(delta.apply(window.codec, data, old, window.output_bytes, window.sha256))
        for span in window.new:
            entry = offer.manifest.entries[span.file]
            if entry.root in wanted:
                with disk.Staged(self.path(entry.root), entry.size_bytes) as staged:
                    staged.write(span.offset, output[: span.length])
            output = output[span.length :]
        self._watch("", window.output_bytes)

    def _copy_ranges(self, offer: Offer, window: delta.Window, wanted: Collection[bytes]) -> None:
        """Put old ranges where they stand in new files; `verify` checks these with all the rest."""
        assert offer.old
        for span, used in zip(window.new, window.old, strict=True):
            entry, source = offer.manifest.entries[span.file], self._sources[offer.old.entries[used.file].root]
            if entry.root in wanted:
                with _open(source) as file, disk.Staged(self.path(entry.root), entry.size_bytes) as staged:
                    disk.copy_range(file, used.offset, staged, span.offset, span.length)
            self._watch("", span.length)

    def multiply(self, places: Iterable[Place]) -> None:
        """Stage empty files, and the second and later places of one content."""
        for place in places:
            target = self.folder / place.staged
            if not place.root:
                disk.Staged(target, 0).close()
            elif place.copy:
                with _open(self.path(place.root)) as source, disk.Staged(target, place.size_bytes) as staged:
                    disk.copy_range(source, 0, staged, 0, place.size_bytes)

    def verify(self, plan: Plan) -> tuple[dict[bytes, bytes], dict[str, Seen]]:
        """Hash every staged file. Returns root to leaves, and the path each will have to its stat.

        A file that is wrong is removed from staging. Raises ContentError (content.mismatch) with its root as a fact.
        """
        leaves: dict[bytes, bytes] = {}
        stats: dict[str, Seen] = {}
        for place in plan.places:
            path = self.folder / place.staged
            if stat := seen(path):
                stats[place.path] = stat
            found = hash_file(path, self._watch, place.path) if place.root else b""
            if merkle.root_of(found) != place.root:
                disk.remove(path)
                raise ContentError(
                    "content.mismatch",
                    f"{place.path} was not assembled as signed.",
                    path=place.path,
                    root=place.root.hex(),
                )
            leaves[place.root] = found
        return leaves, stats

    def _old(self, offer: Offer, span: delta.Range) -> bytes:
        assert offer.old
        entry = offer.old.entries[span.file]
        with _open(self._sources[entry.root]) as file:
            file.seek(span.offset)
            return file.read(span.length)


def _open(path: Path) -> FileIO:
    with disk.translated(path):
        return path.open("rb", buffering=0)

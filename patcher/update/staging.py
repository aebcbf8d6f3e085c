"""Assembles new files in ``.shoal/staging`` from local bytes, patch windows and pieces, and verifies each root.

Nothing here touches the installed files or the network. A staged file is named by its root, so the files that an
interrupted job leaves behind are a source for the next one.
"""

import stat
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack
from io import FileIO

from patcher import beneath, disk
from patcher.beneath import Beneath, Where
from patcher.content import merkle
from patcher.content.layout import Range
from patcher.content.manifest import Manifest
from patcher.content.merkle import BLOCK_BYTES, spans
from patcher.content.patch_index import Window
from patcher.errors import Mismatch
from patcher.install.folder import InstallFolder
from patcher.install.scan import Seen, Watch, hash_file, seen
from patcher.update.decode import Map, Old, OutputRange, Slice, Task
from patcher.update.planning.costs import Rebuild
from patcher.update.planning.plan import Copy, NewFile, Plan, staged_name
from patcher.update.target import Offer


class Stage:
    """The staging folder of one install."""

    def __init__(self, install: InstallFolder, sources: Mapping[bytes, Where], watch: Watch) -> None:
        self.install = install
        self.folder = install.staging
        self._sources = dict(sources)
        self._watch = watch
        disk.make_folder(self.folder)
        disk.set_private(self.folder)  # libtorrent and workers open these files by name: no other user may swap them

    def path(self, root: bytes) -> Beneath:
        """Where the content ``root`` is staged."""
        return self.folder / staged_name(root)

    def take(self, plan: Plan) -> None:
        """Copy whole files and blocks from local files. Raises Mismatch, DiskError."""
        for copy in plan.copies:
            self._copy(copy)
        for rebuild in (*plan.rebuilds, *plan.restores):
            self._rebuild(rebuild)

    def _copy(self, copy: Copy) -> None:
        """Copy a whole file; `verify` checks it with all others."""
        with _open(copy.source) as source, disk.Staged(self.path(copy.root), copy.size_bytes) as staged:
            disk.copy_range(source, 0, staged, 0, copy.size_bytes)
        self._watch(copy.source.name, copy.size_bytes)

    def _rebuild(self, rebuild: Rebuild) -> None:
        """Copy blocks, and check them at once: peers are asked only for the other blocks of a piece."""
        content = rebuild.content
        with ExitStack() as stack, disk.Staged(self.path(content.root), content.size_bytes) as staged:
            files = {path: stack.enter_context(_open(path)) for path in {found.source for found in rebuild.found}}
            for found in rebuild.found:
                files[found.source].seek(found.source_offset)
                for at, length in spans(range(-(-found.length // BLOCK_BYTES)), found.length):
                    data = files[found.source].read(length)
                    if not rebuild.matches((found.offset + at) // BLOCK_BYTES, data):
                        text = f"{found.source} was changed meanwhile."
                        raise Mismatch(text, content.root)
                    staged.write(found.offset + at, data)
                    self._watch(found.source.name, length)

    def torrent_paths(self, m: Manifest, used: frozenset[int], intact: Mapping[str, bytes]) -> tuple[Where, ...]:
        """Where each file of a part's torrent is: in place if ``intact`` says so, in staging, or nowhere.

        ``used``: the pieces that are read or written. intact: path to root. Raises DiskError (disk.in_the_way).
        """
        paths: list[Where] = []
        for number, entry in enumerate(m.entries):
            if entry.root and intact.get(entry.path) == entry.root:
                paths.append(self.install.root / entry.path)
            elif not used.isdisjoint(m.layout.pieces(number)):
                paths.append(self.path(entry.root))
                disk.Staged(paths[-1], entry.size_bytes).close()  # the session opens by name what we have made
            else:
                paths.append(self.folder / f"unused.{number}")
        return tuple(paths)

    def restored(self, root: bytes) -> None:
        """Note that an old file is staged for windows that are cut against it."""
        self._sources[root] = self.path(root)

    def task(
        self, offer: Offer, window: Window, data: Callable[[int, int], bytes | Slice], wanted: Collection[bytes]
    ) -> Task:
        """How to decode one window of a patch into the files of the ``wanted`` roots.

        ``data`` gives bytes of the pack, or where they are, by offset and length.
        """
        assert offer.patch and offer.old
        maps = {
            number: Map(each.name, data(each.offset, each.length), each.sha256, offer.old.entries[number].size_bytes)
            for number, each in offer.patch.filters_of(window).items()
        }
        return Task(
            window.codec,
            data(window.offset, window.length),
            tuple(self._old(offer, span, maps.get(span.file)) for span in window.old),
            tuple(self._output(offer, span, wanted) for span in window.new),
            window.output_bytes,
            window.sha256,
        )

    def duplicate(self, files: Iterable[NewFile]) -> None:
        """Stage empty files, and the second and later files of one content."""
        for file in files:
            target = self.folder / file.staged
            if not file.root:
                disk.Staged(target, 0).close()
            elif file.copy:
                with _open(self.path(file.root)) as source, disk.Staged(target, file.size_bytes) as staged:
                    disk.copy_range(source, 0, staged, 0, file.size_bytes)

    def verify(self, plan: Plan) -> tuple[dict[bytes, bytes], dict[str, Seen]]:
        """Hash every staged and mended file. Returns the piece layer by root, and the stat by the path in the install.

        Raises Mismatch with the root of a wrong file, which is then removed from staging.
        """
        piece_bytes = {entry.root: o.manifest.piece_bytes for o in plan.offers for entry in o.manifest.entries}
        layers: dict[bytes, bytes] = {}
        stats: dict[str, Seen] = {}
        staged = [(self.folder / file.staged, file.path, file.root) for file in plan.files]
        mended = [(self.install.root / mend.path, mend.path, mend.rebuild.content.root) for mend in plan.mends]
        for at, path, root in (*staged, *mended):
            if stat := seen(at):
                stats[path] = stat
            with beneath.translated(at):
                found = hash_file(at, self._watch, path) if root else b""
            if merkle.root_of(found) != root:
                if at.parent == self.folder:
                    disk.remove(at)
                text = f"{path} was not assembled as signed."
                raise Mismatch(text, root, path=path)
            layers[root] = merkle.layer_of(found, piece_bytes[root])
        return layers, stats

    def _old(self, offer: Offer, span: Range, by: Map | None) -> Old:
        assert offer.old
        return (self._sources[offer.old.entries[span.file].root], span.offset, span.length), by

    def _output(self, offer: Offer, span: Range, wanted: Collection[bytes]) -> OutputRange:
        entry = offer.manifest.entries[span.file]
        return OutputRange(
            self.path(entry.root) if entry.root in wanted else None, entry.size_bytes, span.offset, span.length
        )


def prune(staging: Beneath, plan: Plan) -> None:
    """Remove what this job cannot use, folders, and files that also have a name elsewhere."""
    names = {staged_name(root) for root in (*plan.roots, *(restore.content.root for restore in plan.restores))}
    for name, _ in beneath.entries(staging):
        found = beneath.status(staging / name)  # a list of Windows does not say how many names a file has
        if found and stat.S_ISDIR(found.st_mode):
            disk.remove_tree(staging / name)
        elif name not in names or not (found and beneath.is_own(found)):
            disk.remove(staging / name)


def _open(where: Where) -> FileIO:
    with beneath.translated(where):
        return beneath.open_file(where)

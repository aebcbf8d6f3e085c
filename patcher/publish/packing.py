"""Packs of a release: windows made by worker processes, then joined in order, so that more workers change no byte.

A finished window is a file in the build folder, a finished pack is content in the feed and a note in the build folder:
an interrupted run goes on with the next window.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from patcher import disk
from patcher.content import delta, manifest, merkle, records
from patcher.content.delta import Cut, Index, Window
from patcher.content.manifest import Entry, Manifest
from patcher.content.merkle import Ref
from patcher.errors import ContentError, TrustError
from patcher.publish import workers
from patcher.publish.build import BuiltPart, Source
from patcher.publish.store import Meter, Progress, Store
from patcher.publish.workers import Task, WindowFile


@dataclass(frozen=True, slots=True)
class Older:
    """The same part in an older release."""

    release: records.Release
    document: bytes
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack to make: of a new part, from an older release or (None) from nothing."""

    part: BuiltPart
    older: Older | None
    cuts: tuple[Cut, ...]
    folder: Path
    """Keeps its windows until it is done."""

    @property
    def note(self) -> Path:
        """Keeps the reference to its index when it is done."""
        return self.folder.with_suffix(".json")

    @property
    def output_bytes(self) -> int:
        """Bytes its windows give."""
        return sum(cut.output_bytes for cut in self.cuts)

    def tasks(self, store: Store) -> list[Task]:
        """Its windows to be made, in order."""
        new = [_file(store, entry) for entry in self.part.manifest.entries]
        old = [_file(store, entry) for entry in self.older.manifest.entries] if self.older else []
        return tasks_of(self.cuts, new, old, self.folder)


@dataclass(frozen=True, slots=True)
class Made:
    """A finished pack. ``ref`` names its index document, None when there is no window."""

    pack: Pack
    index: Index
    ref: Ref | None

    @property
    def fetch_bytes(self) -> int:
        """Pack and index."""
        return self.index.pack_bytes + (self.ref.size_bytes - len(self.index.inline) if self.ref else 0)

    @property
    def left_out_bytes(self) -> int:
        """Bytes of the windows that were not worth packing: these files are fetched as they are."""
        return self.pack.output_bytes - sum(window.output_bytes for window in self.index.windows)


@dataclass(frozen=True, slots=True)
class Packed:
    """The packs of a release: what its patches record says, and what a player fetches."""

    parts: tuple[records.PartPatches, ...]
    full_bytes: int
    """From nothing: manifests, indexes, full packs, and the files that are in no full pack."""
    patch_bytes: tuple[tuple[str, int], ...]
    """Version and bytes (packs, indexes, manifest deltas) for each older release."""


def pack_release(
    store: Store, build: Path, parts: Sequence[BuiltPart], older: Sequence[records.Release], jobs: int,
    progress: Progress, say: Callable[[str], None],
) -> Packed:  # fmt: skip
    """Make every pack of a release whose content is in the store, from nothing and from each release of ``older``.

    Raises ContentError (content.mismatch) when content of the new release is damaged, DiskError.
    """
    packs = [_plan(build, part, None) for part in parts]
    packs += [_plan(build, part, old) for part in parts for old in _older(store, part, older, say)]
    made = {pack.folder: found for pack in packs if (found := _known(store, pack))}
    todo = {pack.folder: pack for pack in packs if pack.folder not in made}
    meter = Meter(progress, "pack", sum(pack.output_bytes for pack in todo.values()))
    workers.run([task for pack in todo.values() for task in pack.tasks(store)], jobs, meter.add)
    made |= {folder: _join(store, pack) for folder, pack in todo.items()}
    everything = [replace(made[pack.folder], pack=pack) for pack in packs]
    packed = _summary(store, everything, older)
    store.flush()
    return packed


def preview(old: Source, new: Source, build: Path, jobs: int, progress: Progress) -> int:
    """Bytes of the packs that would bring players of ``old`` to ``new``. Nothing is kept."""
    tasks = []
    before = {part.rule.name: part.manifest for part in old.parts}
    for part in new.parts:
        base = before.get(part.rule.name, Manifest(part.manifest.name, part.manifest.piece_bytes, ()))
        paths = [[source.folder / e.path for e in m.entries] for source, m in ((new, part.manifest), (old, base))]
        tasks += tasks_of(delta.cut(part.manifest, base), paths[0], paths[1], build / "preview" / part.rule.name)
    disk.remove_tree(build / "preview")
    try:
        meter = Meter(progress, "pack", sum(task.output_bytes for task in tasks))
        workers.run(tasks, jobs, meter.add)
        return sum(WindowFile.read(task.result).length for task in tasks)
    finally:
        disk.remove_tree(build / "preview")


def tasks_of(cuts: Sequence[Cut], new: Sequence[Path], old: Sequence[Path], folder: Path) -> list[Task]:
    """A task for each window; ``new`` and ``old`` are the files of the manifests' entries."""
    return [
        Task(
            tuple((str(new[span.file]), span.offset, span.length) for span in cut.new),
            tuple((str(old[span.file]), span.offset, span.length) for span in cut.old),
            folder / f"{number:06}",
        )
        for number, cut in enumerate(cuts)
    ]


def _file(store: Store, entry: Entry) -> Path:
    """Of an empty file it is any place: no window names one."""
    return store.path(Ref(entry.root, entry.size_bytes)) if entry.size_bytes else store.folder


def _plan(build: Path, part: BuiltPart, older: Older | None) -> Pack:
    documents = hashlib.sha256(part.document).digest() + (hashlib.sha256(older.document).digest() if older else b"")
    folder = build / hashlib.sha256(documents).hexdigest()
    return Pack(part, older, tuple(delta.cut(part.manifest, older.manifest if older else None)), folder)


def _older(
    store: Store, part: BuiltPart, releases: Sequence[records.Release], say: Callable[[str], None]
) -> Iterator[Older]:
    """The part in older releases, as far as the feed still holds all that a patch is made from."""
    if part.rule.defaults:
        return  # its files belong to the player once they are there
    found = [(r, p) for r in releases for p in r.parts if p.name == part.rule.name and not p.defaults]
    for release, record in found:
        try:
            document = store.read(record.manifest)
            old = manifest.parse(document)
        except (ContentError, TrustError) as error:
            say(f"No patch from {release.version}: {error.message}.")
            continue
        missing = [e.path for e in old.entries if e.size_bytes and not store.has(Ref(e.root, e.size_bytes))]
        if missing:
            say(f"No patch from {release.version}: the feed no longer holds {missing[0]}.")
        else:
            yield Older(release, document, old)


# ---------------------------------------------------------------- one pack


def _known(store: Store, pack: Pack) -> Made | None:
    """The pack as an earlier run finished it."""
    try:
        ref = Ref.from_json(json.loads(pack.note.read_bytes()))
        index = delta.parse(store.read(ref), pack.part.manifest, pack.older.manifest if pack.older else None)
    except (OSError, ValueError, ContentError, TrustError):
        return None
    return Made(pack, index, ref) if index.pack is None or store.has(index.pack) else None


def _join(store: Store, pack: Pack) -> Made:
    """Put the windows of a pack side by side into the store, and its index."""
    windows, files = _windows(pack)
    hasher = merkle.Hasher()
    for data in _chunks(files):
        hasher.update(data)
    size = sum(file.length for file in files)
    index = delta.index_of(
        windows, hasher.leaves(), size, b"".join(_chunks(files)) if size <= delta.INLINE_BYTES else b""
    )
    if index.pack:
        store.put_chunks(index.pack, _chunks(files))
    ref = None
    if windows:
        ref = store.put(delta.encode(index, pack.part.manifest, pack.older.manifest if pack.older else None))
        store.flush()
        disk.write_atomic(pack.note, json.dumps(ref.to_json()).encode())
    disk.remove_tree(pack.folder)
    return Made(pack, index, ref)


def _chunks(files: Sequence[WindowFile]) -> Iterator[bytes]:
    return (data for file in files for data in file.chunks())


def _windows(pack: Pack) -> tuple[list[Window], list[WindowFile]]:
    windows, files, offset = [], [], 0
    for number, cut in enumerate(pack.cuts):
        file = WindowFile.read(pack.folder / f"{number:06}")
        if pack.older or delta.worth_packing(cut, pack.part.manifest, file.length):
            old = cut.old if file.codec == delta.HDIFF else ()
            windows.append(Window(offset, file.length, file.codec, cut.new, old, cut.output_bytes, file.sha256))
            files.append(file)
            offset += file.length
    return windows, files


# ---------------------------------------------------------------- what comes of them


def _summary(store: Store, made: Sequence[Made], older: Sequence[records.Release]) -> Packed:
    fulls: dict[str, Ref | None] = {}
    deltas: dict[str, list[records.Delta]] = {}
    full_bytes, patch_bytes = 0, {release.version: 0 for release in older}
    for one in made:
        part, old = one.pack.part, one.pack.older
        if old is None:
            fulls[part.rule.name] = one.ref
            full_bytes += one.fetch_bytes + one.left_out_bytes + len(part.document)
        else:
            step = _manifest_delta(store, part, old)
            deltas.setdefault(part.rule.name, []).append(records.Delta(old.release.sequence, one.ref, step))
            patch_bytes[old.release.version] += one.fetch_bytes + (step.size_bytes if step else 0)
    parts = tuple(records.PartPatches(name, ref, tuple(deltas.get(name, ()))) for name, ref in fulls.items())
    return Packed(parts, full_bytes, tuple(patch_bytes.items()))


def _manifest_delta(store: Store, part: BuiltPart, older: Older) -> Ref | None:
    if part.document == older.document:
        return None
    step = delta.manifest_delta(older.document, part.document)
    return store.put(step) if len(step) < len(part.document) else None

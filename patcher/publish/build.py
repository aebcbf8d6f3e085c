"""From a folder to the parts of a release: reads each file once, makes manifests and the documents beside them, and
copies everything into the feed's content. The folder itself is only read, and must not change meanwhile.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from patcher import disk
from patcher.content import landmarks, manifest, merkle, records
from patcher.content.file_tree import Entry
from patcher.content.manifest import Manifest
from patcher.content.merkle import Ref
from patcher.content.paths import order
from patcher.errors import DiskError, UsageError
from patcher.plain import human_bytes
from patcher.publish import tree as trees
from patcher.publish.store import OnProgress, PhaseMeter, Store, in_threads, read_in_chunks
from patcher.publish.tree import MAIN_PART, PartRule, Tree


@dataclass(frozen=True, slots=True)
class BuiltPart:
    """One part of the new release with its documents as bytes (``b""`` where a part needs none)."""

    rule: PartRule
    manifest: Manifest
    document: bytes
    layers: bytes
    leaves: bytes
    landmarks: bytes

    @property
    def record(self) -> records.Part:
        """The part as the release record has it."""
        return records.Part(
            name=self.rule.name,
            tags=self.rule.tags,
            defaults=self.rule.defaults,
            manifest=merkle.ref_of(self.document),
            info_hash=self.manifest.info_hash,
            layers=_ref(self.layers),
            leaves=_ref(self.leaves),
            landmarks=_ref(self.landmarks),
        )


@dataclass(frozen=True, slots=True)
class SourceFolder:
    """A folder as it was read, in parts, and the files from which contents can be copied."""

    folder: Path
    parts: tuple[BuiltPart, ...]

    @property
    def entries(self) -> Iterator[Entry]:
        """Those of all parts."""
        return chain.from_iterable(part.manifest.entries for part in self.parts)

    @property
    def paths(self) -> Iterator[str]:
        """Of all files, links and empty folders."""
        return chain.from_iterable((*part.manifest.paths, *part.manifest.empty_folders) for part in self.parts)

    @property
    def files(self) -> int:
        """The number of all files."""
        return sum(len(part.manifest.entries) for part in self.parts)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(part.manifest.size_bytes for part in self.parts)

    @property
    def contents(self) -> dict[Ref, str]:
        """Each distinct content with the path of one file that has it, in path order."""
        return {Ref(entry.root, entry.size_bytes): entry.path for entry in self.entries if entry.size_bytes}


def read(
    folder: Path,
    title: str,
    rules: Sequence[PartRule],
    jobs: int,
    progress: OnProgress,
    *,
    ignore: Sequence[str] = (),
    executable: Sequence[str] = (),
) -> SourceFolder:
    """Read and hash a release folder. Nothing is written. ``ignore``, ``executable``: as for `tree.read`.

    Raises ContentError for names and files that cannot be released, UsageError (usage.release) if the folder holds no
    file or changes meanwhile.
    """
    tree = trees.read(folder, ignore, executable, by_content=False)
    if not tree.files:
        raise UsageError("usage.release", f"{folder} holds no file.", path=str(folder))
    meter = PhaseMeter(progress, "hash", sum(size for _, size, _ in tree.files))
    found = _look(folder, tree, jobs, meter)
    if trees.has_changed(folder, tree, ignore):
        raise _changed(folder)
    by_name = {rule.name: rule for rule in rules} | {MAIN_PART: PartRule(MAIN_PART, ())}
    parts = {name: part for name, part in trees.split(tree, rules).items() if part != Tree()}
    for name in (rule.name for rule in rules if rule.name not in parts):
        message = f"The part {name} matches nothing in {folder}. `--drop-part {name}` if an earlier release had it."
        raise UsageError("usage.release", message, part=name)
    built = tuple(_build(title, by_name[name], parts[name], found) for name in sorted(parts))
    return SourceFolder(folder, built)


def launch_problem(command: records.Launch, manifests: Sequence[Manifest]) -> str:
    """Why players could not start a release; empty if they can. ``manifests`` are those of all but `defaults` parts."""
    files = {entry.path for m in manifests for entry in m.entries}
    program, inner = command.argv[0], f"{command.cwd}/"
    if program not in files:
        return f"the program, {program!r}, is no file of it ('defaults' parts are the player's own)"
    links = (path for m in manifests for path, _ in m.links)
    empty = (f"{path}/" for m in manifests for path in m.empty_folders)
    if command.cwd and not any(path.startswith(inner) for path in (*files, *links, *empty)):
        return f"the folder to start in, {command.cwd!r}, is no folder of it"
    return ""


def write(source: SourceFolder, store: Store, jobs: int, progress: OnProgress) -> None:
    """Put every content and document of the release into the feed's content, durably.

    Raises DiskError (disk.full) before anything is written, UsageError (usage.release) when the folder changed.
    """
    contents = source.contents
    missing = store.missing(contents)
    needed, free = sum(ref.size_bytes for ref in missing), disk.free_bytes(store.folder)
    if needed > free:
        message = f"The release needs {human_bytes(needed)} in the feed folder, {human_bytes(free)} are free."
        raise DiskError("disk.full", message, path=str(store.folder), needed_bytes=needed, free_bytes=free)
    for part in source.parts:
        for document in (part.document, part.layers, part.leaves, part.landmarks):
            if document:
                store.put(document)
    meter = PhaseMeter(progress, "write", needed)
    in_threads(jobs, lambda ref: store.put_file(f"{source.folder}/{contents[ref]}", ref, meter), missing, meter)
    store.flush()


@dataclass(frozen=True, slots=True)
class _Found:
    """What the bytes of the files say, by path. Few of many files have landmarks or are programs."""

    leaves: Mapping[str, bytes]
    """32 bytes a block."""
    landmarks: Mapping[str, bytes]
    """10 bytes a section, of files that have any."""
    programs: Collection[str]


def _build(title: str, rule: PartRule, tree: Tree, found: _Found) -> BuiltPart:
    entries = [
        Entry(path, size, merkle.root_of(found.leaves[path]) if size else b"", executable or path in found.programs)
        for path, size, executable in tree.files
    ]
    made = manifest_of(f"{title}.{rule.name}", entries, tree.links, tree.empty_folders)
    large = [entry for entry in made.entries if entry.size_bytes > merkle.BLOCK_BYTES]
    leaves = {entry.root: found.leaves[entry.path] for entry in large}
    marks = {entry.root: found.landmarks.get(entry.path, b"") for entry in large}
    return BuiltPart(
        rule,
        made,
        manifest.encode(made),
        layers_document(made, leaves),
        leaves_document(made, leaves),
        landmarks.document(made, marks),
    )


def _look(folder: Path, tree: Tree, jobs: int, meter: PhaseMeter) -> _Found:
    """Read all files."""
    marks: dict[str, bytes] = {}
    programs: set[str] = set()

    def look(file: tuple[str, int, bool]) -> bytes:
        path, size_bytes, _ = file
        hasher, portions = merkle.Hasher(), read_in_chunks(f"{folder}/{path}", meter)
        head = next(portions, b"")
        if trees.is_program(head):
            programs.add(path)

        def hashed() -> Iterator[bytes]:
            for data in chain((head,), portions):
                hasher.update(data)
                yield data

        if mine := landmarks.of(hashed(), size_bytes):
            marks[path] = mine
        return hasher.leaves()

    leaves = in_threads(jobs, look, tree.files, meter)
    return _Found({path: mine for (path, _, _), mine in zip(tree.files, leaves, strict=True)}, marks, programs)


def _ref(document: bytes) -> Ref | None:
    return merkle.ref_of(document) if document else None


def _changed(path: Path) -> UsageError:
    return UsageError("usage.release", f"{path} was changed while it was read.", path=str(path))


# ---------------------------------------------------------------- manifests


def manifest_of(
    name: str, entries: Iterable[Entry], links: Iterable[tuple[str, str]] = (), empty_folders: Iterable[str] = ()
) -> Manifest:
    """A manifest of these entries, sorted, with the piece length for their total size."""
    ordered = tuple(sorted(entries, key=lambda entry: order(entry.path)))
    return Manifest(
        name,
        piece_bytes_for(sum(entry.size_bytes for entry in ordered)),
        ordered,
        tuple(sorted(links, key=lambda link: order(link[0]))),
        tuple(sorted(empty_folders, key=order)),
    )


def piece_bytes_for(total_bytes: int) -> int:
    """The piece length: a power of two from 64 KiB to 1 MiB for at most 4,000 pieces; larger for at most 2 M pieces."""
    piece = manifest.MIN_PIECE_BYTES
    while piece < manifest.MAX_PIECE_BYTES and total_bytes > piece * (4000 if piece < 1024 * 1024 else 2_000_000):
        piece *= 2
    return piece


def layers_document(m: Manifest, leaves_by_root: Mapping[bytes, bytes]) -> bytes:
    """The document of all piece layers. Raises KeyError for a missing root."""
    return manifest.join_layers(
        m, {e.root: merkle.layer_of(leaves_by_root[e.root], m.piece_bytes) for e, _ in m.layered}
    )


def leaves_document(m: Manifest, leaves_by_root: Mapping[bytes, bytes]) -> bytes:
    """32 bytes a 16 KiB block of each file, files in entry order. Raises KeyError for a missing root.

    The root of a file of one block is its leaf.
    """
    return b"".join(e.root if e.size_bytes <= merkle.BLOCK_BYTES else leaves_by_root[e.root] for e in m.entries)

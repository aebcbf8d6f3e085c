"""`preview`: the cost of a patch between two folders for players and publisher, file by file, and of other methods."""

import hashlib
import math
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from patcher import disk
from patcher.content import merkle
from patcher.content.manifest import Manifest
from patcher.publish.build import SourceFolder
from patcher.publish.patches import drafts, encode
from patcher.publish.patches.drafts import Draft, Joined
from patcher.publish.patches.pool import PathByRoot
from patcher.publish.store import OnProgress, PhaseMeter, in_threads, read_in_chunks

KINDS = ("unchanged", "moved", "delta", "full")
"""The file did not change; its content is elsewhere in the old or new release; it is made from old bytes; from none."""

APPLY_BPS = 200e6
"""Bytes that a player's core decodes, hashes and writes in a second."""
REBASE_BPS = 45e6
"""Bytes of an old file that it reads through an address map in a second."""


@dataclass(frozen=True, slots=True)
class FileCost:
    """One new file; ``patch_bytes`` is its share of the windows that make it, and its map."""

    path: str
    kind: str
    size_bytes: int
    patch_bytes: int
    saved_bytes: int
    """A low estimate of what its address map saves, if it has one; mostly it is twice as much."""


@dataclass(frozen=True, slots=True)
class Preview:
    """All files, and the totals."""

    files: tuple[FileCost, ...]
    pack_bytes: int
    document_bytes: int
    """Indexes and manifest deltas."""
    make_cpu_s: float
    """Measured for this direction. The patch back takes about as much again."""
    steam_bytes: int
    """The same update by fixed chunks of 1 MiB, the new ones compressed, as Steam-like stores send it."""
    changed_bytes: int
    """Every new or changed file fetched whole, compressed."""

    def count(self, kind: str) -> int:
        """Files of this kind."""
        return sum(file.kind == kind for file in self.files)

    @property
    def tree_bytes(self) -> int:
        """Size of the whole new release."""
        return sum(file.size_bytes for file in self.files)

    @property
    def apply_cpu_s(self) -> float:
        """Estimated CPU time of a player."""
        made = sum(file.size_bytes for file in self.files if file.kind in {"delta", "full"})
        return made / APPLY_BPS + sum(file.size_bytes for file in self.files if file.saved_bytes) / REBASE_BPS


def preview(old: SourceFolder, new: SourceFolder, folder: Path, jobs: int, progress: OnProgress) -> Preview:
    """Make the patch and measure it. ``folder`` is removed afterwards. Raises what making a release raises."""
    before = {part.rule.name: part for part in old.parts}
    started_s = _cpu_s()
    files: list[FileCost] = []
    document_bytes = pack_bytes = 0
    places = {entry.root: f"{source.folder}/{entry.path}" for source in (old, new) for entry in source.entries}
    disk.remove_tree(folder)
    try:
        for part in new.parts:
            known = before.get(part.rule.name)
            base = known.manifest if known else Manifest(part.manifest.name, part.manifest.piece_bytes, ())
            draft = drafts.draft(part.manifest, base, places, folder / part.rule.name, jobs, progress)
            drafts.make([draft], jobs, progress)
            joined = draft.joined()
            index = joined.index(bytes(merkle.HASH_BYTES * -(-joined.size_bytes // merkle.BLOCK_BYTES)))
            document_bytes += len(encode.write_index(index, part.manifest, base)) - len(index.inline)
            document_bytes += len(encode.manifest_delta(known.document if known else b"", part.document))
            pack_bytes += joined.size_bytes
            files += _costs(draft, joined)
    finally:
        disk.remove_tree(folder)
    make_s = _cpu_s() - started_s
    steam, changed = _by_chunks(old, new, places, jobs, progress)
    return Preview(tuple(files), pack_bytes, document_bytes, round(make_s, 3), steam, changed)


def _cpu_s() -> float:
    """CPU time of this process and of worker processes that have ended."""
    return sum(os.times()[:4])


def _costs(draft: Draft, joined: Joined) -> Iterator[FileCost]:
    """Each new file with its share of the pack."""
    assert draft.old is not None
    old = draft.old.entries
    costs: dict[int, float] = defaultdict(float)
    leans = {span.file: False for window in joined.windows for span in window.new}
    for window in joined.windows:
        for span in window.new:
            costs[span.file] += window.length * span.length / window.output_bytes
            leans[span.file] |= bool(window.old)
    maps = {found.new: found for found in (draft.maps[old[each.file].root] for each in joined.filters)}
    same = {(entry.path, entry.root) for entry in old}
    for number, entry in enumerate(draft.new.entries):
        if number in leans:
            kind = "delta" if leans[number] else "full"
        else:
            kind = "unchanged" if (entry.path, entry.root) in same or not entry.size_bytes else "moved"
        found = maps.get(entry.root) if number in leans else None
        map_bytes, saved_bytes = (len(found.data), found.saved_bytes) if found else (0, 0)
        yield FileCost(entry.path, kind, entry.size_bytes, math.ceil(costs[number]) + map_bytes, saved_bytes)


def _by_chunks(
    old: SourceFolder, new: SourceFolder, places: PathByRoot, jobs: int, progress: OnProgress
) -> tuple[int, int]:
    """Compressed bytes of the new files' chunks that the old ones lack, and of all chunks of changed files."""
    roots = [{e.root for part in source.parts for e in part.manifest.entries if e.size_bytes} for source in (old, new)]
    gone, fresh = (sorted(roots[k] - roots[1 - k]) for k in (0, 1))
    meter = PhaseMeter(progress, "compare", sum(os.stat(places[root]).st_size for root in (*gone, *fresh)))
    held = {
        digest
        for found in in_threads(jobs, lambda r: _chunks(places[r], meter, pack=False), gone, meter)
        for digest in found
    }
    packed = in_threads(jobs, lambda root: _chunks(places[root], meter, pack=True), fresh, meter)
    wanted = {digest: size for found in packed for digest, size in found.items()}
    return sum(size for digest, size in wanted.items() if digest not in held), sum(wanted.values())


def _chunks(path: str, meter: PhaseMeter, *, pack: bool) -> dict[bytes, int]:
    """Digest → compressed bytes (0 without ``pack``) of each chunk of a file."""
    found: dict[bytes, int] = {}
    for data in read_in_chunks(path, meter):
        digest = hashlib.sha256(data).digest()
        if digest not in found:
            found[digest] = encode.packed_bytes(data) if pack else 0
    return found

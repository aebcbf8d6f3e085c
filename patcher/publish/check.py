"""`check`: verifies everything that players may ask of a feed."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.content import codec, feed_paths, landmarks, manifest, merkle, patch_index, records
from patcher.content.layout import Range
from patcher.content.manifest import Manifest
from patcher.content.merkle import Ref
from patcher.content.patch_index import Filter, Index, Window
from patcher.errors import ContentError, Mismatch, ShoalError, TrustError
from patcher.publish import prune, repository
from patcher.publish.build import launch_problem
from patcher.publish.feeds import expiries
from patcher.publish.release import History, history
from patcher.publish.repository import Repository
from patcher.publish.store import CHUNK_BYTES, OnProgress, PhaseMeter, Store, in_threads, read_range

if TYPE_CHECKING:
    from patcher.content.native.rebase import Rebased

WARN_DAYS = 7


@dataclass(frozen=True, slots=True)
class Report:
    """The result: ``problems`` stop players now, ``warnings`` later."""

    problems: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    records: int = 0
    contents: int = 0
    content_bytes: int = 0


def check(folder: Path, jobs: int, deep: bool, progress: OnProgress) -> Report:
    """Verify signatures, thresholds, expiries, records, and every content they lead to by its full hash.

    ``deep`` also applies every window of every patch and looks for every landmark.
    Raises UsageError (usage.feed_folder) when there is no feed.
    """
    try:
        repo = repository.load(folder)
    except TrustError as error:
        return Report((error.message,))
    problems, warnings = _ageing(repo, datetime.now(UTC))
    if not repo.is_whole:
        problems.append("a change of keys was interrupted; run the same `shoal publish keys` command again")
    search = _References(Store(folder))
    for path in repo.paths():
        problems += _unreadable(repo, path)
    for title in repo.titles if not problems else ():
        try:
            search.title(title, history(repo, title), repo)
        except TrustError as error:
            problems.append(f"{title}: {error.message}")
    meter = PhaseMeter(progress, "check", sum(ref.size_bytes for ref in search.wanted))
    wanted = list(search.wanted.items())
    damaged = in_threads(jobs, lambda item: _damage(search.store, item[0], item[1], meter), wanted, meter)
    problems += search.problems + [text for text in damaged if text]
    if deep and not problems:
        problems += [*_deep(search, progress), *_astray(search)]
    size = sum(ref.size_bytes for ref in search.wanted)
    return Report(tuple(problems), tuple(warnings), len(repo.paths()), len(wanted), size)


def _ageing(repo: Repository, now: datetime) -> tuple[list[str], list[str]]:
    roles = expiries(repo)
    expired = [f"{role.role} expired on {role.expires:%Y-%m-%d %H:%M} UTC" for role in roles if role.expires <= now]
    soon = [
        f"{role.role} expires on {role.expires:%Y-%m-%d %H:%M} UTC"
        for role in roles
        if now < role.expires < now + timedelta(days=WARN_DAYS)
    ]
    return expired, soon


def _unreadable(repo: Repository, path: str) -> list[str]:
    try:
        repo.record(path)
        if path == feed_paths.FEED and set(repo.feed.titles) != set(repo.titles):
            return ["feed.json names other titles than the roles"]
    except TrustError as error:
        return [f"{path}: {error.message}"]
    return []


class _References:
    """Follows every reference of a feed's records; collects the contents that they name, and problems on the way."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.wanted: dict[Ref, str] = {}
        self.problems: list[str] = []
        self.packs: list[tuple[Index, Manifest, Manifest | None]] = []
        self.landmarks: dict[Ref, Manifest] = {}
        self._manifests: dict[tuple[int, str], tuple[bytes, Manifest]] = {}
        self._listed: Collection[int] = ()
        """The releases of the title. Of one that has left, only its players have the manifests."""

    def title(self, title: str, past: History, repo: Repository) -> None:
        """Follow the records of one title. Raises TrustError for a damaged record."""
        if past.title is None:
            self.problems.append(f"{title}: title.json is missing")
        elif past.title.art:
            self._want(past.title.art, f"{title}: art")
        self._listed = past.releases.keys()
        for release in past.releases.values():
            self._release(release)
        self.problems += [
            f"{title}: the channel {name} names a release that is not there"
            for name, channel in past.channels.items()
            if channel.release not in past.releases and (channel.release or not channel.preload)
        ]
        waiting = {channel.preload for channel in past.channels.values()}
        for sequence in {*past.releases, *waiting}:
            if isinstance(found := repo.parsed(feed_paths.patches(title, sequence)), records.Patches):
                self._ways(title, past.releases.get(sequence), found)

    def _ways(self, title: str, release: records.Release | None, found: records.Patches) -> None:
        """The patches to a release, and the sealed packs of one that is or was not live yet."""
        if release:
            self._patches(release, found)
        self._sealed(title, found)

    def _want(self, ref: Ref, what: str) -> None:
        self.wanted.setdefault(ref, what)

    def _release(self, release: records.Release) -> None:
        name = f"{release.title} {release.version}"
        if release.notes:
            self._want(release.notes, f"{name}: notes")
        for part in release.parts:
            for what, ref in part.documents.items():
                self._want(ref, f"{name}: {what} of {part.name}")
            try:
                self._part(release, part)
            except ShoalError as error:
                self.problems.append(f"{name}, part {part.name}: {error.message}")
        self._launches(release)

    def _launches(self, release: records.Release) -> None:
        lasting = [self._manifests.get((release.sequence, part.name)) for part in release.parts if not part.defaults]
        found = [known[1] for known in lasting if known]
        for system, command in release.launch.items() if len(found) == len(lasting) else ():
            if problem := launch_problem(command, found):
                self.problems.append(f"{release.title} {release.version} does not start on {system}: {problem}")

    def _part(self, release: records.Release, part: records.Part) -> None:
        document = self.store.read(part.manifest)
        found = manifest.parse(document)
        self._manifests[release.sequence, part.name] = document, found
        for entry in (entry for entry in found.entries if entry.size_bytes):
            self._want(Ref(entry.root, entry.size_bytes), f"{release.title} {release.version}: {entry.path}")
        layers = self.store.read(part.layers) if part.layers else b""
        manifest.split_layers(found, layers)
        leaves = self.store.read(part.leaves) if part.leaves else b""
        if len(leaves) != found.leaf_offsets[-1] or found.info_hash != part.info_hash:
            raise Mismatch("leaves or info hash are not those of the manifest")
        for entry, start, end in zip(found.entries, found.leaf_offsets, found.leaf_offsets[1:], strict=False):
            if merkle.root_of(leaves[start:end]) != entry.root:
                raise Mismatch(f"the leaves of {entry.path} do not fold to its root")
        if part.landmarks:
            if part.landmarks.size_bytes != landmarks.offsets(found)[-1]:
                raise Mismatch("the landmarks are not those of the manifest")
            self.landmarks[part.landmarks] = found

    def _patches(self, release: records.Release, patches: records.Patches) -> None:
        for part in patches.parts:
            for source, index in [(0, part.full), *((d.from_sequence, d.index) for d in part.deltas)]:
                name = f"{release.title} {release.version}: part {part.part}, patch from {source or 'nothing'}"
                try:
                    self._pack(index, name, (release.sequence, part.part), (source, part.part))
                except ShoalError as error:
                    self.problems.append(f"{name}: {error}")
            for source, step in [(0, part.manifest), *((d.from_sequence, d.manifest) for d in part.deltas)]:
                self._manifest_delta(step, source, release, part.part)

    def _sealed(self, title: str, patches: records.Patches) -> None:
        for each in patches.sealed or ():
            name = f"{title}, preload {patches.to_sequence}: {each.part.name} from {each.from_sequence or 'nothing'}"
            try:
                for ref in prune.of_part(each.part, self.store):
                    self._want(ref, name)
            except ShoalError as error:
                self.problems.append(f"{name}: {error.message}")

    def _pack(self, ref: Ref | None, name: str, new: tuple[int, str], old: tuple[int, str]) -> None:
        if ref is None:
            return
        self._want(ref, f"{name}, index")
        document = self.store.read(ref)
        pack = patch_index.pack_of(document)
        if pack:
            self._want(pack, f"{name}, pack")
        if not old[0] or old[0] in self._listed:
            after, before = self._manifest(*new)[1], self._manifest(*old)[1] if old[0] else None
            self.packs.append((patch_index.parse(document, after, before), after, before))

    def _manifest_delta(self, step: Ref | None, source: int, release: records.Release, part: str) -> None:
        if step is None:
            return
        name = f"{release.title} {release.version}: part {part}, manifest from {source or 'nothing'}"
        self._want(step, name)
        if source and source not in self._listed:
            return
        try:
            old = self._manifest(source, part)[0] if source else b""
            new = self._manifest(release.sequence, part)[0]
            codec.apply_manifest_delta(old, self.store.read(step), merkle.ref_of(new))
        except ShoalError as error:
            self.problems.append(f"{name}: {error}")

    def _manifest(self, sequence: int, part: str) -> tuple[bytes, Manifest]:
        """Raises Mismatch."""
        if found := self._manifests.get((sequence, part)):
            return found
        raise Mismatch(f"the manifest of {part} in release {sequence} cannot be read")


def _damage(store: Store, ref: Ref, what: str, meter: PhaseMeter) -> str:
    """The problem with one content; empty if there is none."""
    path = store.path(ref)
    if not store.has(ref):
        meter.add(ref.size_bytes)
        return f"{what}: {'has a wrong size' if path.exists() else 'is missing'} ({path})"
    return "" if store.matches(ref, meter) else f"{what}: is damaged ({path})"


def _deep(search: _References, progress: OnProgress) -> Iterator[str]:
    """Apply every window, and compare its output with the index and with the new content."""
    meter = PhaseMeter(progress, "apply", sum(w.output_bytes for index, _, _ in search.packs for w in index.windows))
    for index, new, old in search.packs:
        pack = _AppliedPack(search.store, index, new, old)
        for window in index.windows:
            try:
                right = pack.copies(window) if window.is_copy else pack.applies(window)
            except ContentError as error:
                yield f"{new.name}: {error.message}"
            else:
                if not right:
                    what = "copy" if window.is_copy else "window"
                    yield f"{new.name}: a {what} gives other bytes than the release has"
            meter.add(window.output_bytes)


def _astray(search: _References) -> Iterator[str]:
    """The files whose landmarks differ from those in their document."""
    seen: set[tuple[bytes, bytes]] = set()
    for document, files in search.landmarks.items():
        marks, offsets = search.store.read(document), landmarks.offsets(files)
        for entry, start, end in zip(files.entries, offsets, offsets[1:], strict=False):
            mine = entry.root, marks[start:end]
            if start < end and mine not in seen:
                seen.add(mine)
                with search.store.path(Ref(entry.root, entry.size_bytes)).open("rb") as file:
                    found = landmarks.of(iter(partial(file.read, CHUNK_BYTES), b""), entry.size_bytes)
                if found != mine[1]:
                    yield f"{files.name}: the landmarks of {entry.path} are not where they should be"


class _AppliedPack:
    """One pack, applied as a player applies it. Raises ContentError (content.window)."""

    def __init__(self, store: Store, index: Index, new: Manifest, old: Manifest | None) -> None:
        self._store, self._index, self._new, self._old = store, index, new, old
        self._rebased = lru_cache(2)(self._open)

    def applies(self, window: Window) -> bool:
        """Whether a window gives the bytes of the release."""
        before = b"".join(self._before(window, span) for span in window.old)
        data = self._data(window.offset, window.length)
        made = codec.apply(window.codec, data, before, window.output_bytes, window.sha256)
        return made == b"".join(_read(self._store, self._new, span) for span in window.new)

    def copies(self, window: Window) -> bool:
        """Whether the old ranges of a copy equal the new ranges of the release."""
        return all(
            _read(self._store, self._new, _part(made, at)) == self._before(window, _part(used, at))
            for made, used in zip(window.new, window.old, strict=True)
            for at in range(0, made.length, CHUNK_BYTES)
        )

    def _before(self, window: Window, span: Range) -> bytes:
        assert self._old
        if each := self._index.filters_of(window).get(span.file):
            return self._rebased(each).read(span.offset, span.length)
        return _read(self._store, self._old, span)

    def _open(self, each: Filter) -> "Rebased":
        from patcher.content.native.rebase import Rebased

        assert self._old
        entry, data = self._old.entries[each.file], self._data(each.offset, each.length)
        if hashlib.sha256(data).digest() != each.sha256:
            raise ContentError("content.window", "an address map is not the one of the index")
        path = self._store.path(Ref(entry.root, entry.size_bytes))
        return Rebased(partial(read_range, path), entry.size_bytes, each.name, data)

    def _data(self, offset: int, length: int) -> bytes:
        if self._index.pack:
            return read_range(self._store.path(self._index.pack), offset, length)
        return self._index.inline[offset : offset + length]


def _part(span: Range, at: int) -> Range:
    return Range(span.file, span.offset + at, min(CHUNK_BYTES, span.length - at))


def _read(store: Store, files: Manifest, span: Range) -> bytes:
    entry = files.entries[span.file]
    return read_range(store.path(Ref(entry.root, entry.size_bytes)), span.offset, span.length)

"""`preload` and `unlock`: a release is published encrypted, and opened at its launch.

`preload` makes the whole release in the publisher's home, and puts sealed packs of it into the feed (`content.sealed`).
The online key is enough, as nothing of it is genuine yet. `unlock` moves the release into the feed, which the holders
sign as any other, and publishes the key. The home keeps key and release meanwhile: back it up.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from patcher import disk, strict_json
from patcher.config import Home
from patcher.content import feed_paths, manifest, merkle, patch_index, paths, records, sealed
from patcher.content.file_tree import Entry
from patcher.content.merkle import Ref
from patcher.content.records import Channel, PartPatches, Patches, Release, SealedPack
from patcher.errors import ShoalError, UsageError
from patcher.publish import build, publication, release
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.patches import packs
from patcher.publish.publication import Published, opened
from patcher.publish.release import History, ReleaseOrder, history
from patcher.publish.repository import Changes, Repository
from patcher.publish.store import CHUNK_BYTES, OnProgress, Say, Store, make_folder

_STATE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class PreloadOutcome:
    """The outcome. ``sealed_bytes``: the sealed packs, those from nothing and from older releases."""

    version: str
    sealed_bytes: int = 0
    request: Path | None = None
    """Waits for ``missing`` holders before anything is published."""
    missing: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A release that waits for its launch, as the publisher's home keeps it."""

    channel: str
    key: bytes
    release: Release
    patches: Patches
    """The patches that lead to it."""
    back: Patches | None
    """Those that lead back to the release before."""

    def write(self, path: Path) -> None:
        fields = {
            "format": 1, "channel": self.channel, "key": self.key.hex(),
            **{name: records.encode(each).decode() for name, each in self._records().items()},
        }  # fmt: skip
        disk.write_atomic(path, json.dumps(fields).encode(), 0o600)

    def _records(self) -> dict[str, Release | Patches]:
        return {"release": self.release, "patches": self.patches, **({"back": self.back} if self.back else {})}

    @property
    def packed(self) -> packs.Packed:
        """The packs, as `release` publishes them."""
        back = tuple((part.part, part.deltas[0]) for part in (self.back.parts if self.back else ()))
        return packs.Packed(self.patches.parts, 0, (), back)


def preload(
    folder: Path, home: Home, order: ReleaseOrder, passphrases: Passphrases, progress: OnProgress, say: Say
) -> PreloadOutcome:
    """Publish a release for players to fetch ahead: nothing of it can be read before `unlock`.

    To do it again with the same folder changes nothing, or adds packs from releases that came since. Raises like
    `release.release`.
    """
    release.check(order, folder, home)
    with opened(folder, home) as repo:
        ring = KeyRing(home.keys / repo.feed.name, passphrases)
        repo.open_online_keys(ring)
        past, place = history(repo, order.title), _place(home, repo, order.title)
        past = _without_preload(past, order.channel)
        source, record, notes = release.described(order, past, progress, say)
        if record.sequence in past.releases:
            raise UsageError("usage.release", f"{order.title} {order.version} is published already.")
        known = _load(place) if place.exists() else None
        if known and known.release.version != order.version:
            disk.remove_tree(place.parent)
        key = known.key if known and known.release.version == order.version else secrets.token_bytes(sealed.KEY_BYTES)
        make_folder(place.parent)
        disk.set_private(home.preloads)
        with Store(place.parent, Store(folder)).adding() as store:
            packed = release.write_content(repo, store, home, order, source, notes, record, past, progress, say)
        waiting = _Waiting(order.channel, key, record, Patches(record.sequence, packed.parts), _back(packed, past))
        waiting.write(place)
        progress("seal", 0, 0)
        with Store(folder).adding() as public:
            found = tuple(_sealed(waiting, store, public, past))
        published = publication.publish(
            repo, home, ring, _offer(repo, order, past, record.sequence, found), order.title, order.version
        )
    sizes, held = sum(_size_of(each, public) for each in found), published if published.is_held else Published()
    return PreloadOutcome(order.version, sizes, held.request, held.missing)


def unlock(folder: Path, home: Home, title: str, version: str, passphrases: Passphrases) -> PreloadOutcome:
    """Launch a preloaded release: publish it and its key, once the holders have signed.

    Raises UsageError (usage.release) if it is not here, or another release came since; and like `release.release`.
    """
    with opened(folder, home) as repo:
        place = _place(home, repo, paths.check_name(title))
        waiting = _load(place) if place.exists() else None
        past = history(repo, title)
        if waiting is None or waiting.release.version != version:
            if past.named(version) and waiting is None:
                return PreloadOutcome(version)
            message = f"{title} {version} is not preloaded from this machine; {place.parent} would hold it."
            raise UsageError("usage.release", message, version=version)
        sequence = waiting.release.sequence
        if past.releases.get(sequence) != waiting.release:
            outcome = _launch(repo, home, waiting, past, place, KeyRing(home.keys / repo.feed.name, passphrases))
            if outcome.request:
                return outcome
        disk.remove_tree(place.parent)
    return PreloadOutcome(version)


def _launch(
    repo: Repository, home: Home, waiting: _Waiting, past: History, place: Path, ring: KeyRing
) -> PreloadOutcome:
    found, title = waiting.release, waiting.release.title
    if found.sequence <= max(past.releases, default=0):
        newest = past.releases[max(past.releases)].version
        message = f"{newest} was published since {found.version} was preloaded: run `shoal publish preload` again."
        raise UsageError("usage.release", message, version=found.version)
    repo.open_online_keys(ring)
    store = Store(place.parent, Store(repo.folder))
    order = ReleaseOrder(title, place.parent, found.version, waiting.channel)
    changes = release.changes_of(repo, order, found, past, waiting.packed)
    path = feed_paths.patches(title, found.sequence)
    now = repo.parsed(path)
    offered = now.sealed if isinstance(now, Patches) else None
    opening = replace(waiting.patches, sealed=offered, key=waiting.key.hex())
    changes = replace(changes, put={**changes.put, path: records.encode(opening)})
    published = publication.publish(
        repo, home, ring, changes, title, found.version, store=store, first=lambda: Store(repo.folder).take(store)
    )
    held = published if published.is_held else Published()
    return PreloadOutcome(found.version, 0, held.request, held.missing)


# ---------------------------------------------------------------- sealing


def _sealed(waiting: _Waiting, store: Store, public: Store, past: History) -> Iterator[SealedPack]:
    """The sealed packs of each part: from nothing, and from each release with a patch or without a change."""
    parts = {part.name: part for part in waiting.release.parts}
    notes = [waiting.release.notes] if waiting.release.notes else []
    for mine in waiting.patches.parts:
        part = parts[mine.part]
        documents = [*notes, *([mine.manifest] if mine.manifest else [part.manifest])]
        yield _seal(waiting, part, 0, [*documents, *_from_nothing(part, mine, store)], store, public)
        for sequence, older in past.releases.items():
            before = next((each for each in older.parts if each.name == part.name), None)
            delta = next((each for each in mine.deltas if each.from_sequence == sequence), None)
            if before and before.manifest == part.manifest:
                yield _seal(waiting, part, sequence, notes, store, public)
            elif delta and delta.index:
                contents = [*notes, delta.manifest or part.manifest, *_with_pack(delta.index, store)]
                yield _seal(waiting, part, sequence, [*contents, *_layers(part)], store, public)


def _from_nothing(part: records.Part, mine: PartPatches, store: Store) -> Iterator[Ref]:
    """The full pack, and the files that it does not make whole."""
    entries = manifest.parse(store.read(part.manifest)).entries
    made = dict.fromkeys(range(len(entries)), 0)
    if mine.full:
        yield from _with_pack(mine.full, store)
        index = patch_index.parse(store.read(mine.full), manifest.parse(store.read(part.manifest)))
        for span in (span for window in index.windows for span in window.new):
            made[span.file] += span.length
    yield from _layers(part)
    whole = {entry.root for number, entry in enumerate(entries) if made[number] == entry.size_bytes}
    yield from (Ref(entry.root, entry.size_bytes) for entry in entries if entry.root not in whole)


def _with_pack(index: Ref, store: Store) -> list[Ref]:
    pack = patch_index.pack_of(store.read(index))
    return [index, pack] if pack else [index]


def _layers(part: records.Part) -> list[Ref]:
    return [part.layers] if part.layers else []


def _seal(
    waiting: _Waiting, part: records.Part, start: int, contents: Sequence[Ref], store: Store, public: Store
) -> SealedPack:
    """Encrypt contents into one file of the feed, which is a part of its own (docs/formats/patches.md)."""
    contents = list(dict.fromkeys(contents))
    salt = sealed.salt_of(waiting.key, contents)

    def stream() -> Iterator[bytes]:
        seal, offset = sealed.Seal(waiting.key, salt), 0
        yield salt
        for data in chain(_plain(contents, store), [sealed.table(contents)]):
            yield seal.apply(data, offset)
            offset += len(data)

    leaves = merkle.Hasher(stream()).leaves()
    size_bytes = sum(ref.size_bytes for ref in contents) + len(sealed.table(contents)) + sealed.SALT_BYTES
    pack = Ref(merkle.root_of(leaves), size_bytes)
    public.put_chunks(pack, stream())
    files = build.manifest_of(f"{waiting.release.title}.sealed", [Entry("sealed", size_bytes, pack.root)])
    layers = build.layers_document(files, {pack.root: leaves})
    mine = replace(
        part, defaults=False, manifest=public.put(manifest.encode(files)), info_hash=files.info_hash,
        layers=public.put(layers) if layers else None, leaves=None, landmarks=None,
    )  # fmt: skip
    return SealedPack(start, mine)


def _plain(contents: Sequence[Ref], store: Store) -> Iterator[bytes]:
    for ref in contents:
        with store.path(ref).open("rb") as file:
            while data := file.read(CHUNK_BYTES):
                yield data


def _size_of(each: SealedPack, public: Store) -> int:
    return sum(entry.size_bytes for entry in manifest.parse(public.read(each.part.manifest)).entries)


# ---------------------------------------------------------------- records, and the publisher's home


def _offer(
    repo: Repository, order: ReleaseOrder, past: History, sequence: int, found: tuple[SealedPack, ...]
) -> Changes:
    """The records that differ from what is live now."""
    title, live = order.title, past.channels.get(order.channel, Channel(0))
    before = history(repo, title).channels.get(order.channel, Channel(0)).preload
    wanted = {
        feed_paths.patches(title, sequence): records.encode(Patches(sequence, (), found)),
        feed_paths.channel(title, order.channel): records.encode(replace(live, preload=sequence)),
    }
    is_new = title not in repo.feed.titles
    if is_new:
        wanted[feed_paths.title(title)] = records.encode(release.about(order, None))
        wanted[feed_paths.FEED] = records.encode(replace(repo.feed, titles=tuple(sorted({*repo.feed.titles, title}))))
    put = {path: data for path, data in wanted.items() if repo.record(path) != data}
    drop = {feed_paths.patches(title, before)} if before and before != sequence else set()
    return Changes(put, frozenset(drop), (title,) if is_new else ())


def _without_preload(past: History, channel: str) -> History:
    """The history without what the channel preloads, whose number may be used again."""
    now = past.channels.get(channel, Channel(0))
    return replace(past, channels={**past.channels, channel: replace(now, preload=0)})


def _back(packed: packs.Packed, past: History) -> Patches | None:
    parts = tuple(PartPatches(part, None, (delta,)) for part, delta in packed.back)
    return Patches(max(past.releases), parts) if parts else None


def _place(home: Home, repo: Repository, title: str) -> Path:
    return home.preloads / repo.feed.name / title / "preload.json"


def _load(path: Path) -> _Waiting:
    """Raises UsageError (usage.release)."""
    try:
        fields = strict_json.load(path, _STATE_BYTES)
        found, ways = records.parse(Release, fields["release"].encode()), fields.get("back", "").encode()
        back = records.parse(Patches, ways) if ways else None
        patches = records.parse(Patches, fields["patches"].encode())
        return _Waiting(str(fields["channel"]), bytes.fromhex(fields["key"]), found, patches, back)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ShoalError) as error:
        raise UsageError("usage.release", f"{path} is damaged: {error}.", path=str(path)) from error

"""A release day of a title: what each player fetches, over which line, and when. `fluid` carries it out."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from patcher.content import feed_paths, manifest, patch_index, records
from patcher.content.feed_paths import METADATA, TIMESTAMP
from patcher.content.merkle import Ref
from patcher.errors import UsageError
from patcher.publish import repository
from patcher.publish.rehearsal.fluid import Day, Line
from patcher.publish.release import History, history
from patcher.publish.repository import Repository, role_of
from patcher.publish.store import Store

TOGETHER, EVEN, RUSH = "together", "even", "rush"
CURVES = (RUSH, EVEN, TOGETHER)
"""How players come: most at once and ever fewer, one like the other, or all in the first moment."""
_RUSH = 5.0
"""How many times the number of players who come falls by the factor e in the window of a rush."""
_SLICES = 200


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one player fetches of a release. ``version_from`` is empty for an install."""

    version: str
    version_from: str
    swarm_bytes: int
    """Through the swarms: the packs of a patch, or the tree."""
    packed_bytes: int
    """What the origin sends in place of them: the same packs, or the full packs, which are smaller than the tree."""
    document_bytes: int
    """Only from the origin: metadata, records, indexes, manifests, and packs too small for a swarm."""

    @property
    def origin_bytes(self) -> int:
        """Without other players all of it comes from the origin."""
        return self.packed_bytes + self.document_bytes


@dataclass(frozen=True, slots=True)
class LineKind:
    """A kind of line, rates in bytes a second, and how many of the players have it; ``weight`` is relative."""

    weight: float
    down_bps: float
    up_bps: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """The players. ``sharing``: the share of those who share, 0 to 1. ``within_s``: the window in which all come."""

    players: int
    kinds: tuple[LineKind, ...]
    sharing: float
    curve: str
    within_s: float


def fetched(folder: Path, title: str, channel: str, *, install: bool = False) -> Fetched:
    """What a player of the release before fetches for the one that ``channel`` offers, who has the parts without tags.

    ``install``: a player who has nothing; also counts where no patch leads from the release before. Raises UsageError
    (usage.unknown_title), ContentError, TrustError.
    """
    repo = repository.load(folder)
    past = history(repo, title)
    new = past.releases.get(past.channels.get(channel, records.Channel(0)).release)
    if new is None:
        raise UsageError("usage.unknown_title", f"No release of {title!r} is live in {channel}.", title=title)
    data = repo.record(feed_paths.patches(title, new.sequence))
    patches = records.parse(records.Patches, data) if data else records.Patches(new.sequence)
    starts = [] if install else [sequence for sequence in patches.starts if sequence in past.releases]
    start = max(
        starts, key=lambda sequence: (sequence < new.sequence, sequence), default=0
    )  # after a rollback: from above
    parts = [part for part in new.parts if records.chosen(part, ())] or list(new.parts)
    offers = {each.part: each for each in patches.parts}
    store, documents = Store(folder), _records_bytes(repo, past, title, channel)
    swarm = packed = 0
    for part in parts:
        offer = offers.get(part.name, records.PartPatches(part.name, None))
        step = next((delta for delta in offer.deltas if delta.from_sequence == start), None)
        if step is None and start and _is_unchanged(part, past.releases[start]):
            continue
        weight = _of_patch(step, store) if step else _of_install(part, offer, store)
        swarm, packed, documents = swarm + weight[0], packed + weight[1], documents + weight[2]
    return Fetched(new.version, past.releases[start].version if start else "", swarm, packed, documents)


def day(what: Fetched, crowd: Crowd, origin_bps: float, stay_s: float, seed_bps: float) -> Day:
    """The day as `rehearsal` takes it. Documents count in bytes, not in time."""
    ratio = what.swarm_bytes / what.packed_bytes if what.packed_bytes else 1.0
    return Day(max(1, what.swarm_bytes), tuple(_lines(crowd)), origin_bps, ratio, stay_s, seed_bps)


# ---------------------------------------------------------------- what is fetched


def _records_bytes(repo: Repository, past: History, title: str, channel: str) -> int:
    """The metadata and records that a player reads."""
    live = past.channels[channel].release
    paths = [
        path
        for path in (feed_paths.FEED, feed_paths.title(title), feed_paths.channel(title, channel),
                     feed_paths.release(title, live), feed_paths.patches(title, live))
        if repo.record(path)
    ]  # fmt: skip
    names = {f"{repo.snapshot.version}.snapshot.json", TIMESTAMP}
    roles = {"targets", *map(role_of, paths)}
    names |= {f"{meta.version}.{name}" for name, meta in repo.snapshot.meta.items() if name[: -len(".json")] in roles}
    files = {f"{METADATA}/{name}" for name in names} | {repo.file_of(path) for path in paths}
    return sum((repo.folder / file).stat().st_size for file in files)


def _is_unchanged(part: records.Part, before: records.Release) -> bool:
    return any(old.name == part.name and old.manifest == part.manifest for old in before.parts)


def _of_patch(step: records.Delta, store: Store) -> tuple[int, int, int]:
    """Bytes of the swarm, of the origin in their place, and of documents."""
    documents = _size(step.index) + _size(step.manifest)
    pack = patch_index.pack_of(store.read(step.index)) if step.index else None
    if pack is None or pack.size_bytes < patch_index.SWARM_BYTES:
        return 0, 0, documents + _size(pack)
    return pack.size_bytes, pack.size_bytes, documents


def _of_install(part: records.Part, offer: records.PartPatches, store: Store) -> tuple[int, int, int]:
    tree = sum(entry.size_bytes for entry in manifest.parse(store.read(part.manifest)).entries)
    pack = patch_index.pack_of(store.read(offer.full)) if offer.full else None
    documents = _size(offer.manifest or part.manifest) + _size(part.layers) + _size(offer.full)
    return tree, min(tree, _size(pack) or tree), documents


def _size(ref: Ref | None) -> int:
    return ref.size_bytes if ref else 0


# ---------------------------------------------------------------- who comes when


def _lines(crowd: Crowd) -> Iterator[Line]:
    """The players in groups. Each group has the players between two sums, rounded, so that none is lost."""
    slices = 1 if crowd.curve == TOGETHER else min(_SLICES, crowd.players)
    weight = sum(kind.weight for kind in crowd.kinds)
    cells = [
        (kind, shares, arrive_s(crowd, (number + 0.5) / slices), kind.weight / weight / slices * portion)
        for number, kind, (shares, portion) in itertools.product(
            range(slices), crowd.kinds, ((True, crowd.sharing), (False, 1 - crowd.sharing))
        )
    ]
    done, total = 0, 0.0
    for kind, shares, at_s, portion in cells:
        total += portion
        count = round(total * crowd.players) - done
        if count:
            yield Line(count, kind.down_bps, kind.up_bps, shares, at_s)
        done += count


def arrive_s(crowd: Crowd, share: float) -> float:
    """When this share of the players has come."""
    if crowd.curve == TOGETHER:
        return 0.0
    if crowd.curve == EVEN:
        return share * crowd.within_s
    return -crowd.within_s / _RUSH * math.log(1 - share * (1 - math.exp(-_RUSH)))

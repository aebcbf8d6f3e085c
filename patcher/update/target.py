"""The target of a job, and its means: a signed release, the folder, and the publisher's offers for it.

An `Offer` is one part of the release: its manifest at once, the rest where a plan needs it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from patcher.beneath import Beneath
from patcher.content import manifest, merkle, paths, records
from patcher.content.manifest import Manifest
from patcher.content.merkle import Ref
from patcher.content.patch_index import Index
from patcher.errors import ContentError, Missing
from patcher.feed.feeds import Opened
from patcher.feed.reader import Reader
from patcher.install.folder import Description, Installed
from patcher.install.registry import Installation
from patcher.transfer.swarm.session import Session

_NO_DOCUMENTS: Mapping[str, bytes] = {}


@dataclass(frozen=True, slots=True)
class Offer:
    """One part of a release, and the publisher's means to build it."""

    part: records.Part
    document: bytes
    """The manifest as it was signed."""
    manifest: Manifest
    """The same, read."""
    old: Manifest | None = None
    """The manifest that ``patch`` is cut against."""
    patch: Index | None = None
    full: Index | None = None
    layers: Mapping[bytes, bytes] = field(default_factory=dict)
    """Root to piece layer; fetched only for pieces and half-staged files."""
    old_part: records.Part | None = None
    """The part as the release in place has it."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where a job may get bytes from. A job that needs no network has no feed."""

    feed: Opened | None = None
    session_for: Callable[[], Session | None] = lambda: None
    """Opens the session of the swarm when it is first needed; returns None if the job does without peers."""
    server_only: bool = True
    download_limit: Callable[[], int] = lambda: 0
    """Bytes a second, as the limit stands now; 0 is none."""


@dataclass(frozen=True, slots=True)
class Target:
    """The signed list of parts to reach, the folder, and what may be used. Without a release, the empty list."""

    install: Installation
    release: records.Release | None
    offers: tuple[Offer, ...]
    access: Access
    full_scan: bool = False
    borrow: tuple[tuple[Beneath, tuple[Manifest, ...]], ...] = ()
    """Other folders to copy from, with the manifests of their files."""
    mend: bool = False
    """The release is the one in place, so large damaged files may be repaired where they stand."""
    adopt: bool = False
    """Files in the way count as older files of this title, although no description says so."""
    detour: "tuple[Target, Target] | None" = None
    """The target that leads to an intermediate release, and the one that leads on from there to ``release``."""
    older_detours: "Iterable[tuple[Target, Target]]" = ()
    """The same by older releases, in case ``detour`` cannot be planned. Each is read from the feed as it is taken."""

    @property
    def installed(self) -> Installed | None:
        """What the install folder will say of itself afterwards."""
        install, release = self.install, self.release
        fingerprint = self.access.feed.fingerprint if self.access.feed else ""
        return Installed(fingerprint, release.title, install.channel, install.tags, release) if release else None

    @property
    def released(self) -> list[Manifest]:
        """The manifests of the parts whose files belong to the publisher, not to the player (`defaults`)."""
        return [offer.manifest for offer in self.offers if not offer.part.defaults]

    @property
    def manifests(self) -> dict[Ref, Manifest]:
        """Every manifest that is read already, of the release in place, too."""
        new = {offer.part.manifest: offer.manifest for offer in self.offers}
        return {each.old_part.manifest: each.old for each in self.offers if each.old and each.old_part} | new


def local_offers(installed: Installed, there: Description) -> tuple[Offer, ...] | None:
    """Offers of a release whose manifests are on the disk (``.shoal`` or ``previous``); None when one is missing."""
    documents, parts = there.documents(installed), installed.parts
    if len(documents) < len(parts):
        return None
    return tuple(Offer(part, documents[part.name], manifest.parse(documents[part.name])) for part in parts)


def remote_offers(
    reader: Reader,
    release: records.Release,
    tags: Collection[str],
    start: records.Release | None = None,
    documents: Mapping[str, bytes] = _NO_DOCUMENTS,
) -> tuple[Offer, ...]:
    """Offers of a signed release: each chosen part with its manifest, and its patch from the release ``start``.

    ``documents``: part name to manifest of ``start``. A manifest that did not change is taken from them; one that did
    comes as a delta where the publisher made one. Raises what `Reader` raises.
    """
    patches = _patches(reader, release)
    before = {part.name: part for part in start.parts} if start else {}
    offers = []
    for part in release.parts:
        if records.chosen(part, tags):
            mine = patches.get(part.name, records.PartPatches(part.name, None))
            delta = next((d for d in mine.deltas if start and d.from_sequence == start.sequence), None)
            offer = _offer(reader, part, documents.get(part.name), delta, mine.manifest)
            offers.append(replace(offer, old_part=before.get(part.name)))
    check_together([offer.manifest for offer in offers])
    return tuple(offers)


def complete(target: Target, offer: Offer) -> Offer:
    """The offer with the full pack's index and the piece layers, unless it has them or there is no network.

    Raises what `Reader` raises.
    """
    if offer.layers or not target.access.feed or not target.release:
        return offer
    reader = target.access.feed.reader
    patches = _patches(reader, target.release).get(offer.part.name)
    index = _index(reader, patches.full, offer.manifest, None) if patches and patches.full else None
    return replace(offer, full=index, layers=reader.layers(offer.part, offer.manifest))


def check_together(manifests: Sequence[Manifest]) -> None:
    """Check that all parts of a release fit into one folder. Raises ContentError (content.unsafe_path)."""
    if len(manifests) > 1:  # each was checked by itself as it was read
        paths.check_all(path for m in manifests for path in (*m.paths, *m.empty_folders))


def _patches(reader: Reader, release: records.Release) -> dict[str, records.PartPatches]:
    """What the feed says of each part's patches, by part name."""
    patches = reader.patches(release.title, release.sequence)
    return {each.part: each for each in patches.parts} if patches else {}


def _offer(
    reader: Reader, part: records.Part, old_data: bytes | None, delta: records.Delta | None, packed: Ref | None
) -> Offer:
    if old_data and merkle.ref_of(old_data) == part.manifest:
        return Offer(part, old_data, manifest.parse(old_data))
    data = reader.manifest(part, old_data, delta.manifest if delta else None, packed)
    if not old_data or not delta or not delta.index or part.defaults:
        return Offer(part, data, manifest.parse(data))
    parser = manifest.Parser()
    old, new = parser.parse(old_data), parser.parse(data)
    index = _index(reader, delta.index, new, old)
    return Offer(part, data, new, old if index else None, index)


def _index(reader: Reader, ref: Ref, new: Manifest, old: Manifest | None) -> Index | None:
    """The index of a pack; None when no server has the right one, so that the part comes by its tree."""
    try:
        return reader.index(ref, new, old)
    except (ContentError, Missing):
        return None

"""What the publisher offers to reach a release with: manifests first, patches and layers where a plan needs them."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from itertools import chain

from patcher.content import manifest, merkle, paths, records
from patcher.content.manifest import Manifest
from patcher.content.merkle import Ref
from patcher.content.patch_index import Index
from patcher.errors import ContentError, Missing
from patcher.feed.reader import Reader
from patcher.install.folder import Description, Installed
from patcher.update.plan import Offer


def local(installed: Installed, there: Description) -> list[Offer] | None:
    """Offers of a release whose manifests are on the disk (``.shoal`` or ``previous``), or None when one is missing."""
    found = [(part, there.manifest_data(part.manifest)) for part in installed.parts]
    offers = [Offer(part, data, manifest.parse(data)) for part, data in found if data]
    return offers if len(offers) == len(found) else None


def remote(
    reader: Reader, release: records.Release, tags: Collection[str], installed: Installed | None, there: Description
) -> list[Offer]:
    """Offers of a signed release: each chosen part with its manifest, and its patch from the installed release.

    A manifest that did not change is read from the disk, one that did comes as a delta where the publisher made one.
    Raises what `Reader` raises.
    """
    here = {part.name: there.manifest_data(part.manifest) for part in installed.parts} if installed else {}
    return _offers(reader, release, tags, installed.release if installed else None, here)


def onward(
    reader: Reader, release: records.Release, tags: Collection[str], stop: records.Release, before: Sequence[Offer]
) -> list[Offer]:
    """The same for when the release ``stop``, which is that of the offers ``before``, will be installed."""
    return _offers(reader, release, tags, stop, {offer.part.name: offer.document for offer in before})


def _offers(
    reader: Reader,
    release: records.Release,
    tags: Collection[str],
    start: records.Release | None,
    here: Mapping[str, bytes | None],
) -> list[Offer]:
    """From the release ``start``, or nothing, and its manifests by part."""
    patches = reader.patches(release.title, release.sequence)
    packed = {patch.part: patch.manifest for patch in patches.parts} if patches else {}
    offers = [
        _offer(
            reader,
            part,
            here.get(part.name),
            _delta(patches, part, start.sequence if start else 0),
            packed.get(part.name),
        )
        for part in release.parts
        if records.chosen(part, tags)
    ]
    check_together([offer.manifest for offer in offers])
    before = {part.name: part for part in start.parts} if start else {}
    return [dataclasses.replace(offer, old_part=before.get(offer.part.name)) for offer in offers]


def check_together(manifests: Sequence[Manifest]) -> None:
    """The parts of a release must be able to stand in one folder. Raises ContentError (content.unsafe_path)."""
    if len(manifests) > 1:  # each was checked by itself as it was read
        leaves = ((*(e.path for e in m.entries), *(path for path, _ in m.links), *m.empty_folders) for m in manifests)
        paths.check_all(chain.from_iterable(leaves))


def _offer(
    reader: Reader, part: records.Part, old_data: bytes | None, delta: records.Delta | None, packed: Ref | None
) -> Offer:
    if old_data and merkle.ref_of(old_data) == part.manifest:
        return Offer(part, old_data, manifest.parse(old_data))
    data = reader.manifest(part, old_data, delta.manifest if delta else None, packed)
    new = manifest.parse(data)
    if not old_data or not delta or not delta.index or part.defaults:
        return Offer(part, data, new)
    old = manifest.parse(old_data)
    index = _index(reader, delta.index, new, old)
    return Offer(part, data, new, old if index else None, index)


def _index(reader: Reader, ref: Ref, new: Manifest, old: Manifest | None) -> Index | None:
    """The index of a pack, or None when no server has it right: then the pack is of no use, and the tree remains."""
    try:
        return reader.index(ref, new, old)
    except (ContentError, Missing):
        return None


def complete(reader: Reader, release: records.Release, offers: Sequence[Offer], parts: Collection[str]) -> list[Offer]:
    """The offers, those of the named parts with the full pack's index and piece layers: for trees and half files."""
    patches = reader.patches(release.title, release.sequence)
    full = {patch.part: patch.full for patch in patches.parts} if patches else {}

    def completed(offer: Offer) -> Offer:
        ref = full.get(offer.part.name)
        index = _index(reader, ref, offer.manifest, None) if ref else None
        return dataclasses.replace(offer, full=index, layers=reader.layers(offer.part, offer.manifest))

    return [completed(offer) if offer.part.name in parts else offer for offer in offers]


def _delta(patches: records.Patches | None, part: records.Part, start: int) -> records.Delta | None:
    mine = next((p for p in patches.parts if p.part == part.name), None) if patches else None
    return next((d for d in mine.deltas if d.from_sequence == start), None) if mine else None

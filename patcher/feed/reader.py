"""The records of a feed as frozen facts, and the documents that they name by root."""

import dataclasses
import re
from collections.abc import Mapping

from patcher.content import codec, feed_paths, manifest, patch_index, records
from patcher.content.manifest import Manifest
from patcher.content.merkle import Ref
from patcher.content.patch_index import Index
from patcher.errors import ContentError, NotOffered, OriginError, TrustError
from patcher.feed.trust import Trust
from patcher.transfer.origin.client import Origin

DOCUMENT_MAX_BYTES = 512 * 1024 * 1024
_RELEASE = re.compile(r"[0-9]{1,16}\.json", re.ASCII)


class Reader:
    """The records and documents of one feed. ``origin`` is where content is (`Feed.origins`, `Feed.hosts`).

    Every method raises what `Trust.record` raises, and TrustError (trust.record, trust.needs_newer) for a record that
    is not valid. Those that fetch documents also raise OriginError, ContentError and Cancelled.
    """

    def __init__(self, trust: Trust, origin: Origin) -> None:
        self._trust = trust
        self._origin = origin

    def feed(self) -> records.Feed:
        """``feed.json``, without URLs that lead nearer to the player than the address at which the feed was added."""
        record = records.parse(records.Feed, self._trust.record(feed_paths.FEED))
        origins = tuple(filter(self._may_name, record.origins))
        trackers = tuple(filter(self._origin.allows_tracker, record.trackers))
        return dataclasses.replace(record, origins=origins, trackers=trackers)

    def title(self, title: str) -> records.Title:
        """A title, its links filtered likewise. Raises TrustError (trust.record) if the record is about another."""
        path = feed_paths.title(title)
        record = records.parse(records.Title, self._trust.record(path))
        if record.name != title:
            raise _misplaced(path)
        links = {kind: url for kind, url in record.links.items() if self._may_name(url)}
        return dataclasses.replace(record, links=links)

    def channel(self, title: str, name: str) -> records.Channel:
        """What a channel offers."""
        return records.parse(records.Channel, self._trust.record(feed_paths.channel(title, name)))

    def releases(self, title: str) -> tuple[int, ...]:
        """The sequences of all releases that are still signed, newest last."""
        path = feed_paths.release(title, 0)
        folder = path.rpartition("/")[0]
        names = (path.removeprefix(f"{folder}/") for path in self._trust.siblings(path))
        return tuple(sorted(int(name[:-5]) for name in names if _RELEASE.fullmatch(name)))

    def release(self, title: str, sequence: int) -> records.Release:
        """One release. Raises TrustError (trust.record) if the record is about another release."""
        path = feed_paths.release(title, sequence)
        record = records.parse(records.Release, self._trust.record(path))
        if (record.title, record.sequence) != (title, sequence):
            raise _misplaced(path)
        return record

    def patches(self, title: str, sequence: int) -> records.Patches | None:
        """The patches that lead to a release; None if the feed has no record of them."""
        path = feed_paths.patches(title, sequence)
        try:
            record = records.parse(records.Patches, self._trust.record(path))
        except NotOffered:
            return None
        if record.to_sequence != sequence:
            raise _misplaced(path)
        return record

    def _may_name(self, url: str) -> bool:
        return self._origin.reach.may_name(url)

    def manifest(self, part: records.Part, old: bytes | None, step: Ref | None, packed: Ref | None = None) -> bytes:
        """A part's manifest, checked by its root.

        It comes from the older one ``old`` by the delta ``step``, else from ``packed``, else whole.
        """
        for base, ref in ((old, step), (b"", packed)):
            if base is not None and ref is not None:
                try:
                    return codec.apply_manifest_delta(base, self._document(ref), part.manifest)
                except (ContentError, OriginError):
                    pass  # the whole one is always there
        return self._document(part.manifest)

    def index(self, ref: Ref, new: Manifest, old: Manifest | None) -> Index:
        """The index of a pack: to ``new``, from ``old`` or from nothing."""
        return patch_index.parse(self._document(ref), new, old)

    def layers(self, part: records.Part, whole: Manifest) -> Mapping[bytes, bytes]:
        """The piece layers of a part by file root, checked; empty if no file is larger than a piece."""
        return manifest.split_layers(whole, self._document(part.layers)) if part.layers else {}

    def _document(self, ref: Ref) -> bytes:
        if ref.size_bytes > DOCUMENT_MAX_BYTES:
            raise ContentError("content.invalid", f"A document of {ref.size_bytes} bytes is too large.", root=ref.hex)
        return self._origin.content(ref)


def _misplaced(path: str) -> TrustError:
    return TrustError("trust.record", f"The record {path} speaks of something else.", record=path)

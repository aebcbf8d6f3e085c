"""What a signing request asks for, in words: files and sizes, what differs from the release before, whose keys.

All is computed from what the signatures cover: a payload names its records by hash, a record its documents by root.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # exported, but not by __all__
from tuf.api.metadata import Root, Targets  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher.content import feed_paths, manifest
from patcher.content.file_tree import Entry
from patcher.content.merkle import Ref
from patcher.content.records import Part, Release, parse
from patcher.publish.keys.ring import name_of

FILES_NAMED = 20
NOTES_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class SignedRecords:
    """The records and documents that payloads lead to. ``documents`` by ref: manifests and notes, as far as known."""

    records: Mapping[str, bytes] = field(default_factory=dict)
    """By target path: the new ones, and the release that the new one is compared with."""
    documents: Mapping[Ref, bytes] = field(default_factory=dict)

    @property
    def releases(self) -> list[Release]:
        """The releases among the records, newest first."""
        found = [parse(Release, data) for path, data in self.records.items() if feed_paths.is_release(path)]
        return sorted(found, key=lambda release: -release.sequence)

    @property
    def named(self) -> set[Ref]:
        """The documents that the releases name."""
        return {ref for release in self.releases for ref in documents_of(release)}

    def lines(self) -> Iterator[str]:
        """The new release, and what it changes. Raises TrustError, ContentError for what is damaged."""
        if not self.releases:
            return
        new, *older = self.releases
        yield f"Release {new.title} {new.version}, number {new.sequence}"
        for system, launch in sorted(new.launch.items()):
            yield f"  Starts on {system}: {' '.join(launch.argv)}"
        for part in new.parts:
            yield f"  {_part_text(part, self._files(part))}"
        if older:
            yield from self._differences(new, older[0])
        if new.notes and new.notes in self.documents:
            yield f"  Notes: {self.documents[new.notes].decode(errors='replace')[:NOTES_CHARACTERS]}"

    def _files(self, part: Part) -> dict[str, Entry] | None:
        document = self.documents.get(part.manifest)
        return {entry.path: entry for entry in manifest.parse(document).entries} if document else None

    def _differences(self, new: Release, old: Release) -> Iterator[str]:
        sides = [[self._files(part) for part in release.parts] for release in (new, old)]
        if any(files is None for side in sides for files in side):
            yield f"  The lists of files are too long for this request: compare {new.version} with {old.version} there"
            return
        after, before = ({path: e for files in side if files for path, e in files.items()} for side in sides)
        added = [entry for path, entry in after.items() if path not in before]
        changed = [entry for path, entry in after.items() if path in before and entry != before[path]]
        gone = [entry for path, entry in before.items() if path not in after]
        same = len(after) - len(added) - len(changed)
        yield (
            f"  Compared with {old.version}: {_count(added, 'new')}, {_count(changed, 'changed')}, "
            f"{_count(gone, 'gone')}, {same:,} as before"
        )
        named = [*(("new", e) for e in added), *(("changed", e) for e in changed), *(("gone", e) for e in gone)]
        for kind, entry in named[:FILES_NAMED]:
            yield f"    {kind:8} {entry.path}, {entry.size_bytes:,} bytes{', a program' if entry.executable else ''}"
        if len(named) > FILES_NAMED:
            yield f"    and {len(named) - FILES_NAMED:,} more"


def documents_of(release: Release) -> list[Ref]:
    """The documents of a release that a summary reads."""
    return [*(part.manifest for part in release.parts), *([release.notes] if release.notes else [])]


def delegated(payload: Root | Targets) -> list[str]:
    """Whose keys a payload lets sign what."""
    if isinstance(payload, Root):
        roles = {f"the role {name}": role for name, role in payload.roles.items()}
    else:
        roles_below = ((payload.delegations and payload.delegations.roles) or {}).values()
        roles = {", ".join(role.paths or ()): role for role in roles_below}
    return [
        f"  gives {what} to {role.threshold} of "
        + ", ".join(f"{name_of(_sslib(payload, keyid))} ({keyid[:16]})" for keyid in role.keyids)
        for what, role in roles.items()
    ]


def listed(payload: Root | Targets) -> list[str]:
    """The records that a payload lists, without their hashes."""
    paths = sorted(payload.targets) if isinstance(payload, Targets) else []
    return [f"  lists {', '.join(paths)}"] if paths else []


def _part_text(part: Part, files: Mapping[str, Entry] | None) -> str:
    tags = f" (for {', '.join(part.tags)})" if part.tags else ""
    if files is None:
        return f"Part {part.name}{tags}: the list of files is too long for this request"
    kind = ", which then belong to the player" if part.defaults else ""
    return f"Part {part.name}{tags}: {_count([*files.values()])}{kind}"


def _count(entries: list[Entry], kind: str = "") -> str:
    files = f"{len(entries):,} file{'' if len(entries) == 1 else 's'}{' ' if kind else ''}{kind}"
    return f"{files} ({sum(entry.size_bytes for entry in entries):,} bytes)" if entries else files


def _sslib(payload: Root | Targets, keyid: str) -> SSlibKey:
    key = payload.get_key(keyid)
    assert isinstance(key, SSlibKey)
    return key

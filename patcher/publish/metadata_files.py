"""The metadata files of a feed: their names, and how each is written once."""

import re
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, MetaFile, TargetFile  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher import disk
from patcher.content.feed_paths import METADATA, TARGETS
from patcher.publish.store import make_folder


def free_version(folder: Path, role: str) -> int:
    """A version above all in the folder, those of interrupted runs included, so that no file name is used twice."""
    return 1 + max(versions(folder, role), default=0)


def versions(folder: Path, role: str) -> set[int]:
    """The versions of a role that are in the folder."""
    pattern = re.compile(rf"([0-9]+)\.{re.escape(role)}\.json")
    names = (entry.name for entry in (folder / METADATA).iterdir())
    return {int(match[1]) for name in names if (match := pattern.fullmatch(name))}


def target_file(target: TargetFile) -> str:
    """The file of a record: ``targets/DIR/<sha256>.NAME`` (TUF section 6.2, consistent snapshots)."""
    return f"{TARGETS}/{target.get_prefixed_paths()[0]}"


def write(path: Path, data: bytes) -> None:
    """Write a file of the feed durably, unless it is there with the same bytes. Raises DiskError."""
    if path.is_file() and path.read_bytes() == data:
        disk.sync_folder(path.parent)  # a killed run may have written it without making its name durable
    else:
        make_folder(path.parent)
        disk.write_atomic(path, data)


def write_role(folder: Path, role: str, metadata: Metadata[Any]) -> MetaFile:
    """Write a role under its version. Returns the entry for it in the snapshot. Raises DiskError."""
    data = metadata.to_bytes()
    write(folder / METADATA / f"{metadata.signed.version}.{role}.json", data)
    return MetaFile.from_data(metadata.signed.version, data, ["sha256"])

"""The TUF metadata on the disk, with every signature checked again from the pinned root down.

Expiry and freshness are not judged here. TUF sections are those of the specification, version 1.0.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from patcher.content.feed_paths import TIMESTAMP
from patcher.errors import NotOffered, TrustError

if TYPE_CHECKING:  # python-tuf takes 36 MB and a tenth of a second: it is imported where a refresh or a check begins
    from tuf.api.metadata import (  # type: ignore[attr-defined]  # exported, but not by __all__
        Role,
        Root,
        Snapshot,
        Targets,
        Timestamp,
    )

SIGNED_AT = "x-shoal-signed-at"
"""Field of the timestamp role: when it was signed, ISO 8601 in UTC. A reader's clock is never before it."""
ROOT = "root.json"
HISTORY = "root_history"
"""The folder of all roots, as python-tuf calls it."""
VERSION_MAX = 2**32
"""A role that is signed once a second reaches this in 136 years, and dates or Unix times used as versions are below it.
Only a thief signs a higher version, to keep honest versions from being accepted after it."""


class Verified:
    """The metadata in ``folder``. ``pinned`` is the feed's first root.

    The constructor and the methods raise python-tuf's RepositoryError for metadata that is not signed as it must be.
    """

    def __init__(self, folder: Path, pinned: bytes) -> None:
        self._folder = folder
        self.root = verified_root(pinned)
        self._roots = {self.root.version: self.root}
        while (newer := folder / HISTORY / f"{self.root.version + 1}.root.json").is_file():
            root = verified_root(newer.read_bytes(), self.root)
            if root.version != self.root.version + 1:
                break
            self.root = self._roots[root.version] = root

    @cached_property
    def timestamp(self) -> "Timestamp":
        """The role that names the newest snapshot."""
        timestamp: Timestamp = self._read("timestamp", self.root)
        return timestamp

    @cached_property
    def versions(self) -> dict[str, int]:
        """Metadata file name to version, of every role there is."""
        snapshot: Snapshot = self._read("snapshot", self.root)
        top = {ROOT: self.root, TIMESTAMP: self.timestamp, "snapshot.json": snapshot}
        delegated = {name: meta.version for name, meta in snapshot.meta.items()}
        return delegated | {name: signed.version for name, signed in top.items()}

    @property
    def signed_at(self) -> int:
        """When the timestamp was signed, in seconds since 1970; 0 if it does not say."""
        text = self.timestamp.unrecognized_fields.get(SIGNED_AT)
        try:
            return int(datetime.fromisoformat(text).timestamp()) if text is not None else 0
        except (ValueError, TypeError, OverflowError) as error:
            raise TrustError("trust.record", f"The feed was signed at {text!a:.40}, which is no time.") from error

    def role_of(self, path: str) -> "Targets":
        """The role that signs a target path: there is one level of terminating delegations (docs/formats)."""
        return self._chain_of(path)[-1][1]

    def versions_for(self, path: str) -> dict[str, int]:
        """Metadata file name to version, of the targets roles that sign a target path."""
        return {f"{name}.json": role.version for name, role in self._chain_of(path)}

    def renewed_since(self, version: int) -> set[str]:
        """The top-level roles whose keys were replaced since the root ``version``, so that no old signature counts.

        An added key alone renews nothing: metadata that the old keys signed would still be accepted.
        """
        before = self._roots.get(version)
        if before is None:
            return set()
        return {name for name, role in self.root.roles.items() if _is_replaced(before.roles[name], role)} - {"root"}

    def _chain_of(self, path: str) -> list[tuple[str, "Targets"]]:
        targets: Targets = self._read("targets", self.root)
        roles = targets.delegations.get_roles_for_target(path) if targets.delegations else ()
        name = next((name for name, _ in roles), None)
        return [("targets", targets)] + ([(name, self._read(name, targets))] if name is not None else [])

    def _read(self, role: str, delegator: "Root | Targets") -> Any:
        try:
            data = (self._folder / f"{quote(role, '')}.json").read_bytes()
        except OSError as error:
            raise NotOffered(f"Nothing is known of {role} here.", role=role) from error
        return verified(delegator, role, data)


def verified(delegator: "Root | Targets", role: str, data: bytes) -> Any:
    """The payload of a role, signed as its delegator demands. Raises python-tuf's RepositoryError."""
    from tuf.api.metadata import Metadata

    metadata: Metadata[Any] = Metadata.from_bytes(data)
    delegator.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    return metadata.signed


def verified_root(data: bytes, before: "Root | None" = None) -> "Root":
    """A root signed by itself and by the one before it (TUF section 5.3.4). Raises python-tuf's RepositoryError."""
    from tuf.api.exceptions import RepositoryError
    from tuf.api.metadata import Metadata, Root  # type: ignore[attr-defined]  # exported, but not by __all__

    metadata: Metadata[Root] = Metadata.from_bytes(data)
    root = metadata.signed
    if not isinstance(root, Root):
        raise RepositoryError("not a root")
    for judge in (before or root, root):
        judge.verify_delegate("root", metadata.signed_bytes, metadata.signatures)
    return root


def behind(versions: Mapping[str, int], floor: Mapping[str, int], renewed: set[str]) -> str:
    """The first of the files in ``versions`` that is older than its floor; empty if none is.

    A role has no floor if its keys are ``renewed`` (TUF section 5.3.11, recovery from a fast-forward attack). Delegated
    roles follow the snapshot, whose keys sign their versions.
    """
    return next((name for name, seen in versions.items() if seen < floor.get(name, 0) and not is_of(name, renewed)), "")


def is_of(name: str, roles: set[str]) -> bool:
    """Whether one of the top-level ``roles`` signs the version of the metadata file ``name``."""
    role = name.removesuffix(".json")
    return (role if role in {"root", "timestamp", "snapshot", "targets"} else "snapshot") in roles


def check_versions(data: bytes) -> None:
    """Refuse a timestamp or snapshot with a version above `VERSION_MAX`, in itself or in what it names.

    To be called before python-tuf keeps the file, which would then refuse every honest version after it.
    Raises TrustError (trust.record) and python-tuf's RepositoryError.
    """
    from tuf.api.metadata import (  # type: ignore[attr-defined]  # exported, but not by __all__
        Metadata,
        Snapshot,
        Timestamp,
    )

    signed = Metadata[Any].from_bytes(data).signed
    named = list(signed.meta.values()) if isinstance(signed, Snapshot) else []
    if isinstance(signed, Timestamp):
        named.append(signed.snapshot_meta)
    if max(signed.version, *(meta.version for meta in named), 0) > VERSION_MAX:
        raise TrustError("trust.record", f"The feed's {signed.type} has an impossible version.", role=signed.type)


def _is_replaced(before: "Role", now: "Role") -> bool:
    return len(set(before.keyids) & set(now.keyids)) < now.threshold

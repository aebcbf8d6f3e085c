"""A signed feed in memory, laid out as the format says. What an attacker or a careless publisher does is one call."""

import copy
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # exported, but not by __all__
from tuf.api.metadata import (  # type: ignore[attr-defined]  # exported, but not by __all__
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

TITLE = "demo"
TOP = ("root", "timestamp", "snapshot", "targets")


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class RepositorySimulator:
    """`files` is what a web server would serve. `put` changes a record, `publish` signs roles anew."""

    def __init__(self, title: str = TITLE, lives: timedelta = timedelta(days=1)) -> None:
        self.files: dict[str, bytes] = {}
        self.signed_at: datetime | None = now()
        expires = now() + lives
        self.root = Root(expires=expires, consistent_snapshot=True)
        self.targets = Targets(expires=expires)
        self.snapshot = Snapshot(expires=expires)
        self.timestamp = Timestamp(expires=expires)
        self.roles: dict[str, Targets] = {"targets": self.targets}
        self.signers = {role: [CryptoSigner.generate_ed25519()] for role in TOP}
        self.targets.version = self.snapshot.version = self.timestamp.version = 0
        self.targets.delegations = Delegations({}, {})
        self.delegate("feed", ["feed.json"])
        self.delegate(f"{title}-releases", [f"{title}/releases/*"], threshold=2)
        self.delegate(f"{title}-channels", [f"{title}/title.json", f"{title}/channels/*", f"{title}/patches/*"])
        for role in TOP:
            self.root.add_key(self.signers[role][0].public_key, role)
        self.write("root", self.root)
        self.publish(*self.roles)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.files["metadata/1.root.json"]).hexdigest()

    def delegate(self, role: str, paths: list[str], threshold: int = 1) -> None:
        """A terminating role with as many keys as its threshold says; its first version is 1."""
        delegations = self.targets.delegations
        assert delegations is not None and delegations.roles is not None
        delegations.roles[role] = DelegatedRole(role, [], threshold, terminating=True, paths=paths)
        self.signers[role] = [CryptoSigner.generate_ed25519() for _ in range(threshold)]
        for signer in self.signers[role]:
            self.targets.add_key(signer.public_key, role)
        self.roles[role] = Targets(expires=self.targets.expires)
        self.roles[role].version = 0

    def put(self, path: str, data: bytes) -> None:
        """A new record, or a new content of one, published."""
        role = self.role_of(path)
        target = TargetFile.from_data(path, data, ["sha256"])
        self.roles[role].targets[path] = target
        self.files[f"targets/{target.get_prefixed_paths()[0]}"] = data
        self.publish(role)

    def file_of(self, path: str) -> str:
        """Where a record's bytes lie."""
        return f"targets/{self.roles[self.role_of(path)].targets[path].get_prefixed_paths()[0]}"

    def role_of(self, path: str) -> str:
        assert self.targets.delegations is not None
        return next((name for name, _ in self.targets.delegations.get_roles_for_target(path)), "targets")

    def publish(self, *roles: str, signers: Sequence[CryptoSigner] | None = None) -> None:
        """The next version of ``roles``, a snapshot and a timestamp. ``signers`` sign the roles in place of theirs."""
        for role in roles:
            self.roles[role].version += 1
            data = self.write(role, self.roles[role], signers)
            self.snapshot.meta[f"{role}.json"] = MetaFile.from_data(self.roles[role].version, data, ["sha256"])
        self.snapshot.version += 1
        self.publish_timestamp(self.write("snapshot", self.snapshot))

    def publish_timestamp(self, snapshot: bytes | None = None) -> None:
        """The next timestamp; of the snapshot as it is unless ``snapshot`` is given."""
        if snapshot is not None:
            self.timestamp.snapshot_meta = MetaFile.from_data(self.snapshot.version, snapshot, ["sha256"])
        self.timestamp.version += 1
        if self.signed_at:
            self.timestamp.unrecognized_fields["x-shoal-signed-at"] = self.signed_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        self.write("timestamp", self.timestamp)

    def publish_root(self, *renewed: str) -> None:
        """The next root, with new keys for the roles ``renewed``, signed by the old and the new root keys."""
        old = list(self.signers["root"])
        for role in renewed:
            for signer in self.signers[role]:
                self.root.revoke_key(signer.public_key.keyid, role)
            self.signers[role] = [CryptoSigner.generate_ed25519()]
            self.root.add_key(self.signers[role][0].public_key, role)
        self.root.version += 1
        self.write("root", self.root, [*old, *self.signers["root"]])

    def write(self, role: str, signed: Any, signers: Sequence[CryptoSigner] | None = None) -> bytes:
        """Sign one role as it stands and put its file where readers look."""
        metadata: Metadata[Any] = Metadata(copy.deepcopy(signed))
        for signer in self.signers[role] if signers is None else signers:
            metadata.sign(signer, append=True)
        data = metadata.to_bytes()
        name = "timestamp.json" if role == "timestamp" else f"{signed.version}.{role}.json"
        self.files[f"metadata/{name}"] = data
        return data

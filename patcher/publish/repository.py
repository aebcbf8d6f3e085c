"""The metadata of a feed folder: TUF roles, their thresholds and expiries, and the order in which they are written.

It uses ``tuf.api.metadata`` alone. Readers see a change when ``timestamp.json`` is replaced, which is the last step.
Every other file is new and has its own name, so a kill at any point leaves the feed unchanged, and a later run takes
the next free versions. Only ``timestamp.json`` is ever overwritten.

A new root is written after a timestamp that old and new keys signed, so readers of either root accept it. Only if the
old key is lost the root comes first, and readers wait for the timestamp.
"""

import copy
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # exported, but not by __all__
from tuf.api.exceptions import RepositoryError
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
from tuf.api.serialization import DeserializationError

from patcher import disk
from patcher.content import feed_paths, records
from patcher.content.feed_paths import FEED, FIRST_ROOT, METADATA, TIMESTAMP
from patcher.errors import TrustError, UsageError
from patcher.feed.verified import SIGNED_AT, verified, verified_root
from patcher.publish.keys.ring import KeyRing
from patcher.publish.metadata_files import free_version, target_file, versions, write, write_role
from patcher.publish.profiles import PROFILE_FIELD, PROFILES, Profile, profile_of
from patcher.publish.store import make_folder

RELEASES_KEPT = 32

T = TypeVar("T", Root, Targets, Snapshot, Timestamp)
Payload = Root | Targets | Snapshot | Timestamp
Delegator = Root | Targets
"""A role that delegates others: it says which keys sign them."""


@dataclass(frozen=True, slots=True)
class Changes:
    """One step of a feed: records to put and drop by target path, titles that are new."""

    put: Mapping[str, bytes]
    drop: frozenset[str] = frozenset()
    titles: tuple[str, ...] = ()

    @property
    def roles(self) -> frozenset[str]:
        """The targets roles that change."""
        new = {"targets", *(f"{title}-releases" for title in self.titles)} if self.titles else set()
        return frozenset(role_of(path) for path in (*self.put, *self.drop)) | new


def role_of(path: str) -> str:
    """The delegated role that signs the record ``path`` (formats.md, table of targets)."""
    title, _, rest = path.partition("/")
    if not rest:
        return "feed"
    return f"{title}-releases" if rest.startswith("releases/") else f"{title}-channels"


@dataclass(frozen=True, slots=True)
class Repository:
    """A feed folder as its readers see it now, with every signature checked. Made by `load` or `create`."""

    folder: Path
    fingerprint: str
    """SHA-256 of ``1.root.json`` in hex: what a player pins."""
    root: Root
    timestamp: Timestamp
    snapshot: Snapshot
    roles: Mapping[str, Targets] = field(default_factory=dict)
    """``targets`` and every role delegated by it."""
    is_whole: bool = True
    """False if a change of keys was interrupted while readers see it: the newest root waits for its timestamp."""

    @property
    def profile(self) -> Profile:
        """The profile of holders and expiries that the root names."""
        return profile_of(self.root)

    @property
    def titles(self) -> tuple[str, ...]:
        """Every title that has roles, sorted."""
        return tuple(sorted(r.removesuffix("-releases") for r in self.roles if r.endswith("-releases")))

    @property
    def feed(self) -> records.Feed:
        """The feed's own record. Raises TrustError (trust.record) when it is damaged."""
        return records.parse(records.Feed, self.record(FEED) or b"")

    def paths(self) -> list[str]:
        """Target paths of all live records, sorted."""
        return sorted(path for role in self.roles.values() for path in role.targets)

    @property
    def signed_at(self) -> datetime:
        """When the snapshot was signed and so became the newest."""
        return self.snapshot.expires - timedelta(days=self.profile.snapshot_days)

    @property
    def metadata_files(self) -> set[str]:
        """The files of the snapshot and its roles."""
        names = {f"{meta.version}.{name}" for name, meta in self.snapshot.meta.items()}
        return {f"{METADATA}/{name}" for name in (f"{self.snapshot.version}.snapshot.json", *names)}

    def file_of(self, path: str) -> str:
        """The file of the live record ``path``."""
        return target_file(self.roles[role_of(path)].targets[path])

    def record(self, path: str) -> bytes | None:
        """The live record ``path``, checked against its signed hash; None when there is none.

        Raises TrustError (trust.record) when the file is missing or not what was signed.
        """
        role = self.roles.get(role_of(path))
        target = role.targets.get(path) if role else None
        if target is None:
            return None
        try:
            data = (self.folder / target_file(target)).read_bytes()
            target.verify_length_and_hashes(data)
        except (OSError, RepositoryError) as error:
            raise TrustError("trust.record", f"The record {path} is damaged: {error}.", record=path) from error
        return data

    def parsed(self, path: str) -> object:
        """The live record ``path``, parsed; None if there is none, or of an unknown kind. Raises TrustError."""
        kind, data = feed_paths.kind_of(path), self.record(path)
        return records.parse(kind, data) if kind and data is not None else None

    def delegation(self, role: str, changes: Mapping[str, Delegator] | None = None) -> Delegator:
        """The role that delegates ``role``; the one in ``changes``, the next payloads, if it is there."""
        if role in self.root.roles:
            return (changes or {}).get("root", self.root)
        return (changes or {}).get("targets", self.roles["targets"])

    def next_payload(self, role: str, now: datetime) -> Targets:
        """The next version of ``role``, to be changed and signed."""
        payload = _copy(self.roles[role]) if role in self.roles else Targets()
        payload.version = free_version(self.folder, role)
        payload.expires = now + timedelta(days=self.profile.days(role))
        return payload

    def next_root(self, now: datetime) -> Root:
        """The next version of the root, to be changed and signed."""
        root = _copy(self.root)
        root.version, root.expires = self.root.version + 1, now + timedelta(days=self.profile.root_days)
        return root

    @property
    def lives(self) -> dict[str, Payload]:
        """Every role that has an expiry, by name."""
        return {"root": self.root, "snapshot": self.snapshot, "timestamp": self.timestamp, **self.roles}

    def ageing(self, now: datetime) -> frozenset[str]:
        """The roles that are past half their life."""
        days = self.profile.days
        return frozenset(r for r, p in self.lives.items() if p.expires - now < timedelta(days=days(r) / 2))

    def prepare(self, changes: Changes, now: datetime, renewed: Collection[str] = ()) -> dict[str, Delegator]:
        """The unsigned next payload of each role that changes or is to be renewed, ``targets`` last."""
        payloads: dict[str, Delegator] = {"root": self.next_root(now)} if "root" in renewed else {}
        roles = changes.roles | (self.roles.keys() & set(renewed))
        for role in sorted(roles, key=lambda role: (role == "targets", role)):
            payload = self.next_payload(role, now)
            for path in changes.drop:
                payload.targets.pop(path, None)
            for path in (p for p in changes.put if role_of(p) == role and role != "targets"):
                payload.targets[path] = TargetFile.from_data(path, changes.put[path], ["sha256"])
            payloads[role] = payload
            for title in changes.titles if role == "targets" else ():
                self._delegate_title(payload, title)
        return payloads

    def publish(self, changes: Changes, signed: Mapping[str, Metadata[Any]], ring: KeyRing, now: datetime) -> None:
        """Write everything, timestamp last but for a new root. ``signed`` are next payloads with all their signatures.

        Raises before anything is written: UsageError (usage.signatures) when a threshold is not met or a payload is
        older than what is live, (usage.passphrase), (usage.key_missing).
        """
        payloads = {role: metadata.signed for role, metadata in signed.items()}
        root: Metadata[Root] | None = signed.get("root")
        next_root = root.signed if root else self.root
        self._check_signed(signed)
        self.open_online_keys(ring, payloads)
        for path, data in changes.put.items():
            write(self.folder / target_file(payloads[role_of(path)].targets[path]), data)
        files = {f"{role}.json": write_role(self.folder, role, m) for role, m in signed.items() if role != "root"}
        snapshot = _copy(self.snapshot)
        snapshot.meta.update(files)
        online = [key for role in ("snapshot", "timestamp") for key in keys_of(self.root, role)]
        if root and not all(map(ring.has, online)):
            write_role(self.folder, "root", root)
        _write_online(self.folder, (next_root, self.root), snapshot, self.timestamp.version + 1, ring, now)
        if root:
            write_role(self.folder, "root", root)

    def _check_signed(self, signed: Mapping[str, Metadata[Any]]) -> None:
        payloads = {role: metadata.signed for role, metadata in signed.items()}
        for role, metadata in signed.items():
            verify(self.delegation(role, payloads), role, metadata)
            if role in self.root.roles:
                verify(self.root, role, metadata)  # by the keys that readers know as well (TUF section 5.3.4)
            live = self.root if role == "root" else self.roles.get(role)
            is_done = "root" in signed and metadata.signed == live  # a change of keys goes on after a kill
            if live and metadata.signed.version <= live.version and not is_done:
                raise UsageError("usage.signatures", f"{role} was published since it was signed.", role=role)

    def open_online_keys(self, ring: KeyRing, changes: Mapping[str, Delegator] | None = None) -> None:
        """Open the keys that every publication needs, before any work.

        Raises UsageError (usage.passphrase, usage.key_missing; usage.feed_folder when a change of keys comes first).
        """
        if not self.is_whole and "root" not in (changes or {}):
            message = "A change of keys was interrupted; run the same `shoal publish keys` command again first."
            raise UsageError("usage.feed_folder", message, path=str(self.folder))
        for role in ("feed", "snapshot", "timestamp"):
            for key in keys_of(self.delegation(role, changes), role):
                ring.signer(key)

    def _delegate_title(self, targets: Targets, title: str) -> None:
        holders = self.root.roles["targets"]
        channels = self.roles["targets"].get_delegated_role("feed")
        keys = keys_of(self.root, "targets")
        _delegate(targets, f"{title}-releases", [f"{title}/releases/*"], keys, holders.threshold)
        live = [f"{title}/title.json", f"{title}/channels/*", f"{title}/patches/*"]
        _delegate(targets, f"{title}-channels", live, keys_of(self.roles["targets"], "feed"), channels.threshold)


# ---------------------------------------------------------------- making and reading


def first(profile: str, keys: Mapping[str, Sequence[SSlibKey]], now: datetime) -> tuple[Root, Targets]:
    """The unsigned first root of a feed and its first targets, by the ``keys`` of each role, `feed` among them."""
    chosen = PROFILES[profile]
    root = Root(expires=now + timedelta(days=chosen.root_days), unrecognized_fields={PROFILE_FIELD: profile})
    for role in root.roles:
        for key in keys[role]:
            root.add_key(key, role)
        root.roles[role].threshold = chosen.threshold if role in {"root", "targets"} else 1
    targets = Targets(expires=now + timedelta(days=chosen.targets_days), delegations=Delegations({}, {}))
    _delegate(targets, "feed", [FEED], keys["feed"], 1)
    return root, targets


def create(
    folder: Path, record: bytes, root: Metadata[Root], targets: Metadata[Targets], ring: KeyRing, now: datetime
) -> Repository:
    """Write a new feed with one record, ``feed.json``. Raises UsageError (usage.signatures, usage.passphrase, …)."""
    for role, metadata in (("root", root), ("targets", targets)):
        verify(root.signed, role, metadata)
    target = TargetFile.from_data(FEED, record, ["sha256"])
    expires = now + timedelta(days=profile_of(root.signed).channels_days)
    feed = sign(targets.signed, "feed", Targets(expires=expires, targets={FEED: target}), ring)
    make_folder(folder / METADATA)
    write(folder / target_file(target), record)
    meta = {"feed.json": write_role(folder, "feed", feed), "targets.json": write_role(folder, "targets", targets)}
    write(folder / METADATA / FIRST_ROOT, root.to_bytes())
    _write_online(folder, (root.signed,), Snapshot(meta=meta), 1, ring, now)
    return load(folder)


def load(folder: Path) -> Repository:
    """Read and verify all roles of a feed folder from its first root down. Expiry is not judged.

    Raises UsageError (usage.feed_folder) when there is no feed, TrustError (trust.signature) when one is damaged.
    """
    if not (folder / METADATA / TIMESTAMP).is_file():
        raise UsageError("usage.feed_folder", f"{folder} is not a feed.", path=str(folder))
    with _translated(folder):
        return _load(folder)


def at(repo: Repository, version: int) -> Repository:
    """The feed as its readers saw it when the snapshot ``version``, which was checked then, was the newest.

    Raises TrustError (trust.signature) when a file of that time is missing or damaged.
    """
    with _translated(repo.folder):
        path = repo.folder / METADATA / f"{version}.snapshot.json"
        snapshot: Snapshot = Metadata[Snapshot].from_bytes(path.read_bytes()).signed
        files = {name.removesuffix(".json"): meta for name, meta in snapshot.meta.items()}
        read = {role: _read_role(repo.folder, role, meta) for role, meta in files.items()}
        roles = {role: Metadata[Targets].from_bytes(data).signed for role, data in read.items()}
    return replace(repo, snapshot=snapshot, roles=roles)


def snapshots(repo: Repository) -> set[int]:
    """The versions of older snapshots that are still there; each was the newest once."""
    return {version for version in versions(repo.folder, "snapshot") if version < repo.snapshot.version}


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except (RepositoryError, DeserializationError, OSError, ValueError, KeyError) as error:
        message = f"The metadata of {folder} is damaged: {error}."
        raise TrustError("trust.signature", message, path=str(folder)) from error


def sign(
    delegator: Delegator, role: str, payload: Payload, ring: KeyRing, before: Delegator | None = None
) -> Metadata[Any]:
    """``payload`` with a signature of each of the role's keys that ``ring`` has, those of ``before`` as well.

    Raises UsageError (usage.key_missing) when it has none of ``delegator``, (usage.passphrase).
    """
    metadata: Metadata[Any] = Metadata(payload)
    keys = keys_of(delegator, role)
    signers = [key for key in keys if ring.has(key)] or keys[:1]
    signers += [key for key in keys_of(before or delegator, role) if key not in keys and ring.has(key)]
    for key in signers:
        metadata.sign(ring.signer(key), append=True)
    return metadata


def verify(delegator: Delegator, role: str, metadata: Metadata[Any]) -> None:
    """Raises UsageError (usage.signatures) unless enough different holders signed."""
    result = delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    if not result.verified:
        message = f"{role} has {len(result.signed)} of the {result.threshold} signatures it needs."
        raise UsageError("usage.signatures", message, role=role, missing=result.missing)


def keys_of(delegator: Delegator, role: str) -> list[SSlibKey]:
    """The public keys that may sign ``role``."""
    return [cast(SSlibKey, delegator.get_key(keyid)) for keyid in delegator.get_delegated_role(role).keyids]


def _load(folder: Path) -> Repository:
    *_, before, root = [None, *roots(folder)]
    data = (folder / METADATA / TIMESTAMP).read_bytes()
    judge, is_whole = root, True
    try:
        timestamp: Timestamp = verified(root, "timestamp", data)
    except RepositoryError:
        if before is None:
            raise
        judge, is_whole = before, False
        timestamp = verified(judge, "timestamp", data)
    snapshot: Snapshot = verified(judge, "snapshot", _read_role(folder, "snapshot", timestamp.snapshot_meta))
    targets: Targets = verified(judge, "targets", _read_role(folder, "targets", snapshot.meta["targets.json"]))
    roles = {"targets": targets}
    for name in (targets.delegations and targets.delegations.roles) or {}:
        roles[name] = verified(targets, name, _read_role(folder, name, snapshot.meta[f"{name}.json"]))
    fingerprint = hashlib.sha256((folder / METADATA / FIRST_ROOT).read_bytes()).hexdigest()
    return Repository(folder, fingerprint, root, timestamp, snapshot, roles, is_whole)


def roots(folder: Path) -> list[Root]:
    """The chain of roots, each signed by itself and by the one before (TUF section 5.3)."""
    chain: list[Root] = []
    while (path := folder / METADATA / f"{len(chain) + 1}.root.json").exists() or not chain:
        chain.append(verified_root(path.read_bytes(), *chain[-1:]))
    return chain


def _read_role(folder: Path, role: str, meta: MetaFile) -> bytes:
    data = (folder / METADATA / f"{meta.version}.{role}.json").read_bytes()
    meta.verify_length_and_hashes(data)
    return data


# ---------------------------------------------------------------- parts of the above


def _delegate(targets: Targets, role: str, patterns: list[str], keys: Iterable[SSlibKey], threshold: int) -> None:
    assert targets.delegations is not None and targets.delegations.roles is not None
    targets.delegations.roles[role] = DelegatedRole(role, [], threshold, terminating=True, paths=patterns)
    for key in keys:
        targets.add_key(key, role)


def _copy(payload: T) -> T:
    return type(payload).from_dict(copy.deepcopy(payload.to_dict()))


def _write_online(
    folder: Path, roots: tuple[Root, ...], snapshot: Snapshot, timestamp_version: int, ring: KeyRing, now: datetime
) -> None:
    """Write snapshot and timestamp. ``roots``: the newest, and the one before if readers may still have that."""
    root, before = roots[0], snapshot.version
    profile = profile_of(root)
    snapshot.version = free_version(folder, "snapshot")
    snapshot.expires = now + timedelta(days=profile.snapshot_days)
    meta = write_role(folder, "snapshot", sign(root, "snapshot", snapshot, ring, roots[-1]))
    timestamp = Timestamp(
        version=timestamp_version,
        expires=now + timedelta(days=profile.timestamp_days),
        snapshot_meta=meta,
        unrecognized_fields={SIGNED_AT: now.strftime("%Y-%m-%dT%H:%M:%SZ")},
    )
    signed = sign(root, "timestamp", timestamp, ring, roots[-1])
    for version in versions(folder, "snapshot").intersection(range(before + 1, snapshot.version)):
        disk.remove(folder / METADATA / f"{version}.snapshot.json")  # of an interrupted run: no timestamp named it
    disk.write_atomic(folder / METADATA / TIMESTAMP, signed.to_bytes())

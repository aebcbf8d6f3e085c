"""Signing requests: the payloads of a release or a change of keys, in a file that passes from holder to holder.

A request holds the exact payload of each role that needs several holders, the records which those payloads name, and
the signatures so far. The summary that a holder sees is computed from the payloads, never read from the file. The
feed's own roles decide at publication whose signatures count.
"""

import base64
import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import Key, SSlibKey  # type: ignore[attr-defined]  # exported, but not by __all__
from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import (  # type: ignore[attr-defined]  # exported, but not by __all__
    Metadata,
    Root,
    TargetFile,
    Targets,
)

from patcher import disk, strict_json
from patcher.content import codec, feed_paths
from patcher.content.merkle import Ref, ref_of
from patcher.content.records import Channel
from patcher.errors import ShoalError, UsageError
from patcher.publish import repository
from patcher.publish.keys.ring import KeyRing, name_of
from patcher.publish.patches.encode import pack_document
from patcher.publish.store import Store
from patcher.publish.summary import SignedRecords, delegated, listed

MAX_BYTES = 64 << 20
MAX_DOCUMENT_BYTES = 24 << 20
"""Lists of files that are larger, all together, are left out of a request."""
_NEW_KEYS = "new-keys"
"""The feature that a reader of a request for other keys must have."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys, and how many of them must sign."""

    threshold: int
    keys: tuple[SSlibKey, ...]


@dataclass(frozen=True, slots=True)
class RoleToSign:
    """A role that needs signatures: its payload with those it has, and the keys that may sign."""

    metadata: Metadata[Any]
    key_sets: tuple[KeySet, ...]
    """The keys of the role; behind them those until now, where they change. Each set must reach its threshold (TUF
    section 5.3.4)."""

    @property
    def signers(self) -> dict[str, SSlibKey]:
        """All keys that may sign, by key id."""
        return {key.keyid: key for keys in self.key_sets for key in keys.keys}

    @property
    def signed_by(self) -> tuple[str, ...]:
        """Names of the holders whose signature is valid; each counts once."""
        return tuple(name_of(key) for key in self.signers.values() if _is_signed(key, self.metadata))

    @property
    def missing(self) -> int:
        """Signatures still to come, of the set of keys that lacks most."""
        return max(max(0, p.threshold - sum(_is_signed(key, self.metadata) for key in p.keys)) for p in self.key_sets)


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """The roles to sign for a release; without a title, for a change of the keys that ``version`` names.

    Without both, the roles are renewed and nothing else changes.
    """

    feed: str
    fingerprint: str
    """Empty for a feed that is still to be made."""
    title: str
    version: str
    shown: SignedRecords
    """The new records, and what a holder is shown of them."""
    roles: Mapping[str, RoleToSign]

    @property
    def missing(self) -> int:
        """How many holders must still sign, for the role that needs most."""
        return max(wanted.missing for wanted in self.roles.values())

    def summary(self) -> list[str]:
        """What a holder signs, in words, line by line."""
        lines = [f"Feed {self.feed} ({self.fingerprint})" if self.fingerprint else f"A new feed, {self.feed}"]
        if self.fingerprint and not self.title:
            lines.append(f"Other keys: {self.version}" if self.version else "Signatures that last longer")
        lines += self.shown.lines()
        for role, wanted in self.roles.items():
            payload, signers = wanted.metadata.signed, ", ".join(wanted.signed_by) or "nobody"
            until = f"good until {payload.expires:%Y-%m-%d}"
            lines.append(f"Role {role}, version {payload.version}, {until}, signed by {signers}")
            lines += [*delegated(payload), *listed(payload)]
        return lines


def ask(
    repo: repository.Repository, title: str, version: str, records: Mapping[str, bytes],
    payloads: Mapping[str, repository.Delegator], store: Store | None = None,
) -> SigningRequest:  # fmt: skip
    """A request without signatures for ``payloads``, the next versions of roles that need several holders.

    ``store`` has the documents of a new release, if the feed does not.
    """
    roles = {}
    for role, payload in payloads.items():
        now = _keys_of(repo.delegation(role, payloads), role)
        before = _keys_of(repo.root, role) if role in repo.root.roles else now
        roles[role] = RoleToSign(Metadata(payload), (now,) if before == now else (now, before))
    kept = {path: data for path, data in records.items() if repository.role_of(path) in payloads}
    shown = _shown(repo, title, kept, payloads, store or Store(repo.folder))
    return SigningRequest(repo.feed.name, repo.fingerprint, title, version, shown, roles)


def _shown(
    repo: repository.Repository, title: str, kept: Mapping[str, bytes], payloads: Mapping[str, repository.Delegator],
    store: Store,
) -> SignedRecords:  # fmt: skip
    """The new records with the release that players have now, and the documents of both, if a file can hold them."""
    role = payloads.get(f"{title}-releases")
    before = _live(repo, title) if any(map(feed_paths.is_release, kept)) else 0
    path = feed_paths.release(title, before)
    if before and isinstance(role, Targets) and path in role.targets and (data := repo.record(path)):
        kept = {**kept, path: data}
    shown = SignedRecords(kept)
    refs = shown.named
    if sum(ref.size_bytes for ref in refs) > MAX_DOCUMENT_BYTES:
        return shown
    return replace(shown, documents={ref: store.read(ref) for ref in refs if store.has(ref)})


def _live(repo: repository.Repository, title: str) -> int:
    """The release to compare a new one with: that of the channel `live`, else the newest; 0 for none."""
    channel = repo.parsed(feed_paths.channel(title, "live"))
    if isinstance(channel, Channel) and channel.release:
        return channel.release
    role = repo.roles.get(f"{title}-releases")
    return max((int(Path(path).stem) for path in role.targets), default=0) if role else 0


def adopt(
    found: SigningRequest, wanted: SigningRequest, repo: repository.Repository, now: datetime
) -> SigningRequest | None:
    """``wanted`` with the payloads and signatures of ``found``; None unless that asks for the same, and maybe more.

    Only version and expiry may differ, within the bounds that this feed allows.
    """
    if not found.roles.keys() >= wanted.roles.keys():
        return None
    roles = {}
    for role, mine in wanted.roles.items():
        theirs = found.roles[role].metadata
        latest, live = now + timedelta(days=repo.profile.days(role)), repo.lives.get(role)
        is_next = (live.version if live else 0) < theirs.signed.version <= mine.metadata.signed.version
        if not is_next or not now < theirs.signed.expires <= latest:
            return None
        same = copy.deepcopy(mine.metadata)
        same.signed.version, same.signed.expires = theirs.signed.version, theirs.signed.expires
        if same.signed_bytes != theirs.signed_bytes:
            return None
        roles[role] = replace(mine, metadata=theirs)
    return replace(wanted, roles=roles)


def sign(request: SigningRequest, ring: KeyRing, name: str = "") -> str:
    """Sign as the holder ``name``, or as the first one here who has not signed. Returns the holder's name.

    Raises UsageError (usage.key_missing, usage.passphrase, usage.pin, usage.token, usage.signatures).
    """
    keys = {keyid: key for wanted in request.roles.values() for keyid, key in wanted.signers.items()}
    able = [key for key in keys.values() if ring.has(key) and name in {"", name_of(key)}]
    if not able:
        raise UsageError("usage.key_missing", f"No key {name or 'of a holder'} for this request is on this machine.")
    unsigned = [key for key in able if wants(request, key)]
    if not unsigned:
        raise UsageError("usage.signatures", f"{name_of(able[0])} has signed this request; another holder must.")
    signer = ring.signer(unsigned[0])
    for wanted in request.roles.values():
        if unsigned[0].keyid in wanted.signers:
            try:
                wanted.metadata.sign(signer, append=True)
            except UnsignedMetadataError as error:  # a token that was pulled out
                raise UsageError("usage.token", f"{name_of(unsigned[0])} could not sign: {error}.") from error
    return name_of(unsigned[0])


def sign_own(request: SigningRequest, ring: KeyRing) -> None:
    """Sign with the keys here if no second holder is needed. Raises UsageError (usage.passphrase)."""
    if all(keys.threshold == 1 for wanted in request.roles.values() for keys in wanted.key_sets):
        keys = {key.keyid: key for wanted in request.roles.values() for key in wanted.signers.values()}
        for key in (key for key in keys.values() if ring.has(key) and wants(request, key)):
            sign(request, ring, name_of(key))


def wants(request: SigningRequest, key: SSlibKey) -> bool:
    """Whether ``key`` may sign something that it has not signed yet."""
    roles = request.roles.values()
    return any(key.keyid in wanted.signers and not _is_signed(key, wanted.metadata) for wanted in roles)


def _keys_of(delegator: repository.Delegator, role: str) -> KeySet:
    return KeySet(delegator.get_delegated_role(role).threshold, tuple(repository.keys_of(delegator, role)))


def _is_signed(key: SSlibKey, metadata: Metadata[Any]) -> bool:
    role = Root(keys={key.keyid: key})
    role.roles["targets"].keyids.append(key.keyid)
    return bool(role.get_verification_result("targets", metadata.signed_bytes, metadata.signatures))


def _targets(payload: repository.Delegator) -> Mapping[str, TargetFile]:
    return payload.targets if isinstance(payload, Targets) else {}


# ---------------------------------------------------------------- the file


def save(request: SigningRequest, path: Path) -> None:
    """Write the request, readable by people as well. Raises DiskError."""
    document = {
        "format": 1,
        "requires": [] if request.title else [_NEW_KEYS],
        "feed": request.feed,
        "fingerprint": request.fingerprint,
        "title": request.title,
        "version": request.version,
        "summary": request.summary(),
        "records": {name: data.decode() for name, data in request.shown.records.items()},
        "documents": [
            {**ref.to_json(), "packed": base64.b64encode(pack_document(data)).decode()}
            for ref, data in request.shown.documents.items()
        ],
        "roles": {role: _written(wanted) for role, wanted in request.roles.items()},
    }
    disk.make_folder(path.parent)
    disk.write_atomic(path, json.dumps(document, indent=1, ensure_ascii=False).encode())


def load(path: Path) -> SigningRequest:
    """Read a request, and check it against its signatures.

    Raises UsageError (usage.argument) if it is none, (usage.signatures) if it was changed after it was written.
    """
    try:
        document = strict_json.load(path, MAX_BYTES)
        request = _parse(document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RepositoryError, ShoalError) as error:
        message = f"{path} is not a signing request: {error}."
        raise UsageError("usage.argument", message, path=str(path)) from error
    _check(request, document["summary"], path)
    return request


def _parse(document: dict[str, Any]) -> SigningRequest:
    if document["format"] != 1 or document["requires"] not in ([], [_NEW_KEYS]):
        raise ValueError("it needs a newer Shoal")
    roles = {}
    for role, wanted in copy.deepcopy(document["roles"]).items():
        before = (_read_keys(wanted["before"]),) if "before" in wanted else ()
        metadata: Metadata[Any] = Metadata.from_dict(wanted["metadata"])
        if not isinstance(metadata.signed, Root if role == "root" else Targets):
            raise TypeError(f"{role} is of another kind")
        roles[role] = RoleToSign(metadata, (_read_keys(wanted), *before))
    records = {str(path): text.encode() for path, text in document["records"].items()}
    texts = [str(document[name]) for name in ("feed", "fingerprint", "title", "version")]
    documents = dict(_document(fields) for fields in document.get("documents", ()))
    return SigningRequest(texts[0], texts[1], texts[2], texts[3], SignedRecords(records, documents), roles)


def _document(fields: dict[str, Any]) -> tuple[Ref, bytes]:
    ref, data = Ref.from_json(fields), base64.b64decode(fields["packed"], validate=True)
    return ref, data if ref_of(data) == ref else codec.unpack_document(data, ref.size_bytes)


def _written(wanted: RoleToSign) -> dict[str, Any]:
    sets = [{"threshold": s.threshold, "keys": {key.keyid: key.to_dict() for key in s.keys}} for s in wanted.key_sets]
    before = {"before": sets[1]} if len(sets) > 1 else {}
    return {**sets[0], "metadata": wanted.metadata.to_dict(), **before}


def _read_keys(fields: Mapping[str, Any]) -> KeySet:
    keys = (Key.from_dict(keyid, key) for keyid, key in fields["keys"].items())
    return KeySet(int(fields["threshold"]), tuple(key for key in keys if isinstance(key, SSlibKey)))


def _check(request: SigningRequest, summary: object, path: Path) -> None:
    changed = UsageError("usage.signatures", f"{path} was changed after it was written.", path=str(path))
    for wanted in request.roles.values():
        names = {keyid for keyid, key in wanted.signers.items() if _is_signed(key, wanted.metadata)}
        if set(wanted.metadata.signatures) != names:
            raise changed
    try:
        is_right = _is_signed_shown(request) and summary == request.summary()
    except (RepositoryError, ShoalError) as error:
        raise changed from error
    if not is_right:
        raise changed


def _is_signed_shown(request: SigningRequest) -> bool:
    """Whether the payloads name every record, and those every document. Raises RepositoryError, TrustError."""
    shown = request.shown
    for name, data in shown.records.items():
        wanted = request.roles.get(repository.role_of(name))
        target = _targets(wanted.metadata.signed).get(name) if wanted else None
        if target is None:
            return False
        target.verify_length_and_hashes(data)
    newest = shown.releases[:1]
    if any((release.title, release.version) != (request.title, request.version) for release in newest):
        return False
    return shown.documents.keys() <= shown.named and all(ref_of(d) == ref for ref, d in shown.documents.items())

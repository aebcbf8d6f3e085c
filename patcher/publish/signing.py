"""Signing requests: what a release needs signed, in one file that passes from holder to holder.

A request holds the exact payload of each role that needs more hands, the records those payloads name, and the
signatures so far. What a holder is shown is computed from the payloads, never read from the file. A request is only
as good as its signatures: the feed's own roles say at publication whose count.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import Key, SSlibKey  # type: ignore[attr-defined]  # exported, but not by __all__
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher import disk, strict_json
from patcher.errors import UsageError
from patcher.publish import repository
from patcher.publish.keys import KeyRing, name_of

MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """One role that needs signatures: its payload with those it has, and who may sign."""

    metadata: Metadata[Targets]
    threshold: int
    keys: tuple[SSlibKey, ...]

    @property
    def signed_by(self) -> tuple[str, ...]:
        """Names of the holders whose signature is valid; each counts once."""
        return tuple(name_of(key) for key in self.keys if _is_signed(key, self.metadata))

    @property
    def missing(self) -> int:
        """Signatures still to come."""
        return max(0, self.threshold - len(self.signed_by))


@dataclass(frozen=True, slots=True)
class Request:
    """What one release needs signed."""

    feed: str
    fingerprint: str
    title: str
    version: str
    records: Mapping[str, bytes]
    """The new records by target path."""
    roles: Mapping[str, Wanted]

    @property
    def missing(self) -> int:
        """How many holders must still sign, for the role that needs most."""
        return max(wanted.missing for wanted in self.roles.values())

    def summary(self) -> list[str]:
        """What the holder puts a name to, line by line."""
        lines = [f"Feed {self.feed} ({self.fingerprint})", f"Release {self.title} {self.version}"]
        for role, wanted in self.roles.items():
            payload, signers = wanted.metadata.signed, ", ".join(wanted.signed_by) or "nobody"
            lines.append(f"Role {role}, version {payload.version}, good until {payload.expires:%Y-%m-%d}, by {signers}")
            lines += _delegations(payload)
            lines += [self._target(path, target.hashes["sha256"]) for path, target in payload.targets.items()]
        return lines

    def _target(self, path: str, sha256: str) -> str:
        new = self.records.get(path)
        return f"  {path} {sha256}" + (f"\n    new: {new.decode()}" if new is not None else "")


def ask(
    feed: str, repo: repository.Repository, title: str, version: str, records: Mapping[str, bytes],
    payloads: Mapping[str, Targets],
) -> Request:  # fmt: skip
    """A request without signatures for ``payloads``, the next versions of roles that need several holders."""
    roles = {}
    for role, payload in payloads.items():
        judge = repo.delegator(role, payloads)
        keys = tuple(repository.keys_of(judge, role))
        roles[role] = Wanted(Metadata(payload), judge.get_delegated_role(role).threshold, keys)
    kept = {path: data for path, data in records.items() if repository.role_of(path) in payloads}
    return Request(feed, repo.fingerprint, title, version, kept, roles)


def adopt(found: Request, wanted: Request, repo: repository.Repository, now: datetime) -> Request | None:
    """``wanted`` with the payloads and signatures of ``found``; None unless both ask for the same.

    Only version and expiry may differ, within what this feed could have asked for itself.
    """
    if found.roles.keys() != wanted.roles.keys():
        return None
    roles = {}
    for role, mine in wanted.roles.items():
        theirs = found.roles[role].metadata
        latest = now + timedelta(days=repo.profile.days(role))
        if theirs.signed.version > mine.metadata.signed.version or not now < theirs.signed.expires <= latest:
            return None
        same = copy.deepcopy(mine.metadata)
        same.signed.version, same.signed.expires = theirs.signed.version, theirs.signed.expires
        if same.signed_bytes != theirs.signed_bytes:
            return None
        roles[role] = replace(mine, metadata=theirs)
    return replace(wanted, roles=roles)


def sign(request: Request, ring: KeyRing, name: str = "") -> str:
    """Add the signature of the holder called ``name``, or of the first one here who has not signed; who it was.

    Raises UsageError (usage.key_missing, usage.passphrase, usage.signatures).
    """
    keys = {key.keyid: key for wanted in request.roles.values() for key in wanted.keys}
    able = [key for key in keys.values() if ring.has(key) and name in {"", name_of(key)}]
    if not able:
        raise UsageError("usage.key_missing", f"No key {name or 'of a holder'} for this request is on this machine.")
    unsigned = [key for key in able if _wants(request, key)]
    if not unsigned:
        raise UsageError("usage.signatures", f"{name_of(able[0])} has signed this request; another holder must.")
    signer = ring.signer(unsigned[0])
    for wanted in request.roles.values():
        if unsigned[0] in wanted.keys:
            wanted.metadata.sign(signer, append=True)
    return name_of(unsigned[0])


def _wants(request: Request, key: SSlibKey) -> bool:
    return any(key in wanted.keys and not _is_signed(key, wanted.metadata) for wanted in request.roles.values())


def _is_signed(key: SSlibKey, metadata: Metadata[Targets]) -> bool:
    role = Root(keys={key.keyid: key})
    role.roles["targets"].keyids.append(key.keyid)
    return bool(role.get_verification_result("targets", metadata.signed_bytes, metadata.signatures))


def _delegations(payload: Targets) -> list[str]:
    if payload.delegations is None:
        return []
    return [
        f"  gives {', '.join(role.paths or ())} to {role.threshold} of "
        + ", ".join(f"{name_of(_sslib(payload, keyid))} ({keyid[:16]})" for keyid in role.keyids)
        for role in (payload.delegations.roles or {}).values()
    ]


def _sslib(payload: Targets, keyid: str) -> SSlibKey:
    key = payload.get_key(keyid)
    assert isinstance(key, SSlibKey)
    return key


# ---------------------------------------------------------------- the file


def save(request: Request, path: Path) -> None:
    """Write the request, readable by people as well. Raises DiskError."""
    roles = {
        role: {
            "threshold": wanted.threshold,
            "keys": {key.keyid: key.to_dict() for key in wanted.keys},
            "metadata": wanted.metadata.to_dict(),
        }
        for role, wanted in request.roles.items()
    }
    document = {
        "format": 1,
        "requires": [],
        "feed": request.feed,
        "fingerprint": request.fingerprint,
        "title": request.title,
        "version": request.version,
        "summary": request.summary(),
        "records": {name: data.decode() for name, data in request.records.items()},
        "roles": roles,
    }
    disk.make_folder(path.parent)
    disk.write_atomic(path, json.dumps(document, indent=1, ensure_ascii=False).encode())


def load(path: Path) -> Request:
    """Read a request and check that it says what was signed.

    Raises UsageError (usage.argument) when it is none, (usage.signatures) when it was changed after it was written.
    """
    try:
        document = strict_json.load(path, MAX_BYTES)
        request = _parse(document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RepositoryError) as error:
        message = f"{path} is not a signing request: {error}."
        raise UsageError("usage.argument", message, path=str(path)) from error
    _check(request, document["summary"], path)
    return request


def _parse(document: dict[str, Any]) -> Request:
    if document["format"] != 1 or document["requires"]:
        raise ValueError("it needs a newer Shoal")
    roles = {}
    for role, wanted in copy.deepcopy(document["roles"]).items():
        keys = (Key.from_dict(keyid, key) for keyid, key in wanted["keys"].items())
        metadata: Metadata[Targets] = Metadata.from_dict(wanted["metadata"])
        roles[role] = Wanted(metadata, int(wanted["threshold"]), tuple(k for k in keys if isinstance(k, SSlibKey)))
    records = {str(path): text.encode() for path, text in document["records"].items()}
    texts = [str(document[name]) for name in ("feed", "fingerprint", "title", "version")]
    return Request(texts[0], texts[1], texts[2], texts[3], records, roles)


def _check(request: Request, summary: object, path: Path) -> None:
    changed = UsageError("usage.signatures", f"{path} was changed after it was written.", path=str(path))
    for wanted in request.roles.values():
        names = {key.keyid for key in wanted.keys if _is_signed(key, wanted.metadata)}
        if set(wanted.metadata.signatures) != names:
            raise changed
    for name, data in request.records.items():
        wanted_role = request.roles.get(repository.role_of(name))
        target = wanted_role.metadata.signed.targets.get(name) if wanted_role else None
        try:
            if target is None:
                raise changed
            target.verify_length_and_hashes(data)
        except RepositoryError as error:
            raise changed from error
    if summary != request.summary():
        raise changed

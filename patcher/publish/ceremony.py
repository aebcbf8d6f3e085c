"""The first keys of a feed: each holder's own, and the online ones that are made where the feed is.

Where all holders' keys are here, the feed is there at once. Else a signing request goes from holder to holder, and the
feed is made once enough of them have signed its first root. No secret key leaves its home.
"""

import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # exported, but not by __all__
from tuf.api.metadata import Metadata, Root, Targets  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher import disk
from patcher.errors import UsageError
from patcher.publish import repository, signing
from patcher.publish.keys import public
from patcher.publish.keys.ring import KeyRing, name_of
from patcher.publish.profiles import PROFILES
from patcher.publish.repository import Repository
from patcher.publish.signing import KeySet, RoleToSign, SigningRequest
from patcher.publish.summary import SignedRecords

INIT = "init"
"""The version of the request for a first root."""


@dataclass(frozen=True, slots=True)
class FirstKeys:
    """Who is to hold the keys of a feed. ``public``: halves of holders whose keys are elsewhere."""

    feed: str
    profile: str
    public: tuple[Path, ...]
    protect: bool


def create(folder: Path, record: bytes, order: FirstKeys, ring: KeyRing, path: Path, now: datetime) -> Repository | int:
    """The new feed; or the number of signatures that the request ``path`` still lacks.

    Raises UsageError (usage.argument, usage.signatures, usage.passphrase), DiskError; there is no feed then.
    """
    holders = _holders(order, ring)
    channels, snapshot, timestamp = (ring.make(name, order.protect) for name in ("channels", "snapshot", "timestamp"))
    keys = {"root": holders, "targets": holders, "feed": [channels], "snapshot": [snapshot], "timestamp": [timestamp]}
    request = _asked(order, repository.first(order.profile, keys, now), holders)
    if path.exists():
        request = _adopted(signing.load(path), request, path, now)
    for key in holders:
        if ring.has(key) and signing.wants(request, key):
            signing.sign(request, ring, name_of(key))
    if request.missing:
        signing.save(request, path)
        return request.missing
    root: Metadata[Root] = request.roles["root"].metadata
    targets: Metadata[Targets] = request.roles["targets"].metadata
    made = repository.create(folder, record, root, targets, ring, now)
    if path.exists():
        disk.remove(path)
    return made


def _holders(order: FirstKeys, ring: KeyRing) -> list[SSlibKey]:
    """The holders' keys in their order; those that are not given are made here."""
    names = [f"holder-{number}" for number in range(1, PROFILES[order.profile].holders + 1)]
    given: dict[str, SSlibKey] = {}
    for path in order.public:
        key = public.read(path, order.feed)
        if name_of(key) not in names or name_of(key) in given:
            message = f"{path} is the key of {name_of(key)}; the profile {order.profile} has {', '.join(names)}, once."
            raise UsageError("usage.argument", message, path=str(path))
        given[name_of(key)] = key
    if len({key.keyid for key in given.values()}) < len(given):
        raise UsageError("usage.argument", "Two holders handed over the same key: each must make an own one.")
    return [given.get(name) or ring.make(name, order.protect) for name in names]


def _asked(order: FirstKeys, first: tuple[Root, Targets], holders: list[SSlibKey]) -> SigningRequest:
    keys = (KeySet(PROFILES[order.profile].threshold, tuple(holders)),)
    roles = {
        role: RoleToSign(Metadata(payload), keys) for role, payload in zip(("root", "targets"), first, strict=True)
    }
    return SigningRequest(order.feed, "", "", INIT, SignedRecords(), roles)


def _adopted(found: SigningRequest, wanted: SigningRequest, path: Path, now: datetime) -> SigningRequest:
    """``wanted`` with the signatures of ``found``, which may differ in its expiries alone."""
    roles = {}
    for role, mine in wanted.roles.items():
        theirs = found.roles[role].metadata if role in found.roles else mine.metadata
        same = copy.deepcopy(mine.metadata)
        same.signed.expires = theirs.signed.expires
        latest = mine.metadata.signed.expires + timedelta(seconds=1)
        if same.signed_bytes != theirs.signed_bytes or not now < theirs.signed.expires <= latest:
            message = f"{path} asks for other keys or is too old; remove it to begin again."
            raise UsageError("usage.signatures", message, path=str(path))
        roles[role] = replace(mine, metadata=theirs)
    return replace(wanted, roles=roles)

"""`keys`: lists the keys of a feed, and replaces them by a new root that the holders sign (TUF section 6.1).

A key has a name: `timestamp`, `snapshot`, `channels`, `holder-1`. Its successor has a number behind it: `timestamp-2`.
Every change of keys is first a signing request (`signing`), even if one holder signs it at once, so that a run after a
kill finds the request and goes on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # exported, but not by __all__
from tuf.api.metadata import Metadata, Targets  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher import disk
from patcher.config import Home
from patcher.content import paths
from patcher.errors import UsageError
from patcher.publish import repository, signing
from patcher.publish.keys import public
from patcher.publish.keys.public import base
from patcher.publish.keys.ring import KeyRing, Passphrases, name_of
from patcher.publish.keys.tokens import TokenKey
from patcher.publish.publication import opened
from patcher.publish.repository import Changes, Delegator, Repository

ONLINE = ("channels", "snapshot", "timestamp")


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One key of a feed: the roles that it signs, with their expiries, and whether its secret half is here."""

    name: str
    keyid: str
    here: bool
    roles: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """A change of keys. ``names`` of the keys to replace; `timestamp` is always replaced too."""

    names: tuple[str, ...] = ONLINE
    public: tuple[Path, ...] = ()
    """Public halves that `new` wrote elsewhere, for holders whose keys are not made here."""
    is_revoked: bool = False
    """The named holders get no new key."""
    protect: bool = True


@dataclass(frozen=True, slots=True)
class KeyOutcome:
    """The outcome. ``names`` of the keys that were replaced, or will be once the ``request`` is signed."""

    names: tuple[str, ...]
    root_version: int
    """The version of the new root."""
    request: Path | None = None
    """The file for other holders to sign, before anything changes."""
    missing: int = 0


def keys(folder: Path, home: Home) -> list[KeyStatus]:
    """Every valid key, and the roles that it signs. Raises UsageError, TrustError."""
    repo = repository.load(folder)
    ring = KeyRing(home.keys / repo.feed.name, Passphrases())
    found: dict[str, tuple[SSlibKey, dict[str, datetime]]] = {}
    for role, payload in repo.lives.items():
        for key in repository.keys_of(repo.delegation(role), role):
            found.setdefault(key.keyid, (key, {}))[1][role] = payload.expires
    listed = [KeyStatus(name_of(key), keyid, ring.has(key), roles) for keyid, (key, roles) in found.items()]
    return sorted(listed, key=lambda key: key.name)


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where a key is to be made: for which feed, and on which token, if it is on one."""

    folder: Path
    """The feed; one that is still to be made only lends its name."""
    home: Home
    is_first: bool = False
    """The feed is still to be made, so the key takes nobody's place."""
    token: TokenKey | None = None
    protect: bool = True

    @property
    def feed(self) -> str:
        """The feed's name. Raises UsageError (usage.feed_folder, usage.argument), TrustError."""
        if not self.is_first:
            return repository.load(self.folder).feed.name
        if self.folder.exists():
            message = f"{self.folder} is there already: --first is for a feed that is still to be made."
            raise UsageError("usage.argument", message, path=str(self.folder))
        return paths.check_name(self.folder.name)


def new(place: KeyPlace, name: str, to: Path, passphrases: Passphrases) -> Path:
    """Make the key ``name``, or the one that may take its place; returns the file of its public half.

    Nothing in the feed changes. Raises UsageError (usage.argument, usage.passphrase, usage.pin, usage.token),
    DiskError.
    """
    feed = place.feed
    ring = KeyRing(place.home.keys / feed, passphrases)
    if place.is_first:
        public.parsed(name)
    else:
        name = _next_name(_named(repository.load(place.folder), [name])[0])
    key = ring.adopt(name, place.token) if place.token else ring.make(name, place.protect)
    return public.write(key, feed, to)


def export(place: KeyPlace, name: str, to: Path, passphrases: Passphrases) -> Path:
    """Write the public half of a key that is here once more. Raises UsageError, DiskError."""
    public.parsed(name)
    return public.write(KeyRing(place.home.keys / place.feed, passphrases).public(name), place.feed, to)


def rotate(folder: Path, home: Home, order: KeyOrder, passphrases: Passphrases) -> KeyOutcome:
    """Replace the named keys, or write the request for the signatures that this needs.

    Raises UsageError (usage.argument, usage.signatures, usage.key_missing, usage.passphrase), BusyError, DiskError,
    TrustError; readers then see no change.
    """
    names = tuple(sorted({*order.names, "timestamp"}))
    what = " ".join(names) + (" (revoked)" if order.is_revoked else "")
    with opened(folder, home) as repo:
        feed, now = repo.feed.name, datetime.now(UTC)
        ring = KeyRing(home.keys / feed, passphrases)
        path = home.root / "requests" / f"{feed}-keys.json"
        request = _pending(path, repo, what, now)
        if request is None or request.missing:
            payloads = _payloads(repo, _replaced(repo, order, ring), now)
            wanted = signing.ask(repo, "", what, {}, payloads)
            request = signing.adopt(request, wanted, repo, now) if request else wanted
            if request is None:
                raise _overtaken(path)
            signing.sign_own(request, ring)
            signing.save(request, path)
        root = request.roles["root"].metadata.signed
        if root != repo.root or not repo.is_whole:
            if request.missing:
                return KeyOutcome(names, root.version, path, request.missing)
            _publish(repo, request, ring, now)
        disk.remove(path)
    return KeyOutcome(names, root.version)


# ---------------------------------------------------------------- what is asked for


def _pending(path: Path, repo: Repository, what: str, now: datetime) -> signing.SigningRequest | None:
    """The request of an earlier run for the same change. Raises UsageError (usage.signatures) if it is for another.

    A request with all signatures is used unchanged; the feed itself decides at publication whose signatures count.
    """
    if not path.exists():
        return None
    request = signing.load(path)
    if (request.feed, request.fingerprint, request.title, request.version) != (
        repo.feed.name,
        repo.fingerprint,
        "",
        what,
    ):
        message = f"{path} asks for something else: {request.version}; remove it to begin again."
        raise UsageError("usage.signatures", message, path=str(path))
    if not _follows(request, repo, now):
        raise _overtaken(path)
    return request


def _overtaken(path: Path) -> UsageError:
    message = f"{path} is too old, or the feed has changed since; remove it to begin again."
    return UsageError("usage.signatures", message, path=str(path))


def _follows(request: signing.SigningRequest, repo: Repository, now: datetime) -> bool:
    """Whether every payload is live or the next version of a live one, and not expired."""
    live = {"root": repo.root, **repo.roles}
    payloads = {role: wanted.metadata.signed for role, wanted in request.roles.items()}
    if "root" not in payloads or payloads["root"].version > repo.root.version + 1 or not payloads.keys() <= live.keys():
        return False
    news = [(live[role], payload) for role, payload in payloads.items() if payload != live[role]]
    return all(new.version > old.version and new.expires > now for old, new in news)


def _replaced(repo: Repository, order: KeyOrder, ring: KeyRing) -> dict[str, SSlibKey | None]:
    """Key id to the key that replaces it, None for one without a successor."""
    given = (public.read(path, repo.feed.name) for path in order.public)
    offered = {base(name_of(key)): key for key in given}
    replaced: dict[str, SSlibKey | None] = {}
    for old in _named(repo, {*order.names, "timestamp"}):
        name = base(name_of(old))
        if order.is_revoked and name.startswith("holder"):
            replaced[old.keyid] = None
        elif name in offered:
            replaced[old.keyid] = offered.pop(name)
        else:
            replaced[old.keyid] = ring.make(_next_name(old), order.protect)
    known = {*repo.root.keys, *(key.keyid for key in _all_keys(repo).values())}
    if used := [key for key in replaced.values() if key and key.keyid in known]:
        raise UsageError("usage.argument", f"The key {name_of(used[0])} is in use already: a new one must be new.")
    if offered:
        raise UsageError("usage.argument", f"A new key is given for {', '.join(offered)}, which is not to be replaced.")
    return replaced


def _all_keys(repo: Repository) -> dict[str, SSlibKey]:
    """Keys by base name; the newer one of two that share it."""
    roles = ("root", "targets", "feed", "snapshot", "timestamp")
    found = [key for role in roles for key in repository.keys_of(repo.delegation(role), role)]
    return {base(name_of(key)): key for key in found}


def _named(repo: Repository, names: Iterable[str]) -> list[SSlibKey]:
    known = _all_keys(repo)
    if unknown := sorted(set(names) - known.keys()):
        message = f"The feed has no key {unknown[0]!r}; it has {', '.join(sorted(known))}."
        raise UsageError("usage.argument", message, key=unknown[0])
    return [known[name] for name in sorted(names)]


def _next_name(key: SSlibKey) -> str:
    """`timestamp` → `timestamp-2` → `timestamp-3`."""
    match = public.parsed(name_of(key))
    return f"{match[1]}-{int(match[2] or 1) + 1}"


# ---------------------------------------------------------------- the next root, and what follows from it


def _payloads(repo: Repository, replaced: Mapping[str, SSlibKey | None], now: datetime) -> dict[str, Delegator]:
    """The unsigned payloads for holders: the root, and the roles that name replaced keys or are signed by them."""
    root, targets = repo.next_root(now), repo.next_payload("targets", now)
    payloads: dict[str, Delegator] = {"root": root}
    changed = _exchange(root, list(root.roles), replaced) & {"targets"}
    delegated = list((targets.delegations and targets.delegations.roles) or {})
    changed |= (below := _exchange(targets, delegated, replaced))
    if changed:
        payloads["targets"] = targets
    return payloads | {role: repo.next_payload(role, now) for role in sorted(below) if role.endswith("-releases")}


def _exchange(delegator: Delegator, roles: Sequence[str], replaced: Mapping[str, SSlibKey | None]) -> set[str]:
    """Replace keys; returns the roles that changed. Raises UsageError (usage.argument) if too few keys are left."""
    changed = set()
    for role in roles:
        judge = delegator.get_delegated_role(role)
        for keyid in [keyid for keyid in judge.keyids if keyid in replaced]:
            if key := replaced[keyid]:
                delegator.add_key(key, role)
            delegator.revoke_key(keyid, role)
            changed.add(role)
        if len(judge.keyids) < judge.threshold:
            message = f"{role} needs {judge.threshold} holders; give the key another one instead: `keys rotate`."
            raise UsageError("usage.argument", message, role=role)
    return changed


def _publish(repo: Repository, request: signing.SigningRequest, ring: KeyRing, now: datetime) -> None:
    signed: dict[str, Metadata[Any]] = {role: wanted.metadata for role, wanted in request.roles.items()}
    targets: Targets = signed["targets"].signed if "targets" in signed else repo.roles["targets"]
    if "channels" in request.version.split():
        for role in (role for role in repo.roles if role == "feed" or role.endswith("-channels")):
            signed[role] = repository.sign(targets, role, repo.next_payload(role, now), ring)
    repo.publish(Changes({}), signed, ring, now)

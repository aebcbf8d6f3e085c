"""Signs and publishes changes of a feed, and renews the signatures that age beside them.

A role ages from half its life on. What the keys on this machine can sign is renewed at once. For the rest there is a
request: that of the change itself if it needs holders anyway, else `RENEWAL`, which holds nothing back.
"""

import os
import socket
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata

from patcher import disk, lock
from patcher.config import Home
from patcher.errors import BusyError, UsageError
from patcher.private import readable_files
from patcher.publish import repository, signing
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.repository import Changes, Delegator, Repository
from patcher.publish.store import Store

LOCK = ".lock"
"""In the folder of a feed; web servers do not serve it."""
RENEWAL = "renewal"
"""The version in the name of a request that renews roles and changes nothing else."""


@dataclass(frozen=True, slots=True)
class Published:
    """The outcome: the roles that were signed anew, and the request that waits for ``missing`` further holders.

    Without ``is_held`` the change is published, and the request only renews.
    """

    roles: frozenset[str] = frozenset()
    request: Path | None = None
    missing: int = 0
    is_held: bool = False


@contextmanager
def opened(folder: Path, home: Home) -> Iterator[Repository]:
    """A feed, locked against other publications. Raises BusyError, UsageError (usage.feed_folder), TrustError."""
    with locked(home, repository.load(folder).feed.name), folder_locked(folder, home):
        yield repository.load(folder)


@contextmanager
def folder_locked(folder: Path, home: Home) -> Iterator[None]:
    """Lock the folder of a feed, which several homes may share, on several machines too. Raises BusyError."""
    with lock.locked(folder / LOCK, f"process {os.getpid()} of {socket.gethostname()}, home {home.root}") as other:
        if other:
            raise BusyError("busy.title", f"Another command is publishing into {folder}: {other}.", path=str(folder))
        yield


@contextmanager
def locked(home: Home, feed: str) -> Iterator[None]:
    """Lock a feed for one publication; the system releases the lock if we die. Raises BusyError.

    Web servers can read what is written meanwhile, also where the publisher's umask keeps other users out.
    """
    disk.make_folder(home.root / "build")
    with closing(sqlite3.connect(home.root / "build" / f"{feed}.lock", timeout=0, isolation_level=None)) as held:
        try:
            held.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise BusyError("busy.title", f"Another command is publishing the feed {feed}.", feed=feed) from error
        with readable_files():
            yield


def renew(folder: Path, home: Home, passphrases: Passphrases) -> Published:
    """Renew every role that is past half its life, as far as the keys here allow, and ask the holders for the others.

    A holder's key that its passphrase does not open counts as one that is elsewhere. Raises UsageError
    (usage.passphrase, usage.key_missing) for the online keys, BusyError, DiskError, TrustError.
    """
    with opened(folder, home) as repo:
        ring = KeyRing(home.keys / repo.feed.name, passphrases)
        repo.open_online_keys(ring)
        for role in repo.ageing(datetime.now(UTC)) - {"snapshot", "timestamp"}:
            for key in repository.keys_of(repo.delegation(role), role):
                ring.leave_closed(key)
        done = publish(repo, home, ring, Changes({}))
        if done.request:
            return done
        again = publish(repository.load(folder), home, ring, Changes({}))  # what the holders were not asked for yet
        return replace(again, roles=done.roles | again.roles)


def needs_request(delegator: Delegator, role: str, ring: KeyRing) -> bool:
    """Whether a role cannot be signed here alone: several must sign, or the key is elsewhere."""
    several = delegator.get_delegated_role(role).threshold > 1
    return several or not any(ring.has(key) for key in repository.keys_of(delegator, role))


def publish(
    repo: Repository, home: Home, ring: KeyRing, changes: Changes, title: str = "", version: str = "",
    *, online_only: bool = False, store: Store | None = None, first: Callable[[], None] = lambda: None,
) -> Published:  # fmt: skip
    """Sign and publish ``changes``, and renew what ages; or write the request for the signatures that this needs.

    ``title`` and ``version`` name the change in its request. ``online_only`` renews only what online keys sign. The
    documents of a new release are in ``store``, else in the feed. ``first`` runs just before players see the change.
    Raises UsageError (usage.expired) when players would refuse the feed all the same, (usage.signatures),
    (usage.passphrase), (usage.key_missing); players then see no change.
    """
    now = datetime.now(UTC)
    ageing = {role for role in repo.ageing(now) if not (online_only and _is_of_holders(role))}
    if not ageing | changes.roles:
        return Published()
    payloads = repo.prepare(changes, now, ageing)
    asked = {r: it for r, it in payloads.items() if needs_request(repo.delegation(r, payloads), r, ring)}
    is_held = bool(asked.keys() & changes.roles)
    what = (title, version) if is_held else ("", "")
    path = home.root / "requests" / f"{'-'.join((repo.feed.name, *(what if is_held else (RENEWAL,))))}.json"
    request = _request(path, repo, what, changes, asked, now, store) if asked else None
    missing = request.missing if request else 0
    if is_held and missing:
        return Published(frozenset(), path, missing, is_held)
    signed = {role: it.metadata for role, it in request.roles.items()} if request and not missing else {}
    for role in payloads.keys() - asked.keys():
        signed[role] = repository.sign(repo.delegation(role, payloads), role, payloads[role], ring)
    _check_fresh(repo, signed, {title, *(path.partition("/")[0] for path in changes.put)} - {""}, now)
    renewed = frozenset(signed) | (ageing & {"snapshot", "timestamp"})
    if renewed:
        first()
        repo.publish(changes, signed, ring, now)
    if missing:
        return Published(renewed, path, missing)
    if path.exists() and not online_only:
        disk.remove(path)
    return Published(renewed)


def refused(lives: Mapping[str, datetime], titles: Collection[str], now: datetime) -> list[str]:
    """The expired roles, of those that players of ``titles`` need; each with its expiry, in words."""
    needed = {"root", "targets", "snapshot", "timestamp", "feed"}
    needed |= {f"{title}-{kind}" for title in titles for kind in ("releases", "channels")}
    found = sorted((expires, role) for role, expires in lives.items() if role in needed and expires <= now)
    return [f"{role} expired on {expires:%Y-%m-%d %H:%M} UTC" for expires, role in found]


def _check_fresh(repo: Repository, signed: Mapping[str, Metadata[Any]], titles: Collection[str], now: datetime) -> None:
    """A renewal, which is of no title, does what it can."""
    lives = {role: payload.expires for role, payload in repo.lives.items() if role not in {"snapshot", "timestamp"}}
    lives |= {role: metadata.signed.expires for role, metadata in signed.items()}
    if titles and (found := refused(lives, titles, now)):
        message = f"Players would refuse the feed all the same: {', '.join(found)}."
        raise UsageError("usage.expired", message, path=str(repo.folder))


def _is_of_holders(role: str) -> bool:
    return role in {"root", "targets"} or role.endswith("-releases")


def _request(
    path: Path, repo: Repository, what: tuple[str, str], changes: Changes, wanted: Mapping[str, Delegator],
    now: datetime, store: Store | None,
) -> signing.SigningRequest:  # fmt: skip
    """The request on disk, with its signatures, if it asks for this; else a new one.

    Roles that began to age since it was written wait for the next request, so that no signature is lost. Raises
    UsageError (usage.signatures) if it asks for another change: its signatures are not thrown away.
    """
    if path.exists():
        found, needed = signing.load(path), changes.roles & wanted.keys()
        still = {role: wanted[role] for role in wanted if role in needed or role in found.roles}
        request = (
            signing.adopt(found, signing.ask(repo, *what, changes.put, still, store), repo, now) if still else None
        )
        if request:
            return request
        if needed:
            message = f"{path} asks for something else than this release; remove it to begin again."
            raise UsageError("usage.signatures", message, path=str(path))
    request = signing.ask(repo, *what, changes.put, wanted, store)
    signing.save(request, path)
    return request

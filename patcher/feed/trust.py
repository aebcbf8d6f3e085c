"""From a pinned root to signed records: TUF through python-tuf, and what its client leaves to applications.

This module adds our own transport (deadlines, host policy), durable metadata, a floor of versions and time that
survives a lost or restored metadata folder, and reading of the last known records without a network or after their
expiry, for everything but updates. TUF sections are those of the specification, version 1.0.
"""

import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from patcher import beneath, disk
from patcher.content.feed_paths import FIRST_ROOT, METADATA, TARGETS, TIMESTAMP
from patcher.content.json_fields import is_address
from patcher.content.records import MAX_RECORD_BYTES
from patcher.errors import DiskError, Missing, NotOffered, OriginError, TrustError, UsageError, WebPage, never
from patcher.feed.guard import Floor
from patcher.feed.pin import PIN_FILE, Pin
from patcher.feed.verified import HISTORY, ROOT, Verified, behind, check_versions, is_of, verified_root
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.hosts import Reach
from patcher.transfer.origin.http import Received
from patcher.transfer.origin.retry import RetryPolicy

if TYPE_CHECKING:  # python-tuf takes 36 MB and a tenth of a second: it is imported where a refresh or a check begins
    from tuf.api.metadata import TargetFile  # type: ignore[attr-defined]  # exported, but not by __all__
    from tuf.ngclient import Updater  # type: ignore[attr-defined]  # exported, but not by __all__

__all__ = ["Trust", "plain_download", "plain_init", "plain_refresh"]

CLOCK_SLACK_S = 600
_ROOT_MAX_BYTES = 512_000


class Trust:
    """One pinned feed. Safe for several threads; so are several of one feed that share ``floor``.

    ``folder`` is the feed's own below the home folder, made by `pin`. ``mirrors`` are further addresses of the same
    feed, ``hosts`` further hosts that servers may redirect to. With ``offline`` no server is asked: the last verified
    metadata is read, expired or not, and its signatures are checked; a record that was never read here is not offered.

    ``fingerprint`` is that of the pinned root, if it is known. A root that does not have it is damaged: the next
    refresh fetches it again, and offline nothing is known of the feed.

    Raises DiskError (disk.home) when the folder holds no root and the fingerprint is not known.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        ca: str,
        floor: Floor,
        *,
        cancel: Callable[[], bool] = never,
        offline: bool = False,
        mirrors: Sequence[str] = (),
        hosts: Collection[str] = (),
        clock: Callable[[], float] = time.time,
        retry: RetryPolicy | None = None,
        near: Reach = Reach.PUBLIC,
        proxy: str = "",
        received: Received | None = None,
        fingerprint: str = "",
    ) -> None:
        self._pinned = _pinned_root(folder, fingerprint)
        if not self._pinned and not fingerprint:
            raise DiskError("disk.home", f"{folder} holds no pinned feed.", path=str(folder))
        self.url = url
        self.fingerprint = fingerprint or hashlib.sha256(self._pinned).hexdigest()
        self.offline = offline
        self.origin = Origin((url, *mirrors), hosts, ca, cancel, retry, near, proxy, received)
        self._folder = folder
        self._floor = floor
        self._clock = clock
        self._cancel = cancel
        self._url = f"{self.origin.urls[0]}{METADATA}/"
        self._fetcher = _Fetcher({self._url: (self.origin, f"{METADATA}/")})
        self._updater: Updater | None = None

    @classmethod
    def pin(cls, folder: Path, url: str, ca: str, floor: Floor, *, fingerprint: str = "", **options: Any) -> "Trust":
        """Trust a feed from now on: fetch its first root and keep it in ``folder``. Pinning it again changes nothing.

        Raises UsageError (usage.argument), TrustError (trust.not_a_feed; trust.fingerprint when the root is not the one
        named, or not the one pinned before), OriginError, DiskError.
        """
        if not is_address(url, ("https", "http")):
            raise UsageError("usage.argument", f"{url!r} is no address of a feed.", url=url)
        data, near = _first_root(url, ca, options)
        found = hashlib.sha256(data).hexdigest()
        if (wanted := fingerprint.lower().replace(":", "")) and found != wanted:
            raise TrustError("trust.fingerprint", f"The feed's fingerprint is {found}.", found=found, wanted=wanted)
        known = folder / ROOT
        if known.exists() and known.read_bytes() != data:
            raise TrustError("trust.fingerprint", f"{url} is not the feed that was added before.", found=found)
        disk.make_folder(folder)
        disk.write_atomic(known, data)
        disk.write_atomic(folder / PIN_FILE, Pin(url, found, near, ca).encode())
        disk.sync_folder(folder.parent)
        return cls(folder, url, ca, floor, near=near, **options)

    def refresh(self) -> None:
        """Fetch the newest metadata (TUF section 5): two GETs if nothing is new.

        Raises TrustError (trust.expired, .rollback, .signature, .clock, .record), OriginError, DiskError, Cancelled.
        """
        if self.offline:
            return
        with self._turn(), _translated(self._metadata):
            self._updater = None
            self._check_clock(self._floor.signed_at(self.fingerprint))
            disk.make_folder(self._metadata)
            self._mend()
            updater = _updater(self._metadata, self._url, self._fetcher, self._pinned)
            updater.refresh()
            known = self._known()
            floor = self._floor.versions(self.fingerprint)
            renewed = known.renewed_since(floor.get(ROOT, 0))
            if name := behind(known.versions, floor, renewed):
                seen = f"{name} is version {known.versions[name]}, but {floor[name]} was seen before."
                raise TrustError("trust.rollback", seen, role=name)
            self._check_clock(known.signed_at)
            gone = [name for name in floor if is_of(name, renewed)]
            self._floor.update(self.fingerprint, known.versions, known.signed_at, gone)
            self._updater = updater

    def _mend(self) -> None:
        """Put a damaged root back, and set aside what stands in the way of python-tuf."""
        root = self._folder / ROOT
        if not self._pinned:
            data = self.origin.get(f"{METADATA}/{FIRST_ROOT}", _ROOT_MAX_BYTES)
            if (found := hashlib.sha256(data).hexdigest()) != self.fingerprint:
                text = f"The first root at {self.url} has another fingerprint than the one that was pinned, {found}."
                raise TrustError("trust.fingerprint", text, found=found, wanted=self.fingerprint)
            self._pinned = data
        if not root.is_file() or root.read_bytes() != self._pinned:
            if beneath.exists(root):
                disk.set_aside(root)
            disk.write_atomic(root, self._pinned)
        for place, is_wrong in ((self._metadata / ROOT, Path.is_dir), (self._metadata / HISTORY, Path.is_file)):
            if is_wrong(place):
                disk.set_aside(place)

    def raise_floor(self) -> None:
        """Take the versions of the metadata here for seen, after the floor was lost. Raises TrustError, DiskError."""
        with self._turn(), _translated(self._metadata):
            known = self._known()
            self._floor.update(self.fingerprint, known.versions, known.signed_at)

    def record(self, path: str) -> bytes:
        """The signed record ``path``; from the disk when it was read before.

        Calls `refresh` first if it was not called yet, and raises what that raises; TrustError (trust.not_offered) if
        there is no such record, (trust.signature) if it is not the signed one.
        """
        with self._turn(), _translated(self._metadata, self.offline):
            target = self._find(path)
            data = self._kept(target) if target else None
            if target and data is None and not self.offline:
                data = self._fetched(target)
            if data is None:
                raise NotOffered(f"The feed has no {path}.", record=path)
            return data

    def siblings(self, path: str) -> tuple[str, ...]:
        """The paths of all records in the role that signs ``path``, which need not exist. Raises like `record`."""
        with self._turn(), _translated(self._metadata, self.offline):
            self._find(path)
            return tuple(self._known().role_of(path).targets)

    def is_behind(self, paths: Collection[str]) -> bool:
        """Whether the metadata here of the roles that sign ``paths`` is older than the newest that was seen.

        Offline reading works all the same, since it must never block installed titles. Unreadable metadata is ignored.
        """
        with self._turn(), suppress(TrustError, DiskError), _translated(self._metadata):
            known, floor = self._known(), self._floor.versions(self.fingerprint)
            versions = {ROOT: known.root.version}
            for path in paths:
                with suppress(TrustError):
                    versions |= known.versions_for(path)
            return bool(behind(versions, floor, known.renewed_since(floor.get(ROOT, 0))))
        return False

    def close(self) -> None:
        """Close the connections."""
        self.origin.close()

    def _turn(self) -> AbstractContextManager[None]:
        return nullcontext() if self.offline else self._floor.turn(self.fingerprint, self._cancel)

    @property
    def _metadata(self) -> Path:
        return self._folder / "metadata"

    def _known(self) -> Verified:
        if not self._pinned:
            raise NotOffered(f"{self._folder / ROOT} is damaged; the next update fetches it again.")
        return Verified(self._metadata, self._pinned)

    def _find(self, path: str) -> "TargetFile | None":
        if self.offline:
            return self._known().role_of(path).targets.get(path)
        if self._updater is None:
            self.refresh()
        assert self._updater is not None
        return self._updater.get_targetinfo(path)

    def _kept(self, target: "TargetFile") -> bytes | None:
        from tuf.api.exceptions import LengthOrHashMismatchError

        try:
            data = self._file_of(target).read_bytes()
            target.verify_length_and_hashes(data)
        except (OSError, LengthOrHashMismatchError):
            return None
        return data

    def _fetched(self, target: "TargetFile") -> bytes:
        if target.length > MAX_RECORD_BYTES:
            raise TrustError("trust.record", f"{target.path} is too large to be a record.", record=target.path)
        data = self.origin.get(f"{TARGETS}/{target.get_prefixed_paths()[0]}", target.length)
        target.verify_length_and_hashes(data)
        file = self._file_of(target)
        disk.make_folder(file.parent)
        disk.write_atomic(file, data)
        return data

    def _file_of(self, target: "TargetFile") -> Path:
        return self._folder / "records" / hashlib.sha256(repr(sorted(target.hashes.items())).encode()).hexdigest()

    def _check_clock(self, signed_at: int) -> None:
        """Refuse a clock that is behind the publisher's signature: it would take expired metadata for fresh."""
        now = self._clock()
        if now + CLOCK_SLACK_S < signed_at:
            seen, here = (time.strftime("%Y-%m-%d %H:%M", time.gmtime(at)) for at in (signed_at, now))
            raise TrustError("trust.clock", f"It is {seen} UTC or later, but this computer's clock says {here}.")


# ---------------------------------------------------------------- a client without a pin, for public test suites


def plain_init(folder: Path, root: bytes) -> None:
    """Start ``folder`` with a trusted root. Raises TrustError, DiskError."""
    with _translated(folder):
        verified_root(root)
        disk.make_folder(folder)
        disk.write_atomic(folder / ROOT, root)


def plain_refresh(folder: Path, url: str, ca: str = "") -> None:
    """The client workflow of TUF section 5 on the metadata in ``folder``, without floors. Raises like `refresh`."""
    plain_download(folder, url, (), Path(), "", ca)


def plain_download(folder: Path, url: str, names: Sequence[str], into: Path, base_url: str, ca: str = "") -> None:
    """`plain_refresh`, then download the targets ``names`` into a folder; those that are there are skipped."""
    with _translated(folder), Origin((url,), ca=ca) as metadata, Origin((base_url or url,), ca=ca) as targets:
        fetcher = _Fetcher({origin.urls[0]: (origin, "") for origin in (metadata, targets)})
        client = _updater(folder, metadata.urls[0], fetcher, None, str(into), targets.urls[0])
        client.refresh()
        for name in names:
            target = client.get_targetinfo(name)
            if target is None:
                raise NotOffered(f"There is no target {name}.", record=name)
            if client.find_cached_target(target) is None:
                client.download_target(target)


# ---------------------------------------------------------------- pieces


class _Fetcher:
    """Fetches for python-tuf (its FetcherInterface): addresses below a base go to that base's origin."""

    def __init__(self, bases: Mapping[str, tuple[Origin, str]]) -> None:
        self._bases = bases

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """A whole file. A missing root ends the search for a newer one (TUF section 5.3.3).

        Hosts say in three ways that they have no such file: by 404, by 403, and by a web page. Who can send a web page
        can send a 404 as well. In place of any other metadata each of them is an error.
        """
        from tuf.api.exceptions import DownloadHTTPError

        base = max((base for base in self._bases if url.startswith(base)), key=len)
        origin, prefix = self._bases[base]
        is_root = url.endswith(".root.json")
        try:
            data = origin.get(prefix + url.removeprefix(base), max_length, everywhere=not is_root)
        except OriginError as error:
            if is_root and _is_missing(error):
                raise DownloadHTTPError(str(error), 404) from error
            raise
        if url.endswith((TIMESTAMP, ".snapshot.json")):
            check_versions(data)
        return data

    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        """The same as a file."""
        yield BytesIO(self.download_bytes(url, max_length))


def _updater(
    folder: Path, url: str, fetcher: _Fetcher, root: bytes | None, targets: str | None = None, targets_url: str = ""
) -> "Updater":
    from tuf.ngclient import Updater  # type: ignore[attr-defined]  # exported, but not by __all__

    class DurableUpdater(Updater):
        """Writes metadata durably: python-tuf does not sync, so a power cut could lose or tear it."""

        def _persist_file(self, filename: str, data: bytes) -> None:
            disk.write_atomic(Path(filename), data)

    return DurableUpdater(str(folder), url, targets, targets_url or None, cast("Any", fetcher), bootstrap=root)


def _first_root(url: str, ca: str, options: Mapping[str, Any]) -> tuple[bytes, Reach]:
    from tuf.api.exceptions import RepositoryError

    settings = {name: options[name] for name in ("cancel", "retry", "proxy") if name in options}
    with Origin((url,), ca=ca, **settings) as origin:
        try:
            data = origin.get(f"{METADATA}/{FIRST_ROOT}", _ROOT_MAX_BYTES)
            verified_root(data)
            return data, origin.reach
        except OriginError as error:
            if isinstance(error, WebPage) or not _is_missing(error):
                raise
            reason = error.message
        except RepositoryError as error:
            reason = str(error)
    raise TrustError("trust.not_a_feed", f"There is no feed at {url}: {reason}", url=url)


def _is_missing(error: OriginError) -> bool:
    """Whether the server said that it has no such file; object stores answer 403 for that."""
    return isinstance(error, Missing) or error.facts.get("status") == 403


def first_fingerprint(folder: Path) -> str:
    """The fingerprint of the root that lies in a feed's folder; empty if there is none."""
    root = _pinned_root(folder, "")
    return hashlib.sha256(root).hexdigest() if root else ""


def _pinned_root(folder: Path, fingerprint: str) -> bytes:
    """A feed's first root, of which python-tuf has a copy; empty if both are missing, or have other fingerprints."""
    for place in (folder / ROOT, folder / METADATA / HISTORY / FIRST_ROOT):
        with suppress(OSError):
            data = place.read_bytes()
            if not fingerprint or hashlib.sha256(data).hexdigest() == fingerprint:
                return data
    return b""


@contextmanager
def _translated(folder: Path, is_offline: bool = False) -> Iterator[None]:
    """Turn python-tuf's errors, and those of the disk it writes to, into ours. What is damaged here is not known."""
    from tuf.api import exceptions as tuf

    try:
        with beneath.translated(folder):
            yield
    except tuf.ExpiredMetadataError as error:
        raise TrustError("trust.expired", f"The feed's signatures are too old: {error}.") from error
    except tuf.BadVersionNumberError as error:
        raise TrustError("trust.rollback", f"The feed offers older data than before: {error}.") from error
    except tuf.RepositoryError as error:
        if is_offline:
            text = f"What {folder} says of the feed is damaged: {error}. The next update reads it again."
            raise NotOffered(text, path=str(folder)) from error
        raise TrustError("trust.signature", f"The feed's signed data is not valid: {error}.") from error
    except tuf.DownloadError as error:
        raise OriginError("origin.protocol", f"The feed cannot be read: {error}.") from error

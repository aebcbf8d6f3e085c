"""`upload`: a feed folder becomes what players read elsewhere. Only what is missing is sent, in the feed's own order.

Contents and records come first, then the metadata that names them; what was sent is read back; then the timestamp is
replaced, and a new root comes last of all (docs/decisions/0008). So a reader finds the old feed or the new one
wherever an upload was cut, and the next one sends only the rest.
"""

import hashlib
import random
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Timestamp  # type: ignore[attr-defined]  # exported, but not by __all__
from tuf.api.serialization import DeserializationError

from patcher.config import Home
from patcher.content.feed_paths import FIRST_ROOT, METADATA, TIMESTAMP
from patcher.errors import ContentError, UsageError
from patcher.feed.verified import verified
from patcher.protocol.commands import PIN_SUFFIX
from patcher.publish import prune, repository
from patcher.publish.release import opened
from patcher.publish.repository import Repository
from patcher.publish.store import OnProgress, PhaseMeter, Say, Store, in_threads
from patcher.publish.upload.destination import Destination, SmallFile
from patcher.publish.upload.folder import FolderDestination
from patcher.publish.upload.read_back import ReadBack

_LIVE = f"{METADATA}/{TIMESTAMP}"
_OBJECT_STORES = ("s3", "gs", "az")
_READ_BACK = 64
"""So many files are read back, besides the metadata."""
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class UploadOrder:
    """How to upload. ``ca`` is a certificate authority that is trusted, too."""

    origin: str = ""
    """The web address of the destination, from which is read back; the first one of the feed if it is empty."""
    ca: str = ""
    reads_back: bool = True
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The outcome. Counts are of files and bytes below the feed folder; without the timestamp."""

    sent_files: int
    sent_bytes: int
    kept_files: int
    """Those that were there already."""
    is_new: bool
    """Whether players see another feed than before; would see one, of a dry run."""
    is_read_back: bool = False


@dataclass(frozen=True, slots=True)
class _Missing:
    """Paths and sizes of the files that the destination lacks, by the step in which they are sent."""

    contents: dict[str, int]
    """Immutable, named by their hashes; records, too."""
    metadata: dict[str, int]
    roots: dict[str, int]
    kept_files: int

    @property
    def sizes(self) -> dict[str, int]:
        return {**self.contents, **self.metadata, **self.roots}


def open_destination(where: str, endpoint: str = "") -> Destination:
    """A folder, ``ssh://…``, ``s3://…``, ``gs://…`` or ``az://…``; ``endpoint``: of a server that speaks S3.

    Raises UsageError (usage.argument), OriginError.
    """
    scheme = "" if _DRIVE.match(where) and "://" not in where else urlsplit(where).scheme
    if endpoint and scheme not in _OBJECT_STORES:
        raise UsageError("usage.argument", f"--endpoint is for object stores, and {where!r} is none.")
    try:
        if scheme == "ssh":
            from patcher.publish.upload.sftp import SftpDestination

            return SftpDestination(where)
        if scheme in _OBJECT_STORES:
            from patcher.publish.upload.objects import ObjectDestination

            return ObjectDestination(where, endpoint)
    except ImportError as error:
        message = f"An upload to {scheme}:// needs {error.name}: `pip install 'shoal[upload]'`."
        raise UsageError("usage.argument", message) from error
    if scheme:
        raise UsageError("usage.argument", f"{where!r} is no folder, and begins with no ssh://, s3://, gs:// or az://.")
    return FolderDestination(Path(where).expanduser().absolute())


def upload(
    folder: Path, home: Home, destination: Destination, order: UploadOrder, progress: OnProgress, say: Say
) -> Uploaded:
    """Upload a feed. ``say`` gets sentences for people.

    Raises UsageError (usage.newer_feed, usage.other_feed, usage.feed_folder), BusyError, TrustError, ContentError,
    OriginError, DiskError. What players see is whole whatever is raised.
    """
    with opened(folder, home) as repo:
        known = check_successor(repo, destination)
        missing = _missing(repo, destination, progress)
        live = (folder / _LIVE).read_bytes()
        is_new = known is None or known.data != live
        sent = missing.sizes
        done = Uploaded(len(sent), sum(sent.values()), missing.kept_files, is_new)
        if order.dry_run:
            return done
        meter = PhaseMeter(progress, "upload", done.sent_bytes - sum(missing.roots.values()))
        _send(destination, folder, missing.contents, meter)
        _send(destination, folder, missing.metadata, meter)
        with ReadBack(folder, order.origin or repo.feed.origins[0], order.ca) as origin:
            done = replace(done, is_read_back=order.reads_back and origin.check(_to_read(repo, missing), progress))
            if not done.is_read_back:
                say(f"Nothing was read back: {_not_read(order, origin.url)}.")
            if is_new:
                destination.replace(_LIVE, live, known)
            for path, size in missing.roots.items():  # one after the other: a reader follows their chain
                destination.put(path, folder / path, PhaseMeter(progress, "root", size))
            if done.is_read_back:
                origin.check_live()
    return done


def _to_read(repo: Repository, missing: _Missing) -> list[str]:
    """The metadata, and what was sent: the largest files, and others by chance."""
    by_size = sorted(missing.contents, key=lambda path: (-missing.contents[path], path))
    largest, others = by_size[: _READ_BACK // 2], by_size[_READ_BACK // 2 :]
    return [*sorted(repo.metadata_files), *largest, *random.sample(others, min(len(others), _READ_BACK // 2))]


def _not_read(order: UploadOrder, url: str) -> str:
    return f"{url} cannot be reached from here" if order.reads_back else "as you asked"


# ---------------------------------------------------------------- what is there


def check_successor(repo: Repository, destination: Destination) -> SmallFile | None:
    """Make sure that the feed at the destination is this one, now or earlier. Returns its timestamp, if it has one.

    Raises UsageError (usage.newer_feed, usage.other_feed, usage.feed_folder).
    """
    if not repo.is_whole:
        message = "A change of keys was interrupted; run the same `shoal publish keys` command again first."
        raise UsageError("usage.feed_folder", message, path=str(repo.folder))
    first = destination.read(f"{METADATA}/{FIRST_ROOT}")
    if first and hashlib.sha256(first.data).hexdigest() != repo.fingerprint:
        raise UsageError("usage.other_feed", "Another feed is at the destination; its fingerprint is different.")
    if destination.read(f"{METADATA}/{repo.root.version + 1}.root.json"):
        raise _newer("its keys were changed since")
    found = destination.read(_LIVE)
    theirs = _timestamp(repo, found.data) if found else None
    if found and theirs and found.data != (repo.folder / _LIVE).read_bytes():
        _check_earlier(repo, theirs)
    return found


def _timestamp(repo: Repository, data: bytes) -> Timestamp | None:
    """A timestamp of this feed; None for anything else, which no player takes and which may be replaced."""
    for root in reversed(repository.roots(repo.folder)):
        with suppress(RepositoryError, DeserializationError):
            timestamp: Timestamp = verified(root, "timestamp", data)
            return timestamp
    return None


def _check_earlier(repo: Repository, theirs: Timestamp) -> None:
    """Whether a timestamp led to an earlier state of this feed. A snapshot is written once; `gc` removes the oldest."""
    version = theirs.snapshot_meta.version
    ours = repo.folder / METADATA / f"{version}.snapshot.json"
    if theirs.version >= repo.timestamp.version or version > repo.snapshot.version:
        raise _newer(f"its timestamp is version {theirs.version}, and here it is {repo.timestamp.version}")
    if ours.is_file():
        try:
            theirs.snapshot_meta.verify_length_and_hashes(ours.read_bytes())
        except RepositoryError as error:
            raise _newer(f"its snapshot {version} is not the one that was made here") from error
    elif version > min(repository.snapshots(repo), default=repo.snapshot.version):
        raise _newer(f"its snapshot {version} was not made here")


def _newer(why: str) -> UsageError:
    return UsageError("usage.newer_feed", f"The destination has a feed that was not made from this folder: {why}.")


def _missing(repo: Repository, destination: Destination, progress: OnProgress) -> _Missing:
    """What the feed's newest records lead to, and the destination lacks.

    A file that is named by its hash is there if its size is; one of the metadata if its bytes are, since an upload of
    another copy may have been cut after it sent its own version of that number.
    """
    contents = _sizes(repo.folder, prune.needed_by([repo], Store(repo.folder)) - repo.metadata_files)
    metadata = _sizes(repo.folder, {*repo.metadata_files, *(p.name for p in repo.folder.glob(f"*{PIN_SUFFIX}"))})
    versions = range(1, repo.root.version + 1)
    roots = _sizes(repo.folder, [f"{METADATA}/{version}.root.json" for version in versions])
    documents = {**metadata, **roots}
    meter = PhaseMeter(progress, "compare", sum(documents.values()))
    there = destination.sizes(sorted({path.rpartition("/")[0] for path in contents}))

    def is_there(path: str) -> bool:
        found = destination.read(path)
        meter.add(documents[path])
        return found is not None and found.data == (repo.folder / path).read_bytes()

    is_same = in_threads(destination.transfers, is_there, list(documents), meter)
    same = {path for path, found in zip(documents, is_same, strict=True) if found}
    same |= {path for path, size in contents.items() if there.get(path) == size}
    contents, metadata, roots = (
        {path: size for path, size in files.items() if path not in same} for files in (contents, metadata, roots)
    )
    return _Missing(contents, metadata, roots, len(same))


def _sizes(folder: Path, paths: Iterable[str]) -> dict[str, int]:
    try:
        return {path: (folder / path).stat().st_size for path in paths}
    except OSError as error:
        raise ContentError("content.feed", f"{error.filename} is missing: {error.strerror}.") from error


def _send(destination: Destination, folder: Path, files: Mapping[str, int], meter: PhaseMeter) -> None:
    largest_first = sorted(files, key=lambda path: (-files[path], path))
    in_threads(destination.transfers, lambda path: destination.put(path, folder / path, meter), largest_first, meter)

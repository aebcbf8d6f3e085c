"""Uploads to object stores: S3 and all that is compatible with it, Google Cloud Storage, Azure Blob Storage.

Credentials come from the environment, as the providers' own programs take them (docs/operating.md).
"""

import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from obstore import exceptions
from obstore.store import from_url

from patcher.beneath import translated
from patcher.content.feed_paths import METADATA, TIMESTAMP
from patcher.content.json_fields import is_address
from patcher.errors import UsageError
from patcher.protocol.commands import PIN_SUFFIX
from patcher.publish.store import PhaseMeter
from patcher.publish.upload.destination import SmallFile, failed, overtaken

_CHUNK_BYTES = 8 << 20
_REQUEST_S = 300
"""For one request: a chunk through a line of 30 kB/s."""
_IMMUTABLE = "public, max-age=31536000, immutable"
_TYPE = {"Content-Type": "application/octet-stream"}
"""A CDN compresses texts on its own, and players refuse that."""
_REFUSED = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, exceptions.UnknownConfigurationKeyError)
_REFUSALS = re.compile(r"non-2xx status code: 40[0-9]")
_SAID = re.compile(r"<Message>(.*?)</Message>", re.DOTALL)


class ObjectDestination:
    """A prefix in a bucket: ``s3://bucket/prefix``, ``gs://…``, ``az://…``. ``endpoint``: of a compatible server."""

    transfers = 8

    def __init__(self, url: str, endpoint: str) -> None:
        self._url = url
        if endpoint and not is_address(endpoint, ("https", "http")):
            raise UsageError("usage.argument", f"{endpoint!r} is no address of a server.", endpoint=endpoint)
        if endpoint and url.startswith("s3://") and not os.environ.get("AWS_ACCESS_KEY_ID"):
            message = "The credentials are missing: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            raise UsageError("usage.argument", message)  # without, the library asks Amazon's own machines for them
        config: Any = {"endpoint": endpoint} if endpoint else {}
        with self._translated():
            try:
                self._store = from_url(
                    url,
                    config=config,
                    client_options={"allow_http": endpoint.startswith("http://"), "timeout": f"{_REQUEST_S}s"},
                    retry_config={"max_retries": 6, "retry_timeout": timedelta(seconds=_REQUEST_S)},
                )
            except (ValueError, TypeError, exceptions.GenericError) as error:
                raise UsageError("usage.argument", f"{url!r} is no address: {_problem(error)}.") from error
            for _ in self._store.list(METADATA, chunk_size=1):  # a store reads nothing from a bucket that is not there
                break

    def sizes(self, folders: Collection[str]) -> dict[str, int]:
        """See `Destination.sizes`."""
        with self._translated():
            return {found["path"]: found["size"] for chunk in self._store.list(chunk_size=1000) for found in chunk}

    def read(self, path: str) -> SmallFile | None:
        """See `Destination.read`."""
        with self._translated():
            try:
                found = self._store.get(path)
                return SmallFile(bytes(found.bytes()), found.meta["e_tag"] or "")
            except FileNotFoundError:
                return None

    def put(self, path: str, source: Path, meter: PhaseMeter) -> None:
        """See `Destination.put`."""
        with translated(source):
            file = source.open("rb")
        with file, self._translated():
            size_bytes = source.stat().st_size
            whole = size_bytes <= _CHUNK_BYTES
            data: Any = file.read() if whole else _counted(file, meter)
            self._store.put(path, data, attributes=_attributes(path), use_multipart=not whole, chunk_size=_CHUNK_BYTES)
            if whole:
                meter.add(size_bytes)

    def replace(self, path: str, data: bytes, known: SmallFile | None) -> None:
        """See `Destination.replace`. The store compares and replaces in one step, if it can."""
        mode: Any = {"e_tag": known.tag} if known else "create"
        with self._translated():
            try:
                self._store.put(path, data, attributes=_attributes(path), mode=mode)
            except (exceptions.PreconditionError, exceptions.AlreadyExistsError):
                found = self.read(path)
                if found is None or found.data != data:  # else the answer was lost, and it was tried again
                    raise overtaken(self._url) from None
            except exceptions.BaseError as error:
                if "NotImplemented" not in str(error):
                    raise
                if self.read(path) != known:
                    raise overtaken(self._url) from None
                self._store.put(path, data, attributes=_attributes(path))

    def close(self) -> None:
        """The library closes its connections."""

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (exceptions.BaseError, FileNotFoundError) as error:
            refused = isinstance(error, (*_REFUSED, FileNotFoundError)) or bool(_REFUSALS.search(str(error)))
            raise failed(self._url, _problem(error), refused=refused) from error


def _attributes(path: str) -> Any:
    is_fixed = path != f"{METADATA}/{TIMESTAMP}" and not path.endswith(PIN_SUFFIX)
    return {**_TYPE, "Cache-Control": _IMMUTABLE if is_fixed else "no-cache"}


def _counted(file: IO[bytes], meter: PhaseMeter) -> Iterator[bytes]:
    while data := file.read(_CHUNK_BYTES):
        yield data
        meter.add(len(data))


def _problem(error: Exception) -> str:
    """What the server said, or the first line of the library's words."""
    said = _SAID.search(str(error))
    return (said[1] if said else str(error).strip().splitlines()[0]).rstrip(".")

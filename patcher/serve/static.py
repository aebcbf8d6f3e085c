"""A static HTTPS server for a feed folder: for demo, tests and LAN parties.

It answers like nginx with packaging/nginx/shoal-feed.conf; one contract suite checks both. It serves files only: no
listing, no dotfile, nothing through a symbolic link. A request may have one range; a list of ranges is answered with
the whole file, as RFC 9110 §14.2 permits.
"""

import os
import re
import ssl
from http import HTTPStatus
from io import FileIO
from pathlib import Path
from urllib.parse import unquote

from patcher.content.feed_paths import METADATA, TIMESTAMP
from patcher.errors import UsageError
from patcher.protocol.commands import PIN_SUFFIX
from patcher.serve.http import Answer, FileBody, HttpRequest, HttpServer, url_host

_MUTABLE = (f"/{METADATA}/{TIMESTAMP}", PIN_SUFFIX)
"""The ends of the only files of a feed that are ever overwritten, whatever folder it lies in."""
_FOREVER = ("Cache-Control", "public, max-age=31536000, immutable")
_NO_CACHE = ("Cache-Control", "no-cache")
_SEGMENT = re.compile(r"[^.\x00-\x1f\x7f/\\:][^\x00-\x1f\x7f/\\:]*")
"""A segment of a path: not empty, hidden or `..`, and no drive or stream."""
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class StaticServer(HttpServer):
    """Serves ``folder`` from construction until `close`; use it as a context manager.

    Without a certificate it speaks plain HTTP, and only on 127.0.0.1 or ::1, as players accept nothing else.
    Raises UsageError (usage.feed_folder, usage.port, usage.argument).
    """

    def __init__(
        self,
        folder: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        cert: Path | None = None,
        key: Path | None = None,
    ) -> None:
        if not folder.is_dir():
            raise UsageError("usage.feed_folder", f"There is no folder {folder}.", path=str(folder))
        if cert is None and host not in ("127.0.0.1", "::1", "localhost"):
            raise UsageError("usage.argument", f"Serving on {host} needs a certificate: players refuse plain HTTP.")
        self._root = folder.resolve()
        self.requests = 0
        self.body_bytes = 0
        context = tls_context(cert, key) if cert else None
        super().__init__(host, port, self._answer, context=context)
        self.url = f"{'https' if cert else 'http'}://{url_host(host)}:{self.port}"

    def _answered(self, request: HttpRequest, answer: Answer, sent_bytes: int) -> None:
        with self._lock:
            self.requests += 1
            self.body_bytes += sent_bytes

    def _answer(self, request: HttpRequest) -> Answer:
        if request.method not in ("GET", "HEAD"):
            return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, ("Allow", "GET, HEAD"))
        file = open_inside(self._root, request.path)
        if file is None:
            return _refusal(HTTPStatus.NOT_FOUND)
        size = os.fstat(file.fileno()).st_size
        wanted = _wanted(request, size)
        if wanted is None:
            file.close()
            return _refusal(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, ("Content-Range", f"bytes */{size}"))
        headers = [
            ("Content-Type", "application/octet-stream"),
            ("Accept-Ranges", "bytes"),
            _NO_CACHE if unquote(request.path).endswith(_MUTABLE) else _FOREVER,
        ]
        status = HTTPStatus.OK
        if wanted != range(size):
            status = HTTPStatus.PARTIAL_CONTENT
            headers.append(("Content-Range", f"bytes {wanted.start}-{wanted.stop - 1}/{size}"))
        return Answer(status, tuple(headers), FileBody(file, wanted))


def tls_context(cert: Path, key: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer. Raises UsageError (usage.argument) when the files do not hold a certificate and its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError("usage.argument", f"Cannot use the certificate {cert}: {error}.", path=str(cert)) from error
    return context


def open_inside(root: Path, url_path: str) -> FileIO | None:
    """The regular file below ``root`` (resolved) that a request names, unbuffered; None if it must not be served."""
    try:
        segments = unquote(url_path, errors="strict").removeprefix("/").split("/")
    except UnicodeDecodeError:
        return None
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        return None
    path = root.joinpath(*segments)
    try:
        if os.path.realpath(path) != str(path) or not path.is_file():  # a link anywhere on the way, or a pipe
            return None
        return path.open("rb", buffering=0)
    except OSError:
        return None


def _wanted(request: HttpRequest, size: int) -> range | None:
    """The bytes to send: the whole file if there is no range that we serve; None if the range is outside."""
    # If-Range asks for the whole file unless a validator matches; we hand out none.
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if match is None or match.group() == "bytes=-" or request.method == "HEAD" or "if-range" in request.headers:
        return range(size)
    first, last = match.groups()
    if not first:
        wanted = range(max(0, size - int(last)), size)
    elif last and int(last) < int(first):
        return range(size)  # not a range, so not there (RFC 9110 §14.1.1)
    else:
        wanted = range(int(first), min(size, int(last) + 1) if last else size)
    return wanted or None


def _refusal(status: HTTPStatus, *headers: tuple[str, str]) -> Answer:
    # Not to be cached: the next root or a mirror's missing file may be there a moment later.
    return Answer(status, (("Content-Type", "text/plain"), _NO_CACHE, *headers), f"{status.phrase}\n".encode())

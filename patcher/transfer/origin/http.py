"""One GET: to hosts that the policy allows, redirects followed by hand, under a watchdog, the body as it is sent.

A plain HTTP client lets a server drip bytes for hours, send more than was asked for, send us to another host, or hand
a compressed body to a decoder. This one does not.
"""

import functools
import io
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import urljoin

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection

from patcher.errors import Missing, OriginError, Retryable, UsageError
from patcher.plain import quoted
from patcher.transfer.origin import ranges
from patcher.transfer.origin.dialling import dial, watched
from patcher.transfer.origin.hosts import HostPolicy, is_loopback
from patcher.transfer.origin.watchdog import Timeouts, Watchdog, WatchedReader

CHUNK_BYTES = 256 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REDIRECTS_MAX = 5
_RETRYABLE = frozenset({408, 425, 429})
_URL_LENGTH = 2000
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "Shoal"}


class HttpClient:
    """Sends requests. Safe for several threads; each thread has connections of its own, which are kept until `close`.

    ``ca`` names a PEM file of authorities that are trusted besides the system's. Raises UsageError (usage.argument)
    when it cannot be read.

    The two methods yield a body in portions of at most `CHUNK_BYTES`, unverified, and call ``received`` with the size
    of each portion that came in, used or not. They raise OriginError (Missing, .status, .unreachable, .certificate,
    .host_refused, .protocol), TooSlow and Cancelled.
    """

    def __init__(self, hosts: HostPolicy, ca: str, timeouts: Timeouts) -> None:
        self._hosts = hosts
        self._timeouts = timeouts
        self._context = watched(_trusting(ca), lambda: self._transport().watchdog)
        self._lock = threading.Lock()
        self._mine = threading.local()
        self._transports: list[_Transport] = []

    def document(
        self, url: str, max_bytes: int, watchdog: Watchdog, received: Callable[[int], None]
    ) -> Iterator[bytes]:
        """A whole document. One longer than ``max_bytes`` is origin.protocol."""
        total_bytes = 0
        with closing(self._request(url, {}, watchdog)) as response:
            for chunk in _body(response, watchdog, received):
                total_bytes += len(chunk)
                if total_bytes > max_bytes:
                    raise OriginError("origin.protocol", f"{url} is longer than {max_bytes} bytes.", url=url)
                yield chunk

    def part(
        self, url: str, span: range, size_bytes: int, watchdog: Watchdog, received: Callable[[int], None]
    ) -> Iterator[bytes]:
        """The bytes ``span`` of a file of ``size_bytes``, or fewer when the server sends fewer."""
        whole = len(span) == size_bytes
        headers = {} if whole else {"Range": f"bytes={span.start}-{span.stop - 1}"}
        with closing(self._request(url, headers, watchdog)) as response:
            skip = ranges.skipped(response.status_code, response.headers, span, size_bytes)
            if skip is None:
                raise OriginError("origin.protocol", f"{response.url} answered with another range.", url=response.url)
            left = len(span)
            for chunk in _body(response, watchdog, received):
                wanted = chunk[skip : skip + left]
                skip = max(0, skip - len(chunk))
                left -= len(wanted)
                if wanted:
                    yield wanted
                if not left:
                    return

    def close(self) -> None:
        """Close all connections. The next request opens new ones."""
        with self._lock:
            transports, self._transports, self._mine = self._transports, [], threading.local()
        for transport in transports:
            transport.close()

    # ---------------------------------------------------------------- requests

    def _request(self, url: str, headers: Mapping[str, str], watchdog: Watchdog) -> requests.Response:
        """The answer to a GET, its body unread."""
        for _ in range(_REDIRECTS_MAX):
            self._hosts.check(url)
            response = self._send(url, headers, watchdog)
            if response.status_code not in _REDIRECTS:
                return _accepted(response)
            response.close()
            url = _redirected(url, response.headers.get("Location", ""))
        raise OriginError("origin.protocol", f"{url}: too many redirects.", url=url)

    def _send(self, url: str, headers: Mapping[str, str], watchdog: Watchdog) -> requests.Response:
        """One GET. Not by a requests.Session: that one reads a redirect's body, however long it is."""
        transport = self._transport()
        transport.watchdog = watchdog
        watchdog.check()
        try:
            return transport.send(
                requests.Request("GET", url, {**_HEADERS, **headers}).prepare(),
                stream=True,
                timeout=(self._timeouts.connect_s, self._timeouts.document_s),
                proxies={} if is_loopback(url) else get_environ_proxies(url),
            )
        except requests.RequestException as error:
            text = f"{url} cannot be reached: {_reason(error)}."
            if "certificate" in str(error).lower():
                raise OriginError("origin.certificate", text, url=url) from error
            raise Retryable("origin.unreachable", text, url=url) from error

    def _transport(self) -> "_Transport":
        """This thread's connections."""
        transport: _Transport | None = getattr(self._mine, "transport", None)
        if transport is None:
            transport = self._mine.transport = _Transport(self._context, self._dial)
            with self._lock:
                self._transports.append(transport)
        return transport

    def _dial(self, host: str, port: int, watchdog: Watchdog, *, is_proxy: bool) -> socket.socket:
        """A new connection, to an address that the policy allows; to a proxy, wherever the player has it."""
        if is_proxy:
            return dial(host, port, lambda address: True, watchdog)
        sock = dial(host, port, functools.partial(self._hosts.allows, host), watchdog)
        self._hosts.connected(host, sock.getpeername()[0])
        return sock


# ---------------------------------------------------------------- answers


def _accepted(response: requests.Response) -> requests.Response:
    status, url = response.status_code, response.url
    encoding = quoted(response.headers.get("Content-Encoding", "identity"))
    if status in {200, 206} and encoding.lower() == "identity":
        return response
    response.close()
    if status in {200, 206}:
        raise OriginError("origin.protocol", f"{url} came encoded as {encoding}, which nobody asked for.", url=url)
    if status in {404, 410}:
        raise Missing(f"{url} does not exist.", url=url, status=status)
    kind = Retryable if status >= 500 or status in _RETRYABLE else OriginError
    raise kind("origin.status", f"{url} answered with status {status}.", url=url, status=status)


def _redirected(url: str, location: str) -> str:
    """Where a redirect leads. Raises OriginError (origin.protocol, .host_refused)."""
    try:
        target = urljoin(url, location)
    except ValueError:
        target = ""
    if not target.isprintable() or not 0 < len(target) <= _URL_LENGTH:
        raise OriginError("origin.protocol", f"{url} redirects to {quoted(location)}, which is no address.", url=url)
    if url.startswith("https:") and not target.startswith("https:"):
        raise OriginError("origin.host_refused", f"{url} redirects to {target}, without encryption.", url=url)
    return target


def _body(response: requests.Response, watchdog: Watchdog, received: Callable[[int], None]) -> Iterator[bytes]:
    try:
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=False):
            watchdog.received(len(chunk))
            received(len(chunk))
            yield chunk
            watchdog.resume()
    except urllib3.exceptions.HTTPError as error:
        text = f"The connection to {response.url} broke off: {quoted(str(error))}."
        raise Retryable("origin.unreachable", text) from error


def _reason(error: BaseException) -> str:
    """The innermost of the wrapped errors, which says what happened."""
    inner = getattr(error, "reason", None) or next((arg for arg in error.args if isinstance(arg, BaseException)), None)
    return _reason(inner) if isinstance(inner, BaseException) else quoted(str(error)).rstrip(".")


# ---------------------------------------------------------------- connections


def _trusting(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca:
        try:
            context.load_verify_locations(cafile=ca)
        except OSError as error:  # ssl.SSLError is one
            raise UsageError("usage.argument", f"{ca} holds no certificate authority: {error}.", path=ca) from error
    return context


class _Transport(HTTPAdapter):
    """The connections of requests with two things it has no setting for: our trust, and our watchdog on each answer."""

    def __init__(self, context: ssl.SSLContext, dials: Callable[..., socket.socket]) -> None:
        self._context = context
        self.dials = dials
        self.watchdog: Watchdog
        self._pools: list[Any] = []
        super().__init__()

    def close(self) -> None:
        """Close all idle connections at once. The library leaves that to the garbage collector."""
        for pool in self._pools:
            pool.close()
        super().close()

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, True, None)
        return host, {"ssl_context": self._context, "cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing to add: the context verifies."""

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        if "ConnectionCls" not in vars(pool):
            kinds = {HTTPConnection: _Connection, HTTPSConnection: _SecureConnection}
            kind = kinds.get(pool.ConnectionCls, pool.ConnectionCls)  # a SOCKS proxy's dials by itself
            pool.ConnectionCls = functools.partial(self._connect, kind)
            self._pools.append(pool)
        return pool

    def _connect(self, connect: Callable[..., Any], *args: Any, **options: Any) -> Any:
        connection = connect(*args, **options)
        connection.transport = self
        connection.response_class = functools.partial(self._answer, connection.response_class)
        return connection

    def _answer(self, answer: Callable[..., Any], sock: Any, *args: Any, **options: Any) -> Any:
        response = answer(sock, *args, **options)
        response.fp = io.BufferedReader(WatchedReader(sock, response.fp.detach(), self.watchdog))
        return response


class _Connection(HTTPConnection):
    """A connection that `dialling` opens."""

    transport: _Transport

    def _new_conn(self) -> socket.socket:
        host = self._dns_host.strip("[]")
        return self.transport.dials(host, self.port, self.transport.watchdog, is_proxy=self.proxy is not None)


class _SecureConnection(_Connection, HTTPSConnection):
    """The same, encrypted."""

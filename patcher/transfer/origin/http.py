"""Sends one GET: only to hosts that the policy allows, under a watchdog, with every redirect checked.

With a plain HTTP client a server can drip bytes for hours, send more than was requested, redirect to any host, or feed
a decompressor. With this one it cannot.
"""

import functools
import math
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, should_bypass_proxies
from urllib3 import HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from patcher.config import NO_PROXY
from patcher.errors import Busy, Missing, NoRanges, OriginError, Retryable, WebPage
from patcher.plain import quoted
from patcher.transfer.origin import ranges
from patcher.transfer.origin.dialling import dial, tls_context
from patcher.transfer.origin.hosts import HostPolicy, is_loopback
from patcher.transfer.origin.retry import LOOK_S
from patcher.transfer.origin.watchdog import Watchdog, on_duty

_CHUNK_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REDIRECTS_MAX = 5
_BUSY = frozenset({429, 503})
_RETRYABLE = frozenset({408, 425})
_DIGITS = 9
_BLANK = b"\xef\xbb\xbf \t\r\n"
"""What may precede a web page: a byte order mark and white space."""
_URL_LENGTH = 2000
_ANY = "https://feed.invalid/"
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "Shoal"}


class Received:
    """Bytes received from the servers of a feed, also those that prove wrong or useless. Safe for several threads.

    Documents and hashes are metadata; packs and loose files are content. While a request waits because its servers ask
    for that, ``resting`` is called four times a second with the seconds that are left, and with 0 at the end.
    """

    def __init__(self) -> None:
        self.metadata_bytes = 0
        self.content_bytes = 0
        self.resting: Callable[[float], None] = lambda left_s: None
        self._lock = threading.Lock()

    def add(self, size_bytes: int, *, as_content: bool) -> None:
        """Count bytes of a body."""
        with self._lock:
            self.metadata_bytes += 0 if as_content else size_bytes
            self.content_bytes += size_bytes if as_content else 0


class HttpClient:
    """Sends requests, and counts what comes in. Safe for several threads; connections are kept until `close`.

    ``ca`` names a PEM file of authorities that are trusted besides the system's. Raises UsageError (usage.argument)
    when it cannot be read. ``received`` counts. ``proxy`` is the player's setting.

    Bodies are unverified. The methods raise OriginError (Missing, WebPage, Busy, NoRanges, .status, .unreachable,
    .certificate, .host_refused, .protocol), TooSlow and Cancelled.
    """

    def __init__(self, hosts: HostPolicy, ca: str, received: Received, proxy: str = "") -> None:
        self._received = received
        self._proxy = proxy
        self._hosts = hosts
        self._transport = _Transport(hosts, tls_context(ca))

    def document(self, url: str, max_bytes: int, watchdog: Watchdog) -> bytes:
        """A whole document. One longer than ``max_bytes`` is origin.protocol."""
        data = bytearray()
        with closing(self._request(url, {}, watchdog)) as response:
            for chunk in self._body(response, watchdog, as_content=False):
                data += chunk
                if len(data) > max_bytes:
                    break
        if data.lstrip(_BLANK).startswith(b"<"):  # a feed's documents are JSON
            raise WebPage(f"A web page came in place of {url}.", url=url)
        if len(data) > max_bytes:
            raise _protocol_error(url, f"is longer than {max_bytes} bytes")
        return bytes(data)

    def part(self, url: str, span: range, size_bytes: int, watchdog: Watchdog, *, as_content: bool) -> Iterator[bytes]:
        """The bytes ``span`` of a file of ``size_bytes``, in portions, or fewer when the server sends fewer."""
        whole = len(span) == size_bytes
        headers = {} if whole else {"Range": f"bytes={span.start}-{span.stop - 1}"}
        with closing(self._request(url, headers, watchdog)) as response:
            _check_part(response, span, size_bytes)
            left = len(span)
            for chunk in self._body(response, watchdog, as_content=as_content):
                yield chunk[:left]
                left -= len(chunk)
                if left <= 0:
                    return

    def close(self) -> None:
        """Close all connections. The next request opens new ones."""
        self._transport.close()

    # ---------------------------------------------------------------- requests

    def _request(self, url: str, headers: Mapping[str, str], watchdog: Watchdog) -> requests.Response:
        """The response to a GET, redirects followed, its body unread."""
        self._hosts.check(url)
        for _ in range(_REDIRECTS_MAX):
            response = self._send(url, headers, watchdog)
            if response.status_code not in _REDIRECTS:
                return _accepted(response)
            response.close()
            url = self._redirected(url, response.headers.get("Location", ""))
        raise _protocol_error(url, "is one redirect too many")

    def _redirected(self, url: str, location: str) -> str:
        """Where a redirect leads. Raises WebPage for an address that the feed may not use; OriginError."""
        try:
            target = urljoin(url, location)
        except ValueError:
            target = ""
        if not target.isprintable() or not 0 < len(target) <= _URL_LENGTH:
            raise _protocol_error(url, f"redirects to {quoted(location)}, which is not a valid address")
        try:
            self._hosts.check(target)
        except OriginError as error:
            raise WebPage(f"{url} redirects to {target}, an address that this feed may not use.", url=url) from error
        if url.startswith("https:") and not target.startswith("https:"):
            raise WebPage(f"{url} redirects to {target}, without encryption.", url=url)
        return target

    def _send(self, url: str, headers: Mapping[str, str], watchdog: Watchdog) -> requests.Response:
        """One GET. A requests.Session would read the body of a redirect, however long it is."""
        watchdog.resume()
        watchdog.check()
        try:
            return self._transport.send(
                requests.Request("GET", url, {**_HEADERS, **headers}).prepare(),
                stream=True,
                timeout=LOOK_S,  # a socket checks the watchdog after each
                proxies=_proxies(url, self._proxy),
            )
        except requests.RequestException as error:
            cause = _innermost(error)
            text = f"{url} cannot be reached: {quoted(str(cause)).rstrip('.')}."
            if "certificate" in str(error).lower():
                raise OriginError("origin.certificate", text, url=url) from error
            facts = {"refused": 1} if isinstance(cause, ConnectionRefusedError) else {}
            raise Retryable("origin.unreachable", text, url=url, **facts) from error

    def _body(self, response: requests.Response, watchdog: Watchdog, *, as_content: bool) -> Iterator[bytes]:
        try:
            while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False):
                watchdog.received(len(chunk))
                self._received.add(len(chunk), as_content=as_content)
                yield chunk
                watchdog.resume()
        except urllib3.exceptions.HTTPError as error:
            text = f"The connection to {response.url} broke off: {quoted(str(_innermost(error)))}."
            raise Retryable("origin.unreachable", text) from error


# ---------------------------------------------------------------- proxies


def _proxies(url: str, setting: str) -> Mapping[str, str]:
    """The proxies for a URL by scheme. Addresses that the environment exempts (no_proxy) are asked directly."""
    if setting == NO_PROXY or is_loopback(url):
        return {}
    if not setting:
        return get_environ_proxies(url)
    return {} if should_bypass_proxies(url, None) else dict.fromkeys(("http", "https"), setting)


def current_proxy(setting: str) -> str:
    """The proxy for feeds of this process, without user and password; empty for none. ``setting`` is the player's."""
    if setting == NO_PROXY:
        return ""
    scheme, slashes, place = (setting or get_environ_proxies(_ANY).get("https", "")).rpartition("//")
    return f"{scheme}{slashes}{place.rpartition('@')[2]}"


# ---------------------------------------------------------------- responses


def _protocol_error(url: str, problem: str) -> OriginError:
    return OriginError("origin.protocol", f"{url} {problem}.", url=url)


def _accepted(response: requests.Response) -> requests.Response:
    status, url = response.status_code, response.url
    encoding = quoted(response.headers.get("Content-Encoding", "identity"))
    if status in {200, 206} and encoding.lower() == "identity":
        return response
    response.close()
    if status in {200, 206}:
        raise _protocol_error(url, f"came with the encoding {encoding}, which was not requested")
    if status in {404, 410}:
        raise Missing(f"{url} does not exist.", url=url, status=status)
    if status in _BUSY:
        wait_s = _wait_s(response.headers)
        text = f"{url} answered with status {status}: its server has too much to do"
        text += f" and asks to come back in {wait_s} s." if wait_s else "."
        raise Busy(text, url=url, status=status, wait_s=wait_s)
    kind = Retryable if status >= 500 or status in _RETRYABLE else OriginError
    raise kind("origin.status", f"{url} answered with status {status}.", url=url, status=status)


def _wait_s(headers: Mapping[str, str]) -> int:
    """How long a server asks to be left alone (Retry-After, RFC 9110: seconds or a date); 0 when it does not say."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return int(text) if len(text) <= _DIGITS else 10**_DIGITS
    try:
        until = parsedate_to_datetime(text)
        now = parsedate_to_datetime(headers["Date"]) if "Date" in headers else datetime.now(UTC)
        return max(0, math.ceil((until - now).total_seconds()))
    except (ValueError, TypeError, OverflowError):  # no date; or of the two only one with a time zone
        return 0


def _check_part(response: requests.Response, span: range, size_bytes: int) -> None:
    """Raises OriginError when the body does not begin with ``span`` of a file of this size (NoRanges, WebPage)."""
    headers, url = response.headers, response.url
    if response.status_code == 206:
        if not ranges.is_range(headers, span, size_bytes):
            raise _protocol_error(url, "answered with a range that was not requested")
        return
    length = headers.get("Content-Length")
    if length != str(size_bytes) and headers.get("Content-Type", "").lower().startswith("text/html"):
        raise WebPage(f"A web page came in place of {url}.", url=url)
    if length not in {None, str(size_bytes)}:
        raise _protocol_error(url, f"has {quoted(length or '')} bytes and not {size_bytes}")
    if len(span) != size_bytes:
        raise NoRanges(f"{url} comes only whole: its server does not know byte ranges.", url=url)


def _innermost(error: BaseException) -> BaseException:
    """The innermost of the wrapped errors, which names the cause."""
    inner = getattr(error, "reason", None) or next((arg for arg in error.args if isinstance(arg, BaseException)), None)
    return _innermost(inner) if isinstance(inner, BaseException) else error


# ---------------------------------------------------------------- connections


class _Transport(HTTPAdapter):
    """The connections of requests, with our trust, host policy and watchdog, for which it has no settings."""

    def __init__(self, hosts: HostPolicy, context: ssl.SSLContext) -> None:
        self._hosts = hosts
        self._context = context
        self._pools: list[Any] = []
        super().__init__()

    def close(self) -> None:
        """Close all idle connections at once; the library leaves that to the garbage collector."""
        super().close()
        while self._pools:
            self._pools.pop().close()

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing to add: the context verifies."""

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        if proxy not in self.proxy_manager:
            options["proxy_ssl_context"] = tls_context("")
        return super().proxy_manager_for(proxy, **options)

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        if pool not in self._pools:
            is_secure = isinstance(pool, HTTPSConnectionPool)
            kind = functools.partial(_SecureConnection, ssl_context=self._context) if is_secure else _Connection
            pool.ConnectionCls = functools.partial(kind, self._hosts)
            self._pools.append(pool)
        return pool


class _Connection(HTTPConnection):
    """A connection to an address that the policy allows. The player's proxy may be anywhere."""

    def __init__(self, hosts: HostPolicy, *args: Any, **options: Any) -> None:
        self._hosts = hosts
        super().__init__(*args, **options)

    def _new_conn(self) -> socket.socket:
        host = self._dns_host.strip("[]")
        if self.proxy:
            return dial(host, self.port, lambda address: True, on_duty.get())
        sock = dial(host, self.port, functools.partial(self._hosts.allows, host), on_duty.get())
        self._hosts.connected(host, sock.getpeername()[0])
        return sock


class _SecureConnection(_Connection, HTTPSConnection):
    """The same, encrypted."""

"""The publisher's web servers: small documents whole, content by ranges, from several origins in turn.

What a plain HTTP client lets a server do to it, this one does not: drip bytes for hours, send more than was asked for,
send us to another host, hand a compressed body to a decoder. Bytes are as received; whoever asks for them verifies
them, but for `Origin.content`, which folds to the root itself.
"""

import functools
import io
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection

from patcher.content.feed_paths import CONTENT
from patcher.content.merkle import Ref, ref_of
from patcher.errors import Mismatch, Missing, OriginError, UsageError
from patcher.plain import quoted
from patcher.transfer.origin import ranges, reach
from patcher.transfer.origin.dialling import dial, patient
from patcher.transfer.origin.reach import Reach, is_allowed
from patcher.transfer.origin.retry import Failover, Incoming, RetryPolicy, Standstill, Watch, never

CHUNK_BYTES = 256 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REDIRECTS_MAX = 5
_ADDRESS_LENGTH = 2000
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "Shoal"}


class Origin:
    """The web servers that hold one feed. Safe to use from several threads; `close` it in the end.

    ``urls`` are base addresses of equal folders, best first; ``hosts`` are the names we may be redirected to, besides
    those of ``urls``. The first of ``urls`` is the address that the player named: what leads into the local network or
    to this machine is used only where that one does (`reach`). ``near`` says where its host led when the player named
    it; None: the player does so now, and `near` is known after the first connection. Behind a proxy, which looks names
    up itself, only what is written as an address is judged. ``ca`` names a PEM file of authorities that are trusted
    besides the system's. ``cancel`` is asked at least four times a second while waiting.

    Raises UsageError (usage.argument) when ``ca`` is not readable; all methods raise OriginError and Cancelled.
    """

    def __init__(
        self,
        urls: Sequence[str],
        hosts: Collection[str] = (),
        ca: str = "",
        cancel: Callable[[], bool] = never,
        patience: RetryPolicy | None = None,
        near: Reach | None = None,
    ) -> None:
        self.urls = tuple(url.rstrip("/") + "/" for url in urls)
        self.metadata_bytes = 0
        self.content_bytes = 0
        named = {urlsplit(f"//{host}").hostname for host in hosts} | {urlsplit(url).hostname for url in self.urls}
        self._hosts = named - {None}
        self._pinned = urlsplit(self.urls[0]).hostname or ""
        self._near = reach.of_host(self._pinned) or near
        self._context = patient(_trusting(ca), lambda: self._transport().watch)
        self._cancel = cancel
        self._patience = patience or RetryPolicy()
        self._standstill = Standstill(self._patience)
        self._lock = threading.Lock()
        self._mine = threading.local()
        self._transports: list[_Transport] = []
        self._first = 0

    def get(self, path: str, max_bytes: int, *, everywhere: bool = True) -> bytes:
        """A small document below the origin's address, of at most ``max_bytes``.

        When one origin does not have it the next is asked, unless ``everywhere`` is false.
        Raises OriginError: origin.missing, .too_slow, .protocol (too long, cut short, encoded) and what `read` raises.
        """
        turn = self._turn(self._order())
        while True:
            try:
                watch = turn.watch(self._patience.document_s)
                data = b"".join(self._document(turn.url + path, max_bytes, watch))
            except OriginError as error:
                if isinstance(error, Missing) and not everywhere:
                    self._prefer(turn.url)
                    raise
                turn.failed(error, final=error.code == "origin.too_slow")
            else:
                self._prefer(turn.url)
                self.progressed()
                return data

    def content(self, ref: Ref, *, as_content: bool = False) -> bytes:
        """A whole content file that fits in memory, folded to its root; a document, so its bytes count as metadata.

        Raises Mismatch when no origin has the right bytes, and what `read` raises.
        """
        attempts = [self._order()]
        if len(self.urls) > 1:  # a mix that is wrong does not tell whose fault it is: then each origin alone
            attempts += [(url,) for url in self._order()]
        problem: OriginError | None = None
        for urls in attempts:
            try:
                data = b"".join(self._read(urls, ref, 0, ref.size_bytes, as_content=as_content))
            except OriginError as error:
                problem = problem or error
                continue
            if ref_of(data) == ref:
                self.progressed()
                return data
            problem = None
        if problem:
            raise problem
        raise Mismatch(f"No server has the right bytes of {ref.hex}.", ref.root)

    def read(self, ref: Ref, offset: int, length: int, *, as_content: bool = True) -> Iterator[bytes]:
        """``length`` bytes of a content file from ``offset`` on, in portions, *unverified*.

        What breaks off is resumed where it was, at the next origin or, after a pause, at the same.
        Raises OriginError, the root a fact of it: origin.missing (no origin has it), .unreachable, .certificate,
        .status, .too_slow, .host_refused, .protocol.
        """
        return self._read(self._order(), ref, offset, length, as_content=as_content)

    def close(self) -> None:
        """Close all connections. The origin stays usable and opens new ones when asked."""
        with self._lock:
            transports, self._transports, self._mine = self._transports, [], threading.local()
        for transport in transports:
            transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def near(self) -> Reach:
        """Where the address that the player named leads."""
        return self._near or Reach.PUBLIC

    def progressed(self) -> None:
        """Verified bytes came in, from here or from players: the wait for our servers begins anew (`Standstill`)."""
        self._standstill.end()

    # ---------------------------------------------------------------- whose turn

    def _turn(self, urls: Sequence[str]) -> Failover:
        return Failover(urls, self._patience, self._cancel, self._standstill)

    def _order(self) -> tuple[str, ...]:
        return self.urls[self._first :] + self.urls[: self._first]

    def _prefer(self, url: str) -> None:
        """An origin that delivered is asked first from now on."""
        self._first = self.urls.index(url)

    # ---------------------------------------------------------------- bodies

    def _document(self, url: str, max_bytes: int, watch: Watch) -> Iterator[bytes]:
        received = 0
        for chunk in self._body(self._request(url, {}, watch), watch, as_content=False):
            received += len(chunk)
            if received > max_bytes:
                raise OriginError("origin.protocol", f"{url} is longer than {max_bytes} bytes.", url=url)
            yield chunk

    def _read(self, urls: Sequence[str], ref: Ref, offset: int, length: int, *, as_content: bool) -> Iterator[bytes]:
        turn, end = self._turn(urls), offset + length
        while offset < end:
            try:
                for chunk in self._range(turn, ref, offset, end, as_content=as_content):
                    offset += len(chunk)
                    turn.progress(len(chunk))
                    yield chunk
                if offset < end:
                    raise OriginError("origin.protocol", f"{turn.url} sent too few bytes of {ref.hex}.", root=ref.hex)
            except OriginError as error:
                error.facts["root"] = ref.hex
                turn.failed(error)
        self._prefer(turn.url)

    def _range(self, turn: Failover, ref: Ref, start: int, end: int, *, as_content: bool) -> Iterator[bytes]:
        whole = start == 0 and end == ref.size_bytes
        headers = {} if whole else {"Range": f"bytes={start}-{end - 1}"}
        watch = turn.watch()
        response = self._request(f"{turn.url}{CONTENT}/{ref.file}", headers, watch)
        try:
            skip = ranges.skipped(response.status_code, response.headers, ref, start, end)
            if skip is None:
                raise OriginError("origin.protocol", f"{response.url} answered with another range.", url=response.url)
            left = end - start
            for chunk in self._body(response, watch, as_content=as_content):
                wanted = chunk[skip : skip + left]
                skip = max(0, skip - len(chunk))
                left -= len(wanted)
                if wanted:
                    yield wanted
                if not left:
                    break
        finally:
            response.close()

    def _body(self, response: requests.Response, watch: Watch, *, as_content: bool) -> Iterator[bytes]:
        try:
            while chunk := response.raw.read1(CHUNK_BYTES, decode_content=False):
                watch.received(len(chunk))
                self._count(len(chunk), as_content)
                yield chunk
                watch.resume()
        except urllib3.exceptions.HTTPError as error:
            raise OriginError(
                "origin.unreachable", f"The connection to {response.url} broke off: {quoted(str(error))}."
            ) from error
        finally:
            response.close()

    def _count(self, size_bytes: int, as_content: bool) -> None:
        with self._lock:
            self.content_bytes += size_bytes if as_content else 0
            self.metadata_bytes += 0 if as_content else size_bytes

    # ---------------------------------------------------------------- requests

    def _request(self, url: str, headers: Mapping[str, str], watch: Watch) -> requests.Response:
        """The answer to a GET, redirects followed by hand."""
        for _ in range(_REDIRECTS_MAX):
            self._check(url)
            response = self._send(url, headers, watch)
            if response.status_code not in _REDIRECTS:
                return _accepted(response)
            response.close()
            target = _target(url, response.headers.get("Location", ""))
            if url.startswith("https:") and not target.startswith("https:"):
                raise OriginError("origin.host_refused", f"{url} redirects to {target}, without encryption.", url=url)
            url = target
        raise OriginError("origin.protocol", f"{url}: too many redirects.", url=url)

    def _check(self, url: str) -> None:
        """Only listed hosts, not nearer than the feed itself, only https; plain http only to this machine."""
        parts = urlsplit(url)
        host, named = parts.hostname or "", parts.username is not None
        plain = parts.scheme == "http" and host in _LOOPBACK
        is_listed = host in self._hosts and reach.may_name(url, self.near)
        if not is_listed or named or not (plain or parts.scheme == "https"):
            raise OriginError("origin.host_refused", f"{url} is not an address that this feed may use.", url=url)

    def _send(self, url: str, headers: Mapping[str, str], watch: Watch) -> requests.Response:
        """One GET, its body unread. Not by a requests.Session: that one reads a redirect's body, however long it is."""
        transport = self._transport()
        transport.watch = watch
        local = urlsplit(url).hostname in _LOOPBACK
        watch.check()
        try:
            return transport.send(
                requests.Request("GET", url, {**_HEADERS, **headers}).prepare(),
                stream=True,
                timeout=(self._patience.connect_s, self._patience.document_s),
                proxies={} if local else get_environ_proxies(url),
            )
        except requests.RequestException as error:
            code = "origin.certificate" if "certificate" in str(error).lower() else "origin.unreachable"
            raise OriginError(code, f"{url} cannot be reached: {_reason(error)}.", url=url) from error

    def _transport(self) -> "_Transport":
        """This thread's own connections."""
        transport: _Transport | None = getattr(self._mine, "transport", None)
        if transport is None:
            transport = self._mine.transport = _Transport(self._context, self._dial)
            with self._lock:
                self._transports.append(transport)
        return transport

    def _dial(self, host: str, port: int, watch: Watch, *, is_proxy: bool) -> socket.socket:
        """A new connection, to where this feed may lead us; to a proxy, wherever the player has it."""
        is_first = self._near is None and host == self._pinned

        def admits(address: str) -> bool:
            there = reach.of_address(address)
            return is_proxy or is_allowed(there, there if is_first else self.near)

        sock = dial(host, port, admits, watch, self._patience)
        if is_first and not is_proxy:
            self._near = reach.of_address(sock.getpeername()[0])
        return sock


def _trusting(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca:
        try:
            context.load_verify_locations(cafile=ca)
        except OSError as error:  # ssl.SSLError is one
            raise UsageError("usage.argument", f"{ca} holds no certificate authority: {error}.", path=ca) from error
    return context


def _target(url: str, location: str) -> str:
    try:
        target = urljoin(url, location)
    except ValueError:
        target = ""
    if not target.isprintable() or not 0 < len(target) <= _ADDRESS_LENGTH:
        raise OriginError("origin.protocol", f"{url} redirects to {quoted(location)}, which is no address.", url=url)
    return target


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
    raise OriginError("origin.status", f"{url} answered with status {status}.", url=url, status=status)


def _reason(error: BaseException) -> str:
    """The innermost of the wrapped errors, which says what happened."""
    inner = getattr(error, "reason", None) or next((arg for arg in error.args if isinstance(arg, BaseException)), None)
    return _reason(inner) if isinstance(inner, BaseException) else quoted(str(error)).rstrip(".")


class _Connect(Protocol):
    def __call__(self, *args: Any, **options: Any) -> Any: ...


class _Transport(HTTPAdapter):
    """requests' connections with the two things it has no setting for: our trust, and our watch on each answer."""

    def __init__(self, context: ssl.SSLContext, dials: Callable[..., socket.socket]) -> None:
        self._context = context
        self.dials = dials
        self.watch: Watch
        super().__init__()

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
        return pool

    def _connect(self, connect: _Connect, *args: Any, **options: Any) -> Any:
        connection = connect(*args, **options)
        connection.transport = self
        connection.response_class = functools.partial(self._answer, connection.response_class)
        return connection

    def _answer(self, answer: _Connect, sock: Any, *args: Any, **options: Any) -> Any:
        response = answer(sock, *args, **options)
        response.fp = io.BufferedReader(Incoming(sock, response.fp.detach(), self.watch))
        return response


class _Connection(HTTPConnection):
    """One that is dialled by us."""

    transport: _Transport

    def _new_conn(self) -> socket.socket:
        host = self._dns_host.strip("[]")
        return self.transport.dials(host, self.port, self.transport.watch, is_proxy=self.proxy is not None)


class _SecureConnection(_Connection, HTTPSConnection):
    """The same, encrypted."""

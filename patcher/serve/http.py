"""A small HTTP/1.1 server whose answers are a few bytes or a range of a file; with TLS if a context is given.

Each connection has one thread of a bounded number, is kept alive, and does its TLS handshake there. A host and a
network have at most a share of the connections, and a silent one is closed after `HEAD_S`. Requests are parsed strictly
(RFC 9112) and have at most `HEAD_BYTES`; others are answered with 400 and closed.
"""

import contextlib
import email.utils
import math
import os
import re
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from io import FileIO

from patcher.closing import Closing
from patcher.errors import UsageError
from patcher.serve.budgets import Budget

HEAD_BYTES = 16 * 1024
MAX_CONNECTIONS = 256
HOST_CONNECTIONS = 32
NETWORK_CONNECTIONS = 64
_CHUNK_BYTES = 256 * 1024
_BODY_BYTES = 64 * 1024
HEAD_S = 5.0
"""Time from the beginning of a connection, or the last answer, to the end of the next request; also of a handshake."""
_SEND_S = 30.0
"""Time for one chunk: a client slower than about 9 kB/s is disconnected."""

_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) (?:(?i:https?)://[^/?#\s]*)?(/\S{0,8191}) HTTP/1\.([01])", re.ASCII)
"""The target is a path, or a whole URL as a proxy gets it (RFC 9112 §3.2)."""
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. ``path`` and ``query`` are as sent, percent-encoded; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    host: str
    """The client's IP address."""
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class FileBody:
    """A range of the bytes of an open, unbuffered file that the server sends and then closes."""

    file: FileIO
    part: range


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. Content-Length and Date are added; for HEAD the body is left out."""

    status: HTTPStatus
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | FileBody = b""


Handler = Callable[[HttpRequest], Answer]


class HttpServer(Closing):
    """Listens from construction until `close`; use it as a context manager.

    ``port`` 0 takes a free one. ``life_s``: the longest time that a connection is kept. ``taken``: a socket that
    listens already.
    Raises UsageError (usage.port) when it cannot listen there.
    """

    def __init__(
        self,
        host: str,
        port: int,
        handler: Handler,
        *,
        context: ssl.SSLContext | None = None,
        life_s: float = math.inf,
        taken: socket.socket | None = None,
    ) -> None:
        self._handler, self._context = handler, context
        self._listener = taken or listen(socket.SOCK_STREAM, host, port)
        self.port: int = self._listener.getsockname()[1]
        self._stopping = threading.Event()
        self._life_s = life_s
        self._shares = Budget(HOST_CONNECTIONS, NETWORK_CONNECTIONS)
        self._slots = threading.Semaphore(MAX_CONNECTIONS)
        self._open: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self._wake, self._waker = socket.socketpair()
        self._accepting = threading.Thread(target=self._accept_all, name=f"http-{self.port}")
        self._accepting.start()

    def close(self) -> None:
        """Stop listening, cut open connections, and return when every thread has ended."""
        self._stopping.set()
        self._waker.close()
        self._slots.release()
        self._accepting.join()
        with self._lock:
            threads = list(self._open)
            for connection in self._open.values():
                cut(connection)
        for thread in threads:
            thread.join()
        self._listener.close()
        self._wake.close()

    def _answered(self, request: HttpRequest, answer: Answer, sent_bytes: int) -> None:
        """Called in the connection's thread; ``sent_bytes`` of the body were sent."""

    def _accept_all(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while True:
                self._slots.acquire()
                selector.select()
                if self._stopping.is_set():
                    return
                if not self._accept():
                    self._slots.release()

    def _accept(self) -> bool:
        try:
            connection, address = self._listener.accept()
        except OSError:  # gone again, or no file descriptor left: the others need a moment to end
            self._stopping.wait(0.05)
            return False
        host = plain_host(address[0])
        with self._lock:
            if has_share := self._shares.take(compact(host)):
                thread = threading.Thread(target=self._serve, args=(connection, host), name=f"http-{self.port}-{host}")
                self._open[thread] = connection
                thread.start()
        if not has_share:
            connection.close()
        return has_share

    def _serve(self, connection: socket.socket, host: str) -> None:
        end = time.monotonic() + self._life_s
        try:
            with contextlib.suppress(OSError), self._wrapped(connection) as wrapped:
                wrapped.settimeout(HEAD_S)
                if isinstance(wrapped, ssl.SSLSocket):
                    wrapped.do_handshake()
                buffer = bytearray()
                while self._serve_one(wrapped, buffer, host, end):
                    pass
        finally:
            with self._lock:
                del self._open[threading.current_thread()]
                self._shares.free(compact(host))
            self._slots.release()

    def _wrapped(self, connection: socket.socket) -> socket.socket:
        with self._lock:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                self._open[threading.current_thread()] = connection
        return connection

    def _serve_one(self, connection: socket.socket, buffer: bytearray, host: str, end: float) -> bool:
        deadline = min(time.monotonic() + HEAD_S, end)
        try:
            request = _read_request(connection, buffer, host, deadline)
        except ValueError as error:
            connection.sendall(_head(Answer(HTTPStatus.BAD_REQUEST, body=str(error).encode()), False))
            return False
        if request is None:
            return False
        answer = self._handler(request)
        now = time.monotonic()
        keep_alive = request.keep_alive and now < end and not self._stopping.is_set()
        answer_head, sent = _head(answer, keep_alive), 0
        connection.settimeout(max(0.001, min(_SEND_S, end - now)))
        try:
            for chunk in _chunks(answer_head, answer.body, request.method == "HEAD"):
                connection.sendall(chunk)
                sent += len(chunk)
        finally:
            self._answered(request, answer, max(0, sent - len(answer_head)))
        return keep_alive


def parse_head(head: bytes, host: str = "") -> HttpRequest:
    """A request's head, without the empty line that ends it. Raises ValueError."""
    line, *lines = head.decode("latin-1").split("\r\n")
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise ValueError("not an HTTP/1.1 request line")
    headers: dict[str, str] = {}
    for text in lines:
        header = _HEADER.fullmatch(text)
        if header is None:
            raise ValueError("not a header line")
        name, value = header[1].lower(), header[2].rstrip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    path, _, query = match[2].partition("?")
    keep_alive = match[3] == "1" and "close" not in headers.get("connection", "").lower()
    return HttpRequest(match[1], path, query, headers, host, keep_alive)


def _read_request(connection: socket.socket, buffer: bytearray, host: str, deadline: float) -> HttpRequest | None:
    """The next request; None if the client is done. Bytes behind it stay in ``buffer``. Raises ValueError, OSError.

    A small body is read and ignored, so that the client reads the answer.
    """

    def receive() -> bool:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        connection.settimeout(left_s)
        data = connection.recv(HEAD_BYTES)
        buffer.extend(data)
        return bool(data)

    while (end := buffer.find(b"\r\n\r\n")) < 0 and len(buffer) <= HEAD_BYTES:
        if not receive():
            return None
    if not 0 <= end <= HEAD_BYTES:
        raise ValueError("the head is too long")
    request = parse_head(bytes(buffer[:end]), host)
    length = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers or not re.fullmatch(r"[0-9]{1,9}", length) or int(length) > _BODY_BYTES:
        raise ValueError("no body is accepted")
    request_bytes = end + 4 + int(length)
    while len(buffer) < request_bytes and receive():
        pass
    del buffer[:request_bytes]
    return request


def _head(answer: Answer, keep_alive: bool) -> bytes:
    length = len(answer.body.part if isinstance(answer.body, FileBody) else answer.body)
    lines = [
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Date: {email.utils.formatdate(usegmt=True)}",
        f"Content-Length: {length}",
        f"Connection: {'keep-alive' if keep_alive else 'close'}",
        *(f"{name}: {value}" for name, value in answer.headers),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _chunks(head: bytes, body: bytes | FileBody, head_only: bool) -> Iterator[bytes | memoryview]:
    """The head and then the body, in portions for the socket. The file of a body is closed at the end."""
    if isinstance(body, bytes):
        yield head if head_only else head + body
        return
    with body.file as file:
        yield head
        left = 0 if head_only else len(body.part)
        file.seek(body.part.start)
        view = memoryview(bytearray(min(left, _CHUNK_BYTES)))
        while left:
            count = file.readinto(view[:left])
            if not count:
                raise ConnectionAbortedError("the file became shorter while it was sent")
            yield view[:count]
            left -= count


def listen(kind: socket.SocketKind, host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A bound socket, listening if it is a stream. For ``::`` it also takes IPv4 if the system can.

    ``shared``: other sockets that say so, too, may have the port; each client stays with one of them.

    Raises UsageError (usage.port).
    """
    is_stream = kind == socket.SOCK_STREAM
    try:
        with contextlib.ExitStack() as on_error:
            sock = on_error.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind))
            if host == "::" and socket.has_dualstack_ipv6():
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            if is_stream and os.name == "posix":  # elsewhere it would let two programs share a port
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind((host, port))
            if is_stream:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted connections inherit it
                sock.listen(MAX_CONNECTIONS)
                sock.setblocking(False)
            on_error.pop_all()
    except (OSError, OverflowError) as error:
        message = f"Cannot listen on {host}, port {port}: {error}."
        raise UsageError("usage.port", message, host=host, port=port) from error
    return sock


def cut(connection: socket.socket) -> None:
    """End a connection that another thread reads or writes: for it, the stream ends, or an OSError is raised."""
    with contextlib.suppress(OSError):
        # Not connection.shutdown(): an SSLSocket's own would let its thread go on in plain text.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
        if os.name == "nt":  # there, who waits already is not woken by a shutdown
            socket.close(connection.detach())


def plain_host(host: str) -> str:
    """An IP address of a socket without its scope; an IPv4-mapped IPv6 address as IPv4."""
    return host.partition("%")[0].removeprefix("::ffff:")


def compact(host: str, port: int = 0) -> bytes:
    """A plain IP address and a port as trackers write them: 6 bytes (BEP 23) or 18 (BEP 7)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.inet_pton(family, host) + port.to_bytes(2)


def url_host(host: str) -> str:
    """An IP address or name as it stands in a URL."""
    return f"[{host}]" if ":" in host else host

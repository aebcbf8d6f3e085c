"""A web server on 127.0.0.1 that serves files in memory honestly, and lies, stalls or breaks off when told to."""

import contextlib
import re
import socket
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from patcher.content.merkle import Ref, ref_of
from patcher.serve.http import cut

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass(frozen=True, slots=True)
class Request:
    """A GET as it came in; ``stop`` is set when the server closes, so that no answer waits for longer."""

    path: str
    headers: Mapping[str, str]
    stop: threading.Event


Answer = Callable[[Request, socket.socket], None]
"""Writes one answer; the connection is kept when it returns and closed when it raises `OSError`."""


def head(status: int, length: int | None, **headers: str) -> bytes:
    """A status line and headers; ``length`` None leaves Content-Length out."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    if length is not None:
        fields["Content-Length"] = str(length)
    lines = [f"HTTP/1.1 {status} Because", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode()


def says(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Any answer, complete."""

    def answer(request: Request, peer: socket.socket) -> None:
        peer.sendall(head(status, len(body), **headers) + body)

    return answer


def breaks_off(body: bytes, sent: int, start: int = 0) -> Answer:
    """Announces ``body`` from ``start`` on and closes after ``sent`` bytes of it."""
    answer = head(200, len(body))
    if start:
        answer = head(206, len(body) - start, Content_Range=f"bytes {start}-{len(body) - 1}/{len(body)}")

    def break_off(request: Request, peer: socket.socket) -> None:
        peer.sendall(answer + body[start : start + sent])
        raise ConnectionAbortedError

    return break_off


def drips(answer: bytes, at_once: int = 0) -> Answer:
    """Sends ``at_once`` bytes of a raw answer, then one byte each twentieth of a second."""

    def drip(request: Request, peer: socket.socket) -> None:
        peer.sendall(answer[:at_once])
        for place in range(at_once, len(answer)):
            if request.stop.wait(0.05):
                raise ConnectionAbortedError
            peer.sendall(answer[place : place + 1])

    return drip


class HostileOrigin:
    """Use it as a context. ``files`` stays the caller's and may change.

    ``answer`` scripts the next answers of a path; everything else is served honestly.
    """

    def __init__(
        self,
        files: dict[str, bytes] | None = None,
        certificate: tuple[Path, Path] | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.files = {} if files is None else files
        self.asked: list[Request] = []
        self.connections = 0
        self._scripts: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self._stop = threading.Event()
        self._peers: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._tls: ssl.SSLContext | None = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
        self._listener = socket.create_server((host, 0))
        self.port = int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        """The paths asked for so far, in order."""
        return [request.path for request in self.asked]

    def put(self, data: bytes) -> Ref:
        """Hold ``data`` as a content file."""
        ref = ref_of(data)
        self.files[content_path(ref)] = data
        return ref

    def answer(self, path: str, *answers: Answer) -> None:
        """The next requests of ``path`` get these answers, one each."""
        self._scripts[path].extend(answers)

    def forget_answers(self) -> None:
        """Serve everything honestly from now on."""
        self._scripts.clear()

    def wait_for_the_end_of_all_connections(self) -> None:
        """Return when the clients have closed them. Fails after ten seconds."""
        for thread in self._threads[1:]:
            thread.join(10)
            assert not thread.is_alive(), "a client keeps its connection"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):  # Windows: closing it wakes the thread
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            cut(peer)
        for thread in self._threads:
            thread.join()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, name="hostile origin")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._stop.is_set():
                peer, _ = self._listener.accept()
                self.connections += 1
                self._peers.append(peer)
                self._start(self._serve, peer)

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(plain.close)
            stack.enter_context(contextlib.suppress(OSError))
            peer = plain
            if self._tls:
                peer = self._tls.wrap_socket(plain, server_side=True)
                self._peers.append(peer)
                stack.callback(peer.close)
            lines = stack.enter_context(peer.makefile("rb"))
            while request := self._next(lines.readline):
                self.asked.append(request)
                script = self._scripts[request.path]
                (script.popleft() if script else self._honest)(request, peer)

    def _next(self, line: Callable[[], bytes]) -> Request | None:
        first = line().decode().split()
        if not first:
            return None
        headers = {}
        while field := line().decode().strip():
            name, _, value = field.partition(":")
            headers[name.strip().lower()] = value.strip()
        return Request(unquote(first[1]).lstrip("/"), headers, self._stop)

    def _honest(self, request: Request, peer: socket.socket) -> None:
        data = self.files.get(request.path)
        if data is None:
            peer.sendall(head(404, 0))
        elif match := _RANGE.fullmatch(request.headers.get("range", "")):
            first, last = int(match[1]), min(int(match[2]), len(data) - 1)
            body = data[first : last + 1]
            peer.sendall(head(206, len(body), Content_Range=f"bytes {first}-{last}/{len(data)}") + body)
        else:
            peer.sendall(head(200, len(data)) + data)


def content_path(ref: Ref) -> str:
    """Where a feed holds a content file."""
    return f"content/{ref.file}"

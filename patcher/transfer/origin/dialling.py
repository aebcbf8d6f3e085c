"""Connections to servers. A watchdog guards each wait: name look-up, connection, TLS handshake, and reads."""

import contextlib
import errno
import functools
import os
import selectors
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any

from patcher.errors import OriginError, UsageError
from patcher.transfer.origin.retry import LOOK_S
from patcher.transfer.origin.watchdog import Watchdog, on_duty

_CONNECTING = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK})


def dial(host: str, port: int, allows: Callable[[str], bool], watchdog: Watchdog) -> socket.socket:
    """A connection to the first address of ``host`` that answers and that ``allows`` accepts.

    The address that was judged is the one connected to: resolving the name differently a moment later gains nothing.
    All of it takes at most `RetryPolicy.connect_s`, of which each address that is left gets an equal share.

    Raises OSError, OriginError (origin.host_refused when no address is allowed), and what the watchdog raises.
    """
    policy = watchdog.policy
    until_s = policy.clock() + policy.connect_s
    found = _addresses(host, port, lambda: watchdog.check_connecting(until_s))
    allowed = [each for each in found if allows(each[4][0])]
    if not allowed:
        where = ", ".join(sorted({str(each[4][0]) for each in found}))
        text = f"{host} leads to {where:.200}, into a network that this feed may not use."
        raise OriginError("origin.host_refused", text, host=host)
    problem: OSError | None = None
    for number, (family, kind, protocol, _, address) in enumerate(allowed):
        now_s = policy.clock()
        share_s = now_s + (until_s - now_s) / (len(allowed) - number)
        check = functools.partial(watchdog.check_connecting, share_s)
        try:
            return _connected(_Socket(family, kind, protocol), address, check)
        except OSError as error:
            problem = error
    raise problem or OSError(f"{host} has no address")


def addresses(host: str, check: Callable[[], None]) -> set[str]:
    """The IP addresses that a name leads to now. Raises OSError, and what ``check`` raises, which is called often."""
    return {str(each[4][0]) for each in _addresses(host, 0, check)}


def _addresses(host: str, port: int, check: Callable[[], None]) -> list[Any]:
    """The addresses of a name. A resolver cannot be interrupted: its thread is left behind when ``check`` raises."""
    answer: futures.Future[list[Any]] = futures.Future()

    def resolve() -> None:
        try:
            answer.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            answer.set_exception(error)
        except UnicodeError as error:
            answer.set_exception(OSError(f"{host:.200} is not a valid name: {error}"))

    threading.Thread(target=resolve, name="resolver", daemon=True).start()
    while not futures.wait([answer], LOOK_S).done:
        check()
    return answer.result()


def _connected(sock: socket.socket, address: Any, check: Callable[[], None]) -> socket.socket:
    """The socket, connected. Raises OSError and what ``check`` raises; the socket is closed then."""
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(address)
        if code not in _CONNECTING:
            raise OSError(code, os.strerror(code))
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_WRITE)
            while not selector.select(LOOK_S):
                check()
        if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, os.strerror(code))
        sock.settimeout(LOOK_S)
    except BaseException:
        sock.close()
        raise
    return sock


def tls_context(ca: str) -> ssl.SSLContext:
    """Verifies servers by the system's authorities and those of the PEM file ``ca``. Handshake and reads are watched.

    Raises UsageError (usage.argument) when ``ca`` cannot be read.
    """
    context = ssl.create_default_context()
    context.sslsocket_class = _TlsSocket
    if ca:
        try:
            context.load_verify_locations(cafile=ca)
        except OSError as error:  # ssl.SSLError is one
            raise UsageError("usage.argument", f"{ca} holds no certificate authority: {error}.", path=ca) from error
    return context


class _Socket(socket.socket):
    """A TCP connection. The watchdog on duty ends its reads; a plain timeout would start again with every byte."""

    def recv_into(self, *args: Any) -> int:
        return int(_watched(super().recv_into, *args))


class _TlsSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        try:
            _watched(super().do_handshake, block)
        except BaseException:
            self.close()
            raise

    def read(self, size_bytes: int = 1024, buffer: Any = None) -> Any:
        """One record of TLS, at most 16 KiB, and into a ``buffer`` what else has come already.

        All that lies above costs ten times as much for each read as a record does.
        """
        got = _watched(super().read, size_bytes, buffer)
        if buffer is None or got == size_bytes:
            return got
        timeout_s, more = self.gettimeout(), got
        self.settimeout(0)
        try:
            with memoryview(buffer).cast("B") as view:
                while more and got < size_bytes:
                    more = super().read(size_bytes - got, view[got:])
                    got += more
        except OSError:  # nothing more has come, or the connection broke: the next read meets that again
            pass
        finally:
            self.settimeout(timeout_s)
        return got


def _watched(attempt: Callable[..., Any], *args: Any) -> Any:
    """Repeat an ``attempt`` that times out until the watchdog raises."""
    while True:
        on_duty.get().check()
        with contextlib.suppress(TimeoutError):
            return attempt(*args)

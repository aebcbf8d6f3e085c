"""Connections to servers, from the look-up of the name to the TLS handshake, each wait under the watchdog."""

import errno
import functools
import os
import selectors
import socket
import ssl
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from patcher.errors import OriginError
from patcher.transfer.origin.watchdog import LOOK_S, Watchdog

_ON_ITS_WAY = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK})


def dial(host: str, port: int, allows: Callable[[str], bool], watchdog: Watchdog) -> socket.socket:
    """A connection to the first address of ``host`` that answers and that ``allows`` accepts.

    The address that was judged is the one connected to, so a name that leads elsewhere a moment later gains nothing.
    All of it takes at most `Timeouts.connect_s`, of which each address that is left gets an equal share.

    Raises OSError, OriginError (origin.host_refused when no address is allowed), and what the watchdog raises.
    """
    timeouts = watchdog.timeouts
    until_s = timeouts.clock() + timeouts.connect_s
    found = _addresses(host, port, lambda: watchdog.check_connecting(until_s))
    allowed = [each for each in found if allows(each[4][0])]
    if not allowed:
        where = ", ".join(sorted({str(each[4][0]) for each in found}))
        text = f"{host} leads to {where:.200}, into a network that this feed may not use."
        raise OriginError("origin.host_refused", text, host=host)
    problem: OSError | None = None
    for number, (family, kind, protocol, _, address) in enumerate(allowed):
        now_s = timeouts.clock()
        share_s = now_s + (until_s - now_s) / (len(allowed) - number)
        check = functools.partial(watchdog.check_connecting, share_s)
        try:
            return _connected(socket.socket(family, kind, protocol), address, check)
        except OSError as error:
            problem = error
    raise problem or OSError(f"{host} has no address")


def _addresses(host: str, port: int, check: Callable[[], None]) -> list[Any]:
    """The addresses of a name. A resolver cannot be interrupted: its thread is left behind when ``check`` raises."""
    answers: SimpleQueue[list[Any] | OSError] = SimpleQueue()

    def resolve() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            answers.put(error)
        except UnicodeError as error:
            answers.put(OSError(f"{host:.200} is no name: {error}"))

    threading.Thread(target=resolve, name="resolver", daemon=True).start()
    while True:
        try:
            answer = answers.get(timeout=LOOK_S)
        except Empty:
            check()
        else:
            if isinstance(answer, OSError):
                raise answer
            return answer


def _connected(sock: socket.socket, address: Any, check: Callable[[], None]) -> socket.socket:
    """The socket, connected. Raises OSError and what ``check`` raises; the socket is closed then."""
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(address)
        if code not in _ON_ITS_WAY:
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


def watched(context: ssl.SSLContext, watchdog: Callable[[], Watchdog]) -> ssl.SSLContext:
    """The context, with each handshake under the watchdog that ``watchdog`` returns in its thread."""

    class Handshake(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            self.settimeout(LOOK_S)
            try:
                while not self._is_done(block):
                    watchdog().check()
            except BaseException:
                self.close()
                raise

        def _is_done(self, block: bool) -> bool:
            try:
                super().do_handshake(block)
            except TimeoutError:
                return False
            return True

    context.sslsocket_class = Handshake
    return context

"""Connections to servers, from the name to the handshake. Nothing here blocks for longer than a look at the watch."""

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
from patcher.transfer.origin.retry import LOOK_UP_S, RetryPolicy, Watch

_ON_ITS_WAY = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK})


def dial(host: str, port: int, admits: Callable[[str], bool], watch: Watch, patience: RetryPolicy) -> socket.socket:
    """A connection to ``host``: to the first of its addresses that answers, and that ``admits`` lets us use.

    An address is judged and then connected to, so a name that leads elsewhere a moment later gains nothing by it. All
    of it takes at most ``connect_s``, of which each address that is left gets an equal share.

    Raises OSError, OriginError (origin.host_refused when no address is admitted), and what the watch raises.
    """
    until_s = patience.clock() + patience.connect_s
    found = _addresses(host, port, lambda: watch.look(until_s))
    admitted = [each for each in found if admits(each[4][0])]
    if not admitted:
        where = ", ".join(sorted({str(each[4][0]) for each in found}))
        text = f"{host} leads to {where:.200}, into a network that this feed may not use."
        raise OriginError("origin.host_refused", text, host=host)
    problem: OSError | None = None
    for number, (family, kind, protocol, _, address) in enumerate(admitted):
        now_s = patience.clock()
        share_s = now_s + (until_s - now_s) / (len(admitted) - number)
        try:
            return _connected(socket.socket(family, kind, protocol), address, functools.partial(watch.look, share_s))
        except OSError as error:
            problem = error
    raise problem or OSError(f"{host} has no address")


def _addresses(host: str, port: int, look: Callable[[], None]) -> list[Any]:
    """What the name leads to. A resolver cannot be interrupted: it is left behind when ``look`` raises."""
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
            answer = answers.get(timeout=LOOK_UP_S)
        except Empty:
            look()
        else:
            if isinstance(answer, OSError):
                raise answer
            return answer


def _connected(sock: socket.socket, address: Any, look: Callable[[], None]) -> socket.socket:
    """The socket, connected. Raises OSError and what ``look`` raises; it is closed then."""
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(address)
        if code not in _ON_ITS_WAY:
            raise OSError(code, os.strerror(code))
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_WRITE)
            while not selector.select(LOOK_UP_S):
                look()
        if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, os.strerror(code))
        sock.settimeout(LOOK_UP_S)
    except BaseException:
        sock.close()
        raise
    return sock


def patient(context: ssl.SSLContext, watch: Callable[[], Watch]) -> ssl.SSLContext:
    """The context, its handshakes looked after by the watch of whoever makes one."""

    class Handshake(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            self.settimeout(LOOK_UP_S)
            try:
                while not self._is_done(block):
                    watch().check()
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

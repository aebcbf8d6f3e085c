"""One tracker in several processes that listen on the same ports (SO_REUSEPORT): the system spreads the clients.

Each process holds all peers; they hear of each other's by `LocalLink`. This one listens nowhere itself: it hands out
the sockets and the list of allowed swarms, and adds up the counters.
"""

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from patcher.closing import Closing
from patcher.serve.counters import TrackerCounts
from patcher.serve.exchange import Link, LocalLink
from patcher.serve.http import listen, url_host
from patcher.serve.redis_link import RedisLink
from patcher.serve.sites import Sites
from patcher.serve.tracker import INTERVAL_S, Endpoint, Open, Tracker, ttl_s

_EVERY_S = 2.0
_BUFFER_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class TrackerPlan:
    """What each process of a tracker gets, but for its own sockets."""

    http: Endpoint | None
    udp: Endpoint | None
    sites: Sites | None = None
    store: str = ""
    interval_s: int = INTERVAL_S

    def links(self) -> list[Link]:
        """The way to other trackers. Raises UsageError (usage.store)."""
        return [RedisLink(self.store, ttl_s(self.interval_s))] if self.store else []


class Workers(Closing):
    """The processes, from construction until `close`. ``allowed`` gives the swarms that are served now, if not all.

    Raises UsageError (usage.port, usage.store).
    """

    def __init__(self, plan: TrackerPlan, count: int, allowed: Callable[[], frozenset[bytes]] | None = None) -> None:
        self._allowed = allowed
        for link in plan.links():  # a wrong address is said here
            link.close()
        with contextlib.ExitStack() as ours:
            plan, sockets = _taken(plan, count, ours)
            pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(count)]
            for pair in pairs:
                for end in pair:
                    ours.enter_context(end)
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            context, secret = multiprocessing.get_context("spawn"), os.urandom(32)
            self._pipes: list[Connection] = []
            self._processes = []
            for number in range(count):
                inbox, others = pairs[number][0], [pair[1] for at, pair in enumerate(pairs) if at != number]
                near, far = context.Pipe()
                first = allowed() if allowed else None
                args = (far, plan, sockets[number], inbox, others, secret, first)
                process = context.Process(target=_work, args=args, daemon=True)
                process.start()
                far.close()
                self._pipes.append(near)
                self._processes.append(process)
            for pipe in self._pipes:
                pipe.recv()
        self.http_url = f"http://{url_host(plan.http[0])}:{plan.http[1]}/announce" if plan.http else ""
        self.udp_url = f"udp://{url_host(plan.udp[0])}:{plan.udp[1]}/announce" if plan.udp else ""
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._keep_told, name="workers")
        self._thread.start()

    def tally(self) -> TrackerCounts:
        """The numbers of all processes together."""
        return TrackerCounts.total(self._ask(None))

    def is_whole(self) -> bool:
        """Whether all processes run."""
        return all(process.is_alive() for process in self._processes)

    def close(self) -> None:
        """End the processes."""
        self._end.set()
        self._thread.join()
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join()

    def _ask(self, allowed: frozenset[bytes] | None) -> list[TrackerCounts]:
        with self._lock:
            found = []
            for pipe in self._pipes:
                with contextlib.suppress(OSError, EOFError):
                    pipe.send(allowed)
                    found.append(pipe.recv())
            return found

    def _keep_told(self) -> None:
        known = None
        while not self._end.wait(_EVERY_S):
            if self._allowed and (now := self._allowed()) != known:
                known = now
                self._ask(now)


def _taken(plan: TrackerPlan, count: int, ours: contextlib.ExitStack) -> tuple[TrackerPlan, list[Open]]:
    """Sockets for each process, and the plan with their ports. A port that others have taken is refused."""
    http, streams = _shared(socket.SOCK_STREAM, plan.http, count, ours)
    udp, datagrams = _shared(socket.SOCK_DGRAM, plan.udp, count, ours)
    return replace(plan, http=http, udp=udp), list(zip(streams, datagrams, strict=True))


def _shared(
    kind: socket.SocketKind, place: Endpoint | None, count: int, ours: contextlib.ExitStack
) -> tuple[Endpoint | None, list[socket.socket] | list[None]]:
    if place is None:
        return None, [None] * count
    with listen(kind, *place) as probe:
        found = place[0], int(probe.getsockname()[1])
    return found, [ours.enter_context(listen(kind, *found, shared=True)) for _ in range(count)]


def _work(
    pipe: Connection,
    plan: TrackerPlan,
    taken: Open,
    inbox: socket.socket,
    others: Sequence[socket.socket],
    secret: bytes,
    served: frozenset[bytes] | None,
) -> None:
    """One process: a tracker until the pipe ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the first process ends the others
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(format="%(message)s")
    links: list[Link] = [LocalLink(inbox, others), *plan.links()]

    def allowed(info_hash: bytes) -> bool:
        return served is None or info_hash in served

    with Tracker(
        plan.http,
        plan.udp,
        interval_s=plan.interval_s,
        allowed=allowed,
        sites=plan.sites,
        links=links,
        secret=secret,
        taken=taken,
    ) as tracker:
        pipe.send(None)
        with contextlib.suppress(EOFError, OSError):
            while True:
                asked = pipe.recv()
                served = served if asked is None else asked
                pipe.send(tracker.tally())

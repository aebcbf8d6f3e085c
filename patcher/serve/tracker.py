"""A tracker over HTTP (BEP 3, 7, 23, 48) and UDP (BEP 15).

A peer's address is the source of its packet; it names only its port, which is 1024 or higher. So nobody can direct
peers to a third party. Trackers use the first 20 bytes of the SHA-256 info hash of v2 torrents (BEP 52); a whole one is
cut.
"""

import contextlib
import hashlib
import hmac
import os
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

import bencode2

from patcher.closing import Closing
from patcher.serve.addresses import split
from patcher.serve.budgets import DEFAULT_LIMITS, IPV4_BYTES, IPV6_BYTES, Budget, Limits
from patcher.serve.counters import TrackerCounts
from patcher.serve.exchange import Exchange, Link
from patcher.serve.http import Answer, HttpRequest, HttpServer, compact, listen, plain_host, url_host
from patcher.serve.peers import INFO_HASH_BYTES, Announce, AnnounceEvent, Counts, Peers
from patcher.serve.sites import Sites

INTERVAL_S = 900
"""The longest interval. Answers differ by an eighth, so that peers that came together do not return together."""
MIN_INTERVAL_S = 60
WANT = 50
"""Peers in an answer if the client names no number."""
MAX_WANT = 200
MAX_WANT_UDP_IPV6 = 64
"""Such an answer fits into a packet of 1,232 bytes, which every path carries. So do 200 addresses of IPv4."""
SCRAPE_LIMIT = 74
CONNECTION_S = 10.0
"""An HTTP announce needs a second. No client may keep a connection by asking again and again."""

_PROTOCOL = 0x41727101980
_CONNECT, _ANNOUNCE, _SCRAPE, _ERROR = range(4)
_HEAD = struct.Struct("!QII")
_ANNOUNCE_BODY = struct.Struct("!20s20sQQQIIIiH")
_COUNTS = struct.Struct("!III")
_ID_LIFE_S = 120
_ID_CYCLE_S = 256
_RECEIVE_BUFFER_BYTES = 4 << 20
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (where to find oneself when listening everywhere)
_LOOK = struct.pack("ll", 0, 200_000)
"""A fifth of a second."""
_EVENTS = {b"started": AnnounceEvent.STARTED, b"completed": AnnounceEvent.COMPLETED, b"stopped": AnnounceEvent.STOPPED}

Endpoint = tuple[str, int]
"""Host and port."""
_ANY_PORT = ("127.0.0.1", 0)
Allowed = Callable[[bytes], bool]
"""Whether a swarm may exist, by its 20-byte info hash."""


Open = tuple[socket.socket | None, socket.socket | None]
"""Bound sockets for HTTP and UDP."""


class Refused(Exception):
    """An announce or scrape that is answered with an error; the text is for the client."""

    reason = "wrong"
    """For the counters."""


class _NotServed(Refused):
    reason = "not_served"


class _TooMany(Refused):
    reason = "too_many"


class _Unproven(Refused):
    reason = "connection_id"


class Swarms:
    """The state of both protocols: the peers with their lock, the allowed swarms, the budget of requests.

    ``clock`` is monotonic and in seconds.
    """

    def __init__(
        self,
        interval_s: int,
        allowed: Allowed | None,
        limits: Limits = DEFAULT_LIMITS,
        sites: Sites | None = None,
        clock: Callable[[], float] = time.monotonic,
        news: Callable[[Announce], None] | None = None,
    ) -> None:
        self._interval_s = interval_s
        self._allowed = allowed
        self._clock = clock
        self._lock = threading.Lock()
        refresh_s = interval_s // 4 if news else 0
        self._peers = Peers(ttl_s(interval_s), limits, sites, refresh_s=refresh_s, news=news)
        self._announces = self._scrapes = 0
        self._refused = Counter[str]()
        self._asks = Budget(limits.host_asks, limits.network_asks)
        self._window_s = limits.window_s
        self._window = 0

    def announce(self, ask: Announce, wants: Mapping[int, int]) -> tuple[Counts, list[bytes]]:
        """Note a peer. Returns the swarm's numbers, and addresses of each wanted family (6 or 18). Raises Refused."""
        with self._lock:
            now = int(self._clock())
            self._note_ask(ask.address, now)
            if self._allowed is not None and not self._allowed(ask.info_hash):
                raise _NotServed("this swarm is not served here")
            self._announces += 1
            counts = self._peers.announce(ask, now)
            return counts, [self._peers.sample(ask, width, want) for width, want in wants.items()]

    def counts(self, asker: bytes, info_hashes: Sequence[bytes]) -> list[Counts]:
        """The numbers of some swarms, for a compact address. Raises Refused."""
        with self._lock:
            self._note_ask(asker, int(self._clock()))
            self._scrapes += 1
            return [self._peers.counts(info_hash) for info_hash in info_hashes]

    def hear(self, asks: Sequence[Announce], age_s: int) -> None:
        """Note peers of another tracker, which announced so many seconds ago."""
        with self._lock:
            now = max(0, int(self._clock()) - age_s)
            for ask in asks:
                if self._allowed is None or self._allowed(ask.info_hash):
                    self._peers.note(ask, now)

    def refused(self, refused: Refused) -> None:
        """Count a refusal."""
        self._refused[refused.reason] += 1

    def tally(self) -> TrackerCounts:
        """What it has done and holds, in numbers."""
        with self._lock:
            counted = self._announces, self._scrapes, dict(self._refused)
            return TrackerCounts(*counted, len(self._peers), self._peers.swarms())

    def interval_s(self) -> int:
        """The time until the next announce."""
        return self._interval_s - int(random.random() * (self._interval_s // 8 + 1))

    def _note_ask(self, address: bytes, now: int) -> None:
        window = now // self._window_s
        if window != self._window:
            self._window = window
            self._asks.clear()
        if not self._asks.take(address):
            raise _TooMany("too many questions from this address, ask again later")


def ttl_s(interval_s: int) -> int:
    """How long a silent peer stays."""
    return 2 * interval_s + MIN_INTERVAL_S


class Tracker(Closing):
    """Listens from construction until `close`; use it as a context manager.

    ``http`` and ``udp`` are host and port; port 0 takes a free one, None leaves that protocol out. ``http_url`` and
    ``udp_url`` are the URLs for a feed. It shares its peers with other trackers by ``links``. The processes of one
    tracker have a ``secret`` and each its own ``taken`` sockets. Raises UsageError (usage.port).
    """

    def __init__(
        self,
        http: Endpoint | None = _ANY_PORT,
        udp: Endpoint | None = _ANY_PORT,
        *,
        interval_s: int = INTERVAL_S,
        allowed: Allowed | None = None,
        limits: Limits = DEFAULT_LIMITS,
        sites: Sites | None = None,
        links: Sequence[Link] = (),
        secret: bytes = b"",
        taken: Open = (None, None),
    ) -> None:
        exchanges = [Exchange(link) for link in links]

        def tell(ask: Announce) -> None:
            for exchange in exchanges:
                exchange.note(ask)

        swarms = Swarms(interval_s, allowed, limits, sites, news=tell if exchanges else None)
        self.tally = swarms.tally
        self.http_url = self.udp_url = ""
        with contextlib.ExitStack() as stack:
            for exchange in exchanges:
                stack.enter_context(exchange)
                exchange.begin(swarms.hear)
            if http:
                side = HttpSide(swarms)
                server = stack.enter_context(HttpServer(*http, side.answer, life_s=CONNECTION_S, taken=taken[0]))
                self.http_url = f"http://{url_host(http[0])}:{server.port}/announce"
            if udp:
                udp_server = stack.enter_context(_UdpServer(*udp, UdpSide(swarms, secret=secret).answer, taken[1]))
                self.udp_url = f"udp://{url_host(udp[0])}:{udp_server.port}/announce"
            self._servers = stack.pop_all()

    def is_whole(self) -> bool:
        """Whether all of it runs."""
        return True

    def close(self) -> None:
        """Stop; returns when both sides have ended."""
        self._servers.close()


# ---------------------------------------------------------------- HTTP


class HttpSide:
    """Announce and scrape as HTTP requests; every refusal is a bencoded ``failure reason``, as clients expect."""

    def __init__(self, swarms: Swarms) -> None:
        self._swarms = swarms

    def answer(self, request: HttpRequest) -> Answer:
        """One request."""
        verbs = {"/announce": self._announce, "/scrape": self._scrape}
        verb = verbs.get(request.path)
        if verb is None or request.method not in ("GET", "HEAD"):
            return Answer(HTTPStatus.NOT_FOUND, (("Content-Type", "text/plain"),), b"no such thing here\n")
        try:
            body = verb(_parameters(request.query), request.host)
        except Refused as refused:
            self._swarms.refused(refused)
            body = {b"failure reason": str(refused).encode()}
        headers = (("Content-Type", "text/plain"), ("Cache-Control", "no-store"))
        return Answer(HTTPStatus.OK, headers, bencode2.bencode(body))

    def _announce(self, given: Mapping[str, list[bytes]], host: str) -> Mapping[bytes, object]:
        info_hash, peer_id = _info_hash(_one(given, "info_hash")), _one(given, "peer_id")
        if len(peer_id) != 20:
            raise Refused("peer_id is not 20 bytes")
        port = _number(given, "port", 0xFFFF)
        # A client that does not know yet omits `left`: it wants something.
        left, want = _number(given, "left", 2**63, default=1), _number(given, "numwant", 2**31, default=WANT)
        event = _EVENTS.get(given.get("event", [b""])[0], AnnounceEvent.NONE)
        ask = Announce(info_hash, compact(host, port), left, event)
        most = min(want, MAX_WANT)
        counts, (peers, peers6) = self._swarms.announce(ask, {IPV4_BYTES: most, IPV6_BYTES: most})
        interval_s = self._swarms.interval_s()
        body = {
            b"interval": interval_s,
            b"min interval": min(MIN_INTERVAL_S, interval_s),
            b"complete": counts.complete,
            b"incomplete": counts.incomplete,
        }
        if given.get("compact") == [b"0"]:
            return {**body, b"peers": [*_spelled_out(peers, IPV4_BYTES), *_spelled_out(peers6, IPV6_BYTES)]}
        return {**body, b"peers": peers, **({b"peers6": peers6} if peers6 else {})}

    def _scrape(self, given: Mapping[str, list[bytes]], host: str) -> Mapping[bytes, object]:
        info_hashes = [_info_hash(value) for value in given.get("info_hash", [])[: SCRAPE_LIMIT + 1]]
        if not 1 <= len(info_hashes) <= SCRAPE_LIMIT:
            raise Refused(f"name 1 to {SCRAPE_LIMIT} info hashes")
        counts = self._swarms.counts(compact(host, 0), info_hashes)
        files = {
            info_hash: {b"complete": c.complete, b"downloaded": c.downloaded, b"incomplete": c.incomplete}
            for info_hash, c in zip(info_hashes, counts, strict=True)
        }
        return {b"files": files}


def _parameters(query: str) -> dict[str, list[bytes]]:
    given: dict[str, list[bytes]] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        given.setdefault(name, []).append(unquote_to_bytes(value))
    return given


def _one(given: Mapping[str, list[bytes]], name: str) -> bytes:
    values = given.get(name, [])
    if len(values) != 1:
        raise Refused(f"{name} is missing, or there twice")
    return values[0]


def _number(given: Mapping[str, list[bytes]], name: str, most: int, default: int | None = None) -> int:
    if default is not None and given.get(name, [b"-1"]) == [b"-1"]:
        return default
    text = _one(given, name)
    if not text.isdigit() or len(text) > 19 or int(text) > most:
        raise Refused(f"{name} is not a number that fits")
    return int(text)


def _info_hash(value: bytes) -> bytes:
    if len(value) not in (INFO_HASH_BYTES, 32):
        raise Refused("info_hash is not 20 or 32 bytes")
    return value[:INFO_HASH_BYTES]


def _spelled_out(addresses: bytes, width: int) -> list[dict[bytes, object]]:
    family = socket.AF_INET if width == IPV4_BYTES else socket.AF_INET6
    found = split(addresses, width)
    return [{b"ip": socket.inet_ntop(family, a[:-2]).encode(), b"port": int.from_bytes(a[-2:])} for a in found]


# ---------------------------------------------------------------- UDP


class UdpSide:
    """BEP 15: packet in, packet out. The answer to an unproven address is no longer than its packet.

    A connection id proves an address for two minutes. It is a keyed hash of the address and the second of its issue, so
    no state is kept for clients.
    """

    def __init__(self, swarms: Swarms, clock: Callable[[], float] = time.monotonic, secret: bytes = b"") -> None:
        self._swarms = swarms
        self._clock = clock
        self._secret = secret or os.urandom(32)

    def answer(self, packet: bytes, host: str, port: int) -> bytes | None:
        """The answer to a packet; None if it is no request."""
        if len(packet) < _HEAD.size:
            return None
        connection, action, transaction = _HEAD.unpack_from(packet)
        reply, address = struct.pack("!II", action, transaction), compact(host, port)
        if action == _CONNECT:
            if connection != _PROTOCOL:
                return None
            return reply + self._id(address, int(self._clock()))
        if action not in (_ANNOUNCE, _SCRAPE):  # an error, too: two trackers must not answer each other for ever
            return None
        is_proven = self._is_ours(packet[:8], address)
        try:
            if not is_proven:
                raise _Unproven("connection id expired")
            verb = self._announce if action == _ANNOUNCE else self._scrape
            return reply + verb(packet, address)
        except Refused as refused:
            self._swarms.refused(refused)
            error = struct.pack("!II", _ERROR, transaction) + str(refused).encode()
            return error if is_proven or len(error) <= len(packet) else None

    def _announce(self, packet: bytes, address: bytes) -> bytes:
        if len(packet) < _HEAD.size + _ANNOUNCE_BODY.size:
            raise Refused("the announce is too short")
        # Extensions (BEP 41) may follow; they are ignored.
        info_hash, _, _, left, _, event, _, _, want, port = _ANNOUNCE_BODY.unpack_from(packet, _HEAD.size)
        if event > AnnounceEvent.STOPPED:
            raise Refused("unknown event")
        width = len(address)
        most = MAX_WANT if width == IPV4_BYTES else MAX_WANT_UDP_IPV6
        wants = {width: min(most, WANT if want < 0 else want)}
        ask = Announce(info_hash, address[:-2] + port.to_bytes(2), left, event)
        counts, (peers,) = self._swarms.announce(ask, wants)
        return _COUNTS.pack(self._swarms.interval_s(), counts.incomplete, counts.complete) + peers

    def _scrape(self, packet: bytes, address: bytes) -> bytes:
        hashes = packet[_HEAD.size :]
        if not 1 <= len(hashes) / INFO_HASH_BYTES <= SCRAPE_LIMIT or len(hashes) % INFO_HASH_BYTES:
            raise Refused(f"name 1 to {SCRAPE_LIMIT} info hashes of 20 bytes")
        counts = self._swarms.counts(address, split(hashes, INFO_HASH_BYTES))
        return b"".join(_COUNTS.pack(*count) for count in counts)

    def _id(self, address: bytes, second: int) -> bytes:
        """The last byte of the second, which leads back to it, and 7 bytes of the hash."""
        stamp = second.to_bytes(8, signed=True)
        return stamp[-1:] + hashlib.blake2b(address[:-2] + stamp, digest_size=7, key=self._secret).digest()

    def _is_ours(self, connection: bytes, address: bytes) -> bool:
        now = int(self._clock())
        age = (now - connection[0]) % _ID_CYCLE_S
        return age <= _ID_LIFE_S and hmac.compare_digest(connection, self._id(address, now - age))


class _UdpServer(Closing):
    """One thread that blocks in ``recvfrom``: four times as fast as an event loop, in half the lines."""

    def __init__(
        self, host: str, port: int, answer: Callable[[bytes, str, int], bytes | None], taken: socket.socket | None
    ) -> None:
        self._answer = answer
        self._socket = taken or listen(socket.SOCK_DGRAM, host, port)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        self.port: int = self._socket.getsockname()[1]
        if taken:  # by the system, since `settimeout` would cost a call more for each packet
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _LOOK)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"udp-{self.port}")
        self._thread.start()

    def close(self) -> None:
        """Stop, woken by a packet to itself, or if another process got that by the time out."""
        self._stopping = True
        host = self._socket.getsockname()[0]
        self._socket.sendto(b"", (_LOOPBACK.get(host, host), self.port))
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._stopping:
            try:
                packet, address = self._socket.recvfrom(2048)
                answer = self._answer(packet, plain_host(address[0]), address[1])
                if answer is not None:
                    self._socket.sendto(answer, address)
            except OSError:  # nothing came, an earlier answer had no receiver, or this one has no route
                continue

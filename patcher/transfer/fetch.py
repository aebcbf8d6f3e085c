"""Fetch the pieces of a torrent: from peers first, and from the origin what they do not have.

The torrent is a part's tree (its files in staging) or a patch pack (a file of the pack cache).
"""

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from patcher.errors import Cancelled, Missing, OriginError, ShoalError
from patcher.protocol.events import Sources
from patcher.transfer.origin.pool import REFUSALS, OriginPool, PieceSource
from patcher.transfer.sample import Arrived, Sample, piece_map
from patcher.transfer.swarm.picker import PiecePicker, Rules
from patcher.transfer.swarm.session import MAX_QUEUED_BYTES, Session
from patcher.transfer.swarm.swarm import Peer, Swarm
from patcher.transfer.swarm.torrent import Torrent
from patcher.transfer.without_peers import WithoutPeers

_SAMPLE_S = 0.1
_FLUSH_S = 0.5
"""Each flush closes the files and holds up all writing: flushing more often loses more in a kill, not less."""
_PAUSE_MAX_S = 0.4
"""Between two looks, however long one takes: a cancel is seen in between."""
_RETRY_S = 2.0
"""How long the origin is left alone after it could not be reached."""
_LEAST_BPS = 1024
"""A lower rate does not keep a fetch alive."""
_CHOKED_FACTOR = 4
"""Wait this many times longer when peers have missing pieces and only choke us, …"""
_PUNCH_FACTOR = 6
"""… and this many times while another player is met through two routers, which takes up to 24 s (measured)."""


@dataclass(frozen=True, slots=True)
class Want:
    """Which pieces of a torrent to fetch into its files. All others are left alone, but empty files may be made."""

    torrent: Torrent
    pieces: frozenset[int]
    have: frozenset[int] = frozenset()
    """Pieces that are verified and in place: they are offered to others at once and never written. `Torrent.held`
    finds them after an interruption."""

    @property
    def missing(self) -> frozenset[int]:
        """The pieces to fetch."""
        return self.pieces - self.have


def fetch(
    session: Session | None,
    wanted: Want,
    source: PieceSource | None,
    *,
    download_limit: Callable[[], int] = lambda: 0,
    rules: Rules | None = None,
) -> Generator[Arrived | Sample]:
    """Fetch the wanted pieces. Yields `Arrived` as pieces become readable, and a `Sample` about every 0.1 s.

    Close the generator to cancel: it ends within half a second. However it ends, the session has let go of the torrent
    and of its files then. The last sample comes after that and is complete.

    session: None means without peers, as does a session that allows none: pieces come straight from ``source``.
    source: where the origin has the pieces; None: nowhere.
    download_limit: bytes a second, as the limit stands now. It counts only without a session, which has its own.

    Raises OriginError when peers bring next to nothing for five seconds and the origin has failed: the origin's own
    error, or origin.no_source if it only lacks files or sent wrong bytes; without peers the origin's own error. Raises
    ContentError without peers when the origin's bytes are wrong three times; with peers the origin is left out then.
    Raises DiskError.
    """
    pieces = wanted.missing
    if not pieces:
        return
    with ExitStack() as stack:
        work: WithoutPeers | _WithPeers
        if session and session.settings.peers != "none":
            swarm = stack.enter_context(session.fetching(wanted.torrent, wanted.have, pieces))
            work = _WithPeers(session, swarm, source, rules or Rules())
        elif source:
            limit = (lambda: session.settings.download_limit_bps) if session else download_limit
            work = WithoutPeers(wanted.torrent, pieces, source, limit)
        else:
            raise _no_source(len(pieces), None)
        stack.callback(work.close)
        left, sampled_at = len(pieces), time.monotonic()
        while left:
            if arrived := work.step():
                left -= len(arrived)
                yield Arrived(arrived)
            if (now := time.monotonic()) - sampled_at >= _SAMPLE_S:
                sampled_at = now
                yield work.sample()
    yield work.sample()


def _no_source(count: int, cause: ShoalError | None) -> OriginError:
    """The error of a fetch without any source: what is wrong with the origin, if that is more than a missing file."""
    if isinstance(cause, OriginError) and type(cause) is not Missing:
        return cause
    reason = f" ({cause.message})" if cause else ""
    text = f"{count} pieces are missing and no source offers them{reason}."
    return OriginError("origin.no_source", text, pieces=count, cause=cause.code if cause else "")


class _WithPeers:
    """One fetch through a swarm and from the origin."""

    def __init__(self, session: Session, swarm: Swarm, source: PieceSource | None, rules: Rules) -> None:
        self._session = session
        self._swarm = swarm
        self._wanted = swarm.wanted
        self._in_order = sorted(swarm.wanted)
        self._from_origin: set[int] = set()
        self._delivered: deque[tuple[int, int]] = deque()
        """Pieces and their sizes, from threads of the pool to the picker."""
        self._rules = rules
        torrent, layout = swarm.torrent, swarm.torrent.layout
        self._picker = PiecePicker(swarm.wanted, layout.count, rules)
        self._pool = OriginPool(source, layout, self._deliver, swarm.end_wait) if source else None
        self._pause_s = 0.0
        self._flushed_at = self._alive_at = now = time.monotonic()
        self._punching_at = 0.0
        may_meet = torrent.trackers or torrent.peers or session.settings.local_discovery
        self._settled_at = now + (rules.hello_s if may_meet else 0.0)
        """When we know whether there are peers. Until then the origin is asked little, if the tracker names nobody, and
        otherwise nothing."""
        self._total_bytes = self._limited_bytes = 0
        self._sent_before_bytes = self._session.uploaded_bytes()
        self._peers: list[Peer] = []
        self._by_peer: dict[tuple[str, int], tuple[bool, int]] = {}

    def step(self) -> list[int]:
        """Wait a moment, then look at peers and the origin. Returns the pieces that became readable.

        Raises DiskError; OriginError when there has been no source for the missing pieces for too long.
        """
        self._swarm.wait(self._pause_s)
        now = time.monotonic()
        self._look(now)
        self._pause_s = max(self._rules.look_s, min(10 * (time.monotonic() - now), _PAUSE_MAX_S))
        if not self._left() or now - self._flushed_at > _FLUSH_S:
            self._flushed_at = now
            self._swarm.flush()
        self._check(now)
        if pieces := self._swarm.take_readable():
            self._picker.forget(self._swarm.finished)
        return pieces

    def sample(self) -> Sample:
        """How far the fetch is. Bytes of peers that came and went between two looks are attributed like the rest."""
        received_bytes = self._swarm.counters().received_bytes
        seen = list(self._swarm.seen)
        local = seen.count(True) + sum(size for is_local, size in self._by_peer.values() if is_local)
        everybody = len(seen) + sum(size for _, size in self._by_peer.values())
        lan = received_bytes * local // everybody if everybody else 0
        origin = self._pool.received_bytes if self._pool else 0
        arriving = self._pool.busy() if self._pool else frozenset()
        from_peers = "l" if 2 * lan > received_bytes else "p"
        return Sample(
            Sources(lan_bytes=lan, peer_bytes=received_bytes - lan, origin_bytes=origin),
            self._swarm.finished_bytes,
            self._session.uploaded_bytes() - self._sent_before_bytes,
            len(self._peers),
            piece_map(self._in_order, self._swarm.finished, self._from_origin, arriving, from_peers),
        )

    def close(self) -> None:
        """End all requests to the origin."""
        if self._pool:
            self._pool.close()
        self._session.leave(0)

    # ------------------------------------------------------------ peers and the origin

    def _look(self, now: float) -> None:
        self._peers = self._swarm.peers()
        for peer in self._peers:
            self._by_peer[peer.address, peer.port] = (peer.is_local, peer.received_bytes)
        if self._peers:
            self._settled_at = min(self._settled_at, now + self._rules.settle_s)
        counters, pool = self._swarm.counters(), self._pool
        total = counters.received_bytes + (pool.received_bytes if pool else 0)
        if (got := total - self._total_bytes) and got >= _LEAST_BPS * (now - self._alive_at):
            self._total_bytes, self._alive_at = total, now
        limit_bps = self._session.settings.download_limit_bps
        self._session.leave(limit_bps // 10 if pool and pool.running() else 0)
        while self._delivered:
            self._picker.arrived(*self._delivered.popleft())
        origin_bps = pool.request_bps if pool else math.inf
        self._picker.note(now, self._peers, total, counters.sent_bytes, limit_bps, origin_bps)
        if pool and not pool.is_over:
            pool.limiter.limit_bps = limit_bps
            before, self._limited_bytes = self._limited_bytes, self._counted_bytes()
            pool.limiter.count(max(0, self._limited_bytes - before))
            self._ask(pool, now)

    def _counted_bytes(self) -> int:
        """What came from peers for whom the download limit counts, which they share with the origin."""
        exempt = self._session.settings.exempt_lan
        return sum(size for is_local, size in self._by_peer.values() if not (exempt and is_local))

    def _ask(self, pool: OriginPool, now: float) -> None:
        """Give every free connection a piece that only the origin has."""
        picker, rules, finished = self._picker, self._rules, self._swarm.finished
        pool.drop(lambda piece: piece in finished or picker.is_offered(piece))
        is_down = isinstance(pool.error, OriginError) and not isinstance(pool.error, REFUSALS)
        rests = is_down and now < pool.failed_at + _RETRY_S
        is_settled = now >= self._settled_at
        if rests or not self._swarm.is_ready or not (is_settled or self._swarm.named_peers == 0):
            return
        taken = pool.busy() | self._swarm.pending()

        def is_free(piece: int) -> bool:
            return piece not in finished and piece not in taken and piece not in pool.refused

        def is_needed(piece: int) -> bool:
            return piece in self._wanted and is_free(piece) and not picker.is_offered(piece)

        is_alone = picker.is_alone and is_settled
        for _ in range((rules.lines_alone if is_alone else rules.lines) - pool.running()):
            piece = picker.next(is_free)
            if piece is None:
                return
            pool.ask(piece, self._group(is_alone), is_needed)
            taken |= pool.busy()

    def _group(self, is_alone: bool) -> int:
        """How many consecutive pieces to request: many while no peer could bring some of them, one at the end."""
        if is_alone:
            return max(self._rules.group, self._rules.group_alone_bytes // self._swarm.torrent.layout.piece_bytes)
        return self._rules.group if self._left() > 4 * self._rules.group else 1

    def _deliver(self, piece: int, data: bytes) -> None:
        """Hand a piece to the swarm, not faster than it takes them. Runs on a thread of the pool."""
        assert self._pool
        most = MAX_QUEUED_BYTES // 2 // self._swarm.torrent.layout.piece_bytes
        while len(self._swarm.pending()) > most and not self._pool.is_closed:
            time.sleep(0.005)
        if self._pool.is_closed:
            raise Cancelled
        if piece in self._wanted:
            self._from_origin.add(piece)
            self._delivered.append((piece, len(data)))
            self._swarm.add_piece(piece, data)

    def _may_meet(self, now: float) -> bool:
        """Whether another player is being met through two routers; between two attempts nobody is dialled."""
        patience_s = self._rules.patience_s
        if self._swarm.is_punching:
            self._punching_at = now
        return now - self._punching_at < patience_s and now - self._alive_at < _PUNCH_FACTOR * patience_s

    # ------------------------------------------------------------ what is missing

    def _left(self) -> int:
        return len(self._wanted) - len(self._swarm.finished)

    def _missing(self) -> Iterator[int]:
        return (piece for piece in self._wanted if piece not in self._swarm.finished)

    def _check(self, now: float) -> None:
        """Raises DiskError; OriginError when missing pieces had no source for longer than the rules allow."""
        self._swarm.check()
        pool = self._pool
        if pool:
            pool.check()
        if not self._left():
            self._alive_at = now
            return
        if pool and not pool.is_over and not pool.error and any(piece not in pool.refused for piece in self._missing()):
            return  # the origin may still bring something; its own retries come to an end
        is_there = any(peer.has(piece) for piece in self._missing() for peer in self._peers)
        patience_s = self._rules.patience_s * (_CHOKED_FACTOR if is_there else 1)
        if now - self._alive_at > patience_s and not self._may_meet(now):
            raise _no_source(self._left(), pool.error or pool.refusal if pool else None)

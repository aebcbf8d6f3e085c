"""Fetch the pieces of a torrent: from peers first, and from the origin what they do not have.

The torrent is a part's tree (its files in staging) or a patch pack (a file of the pack cache).
"""

import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from patcher.errors import Cancelled, Missing, OriginError, ShoalError
from patcher.protocol.events import Sources
from patcher.transfer.origin.limiter import RateLimiter
from patcher.transfer.origin.pool import OriginPool, PieceSource
from patcher.transfer.sample import Arrived, Sample, piece_map
from patcher.transfer.swarm.picker import PiecePicker, Rules
from patcher.transfer.swarm.session import MAX_QUEUED_BYTES, Session
from patcher.transfer.swarm.swarm import Peer, Swarm
from patcher.transfer.swarm.torrent import Torrent
from patcher.transfer.without_peers import WithoutPeers

_SAMPLE_S = 0.1
_FLUSH_S = 0.5
"""Each flush closes the files and holds up all writing: flushing more often loses more in a kill, not less."""
_RETRY_S = 2.0
_LEAST_BPS = 1024
"""A lower rate does not keep a fetch alive."""
_CHOKED_FACTOR = 4
"""How much longer to wait when peers have what is missing and only choke us."""


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
    download_limit_bps: int = 0,
    rules: Rules | None = None,
) -> Generator[Arrived | Sample]:
    """Fetch the wanted pieces. Yields `Arrived` as pieces become readable, and a `Sample` about every 0.1 s.

    Close the generator to cancel: it ends within half a second. However it ends, the session has let go of the torrent
    and of its files then. The last sample comes after that and is complete.

    session: None means without peers, as does a session that allows none: pieces come straight from ``source``.
    source: where the origin has the pieces; None: nowhere.
    download_limit_bps: counts only without a session, which has its own limit.

    Raises OriginError: origin.no_source when peers bring next to nothing for five seconds and the origin has failed;
    without peers the origin's own error. Raises ContentError without peers when the origin's bytes are wrong three
    times; with peers the origin is left out then. Raises DiskError.
    """
    left = len(wanted.missing)
    if not left:
        return
    with _begun(session, wanted, source, download_limit_bps, rules or Rules()) as work:
        sampled_at = time.monotonic()
        while left:
            if arrived := work.step():
                left -= len(arrived)
                yield Arrived(arrived)
            if (now := time.monotonic()) - sampled_at >= _SAMPLE_S:
                sampled_at = now
                yield work.sample()
    yield work.sample()


@contextmanager
def _begun(
    session: Session | None, wanted: Want, source: PieceSource | None, limit_bps: int, rules: Rules
) -> Iterator["WithoutPeers | _WithPeers"]:
    pieces = wanted.missing
    if session is None or session.settings.peers == "none":
        if source is None:
            raise _no_source(len(pieces), None)
        limiter = RateLimiter(session.settings.download_limit_bps if session else limit_bps)
        with closing(WithoutPeers(wanted.torrent, pieces, source, limiter)) as alone:
            yield alone
        return
    with session.fetching(wanted.torrent, wanted.have, pieces) as swarm:
        with closing(_WithPeers(session, swarm, source, rules)) as shared:
            yield shared


def _no_source(count: int, cause: ShoalError | None) -> OriginError:
    reason = f" ({cause.message})" if cause else ""
    text = f"{count} pieces are missing and nobody offers them{reason}."
    return OriginError("origin.no_source", text, pieces=count, cause=cause.code if cause else "")


class _WithPeers:
    """One fetch through a swarm and from the origin."""

    def __init__(self, session: Session, swarm: Swarm, source: PieceSource | None, rules: Rules) -> None:
        self._session = session
        self._swarm = swarm
        self._layout = swarm.torrent.layout
        self._wanted = wanted = swarm.wanted
        self._in_order = sorted(wanted)
        self._from_origin: set[int] = set()
        self._rules = rules
        self._picker = PiecePicker(wanted, rules)
        self._limiter = RateLimiter()
        self._pool = OriginPool(source, self._layout, self._deliver, swarm.end_wait, self._limiter) if source else None
        self._is_closing = False
        self._pause_s = 0.0
        self._started = time.monotonic()
        self._hello_at: float | None = None
        self._flushed_at = self._alive_at = self._started
        self._total_bytes = 0
        self._sent_before_bytes = self._sent_bytes()
        self._peers: list[Peer] = []
        self._by_peer: dict[tuple[str, int], tuple[bool, int]] = {}

    def step(self) -> list[int]:
        """Wait a moment, then look who delivers. Returns the pieces that became readable.

        Raises DiskError; OriginError when there has been no source for the missing pieces for too long.
        """
        self._swarm.wait(self._pause_s)
        now = time.monotonic()
        self._look(now)
        self._pause_s = max(self._rules.look_s, 10 * (time.monotonic() - now))
        self._flush(now)
        self._check(now)
        pieces = self._swarm.take_readable()
        if pieces:
            self._picker.forget(self._swarm.finished)
        return pieces

    def sample(self) -> Sample:
        """How far we are. Bytes of peers that came and went between two looks are attributed like those of the rest."""
        counters = self._swarm.counters()
        seen = list(self._swarm.seen)
        local = seen.count(True) + sum(size for is_local, size in self._by_peer.values() if is_local)
        everybody = len(seen) + sum(size for _, size in self._by_peer.values())
        lan = counters.received_bytes * local // everybody if everybody else 0
        origin = self._pool.received_bytes if self._pool else 0
        arriving = self._pool.busy() if self._pool else frozenset()
        from_peers = "l" if 2 * lan > counters.received_bytes else "p"
        return Sample(
            Sources(lan_bytes=lan, peer_bytes=counters.received_bytes - lan, origin_bytes=origin),
            self._swarm.finished_bytes,
            self._sent_bytes() - self._sent_before_bytes,
            len(self._peers),
            piece_map(self._in_order, self._swarm.finished, self._from_origin, arriving, from_peers),
        )

    def close(self) -> None:
        """End all requests to the origin."""
        self._is_closing = True
        if self._pool:
            self._pool.close()

    # ------------------------------------------------------------ who delivers

    def _look(self, now: float) -> None:
        self._peers = self._swarm.peers()
        for peer in self._peers:
            self._by_peer[peer.address, peer.port] = (peer.is_local, peer.received_bytes)
        if self._peers and self._hello_at is None:
            self._hello_at = now
        total = self._swarm.counters().received_bytes + (self._pool.received_bytes if self._pool else 0)
        if (got := total - self._total_bytes) and got >= _LEAST_BPS * (now - self._alive_at):
            self._total_bytes, self._alive_at = total, now
        self._picker.note(now, self._peers, total, self._session.settings.download_limit_bps)
        if self._pool and not self._pool.is_over:
            self._ask(self._pool, now)

    def _ask(self, pool: OriginPool, now: float) -> None:
        """Give every free connection a piece that only the origin has."""
        picker, rules, finished = self._picker, self._rules, self._swarm.finished
        pool.drop(lambda piece: piece in finished or picker.is_offered(piece))
        self._limit()
        if not (self._swarm.is_ready and self._is_settled(now)) or self._is_resting(pool, now):
            return
        taken = pool.busy() | self._swarm.pending()

        def is_free(piece: int) -> bool:
            return piece not in finished and piece not in taken and piece not in pool.refused

        def is_needed(piece: int) -> bool:
            return piece in self._wanted and is_free(piece) and not picker.is_offered(piece)

        for _ in range((rules.lines_alone if picker.is_alone else rules.lines) - pool.running()):
            piece = picker.next(is_free)
            if piece is None:
                return
            pool.ask(piece, self._group(), is_needed)
            taken |= pool.busy()

    def _group(self) -> int:
        """How many consecutive pieces to request: many while no peer could bring some of them, one at the end."""
        if self._picker.is_alone:
            return max(self._rules.group, self._rules.group_alone_bytes // self._layout.piece_bytes)
        return self._rules.group if self._left() > 4 * self._rules.group else 1

    def _is_settled(self, now: float) -> bool:
        """Whether we would know by now if there were peers."""
        torrent, rules = self._swarm.torrent, self._rules
        if not (torrent.trackers or torrent.peers or self._session.settings.local_discovery):
            return True
        if self._hello_at is not None and now >= self._hello_at + rules.settle_s:
            return True
        return now >= self._started + rules.hello_s

    def _is_resting(self, pool: OriginPool, now: float) -> bool:
        """Whether the origin could not be reached a moment ago and is left alone for a while."""
        is_down = isinstance(pool.error, OriginError) and not isinstance(pool.error, Missing)
        return is_down and now < pool.failed_at + _RETRY_S

    def _limit(self) -> None:
        """Peers and the origin share one limit: the origin gets what peers leave, and at least a tenth."""
        limit = self._session.settings.download_limit_bps
        rate = sum(peer.rate_bps for peer in self._peers)
        self._limiter.limit_bps = max(limit - rate, limit // 10)

    def _deliver(self, piece: int, data: bytes) -> None:
        """Hand a piece to the swarm, not faster than it takes them. Runs on a thread of the pool."""
        most = MAX_QUEUED_BYTES // 2 // self._layout.piece_bytes
        while len(self._swarm.pending()) > most and not self._is_closing:
            time.sleep(0.005)
        if self._is_closing:
            raise Cancelled
        if piece in self._wanted:
            self._from_origin.add(piece)
            self._swarm.add_piece(piece, data)

    def _sent_bytes(self) -> int:
        return sum(each.sent_bytes for each in self._session.counters().values())

    # ------------------------------------------------------------ what is there

    def _flush(self, now: float) -> None:
        if not self._left() or now - self._flushed_at > _FLUSH_S:
            self._flushed_at = now
            self._swarm.flush()

    def _left(self) -> int:
        return len(self._wanted) - len(self._swarm.finished)

    def _missing(self) -> Iterator[int]:
        return (piece for piece in self._wanted if piece not in self._swarm.finished)

    # ------------------------------------------------------------ what goes wrong

    def _check(self, now: float) -> None:
        """Raises DiskError; OriginError when nobody has offered what is missing for longer than the rules allow."""
        self._swarm.check()
        pool = self._pool
        if pool:
            pool.check()
        if not self._left():
            self._alive_at = now
            return
        if pool and self._may_deliver(pool):
            return  # the origin's own retries come to an end
        is_there = any(peer.has(piece) for piece in self._missing() for peer in self._peers)
        patience_s = self._rules.patience_s * (_CHOKED_FACTOR if is_there else 1)
        if now - self._alive_at > patience_s:
            raise _no_source(self._left(), pool.error if pool else None)

    def _may_deliver(self, pool: OriginPool) -> bool:
        """Whether the origin may still bring something: it did not fail since its last success, nor refuse it all."""
        return not pool.is_over and not pool.error and any(piece not in pool.refused for piece in self._missing())

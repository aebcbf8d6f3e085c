"""Who delivers what: peers first, and the origin closes the gap.

`fetch` brings the wanted pieces of one torrent, be it a part's tree (files in staging) or a patch pack (a file of the
pack cache), and reports each only when it is verified and can be read from its file.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from patcher.content.layout import Layout, Torrent
from patcher.errors import Cancelled, Missing, OriginError, ShoalError
from patcher.protocol.events import Sources
from patcher.transfer import direct
from patcher.transfer.origin.limiter import RateLimiter
from patcher.transfer.origin.pool import OriginPool, PieceSource
from patcher.transfer.picture import picture
from patcher.transfer.swarm.picker import PiecePicker, Rules
from patcher.transfer.swarm.session import MAX_QUEUED_BYTES, Session
from patcher.transfer.swarm.torrent import Peer, Swarm

__all__ = ["Layout", "PieceSource", "Rules", "Sample", "Torrent", "fetch"]

_SAMPLE_S = 0.1
_FLUSH_S = 0.5
"""Each flush closes the files and holds up all writing: more of them lose more in a kill, not less."""
_RETRY_S = 2.0
_LEAST_BPS = 1024
"""Whoever brings less keeps no fetch alive."""
_CHOKED_FACTOR = 4
"""How much longer we wait for peers that have what is missing but give it to others at the moment."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How far a fetch is. ``sources`` as received on the wire, waste included; ``done_bytes`` of verified pieces."""

    sources: Sources = Sources()
    done_bytes: int = 0
    peers: int = 0
    pieces: str = ""
    """See `picture.picture`."""


def fetch(
    session: Session | None,
    torrent: Torrent,
    have: Collection[int],
    wanted: Collection[int],
    source: PieceSource | None,
    on_pieces: Callable[[Sequence[int]], None],
    on_sample: Callable[[Sample], None],
    cancel: Callable[[], bool],
    *,
    keep: bool = False,
    download_limit_bps: int = 0,
    rules: Rules | None = None,
) -> Sources:
    """Fetch the ``wanted`` pieces into the files of ``torrent``; returns the bytes by source when all were reported.

    session: None (P2P off; the same with one whose settings say ``peers`` none): straight from ``source`` into files
        through `patcher.disk`. ``download_limit_bps`` counts only without a session, which has its own limit.
    have: pieces whose bytes are verified and at their place; they are offered to others at once and never written.
        After an interruption `Torrent.held` finds them. All else is left alone, but empty files may be made.
    source: where the origin has the pieces; None: nowhere.
    on_pieces: called with new pieces, each once, verified and readable (not fsynced: commit does that). It runs between
        two looks at the swarm and should take well under a second.
    on_sample: called at most ten times a second, and at the end.
    cancel: asked twenty times a second; True ends the fetch within half a second with Cancelled.
    keep: leave the torrent in the session afterwards, as `Session.keep` does (its files must stay where they are);
        else, and after every error, the session has let go of it and of its files when this returns.

    Raises OriginError: origin.no_source when peers bring next to nothing for five seconds, and the origin has failed;
    without a session the origin's own error. ContentError without a session when the origin's bytes are wrong three
    times; with one the origin is left out then. DiskError. Cancelled.
    """
    layout = Layout.parse(torrent.data)
    wanted = frozenset(wanted) - frozenset(have)
    if not wanted:
        return Sources()
    limit_bps = session.allowances.download_limit_bps if session else download_limit_bps
    if session is None or session.allowances.peers == "none":
        return _alone(torrent, layout, wanted, source, on_pieces, on_sample, cancel, limit_bps)
    swarm = session.add(torrent, have, wanted)
    work = _Fetch(session, swarm, wanted, source, on_pieces, on_sample, rules or Rules())
    try:
        work.run(cancel)
        if keep:
            session.retain(swarm, {*have, *wanted})
    finally:
        work.close()
        if layout.info_hash not in session.kept():
            session.release(layout.info_hash)
    return work.sample().sources


def _alone(
    torrent: Torrent,
    layout: Layout,
    wanted: Collection[int],
    source: PieceSource | None,
    on_pieces: Callable[[Sequence[int]], None],
    on_sample: Callable[[Sample], None],
    cancel: Callable[[], bool],
    limit_bps: int,
) -> Sources:
    if source is None:
        raise _no_source(len(wanted), None)
    sample = Sample()

    def progress(received_bytes: int, done_bytes: int, pieces: str) -> None:
        nonlocal sample
        sample = Sample(Sources(origin_bytes=received_bytes), done_bytes, pieces=pieces)
        on_sample(sample)

    direct.fetch(torrent, layout, wanted, source, on_pieces, progress, cancel, RateLimiter(limit_bps))
    return sample.sources


def _no_source(count: int, cause: ShoalError | None) -> OriginError:
    reason = f" ({cause.message})" if cause else ""
    text = f"{count} pieces are missing and nobody offers them{reason}."
    return OriginError("origin.no_source", text, pieces=count, cause=cause.code if cause else "")


class _Fetch:
    """One fetch through a swarm. `run` is the loop; everything else is a step of it."""

    def __init__(
        self,
        session: Session,
        swarm: Swarm,
        wanted: frozenset[int],
        source: PieceSource | None,
        on_pieces: Callable[[Sequence[int]], None],
        on_sample: Callable[[Sample], None],
        rules: Rules,
    ) -> None:
        self._session = session
        self._swarm = swarm
        self._layout = swarm.layout
        self._wanted = wanted
        self._in_order = sorted(wanted)
        self._from_origin: set[int] = set()
        self._on_pieces = on_pieces
        self._on_sample = on_sample
        self._rules = rules
        self._choice = PiecePicker(wanted, rules)
        self._pace = RateLimiter()
        self._supply = OriginPool(source, self._layout, self._deliver, swarm.wake, self._pace) if source else None
        self._is_closing = False
        self._reported = 0
        self._started = time.monotonic()
        self._hello_at: float | None = None
        self._flushed_at = self._sampled_at = self._alive_at = self._started
        self._total_bytes = 0
        self._peers: list[Peer] = []
        self._by_peer: dict[tuple[str, int], tuple[bool, int]] = {}

    def run(self, cancel: Callable[[], bool]) -> None:
        """Return when all wanted pieces were reported."""
        pause_s = 0.0
        while self._reported < len(self._wanted):
            self._swarm.wait(pause_s)
            if cancel():
                raise Cancelled
            begun = time.monotonic()
            self._look(begun)
            pause_s = max(self._rules.look_s, 10 * (time.monotonic() - begun))
            self._report()
            self._flush(begun)
            self._show(begun)
            self._check(begun)
        self._on_sample(self.sample())

    def close(self) -> None:
        """End all requests to the origin."""
        self._is_closing = True
        if self._supply:
            self._supply.close()

    # ------------------------------------------------------------ who delivers

    def _look(self, now: float) -> None:
        self._peers = self._swarm.peers()
        for peer in self._peers:
            self._by_peer[peer.address, peer.port] = (peer.is_local, peer.received_bytes)
        if self._peers and self._hello_at is None:
            self._hello_at = now
        total = self._swarm.counters().received_bytes + (self._supply.received_bytes if self._supply else 0)
        if (got := total - self._total_bytes) and got >= _LEAST_BPS * (now - self._alive_at):
            self._total_bytes, self._alive_at = total, now
        self._choice.look(now, self._peers, total, self._session.allowances.download_limit_bps)
        if self._supply and not self._supply.is_over:
            self._ask(self._supply, now)

    def _ask(self, supply: OriginPool, now: float) -> None:
        """Give every free line something that only the origin has."""
        choice, rules, finished = self._choice, self._rules, self._swarm.finished
        supply.drop(lambda piece: piece in finished or choice.is_offered(piece))
        self._limit(supply)
        if not (self._swarm.is_ready and self._is_settled(now)) or self._is_resting(supply, now):
            return
        taken = supply.busy() | self._swarm.given()

        def is_free(piece: int) -> bool:
            return piece not in finished and piece not in taken and piece not in supply.refused

        def is_needed(piece: int) -> bool:
            return piece in self._wanted and is_free(piece) and not choice.is_offered(piece)

        for _ in range((rules.lines_alone if choice.is_alone else rules.lines) - supply.running()):
            piece = choice.next(is_free)
            if piece is None:
                return
            supply.ask(piece, self._group(), is_needed)
            taken |= supply.busy()

    def _group(self) -> int:
        """How many consecutive pieces to ask for: many when nobody else could bring some of them, one at the end."""
        if self._choice.is_alone:
            return max(self._rules.group, self._rules.group_alone_bytes // self._layout.piece_bytes)
        left = len(self._wanted) - len(self._swarm.finished)
        return self._rules.group if left > 4 * self._rules.group else 1

    def _is_settled(self, now: float) -> bool:
        """Whether we would know by now if there were peers."""
        torrent, rules = self._swarm.torrent, self._rules
        if not (torrent.trackers or torrent.peers or self._session.allowances.discover):
            return True
        if self._hello_at is not None and now >= self._hello_at + rules.settle_s:
            return True
        return now >= self._started + rules.hello_s

    def _is_resting(self, supply: OriginPool, now: float) -> bool:
        """An origin that could not be reached is left alone for a while."""
        error = supply.error
        is_down = isinstance(error, OriginError) and not isinstance(error, Missing)
        return is_down and now < supply.failed_at + _RETRY_S

    def _limit(self, supply: OriginPool) -> None:
        """The limit holds for peers and origin together: the origin gets what peers leave, at least a tenth."""
        limit = self._session.allowances.download_limit_bps
        rate = sum(peer.rate_bps for peer in self._peers)
        self._pace.limit_bps = max(limit - rate, limit // 10)

    def _deliver(self, piece: int, data: bytes) -> None:
        """On a line's thread: hand a piece to the swarm, not faster than it takes them."""
        most = MAX_QUEUED_BYTES // 2 // self._layout.piece_bytes
        while len(self._swarm.given()) > most and not self._is_closing:
            time.sleep(0.005)
        if self._is_closing:
            raise Cancelled
        if piece in self._wanted:
            self._from_origin.add(piece)
            self._swarm.give(piece, data)

    # ------------------------------------------------------------ what is there

    def _flush(self, now: float) -> None:
        is_complete = len(self._swarm.finished) == len(self._wanted)
        if is_complete or now - self._flushed_at > _FLUSH_S:
            self._flushed_at = now
            self._swarm.flush()

    def _report(self) -> None:
        pieces = self._swarm.take_readable()
        if pieces:
            self._reported += len(pieces)
            self._choice.forget(self._swarm.finished)
            self._on_pieces(pieces)

    def _show(self, now: float) -> None:
        if now - self._sampled_at >= _SAMPLE_S:
            self._sampled_at = now
            self._on_sample(self.sample())

    def sample(self) -> Sample:
        """Where things stand. Bytes of peers that came and went between two looks are shared out like the others'."""
        counters = self._swarm.counters()
        met = list(self._swarm.met)
        local = met.count(True) + sum(size for is_local, size in self._by_peer.values() if is_local)
        everybody = len(met) + sum(size for _, size in self._by_peer.values())
        lan = counters.received_bytes * local // everybody if everybody else 0
        origin = self._supply.received_bytes if self._supply else 0
        sources = Sources(lan_bytes=lan, peer_bytes=counters.received_bytes - lan, origin_bytes=origin)
        arriving = self._supply.busy() if self._supply else frozenset()
        from_peers = "l" if 2 * lan > counters.received_bytes else "p"
        pieces = picture(self._in_order, self._swarm.finished, self._from_origin, arriving, from_peers)
        return Sample(sources, self._swarm.finished_bytes, len(self._peers), pieces)

    # ------------------------------------------------------------ what goes wrong

    def _check(self, now: float) -> None:
        """Raises DiskError; OriginError when nobody has what is missing for longer than we have patience."""
        self._swarm.check()
        supply = self._supply
        if supply:
            supply.check()
        if len(self._swarm.finished) == len(self._wanted):
            self._alive_at = now
            return
        if supply and self._may_deliver(supply):
            return  # its own patience has an end
        is_there = any(peer.has(p) for p in self._wanted if p not in self._swarm.finished for peer in self._peers)
        patience = self._rules.patience_s * (_CHOKED_FACTOR if is_there else 1)
        if now - self._alive_at > patience:
            missing = len(self._wanted) - len(self._swarm.finished)
            raise _no_source(missing, supply.error if supply else None)

    def _may_deliver(self, supply: OriginPool) -> bool:
        """Whether the origin is still a hope: it has not failed since its last success, and has not refused it all."""
        if supply.is_over or supply.error:
            return False
        return any(p not in supply.refused for p in self._wanted if p not in self._swarm.finished)

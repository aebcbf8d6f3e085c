"""Picks the piece to fetch from the origin next: a random one that no useful peer offers.

The rules and their numbers were measured with 6 and 12 players that arrive together at a slow origin: the origin serves
1.2 copies, and every player needs 1.2 times the shortest possible time.
"""

import random
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from patcher.transfer.swarm.swarm import Peer


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers of the rules. Tests shorten the waits.

    A peer *counts* while we expect it to deliver the pieces that it has. The origin is asked for all other pieces.
    """

    look_s: float = 0.05
    """Time between two looks at the swarm."""
    hello_s: float = 1.0
    """If there may be peers, the origin is asked only after the first handshake, or after this long, …"""
    settle_s: float = 0.2
    """… and this long after the handshake. Otherwise every player would think that it is alone."""
    choked_s: float = 4.0
    """A peer that chokes us for longer than this while we want something does not count."""
    wish_bps: int = 2_000_000
    """The rate that we wish for."""
    slow_s: float = 5.0
    """If the rate stays below `wish_bps` for this long, seeds do not count for the rest of the fetch. Counting them
    again would cost a second copy."""
    stall_s: float = 4.0
    """If the rate stays below ``wish_bps / 20`` for this long, no peer counts for as long again."""
    patience_s: float = 5.0
    """A fetch without any source for this long fails."""
    lines_alone: int = 3
    """Requests to the origin at the same time without peers …"""
    lines: int = 1
    """… and with peers."""
    group: int = 4
    """Consecutive pieces of a request with peers …"""
    group_alone_bytes: int = 4 << 20
    """… and their size without peers."""


class PiecePicker:
    """Picks the pieces of one fetch, by the peers and the rate that `note` was told last."""

    def __init__(self, wanted: Collection[int], rules: Rules, dice: random.Random | None = None) -> None:
        self._rules = rules
        self._order = list(wanted)
        (dice or random.Random()).shuffle(self._order)
        self._choking_since: dict[tuple[str, int], float] = {}
        self._received: deque[tuple[float, int]] = deque()
        self._is_slow = False
        self._ignored_until = 0.0
        self._offering: list[Peer] = []
        self.is_alone = True

    def note(self, now: float, peers: Sequence[Peer], received_bytes: int, limit_bps: int = 0) -> None:
        """Note the connected peers and the bytes received so far from all sources, the origin included.

        ``limit_bps``: the player's download limit; we wish for half of it at most.
        """
        self.is_alone = not peers
        if self.is_alone:
            self._received.clear()  # the wish is for a rate with peers
        before = self._choking_since
        self._choking_since = {(p.address, p.port): before.get((p.address, p.port), now) for p in peers if p.chokes}
        wish_bps = self._rules.wish_bps
        self._judge(now, received_bytes, min(wish_bps, limit_bps / 2) if limit_bps else wish_bps)
        self._offering = [peer for peer in peers if now >= self._ignored_until and self._counts(peer, now)]

    def _counts(self, peer: Peer, now: float) -> bool:
        choking = now - self._choking_since.get((peer.address, peer.port), now)
        return not peer.is_snubbed and choking <= self._rules.choked_s and not (peer.is_seed and self._is_slow)

    def _judge(self, now: float, received_bytes: int, wish_bps: float) -> None:
        """Compare the rate with the wish."""
        rules, received = self._rules, self._received
        received.append((now, received_bytes))
        while len(received) > 1 and now - received[1][0] >= rules.slow_s:
            received.popleft()
        if self._rate_over(rules.slow_s, now) < wish_bps:
            self._is_slow = True
        if now >= self._ignored_until and self._rate_over(rules.stall_s, now) < wish_bps / 20:
            self._ignored_until = now + rules.stall_s

    def _rate_over(self, seconds: float, now: float) -> float:
        """Bytes a second over the last ``seconds``; infinite when we have not received for so long yet."""
        oldest = next((entry for entry in reversed(self._received) if now - entry[0] >= seconds), None)
        if oldest is None:
            return float("inf")
        return (self._received[-1][1] - oldest[1]) / (now - oldest[0])

    def is_offered(self, piece: int) -> bool:
        """Whether a peer that counts has the piece."""
        return any(peer.has(piece) for peer in self._offering)

    def next(self, is_free: Callable[[int], bool]) -> int | None:
        """The next of the free pieces to request from the origin; None when peers that count offer them all."""
        if any(peer.is_seed for peer in self._offering):
            return None
        return next((piece for piece in self._order if is_free(piece) and not self.is_offered(piece)), None)

    def forget(self, done: Collection[int]) -> None:
        """Never pick these pieces again."""
        self._order = [piece for piece in self._order if piece not in done]

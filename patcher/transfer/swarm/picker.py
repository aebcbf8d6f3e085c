"""Which piece to fetch from the origin next: only what no useful peer offers, at random. Pure but for its dice.

The rules and their numbers come from measuring 6 and 12 players that arrive together at a slow origin: these give it
1.2 copies to serve and every player 1.2 times the shortest possible time.
"""

import random
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from patcher.transfer.swarm.torrent import Peer


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers of the rules; tests make the waits shorter."""

    look_s: float = 0.05
    """Time between two looks at the swarm."""
    hello_s: float = 1.0
    """When there may be peers, wait so long for the first handshake, …"""
    settle_s: float = 0.2
    """… and so long after it: else every player thinks it is alone."""
    choked_s: float = 4.0
    """A peer that chokes us for longer, although we want something, offers nothing."""
    wish_bps: int = 2_000_000
    slow_s: float = 5.0
    """Below the wish for so long: seeds do not count any more, then incomplete peers alone do. Never taken back, as
    going to and fro costs a second copy."""
    stall_s: float = 4.0
    """Below a twentieth of the command for so long: for the same time nobody counts."""
    patience_s: float = 5.0
    """Without any source for so long: give up."""
    lines_alone: int = 3
    lines: int = 1
    group: int = 4
    """Consecutive pieces a request while there are peers …"""
    group_alone_bytes: int = 4 << 20
    """… and without any."""


class PiecePicker:
    """Decides for one fetch, from what it is told at each look."""

    def __init__(self, wanted: Collection[int], rules: Rules, dice: random.Random | None = None) -> None:
        self._rules = rules
        self._order = list(wanted)
        (dice or random.Random()).shuffle(self._order)
        self._choking_since: dict[tuple[str, int], float] = {}
        self._received: deque[tuple[float, int]] = deque()
        self._is_slow = False
        self._nobody_until = 0.0
        self._offering: list[Peer] = []
        self._wish_bps = float(rules.wish_bps)
        self.is_alone = True

    def look(self, now: float, peers: Sequence[Peer], received_bytes: int, limit_bps: int = 0) -> None:
        """Take in who is connected and how much has been received from everybody, origin included.

        ``limit_bps``: what the player allows; half of it is all that can be wished for.
        """
        self.is_alone = not peers
        self._wish_bps = min(self._rules.wish_bps, limit_bps / 2) if limit_bps else self._rules.wish_bps
        if self.is_alone:
            self._received.clear()  # the command is about what peers give
        before = self._choking_since
        self._choking_since = {(p.address, p.port): before.get((p.address, p.port), now) for p in peers if p.chokes}
        self._judge(now, received_bytes)
        if now < self._nobody_until:
            self._offering = []
        else:
            self._offering = [peer for peer in peers if self._counts(peer, now)]

    def _counts(self, peer: Peer, now: float) -> bool:
        choking = now - self._choking_since.get((peer.address, peer.port), now)
        return not peer.is_snubbed and choking <= self._rules.choked_s and not (peer.is_seed and self._is_slow)

    def _judge(self, now: float, received_bytes: int) -> None:
        """Compare the rate with the command."""
        rules, received = self._rules, self._received
        received.append((now, received_bytes))
        while len(received) > 1 and now - received[1][0] >= rules.slow_s:
            received.popleft()
        if self._rate_over(rules.slow_s, now) < self._wish_bps:
            self._is_slow = True
        if now >= self._nobody_until and self._rate_over(rules.stall_s, now) < self._wish_bps / 20:
            self._nobody_until = now + rules.stall_s

    def _rate_over(self, seconds: float, now: float) -> float:
        """Bytes a second in that last time; infinite when not so much time has passed yet."""
        oldest = next((entry for entry in reversed(self._received) if now - entry[0] >= seconds), None)
        if oldest is None:
            return float("inf")
        return (self._received[-1][1] - oldest[1]) / (now - oldest[0])

    def is_offered(self, piece: int) -> bool:
        """Whether a peer that counts has the piece."""
        return any(peer.has(piece) for peer in self._offering)

    def next(self, is_free: Callable[[int], bool]) -> int | None:
        """The next piece to ask the origin for, out of those that are free: nobody has it and it is not under way."""
        if any(peer.is_seed for peer in self._offering):
            return None
        return next((piece for piece in self._order if is_free(piece) and not self.is_offered(piece)), None)

    def forget(self, done: Collection[int]) -> None:
        """Do not consider these pieces any more."""
        self._order = [piece for piece in self._order if piece not in done]

"""Picks the piece to fetch from the origin next: a random one that no useful peer offers, unless others need it more.

The rules and their numbers were measured with 1 to 12 players at a slow origin (`python -m bench.swarm`). Their reasons
stand in docs/decisions/0019-what-a-player-asks-of-the-origin.md.
"""

import math
import random
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from patcher.transfer.swarm.swarm import Peer

_SOON_S = 1.0


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
    unshared_bytes: int = 2 << 20
    """While peers bring enough, no more is asked for than this ahead of what we have passed on. So the origin's bytes
    go to players by what each can pass on: those who cannot, or slowly, leave it to the others."""
    slow_s: float = 5.0
    """If the rate stays below `wish_bps` for this long, seeds do not count for the rest of the fetch. Counting them
    again would cost a second copy."""
    stall_s: float = 4.0
    """If the rate stays below ``wish_bps / 20`` for this long, no peer counts for as long again."""
    assist: float = 0.15
    """While peers bring less than `worth` times the rate of the origin, seeds do not count until this share of one copy
    came from it, for all players together. Seeds alone have what is missing then, and the origin is one more. …"""
    worth: float = 4.0
    """… Faster seeds are left alone."""
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
    """Picks the pieces of one fetch, by the peers and the rate that `note` was told last.

    ``pieces``: how many the torrent has.
    """

    def __init__(self, wanted: Collection[int], pieces: int, rules: Rules, dice: random.Random | None = None) -> None:
        self._rules = rules
        self._order = list(wanted)
        self._wanted = len(wanted)
        (dice or random.Random()).shuffle(self._order)
        self._all = bytes([1]) * pieces
        self._offered = bytes(pieces)
        """A byte a piece, 1 if a peer that counts has it."""
        self._choking_since: dict[tuple[str, int], float] = {}
        self._received: deque[tuple[float, int]] = deque()
        self._unshared: dict[int, int] = {}
        """Pieces from the origin that no peer has yet, and their sizes."""
        self._arrived_bytes = self._sent_bytes = 0
        """From the origin, and to peers."""
        self._is_slow = False
        self._is_enough = self._assists = False
        self._assisted = 0
        """Pieces that came from the origin while only seeds had them."""
        self._ignored_until = 0.0
        self.is_alone = True

    def note(
        self,
        now: float,
        peers: Sequence[Peer],
        received_bytes: int,
        sent_bytes: int = 0,
        limit_bps: int = 0,
        origin_bps: float = math.inf,
    ) -> None:
        """Note the connected peers, and the bytes received so far from all sources and sent to peers.

        ``limit_bps``: the player's download limit; we wish for half of it at most. ``origin_bps``: the rate of the last
        request to the origin; we do not wish for more, since the origin could not bring it.
        """
        self._sent_bytes = sent_bytes
        self.is_alone = not peers
        if self.is_alone:
            self._received.clear()  # the wish is for a rate with peers
        before = self._choking_since
        self._choking_since = {(p.address, p.port): before.get((p.address, p.port), now) for p in peers if p.chokes}
        most_bps = self._rules.wish_bps
        wish_bps = min(most_bps, limit_bps / 2 if limit_bps else math.inf, max(origin_bps, most_bps / 20))
        self._judge(now, received_bytes, wish_bps)
        self._is_enough = self._rate_over(_SOON_S, now, 0.0) >= wish_bps
        counting = [peer for peer in peers if now >= self._ignored_until and self._counts(peer, now)]
        self._assists = self._may_assist(now, counting, origin_bps)
        self._offered = self._held_by([peer for peer in counting if not (peer.is_seed and self._assists)])
        if peers:
            held = self._held_by(peers)
            self._unshared = {piece: size for piece, size in self._unshared.items() if not held[piece]}

    def arrived(self, piece: int, size_bytes: int) -> None:
        """Note a piece that came from the origin."""
        self._unshared[piece] = size_bytes
        self._arrived_bytes += size_bytes
        self._assisted += self._assists

    def _may_assist(self, now: float, counting: Sequence[Peer], origin_bps: float) -> bool:
        """Whether the origin is to be asked for what only seeds have."""
        sharing = 1 + sum(not peer.is_seed for peer in counting)
        if sharing > len(counting) or self._assisted >= self._rules.assist * self._wanted / sharing:
            return False
        known_bps = origin_bps if origin_bps < math.inf else self._rules.wish_bps
        return self._rate_over(_SOON_S, now) < self._rules.worth * known_bps

    def _held_by(self, peers: Sequence[Peer]) -> bytes:
        """A byte a piece, 1 if one of the peers has it."""
        if any(peer.is_seed for peer in peers):
            return self._all
        held = 0
        for peer in peers:
            held |= int.from_bytes(peer.pieces[: len(self._all)].ljust(len(self._all), b"\0"))
        return held.to_bytes(len(self._all))

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

    def _rate_over(self, seconds: float, now: float, unknown: float = math.inf) -> float:
        """Bytes a second over the last ``seconds``; ``unknown`` when we have not received for so long yet."""
        oldest = next((entry for entry in reversed(self._received) if now - entry[0] >= seconds), None)
        if oldest is None:
            return unknown
        return (self._received[-1][1] - oldest[1]) / (now - oldest[0])

    def is_offered(self, piece: int) -> bool:
        """Whether a peer that counts has the piece."""
        return self._offered[piece] == 1

    def next(self, is_free: Callable[[int], bool]) -> int | None:
        """The next of the free pieces to request from the origin; None while peers that count offer them all, …

        … or peers bring enough, and we have not passed on what came before.
        """
        if self._offered is self._all or (self._is_enough and self._has_unshared()):
            return None
        return next((piece for piece in self._order if not self._offered[piece] and is_free(piece)), None)

    def _has_unshared(self) -> bool:
        ahead_bytes = max(sum(self._unshared.values()), self._arrived_bytes - self._sent_bytes)
        return ahead_bytes >= self._rules.unshared_bytes

    def forget(self, done: Collection[int]) -> None:
        """Never pick these pieces again."""
        self._order = [piece for piece in self._order if piece not in done]

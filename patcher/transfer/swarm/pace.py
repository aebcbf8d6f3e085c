"""How many peers are uploaded to at a time, so that the player's line stays usable."""

from collections.abc import Mapping

FIRST_SLOTS, LEAST_SLOTS, MOST_SLOTS = 4, 2, 50
"""libtorrent uses one of each five slots, and at least one, for a peer that it tries (BEP 3)."""
_MOSTLY = 0.75


class UploadSlots:
    """As many slots as fill the line.

    uTP (BEP 29) keeps the delay that it adds to the line at a target, but each connection has at least one packet under
    way: with 20 peers on 2 Mbit/s these alone add 70 ms, and take a third of the line from the player's own upload. So
    there is one slot more while the line has room, and a quarter fewer while most packets wait longer than the target.
    """

    def __init__(self) -> None:
        self.count = FIRST_SLOTS
        self._above = self._below = 0

    def limit(self, *, is_fetching: bool) -> int:
        """Who fetches gives to four peers at least (BEP 3), since they give to those who give."""
        return max(self.count, FIRST_SLOTS) if is_fetching else self.count

    def note(self, counters: Mapping[str, int]) -> None:
        """Judge by libtorrent's counters, as they are a second after those before.

        No packet is counted with peers who only know TCP. Its own control leaves nothing to judge by, so more slots
        are opened for these, too.
        """
        above, below = counters["utp.utp_samples_above_target"], counters["utp.utp_samples_below_target"]
        longer, shorter = above - self._above, below - self._below
        self._above, self._below = above, below
        if longer > _MOSTLY * (longer + shorter):
            self.count = max(LEAST_SLOTS, self.count - max(1, self.count // 4))
        elif shorter >= _MOSTLY * (longer + shorter) and counters["peer.num_peers_up_unchoked"] >= self.count:
            self.count = min(MOST_SLOTS, self.count + 1)

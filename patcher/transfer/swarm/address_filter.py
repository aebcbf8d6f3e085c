"""With which addresses torrents may talk: those of a scope, without those that sent a bad block.

libtorrent bans an entry of its list of peers, and forgets the ban when the same client comes back from another port:
half of a swarm that lied came back again and again, and wasted 44 % (libtorrent 2.1.1, measured). So the address stays
out: for a minute at first, and from the second time on until nothing is fetched any more. The minute is for peers that
were wronged, because libtorrent blames all who sent blocks of a bad piece, and for those who share an address.
"""

import ipaddress
import math
import threading
import time
from collections.abc import Callable

import libtorrent as lt

from patcher.transfer.swarm import policy
from patcher.transfer.swarm.policy import PeerScope

_ALL4 = ("0.0.0.0", "255.255.255.255")  # noqa: S104 (a range, no place to listen at)
_ALL6 = ("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
_HOME_BITS = 64
"""Of an IPv6 address in the Internet: what its home has for itself, to draw any address from."""
_FIRST_BAN_S = 60.0


def ranges(everywhere: int, local: int) -> lt.ip_filter:
    """One value for the local network, and one for all other addresses."""
    found = lt.ip_filter()
    for first, last in (_ALL4, _ALL6):
        found.add_rule(first, last, everywhere)
    for network in policy.LOCAL_NETWORKS:
        found.add_rule(str(network.network_address), str(network.broadcast_address), local)
    return found


def home_of(address: str) -> tuple[str, str]:
    """The first and last address of whoever has this one. Raises ValueError."""
    plain = address.partition("%")[0]
    is_home = ":" in plain and not policy.is_local(plain)
    home = ipaddress.ip_network(f"{plain}/{_HOME_BITS}" if is_home else plain, strict=False)
    return str(home.network_address), str(home.broadcast_address)


class AddressFilter:
    """The filter of one session. Safe for several threads, and waits for nothing."""

    def __init__(self, session: lt.session, clock: Callable[[], float] = time.monotonic) -> None:
        self._session, self._clock = session, clock
        self._lock = threading.Lock()
        self._scope: PeerScope = "none"
        self._banned_until_s: dict[tuple[str, str], float] = {}

    def apply(self, scope: PeerScope, *, forgives: bool) -> None:
        """Let just these in. ``forgives``: also those that were banned. Call it now and then: a first ban ends."""
        with self._lock:
            self._scope = scope
            if forgives:
                self._banned_until_s.clear()
            self._set()

    def ban(self, address: str) -> None:
        """Let an address in no more; one that is out already was seen on its way out."""
        home, now = home_of(address), self._clock()
        with self._lock:
            if home not in self._banned_until_s:
                self._banned_until_s[home] = now + _FIRST_BAN_S
            elif self._banned_until_s[home] < now:
                self._banned_until_s[home] = math.inf
            self._set()

    @property
    def bans(self) -> bool:
        """Whether anybody is banned, or was."""
        return bool(self._banned_until_s)

    def _set(self) -> None:
        found = ranges(int(self._scope != "all"), int(self._scope == "none"))
        for (first, last), until_s in self._banned_until_s.items():
            if self._clock() < until_s:
                found.add_rule(first, last, 1)
        self._session.set_ip_filter(found)

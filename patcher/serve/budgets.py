"""How much of a server one host and one network may take, counted in memory of fixed size.

A host is one customer's share of addresses: an IPv4 address or an IPv6 /64. A network is a block in which one customer
may have many hosts: an IPv4 /24 or an IPv6 /48.
"""

from array import array
from dataclasses import dataclass

IPV4_BYTES = 6
IPV6_BYTES = 18

_CELLS = 1 << 19
_LAST_CELL = _CELLS - 1


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a tracker; docs/operating.md has the reasons. A place is one peer in one swarm."""

    peers: int = 1_000_000
    """All places together."""
    host_places: int = 4_096
    network_places: int = 16_384
    host_places_in_swarm: int = 32
    network_places_in_swarm: int = 512
    host_asks: int = 1_000
    """Announces and scrapes within `window_s`."""
    network_asks: int = 8_000
    window_s: int = 10


DEFAULT_LIMITS = Limits()


class Budget:
    """A limit for each host and one for each network.

    The hash of an address names the cell of its count. Two addresses in one cell share a budget, which is rare. Nobody
    can force it, since Python salts its hashes in every process. Not thread-safe.
    """

    __slots__ = ("_hosts", "_networks", "_per_host", "_per_network")

    def __init__(self, per_host: int, per_network: int) -> None:
        self._per_host, self._per_network = per_host, per_network
        self.clear()

    def clear(self) -> None:
        """Reset all counts."""
        self._hosts = array("I", bytes(4 * _CELLS))
        self._networks = array("I", bytes(4 * _CELLS))

    def take(self, address: bytes, of: bytes = b"") -> bool:
        """Take one for a compact address (6 or 18 bytes); False if its host or network has reached its limit.

        ``of`` names the thing that is taken of, if several are counted separately.
        """
        host, network = _cells(address, of)
        if self._hosts[host] >= self._per_host or self._networks[network] >= self._per_network:
            return False
        self._hosts[host] += 1
        self._networks[network] += 1
        return True

    def taken(self, address: bytes, of: bytes = b"") -> tuple[int, int]:
        """The counts of a host and of its network: never too low, since cells are shared."""
        host, network = _cells(address, of)
        return self._hosts[host], self._networks[network]

    def free(self, address: bytes, of: bytes = b"") -> None:
        """Undo one `take` that returned True."""
        host, network = _cells(address, of)
        self._hosts[host] -= 1
        self._networks[network] -= 1


def host_of(address: bytes) -> bytes:
    """The beginning that the compact addresses of one host have in common."""
    return address[: 4 if len(address) == IPV4_BYTES else 8]


def network_of(address: bytes) -> bytes:
    """The beginning that the compact addresses of one network have in common."""
    return address[: 3 if len(address) == IPV4_BYTES else 6]


def _cells(address: bytes, of: bytes) -> tuple[int, int]:
    return hash(of + host_of(address)) & _LAST_CELL, hash(of + network_of(address)) & _LAST_CELL

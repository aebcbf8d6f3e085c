"""The host policy: which URLs and addresses a feed may use, by where they lead.

The player adds a feed at one address, the pinned one. Addresses that the feed names (mirrors, hosts, trackers, links)
may lead into the player's network, or to the player's machine, only if the pinned address leads there as well.
"""

import contextlib
import enum
import ipaddress
import socket
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from patcher.errors import OriginError
from patcher.transfer.swarm.policy import LOCAL_NETWORKS

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PRIVATE = (*LOCAL_NETWORKS, ipaddress.ip_network("100.64.0.0/10"), ipaddress.ip_network("fec0::/10"))
"""More than the local network of `policy`: behind a provider's shared addresses (RFC 6598) sit its other customers. No
feed may lead there, but they are not the player's own network either, which alone gets uploads of ``sharing: lan``."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Reach(enum.StrEnum):
    """Where an address leads. Pin files store these values."""

    PUBLIC = "public"
    PRIVATE = "private"
    """Private, link-local, shared and unique local addresses (RFC 1918, 3927, 4193, 6598)."""
    LOOPBACK = "loopback"
    NOWHERE = "nowhere"
    """Unspecified, multicast and reserved addresses: no server has one."""

    @classmethod
    def of_address(cls, address: str) -> "Reach":
        """Where an IP address leads. One that carries another (mapped, 6to4, NAT64) leads where that one does.

        Raises ValueError for anything but an IP address.
        """
        ip = _carried(ipaddress.ip_address(address.partition("%")[0]))
        if ip.is_loopback:
            return cls.LOOPBACK
        if any(ip in network for network in _PRIVATE):
            return cls.PRIVATE
        return cls.PUBLIC if ip.is_global and not (ip.is_multicast or ip.is_reserved) else cls.NOWHERE

    @classmethod
    def of_host(cls, host: str) -> "Reach | None":
        """Where the host of a URL leads, in any spelling of an address that systems accept; None for a name."""
        name = host.rstrip(".").lower()
        if name == "localhost" or name.endswith(".localhost"):
            return cls.LOOPBACK
        with contextlib.suppress(OSError, ValueError):  # 127.1, 0177.0.0.1, 0x7f000001, 2130706433
            name = socket.inet_ntoa(socket.inet_aton(name))
        try:
            return cls.of_address(name)
        except ValueError:
            return None

    @classmethod
    def of_url(cls, url: str) -> "Reach":
        """Where a URL leads as written. A name counts as public; its addresses are judged when a connection is made."""
        try:
            return cls.of_host(urlsplit(url).hostname or "") or cls.PUBLIC
        except ValueError:
            return cls.NOWHERE

    def allows(self, there: "Reach") -> bool:
        """Whether a feed that was added at an address of this reach may use one that leads ``there``."""
        return there is Reach.PUBLIC or there is self is not Reach.NOWHERE

    def may_name(self, url: str) -> bool:
        """Whether a feed that was added at an address of this reach may name the URL. Names are not looked up."""
        return self.allows(Reach.of_url(url))


def _carried(ip: _Address) -> _Address:
    if ip.version == 4 or ip.is_loopback:
        return ip
    if carried := ip.ipv4_mapped or ip.sixtofour:
        return carried
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 or ip in _COMPATIBLE else ip


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine, in one of the usual spellings."""
    return urlsplit(url).hostname in _LOOPBACK


class HostPolicy:
    """Listed hosts only, by https only, and nothing nearer to the player than the address of the feed itself.

    ``urls`` are the feed's base addresses; the player named the first one. ``hosts`` are further names that servers may
    redirect to. ``reach`` says where the first address led when the player added the feed. None: the player adds it
    now, and the first connection to it decides. A proxy looks names up itself; behind one, only URLs that contain an
    IP address are judged. Safe for several threads.
    """

    def __init__(self, urls: Sequence[str], hosts: Collection[str] = (), reach: Reach | None = None) -> None:
        self._listed = {urlsplit(f"//{host}").hostname for host in hosts} | {urlsplit(url).hostname for url in urls}
        self._pinned = urlsplit(urls[0]).hostname or ""
        self._reach = Reach.of_host(self._pinned) or reach

    @property
    def reach(self) -> Reach:
        """Where the address that the player named leads; public as long as that is not known."""
        return self._reach or Reach.PUBLIC

    def check(self, url: str) -> None:
        """Raises OriginError (origin.host_refused) for a URL that the feed may not use."""
        parts = urlsplit(url)
        is_listed = bool(parts.hostname) and parts.hostname in self._listed and self.reach.may_name(url)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
        if not (is_listed and is_safe) or parts.username is not None:
            raise OriginError("origin.host_refused", f"{url} is not an address that this feed may use.", url=url)

    def allows(self, host: str, address: str) -> bool:
        """Whether a connection to ``host`` may lead to this IP address."""
        there = Reach.of_address(address)
        return (there if self._is_first(host) else self.reach).allows(there)

    def connected(self, host: str, address: str) -> None:
        """Note where a connection led: the first one to the address that the player named sets `reach`."""
        if self._is_first(host):
            self._reach = Reach.of_address(address)

    def _is_first(self, host: str) -> bool:
        return self._reach is None and host == self._pinned

"""How near an address is: this machine, the local network, the internet; and which of them a feed may use.

The player adds a feed at one address, the pinned one. Addresses that the feed names (mirrors, hosts, trackers, links)
may lead into the player's network, or to the player's machine, only if the pinned address leads there as well.
"""

import enum
import ipaddress
import socket
from urllib.parse import urlsplit

from patcher.transfer.swarm.policy import LOCAL_NETWORKS

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Reach(enum.StrEnum):
    """Where an address leads. Pin files store these values."""

    PUBLIC = "public"
    PRIVATE = "private"
    """Private, link-local, shared and unique local addresses (RFC 1918, 3927, 4193, 6598)."""
    LOOPBACK = "loopback"
    NOWHERE = "nowhere"
    """Unspecified, multicast and reserved addresses: no server has one."""


_PRIVATE = (*LOCAL_NETWORKS, ipaddress.ip_network("100.64.0.0/10"), ipaddress.ip_network("fec0::/10"))
"""More than the local network of `policy`: behind a provider's shared addresses (RFC 6598) sit its other customers. No
feed may lead there, but they are not the player's own network either, which alone gets uploads of ``sharing: lan``."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


def of_address(address: str) -> Reach:
    """Where an IP address leads. One that carries another (mapped, 6to4, NAT64) leads where that one does.

    Raises ValueError for anything but an IP address.
    """
    ip = _carried(ipaddress.ip_address(address.partition("%")[0]))
    if ip.is_loopback:
        return Reach.LOOPBACK
    if any(ip in network for network in _PRIVATE):
        return Reach.PRIVATE
    return Reach.PUBLIC if ip.is_global and not (ip.is_multicast or ip.is_reserved) else Reach.NOWHERE


def _carried(ip: _Address) -> _Address:
    if ip.version == 4 or ip.is_loopback:
        return ip
    if ip.ipv4_mapped or ip.sixtofour:
        return ip.ipv4_mapped or ip.sixtofour or ip
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 or ip in _COMPATIBLE else ip


def of_host(host: str) -> Reach | None:
    """Where the host of a URL leads, in any spelling of an address that systems accept; None for a name to look up."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return Reach.LOOPBACK
    try:
        return of_address(name)
    except ValueError:
        pass
    try:
        return of_address(socket.inet_ntoa(socket.inet_aton(name)))  # also 127.1, 0177.0.0.1, 0x7f000001, 2130706433
    except (OSError, ValueError):
        return None


def is_allowed(there: Reach, pinned: Reach) -> bool:
    """Whether a feed that was added at ``pinned`` may use an address that leads ``there``."""
    return there is Reach.PUBLIC or there is pinned is not Reach.NOWHERE


def of_url(url: str) -> Reach:
    """Where a URL leads as written. A name counts as public; its addresses are judged when a connection is made."""
    try:
        return of_host(urlsplit(url).hostname or "") or Reach.PUBLIC
    except ValueError:
        return Reach.NOWHERE


def may_name(url: str, pinned: Reach) -> bool:
    """Whether a feed added at ``pinned`` may name this URL. Names are not looked up."""
    return is_allowed(of_url(url), pinned)

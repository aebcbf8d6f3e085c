"""Which uploads the player's settings allow, and which ports they open. Pure."""

import ipaddress
from dataclasses import dataclass, replace
from typing import Literal

from patcher.config import Settings

LOCAL_NETWORKS = tuple(
    map(
        ipaddress.ip_network,
        (
            "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
            "::1/128", "fc00::/7", "fe80::/10",
        ),
    )
)  # fmt: skip
"""The local network: loopback, private and link-local addresses (RFC 1918, 3927, 4193)."""

PeerScope = Literal["none", "lan", "all"]
"""The peers that a torrent talks to."""


def allowed(settings: Settings, month_uploaded_bytes: int = 0) -> Settings:
    """The settings with sharing off if no peers are allowed, or if the month's cap is used up.

    Without peers there is no local discovery either.
    """
    if settings.peers == "none":
        return replace(settings, sharing="off", local_discovery=False)
    is_spent = 0 < settings.monthly_upload_cap_bytes <= month_uploaded_bytes
    return replace(settings, sharing="off") if is_spent else settings


@dataclass(frozen=True, slots=True)
class OpenPorts:
    """What is open to the network. A torrent that may talk to no peer is not announced to trackers either."""

    listens: bool
    """On TCP and UDP at the player's address. libtorrent asks trackers and finds neighbours only from such a port."""
    discovers: bool
    """Sends and hears multicast in the local network (BEP 14)."""
    fetched: PeerScope
    """The peers that a fetched torrent talks to, whichever side connects."""
    offered: PeerScope
    """The peers that an offered torrent talks to, whichever side connects."""


def open_ports(allowed: Settings, *, fetches: bool, offers: bool) -> OpenPorts:
    """No port is open unless something is fetched from peers, or may be uploaded to them.

    fetches, offers: whether the session holds torrents of either kind.
    """
    fetched: PeerScope = allowed.peers if fetches else "none"
    offered: PeerScope = "none"
    if offers and allowed.sharing != "off":
        offered = "lan" if allowed.sharing == "lan" else allowed.peers
    listens = (fetched, offered) != ("none", "none")
    return OpenPorts(listens, listens and allowed.local_discovery, fetched, offered)


def is_local(address: str) -> bool:
    """Whether an IP address, as text, lies in the local network."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(ip in network for network in LOCAL_NETWORKS)

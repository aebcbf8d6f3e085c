"""From settings to allowances (upload or not, to whom, how fast), and from those to open ports. Pure."""

import ipaddress
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What counts beside the settings."""

    month_uploaded_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Allowances:
    """What the session may do. A limit of 0 means none; limits hold for the local network too."""

    upload: Literal["off", "lan", "everyone"]
    peers: PeerScope
    upload_limit_bps: int
    download_limit_bps: int
    discover: bool
    """Look for peers in the local network by multicast."""


def allowances(settings: Settings, surroundings: Surroundings | None = None) -> Allowances:
    """Nothing is uploaded where no peers are allowed, nor for the rest of a month whose cap is used up."""
    uploaded = surroundings.month_uploaded_bytes if surroundings else 0
    spent = 0 < settings.monthly_upload_cap_bytes <= uploaded
    return Allowances(
        upload="off" if spent or settings.peers == "none" else settings.sharing,
        peers=settings.peers,
        upload_limit_bps=settings.upload_limit_bps,
        download_limit_bps=settings.download_limit_bps,
        discover=settings.local_discovery and settings.peers != "none",
    )


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


def open_ports(allowed: Allowances, *, fetches: bool, offers: bool) -> OpenPorts:
    """No port is open unless something is fetched from peers, or may be uploaded to them.

    fetches, offers: whether the session holds torrents of either kind.
    """
    fetched: PeerScope = allowed.peers if fetches else "none"
    offered: PeerScope = "none"
    if offers and allowed.upload != "off":
        offered = "lan" if allowed.upload == "lan" else allowed.peers
    listens = (fetched, offered) != ("none", "none")
    return OpenPorts(listens, listens and allowed.discover, fetched, offered)


def is_local(address: str) -> bool:
    """Whether an IP address, as text, lies in the local network."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(ip in network for network in LOCAL_NETWORKS)

"""Which uploads and rates the player's settings allow as things are, and which ports they open. Pure."""

import ipaddress
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit

from patcher.config import Settings, hours
from patcher.protocol.events import Held

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
    """How things are, as far as the system says. What is not known does not hold."""

    is_playing: bool = False
    on_battery: bool = False
    is_metered: bool = False
    by_vpn: bool = False
    minute: int = 0
    """Of the day, by the player's clock."""


CALM = Surroundings()
"""Nothing is known that would hold sharing back."""


def held(settings: Settings, month_uploaded_bytes: int, around: Surroundings) -> Held:
    """The first reason for which less is shared than the settings say."""
    if settings.sharing == "off" or settings.peers == "none" or (settings.exempt_lan and settings.sharing == "lan"):
        return Held.NONE
    holds = {
        Held.CAP: 0 < settings.monthly_upload_cap_bytes <= month_uploaded_bytes,
        Held.BATTERY: around.on_battery and not settings.share_on_battery,
        Held.METERED: around.is_metered and not settings.share_on_metered,
        Held.VPN: around.by_vpn and not settings.share_over_vpn,
    }
    return next((reason for reason, is_so in holds.items() if is_so), Held.NONE)


def allowed(settings: Settings, month_uploaded_bytes: int = 0, around: Surroundings = Surroundings()) -> Settings:
    """The settings with less sharing while it is `held`, and with the lower limits while those count.

    Without peers there is no sharing, and no local discovery either.
    """
    if settings.peers == "none":
        settings = replace(settings, sharing="off", local_discovery=False)
    if held(settings, month_uploaded_bytes, around):
        settings = replace(settings, sharing="lan" if settings.exempt_lan else "off")
    return _lowered(settings) if _is_low(settings, around) else settings


def _is_low(settings: Settings, around: Surroundings) -> bool:
    if settings.low_while_playing and around.is_playing:
        return True
    return any(_covers(start, end, around.minute) for start, end in hours(settings.low_hours))


def _covers(start: int, end: int, minute: int) -> bool:
    """Whether a minute lies in a span of the day, which may go on after midnight."""
    return start <= minute < end if start < end else minute >= start or minute < end


def _lowered(settings: Settings) -> Settings:
    """With the lower of each two limits; 0 is none."""
    upload = (settings.upload_limit_bps, settings.low_upload_limit_bps)
    download = (settings.download_limit_bps, settings.low_download_limit_bps)
    return replace(
        settings,
        upload_limit_bps=min(filter(None, upload), default=0),
        download_limit_bps=min(filter(None, download), default=0),
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
    maps: bool
    """Asks the router to let players of the Internet in (UPnP, NAT-PMP, PCP)."""

    @property
    def goes_outside(self) -> bool:
        """Whether any torrent talks to players of the Internet."""
        return "all" in (self.fetched, self.offered)


def open_ports(allowed: Settings, *, fetches: bool, offers: bool) -> OpenPorts:
    """No port is open unless something is fetched from peers, or may be uploaded to them.

    fetches, offers: whether the session holds torrents of either kind.
    """
    fetched: PeerScope = allowed.peers if fetches else "none"
    offered: PeerScope = "none"
    if offers and allowed.sharing != "off":
        offered = "lan" if allowed.sharing == "lan" else allowed.peers
    listens = (fetched, offered) != ("none", "none")
    maps = allowed.sharing == "everyone" and "all" in (fetched, offered)
    return OpenPorts(listens, listens and allowed.local_discovery, fetched, offered, maps)


def stands_outside(tracker: str) -> bool:
    """Whether a tracker, by its URL, stands in the Internet: its players meet through routers, at uTP's pace.

    Those of a tracker at a local address are taken for neighbours, to whom TCP is faster and costs less.
    """
    try:
        host = urlsplit(tracker).hostname or "localhost"
    except ValueError:  # no URL
        return False
    try:
        return not is_local(host)
    except ValueError:  # a name
        return host.rpartition(".")[2] not in {"localhost", "local", "lan"}


def is_local(address: str) -> bool:
    """Whether an IP address, as text, lies in the local network."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(ip in network for network in LOCAL_NETWORKS)

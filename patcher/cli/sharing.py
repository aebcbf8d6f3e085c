"""With whom is shared now, whether the Internet reaches this player, and why, in words."""

from patcher.protocol.events import Held, Reachability, Snapshot

_HELD = {
    Held.CAP: "the monthly upload cap is reached",
    Held.BATTERY: "on battery",
    Held.METERED: "on a metered connection",
    Held.VPN: "the Internet is reached through a VPN",
}
_REACH = {
    "asking": "not known yet: routers are being asked",
    "seen": "reachable: a player connected from the Internet to port {port}",
    "mapped": "reachable: the router forwards port {port}",
    "public": "reachable, unless a firewall forbids it: this computer has the public address {address}",
    "double": "not reachable: the router has a private address itself ({address}), so another router stands before it",
    "refused": "not reachable: the router does not forward port {port} ({problem})",
    "private": "not reachable: this computer has a private address ({address}), and no router forwards a port by UPnP, "
    "NAT-PMP or PCP. Forward port {port} there by hand; until then, some players are met with the help of others",
}


def held_line(now: Snapshot) -> str:
    """Why less is shared than the player set; empty if nothing is held."""
    if not now.held:
        return ""
    what = "not sharing" if now.allowed_sharing == "off" else "sharing in the local network only"
    return f"{what}: {_HELD[now.held]}"


def reach_line(reach: Reachability) -> str:
    """Whether players of the Internet reach this one; empty if they need not."""
    words = _REACH.get(reach.why, "")
    return words.format(port=reach.port, address=reach.address or "unknown", problem=reach.problem)


def sharing_lines(now: Snapshot) -> list[str]:
    """What a player should know of both."""
    return [line[:1].upper() + line[1:] + "." for line in (held_line(now), reach_line(now.reach)) if line]

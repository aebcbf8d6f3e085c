"""Whether players of the Internet can reach this one: what routers said, and who connected.

An incoming TCP connection from the Internet is proof. One by uTP is none: two players that punch a hole (BEP 55) both
see the other one come in.
"""

import ipaddress
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import libtorrent as lt

from patcher.protocol.events import Reachability
from patcher.transfer.swarm.policy import is_local

_ROUTERS_ADDRESS = re.compile(r"(?:router external IP address|public IP address \[) ?([0-9a-f.:]+)")
"""How libtorrent's log says what UPnP and NAT-PMP answered; no alert has it if it is private."""
_SHARED = ipaddress.ip_network("100.64.0.0/10")
_ANSWER_S = 12.0
"""A router that will answer has done so; libtorrent tells of no other end of NAT-PMP."""
_NOBODY = "no router"
"""How libtorrent begins to say that nobody answered."""


def is_private(address: str) -> bool:
    """Whether no player of the Internet can dial an address: local, or of a provider's own NAT (RFC 6598)."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return is_local(address) or ip in _SHARED or ip.is_unspecified


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known so far."""

    port: int = 0
    """The one we listen at."""
    own: frozenset[str] = frozenset()
    """This computer's addresses."""
    router: str = ""
    """The address that a router says it has."""
    mapped: int = 0
    """The router's port for TCP; 0 while none is forwarded."""
    refusal: str = ""
    """Why it forwards none."""
    is_seen: bool = False
    """A player of the Internet connected."""


def judge(heard: Heard, waited_s: float) -> Reachability:
    """What follows: proof first, then what the router said in the time since it was asked."""
    outside = sorted(address for address in heard.own if not is_private(address))
    port = heard.mapped or heard.port
    if heard.is_seen:
        return Reachability("seen", port, heard.router)
    if heard.mapped:
        return Reachability("double" if heard.router and is_private(heard.router) else "mapped", port, heard.router)
    if outside:
        return Reachability("public", port, outside[0])
    if waited_s < _ANSWER_S:
        return Reachability("asking", port)
    if heard.refusal:
        return Reachability("refused", port, heard.router, heard.refusal)
    here = sorted(heard.own, key=lambda each: (":" in each, ipaddress.ip_address(each.partition("%")[0]).is_loopback))
    return Reachability("private", port, next(iter(here), ""))


class Evidence:
    """Collects from alerts what is `Heard`. Only the session's alert thread calls `note`."""

    def __init__(self) -> None:
        self._asked_at = math.inf
        self._heard = Heard()
        self._announced = 0

    def ask(self, *, is_wanted: bool) -> None:
        """Whether routers are asked for a port from now on."""
        if not is_wanted:
            self._asked_at = math.inf
        elif self._asked_at == math.inf:
            self._asked_at = time.monotonic()

    def forget(self) -> None:
        """Another port is opened, or none."""
        self._heard, self._announced = Heard(), 0

    def judged(self) -> Reachability:
        """What is known; nothing while no router is asked."""
        waited_s = time.monotonic() - self._asked_at
        return judge(self._heard, waited_s) if waited_s >= 0 else Reachability()

    def note(self, alert: lt.alert) -> bool:
        """Take in an alert. Returns whether trackers must hear of another port."""
        take = _TAKEN.get(type(alert))
        if take is None:
            return False
        self._heard = take(self._heard, alert)
        changed = self._heard.mapped not in {0, self._announced}
        self._announced = self._heard.mapped or self._announced
        return changed


def _listening(heard: Heard, alert: lt.listen_succeeded_alert) -> Heard:
    return replace(heard, port=alert.port, own=heard.own | {alert.address})


def _mapping(heard: Heard, alert: lt.portmap_alert) -> Heard:
    is_tcp = alert.map_protocol == lt.portmap_protocol.tcp
    return replace(heard, mapped=alert.external_port) if is_tcp else heard


def _refusing(heard: Heard, alert: lt.portmap_error_alert) -> Heard:
    words = str(alert.error.message())
    return heard if words.lower().startswith(_NOBODY) else replace(heard, refusal=words)


def _logging(heard: Heard, alert: lt.portmap_log_alert) -> Heard:
    found = _ROUTERS_ADDRESS.search(alert.message())
    return replace(heard, router=found[1]) if found else heard


def _incoming(heard: Heard, alert: lt.incoming_connection_alert) -> Heard:
    is_proof = alert.socket_type == lt.socket_type_t.tcp and not is_private(alert.endpoint[0])
    return replace(heard, is_seen=heard.is_seen or is_proof)


_TAKEN: dict[type[lt.alert], Callable[[Heard, Any], Heard]] = {
    lt.listen_succeeded_alert: _listening,
    lt.portmap_alert: _mapping,
    lt.portmap_error_alert: _refusing,
    lt.portmap_log_alert: _logging,
    lt.incoming_connection_alert: _incoming,
}

"""The numbers of a tracker: as JSON and for Prometheus, and never an address of a peer."""

import re

import requests

from patcher.serve.budgets import Limits
from patcher.serve.counters import CountersServer, TrackerCounts
from patcher.serve.peers import AnnounceEvent
from patcher.serve.tracker import HttpSide, Swarms, UdpSide
from tests.serve.test_tracker import HASH, connect, get, packet, query

_SAMPLE = re.compile(r'(shoal_tracker_[a-z_]+)(\{reason="[a-z_]+"\})? ([0-9]+)')


def busy() -> Swarms:
    """A tracker that was asked by both protocols, and refused for each reason."""
    swarms = Swarms(900, HASH.__eq__, Limits(host_asks=5))
    http, udp = HttpSide(swarms), UdpSide(swarms)
    get(http, query())
    udp.answer(packet(connect(udp, "192.0.2.2")), "192.0.2.2", 5000)
    get(http, query(4000, event=AnnounceEvent.STARTED.name.lower()), "2001:db8::1")
    get(http, "info_hash=" + "a" * 20, "192.0.2.3", "scrape")
    get(http, "info_hash=short")
    get(http, query(info_hash=bytes(20)), "192.0.2.4")
    udp.answer(packet(bytes(8)), "192.0.2.2", 5000)
    for _ in range(6):
        get(http, query(), "192.0.2.5")
    return swarms


REFUSED = {"wrong": 1, "not_served": 1, "connection_id": 1, "too_many": 1}


def test_announces_refusals_peers_and_swarms_are_counted() -> None:
    assert busy().tally() == TrackerCounts(3 + 5, 1, REFUSED, 4, 1)


def test_both_forms_say_the_same_and_name_no_peer() -> None:
    with CountersServer("127.0.0.1", 0, busy().tally) as server:
        with requests.get(server.url, timeout=10) as answer:
            assert answer.json() == {"announces": 8, "scrapes": 1, "refused": REFUSED, "peers": 4, "swarms": 1}
            text = answer.text
        with requests.get(f"{server.url}metrics", timeout=10) as answer:
            lines = [line for line in answer.text.splitlines() if not line.startswith("# TYPE ")]
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"
            text += answer.text
        with requests.get(f"{server.url}peers", timeout=10) as answer:
            assert answer.status_code == 404
    found = {match[1] + (match[2] or ""): int(match[3]) for line in lines if (match := _SAMPLE.fullmatch(line))}
    assert len(found) == len(lines)
    assert found["shoal_tracker_announces_total"] == 8
    assert found['shoal_tracker_refused_total{reason="not_served"}'] == 1
    assert "192.0.2" not in text and "2001:db8" not in text and HASH.hex() not in text


def test_processes_add_up_what_they_did_and_hold_the_same_peers() -> None:
    both = [TrackerCounts(5, 1, {"wrong": 1}, 7, 2), TrackerCounts(3, 0, {"wrong": 2, "too_many": 1}, 6, 2)]
    assert TrackerCounts.total(both) == TrackerCounts(8, 1, {"wrong": 3, "too_many": 1}, 7, 2)
    assert TrackerCounts.total([]) == TrackerCounts()

"""Announce and scrape as BEP 3, 7, 15, 23 and 48 have them, and nothing a stranger sends does harm."""

import contextlib
import socket
import struct
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

import bencode2
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from patcher.errors import UsageError
from patcher.serve.budgets import Limits
from patcher.serve.http import parse_head, url_host
from patcher.serve.tracker import SCRAPE_LIMIT, HttpSide, Swarms, Tracker, UdpSide

HASH = bytes(range(20))
PEER = b"-XX0001-abcdefghijkl"


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    with Tracker() as tracker:
        yield tracker


@pytest.fixture
def http() -> HttpSide:
    return HttpSide(Swarms(900, None))


@pytest.fixture
def udp() -> UdpSide:
    return UdpSide(Swarms(900, None))


def get(side: HttpSide, query: str, host: str = "192.0.2.1", verb: str = "announce") -> dict[bytes, object]:
    answer = side.answer(parse_head(f"GET /{verb}?{query} HTTP/1.1".encode(), host))
    assert answer.status == 200
    assert isinstance(answer.body, bytes)
    decoded = bencode2.bdecode(answer.body)
    assert isinstance(decoded, dict)
    return decoded


def query(port: object = 3000, left: object = 1, info_hash: bytes = HASH, **more: object) -> str:
    fields = {"port": port, "left": left, "uploaded": 0, "downloaded": 0, **more}
    words = [f"info_hash={quote_from_bytes(info_hash)}", f"peer_id={PEER.decode()}"]
    return "&".join(words + [f"{name}={value}" for name, value in fields.items()])


def connect(side: UdpSide, host: str = "192.0.2.1") -> bytes:
    answer = side.answer(struct.pack("!QII", 0x41727101980, 0, 7), host, 5000)
    assert answer is not None
    assert struct.unpack_from("!II", answer) == (0, 7)
    return answer[8:]


def packet(connection: bytes, port: int = 3000, left: int = 1, event: int = 0, want: int = -1) -> bytes:
    head = connection + struct.pack("!II20s20sQQQ", 1, 9, HASH, PEER, 0, left, 0)
    return head + struct.pack("!IIIiH", event, 0x7F000001, 0, want, port)


# ---------------------------------------------------------------- HTTP


def test_http_peers_hear_of_each_other(http: HttpSide) -> None:
    first = get(http, query(event="started"))
    assert first == {
        b"interval": first[b"interval"],
        b"min interval": 60,
        b"complete": 0,
        b"incomplete": 1,
        b"peers": b"",
    }
    second = get(http, query(4000, left=0), "192.0.2.2")
    assert second[b"peers"] == bytes([192, 0, 2, 1]) + (3000).to_bytes(2)
    assert (second[b"complete"], second[b"incomplete"]) == (1, 1)


def test_http_spells_peers_out_when_asked(http: HttpSide) -> None:
    get(http, query())
    get(http, query(), "2001:db8::1")
    told = get(http, query(4000, compact=0), "192.0.2.2")[b"peers"]
    assert told == [{b"ip": b"192.0.2.1", b"port": 3000}, {b"ip": b"2001:db8::1", b"port": 3000}]


def test_http_tells_both_families(http: HttpSide) -> None:
    get(http, query())
    get(http, query(), "2001:db8::1")
    told = get(http, query(4000), "2001:db8::2")
    assert told[b"peers"] == bytes([192, 0, 2, 1]) + (3000).to_bytes(2)
    assert told[b"peers6"] == socket.inet_pton(socket.AF_INET6, "2001:db8::1") + (3000).to_bytes(2)


def test_an_address_is_where_a_packet_came_from(http: HttpSide) -> None:
    get(http, query(ip="203.0.113.9", ipv6="[2001:db8::9]:80"))
    assert get(http, query(4000), "192.0.2.2")[b"peers"] == bytes([192, 0, 2, 1]) + (3000).to_bytes(2)


def test_a_whole_v2_hash_means_the_cut_one(http: HttpSide) -> None:
    get(http, query(info_hash=HASH + bytes(12)))
    assert get(http, query(4000), "192.0.2.2")[b"incomplete"] == 2


def test_http_gives_as_many_peers_as_wanted_and_no_more_than_200(http: HttpSide) -> None:
    for host in range(1, 251):
        get(http, query(), f"192.0.{host}.1")
    for want, given_ in ((0, 0), (7, 7), (-1, 50), (100_000, 200)):
        told = get(http, query(4000, numwant=want), "198.51.100.2")[b"peers"]
        assert isinstance(told, bytes)
        assert len(told) == 6 * given_


def test_a_peer_that_stops_is_told_of_no_more(http: HttpSide) -> None:
    get(http, query())
    assert get(http, query(event="stopped"))[b"peers"] == b""
    assert get(http, query(4000), "192.0.2.2")[b"peers"] == b""


def test_http_scrape_counts(http: HttpSide) -> None:
    get(http, query(left=0, event="completed"))
    get(http, query(), "192.0.2.2")
    other = bytes(20)
    both = f"info_hash={quote_from_bytes(HASH)}&info_hash={quote_from_bytes(other)}"
    assert get(http, both, verb="scrape")[b"files"] == {
        HASH: {b"complete": 1, b"downloaded": 1, b"incomplete": 1},
        other: {b"complete": 0, b"downloaded": 0, b"incomplete": 0},
    }


@pytest.mark.parametrize(
    "asked",
    [
        "", "info_hash=abc", query().replace("info_hash", "infohash"), query().replace("peer_id=-", "peer_id="),
        query(70_000), query(port=-1), query(port="1_0"), query(port="%D9%A1"), query(left=-2), query(left="x"),
        query(left=10**19), query(numwant="many"), query() + "&port=5", query().replace("port=3000", ""),
    ],
)  # fmt: skip
def test_a_wrong_announce_gets_a_reason(http: HttpSide, asked: str) -> None:
    assert list(get(http, asked)) == [b"failure reason"]


@pytest.mark.parametrize("count", [0, SCRAPE_LIMIT + 1])
def test_a_scrape_has_bounds(http: HttpSide, count: int) -> None:
    asked = "&".join(["info_hash=" + "a" * 20] * count)
    assert list(get(http, asked, verb="scrape")) == [b"failure reason"]


@given(st.integers(0, 200), st.binary(max_size=3), st.integers(0, 3))
def test_mutants_of_an_announce_get_an_answer(at: int, bytes_in: bytes, bytes_out: int) -> None:
    asked = query(event="started", compact=1, numwant=50)
    asked = asked[:at] + quote_from_bytes(bytes_in, safe="&=%+") + asked[at + bytes_out :]
    told = get(HttpSide(Swarms(900, None)), asked)
    assert b"failure reason" in told or b"peers" in told


# ---------------------------------------------------------------- UDP


def test_udp_peers_hear_of_each_other(udp: UdpSide) -> None:
    first = udp.answer(packet(connect(udp)), "192.0.2.1", 5000)
    second = udp.answer(packet(connect(udp, "192.0.2.2"), left=0), "192.0.2.2", 5000)
    assert first is not None
    assert second is not None
    assert (first[:8], first[12:]) == (struct.pack("!II", 1, 9), struct.pack("!II", 1, 0))
    assert (second[:8], second[12:]) == (first[:8], struct.pack("!II4BH", 1, 1, 192, 0, 2, 1, 3000))


def test_those_who_come_together_do_not_come_back_together(http: HttpSide, udp: UdpSide) -> None:
    connection, asked = connect(udp), dict[str, set[object]]()
    for _ in range(100):
        told = udp.answer(packet(connection), "192.0.2.1", 5000)
        assert told is not None
        asked.setdefault("udp", set()).add(int.from_bytes(told[8:12]))
        asked.setdefault("http", set()).add(get(http, query())[b"interval"])
    for waits in asked.values():
        assert len(waits) > 10
        assert waits <= set(range(900 - 900 // 8, 901))


def test_udp_over_ipv6_tells_ipv6(udp: UdpSide) -> None:
    for host in ("192.0.2.1", "2001:db8::1"):
        udp.answer(packet(connect(udp, host)), host, 5000)
    told = udp.answer(packet(connect(udp, "2001:db8::2")), "2001:db8::2", 5000)
    assert told is not None
    assert told[20:] == socket.inet_pton(socket.AF_INET6, "2001:db8::1") + (3000).to_bytes(2)


def test_udp_and_http_are_one_swarm() -> None:
    swarms = Swarms(900, None)
    udp, http = UdpSide(swarms), HttpSide(swarms)
    udp.answer(packet(connect(udp)), "192.0.2.1", 5000)
    assert get(http, query(4000), "192.0.2.2")[b"peers"] == bytes([192, 0, 2, 1]) + (3000).to_bytes(2)


def test_udp_scrape_counts(udp: UdpSide) -> None:
    connection = connect(udp)
    udp.answer(packet(connection, left=0, event=1), "192.0.2.1", 5000)
    asked = connection + struct.pack("!II", 2, 9) + HASH + bytes(20)
    assert udp.answer(asked, "192.0.2.1", 5000) == struct.pack("!II6I", 2, 9, 1, 1, 0, 0, 0, 0)
    many = connection + struct.pack("!II", 2, 9) + bytes(20 * SCRAPE_LIMIT)
    told = udp.answer(many, "192.0.2.1", 5000)
    assert told is not None
    assert len(told) == 8 + 12 * SCRAPE_LIMIT


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_an_udp_answer_fits_one_packet(udp: UdpSide, host: str) -> None:
    for number in range(400):
        peer = host.replace("192.0", f"192.{number % 256}").replace("db8:", f"db8:{number:x}:") + str(number % 7)
        udp.answer(packet(connect(udp, peer), 2000 + number), peer, 5000)
    told = udp.answer(packet(connect(udp, host), want=100_000), host, 5000)
    assert told is not None
    assert 1000 < len(told) <= 1232


def test_a_connection_id_belongs_to_an_address_and_to_two_minutes() -> None:
    begin = now = 1000.9
    udp = UdpSide(Swarms(900, None), clock=lambda: now)
    connection = connect(udp)
    for later in (*range(400), 512, 512 + 60, 86_400, 1 << 32, 1 << 40):
        now = begin + later
        told = udp.answer(packet(connection), "192.0.2.1", 6000)
        assert told is not None
        assert (told[:4] == b"\0\0\0\1") is (later <= 120)
    now = begin
    for host in ("192.0.2.2", "2001:db8::1"):
        assert udp.answer(packet(connection), host, 5000) == struct.pack("!II", 3, 9) + b"connection id expired"


def test_a_computer_that_just_started_can_track() -> None:
    udp = UdpSide(Swarms(900, None), clock=lambda: 3.0)
    told = udp.answer(packet(connect(udp)), "192.0.2.1", 5000)
    assert told is not None
    assert told[:4] == b"\0\0\0\1"
    refused = udp.answer(packet(bytes(8)), "192.0.2.1", 5000)
    assert refused is not None
    assert refused[:4] == b"\0\0\0\3"


def heads(action: int) -> bytes:
    """The shortest packet with an action."""
    return bytes(8) + struct.pack("!II", action, 9)


@pytest.mark.parametrize(
    "asked",
    [
        struct.pack("!QII", 0x41727101980, 0, 7), packet(bytes(8)), packet(bytes(8))[:-1], heads(1), heads(2),
        heads(2) + HASH, heads(2) + bytes(20 * SCRAPE_LIMIT), heads(3), heads(1) + bytes(12), heads(1) + bytes(13),
    ],
)  # fmt: skip
@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_nobody_can_be_flooded_with_our_answers(udp: UdpSide, asked: bytes, host: str) -> None:
    told = udp.answer(asked, host, 5000)
    assert len(told or b"") <= len(asked)


def test_two_trackers_do_not_answer_each_other_for_ever(udp: UdpSide) -> None:
    error = udp.answer(packet(bytes(8)), "192.0.2.1", 6969)
    connected = udp.answer(struct.pack("!QII", 0x41727101980, 0, 7), "192.0.2.1", 6969)
    for answer in (error, connected):
        assert answer is not None
        assert UdpSide(Swarms(900, None)).answer(answer, "192.0.2.1", 6969) is None


def test_a_spoofed_flood_takes_nothing_of_the_budget_of_its_victim() -> None:
    udp = UdpSide(Swarms(900, None, Limits(host_asks=1)))
    for _ in range(10):
        udp.answer(packet(bytes(8)), "192.0.2.1", 5000)
    connection = connect(udp)
    answers = [udp.answer(packet(connection), "192.0.2.1", 5000) for _ in range(2)]
    assert [answer and answer[:4] for answer in answers] == [b"\0\0\0\1", b"\0\0\0\3"]


@pytest.mark.parametrize("wrong", ["short", "event", "scrape of none", "scrape of a half", "scrape of many"])
def test_a_wrong_packet_gets_a_reason(udp: UdpSide, wrong: str) -> None:
    connection = connect(udp)
    scrape = connection + struct.pack("!II", 2, 9)
    packets = {
        "short": packet(connection)[:-1],
        "event": packet(connection, event=4),
        "scrape of none": scrape,
        "scrape of a half": scrape + bytes(30),
        "scrape of many": scrape + bytes(20 * SCRAPE_LIMIT + 20),
    }
    told = udp.answer(packets[wrong], "192.0.2.1", 5000)
    assert told is not None
    assert told[:8] == struct.pack("!II", 3, 9)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(lambda action, rest: heads(action) + rest, st.integers(0, 4), st.binary(max_size=200)),
    )
)
def test_noise_gets_no_answer_larger_than_itself(noise: bytes) -> None:
    told = UdpSide(Swarms(900, None)).answer(noise, "192.0.2.1", 5000)
    assert told is None or (told[:4] == b"\0\0\0\3" and len(told) <= len(noise))


@given(st.integers(8, 98), st.binary(max_size=4), st.integers(0, 40))
def test_mutants_of_a_packet_do_no_harm(at: int, bytes_in: bytes, bytes_out: int) -> None:
    udp = UdpSide(Swarms(900, None))
    good = packet(connect(udp))
    told = udp.answer(good[:at] + bytes_in + good[at + bytes_out :], "192.0.2.1", 5000)
    assert told is None or len(told) >= 8
    assert udp.answer(good, "192.0.2.1", 5000) is not None


# ---------------------------------------------------------------- both, as they listen


def test_a_tracker_serves_only_what_it_is_allowed_to() -> None:
    with Tracker(allowed=HASH.__eq__) as tracker:
        for info_hash, key in ((HASH, b"peers"), (bytes(20), b"failure reason")):
            with requests.get(f"{tracker.http_url}?{query(info_hash=info_hash)}", timeout=10) as answer:
                assert key in bencode2.bdecode(answer.content)


def test_garbage_from_the_network_ends_nothing(tracker: Tracker) -> None:
    port = int(tracker.udp_url.rpartition(":")[2].removesuffix("/announce"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.settimeout(10)
        for length in (0, 1, 15, 16, 98, 2048, 9000):
            client.send(bytes(length))
        client.send(struct.pack("!QII", 0x41727101980, 0, 7))
        while (answer := client.recv(100))[:8] != struct.pack("!II", 0, 7):
            assert answer[:4] == b"\0\0\0\3"


def test_one_protocol_may_be_left_out() -> None:
    with Tracker(udp=None) as http_only, Tracker(http=None) as udp_only:
        assert (http_only.udp_url, udp_only.http_url) == ("", "")
        assert http_only.http_url.startswith("http://127.0.0.1:")
        assert udp_only.udp_url.startswith("udp://127.0.0.1:")


def test_a_taken_port_leaves_nothing_open(tracker: Tracker) -> None:
    port = int(tracker.udp_url.rpartition(":")[2].removesuffix("/announce"))
    with pytest.raises(UsageError) as caught:
        Tracker(udp=("127.0.0.1", port))
    assert caught.value.code == "usage.port"
    assert caught.value.facts == {"host": "127.0.0.1", "port": port}


def test_listening_everywhere_takes_both_families() -> None:
    hosts = ["127.0.0.1", "::1"] if _has_ipv6() else ["127.0.0.1"]
    with Tracker(("::", 0), ("::", 0)) as tracker:
        urls = [tracker.http_url.replace("[::]", url_host(host)) for host in hosts]
        for url in (*urls, urls[0]):
            with requests.get(f"{url}?{query()}", timeout=10) as answer:
                assert answer.status_code == 200
        with requests.get(f"{urls[0]}?{query(4000)}", timeout=10) as answer:
            told = bencode2.bdecode(answer.content)
    assert told[b"incomplete"] == len(hosts) + 1
    assert told[b"peers"] == bytes([127, 0, 0, 1]) + (3000).to_bytes(2)
    assert ("::1" in hosts) == (told.get(b"peers6") == bytes(15) + b"\1" + (3000).to_bytes(2))


def _has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False

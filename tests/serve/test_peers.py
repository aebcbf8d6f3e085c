"""Who is told of whom, for how long, and within which bounds."""

import cProfile
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.serve.addresses import BUFFER_ADDRESSES, split
from patcher.serve.peers import LOWEST_PORT, Announce, AnnounceEvent, Counts, Peers
from patcher.serve.sites import Sites

HASH = bytes(20)
TTL_S = 100


def address(number: int, width: int = 6) -> bytes:
    """The compact address of a peer of its own network, on the lowest port."""
    ip = number.to_bytes(3) + b"\1" if width == 6 else number.to_bytes(6) + bytes(10)
    return ip + LOWEST_PORT.to_bytes(2)


def say(peers: Peers, peer: bytes, left: int = 1, event: int = 0, now: int = 0, info_hash: bytes = HASH) -> Counts:
    return peers.announce(Announce(info_hash, peer, left, event), now)


def told(peers: Peers, peer: bytes, left: int = 1, want: int = 50) -> list[bytes]:
    width = len(peer)
    flat = peers.sample(Announce(HASH, peer, left, 0), width, want)
    assert len(flat) % width == 0
    return [flat[at : at + width] for at in range(0, len(flat), width)]


@pytest.mark.parametrize("width", [6, 18])
def test_peers_hear_of_each_other_and_never_of_themselves(width: int) -> None:
    peers = Peers(TTL_S)
    everybody = {address(number, width) for number in range(10)}
    for one in everybody:
        say(peers, one)
    for one in everybody:
        assert set(told(peers, one)) == everybody - {one}


def test_families_do_not_mix() -> None:
    peers = Peers(TTL_S)
    say(peers, address(1, 6))
    say(peers, address(2, 18))
    ask = Announce(HASH, address(1, 6), 1, 0)
    assert peers.sample(ask, 18, 50) == address(2, 18)
    assert peers.sample(ask, 6, 50) == b""


@pytest.mark.parametrize("want", [1, 7, 11, 12, 15, 50, 99, 200])
@pytest.mark.parametrize("count", [2, 12, 16, 100, 101, 1000])
def test_an_answer_holds_as_many_distinct_peers_as_wanted(count: int, want: int) -> None:
    peers = Peers(TTL_S)
    for number in range(count):
        say(peers, address(number), left=number % 3)
    last = max(number for number in range(count) if number % 3)
    stranger = address(count + 5)
    for asker in (address(1), address(last), stranger):
        for _ in range(10):
            found = told(peers, asker, want=want)
            assert len(found) == len(set(found)) == min(want, count - (asker != stranger))
            assert asker not in found


def test_every_peer_of_a_large_swarm_is_told_of_alike() -> None:
    peers = Peers(TTL_S)
    for number in range(500):
        say(peers, address(number))
    times = Counter(one for _ in range(1000) for one in told(peers, address(600), want=50))
    assert len(times) == 500
    assert max(times.values()) < 3 * min(times.values())


def test_a_seed_is_not_told_of_seeds() -> None:
    peers = Peers(TTL_S)
    for number in range(4):
        say(peers, address(number), left=number % 2)
    assert set(told(peers, address(0), left=0)) == {address(1), address(3)}


def test_a_downloader_hears_of_seeds_and_of_others() -> None:
    peers = Peers(TTL_S)
    for number in range(200):
        say(peers, address(number), left=number % 2)
    found = told(peers, address(999), want=50)
    assert 20 <= sum(int.from_bytes(one[:3]) % 2 for one in found) <= 30


def test_numbers_follow_a_peer_through_its_life() -> None:
    peers = Peers(TTL_S)
    assert say(peers, address(1), left=5, event=AnnounceEvent.STARTED) == (0, 0, 1)
    assert say(peers, address(2), left=0, event=AnnounceEvent.STARTED) == (1, 0, 1)
    assert say(peers, address(1), left=0, event=AnnounceEvent.COMPLETED) == (2, 1, 0)
    assert say(peers, address(1), left=0, event=AnnounceEvent.STOPPED) == (1, 1, 0)
    assert say(peers, address(2), left=0, event=AnnounceEvent.STOPPED) == Counts()
    assert len(peers) == 0


def test_a_peer_that_is_silent_is_forgotten() -> None:
    peers = Peers(TTL_S)
    say(peers, address(1), now=1000)
    say(peers, address(2), now=1050)
    say(peers, address(3), now=1000 + TTL_S)
    assert told(peers, address(3)) == [address(1), address(2)]
    say(peers, address(3), now=1001 + TTL_S)
    assert told(peers, address(3)) == [address(2)]
    assert len(peers) == 2


def test_a_silent_swarm_is_forgotten_by_announces_elsewhere() -> None:
    peers = Peers(TTL_S)
    for number in range(1000):
        say(peers, address(number))
    for now in range(1, 200):
        say(peers, address(5000), now=TTL_S + now, info_hash=b"x" * 20)
    assert peers.counts(HASH) == Counts()
    assert len(peers) == 1


@pytest.mark.parametrize("count", [BUFFER_ADDRESSES, BUFFER_ADDRESSES + 1, 40 * BUFFER_ADDRESSES])
def test_a_swarm_that_grew_and_shrank_forgets_who_is_silent(count: int) -> None:
    peers = Peers(TTL_S)
    for number in range(count):
        say(peers, address(number))
    for number in range(0, count, 16):
        say(peers, address(number), now=TTL_S)
    for number in range(0, count, 2):
        if number % 16:
            say(peers, address(number), now=TTL_S, event=AnnounceEvent.STOPPED)
    for _ in range(count):
        say(peers, address(0), now=TTL_S + 1)
    living = {address(number) for number in range(0, count, 16)}
    assert set(told(peers, address(count), want=count)) == living
    assert len(peers) == len(living)


@pytest.mark.parametrize("port", [0, 1, 80, LOWEST_PORT - 1])
def test_a_port_of_another_service_is_answered_and_told_to_nobody(port: int) -> None:
    peers = Peers(TTL_S)
    say(peers, address(1))
    nowhere = address(2)[:4] + port.to_bytes(2)
    assert say(peers, nowhere) == (0, 0, 1)
    assert told(peers, nowhere) == [address(1)]
    assert told(peers, address(1)) == []


def test_a_count_of_downloads_fits_its_packet() -> None:
    peers = Peers(TTL_S)
    say(peers, address(1))
    peers._swarms[HASH].downloaded = 0xFFFFFFFE
    for _ in range(3):
        say(peers, address(1), left=0, event=AnnounceEvent.COMPLETED)
    assert peers.counts(HASH).downloaded == 0xFFFFFFFF


def test_swarms_that_came_and_went_leave_nothing() -> None:
    peers = Peers(TTL_S)
    say(peers, address(1), info_hash=b"x" * 20)
    for number in range(100):
        for left, event in ((1, AnnounceEvent.STARTED), (0, AnnounceEvent.COMPLETED), (0, AnnounceEvent.STOPPED)):
            say(peers, address(2), left, event, info_hash=number.to_bytes(20))
    assert len(peers) == len(peers._swarms) == 1


STEPS = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.integers(0, 1),
        st.sampled_from(AnnounceEvent),
        st.integers(0, 60),
        st.sampled_from([6, 18]),
    ),
    max_size=60,
)


@given(STEPS)
def test_any_order_of_announces_agrees_with_a_plain_list(steps: list[tuple[int, int, AnnounceEvent, int, int]]) -> None:
    peers, plain, now = Peers(TTL_S), dict[bytes, tuple[int, int]](), 0
    for number, left, event, wait, width in steps:
        now += wait
        one = address(number, width)
        say(peers, one, left, event, now)
        plain.pop(one, None)
        if event != AnnounceEvent.STOPPED:
            plain = {key: value for key, value in plain.items() if value[1] + TTL_S >= now}
            plain[one] = (left, now)
            assert set(told(peers, one, left)) == {
                key for key, (of, _) in plain.items() if len(key) == width and key != one and (left or of)
            }
            complete = sum(not of for of, _ in plain.values())
            counts = peers.counts(HASH)
            assert (counts.complete, counts.incomplete) == (complete, len(plain) - complete)
    assert len(peers) >= sum(seen + TTL_S >= now for _, seen in plain.values())


# ---------------------------------------------------------------- near ones first


def _host(*numbers: int, port: int = 2000) -> bytes:
    return bytes(numbers) + port.to_bytes(2)


def _in(network: str, last: int) -> bytes:
    return _host(*map(int, network.split(".")), last)


@pytest.mark.parametrize("left", [0, 1])
def test_who_is_in_the_same_network_is_told_first_and_a_share_comes_from_anywhere(left: int) -> None:
    peers = Peers(TTL_S)
    for number in range(2000):
        say(peers, address(number))
    at_home = {_host(200, 1, 1, 7, port=port) for port in (2000, 2001, 2002)}
    next_door = {_host(200, 1, 1, number) for number in range(100, 108)}
    for one in at_home | next_door:
        say(peers, one)
    found = told(peers, _host(200, 1, 1, 7), left, want=20)
    assert at_home - {_host(200, 1, 1, 7)} <= set(found[:2])
    assert next_door == set(found[2:10])
    assert len(found) == len(set(found)) == 20
    few = told(peers, _host(200, 1, 1, 7), left, want=10)
    assert len(set(few) & (at_home | next_door)) == 8
    assert len(few) == 10


RACKS = Sites(
    [
        "10.1.0.0/16    eu/fra1",
        "10.1.1.0/24    eu/fra1/rack1  # the small one",
        "10.1.2.0/24    eu/fra1/rack2",
        "",
        "10.2.1.0/24    eu/ams1/rack1",
        "10.3.0.0/16    us/nyc1/rack1",
        "2001:db8:1::/48 eu/fra1/rack1",
    ]
)


def _fleet(*racks: str) -> Peers:
    """A swarm with five servers in each of these networks, the last number of their addresses from 1 to 5."""
    peers = Peers(TTL_S, sites=RACKS)
    for rack in racks:
        for number in range(1, 6):
            say(peers, _in(rack, number), left=number % 2)
    return peers


def _networks(found: list[bytes]) -> Counter[str]:
    return Counter(".".join(map(str, one[:3])) for one in found)


def test_one_server_of_a_rack_is_told_of_other_racks_and_only_of_one_server_in_each() -> None:
    peers = _fleet("10.1.1", "10.1.2", "10.2.1", "10.3.1")
    for rack in ("10.1.1", "10.1.2", "10.2.1", "10.3.1"):
        for number in range(1, 6):
            found = told(peers, _in(rack, number))
            others = [one for one in found if one[:3] != _in(rack, number)[:3]]
            assert len(found) - len(others) == 4
            assert {one[3] for one in others} == ({1} if number == 1 else set())
            assert len(_networks(others)) == len(others) == (3 if number == 1 else 0)


def test_who_came_first_is_the_gate_of_its_rack_until_it_goes() -> None:
    peers = _fleet("10.1.1", "10.2.1")
    say(peers, _in("10.1.1", 1), left=0)
    assert _networks(told(peers, _in("10.1.1", 1)))["10.2.1"] == 1
    say(peers, _in("10.1.1", 1), event=AnnounceEvent.STOPPED)
    assert _networks(told(peers, _in("10.1.1", 4)))["10.2.1"] == 0
    say(peers, _in("10.1.1", 4))
    assert _networks(told(peers, _in("10.1.1", 4)))["10.2.1"] == 1


def test_a_gate_that_falls_silent_is_followed_by_another() -> None:
    peers = _fleet("10.1.1", "10.2.1")
    for server in (_in("10.2.1", 1), *(_in("10.1.1", number) for number in range(2, 6))):
        say(peers, server, now=TTL_S + 1)
    gates = [number for number in range(2, 6) if _networks(told(peers, _in("10.1.1", number)))["10.2.1"]]
    assert len(gates) == 1


def test_two_complete_gates_do_not_hear_of_each_other() -> None:
    peers = _fleet("10.1.1", "10.2.1")
    say(peers, _in("10.1.1", 1), left=0)
    say(peers, _in("10.2.1", 1), left=0)
    assert _networks(told(peers, _in("10.1.1", 1), 0))["10.2.1"] == 0


def test_the_gates_that_are_told_differ_so_that_no_rack_is_alone() -> None:
    peers = _fleet("10.1.1", "10.1.2", "10.2.1", "10.3.1", "192.0.2")
    seen = Counter[str]()
    for _ in range(100):
        seen += _networks(told(peers, _host(10, 1, 1, 1)))
    assert set(seen) == {"10.1.1", "10.1.2", "10.2.1", "10.3.1", "192.0.2"}


@pytest.mark.parametrize(
    ("alone", "nearest"), [("10.1.1", "10.1.2"), ("10.1.2", "10.1.7"), ("10.1.2", "10.2.1"), ("10.3.1", "192.0.2")]
)
def test_a_server_alone_in_its_rack_is_told_of_the_nearest_area_with_others(alone: str, nearest: str) -> None:
    peers = _fleet(nearest)
    asker = _in(alone, 9)
    say(peers, asker)
    assert len(told(peers, asker)) == (5 if nearest == "192.0.2" else 1)


def test_the_smallest_area_with_others_counts() -> None:
    peers = _fleet("10.1.2", "10.2.1", "10.3.1")
    asker = _host(10, 1, 1, 9)
    say(peers, asker)
    assert told(peers, asker)[0] == _in("10.1.2", 1)


def test_what_an_announce_costs_does_not_grow_with_the_racks() -> None:
    def work(racks: int) -> int:
        """Function calls of one announce and its answer."""
        peers = Peers(
            TTL_S, sites=Sites(f"10.{number >> 8}.{number & 255}.0/24 eu/{number}" for number in range(racks))
        )
        for number in range(racks):
            for last in range(1, 15):
                say(peers, _host(10, number >> 8, number & 255, last))
        profile = cProfile.Profile(builtins=False)
        random.seed(1)
        profile.runcall(say, peers, _host(10, 0, 0, 1))
        profile.runcall(told, peers, _host(10, 0, 0, 1))
        return sum(entry.callcount for entry in profile.getstats())

    assert work(600) < 1.5 * work(20)


def test_one_answer_names_no_server_twice_in_either_family() -> None:
    peers = Peers(TTL_S, sites=RACKS)
    for number in range(1, 9):
        say(peers, bytes.fromhex("20010db80001") + bytes(9) + bytes([number]) + LOWEST_PORT.to_bytes(2))
    asker = Announce(HASH, _host(10, 1, 1, 1), 1, 0)
    for _ in range(20):
        found = split(peers.sample(asker, 18, 50), 18)
        assert len(found) == len(set(found)) == 8


def test_who_is_in_no_rack_is_told_of_everybody_in_none_and_of_each_rack_s_gate() -> None:
    peers = _fleet("10.1.1", "10.3.1", "192.0.2")
    assert _networks(told(peers, _host(192, 0, 2, 1))) == {"10.1.1": 1, "10.3.1": 1, "192.0.2": 4}


def test_a_fleet_is_counted_and_forgotten_as_a_whole() -> None:
    peers = _fleet("10.1.1", "10.3.1", "192.0.2")
    assert peers.counts(HASH) == (6, 0, 9)
    for network in ("10.1.1", "10.3.1", "192.0.2"):
        for number in range(1, 6):
            say(peers, _in(network, number), event=AnnounceEvent.STOPPED)
    assert peers.counts(HASH) == Counts()
    assert len(peers) == len(peers._swarms) == 0


@given(STEPS)
def test_with_a_map_too_any_order_of_announces_is_counted_right(
    steps: list[tuple[int, int, AnnounceEvent, int, int]],
) -> None:
    peers, plain, now = Peers(TTL_S, sites=RACKS), dict[bytes, bool](), 0
    for number, left, event, _, _ in steps:
        one = _host(10, number % 4, number % 3, 1)
        say(peers, one, left, event, now)
        plain.pop(one, None)
        if event != AnnounceEvent.STOPPED:
            plain[one] = bool(left)
            found = told(peers, one, left)
            assert one not in found
            assert len(found) == len(set(found))
            assert set(found) <= {key for key, of in plain.items() if left or of}
        counts = peers.counts(HASH)
        assert (counts.complete, counts.incomplete) == (len(plain) - sum(plain.values()), sum(plain.values()))
    assert len(peers) == len(plain)

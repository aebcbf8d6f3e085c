"""What one host, one network and everybody together may take of a tracker, whatever they send."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.serve.budgets import Budget, Limits
from patcher.serve.peers import Announce, AnnounceEvent, Peers
from patcher.serve.tracker import Refused, Swarms

LIMITS = Limits(
    peers=100, host_places=20, network_places=40, host_places_in_swarm=3, network_places_in_swarm=6, host_asks=5,
    network_asks=15, window_s=10,
)  # fmt: skip
ONE_SWARM = bytes(20)
NOBODY_ELSE = 1_000

Flood = Callable[[int], bytes]
"""The compact address from which a number speaks."""


def v4(host: int, port: int) -> bytes:
    return (0xC0000000 + host).to_bytes(4) + port.to_bytes(2)


def v6(host: int, port: int) -> bytes:
    return (0x2001_0DB8_0000_0000_0000_0000_0000_0000 + host).to_bytes(16) + port.to_bytes(2)


FLOODS: dict[str, tuple[Flood, bool, bool]] = {
    # by name: who speaks, whether that is one host, whether that is one network
    "IPv4, one address, its ports": (lambda n: v4(1, 1024 + n), True, True),
    "IPv4, the addresses of a /24": (lambda n: v4(n % 256, 1024 + n), False, True),
    "IPv4, all over the world": (lambda n: v4(n << 8, 1024), False, False),
    "IPv6, one address, its ports": (lambda n: v6(1, 1024 + n), True, True),
    "IPv6, the addresses of a /64": (lambda n: v6(n, 1024), True, True),
    "IPv6, the /64 of a /48": (lambda n: v6(n << 64, 1024), False, True),
    "IPv6, the /48 of a /32": (lambda n: v6(n << 80, 1024), False, False),
}


def say(
    peers: Peers, address: bytes, info_hash: bytes = ONE_SWARM, event: int = 0, left: int = 1, now: int = 0
) -> None:
    peers.announce(Announce(info_hash, address, left, event), now)


def most(is_host: bool, is_network: bool, host: int, network: int, everybody: int) -> int:
    return host if is_host else network if is_network else everybody


@pytest.mark.parametrize("name", FLOODS)
@pytest.mark.parametrize("width", [6, 18])
def test_one_host_or_network_never_keeps_others_out(name: str, width: int) -> None:
    flood, is_host, is_network = FLOODS[name]
    peers = Peers(100, LIMITS)
    for number in range(NOBODY_ELSE):
        say(peers, flood(number), info_hash=number.to_bytes(20))
    held = most(is_host, is_network, LIMITS.host_places, LIMITS.network_places, LIMITS.peers)
    assert len(peers) == held
    say(peers, v4(0x01020304, 2000) if width == 6 else v6(0xABCD << 96, 2000))
    assert len(peers) == min(held + 1, LIMITS.peers)


@pytest.mark.parametrize("name", FLOODS)
def test_one_host_or_network_never_fills_a_swarm(name: str) -> None:
    flood, is_host, is_network = FLOODS[name]
    peers = Peers(100, LIMITS)
    for number in range(NOBODY_ELSE):
        say(peers, flood(number))
    in_swarm = LIMITS.host_places_in_swarm, LIMITS.network_places_in_swarm
    assert len(peers) == most(is_host, is_network, *in_swarm, LIMITS.peers)
    asker = flood(NOBODY_ELSE)
    answer = peers.sample(Announce(ONE_SWARM, asker, 1, 0), len(asker), NOBODY_ELSE)
    assert len(answer) == len(peers) * len(asker)


@pytest.mark.parametrize("name", FLOODS)
def test_one_host_or_network_never_takes_all_the_time(name: str) -> None:
    flood, is_host, is_network = FLOODS[name]
    now = 0.0
    swarms = Swarms(900, None, LIMITS, clock=lambda: now)

    def answered() -> int:
        return sum(is_answered(swarms, flood(number)) for number in range(100))

    asks = most(is_host, is_network, LIMITS.host_asks, LIMITS.network_asks, 100)
    assert answered() == asks
    assert is_answered(swarms, v4(0x01020304, 2000))
    now = LIMITS.window_s - 0.1
    assert answered() == (0 if is_network else 100)
    now = LIMITS.window_s
    assert answered() == asks


def is_answered(swarms: Swarms, address: bytes) -> bool:
    """Announces and scrapes count alike."""
    try:
        if address[-1] % 2:
            swarms.counts(address, [ONE_SWARM])
        else:
            swarms.announce(Announce(ONE_SWARM, address, 1, 0), {6: 50})
    except Refused:
        return False
    return True


def test_who_leaves_or_is_forgotten_gives_the_budget_back() -> None:
    peers = Peers(100, LIMITS)
    for now in range(0, 5000, 500):
        for number in range(60):
            say(peers, v4(1, 1024 + number), info_hash=number.to_bytes(20), now=now)
            say(peers, v4(1, 1024 + number), info_hash=number.to_bytes(20), left=0, now=now)
        assert len(peers) == LIMITS.host_places
        if now % 1000:
            for number in range(60):
                say(peers, v4(1, 1024 + number), info_hash=number.to_bytes(20), event=AnnounceEvent.STOPPED, now=now)
            assert len(peers) == 0


def test_a_peer_over_its_budget_is_answered_all_the_same() -> None:
    peers = Peers(100, replace(LIMITS, host_places_in_swarm=1))
    say(peers, v4(1, 2000))
    over = Announce(ONE_SWARM, v4(1, 2001), 1, 0)
    assert peers.announce(over, 0).incomplete == 1
    assert peers.sample(over, 6, 50) == v4(1, 2000)


def test_a_place_that_a_swarm_refuses_is_free_for_another_swarm() -> None:
    peers = Peers(100, LIMITS)
    for number in range(NOBODY_ELSE):
        say(peers, v4(1, 1024 + number))
    for number in range(1, NOBODY_ELSE):
        say(peers, v4(1, 1024), info_hash=number.to_bytes(20))
    assert len(peers) == LIMITS.host_places


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=80))
def test_a_budget_agrees_with_a_plain_list(steps: list[tuple[int, int, bool]]) -> None:
    budget, taken = Budget(3, 5), list[bytes]()
    for network, host, takes in steps:
        address = v4(network << 8 | host, 1024)
        if takes:
            fits = taken.count(address) < 3 and sum(one[:3] == address[:3] for one in taken) < 5
            assert budget.take(address) is fits
            taken += [address] * fits
        elif address in taken:
            taken.remove(address)
            budget.free(address)

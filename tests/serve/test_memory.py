"""What a peer costs a tracker is bounded, in whatever swarms, measured in a process that does nothing else."""

import itertools
import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import psutil
import pytest

from patcher.serve.budgets import Limits
from patcher.serve.peers import Announce, AnnounceEvent, Peers

MOST_BYTES = 540
"""A million peers at that, and 50 MB for the program itself, stay below 600 MB."""

Step = tuple[int, int, int, int]
"""Swarm, peer, bytes left, event."""


def alone(count: int) -> Iterator[Step]:
    return ((number, number, 1, 0) for number in range(count))


def in_pairs(count: int) -> Iterator[Step]:
    """A seed and another in each swarm."""
    return ((number // 2, number, number % 2, 0) for number in range(count))


def just_too_many_to_look_through(count: int) -> Iterator[Step]:
    return ((number // 65, number, 1, 0) for number in range(count))


def long_tail(count: int) -> Iterator[Step]:
    sizes = itertools.chain.from_iterable([swarm] * max(1, count // (16 * (swarm + 1))) for swarm in range(count))
    return ((swarm, number, 1, 0) for number, swarm in zip(range(count), sizes, strict=False))


def alone_after_much_to_and_fro(count: int) -> Iterator[Step]:
    for number in range(count):
        yield from ((number, number, left, 0) for left in (1, 0, 1, 0))


def alone_after_many_left(count: int) -> Iterator[Step]:
    for number in range(count):
        for event in (AnnounceEvent.STARTED, AnnounceEvent.STOPPED):
            yield from ((number, count + other, 1, event) for other in range(70))
            yield number, number, 1, AnnounceEvent.STARTED


MIXES: dict[Callable[[int], Iterator[Step]], int] = {
    alone: 50_000,
    in_pairs: 50_000,
    just_too_many_to_look_through: 50_000,
    long_tail: 50_000,
    alone_after_much_to_and_fro: 20_000,
    alone_after_many_left: 2_000,
}


def measure(mix: Callable[[int], Iterator[Step]], count: int, pipe: Connection) -> None:
    everybody = 1 << 30
    peers = Peers(everybody, Limits(network_places=everybody, network_places_in_swarm=everybody))
    process = psutil.Process()
    before = process.memory_info().rss
    for swarm, peer, left, event in mix(count):
        address = (0x20010DB8 << 96 | peer << 64).to_bytes(16) + b"\x10\x00"
        peers.announce(Announce(swarm.to_bytes(20), address, left, event), 1_000 + peer)
    pipe.send((len(peers), process.memory_info().rss - before))


@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: mix.__name__.replace("_", " "))
def test_a_peer_costs_a_few_hundred_bytes(mix: Callable[[int], Iterator[Step]]) -> None:
    count = MIXES[mix]
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=measure, args=(mix, count, far))
    process.start()
    held, taken = near.recv()
    process.join()
    assert held == count
    assert taken <= MOST_BYTES * held

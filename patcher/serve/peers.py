"""Who is in which swarm until when, in memory.

A swarm keeps compact addresses (BEP 23: 6 bytes; BEP 7: 18 bytes) in flat buffers, one for seeds and one for the others
of each family, so that an answer is a few slices. Time and addresses are handed in; nothing here waits or listens.

Memory is bounded: peers expire, a host (an IPv4 address, an IPv6 /64) holds at most `HOST_LIMIT` places, and all
swarms together at most ``max_peers``. A peer beyond a bound gets its answer, but is not told to others.
"""

import random
from array import array
from collections import OrderedDict
from enum import IntEnum
from typing import NamedTuple

IPV4_BYTES = 6
IPV6_BYTES = 18
HOST_LIMIT = 4096

_RUN = 10
"""Addresses that are taken from one place of a buffer: long enough to be fast, short enough to mix a large swarm."""
_SWEEP = 32
"""Expired peers removed an announce: more than one, so that it keeps up, and few, so that nobody waits."""


class Event(IntEnum):
    """Why a peer announces, numbered as BEP 15 has it."""

    NONE = 0
    COMPLETED = 1
    STARTED = 2
    STOPPED = 3


class Announce(NamedTuple):
    """What one peer says. A tuple, as it is made a hundred thousand times a second."""

    info_hash: bytes
    """20 bytes: SHA-1 (v1), or SHA-256 cut to 20 bytes (v2)."""
    address: bytes
    """Compact: IP address and port, 6 or 18 bytes. Port 0: cannot be reached, so is told to nobody."""
    left_bytes: int
    event: int


class Counts(NamedTuple):
    """A swarm in numbers (BEP 48)."""

    complete: int = 0
    downloaded: int = 0
    incomplete: int = 0


class _Side:
    """Addresses of one family and kind: a flat buffer, and for each address its place in it, longest unheard first."""

    __slots__ = ("flat", "places", "seen", "width")

    def __init__(self, width: int) -> None:
        self.width = width
        self.flat = bytearray()
        self.seen = array("Q")
        self.places: OrderedDict[bytes, int] = OrderedDict()

    def put(self, address: bytes, now: int) -> None:
        place = self.places.get(address)
        if place is None:
            self.places[address] = len(self.seen)
            self.flat += address
            self.seen.append(now)
        else:
            self.seen[place] = now
            self.places.move_to_end(address)

    def drop(self, address: bytes) -> bool:
        """Remove an address; the last one of the buffer takes its place. False when it was not there."""
        place = self.places.pop(address, None)
        if place is None:
            return False
        width = self.width
        moved, seen = bytes(self.flat[-width:]), self.seen.pop()
        del self.flat[-width:]
        if moved != address:
            self.flat[place * width : (place + 1) * width] = moved
            self.seen[place] = seen
            self.places[moved] = place
        return True

    def expired(self, before: int) -> bytes | None:
        """The address unheard for longest, if that is since earlier than ``before``."""
        address = next(iter(self.places), None)
        return address if address is not None and self.seen[self.places[address]] < before else None

    def sample(self, want: int) -> bytes:
        """Up to ``want`` distinct addresses: all, or runs with equal gaps from a random place on."""
        count, width = len(self.seen), self.width
        if want >= count:
            return bytes(self.flat)
        runs = max(1, want // _RUN)
        gap, start, parts = (count - want) // runs, random.randrange(count), []
        for run in range(runs):
            taken, end = run * want // runs, (run + 1) * want // runs
            first = (start + run * gap + taken) % count
            last = first + end - taken
            parts.append(self.flat[first * width : last * width])
            if last > count:
                parts.append(self.flat[: (last - count) * width])
        return b"".join(parts)


class _Swarm:
    __slots__ = ("downloaded", "seen", "sides")

    def __init__(self) -> None:
        self.sides: dict[tuple[int, bool], _Side] = {}
        self.downloaded = 0
        self.seen = 0

    def side(self, width: int, seeds: bool) -> _Side:
        side = self.sides.get((width, seeds))
        if side is None:
            side = self.sides[width, seeds] = _Side(width)
        return side

    def count(self, seeds: bool) -> int:
        return sum(len(side.seen) for (_, of_seeds), side in self.sides.items() if of_seeds is seeds)


class Peers:
    """All swarms of a tracker. Not thread-safe: the caller holds a lock.

    ``ttl_s``: how long a peer stays that is not heard of; ``now`` is whole seconds of a clock that never steps back.
    """

    def __init__(self, ttl_s: int, max_peers: int = 1_000_000) -> None:
        self._ttl_s = ttl_s
        self._max_peers = max_peers
        self._swarms: OrderedDict[bytes, _Swarm] = OrderedDict()
        self._hosts: dict[bytes, int] = {}
        self._count = 0

    def __len__(self) -> int:
        """Peers held, expired ones that are not swept yet included."""
        return self._count

    def announce(self, ask: Announce, now: int) -> Counts:
        """Take note of a peer; the swarm's numbers with it."""
        self._sweep_idlest(now)
        if ask.event == Event.STOPPED:
            self._forget(ask)
        else:
            self._note(ask, now)
        return self.counts(ask.info_hash)

    def counts(self, info_hash: bytes) -> Counts:
        """A swarm's numbers; zeros for an unknown one."""
        swarm = self._swarms.get(info_hash)
        if swarm is None:
            return Counts()
        return Counts(swarm.count(seeds=True), swarm.downloaded, swarm.count(seeds=False))

    def sample(self, ask: Announce, width: int, want: int) -> bytes:
        """Up to ``want`` compact addresses of one family (6 or 18 bytes each), never the asker's own.

        A seed is not told of seeds; others hear of seeds and others, half and half where there are enough.
        """
        swarm = self._swarms.get(ask.info_hash)
        if swarm is None or want <= 0 or ask.event == Event.STOPPED:
            return b""
        others, seeds = swarm.side(width, False), swarm.side(width, True)
        if ask.left_bytes == 0:
            return others.sample(want)
        # One more than wanted, as the asker may be among them.
        from_others = max(want - len(seeds.seen), want // 2) + 1
        found = _without(others.sample(from_others), ask.address, width)[: want * width]
        return found + seeds.sample(want - len(found) // width)

    def _note(self, ask: Announce, now: int) -> None:
        swarm = self._swarms.get(ask.info_hash) or _Swarm()
        width, seeds = len(ask.address), ask.left_bytes == 0
        side, former = swarm.side(width, seeds), swarm.side(width, not seeds)
        if ask.address not in side.places and not former.drop(ask.address) and not self._admit(ask.address):
            return
        side.put(ask.address, now)
        swarm.downloaded += ask.event == Event.COMPLETED
        swarm.seen = now
        self._swarms[ask.info_hash] = swarm
        self._swarms.move_to_end(ask.info_hash)
        self._sweep(swarm, now)

    def _forget(self, ask: Announce) -> None:
        swarm = self._swarms.get(ask.info_hash)
        if swarm is not None:
            self._remove(swarm, ask.address)
            self._drop_if_empty(ask.info_hash, swarm)

    def _admit(self, address: bytes) -> bool:
        host = _host(address)
        held = self._hosts.get(host, 0)
        if address[-2:] == b"\0\0" or held >= HOST_LIMIT or self._count >= self._max_peers:
            return False
        self._hosts[host] = held + 1
        self._count += 1
        return True

    def _remove(self, swarm: _Swarm, address: bytes) -> None:
        if not any(side.drop(address) for (width, _), side in swarm.sides.items() if width == len(address)):
            return
        self._count -= 1
        host = _host(address)
        held = self._hosts[host] - 1
        if held:
            self._hosts[host] = held
        else:
            del self._hosts[host]

    def _sweep(self, swarm: _Swarm, now: int) -> None:
        before = max(0, now - self._ttl_s)
        for side in swarm.sides.values():
            for _ in range(_SWEEP):
                address = side.expired(before)
                if address is None:
                    break
                self._remove(swarm, address)

    def _sweep_idlest(self, now: int) -> None:
        """A swarm where nobody announces any more is swept by announces elsewhere."""
        info_hash = next(iter(self._swarms), None)
        if info_hash is not None and self._swarms[info_hash].seen + self._ttl_s < now:
            self._sweep(self._swarms[info_hash], now)
            self._drop_if_empty(info_hash, self._swarms[info_hash])

    def _drop_if_empty(self, info_hash: bytes, swarm: _Swarm) -> None:
        if not any(side.places for side in swarm.sides.values()):
            del self._swarms[info_hash]


def _host(address: bytes) -> bytes:
    return address[:4] if len(address) == IPV4_BYTES else address[:8]


def _without(addresses: bytes, asker: bytes, width: int) -> bytes:
    if len(asker) != width:
        return addresses
    at = addresses.find(asker)
    while at >= 0 and at % width:
        at = addresses.find(asker, at + 1)
    return addresses if at < 0 else addresses[:at] + addresses[at + width :]

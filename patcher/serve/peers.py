"""The peers of all swarms, in memory.

A swarm keeps compact addresses (BEP 23: 6 bytes; BEP 7: 18 bytes) in flat buffers, one for seeds and one for the others
of each family, so that an answer is a few slices. Callers pass time and addresses; nothing here waits or listens.

Memory is bounded: peers expire, and `Limits` bound the places of a host, of a network and of all swarms together. A
peer beyond a limit gets its answer, but is not shown to others.
"""

import random
from array import array
from collections import OrderedDict
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from patcher.serve.budgets import DEFAULT_LIMITS, IPV4_BYTES, Budget, Limits

LOWEST_PORT = 1024
"""Lower ports belong to other services: a peer that names one is shown to nobody."""

INFO_HASH_BYTES = 20
"""Trackers use this much of the info hash of a v2 torrent (BEP 52)."""
_RUN = 10
"""Consecutive addresses of a buffer in a sample: enough to be fast, few enough to mix a large swarm."""
_SWEEP = 32
"""Expired peers that one announce removes: enough to keep up, and few enough that no client waits."""
_SMALL = 64
"""Buffers of at most this many addresses are searched without an index."""
_MOST_DOWNLOADS = 0xFFFFFFFF
"""The field in BEP 15 has 32 bits."""


class AnnounceEvent(IntEnum):
    """The event of an announce, with the numbers of BEP 15."""

    NONE = 0
    COMPLETED = 1
    STARTED = 2
    STOPPED = 3


class Announce(NamedTuple):
    """One announce. A tuple, since a hundred thousand are made a second."""

    info_hash: bytes
    """`INFO_HASH_BYTES`: SHA-1 (v1), or the beginning of SHA-256 (v2)."""
    address: bytes
    """Compact: IP address and port, 6 or 18 bytes. With a port below `LOWEST_PORT` it is shown to nobody."""
    left_bytes: int
    event: int


class Counts(NamedTuple):
    """A swarm in numbers (BEP 48)."""

    complete: int = 0
    downloaded: int = 0
    incomplete: int = 0


class _AddressBuffer:
    """Addresses of one family and kind, in a flat buffer.

    A small buffer is in the order in which the addresses were last heard: it needs no index, and a third of the memory.
    A larger one has an index of that order and of the position of each address.
    """

    __slots__ = ("flat", "most", "places", "seen", "width")

    def __init__(self, width: int) -> None:
        self.width = width
        self.flat = bytearray()
        self.seen = array("I")
        self.places: OrderedDict[bytes, int] | None = None
        self.most = 0
        """How many the index has held: a dict never shrinks by itself."""

    def hear(self, address: bytes, now: int) -> bool:
        """Note that an address is still there; False when it is not."""
        if self.places is None:
            if not self._cut(address):
                return False
            self.flat += address
            self.seen.append(now)
            return True
        place = self.places.get(address)
        if place is None:
            return False
        self.seen[place] = now
        self.places.move_to_end(address)
        return True

    def add(self, address: bytes, now: int) -> None:
        """Add an address that is not here."""
        if self.places is not None:
            self.places[address] = len(self.seen)
        self.flat += address
        self.seen.append(now)
        self.most = max(self.most, len(self.seen))
        if self.places is None and len(self.seen) > _SMALL:
            self._index(split(bytes(self.flat), self.width))

    def drop(self, address: bytes) -> bool:
        """Remove an address; False if it is not here. In a large buffer the last address takes its position."""
        if self.places is None:
            return self._cut(address)
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
        if len(self.seen) <= self.most // 4:
            self._shrink()
        return True

    def _cut(self, address: bytes) -> bool:
        at = _find(self.flat, address, self.width)
        if at < 0:
            return False
        del self.flat[at : at + self.width]
        del self.seen[at // self.width]
        return True

    def _shrink(self) -> None:
        """Free the memory of an index that was large once."""
        assert self.places is not None
        order = list(self.places)
        self.seen = array("I", [self.seen[place] for place in self.places.values()])
        self.flat = bytearray(b"".join(order))
        self.places = None
        if len(order) > _SMALL:
            self._index(order)

    def _index(self, order: list[bytes]) -> None:
        self.places = OrderedDict((address, place) for place, address in enumerate(order))
        self.most = len(order)

    def expired(self, before: int) -> bytes | None:
        """The address that was silent longest, if it was last heard before ``before``."""
        if self.places is None:
            return bytes(self.flat[: self.width]) if self.seen and self.seen[0] < before else None
        address = next(iter(self.places))
        return address if self.seen[self.places[address]] < before else None

    def sample(self, want: int) -> bytes:
        """Up to ``want`` distinct addresses: all, or runs with equal gaps from a random position on."""
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


_NOBODY = _AddressBuffer(IPV4_BYTES)
"""Stands for each empty buffer of a swarm: an own empty one would take as much memory as a peer."""


class _SwarmPeers:
    __slots__ = ("downloaded", "others", "others6", "seeds", "seeds6")

    def __init__(self) -> None:
        self.others = self.others6 = self.seeds = self.seeds6 = _NOBODY
        self.downloaded = 0

    def side(self, width: int, seeds: bool) -> _AddressBuffer:
        if width == IPV4_BYTES:
            return self.seeds if seeds else self.others
        return self.seeds6 if seeds else self.others6

    def add(self, address: bytes, seeds: bool, now: int) -> None:
        side = self.side(len(address), seeds)
        if side is _NOBODY:
            side = _AddressBuffer(len(address))
            self._set(len(address), seeds, side)
        side.add(address, now)

    def drop(self, address: bytes, seeds: bool) -> bool:
        side = self.side(len(address), seeds)
        found = side.drop(address)
        if found and not side.seen:
            self._set(len(address), seeds, _NOBODY)
        return found

    def _set(self, width: int, seeds: bool, side: _AddressBuffer) -> None:
        setattr(self, ("seeds" if seeds else "others") + ("" if width == IPV4_BYTES else "6"), side)

    def is_empty(self) -> bool:
        return self.others is self.others6 is self.seeds is self.seeds6 is _NOBODY

    def counts(self) -> Counts:
        complete = len(self.seeds.seen) + len(self.seeds6.seen)
        return Counts(complete, self.downloaded, len(self.others.seen) + len(self.others6.seen))


_NO_SWARM = _SwarmPeers()
"""Stands for each swarm without peers; never changed."""


class Peers:
    """All swarms of a tracker. Not thread-safe: the caller holds a lock.

    ``ttl_s``: how long a silent peer stays. ``now`` is in whole seconds of a monotonic clock.
    """

    def __init__(self, ttl_s: int, limits: Limits = DEFAULT_LIMITS) -> None:
        self._ttl_s = ttl_s
        self._most = limits.peers
        self._swarms: dict[bytes, _SwarmPeers] = {}
        self._round: Iterator[bytes] = iter(())
        self._places = Budget(limits.host_places, limits.network_places)
        self._places_in_swarm = Budget(limits.host_places_in_swarm, limits.network_places_in_swarm)
        self._count = 0

    def __len__(self) -> int:
        """Peers held, expired ones that are not swept yet included."""
        return self._count

    def announce(self, ask: Announce, now: int) -> Counts:
        """Note a peer. Returns the swarm's numbers with it."""
        self._sweep_another(now)
        if ask.event != AnnounceEvent.STOPPED:
            return self._note(ask, now).counts()
        swarm = self._swarms.get(ask.info_hash, _NO_SWARM)
        if not self._remove(ask.info_hash, swarm, ask.address, seeds=False):
            self._remove(ask.info_hash, swarm, ask.address, seeds=True)
        return self.counts(ask.info_hash)

    def counts(self, info_hash: bytes) -> Counts:
        """A swarm's numbers; zeros for an unknown one."""
        return self._swarms.get(info_hash, _NO_SWARM).counts()

    def sample(self, ask: Announce, width: int, want: int) -> bytes:
        """Up to ``want`` compact addresses of one family (6 or 18 bytes each), never the asker's own.

        A seed gets no seeds. Other peers get seeds and others, half and half if there are enough.
        """
        if want <= 0 or ask.event == AnnounceEvent.STOPPED:
            return b""
        swarm = self._swarms.get(ask.info_hash, _NO_SWARM)
        others, seeds = swarm.side(width, False), swarm.side(width, True)
        if ask.left_bytes == 0:
            return others.sample(want)
        # One more than wanted, as the asker may be among them.
        from_others = max(want - len(seeds.seen), want // 2) + 1
        found = _without(others.sample(from_others), ask.address, width)[: want * width]
        return found + seeds.sample(want - len(found) // width)

    def _note(self, ask: Announce, now: int) -> _SwarmPeers:
        address, seeds = ask.address, ask.left_bytes == 0
        swarm = self._swarms.get(ask.info_hash, _NO_SWARM)
        if not swarm.side(len(address), seeds).hear(address, now):
            # One that was of the other kind keeps its place.
            if not swarm.drop(address, not seeds) and not self._admit(ask):
                return swarm
            if swarm is _NO_SWARM:
                swarm = self._swarms[ask.info_hash] = _SwarmPeers()
            swarm.add(address, seeds, now)
        if ask.event == AnnounceEvent.COMPLETED:
            swarm.downloaded = min(swarm.downloaded + 1, _MOST_DOWNLOADS)
        self._sweep(ask.info_hash, swarm, now)
        return swarm

    def _admit(self, ask: Announce) -> bool:
        address = ask.address
        if int.from_bytes(address[-2:]) < LOWEST_PORT or self._count >= self._most:
            return False
        if not self._places.take(address):
            return False
        if not self._places_in_swarm.take(address, ask.info_hash):
            self._places.free(address)
            return False
        self._count += 1
        return True

    def _remove(self, info_hash: bytes, swarm: _SwarmPeers, address: bytes, seeds: bool) -> bool:
        if not swarm.drop(address, seeds):
            return False
        self._count -= 1
        self._places.free(address)
        self._places_in_swarm.free(address, info_hash)
        if swarm.is_empty():
            del self._swarms[info_hash]
        return True

    def _sweep(self, info_hash: bytes, swarm: _SwarmPeers, now: int) -> None:
        before = now - self._ttl_s
        for seeds, sides in ((False, (swarm.others, swarm.others6)), (True, (swarm.seeds, swarm.seeds6))):
            for side in sides:
                left = _SWEEP
                while left and (address := side.expired(before)) is not None:
                    self._remove(info_hash, swarm, address, seeds)
                    left -= 1

    def _sweep_another(self, now: int) -> None:
        """Sweep the next swarm, so that swarms without announces are swept too."""
        info_hash = next(self._round, None)
        if info_hash is None:
            self._round = iter(list(self._swarms))
        else:
            self._sweep(info_hash, self._swarms.get(info_hash, _NO_SWARM), now)


def split(flat: bytes, width: int) -> list[bytes]:
    """The addresses or hashes in ``flat``, of ``width`` bytes each."""
    return [flat[at : at + width] for at in range(0, len(flat), width)]


def _find(addresses: bytes | bytearray, address: bytes, width: int) -> int:
    """The offset of an address among others of its width; -1 if it is not there."""
    at = addresses.find(address)
    while at >= 0 and at % width:
        at = addresses.find(address, at + 1)
    return at


def _without(addresses: bytes, asker: bytes, width: int) -> bytes:
    if len(asker) != width:
        return addresses
    at = _find(addresses, asker, width)
    return addresses if at < 0 else addresses[:at] + addresses[at + width :]

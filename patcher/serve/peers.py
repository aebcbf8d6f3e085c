"""The peers of all swarms, in memory, and who is told of whom.

A swarm keeps compact addresses, seeds and others of each family by themselves, so that an answer is a few slices.
Callers pass time and addresses; nothing here waits or listens.

An answer prefers what is near: the same host and network, and with a map of `Sites` the same rack, site and region. A
share of it comes from anywhere, so that islands join.

Memory is bounded: peers expire, and `Limits` bound the places of a host, of a network and of all swarms together. A
peer beyond a limit gets its answer, but is not shown to others.
"""

import random
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import NamedTuple

from patcher.serve.addresses import RUN, AddressBuffer, ManyAddresses, find, split
from patcher.serve.budgets import DEFAULT_LIMITS, IPV4_BYTES, Budget, Limits, host_of, network_of
from patcher.serve.sites import Sites

LOWEST_PORT = 1024
"""Lower ports belong to other services: a peer that names one is shown to nobody."""

INFO_HASH_BYTES = 20
"""Trackers use this much of the info hash of a v2 torrent (BEP 52)."""
_SWEEP = 32
"""Expired peers that one announce removes: enough to keep up, and few enough that no client waits."""
_FAR = 5
"""One in so many addresses of an answer comes from anywhere."""
_FAR_LEAST = 2
"""So many do also when a rack is small: one of them may be gone."""
_NETWORK_MOST = 10
"""So many addresses of an answer are of the asker's own network, at most: local discovery (BEP 14) finds them, too."""
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


_NOBODY = AddressBuffer(IPV4_BYTES)
"""Stands for each empty buffer of a swarm: an own empty one would take as much memory as a peer."""


_Side = AddressBuffer | ManyAddresses


class _SwarmPeers:
    __slots__ = ("downloaded", "others", "others6", "seeds", "seeds6")

    def __init__(self) -> None:
        self.others = self.others6 = self.seeds = self.seeds6 = _NOBODY
        self.downloaded = 0

    def side(self, width: int, seeds: bool) -> _Side:
        if width == IPV4_BYTES:
            return self.seeds if seeds else self.others
        return self.seeds6 if seeds else self.others6

    def add(self, address: bytes, seeds: bool, now: int) -> None:
        before = self.side(len(address), seeds)
        side = (AddressBuffer(len(address)) if before is _NOBODY else before).add(address, now)
        if side is not before:
            self._set(len(address), seeds, side)

    def drop(self, address: bytes, seeds: bool) -> bool:
        side = self.side(len(address), seeds)
        found = side.drop(address)
        if found and not len(side):
            self._set(len(address), seeds, _NOBODY)
        return found

    def _set(self, width: int, seeds: bool, side: _Side) -> None:
        setattr(self, ("seeds" if seeds else "others") + ("" if width == IPV4_BYTES else "6"), side)

    def is_empty(self) -> bool:
        return self.others is self.others6 is self.seeds is self.seeds6 is _NOBODY

    def counts(self) -> Counts:
        complete = len(self.seeds) + len(self.seeds6)
        return Counts(complete, self.downloaded, len(self.others) + len(self.others6))

    def sample(self, width: int, want: int, *, to_seed: bool) -> bytes:
        """Up to ``want`` addresses for a seed or for another peer, who get seeds and others half and half."""
        others, seeds = self.side(width, False), self.side(width, True)
        if to_seed:
            return others.sample(want)
        found = others.sample(max(want - len(seeds), want // 2))
        return found + seeds.sample(want - len(found) // width)


_NO_SWARM = _SwarmPeers()
"""Stands for each swarm without peers; never changed."""


class Peers:
    """All swarms of a tracker. Not thread-safe: the caller holds a lock.

    ``ttl_s``: how long a silent peer stays. ``now`` is in whole seconds of a monotonic clock.
    """

    def __init__(self, ttl_s: int, limits: Limits = DEFAULT_LIMITS, sites: Sites | None = None) -> None:
        self._ttl_s = ttl_s
        self._most = limits.peers
        self._sites = sites
        self._swarms: dict[bytes, _SwarmPeers] = {}
        """By info hash; and the peers of each rack by info hash and rack."""
        self._racks: dict[bytes, set[bytes]] = {}
        """The racks that a swarm has peers in, if there is a map."""
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
        key = ask.info_hash + self._rack(ask.address)
        if ask.event != AnnounceEvent.STOPPED:
            counts = self._note(key, ask, now).counts()
            return counts if self._sites is None else self.counts(ask.info_hash)
        swarm = self._swarms.get(key, _NO_SWARM)
        if not self._remove(key, swarm, ask.address, seeds=False):
            self._remove(key, swarm, ask.address, seeds=True)
        return self.counts(ask.info_hash)

    def counts(self, info_hash: bytes) -> Counts:
        """A swarm's numbers; zeros for an unknown one."""
        found = [swarm.counts() for swarm in self._parts(info_hash, self._racks.get(info_hash, {b""}))]
        return found[0] if len(found) == 1 else Counts(*map(sum, zip(*found, strict=True)))

    def sample(self, ask: Announce, width: int, want: int) -> bytes:
        """Up to ``want`` compact addresses of one family (6 or 18 bytes each), never the asker's own.

        A seed gets no seeds. Other peers get seeds and others, half and half if there are enough. Nearer ones are
        preferred. Who is in a rack gets no more from farther away than `_FAR` says, as long as there are near ones.
        """
        if want <= 0 or ask.event == AnnounceEvent.STOPPED:
            return b""
        rack = self._rack(ask.address)
        near = self._in_rings(ask, rack, width, want) if rack else self._in_network(ask, width, want)
        far = max(_FAR_LEAST, len(near) // (_FAR - 1)) if rack and near else want - len(near)
        others = b""
        for extra in (RUN, len(near)):  # the near ones are rarely among so many others; else these are all
            others = self._anywhere(ask, width, far + extra + 1)
            for one in (*near, ask.address):
                others = _without(others, one, width)
            if len(others) >= far * width:
                break
        return b"".join(near) + others[: far * width]

    def _rack(self, address: bytes) -> bytes:
        return self._sites.rack(address) if self._sites else b""

    def _parts(self, info_hash: bytes, racks: Iterable[bytes]) -> list[_SwarmPeers]:
        return [self._swarms.get(info_hash + rack, _NO_SWARM) for rack in racks]

    def _in_network(self, ask: Announce, width: int, want: int) -> list[bytes]:
        """Peers of the asker's host and network, those of its host first; none if everybody fits into the answer."""
        swarm = self._swarms.get(ask.info_hash, _NO_SWARM)
        sides = [swarm.side(width, seeds) for seeds in ((False,) if ask.left_bytes == 0 else (False, True))]
        if width != len(ask.address) or sum(map(len, sides)) <= want:
            return []
        most = min(_NETWORK_MOST, want - want // _FAR)
        found: list[bytes] = []
        for prefix in (host_of(ask.address), network_of(ask.address)):
            for side in sides:
                if len(found) < most:
                    found += [
                        one for one in side.beginning(prefix, most + 1) if one != ask.address and one not in found
                    ]
        return found[:most]

    def _in_rings(self, ask: Announce, rack: bytes, width: int, want: int) -> list[bytes]:
        """Peers of the smallest area around the asker's rack that has others."""
        assert self._sites
        racks = self._racks.get(ask.info_hash, set())
        for ring in self._sites.rings(rack):
            flat = self._mixed(ask, ring & racks, width, want - want // _FAR + 1)
            if found := _without(flat, ask.address, width):
                return split(found, width)[: want - want // _FAR]
        return []

    def _anywhere(self, ask: Announce, width: int, want: int) -> bytes:
        return self._mixed(ask, self._racks.get(ask.info_hash, {b""}), width, want)

    def _mixed(self, ask: Announce, racks: Iterable[bytes], width: int, want: int) -> bytes:
        """Up to ``want`` peers of these racks, of each about as many."""
        parts, found = self._parts(ask.info_hash, racks), b""
        random.shuffle(parts)
        for done, part in enumerate(parts):
            left = want - len(found) // width
            found += part.sample(width, -(-left // (len(parts) - done)), to_seed=ask.left_bytes == 0)
        return found

    def _note(self, key: bytes, ask: Announce, now: int) -> _SwarmPeers:
        address, seeds = ask.address, ask.left_bytes == 0
        swarm = self._swarms.get(key, _NO_SWARM)
        if not swarm.side(len(address), seeds).hear(address, now):
            # One that was of the other kind keeps its place.
            if not swarm.drop(address, not seeds) and not self._admit(ask):
                return swarm
            if swarm is _NO_SWARM:
                swarm = self._swarms[key] = _SwarmPeers()
                if self._sites is not None:
                    self._racks.setdefault(ask.info_hash, set()).add(key[INFO_HASH_BYTES:])
            swarm.add(address, seeds, now)
        if ask.event == AnnounceEvent.COMPLETED:
            swarm.downloaded = min(swarm.downloaded + 1, _MOST_DOWNLOADS)
        self._sweep(key, swarm, now)
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

    def _remove(self, key: bytes, swarm: _SwarmPeers, address: bytes, seeds: bool) -> bool:
        if not swarm.drop(address, seeds):
            return False
        info_hash, rack = key[:INFO_HASH_BYTES], key[INFO_HASH_BYTES:]
        self._count -= 1
        self._places.free(address)
        self._places_in_swarm.free(address, info_hash)
        if swarm.is_empty():
            del self._swarms[key]
            racks = self._racks.get(info_hash, set())
            racks.discard(rack)
            if not racks:
                self._racks.pop(info_hash, None)
        return True

    def _sweep(self, key: bytes, swarm: _SwarmPeers, now: int) -> None:
        before = now - self._ttl_s
        for seeds, sides in ((False, (swarm.others, swarm.others6)), (True, (swarm.seeds, swarm.seeds6))):
            for side in sides:
                left = _SWEEP
                while left and (address := side.expired(before)) is not None:
                    self._remove(key, swarm, address, seeds)
                    left -= 1

    def _sweep_another(self, now: int) -> None:
        """Sweep the next swarm, so that swarms without announces are swept too."""
        key = next(self._round, None)
        if key is None:
            self._round = iter(list(self._swarms))
        else:
            self._sweep(key, self._swarms.get(key, _NO_SWARM), now)


def _without(addresses: bytes, asker: bytes, width: int) -> bytes:
    at = find(addresses, asker, width) if len(asker) == width else -1
    return addresses if at < 0 else addresses[:at] + addresses[at + width :]

"""The peers of all swarms, in memory, and who is told of whom.

A swarm keeps compact addresses, seeds and others of each family by themselves, so that an answer is a few slices.
Callers pass time and addresses; nothing here waits or listens.

An answer prefers what is near: the same host and network, and with a map of `Sites` the same rack, site and region.
Only one peer of a rack, its gate, is told of other racks, and only the gate is shown outside of it: it brings a release
in once, and gives it to its neighbours.

Memory is bounded: peers expire, and `Limits` bound the places of a host, of a network and of all swarms together. A
peer beyond a limit gets its answer, but is not shown to others.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from patcher.serve.addresses import AddressBuffer, ManyAddresses, find, split
from patcher.serve.budgets import DEFAULT_LIMITS, IPV4_BYTES, Budget, Limits, host_of, network_of
from patcher.serve.sites import Rack, Sites

LOWEST_PORT = 1024
"""Lower ports belong to other services: a peer that names one is shown to nobody."""

INFO_HASH_BYTES = 20
"""Trackers use this much of the info hash of a v2 torrent (BEP 52)."""
_SWEEP = 32
"""Expired peers that one announce removes: enough to keep up, and few enough that no client waits."""
_FAR = 5
"""One in so many addresses of an answer is left for those from farther away."""
_GATES_TOLD = 3
"""A gate is told of so many others: enough that all racks hang together."""
_NETWORK_MOST = 10
"""So many addresses of an answer are of the asker's own network, at most: local discovery (BEP 14) finds them, too."""
_FAR_RACKS = 6
"""The addresses from anywhere are of so many racks, if that are enough."""
_MOST_DOWNLOADS = 0xFFFFFFFF
"""The field in BEP 15 has 32 bits."""


class AnnounceEvent(IntEnum):
    """The event of an announce, with the numbers of BEP 15."""

    NONE = 0
    COMPLETED = 1
    STARTED = 2
    STOPPED = 3


_COMPLETED, _STOPPED = int(AnnounceEvent.COMPLETED), int(AnnounceEvent.STOPPED)


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
    """The peers of a swarm, all in one rack or without a map."""

    __slots__ = ("downloaded", "gates", "others", "others6", "rack", "seeds", "seeds6")

    def __init__(self, rack: Rack) -> None:
        self.gates: tuple[bytes, ...] = ()
        """One of each family: who came first, until it goes."""
        self.others = self.others6 = self.seeds = self.seeds6 = _NOBODY
        self.downloaded = 0
        self.rack = rack

    def side(self, width: int, seeds: bool) -> _Side:
        if width == IPV4_BYTES:
            return self.seeds if seeds else self.others
        return self.seeds6 if seeds else self.others6

    def sides(self) -> tuple[tuple[_Side, bool], ...]:
        return (self.others, False), (self.others6, False), (self.seeds, True), (self.seeds6, True)

    def add(self, address: bytes, seeds: bool, now: int) -> None:
        before = self.side(len(address), seeds)
        side = (AddressBuffer(len(address)) if before is _NOBODY else before).add(address, now)
        if side is not before:
            self._set(len(address), seeds, side)

    def open_gate(self, address: bytes) -> None:
        """Make a peer the gate of its family if there is none."""
        if all(len(gate) != len(address) for gate in self.gates):
            self.gates += (address,)

    def drop(self, address: bytes, seeds: bool) -> bool:
        side = self.side(len(address), seeds)
        found = side.drop(address)
        if found and not len(side):
            self._set(len(address), seeds, _NOBODY)
        if address in self.gates:
            self.gates = tuple([gate for gate in self.gates if gate != address])
        return found

    def _set(self, width: int, seeds: bool, side: _Side) -> None:
        setattr(self, ("seeds" if seeds else "others") + ("" if width == IPV4_BYTES else "6"), side)

    def part(self, rack: Rack) -> "_SwarmPeers":
        return self if rack == self.rack else _NO_SWARM

    def parts(self) -> "Sequence[_SwarmPeers]":
        return (self,)

    def some_parts(self) -> "Sequence[_SwarmPeers]":
        return (self,)

    def in_racks(self, racks: frozenset[Rack]) -> "Sequence[_SwarmPeers]":
        return (self,) if self.rack in racks else ()

    def is_empty(self) -> bool:
        return self.others is self.others6 is self.seeds is self.seeds6 is _NOBODY

    def counts(self) -> Counts:
        complete = len(self.seeds) + len(self.seeds6)
        return Counts(complete, self.downloaded, len(self.others) + len(self.others6))

    def sample(self, width: int, want: int, *, to_seed: bool) -> bytes:
        """Up to ``want`` addresses for a seed or for another peer, who get seeds and others half and half."""
        others, seeds = self.side(width, False), self.side(width, True)
        if to_seed or seeds is _NOBODY:
            return others.sample(want)
        found = others.sample(max(want - len(seeds), want // 2))
        return found + seeds.sample(want - len(found) // width)

    def shown_outside(self, width: int, want: int, *, to_seed: bool) -> bytes:
        """What others than the peers of the rack are told: its gates; everybody who is in no rack."""
        if not self.rack:
            return self.sample(width, want, to_seed=to_seed)
        seeds = self.side(width, True) if to_seed else _NOBODY
        gates = [gate for gate in self.gates if len(gate) == width and not seeds.holds(gate)]
        return b"".join(gates[:want])


_NO_SWARM = _SwarmPeers(b"")
"""Stands for each swarm without peers; never changed."""


class _FleetPeers:
    """The peers of a swarm in several racks: what an announce asks does not grow with their number."""

    __slots__ = ("_parts", "_racks", "complete", "downloaded", "incomplete")

    def __init__(self, first: _SwarmPeers) -> None:
        self._parts = {first.rack: first}
        self._racks = [first.rack]
        self.complete, self.downloaded, self.incomplete = first.counts()

    def part(self, rack: Rack) -> _SwarmPeers:
        return self._parts.get(rack, _NO_SWARM)

    def parts(self) -> Sequence[_SwarmPeers]:
        return tuple(self._parts.values())

    def some_parts(self) -> Sequence[_SwarmPeers]:
        """Of `_FAR_RACKS` racks, or of fewer if there are fewer."""
        return [self._parts[rack] for rack in _some(self._racks)]

    def in_racks(self, racks: frozenset[Rack]) -> Sequence[_SwarmPeers]:
        """Of up to `_FAR_RACKS` of these racks."""
        if len(racks) < len(self._racks):
            found = [rack for rack in racks if rack in self._parts]
        else:
            found = [rack for rack in self._racks if rack in racks]
        return [self._parts[rack] for rack in _some(found)]

    def grow(self, rack: Rack) -> _SwarmPeers:
        part = self._parts[rack] = _SwarmPeers(rack)
        self._racks.append(rack)
        return part

    def shrink(self, rack: Rack) -> None:
        del self._parts[rack]
        self._racks.remove(rack)

    def count(self, seeds: bool, by: int) -> None:
        if seeds:
            self.complete += by
        else:
            self.incomplete += by

    def is_empty(self) -> bool:
        return not self._parts

    def counts(self) -> Counts:
        return Counts(self.complete, self.downloaded, self.incomplete)


_Swarm = _SwarmPeers | _FleetPeers


class Peers:
    """All swarms of a tracker. Not thread-safe: the caller holds a lock.

    ``ttl_s``: how long a silent peer stays. ``now`` is in whole seconds of a monotonic clock. ``news`` gets each
    announce that other trackers of the swarm need to hear: whatever changes something, and of a peer that stays as it
    is one in ``refresh_s``. That peer may be forgotten so much earlier.
    """

    def __init__(
        self,
        ttl_s: int,
        limits: Limits = DEFAULT_LIMITS,
        sites: Sites | None = None,
        *,
        refresh_s: int = 0,
        news: Callable[[Announce], None] | None = None,
    ) -> None:
        self._ttl_s = ttl_s
        self._refresh_s = refresh_s
        self._news = news
        self._most = limits.peers
        self._sites = sites
        self._swarms: dict[bytes, _Swarm] = {}
        self._round: Iterator[bytes] = iter(())
        self._places = Budget(limits.host_places, limits.network_places)
        self._places_in_swarm = Budget(limits.host_places_in_swarm, limits.network_places_in_swarm)
        self._count = 0

    def __len__(self) -> int:
        """Peers held, expired ones that are not swept yet included."""
        return self._count

    def swarms(self) -> int:
        """How many swarms have peers."""
        return len(self._swarms)

    def announce(self, ask: Announce, now: int) -> Counts:
        """Note a peer of this tracker. Returns the swarm's numbers with it."""
        if self.note(ask, now) and self._news:
            self._news(ask)
        return self.counts(ask.info_hash)

    def note(self, ask: Announce, now: int) -> bool:
        """Note a peer, of whichever tracker. Returns whether that was news."""
        self._sweep_another(now)
        rack = self._rack(ask.address)
        if ask.event != _STOPPED:
            return self._note(rack, ask, now)
        swarm = self._swarms.get(ask.info_hash, _NO_SWARM)
        return any(self._remove(ask.info_hash, swarm, rack, ask.address, seeds) for seeds in (False, True))

    def counts(self, info_hash: bytes) -> Counts:
        """A swarm's numbers; zeros for an unknown one."""
        return self._swarms.get(info_hash, _NO_SWARM).counts()

    def sample(self, ask: Announce, width: int, want: int) -> bytes:
        """Up to ``want`` compact addresses of one family (6 or 18 bytes each), never the asker's own.

        A seed gets no seeds. Other peers get seeds and others, half and half if there are enough. Nearer ones are
        preferred. With a map a gate gets `_GATES_TOLD` from farther away; who is no gate, nobody from outside its rack.
        """
        if want <= 0 or ask.event == _STOPPED:
            return b""
        swarm, rack = self._swarms.get(ask.info_hash, _NO_SWARM), self._rack(ask.address)
        near = self._in_rings(swarm, ask, rack, width, want) if rack else self._in_network(swarm, ask, width, want)
        far = want - len(near)
        if rack and near:
            is_inside = self._rack(near[0]) == rack and ask.address not in swarm.part(rack).gates
            if is_inside:
                return b"".join(near)
            far = min(far, _GATES_TOLD)
        others = b""
        for extra in (1, len(near) + 1):  # the near ones and the asker are rarely among so many others
            some = swarm.some_parts() if extra == 1 else swarm.parts()
            flat = _mixed(some, ask, width, far + extra, rack)
            others = _without(flat, (*near, ask.address), ask.address, width, not rack)
            if len(others) >= far * width or (rack and near):
                break
        return b"".join(near) + others[: far * width]

    def _rack(self, address: bytes) -> Rack:
        return self._sites.rack(address) if self._sites else b""

    def _in_network(self, swarm: _Swarm, ask: Announce, width: int, want: int) -> list[bytes]:
        """Peers of the asker's host and network, those of its host first; none if everybody fits into the answer."""
        address, part = ask.address, swarm.part(b"")
        sides = [part.side(width, False)] if ask.left_bytes == 0 else [part.side(width, False), part.side(width, True)]
        if width != len(address) or sum(map(len, sides)) <= want:
            return []
        most = min(_NETWORK_MOST, want - want // _FAR)
        host, network = self._places_in_swarm.taken(address, ask.info_hash)
        prefixes = [host_of(address)] * (host > 1) + [network_of(address)] * (network > host)
        found: dict[bytes, None] = {address: None}
        for prefix in prefixes:
            for side in sides:
                if len(found) <= most and side is not _NOBODY:
                    found.update(dict.fromkeys(side.beginning(prefix, most + 1)))
        return list(found)[1 : most + 1]

    def _in_rings(self, swarm: _Swarm, ask: Announce, rack: Rack, width: int, want: int) -> list[bytes]:
        """Peers of the smallest area around the asker's rack that has others."""
        assert self._sites
        most = want - want // _FAR
        for ring in self._sites.rings(rack):
            if parts := swarm.in_racks(ring):
                flat = _mixed(parts, ask, width, most + 1, rack)
                if found := _without(flat, (ask.address,), ask.address, width, False):
                    return split(found, width)[:most]
        return []

    def _note(self, rack: Rack, ask: Announce, now: int) -> bool:
        address, seeds = ask.address, ask.left_bytes == 0
        swarm = self._swarms.get(ask.info_hash, _NO_SWARM)
        part = swarm.part(rack)
        before = part.side(len(address), seeds).hear(address, now, now - self._refresh_s if self._refresh_s else now)
        if before is None:
            # One that was of the other kind keeps its place.
            moved = part.drop(address, not seeds)
            if not moved and not self._admit(ask):
                return False
            swarm, part = self._with_part(ask.info_hash, swarm, rack)
            part.add(address, seeds, now)
            if isinstance(swarm, _FleetPeers):
                swarm.count(seeds, 1)
                swarm.count(not seeds, -moved)
        if rack:
            part.open_gate(address)
        if ask.event == _COMPLETED and swarm is not _NO_SWARM:
            for each in {id(swarm): swarm, id(part): part}.values():
                each.downloaded = min(each.downloaded + 1, _MOST_DOWNLOADS)
        self._sweep(ask.info_hash, swarm, part, now)
        return before is None or before < now - self._refresh_s or ask.event == _COMPLETED

    def _with_part(self, info_hash: bytes, swarm: _Swarm, rack: Rack) -> tuple[_Swarm, _SwarmPeers]:
        """A swarm, and its peers in a rack; both made if need be."""
        if swarm is _NO_SWARM:
            made = self._swarms[info_hash] = _SwarmPeers(rack)
            return made, made
        part = swarm.part(rack)
        if part is _NO_SWARM:
            if isinstance(swarm, _SwarmPeers):
                swarm = self._swarms[info_hash] = _FleetPeers(swarm)
            part = swarm.grow(rack)
        return swarm, part

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

    def _remove(self, info_hash: bytes, swarm: _Swarm, rack: Rack, address: bytes, seeds: bool) -> bool:
        part = swarm.part(rack)
        if not part.drop(address, seeds):
            return False
        self._count -= 1
        self._places.free(address)
        self._places_in_swarm.free(address, info_hash)
        if isinstance(swarm, _FleetPeers):
            swarm.count(seeds, -1)
            if part.is_empty():
                swarm.shrink(rack)
        if swarm.is_empty():
            del self._swarms[info_hash]
        return True

    def _sweep(self, info_hash: bytes, swarm: _Swarm, part: _SwarmPeers, now: int) -> None:
        before = now - self._ttl_s
        for side, seeds in part.sides():
            left = _SWEEP
            while left and side is not _NOBODY and (address := side.expired(before)) is not None:
                self._remove(info_hash, swarm, part.rack, address, seeds)
                left -= 1

    def _sweep_another(self, now: int) -> None:
        """Sweep the next swarm, so that swarms without announces are swept too."""
        info_hash = next(self._round, None)
        if info_hash is None:
            self._round = iter(list(self._swarms))
            return
        swarm = self._swarms.get(info_hash, _NO_SWARM)
        for part in swarm.some_parts():
            self._sweep(info_hash, swarm, part, now)


def _some(racks: Sequence[Rack]) -> Sequence[Rack]:
    """`_FAR_RACKS` racks in a row, from a random one on."""
    if len(racks) <= _FAR_RACKS:
        return racks
    start = int(random.random() * len(racks))
    found = racks[start : start + _FAR_RACKS]
    return [*found, *racks[: _FAR_RACKS - len(found)]]


def _mixed(parts: Sequence[_SwarmPeers], ask: Announce, width: int, want: int, rack: Rack) -> bytes:
    """Up to ``want`` peers of these racks, of each about as many, as one is told of them who is in ``rack``."""
    to_seed = ask.left_bytes == 0
    if len(parts) == 1 and parts[0].rack == rack:
        return parts[0].sample(width, want, to_seed=to_seed)
    count, found = len(parts), b""
    start = int(random.random() * count)
    for done in range(count):
        left = want - len(found) // width
        if left <= 0:
            break
        part = parts[(start + done) % count]
        tell = part.sample if part.rack == rack else part.shown_outside
        found += tell(width, -(-left // (count - done)), to_seed=to_seed)
    return found


def _without(addresses: bytes, these: Iterable[bytes], asker: bytes, width: int, in_network: bool) -> bytes:
    """Addresses without some others, which are all of the asker's network if ``in_network`` says so."""
    if in_network and (len(asker) != width or addresses.find(network_of(asker)) < 0):
        return addresses
    for one in these:
        at = find(addresses, one, width) if len(one) == width else -1
        addresses = addresses if at < 0 else addresses[:at] + addresses[at + width :]
    return addresses

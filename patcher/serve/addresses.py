"""Compact addresses of one family (BEP 23: 6 bytes; BEP 7: 18 bytes), in flat buffers.

A small buffer is in the order in which its addresses were last heard, so it needs no index. Many addresses are several
such buffers, each for a range of addresses. So addresses of one network are found together, and a peer of a large swarm
takes no more memory than one of a small swarm.
"""

import random
from array import array
from bisect import bisect_right
from itertools import chain

BUFFER_ADDRESSES = 128
"""A buffer of more is cut in two."""
_MERGED_ADDRESSES = 64
"""Two neighbouring buffers of together at most this many become one."""
RUN = 10
"""Consecutive addresses in a sample: enough to be fast, few enough to mix a large swarm."""
_FEW = 2
"""A sample of fewer addresses for each buffer leaves most buffers out. Two neighbours have more than `RUN` each, or one
of them has."""


class AddressBuffer:
    """Up to `BUFFER_ADDRESSES` addresses, and when each was last heard, in whole seconds."""

    __slots__ = ("flat", "seen", "width")

    def __init__(self, width: int) -> None:
        self.width = width
        self.flat = bytearray()
        self.seen = array("I")

    def __len__(self) -> int:
        return len(self.seen)

    def hear(self, address: bytes, now: int, since: int) -> int | None:
        """Note that an address is still there, unless it was heard ``since`` then. Returns when it was heard before;
        None when it is not there.
        """
        at = find(self.flat, address, self.width)
        if at < 0:
            return None
        before = self.seen[at // self.width]
        if before < since:
            self._drop_at(at)
            self.append(address, now)
        return before

    def add(self, address: bytes, now: int) -> "AddressBuffer | ManyAddresses":
        """Add an address that is not here. Returns what holds all of them from now on."""
        self.append(address, now)
        return self if len(self.seen) <= BUFFER_ADDRESSES else ManyAddresses(self)

    def holds(self, address: bytes) -> bool:
        """Whether an address is here."""
        return find(self.flat, address, self.width) >= 0

    def append(self, address: bytes, now: int) -> None:
        """Add an address, whether there is room or not."""
        self.flat += address
        self.seen.append(now)

    def drop(self, address: bytes) -> bool:
        """Remove an address; False if it is not here."""
        at = find(self.flat, address, self.width)
        if at < 0:
            return False
        self._drop_at(at)
        return True

    def _drop_at(self, at: int) -> None:
        del self.flat[at : at + self.width]
        del self.seen[at // self.width]
        if len(self.seen) & (len(self.seen) - 1) == 0:  # at each power of two, as an array never shrinks by itself
            self.seen = self.seen[:]

    def expired(self, before: int) -> bytes | None:
        """An address that was last heard before ``before``, if there is one."""
        return bytes(self.flat[: self.width]) if self.seen and self.seen[0] < before else None

    def sample(self, want: int) -> bytes:
        """Up to ``want`` distinct addresses, each as likely as any other."""
        return _spread(bytes(self.flat), self.width, want)

    def run(self, start: int, want: int) -> bytes:
        """Up to ``want`` consecutive addresses from a position on; the first follows the last."""
        flat, width = self.flat, self.width
        taken = bytes(flat[start * width : (start + want) * width])
        missing = min(want, len(self.seen)) - len(taken) // width
        return taken + flat[: missing * width] if missing else taken

    def beginning(self, prefix: bytes, most: int) -> list[bytes]:
        """Up to ``most`` addresses that begin with ``prefix``, from a random position on."""
        flat, width = bytes(self.flat), self.width
        start = int(random.random() * len(self.seen)) * width
        found = _beginning(flat[start:], prefix, width, most)
        return found if len(found) == most else found + _beginning(flat[:start], prefix, width, most - len(found))

    def cut(self) -> tuple[bytes, "AddressBuffer"]:
        """Give the upper half away. Returns the lowest address of it, and the buffer."""
        middle = sorted(split(self.flat, self.width))[len(self.seen) // 2]
        lower, upper = AddressBuffer(self.width), AddressBuffer(self.width)
        for address, seen in zip(split(self.flat, self.width), self.seen, strict=True):
            (lower if address < middle else upper).append(address, seen)
        self.flat, self.seen = lower.flat, lower.seen
        return middle, upper

    def take(self, other: "AddressBuffer") -> None:
        """Take all of another buffer, in the order in which they were last heard."""
        heard = sorted(
            zip([*self.seen, *other.seen], split(self.flat + other.flat, self.width), strict=True),
            key=lambda pair: pair[0],
        )
        self.flat = bytearray(b"".join([address for _, address in heard]))
        self.seen = array("I", [seen for seen, _ in heard])


class ManyAddresses:
    """More addresses than a buffer holds: buffers, each for the addresses from its first on."""

    __slots__ = ("_at", "_buffers", "_count", "_firsts", "width")

    def __init__(self, buffer: AddressBuffer) -> None:
        self.width = buffer.width
        self._count = len(buffer)
        self._buffers = [buffer]
        self._firsts = [b""]
        self._at = 0
        """The buffer that is looked through next for expired addresses."""
        self._cut(0)

    def __len__(self) -> int:
        return self._count

    def hear(self, address: bytes, now: int, since: int) -> int | None:
        """Note that an address is still there, as a buffer does."""
        return self._buffers[self._place(address)].hear(address, now, since)

    def holds(self, address: bytes) -> bool:
        """Whether an address is here."""
        return self._buffers[self._place(address)].holds(address)

    def add(self, address: bytes, now: int) -> "ManyAddresses":
        """Add an address that is not here."""
        place = self._place(address)
        self._buffers[place].append(address, now)
        self._count += 1
        if len(self._buffers[place]) > BUFFER_ADDRESSES:
            self._cut(place)
        return self

    def drop(self, address: bytes) -> bool:
        """Remove an address; False if it is not here."""
        place = self._place(address)
        if not self._buffers[place].drop(address):
            return False
        self._count -= 1
        lower = max(0, place - 1)
        if len(self._buffers) > 1 and sum(map(len, self._buffers[lower : lower + 2])) <= _MERGED_ADDRESSES:
            self._buffers[lower].take(self._buffers.pop(lower + 1))
            del self._firsts[lower + 1]
        return True

    def expired(self, before: int) -> bytes | None:
        """An expired address of the buffer that is next; None if it has none, and then the next one follows."""
        self._at %= len(self._buffers)
        found = self._buffers[self._at].expired(before)
        if found is None:
            self._at += 1
        return found

    def sample(self, want: int) -> bytes:
        """Up to ``want`` distinct addresses, each as likely as any other."""
        if want >= len(self._buffers) * _FEW:
            return _spread(b"".join([bytes(buffer.flat) for buffer in self._buffers]), self.width, want)
        found, tried = b"", set[int]()
        buffers, places = self._buffers, len(self._buffers) * BUFFER_ADDRESSES
        while (left := want - len(found) // self.width) > 0:
            # A place beyond the end of a buffer does not count, so that a fuller buffer is taken more often.
            place, at = divmod(int(random.random() * places), BUFFER_ADDRESSES)
            if place not in tried and at < len(buffers[place].seen):
                tried.add(place)
                found += buffers[place].run(at, min(left, RUN))
        return found

    def beginning(self, prefix: bytes, most: int) -> list[bytes]:
        """Up to ``most`` addresses that begin with ``prefix``, from a random position on."""
        first, end = self._place(prefix), bisect_right(self._firsts, prefix + b"\xff" * self.width)
        start = first + int(random.random() * (end - first))
        found: list[bytes] = []
        for place in chain(range(start, end), range(first, start)):
            found += self._buffers[place].beginning(prefix, most - len(found))
            if len(found) == most:
                break
        return found

    def _place(self, address: bytes) -> int:
        return bisect_right(self._firsts, address) - 1

    def _cut(self, place: int) -> None:
        first, upper = self._buffers[place].cut()
        self._buffers.insert(place + 1, upper)
        self._firsts.insert(place + 1, first)


def _beginning(flat: bytes, prefix: bytes, width: int, most: int) -> list[bytes]:
    """The first addresses in ``flat`` that begin with ``prefix``, at most so many."""
    found: list[bytes] = []
    at = flat.find(prefix)
    while at >= 0 and len(found) < most:
        off = at % width
        if not off:
            found.append(flat[at : at + width])
        at = flat.find(prefix, at + 1 if off else at + width)
    return found


def _spread(flat: bytes, width: int, want: int) -> bytes:
    """Up to ``want`` addresses: all, or runs with equal gaps from a random position on."""
    count = len(flat) // width
    if want >= count:
        return flat
    runs = max(1, want // RUN)
    gap, start, parts = (count - want) // runs, random.randrange(count), []
    for run in range(runs):
        taken, end = run * want // runs, (run + 1) * want // runs
        first = (start + run * gap + taken) % count
        last = first + end - taken
        parts.append(flat[first * width : last * width])
        if last > count:
            parts.append(flat[: (last - count) * width])
    return b"".join(parts)


def split(flat: bytes | bytearray, width: int) -> list[bytes]:
    """The addresses or hashes in ``flat``, of ``width`` bytes each."""
    flat = bytes(flat)
    return [flat[at : at + width] for at in range(0, len(flat), width)]


def find(addresses: bytes | bytearray, address: bytes, width: int) -> int:
    """The offset of an address among others of its width; -1 if it is not there."""
    at = addresses.find(address)
    while at >= 0 and at % width:
        at = addresses.find(address, at + 1)
    return at

"""The slow proof that no address map is trusted for what it says: 100,000 mutants are refused, or keep to bounds.

    python -m tests.support.native_maps [--count N] [--seed N]

Half of them are changed as they travel, half below the compression.
"""

import argparse
import lzma
import random
import resource
import sys
import time

import numpy as np

from patcher.content.native.addresses import MAX_BLOCKS, MAX_BREAKS, SPAN, AddressMap
from patcher.errors import ContentError

_MORE_BYTES = 200 * 10**6


def mutant(dice: random.Random, data: bytes) -> bytes:
    """Some bytes of a map changed, added or gone; or numbers of its lists, whose lengths stay."""
    if dice.randrange(2):
        return _changed(dice, data)
    head, filters = data[:12], [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    plain = bytearray(lzma.decompress(data[12:], lzma.FORMAT_RAW, filters=filters))
    for _ in range(dice.randrange(1, 4) if plain else 0):
        plain[dice.randrange(len(plain))] = dice.choice((0, 1, 127, 128, 255))
    return head + lzma.compress(plain, lzma.FORMAT_RAW, filters=filters)


def _changed(dice: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(out) + 1)
        kind = dice.randrange(3)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            out[at:at] = dice.randbytes(dice.randrange(1, 4))
        else:
            del out[at : at + dice.randrange(1, 6)]
    return bytes(out)


def check_bounds(data: bytes) -> bool:
    """Whether ``data`` is a map; asserts that one keeps to what the format says."""
    try:
        addresses = AddressMap.decode(data)
    except ContentError:
        return False
    assert len(addresses.starts) == len(addresses.shifts) <= MAX_BREAKS
    for blocks in (addresses.refused, addresses.allowed):
        assert len(blocks) <= MAX_BLOCKS
    for numbers in (addresses.starts, addresses.refused, addresses.allowed):
        assert not len(numbers) or (numbers[0] >= 0 and numbers[-1] < SPAN and np.all(np.diff(numbers) > 0))
    assert np.all(np.abs(addresses.shifts) <= SPAN)
    addresses.shift(np.array([-1, 0, SPAN - 1], np.int64))
    return True


def _maps(dice: random.Random, count: int) -> list[bytes]:
    """Maps of all sizes; half of them stored, so that a mutant is a map more often than not."""
    made = []
    for number in range(count):
        breaks = dice.randrange(0, 4 << number % 10)
        starts = np.unique([dice.randrange(1 << dice.randrange(8, 48)) for _ in range(breaks)]).astype(np.int64)
        shifts = np.array([dice.randrange(-4096, 4096) for _ in starts], np.int64)
        blocks = np.unique([dice.randrange(1 << 20) for _ in range(dice.randrange(20))]).astype(np.int64)
        made.append(AddressMap(starts, shifts, blocks, blocks[::2]).encode())
    return made


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.support.native_maps", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    dice = random.Random(wanted.seed)
    seeds = _maps(dice, 60)
    before_bytes, started_s = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, time.monotonic()
    taken = sum(check_bounds(mutant(dice, dice.choice(seeds))) for _ in range(wanted.count))
    more_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before_bytes
    assert more_bytes < _MORE_BYTES, more_bytes
    sys.stdout.write(
        f"{wanted.count} mutants of address maps: {taken} within bounds, the others refused; "
        f"{more_bytes / 1e6:.0f} MB, {time.monotonic() - started_s:.0f} s\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

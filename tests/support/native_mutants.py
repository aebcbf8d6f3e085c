"""The slow proof that no native file is trusted for what it says about itself: 100,000 mutants.

    python -m tests.support.native_mutants [--count N] [--seed N]

Numbers of headers and tables are changed, bytes are flipped, moved and cut off. Opening and finding must raise nothing,
give fields inside of the file and apart, and the same ones for a part as for the whole. Fails at the first that does
not, or when one takes more than a few times the memory of the honest file.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable
from dataclasses import fields as columns
from functools import partial

import numpy as np

from patcher.content.native.binary import Binary
from patcher.content.native.references import find
from tests.support import arm64_images, native_images
from tests.support.memory import peak_bytes

SAMPLES: tuple[Callable[[], bytes], ...] = (
    native_images.elf_library, native_images.elf_program, native_images.pe_library,
    partial(arm64_images.everything, 4000), arm64_images.windows,
)  # fmt: skip
_MORE_BYTES = 300 * 10**6
_BITS = (0, 1, 2, 3, 8, 12, 16, 31, 32, 40, 47, 48, 63, 64)
_EDGES = tuple((1 << bits) + more for bits in _BITS for more in (-1, 0, 1))


def mutant(dice: random.Random, data: bytes) -> bytes:
    """The file with one to four changes."""
    out = bytearray(data)
    for _ in range(dice.randrange(1, 5)):
        at = dice.randrange(len(out))
        width = dice.choice((1, 2, 4, 8))
        if dice.random() < 0.6:  # where numbers stand
            at -= at % width
        change = dice.randrange(6)
        if change == 0:
            out[at] ^= 1 << dice.randrange(8)
        elif change <= 3:
            old = int.from_bytes(out[at : at + width], "little")
            number = dice.choice(
                (dice.choice(_EDGES), old + dice.randrange(-64, 65), len(data) - dice.randrange(-2, 3))
            )
            out[at : at + width] = (number % (1 << 8 * width)).to_bytes(width, "little")
        elif change == 4:
            start, length = dice.randrange(len(out)), dice.choice((8, 16, 40, 64, 200))
            out[at : at + length] = out[start : start + length]
        else:
            del out[len(out) - dice.choice((1, 16, 64, 1000)) :]
        out = out or bytearray(1)
    return bytes(out)


def check(data: bytes, dice: random.Random) -> bool:
    """Was it opened at all? Raises AssertionError for what must not be."""
    binary = Binary.open(lambda offset, length: data[offset : offset + length], len(data))
    if binary is None:
        return False
    whole = find(binary, 0, len(data))
    ends = whole.position + whole.width
    assert not len(whole) or (whole.position[0] >= 0 and ends[-1] <= len(data))
    assert np.all(whole.position[1:] >= ends[:-1])
    start = dice.randrange(len(data))
    part = find(binary, start, start + dice.choice((1, 50, 1000)))
    first = int(np.searchsorted(whole.position, start))
    for column in columns(whole):
        same = getattr(whole, column.name)[first : first + len(part)]
        assert np.array_equal(getattr(part, column.name), same), (start, column.name)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    dice = random.Random(args.seed)
    for sample in SAMPLES:
        assert check(sample(), dice)
    before_bytes = peak_bytes()
    started_s, opened, slowest_s = time.monotonic(), 0, 0.0
    for number in range(args.count):
        data = mutant(dice, SAMPLES[number % len(SAMPLES)]())
        began_s = time.monotonic()
        try:
            opened += check(data, dice)
        except BaseException:
            sys.stderr.write(f"mutant {number} of seed {args.seed}\n")
            raise
        slowest_s = max(slowest_s, time.monotonic() - began_s)
    more_bytes = peak_bytes() - before_bytes
    took_s = time.monotonic() - started_s
    sys.stdout.write(f"{args.count} mutants in {took_s:.0f} s, the slowest {slowest_s:.2f} s: {opened} were opened\n")
    sys.stdout.write(f"{more_bytes / 1e6:.0f} MB more memory\n")
    return 0 if more_bytes < _MORE_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())

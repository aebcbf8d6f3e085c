"""The slow proof that no index is trusted for what it says: 100,000 mutants are refused, or keep to bounds.

    python -m tests.support.index_mutants [--count N] [--seed N]

Half of them are changed as they travel, half below the compression. Fails at the first that raises anything but an
error of ours, names bytes that are not there, or asks for more than a window's memory.
"""

import argparse
import random
import resource
import sys
import time

from bencode2 import bencode

from patcher.content import codec, delta
from patcher.content.cutting import MAX_OLD_BYTES
from patcher.content.manifest import Manifest
from patcher.errors import ShoalError
from tests.support import indexes, trees

_NAMES = ("changed", "many small files", "a large file")
_MORE_BYTES = 200 * 10**6


def _mutant(dice: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(out) + 1)
        kind = dice.randrange(4)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            out[at:at] = dice.randbytes(dice.randrange(1, 4))
        elif kind == 2:
            del out[at : at + dice.randrange(1, 6)]
        else:  # digits for digits: other numbers in a document that is still whole
            out = bytearray(_other_digits(dice, bytes(out), at))
    return bytes(out)


def _other_digits(dice: random.Random, data: bytes, at: int) -> bytes:
    start = data.find(b"i", at)
    end = data.find(b"e", start)
    if start < 0 or end < 0 or not data[start + 1 : end].lstrip(b"-").isdigit():
        return data
    number = dice.choice(
        [int(data[start + 1 : end]) + dice.randrange(-3, 4), dice.randrange(1 << dice.randrange(1, 70))]
    )
    return data[:start] + b"i%de" % number + data[end + 1 :]


def _check(index: delta.Index, new: Manifest, old: Manifest) -> None:
    for window in index.windows:
        assert all(0 <= r.offset < r.end <= new.entries[r.file].size_bytes for r in window.new)
        assert all(0 <= r.offset < r.end <= old.entries[r.file].size_bytes for r in window.old)
        assert sum(r.length for r in window.new) == window.output_bytes
        if not window.is_copy:
            assert window.output_bytes <= delta.WINDOW_BYTES
            assert sum(r.length for r in window.old) <= MAX_OLD_BYTES
        assert window.is_rebased == bool(index.filters_of(window))
    files = [each.file for each in index.filters]
    assert files == sorted(set(files)) and all(0 <= file < len(old.entries) for file in files)
    for each in index.filters:
        assert 0 < each.length <= delta.MAX_MAP_BYTES and 0 <= each.offset <= index.pack_bytes - each.length


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    dice = random.Random(args.seed)
    subjects = [(indexes.NEW, indexes.OLD, bencode(indexes.mapped()))]
    for name in _NAMES:
        scenario = trees.scenario(name)
        new, old = (trees.manifest_of(tree) for tree in (scenario.new, scenario.old))
        sealed = delta.encode(trees.make_patch(scenario.new, scenario.old)[0], new, old)
        packed = sealed.startswith(codec.ZSTD_MAGIC)
        subjects.append((new, old, codec.unpack_document(sealed, delta.MAX_INDEX_BYTES) if packed else sealed))
    started_s, passed = time.monotonic(), 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(args.count):
        new, old, plain = subjects[number % len(subjects)]
        data = codec.pack_document(_mutant(dice, plain)) if number % 2 else _mutant(dice, codec.pack_document(plain))
        try:
            _check(delta.parse(data, new, old), new, old)
        except ShoalError:
            continue
        passed += 1
    more_bytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    took_s = time.monotonic() - started_s
    sys.stdout.write(f"{args.count} mutants in {took_s:.0f} s: {passed} still valid, all within bounds\n")
    sys.stdout.write(f"{more_bytes / 1e6:.0f} MB more memory\n")
    return 0 if more_bytes < _MORE_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())

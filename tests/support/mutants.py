"""The slow proof that nothing from outside is trusted for what it says: mutants are refused, or keep to bounds.

    python -m tests.support.mutants [--count N] [--seed N] [TARGET ...]

Each target is a kind of bytes that come from outside, with what must hold when a player takes them. Half the mutants
are changed as they travel, half below the compression. They run in the bounded processes in which a player decodes.
Fails at the first that raises anything but an error of ours, breaks a promise, or takes a decoder's life; and when a
process needs much more memory than for the honest bytes.
"""

import argparse
import lzma
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from backports import zstd
from bencode2 import bdecode, bencode

from patcher import processes
from patcher.beneath import below
from patcher.content import bencoded, codec, manifest, merkle, patch_index, records
from patcher.content.manifest import Manifest
from patcher.content.native import addresses
from patcher.content.patch_index import MAX_OLD_BYTES
from patcher.errors import ContentError, ShoalError
from patcher.install.scan import Have
from patcher.publish.patches import encode
from patcher.publish.patches.native.fitting import fit
from patcher.update.decode import MEMORY_BYTES, Map, OutputRange, Task, decode
from patcher.update.planning import plan as planning
from patcher.update.target import Offer
from tests.support import indexes, trees
from tests.support.libraries import library
from tests.support.memory import peak_bytes

MORE_BYTES = 200 * 10**6
_BATCH = 1000
_SWELLS = 200
"""One mutant in so many grows by 1 MiB of zeros."""
_MOST_PIECES = 100_000
"""Trees of some 100 GB. What a plan takes goes with its pieces."""
_NAMES = ("changed", "many small files", "a large file")


@dataclass(frozen=True)
class Subject:
    """Honest bytes below their compression, how they travel, and what a player does with them.

    ``take`` raises an error of ours, or AssertionError when a promise is broken.
    """

    plain: bytes
    travel: Callable[[bytes], bytes]
    take: Callable[[bytes], None]


# ---------------------------------------------------------------- what is taken


def _indexes(_: Path) -> list[Subject]:
    subjects = []
    for name in _NAMES:
        scenario = trees.scenario(name)
        new, old = (trees.manifest_of(tree) for tree in (scenario.new, scenario.old))
        plain = _plain(encode.write_index(trees.make_patch(scenario.new, scenario.old)[0], new, old))
        subjects.append(Subject(plain, zstd.compress, _take_index(new, old)))
    mapped = bencode(indexes.mapped())
    return [*subjects, Subject(mapped, zstd.compress, _take_index(indexes.NEW, indexes.OLD))]


def _plain(document: bytes) -> bytes:
    packed = document.startswith(codec.ZSTD_MAGIC)
    return codec.unpack_document(document, patch_index.MAX_INDEX_BYTES) if packed else document


def _take_index(new: Manifest, old: Manifest) -> Callable[[bytes], None]:
    def take(data: bytes) -> None:
        index = patch_index.parse(data, new, old)
        files = [each.file for each in index.filters]
        assert files == sorted(set(files)) and all(0 <= file < len(old.entries) for file in files)
        assert all(0 < each.length <= patch_index.MAX_MAP_BYTES for each in index.filters)
        for window in index.windows:
            assert window.is_rebased == bool(index.filters_of(window))
            assert all(0 <= r.offset < r.end <= new.entries[r.file].size_bytes for r in window.new)
            assert all(0 <= r.offset < r.end <= old.entries[r.file].size_bytes for r in window.old)
            assert sum(r.length for r in window.new) == window.output_bytes
            if not window.is_copy:
                assert window.output_bytes <= codec.WINDOW_BYTES
                assert sum(r.length for r in window.old) <= MAX_OLD_BYTES

    return take


def _manifests(folder: Path) -> list[Subject]:
    names = ("changed", "links and empty folders", "names of the world", "many small files")
    layouts = [trees.scenario(name).new for name in names]
    plains = [manifest.encode(trees.manifest_of(layout)) for layout in layouts]
    return [Subject(plain, zstd.compress, _take_manifest(folder)) for plain in plains]


def _take_manifest(folder: Path) -> Callable[[bytes], None]:
    """As a first install takes one, up to the commit."""

    def take(data: bytes) -> None:
        m = manifest.parse(data)
        assert sha256(bencode(bdecode(_plain(data))[b"info"])).digest() == m.info_hash
        assert manifest.parse(manifest.encode(m)) == m
        if m.layout.count > _MOST_PIECES:
            return
        part = records.Part("main", (), False, merkle.ref_of(data), m.info_hash, None, None)
        offer = Offer(part, data, m)
        plan = planning.make([offer], [], Have(), server_only=True)
        change = planning.change(plan, [], Have(), ())
        assert plan.totals.write_bytes == m.size_bytes
        named = [*change.folders, *(path for _, path, _ in change.place), *(path for path, _ in change.links)]
        for path in named:
            assert (below(folder) / path).path.is_relative_to(folder)
            assert ".shoal" not in path.casefold().split("/")
        for path, target in change.links:
            assert not target.startswith("/")
            assert path.count("/") >= target.split("/").count("..")

    return take


def _manifest_deltas(_: Path) -> list[Subject]:
    subjects = []
    for name in _NAMES:
        scenario = trees.scenario(name)
        old, new = (manifest.encode(trees.manifest_of(tree)) for tree in (scenario.old, scenario.new))
        subjects += [_manifest_delta(base, new) for base in (old, b"")]
    return subjects


def _manifest_delta(base: bytes, new: bytes) -> Subject:
    ref = merkle.ref_of(new)

    def take(data: bytes) -> None:
        assert codec.apply_manifest_delta(base, data, ref) == new

    return Subject(new, lambda plain: encode.manifest_delta(base, plain), take)


def _packed_documents(_: Path) -> list[Subject]:
    plains = [manifest.encode(trees.manifest_of(trees.scenario(name).new)) for name in _NAMES]
    return [Subject(plain, zstd.compress, _take_document(2 * len(plain))) for plain in plains]


def _take_document(most_bytes: int) -> Callable[[bytes], None]:
    def take(data: bytes) -> None:
        assert isinstance(bencoded.decode(data, "a document", most_bytes), dict)
        assert len(_plain(data)) <= most_bytes

    return take


def _windows(folder: Path) -> list[Subject]:
    """Of each codec; of a delta also the form whose sections are not packed, so that mutants reach what is in them."""
    old = trees.noise(1, 40_000)
    new = trees.edited(old, 2, 20) + trees.prose(3, 10_000)
    made = encode.make_window(new, old)
    assert made[0] == codec.HDIFF
    (folder / "old").write_bytes(old)
    prose = trees.prose(9, 20_000)
    return [
        _window(folder, codec.HDIFF, made[1], new, old),
        _window(folder, codec.HDIFF, _unpacked(made[1]), new, old),
        _window(folder, codec.ZSTD, prose, prose, b"", zstd.compress),
        _window(folder, codec.STORED, new, new, b""),
    ]


def _window(
    folder: Path, kind: int, plain: bytes, new: bytes, old: bytes, travel: Callable[[bytes], bytes] = bytes
) -> Subject:
    half, place = len(new) // 2, folder / "new"
    outputs = (OutputRange(place, half, 0, half), OutputRange(None, len(new) - half, 0, len(new) - half))
    used = (((folder / "old", 0, len(old)), None),) if old else ()

    def take(data: bytes) -> None:
        assert len(data) <= codec.WINDOW_BYTES
        task = Task(kind, data, used, outputs, len(new), sha256(new).digest())
        try:
            decode(task)
        except ContentError:
            assert not place.exists()
            raise
        assert place.read_bytes() == new[:half]
        place.unlink()

    return Subject(plain, travel, take)


def _maps(folder: Path) -> list[Subject]:
    """Read through by a copy of the whole library, whose root is asked for later."""
    old, new = library(1), library(1, 3)
    fitted = fit(lambda at, length: old[at : at + length], len(old), lambda at, length: new[at : at + length], len(new))
    assert fitted
    (folder / "old.so").write_bytes(old)
    place = folder / "new.so"

    def take(data: bytes) -> None:
        by = Map(fitted.filter, data, sha256(data).digest(), len(old))
        where, output = (folder / "old.so", 0, len(old)), OutputRange(place, len(old), 0, len(old))
        decode(Task(codec.COPY_REBASED, b"", ((where, by),), (output,), len(old), b""))
        assert place.stat().st_size == len(old)

    head, lists = fitted.data[:12], fitted.data[12:]
    how = addresses.filters(1 << 16)
    plain = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=how).decompress(lists)
    packed = Subject(
        head + plain, lambda data: data[:12] + lzma.compress(data[12:], lzma.FORMAT_RAW, filters=how), take
    )
    return [Subject(fitted.data, bytes, take), packed]


def hdiff_header(*numbers: int, sections: bytes = b"") -> bytes:
    """A delta as `codec` describes it: magic, numbers in base 128, sections."""
    out = b"HDIFF13&lzma2\0"
    for number in numbers:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(number & 0x7F | 0x80)
        out += bytes(reversed(digits))
    return out + sections


def _unpacked(data: bytes) -> bytes:
    """The same delta with its sections as they are."""
    numbers, at = [], len(hdiff_header())
    for _ in range(11):
        number, at = codec._number(data, at)
        numbers.append(number)
    sections = b""
    for place in range(3, 11, 2):
        size, packed = numbers[place : place + 2]
        section = data[at : at + (packed or size)]
        at += len(section)
        sections += _lzma2(section, size) if packed else section
        numbers[place + 1] = 0
    return hdiff_header(*numbers, sections=sections)


def _lzma2(section: bytes, size: int) -> bytes:
    how = {"id": lzma.FILTER_LZMA2, "dict_size": codec._dictionary_bytes(section[0])}
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[how]).decompress(section[1:], size)


TARGETS: dict[str, Callable[[Path], list[Subject]]] = {
    "patch index": _indexes,
    "manifest": _manifests,
    "manifest delta": _manifest_deltas,
    "packed document": _packed_documents,
    "window": _windows,
    "address map": _maps,
}

# ---------------------------------------------------------------- how it is changed


def _mutant(dice: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(out) + 1)
        kind = dice.randrange(6)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            out[at:at] = dice.randbytes(dice.randrange(1, 4))
        elif kind == 2:
            del out[at : at + dice.randrange(1, 6)]
        elif kind == 3:  # something that is there, elsewhere
            start = dice.randrange(len(out) + 1)
            out[at:at] = out[start : start + dice.randrange(1, 80)]
        elif kind == 4:  # as large a number as its bytes can say
            length = dice.randrange(1, 5)
            out[at : at + length] = b"\xff" * length
        else:  # digits for digits: other numbers in a document that is still whole
            out = bytearray(_other_digits(dice, bytes(out), at))
    if dice.randrange(_SWELLS) == 0:
        out += bytes(1 << 20)
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


# ---------------------------------------------------------------- running them


@dataclass(frozen=True)
class Tally:
    """How many mutants a process took, how many of them were still valid, and its memory beyond the honest bytes."""

    count: int
    valid: int
    more_bytes: int


@cache
def _subjects(name: str, folder: Path) -> list[Subject]:
    return TARGETS[name](folder)


def _batch(name: str, folder: Path, seed: int, first: int, count: int) -> Tally:
    """Runs in a bounded process."""
    subjects = _subjects(name, folder)
    for subject in subjects:
        subject.take(subject.travel(subject.plain))
    before_bytes = peak_bytes()
    valid = 0
    for number in range(first, first + count):
        dice = random.Random(f"{seed} {name} {number}")
        subject = subjects[number // 2 % len(subjects)]
        plain = subject.plain
        data = subject.travel(_mutant(dice, plain)) if number % 2 else _mutant(dice, subject.travel(plain))
        try:
            subject.take(data)
        except ShoalError:
            continue
        except Exception as error:
            raise AssertionError(f"mutant {number} of a {name}, seed {seed}: {error!r}") from error
        valid += 1
    return Tally(count, valid, peak_bytes() - before_bytes)


def run(pool: ProcessPoolExecutor, name: str, folder: Path, count: int, seed: int) -> Tally:
    """Takes ``count`` mutants of one target in a pool of one. Raises AssertionError, BrokenProcessPool."""
    firsts = range(0, count, _BATCH)
    tallies = [pool.submit(_batch, name, folder, seed, at, min(_BATCH, count - at)).result() for at in firsts]
    return Tally(count, sum(t.valid for t in tallies), max(t.more_bytes for t in tallies))


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line a target; returns 1 when one took too much memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("targets", nargs="*", default=list(TARGETS), metavar="TARGET", help=", ".join(TARGETS))
    args = parser.parse_args(arguments)
    most = 0
    for name in args.targets:
        started_s = time.monotonic()
        with tempfile.TemporaryDirectory() as folder, processes.pool(1, MEMORY_BYTES) as pool:
            tally = run(pool, name, Path(folder), args.count, args.seed)
        most = max(most, tally.more_bytes)
        took_s = time.monotonic() - started_s
        sys.stdout.write(f"{name}: {tally.count:,} mutants in {took_s:.0f} s, {tally.valid:,} still valid, all within "
                         f"bounds; {tally.more_bytes / 1e6:.0f} MB more memory\n")  # fmt: skip
        sys.stdout.flush()
    return int(most > MORE_BYTES)


if __name__ == "__main__":
    sys.exit(main())

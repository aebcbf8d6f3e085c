"""A release of very many files, and one of a terabyte: CPU time and memory of the publisher, and of a player's plan.

    python -m bench.scale [--files 100000] [--folder FOLDER]

Each measure is a process of its own. Real: a tree of files of 16 to 1,000 bytes, its release, the release after 1 % has
changed, and the plan of a player who has the first and reads the documents of the second. Not real: the bytes of the
terabyte. Its manifests have 20,000 files of 50 MB with invented roots, of which 2 % change, and no patch; they are
encoded, read and planned as any others.
"""

import argparse
import hashlib
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from patcher.beneath import Base, Beneath
from patcher.config import Home
from patcher.content import feed_paths, manifest, merkle, patch_index, records
from patcher.content.file_tree import Entry
from patcher.content.manifest import Manifest
from patcher.install.scan import Have, LocalSources
from patcher.publish import build, feeds, release, repository
from patcher.publish.keys.ring import Passphrases
from patcher.publish.store import Store
from patcher.update.planning import plan
from patcher.update.target import Offer

Record = TypeVar("Record")

_IN_FOLDER = 500
_LARGE_FILES, _LARGE_BYTES = 20_000, 50_000_000
_LIMITS = "≤ 1,000 MB for each, ≤ 5 s for a plan"


def _content(number: int, size_bytes: int, edition: int = 1) -> bytes:
    return hashlib.shake_128(f"{number} {edition}".encode()).digest(size_bytes)


def _plant(root: Path, count: int) -> None:
    dice = random.Random(1)
    for number in range(count):
        below = root / "tree" / f"{number // _IN_FOLDER:04}"
        if number % _IN_FOLDER == 0:
            below.mkdir(parents=True)
        (below / f"{number:07}").write_bytes(_content(number, dice.randrange(16, 1000)))


def _change(root: Path, count: int) -> None:
    for number in random.Random(2).sample(range(count), count // 100):
        (root / "tree" / f"{number // _IN_FOLDER:04}" / f"{number:07}").write_bytes(_content(number, 500, 2))


def _publish(root: Path, version: str) -> None:
    home, nobody = Home(root / "home"), Passphrases("")
    if not (root / "feed").exists():
        feeds.init(
            root / "feed", home, ["https://updates.example.org"], [], "bench", "solo", demo_keys=True,
            passphrases=nobody,
        )  # fmt: skip
    order = release.ReleaseOrder("game", root / "tree", version, jobs=2)
    release.release(root / "feed", home, order, nobody, lambda *_: None, lambda _: None)


def _first(root: Path) -> None:
    _publish(root, "1")


def _again(root: Path) -> None:
    _publish(root, "2")


def _plan(root: Path) -> None:
    """What a player's engine does between the scan and the first byte."""
    repo, store = repository.load(root / "feed"), Store(root / "feed")
    old_part, part = (_read(repo, records.Release, feed_paths.release("game", n)).parts[0] for n in (1, 2))
    parser, document = manifest.Parser(), store.read(part.manifest)
    old, new = parser.parse(store.read(old_part.manifest)), parser.parse(document)
    del parser
    delta = _read(repo, records.Patches, feed_paths.patches("game", 2)).parts[0].deltas[0]
    assert delta.index
    _planned(Offer(part, document, new, old, patch_index.parse(store.read(delta.index), new, old)), old)


def _read(repo: repository.Repository, kind: type[Record], path: str) -> Record:
    found = repo.parsed(path)
    assert isinstance(found, kind)
    return found


def _large(edition: int) -> Manifest:
    def entry(number: int) -> Entry:
        mine = edition if number % 50 == 0 else 1
        return Entry(f"{number // _IN_FOLDER:04}/{number:07}.pak", _LARGE_BYTES, _content(number, 32, mine))

    return build.manifest_of("game.main", map(entry, range(_LARGE_FILES)))


def _terabyte(_: Path) -> None:
    documents = [manifest.encode(_large(edition)) for edition in (1, 2)]
    parser = manifest.Parser()
    old, new = map(parser.parse, documents)
    part = records.Part("main", (), False, merkle.ref_of(documents[1]), new.info_hash, None, None)
    _planned(Offer(part, documents[1], new), old)


def _planned(offer: Offer, old: Manifest) -> None:
    started_s = time.process_time()
    intact = {entry.path: entry.root for entry in old.entries}
    have = Have(intact, sources=LocalSources(Beneath(Base(Path("/game"))), intact, {}))
    made = plan.make([offer], [old], have, server_only=False)
    assert made.files
    print(
        f"plan alone: {time.process_time() - started_s:.1f} CPU s, document {len(offer.document) / 1e6:.1f} MB",
        end="; ",
    )


_MEASURES: Mapping[str, Callable[[Path], None]] = {
    "first": _first, "again": _again, "plan": _plan, "terabyte": _terabyte,
}  # fmt: skip


def _measure(name: str, root: Path) -> None:
    started_s = time.monotonic()
    _MEASURES[name](root)
    mine, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu_s = mine.ru_utime + mine.ru_stime + others.ru_utime + others.ru_stime
    print(
        f"{name:8} {time.monotonic() - started_s:7.1f} s, {cpu_s:7.1f} CPU s, peak {mine.ru_maxrss / 1024:6.0f} MB, "
        f"of a worker {others.ru_maxrss / 1024:.0f} MB",
        flush=True,
    )


def main() -> None:
    """Print a line for each measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--measure", choices=_MEASURES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        _measure(args.measure, args.folder)
        return
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        print(f"{args.files:,} files; {_LIMITS}", flush=True)
        _plant(Path(name), args.files)
        for measure in _MEASURES:
            if measure == "again":
                _change(Path(name), args.files)
            words = ("--measure", measure, "--folder", name)
            subprocess.run([sys.executable, "-m", "bench.scale", *words], check=True)


if __name__ == "__main__":
    main()

"""What a release of very many files costs: few objects, opened files and bytes a file; and its benches in small."""

import builtins
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bench import workers
from patcher.content import manifest
from patcher.content.file_tree import Entry
from patcher.publish import build
from tests.support.homes import ROOT
from tests.support.publisher import Publisher, lay

_FILES = 20_000


def _document(edition: int) -> bytes:
    """Every hundredth file is another one in each edition."""
    entries = (
        Entry(f"{number // 500:04}/{number:07}", 300 + number % 500, sha256(b"%d %d" % (number, each)).digest())
        for number in range(_FILES)
        for each in [edition if number % 100 == 0 else 0]
    )
    return manifest.encode(build.manifest_of("game.main", entries))


def _kept_bytes(read: Callable[[], object]) -> tuple[object, int, int]:
    """What was read, the memory that it keeps, and the most that reading took."""
    tracemalloc.start()
    try:
        found = read()
        return found, *tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


def test_a_manifest_takes_little_memory_and_the_next_one_of_the_title_hardly_any() -> None:
    documents = [_document(edition) for edition in (1, 2)]
    parser = manifest.Parser()
    first, first_bytes, first_peak = _kept_bytes(lambda: parser.parse(documents[0]))
    second, second_bytes, _ = _kept_bytes(lambda: parser.parse(documents[1]))
    assert first != second
    assert first_bytes < 400 * _FILES, "an entry, its path, root and size"
    assert first_peak < 700 * _FILES, "before, a tree of dictionaries took twice that"
    assert second_bytes < 100 * _FILES, "places in tuples, and what changed"


@pytest.mark.posix("counts the one call that opens a file there")
def test_a_file_that_did_not_change_is_opened_once_to_hash_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = Publisher(tmp_path)
    tree = lay(tmp_path / "tree", {f"d{n % 7}/{n}": b"%d" % n * 50 for n in range(100)})
    publisher.release(tree, "1")
    lay(tree, {"d1/1": b"changed"})
    opened: Counter[str] = Counter()
    kept = builtins.open

    def count(file: Any, *words: Any, **named: Any) -> Any:
        opened[str(file)] += 1
        return kept(file, *words, **named)

    monkeypatch.setattr(builtins, "open", count)
    publisher.release(tree, "2")
    monkeypatch.undo()
    below = {path.relative_to(tree).as_posix(): opened[str(path)] for path in tree.rglob("*") if path.is_file()}
    assert below.pop("d1/1") > 1, "it was copied, too"
    assert set(below.values()) == {1}


@pytest.mark.posix("a bench")
def test_the_bench_of_scale_measures_a_small_release(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "bench.scale", "--files", "200", "--folder", str(tmp_path)]
    ran = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    lines = [line for line in ran.stdout.splitlines() if "CPU s, peak" in line]
    assert [name for name in ("first", "again", "plan", "terabyte") if any(name in line for line in lines)] == [
        "first", "again", "plan", "terabyte",
    ]  # fmt: skip


@pytest.mark.posix("a bench")
def test_the_bench_of_workers_makes_the_same_packs_by_each(tmp_path: Path) -> None:
    seconds = workers.measure(tmp_path, files=2, size_bytes=200_000)
    assert [*seconds] == ["one process", "two processes", "two Dask workers"]

"""Packs: the same from any number of workers, and whole after any interruption."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from patcher.content.layout import Range
from patcher.errors import ContentError
from patcher.publish.patches import packs, pool
from patcher.publish.patches.matching import MARGIN_BYTES
from patcher.publish.patches.pool import WindowTask
from patcher.publish.store import PhaseMeter
from tests.support.publisher import Publisher, drafted, lay, quiet

_TREES = ("old", 80), ("new", 100)


def two_trees(tmp_path: Path) -> tuple[Path, Path]:
    """Two files larger than a window, so that a pack has several, and small ones."""
    dice = random.Random(5)
    block = dice.randbytes(200_000)
    large = block * 90
    changed = large[:5_000_000] + dice.randbytes(1000) + large[5_000_000:]
    old = lay(tmp_path / "old", {"large": large, "small": block[:3000], "gone": b"gone"})
    new = lay(tmp_path / "new", {"large": changed, "small": block[:3000] + b"more", "bin/added": b"added"})
    return old, new


def test_more_workers_change_no_byte(tmp_path: Path) -> None:
    old, new = two_trees(tmp_path)
    found = []
    for jobs in (1, 2):
        publisher = Publisher(tmp_path / f"with-{jobs}")
        publisher.release(old, "1.0", jobs=jobs)
        publisher.release(new, "1.1", jobs=jobs)
        assert publisher.problems() == ()
        found.append(publisher.content())
    assert found[0] == found[1]


def test_deltas_of_large_manifests_are_made_by_a_worker_and_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (lay(tmp_path / name, {f"{n}": b"%d" % (n + n // 90) for n in range(at)}) for name, at in _TREES)
    found, by_worker = [], list[object]()
    in_worker = pool.in_worker

    def noted(*words: Any) -> Any:
        by_worker.append(words)
        return in_worker(*words)

    monkeypatch.setattr(pool, "in_worker", noted)
    for large_bytes in (packs._LARGE_BYTES, 1):
        monkeypatch.setattr(packs, "_LARGE_BYTES", large_bytes)
        publisher = Publisher(tmp_path / f"{large_bytes}")
        publisher.release(old, "1.0")
        publisher.release(new, "1.1")
        assert bool(by_worker) == (large_bytes == 1)
        found.append(publisher.content())
    assert found[0] == found[1]


def test_the_order_of_a_folder_changes_no_byte(tmp_path: Path) -> None:
    files = {f"{folder}/{number}": random.Random(number).randbytes(3000) for folder in "abc" for number in range(20)}
    found: list[dict[str, bytes]] = []
    for order in (sorted(files), sorted(files, key=lambda path: path[::-1], reverse=True)):
        root = tmp_path / f"{len(found)}"
        publisher = Publisher(root)
        publisher.release(lay(root / "old", {path: files[path] for path in order}), "1.0", jobs=2)
        publisher.release(lay(root / "new", {path: files[path][::-1] for path in order}), "1.1", jobs=1)
        found.append(publisher.content())
    assert found[0] == found[1]


def test_new_bytes_in_the_middle_of_a_large_file_are_nearly_all_that_its_patch_makes(tmp_path: Path) -> None:
    dice = random.Random(6)
    data, more = dice.randbytes(17 << 20), dice.randbytes(500_000)
    new = data[:6_000_001] + more + data[6_000_001:]
    copied, made = drafted(tmp_path, {"large": data}, {"large": new}).cuts
    assert copied.copied
    assert made.new == (Range(0, 6_000_001 - MARGIN_BYTES, MARGIN_BYTES + len(more) + MARGIN_BYTES),)


def test_finished_windows_are_not_made_again(tmp_path: Path) -> None:
    lay(tmp_path, {"new": b"new bytes" * 100})
    task = WindowTask(((str(tmp_path / "new"), 0, 900),), (), tmp_path / "out" / "1")
    counted: list[int] = []
    pool.run([task], 1, counted.append)
    made = task.result.read_bytes()
    (tmp_path / "new").unlink()
    pool.run([task], 1, counted.append)
    assert counted == [900, 900]
    assert task.result.read_bytes() == made


@dataclass(frozen=True)
class _Begun:
    """Work that leaves a mark when it is begun."""

    result: Path
    size_bytes: int = 1

    def make(self) -> bytes:
        self.result.with_suffix(".begun").write_bytes(b"")
        return b"made"


def test_what_is_made_waits_for_a_slow_disk_in_bounded_memory(tmp_path: Path) -> None:
    begun: list[int] = []
    tasks = [_Begun(tmp_path / f"{number}") for number in range(30)]
    pool.run(tasks, 2, lambda _: begun.append(len(list(tmp_path.glob("*.begun"))) - len(begun)))
    assert len(begun) == 30
    assert max(begun) <= 4


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_source_that_is_too_short_is_an_error_and_ends_the_workers(tmp_path: Path, jobs: int) -> None:
    lay(tmp_path, {"new": b"short"})
    tasks = [WindowTask(((str(tmp_path / "new"), 0, 900),), (), tmp_path / "out" / f"{n}") for n in range(3)]
    meter = PhaseMeter(quiet, "pack", 2700)
    with pytest.raises(ContentError, match="shorter than it should be"):
        pool.run(tasks, jobs, meter.add)
    assert not (tmp_path / "out").exists()


def test_parts_that_did_not_change_cost_nothing(tmp_path: Path) -> None:
    old, _ = two_trees(tmp_path)
    publisher = Publisher(tmp_path)
    publisher.release(old, "1.0")
    outcome = publisher.release(old, "1.1")
    assert outcome.packed
    assert outcome.packed.patch_bytes == (("1.0", 0),)
    publisher.release(old, "1.2", from_last=2)
    assert publisher.problems() == ()

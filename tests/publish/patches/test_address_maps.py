"""Native code in packs: a map where it pays, the same from any number of workers, none of it made twice."""

import os
import subprocess
import sys
from pathlib import Path

from patcher import disk
from patcher.content import codec
from patcher.publish.patches import encode, pool
from patcher.publish.patches.pool import WindowFile, WindowTask
from tests.support import trees
from tests.support.kills import KILL, KILLED
from tests.support.libraries import library
from tests.support.publisher import Publisher, drafted, lay
from tests.support.trees import noise

OLD, NEW = library(70), library(70, 3)
ROOT = Path(__file__).resolve().parents[2]


def test_a_window_of_native_code_reads_through_a_map_and_is_far_smaller(tmp_path: Path) -> None:
    joined = drafted(
        tmp_path, {"lib.so": OLD, "pak": noise(1, 50_000)}, {"lib.so": NEW, "pak": noise(2, 50_000)}
    ).joined()
    (window,) = joined.windows
    assert window.codec == codec.HDIFF_REBASED
    assert (window.offset, len(joined.filters), joined.filters[0].name) == (joined.filters[0].length, 1, "x86-1")
    assert joined.size_bytes - 50_000 < len(encode.make_window(NEW, OLD)[1]) / 10


def test_a_library_under_another_name_has_a_map_too(tmp_path: Path) -> None:
    joined = drafted(tmp_path, {"libgame.so.1.10.15": OLD}, {"libgame.so.1.10.16": NEW}).joined()
    assert joined.size_bytes < 1000
    assert any(window.is_rebased for window in joined.windows)


def test_a_content_of_two_names_has_one_map(tmp_path: Path) -> None:
    draft = drafted(tmp_path, {"a.so": OLD, "b.so": OLD, "c": b"c"}, {"a.so": OLD, "b.so": NEW})
    joined = draft.joined()
    assert [each.file for each in joined.filters] == [0]
    assert [span.file for window in joined.windows for span in window.old] == [0]
    assert draft.old and draft.old.entries[0].path == "a.so"


def test_what_gains_nothing_has_no_map(tmp_path: Path) -> None:
    """Packed code, files that only begin as code does, small ones, new ones, and code that did not change."""
    old = {"packed": b"\x7fELF" + noise(1, 40_000), "small.so": OLD[:9_000], "same.so": OLD, "other": noise(2, 40_000)}
    new = {"packed": b"\x7fELF" + noise(3, 40_000), "small.so": NEW[:9_000], "moved.so": OLD, "other": NEW}
    joined = drafted(tmp_path, old, new).joined()
    assert (joined.filters, [w for w in joined.windows if w.is_rebased]) == ((), [])


def test_a_window_is_plain_where_its_map_does_not_help(tmp_path: Path) -> None:
    lay(tmp_path, {"plain": noise(1, 5_000), "moved": noise(2, 5_000), "new": noise(1, 5_000) + b"more"})
    plain, moved, new = (((str(tmp_path / name), 0, 5_000),) for name in ("plain", "moved", "new"))
    for number, (with_map, without) in enumerate(((moved, plain), (plain, moved))):
        task = WindowTask(new, with_map, tmp_path / f"{number}", without)
        pool.run([task], 1, lambda count: None)
        assert WindowFile.read(task.result).codec == (codec.HDIFF, codec.HDIFF_REBASED)[number]
        assert WindowFile.read(task.result).length < 500


def test_more_workers_change_no_byte(tmp_path: Path) -> None:
    old, new = ({f"{seed}.so": library(seed, added) for seed in range(70, 73)} for added in (0, 3))
    one, two = (drafted(tmp_path / f"{jobs}", old, new, jobs).joined() for jobs in (1, 2))
    assert len(one.filters) == 3
    assert (one.filters, one.windows) == (two.filters, two.windows)
    assert b"".join(one.chunks()) == b"".join(two.chunks())


def test_a_killed_maker_goes_on_with_the_maps_it_has(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    trees.write(tmp_path / "old", trees.scenario("native code").old)
    trees.write(tmp_path / "new", trees.scenario("native code").new)
    publisher.release(tmp_path / "old", "1.0")
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path)], env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True
    )
    assert killed.returncode == KILLED, killed.stderr
    kept = set((tmp_path / "home" / "build").rglob("maps/*"))
    assert len(kept) == 6, "three maps, and three old files as they move them"
    written: list[object] = []
    disk.hook = lambda step, arguments: written.append(arguments[0]) if step == "write" else None
    try:
        publisher.release(tmp_path / "new", "1.1", jobs=1, executable=())
    finally:
        disk.hook = None
    assert kept.isdisjoint(written)
    assert publisher.problems() == ()
    assert not [*(tmp_path / "home" / "build").rglob("maps")]


_KILLED = f"""
import os, sys
from pathlib import Path
from patcher.config import Home
from patcher.publish import release
from patcher.publish.keys.ring import Passphrases
root = Path(sys.argv[1])
def progress(now, done, total):
    if now == "map" and done == total: {KILL}
if __name__ == "__main__":
    order = release.ReleaseOrder("game", root / "new", "1.1", jobs=2)
    release.release(root / "feed", Home(root / "home"), order, Passphrases("correct horse"), progress, print)
"""


def test_assets_are_packed_without_numpy(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    trees.write(tmp_path / "old", trees.scenario("changed").old)
    trees.write(tmp_path / "new", trees.scenario("changed").new)
    publisher.release(tmp_path / "old", "1.0")
    program = _KILLED.replace(KILL, "pass") + "    assert 'numpy' not in sys.modules\n"
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True
    )

"""A preview says before a release what it will cost, and what other ways would."""

from pathlib import Path

from patcher.publish import build, preview
from patcher.publish.patches import encode
from tests.support.libraries import library
from tests.support.publisher import Publisher, lay, quiet
from tests.support.trees import MIB, edited, noise, prose


def previewed(tmp_path: Path, old: Path, new: Path, jobs: int = 1) -> preview.Preview:
    before, after = (build.read(tree, "preview", (), 1, quiet) for tree in (old, new))
    found = preview.preview(before, after, tmp_path / "build", jobs, quiet)
    assert not (tmp_path / "build").exists()
    return found


def two_trees(tmp_path: Path) -> tuple[Path, Path]:
    pak, text = noise(1, 18 * MIB), prose(2, 400_000)
    old = lay(tmp_path / "old", {"pak": pak, "text": text, "same": b"same", "was/here": noise(3, 50_000)})
    new = lay(tmp_path / "new", {
        "pak": edited(pak, 4), "text": edited(text, 5), "same": b"same", "is/there": noise(3, 50_000),
        "added": noise(6, 30_000), "added again": noise(6, 30_000), "empty": b"",
    })  # fmt: skip
    return old, new


def test_every_file_is_told_by_what_happens_to_it(tmp_path: Path) -> None:
    found = previewed(tmp_path, *two_trees(tmp_path))
    kinds = {file.path: file.kind for file in found.files}
    assert kinds == {
        "pak": "delta", "text": "delta", "same": "unchanged", "is/there": "moved", "empty": "unchanged",
        "added": "delta", "added again": "moved",
    }  # fmt: skip
    costs = {file.path: file.patch_bytes for file in found.files}
    assert costs["same"] == costs["is/there"] == costs["added again"] == 0
    assert 0 < costs["pak"] < 200_000
    assert abs(sum(costs.values()) - found.pack_bytes) <= len(costs)


def test_a_preview_costs_what_the_release_will(tmp_path: Path) -> None:
    old, new = two_trees(tmp_path)
    found = previewed(tmp_path, old, new, jobs=2)
    publisher = Publisher(tmp_path)
    publisher.release(old, "1.0")
    outcome = publisher.release(new, "1.1")
    assert outcome.packed
    (_, patch_bytes) = outcome.packed.patch_bytes[0]
    assert abs(patch_bytes - found.pack_bytes - found.document_bytes) < 200


def test_other_ways_are_measured_on_the_same_files(tmp_path: Path) -> None:
    found = previewed(tmp_path, *two_trees(tmp_path))
    assert 17 * MIB < found.steam_bytes <= found.changed_bytes < 20 * MIB, "everything behind the first edit moved"
    assert found.pack_bytes * 50 < found.steam_bytes
    assert found.tree_bytes > 18 * MIB
    assert found.make_cpu_s > 0


def test_a_preview_of_no_change_costs_nothing(tmp_path: Path) -> None:
    old, _ = two_trees(tmp_path)
    found = previewed(tmp_path, old, old)
    assert (found.pack_bytes, found.steam_bytes, found.changed_bytes) == (0, 0, 0)
    assert found.count("unchanged") == 4


def test_what_a_map_saves_is_said_for_each_file(tmp_path: Path) -> None:
    old, new = (lay(tmp_path / f"{added}", {"a.so": library(75, added), "b.so": library(75)}) for added in (0, 2))
    found = previewed(tmp_path, old, new)
    saved = {file.path: file.saved_bytes for file in found.files}
    without = len(encode.make_window(library(75, 2), library(75))[1])
    assert without / 10 < saved["a.so"] < without - found.pack_bytes
    assert saved["b.so"] == 0

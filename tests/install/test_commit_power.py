"""A power cut leaves the old or the new release, and a commit that forgets any one fsync would be caught."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from patcher import beneath, disk
from patcher.beneath import Where, path_of
from patcher.install import commit, journal
from patcher.install.folder import InstallFolder
from patcher.install.scan import Watch
from tests.support import crash, power_cut
from tests.support.lost_writes import Recording, after_kill, after_ordered_cut, materialise
from tests.support.power_cut import PowerCuts
from tests.support.windows_like import WindowsLike

pytestmark = pytest.mark.posix("fsync of folders; that of Windows is played here")

STATES = 700

Sabotage = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture
def room() -> Iterator[Path]:
    with crash.room() as folder:
        yield folder


def test_any_power_cut_leaves_the_old_or_the_new_release(room: Path) -> None:
    cuts = PowerCuts(room, seed=1)
    assert list(cuts.faults(STATES)) == []
    assert cuts.states >= 500


def test_nor_does_a_power_cut_harm_on_a_disk_without_hard_links(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "link", lambda source, path: False)
    assert list(PowerCuts(room, seed=2).faults(200)) == []


@pytest.fixture
def like_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    WindowsLike(is_scanned=True).take_over(monkeypatch.setattr)
    monkeypatch.setattr(disk, "link", lambda source, path: False)


@pytest.mark.usefixtures("like_windows")
def test_nor_does_it_harm_on_a_disk_like_that_of_windows_which_syncs_no_folder(room: Path) -> None:
    cuts = PowerCuts(room, seed=4, cut=after_ordered_cut)
    assert list(cuts.faults(200)) == []
    assert not any(step.startswith("sync_folder") for story in cuts.stories for step in story.steps)


@pytest.mark.usefixtures("like_windows")
@pytest.mark.parametrize("which", [b"PREPARED", b"DONE"])
def test_a_journal_that_is_not_flushed_there_is_found(
    room: Path, monkeypatch: pytest.MonkeyPatch, which: bytes
) -> None:
    unsynced_append(which)(monkeypatch)
    assert next(PowerCuts(room, seed=1, cut=after_ordered_cut).faults(STATES), "")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few files are many, so that their volume is synced as a whole."""
    monkeypatch.setattr(disk, "_MANY", 0)


@pytest.mark.usefixtures("at_once")
def test_nor_does_it_harm_where_whole_volumes_are_synced(room: Path) -> None:
    cuts = PowerCuts(room, seed=3)
    assert list(cuts.faults(STATES)) == []
    assert all(any(step.startswith("sync_volume") for step in story.steps) for story in cuts.stories)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("name", ["staging", ".shoal", "game"])
def test_a_volume_that_is_not_synced_is_found(room: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    sync_all = disk.sync_all

    def careless(base: Where, *what: Any) -> None:
        if not _is_called(base, room, name):
            sync_all(base, *what)

    monkeypatch.setattr(disk, "sync_all", careless)
    assert next(PowerCuts(room, seed=1).faults(STATES), "")


def _is_called(base: Where, room: Path, name: str) -> bool:
    """Whether this is the folder of that name, the install folder being the game."""
    return ("game" if path_of(base).parent == room else path_of(base).name) == name


def test_the_model_sees_what_the_disk_does(room: Path) -> None:
    crash.put(room / "real", crash.OLD)
    recording = Recording(room / "real")
    with recording.running():
        crash.update(room / "real")
    materialise(after_kill(recording, len(recording.effects)), room / "model")
    assert crash.read(room / "model") == crash.read(room / "real") == crash.NEW
    assert crash.read(room / "model" / ".shoal" / "previous") == crash.PREVIOUS


# ---------------------------------------------------------------- planted bugs


def no_file_sync(where: Callable[[Path], bool]) -> Sabotage:
    def plant(patch: pytest.MonkeyPatch) -> None:
        sync = disk.sync_file
        patch.setattr(disk, "sync_file", lambda path: None if where(path_of(path)) else sync(path))

    return plant


def no_folder_sync(where: Callable[[Path], bool]) -> Sabotage:
    def plant(patch: pytest.MonkeyPatch) -> None:
        sync = disk.sync_folder
        patch.setattr(disk, "sync_folder", lambda path: None if where(path_of(path)) else sync(path))

    return plant


def unsynced_append(which: bytes) -> Sabotage:
    def plant(patch: pytest.MonkeyPatch) -> None:
        append = disk.append

        def careless(path: Where, data: bytes) -> None:
            found = beneath.status(path)
            size_bytes = found.st_size if found else 0
            if which in data:
                with disk.Staged(path, size_bytes) as file:
                    file.write(size_bytes, data)
            else:
                append(path, data)

        patch.setattr(disk, "append", careless)
        patch.setattr(disk, "create", careless)

    return plant


def journal_before_staged_files(patch: pytest.MonkeyPatch) -> None:
    begin, sync_staged = commit._begin, commit._sync_staged
    late: list[tuple[InstallFolder, commit.Change, journal.Operations, Watch]] = []
    patch.setattr(commit, "_sync_staged", lambda *arguments: late.append(arguments))

    def early(folder: InstallFolder, record: bytes) -> None:
        begin(folder, record)
        sync_staged(*late.pop())

    patch.setattr(commit, "_begin", early)


def done_before_the_tree_is_synced(patch: pytest.MonkeyPatch) -> None:
    sync_swapped, append = commit._sync_swapped, disk.append
    late: list[tuple[InstallFolder, journal.Operations]] = []
    patch.setattr(commit, "_sync_swapped", lambda *arguments: late.append(arguments))

    def early(path: Where, data: bytes) -> None:
        append(path, data)
        while late:
            sync_swapped(*late.pop())

    patch.setattr(disk, "append", early)


def in_tree(path: Path) -> bool:
    return ".shoal" not in path.parts


def in_staging(path: Path) -> bool:
    return path.parent.name == "staging"


PLANTS: dict[str, Sabotage] = {
    "a staged file is not synced": no_file_sync(in_staging),
    "a staged document is not synced": no_file_sync(lambda path: path.name == "meta-1"),
    "the mode of a kept file is not synced": no_file_sync(lambda path: path.name == "tool"),
    "the folders of the tree are not synced": no_folder_sync(in_tree),
    "one folder of the tree is not synced": no_folder_sync(lambda path: path.name == "bin"),
    "the staging folder is not synced": no_folder_sync(lambda path: path.name == "staging"),
    "trash is not synced": no_folder_sync(lambda path: "trash" in path.parts),
    "the folder of the journal is not synced": no_folder_sync(lambda path: path.name == ".shoal"),
    "the journal is written before staged files are synced": journal_before_staged_files,
    "the journal is not synced": unsynced_append(b"PREPARED"),
    "DONE is not synced": unsynced_append(b"DONE"),
    "DONE is written before the tree is synced": done_before_the_tree_is_synced,
}  # fmt: skip


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS.keys())
def test_a_planted_bug_is_found(plant: Sabotage, room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    assert next(PowerCuts(room, seed=1).faults(STATES), "")


def test_a_staged_file_used_again_without_a_sync_is_found(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_file_sync(lambda path: in_staging(path) and path.name == "1")(monkeypatch)
    relying_on_stage = PowerCuts(room / "one", seed=1, updates=[power_cut.straight])
    assert list(relying_on_stage.faults(100)) == []
    used_again = PowerCuts(room / "two", seed=1, updates=[power_cut.restarted])
    assert next(used_again.faults(100), "")


def test_a_recovery_that_trusts_a_journal_in_memory_is_found(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    around_the_journal = PowerCuts(room / "one", seed=1, near="journal")
    assert list(around_the_journal.faults(200)) == []
    no_file_sync(lambda path: path.name == "journal")(monkeypatch)
    assert next(PowerCuts(room / "two", seed=1, near="journal").faults(STATES), "")

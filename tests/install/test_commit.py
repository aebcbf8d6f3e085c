"""What a commit does when nothing breaks, what it refuses before it begins, and what an error in the middle means."""

import errno
import json
import os
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from patcher import beneath, disk
from patcher.errors import Cancelled, DiskError
from patcher.install import commit
from patcher.install.commit import Change
from patcher.install.folder import InstallFolder
from tests.support import crash, trees
from tests.support.crash import CHANGE, KEEP_BYTES, NEW, OLD, PREVIOUS, file, link
from tests.support.ignore_case import IgnoreCase
from tests.support.mounted import Mounted
from tests.support.trees import File, Folder
from tests.support.windows_like import WindowsLike

NO_END = 10**6


@pytest.fixture
def room() -> Iterator[Path]:
    with crash.room() as folder:
        yield folder


def staged(folder: Path, **files: bytes) -> None:
    crash.put(folder / ".shoal" / "staging", {name: file(data) for name, data in files.items()})


def refused(folder: Path, change: Change) -> DiskError:
    """The error of a commit that changes nothing."""
    before = crash.read(folder)
    with pytest.raises(DiskError) as caught:
        commit.commit(InstallFolder.at(folder), change, KEEP_BYTES)
    assert crash.read(folder) == before
    assert not commit.pending(InstallFolder.at(folder))
    return caught.value


# ---------------------------------------------------------------- it does what it says


def test_read_only_files_are_replaced_kept_and_dropped_like_any_others(tmp_path: Path, kind: str) -> None:
    game = tmp_path / "game"
    crash.put(game, {"pak": file(b"1"), "gone": file(b"gone"), ".shoal/installed": file(b"1")})
    for number in (b"2", b"3"):
        for path in game.iterdir():
            if path.is_file():
                path.chmod(0o444)
        staged(game, new=number)
        change = Change(place=(("new", "pak", False),), remove=("gone",) if number == b"2" else ())
        commit.commit(InstallFolder.at(game), change, KEEP_BYTES)
        assert (game / "pak").read_bytes() == number and not (game / "gone").exists()
        assert not commit.pending(InstallFolder.at(game))


def test_an_update_changes_adds_moves_removes_and_swaps(game: Path) -> None:
    crash.update(game)
    assert crash.read(game) == NEW
    assert crash.judge(game) == "new"
    assert not commit.pending(InstallFolder.at(game))


def test_files_that_are_not_ours_stay_and_those_in_the_way_are_kept(game: Path) -> None:
    crash.update(game)
    assert crash.read(game)["mods/mine.txt"] == OLD["mods/mine.txt"]
    assert crash.read(game / ".shoal" / "previous")["files/new/added.txt"] == OLD["new/added.txt"]


def test_a_step_back_is_a_commit_of_what_previous_holds(game: Path) -> None:
    crash.update(game)
    previous = crash.read(game / ".shoal" / "previous")
    crash.put(game / ".shoal", {f"staging/{path}": item for path, item in previous.items() if item[0] == "file"})
    old = {path: item for path, item in OLD.items() if path not in ("new/added.txt", "empty-old", "mods/mine.txt")}
    change = Change(
        folders=("empty-old",),
        place=tuple((name, name[6:], item[2]) for name, item in previous.items()
                    if name.startswith("files/") and item[0] == "file" and name[6:] in old),
        links=tuple((path, item[1].decode()) for path, item in old.items() if item[0] == "link"),
        modes=(("bin/tool", False), ("bin/plain", True)),
        remove=("new/added.txt", *(path for _, path, _ in CHANGE.place if path not in OLD), "langs", "current"),
        remove_folders=(
            "empty-new/inner", "empty-new", "flat/deep", "flat", "data/packs", "link-to-folder", "new", "levels/deep",
            "levels",
        ),
        meta=(("installed", "installed"), ("manifests/aa", "manifests/aa"), ("", "manifests/bb")),
    )  # fmt: skip
    commit.commit(InstallFolder.at(game), change, KEEP_BYTES)
    assert crash.read(game) == {path: item for path, item in OLD.items() if path != "new/added.txt"}


def test_an_install_into_an_empty_folder_keeps_no_previous_files(tmp_path: Path) -> None:
    staged(tmp_path, a=b"one", b=b"pointer")
    commit.commit(
        InstallFolder.at(tmp_path), Change(place=(("a", "deep/er/file", True),), meta=(("b", "installed"),)), KEEP_BYTES
    )
    assert crash.read(tmp_path) == {
        "deep/er/file": file(b"one", True),
        ".shoal/installed": file(b"pointer"),
    }
    assert list((tmp_path / ".shoal" / "previous").iterdir()) == []


def test_previous_holds_the_last_release_only_and_nothing_when_it_would_be_too_large(game: Path) -> None:
    crash.update(game)
    staged(game, a=b"game 3")
    commit.commit(InstallFolder.at(game), Change(place=(("a", "bin/game", True),)), KEEP_BYTES)
    assert crash.read(game / ".shoal" / "previous")["files/bin/game"] == file(b"game 2", True)
    assert "files/flat" not in crash.read(game / ".shoal" / "previous")
    staged(game, a=b"game 4")
    commit.commit(InstallFolder.at(game), Change(place=(("a", "bin/game", True),)), keep_bytes=5)
    assert not (game / ".shoal" / "previous").exists()


def test_the_old_release_is_kept_with_its_own_documents(game: Path) -> None:
    crash.update(game)
    assert crash.read(game / ".shoal" / "previous") == PREVIOUS


@pytest.mark.posix("symlinks")
def test_what_stands_already_is_not_done_again(game: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed: list[str] = []
    inode = (game / "pointer").lstat().st_ino
    monkeypatch.setattr(disk, "hook", lambda name, arguments: changed.append(name))
    commit.commit(InstallFolder.at(game), Change(folders=("bin",), links=(("pointer", "kept.txt"),)), KEEP_BYTES)
    assert (game / "pointer").lstat().st_ino == inode
    assert "symlink" not in changed and "mode" not in changed
    assert crash.read(game) == OLD


def test_of_two_names_that_differ_in_case_the_old_goes_first(game: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a disk that takes them for one would lose the new file."""
    steps: list[tuple[str, str]] = []
    crash.stage(game)
    monkeypatch.setattr(disk, "hook", lambda name, arguments: steps.append((name, Path(str(arguments[-1])).name)))
    commit.commit(InstallFolder.at(game), CHANGE, KEEP_BYTES)
    gone = next(step for step in (("remove", "Readme.txt"), ("rename", "Readme.txt")) if step in steps)
    assert steps.index(gone) < steps.index(("rename", "README.txt"))


@pytest.mark.posix("plays Windows")
def test_a_folder_whose_name_changes_in_case_goes_with_all_that_was_in_it(tmp_path: Path) -> None:
    crash.put(tmp_path, {"extra/deep/gone": file(b"gone")})
    staged(tmp_path, a=b"new")
    change = Change(
        folders=("EXTRA",),
        place=(("a", "EXTRA/new", False),),
        remove=("extra/deep/gone",),
        remove_folders=("extra/deep", "extra"),
    )
    commit.commit(InstallFolder.at(tmp_path), change, KEEP_BYTES)
    assert not (tmp_path / "extra").exists()
    assert (tmp_path / "EXTRA" / "new").read_bytes() == b"new"


def test_a_folder_that_holds_others_files_too_takes_new_ones_under_its_new_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    IgnoreCase(tmp_path).take_over(monkeypatch.setattr)
    crash.put(tmp_path, {"Extra/Deep/old": file(b"old"), "Extra/mine": file(b"mine")})
    staged(tmp_path, a=b"new")
    change = Change(
        folders=("extra", "extra/deep"),
        place=(("a", "extra/deep/OLD", False),),
        remove=("Extra/Deep/old",),
        remove_folders=("Extra/Deep", "Extra"),
    )
    commit.commit(InstallFolder.at(tmp_path), change, KEEP_BYTES)
    assert trees.read(tmp_path) == {"Extra/deep/OLD": File(b"new"), "Extra/mine": File(b"mine")}


@pytest.mark.posix("plays Windows")
def test_a_folder_under_another_spelling_makes_way_for_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    IgnoreCase(tmp_path).take_over(monkeypatch.setattr)
    crash.put(tmp_path, {"Swap/Inner/X.txt": file(b"x"), "to-Folder": file(b"y"), "to-folder-too": link("Swap")})
    staged(tmp_path, a=b"one", b=b"two")
    change = Change(
        folders=("TO-FOLDER", "TO-FOLDER-TOO"),
        place=(("a", "swap", False), ("b", "TO-FOLDER/file", False)),
        remove=("swap/inner/x.TXT", "to-Folder", "to-folder-too"),
        remove_folders=("swap/inner", "swap"),
    )
    commit.commit(InstallFolder.at(tmp_path), change, KEEP_BYTES)
    assert trees.read(tmp_path) == {"swap": File(b"one"), "TO-FOLDER/file": File(b"two"), "TO-FOLDER-TOO": Folder()}


def test_folders_with_files_that_are_not_ours_stay(game: Path) -> None:
    (game / "bin" / "my.cfg").write_bytes(b"mine")
    commit.commit(
        InstallFolder.at(game),
        Change(remove=("bin/game", "bin/tool", "bin/plain", "bin/gone"), remove_folders=("bin",)),
        0,
    )
    assert [path.name for path in (game / "bin").iterdir()] == ["my.cfg"]


def test_a_file_that_is_gone_already_or_became_a_folder_is_no_fault(game: Path) -> None:
    (game / "kept.txt").unlink()
    (game / "kept.txt").mkdir()
    (game / "kept.txt" / "mine").write_bytes(b"mine")
    commit.commit(InstallFolder.at(game), Change(remove=("kept.txt", "never/was")), KEEP_BYTES)
    assert crash.read(game)["kept.txt/mine"] == file(b"mine")


# ---------------------------------------------------------------- it refuses before it begins


def test_a_folder_of_somebody_where_a_file_must_go_is_refused(game: Path) -> None:
    staged(game, a=b"new")
    error = refused(game, Change(place=(("a", "mods", False),)))
    assert error.code == "disk.in_the_way"
    assert error.facts == {"path": "mods/mine.txt"}


def test_an_empty_folder_where_a_file_must_go_is_not_in_the_way(game: Path) -> None:
    (game / "mods" / "mine.txt").unlink()
    (game / "mods" / "deep").mkdir()
    staged(game, a=b"new")
    commit.commit(InstallFolder.at(game), Change(place=(("a", "mods", False),)), KEEP_BYTES)
    assert crash.read(game)["mods"] == file(b"new")


def test_somebodys_file_where_a_folder_must_go_is_kept(game: Path) -> None:
    (game / "saves").write_bytes(b"precious")
    staged(game, a=b"new")
    commit.commit(InstallFolder.at(game), Change(place=(("a", "saves/readme", False),)), KEEP_BYTES)
    assert crash.read(game)["saves/readme"] == file(b"new")
    assert crash.read(game / ".shoal" / "previous")["files/saves"] == file(b"precious")


@pytest.mark.posix("symlinks")
def test_nothing_is_written_or_removed_through_a_link_that_leads_out(game: Path, tmp_path: Path) -> None:
    outside = tmp_path / "other-disk"
    (game / "data").rename(outside)
    (game / "data").symlink_to(outside)
    before = crash.read(outside)
    staged(game, a=b"new")
    assert refused(game, Change(place=(("a", "data/file", False),))).code == "disk.in_the_way"
    assert refused(game, Change(folders=("data/folder",))).code == "disk.in_the_way"
    commit.commit(InstallFolder.at(game), Change(remove=("data/big.bin",), remove_folders=("data",)), KEEP_BYTES)
    assert crash.read(outside) == before
    assert crash.read(game)["data"] == link(str(outside))


@pytest.mark.parametrize("path", ["../out", "/out", "a/../../out", ""])
def test_a_path_that_leads_out_is_refused(game: Path, path: str) -> None:
    staged(game, a=b"new")
    assert refused(game, Change(place=(("a", path, False),))).code == "disk.in_the_way"
    assert refused(game, Change(meta=(("a", path),))).code == "disk.in_the_way"


@pytest.mark.posix("symlinks")
def test_what_was_not_staged_as_a_file_of_its_own_is_refused(game: Path) -> None:
    staged(game, a=b"new")
    os.link(game / ".shoal" / "staging" / "a", game / "second")
    crash.put(game / ".shoal" / "staging", {"b": link("a")})
    for name in ("a", "b", "missing"):
        assert refused(game, Change(place=((name, "file", False),))).code == "disk.failed"
    assert refused(game, Change(modes=(("missing", True),))).code == "disk.failed"


def test_a_mode_is_not_changed_of_a_file_that_may_be_somebodys_too(game: Path, tmp_path: Path) -> None:
    os.link(game / "bin" / "tool", tmp_path / "somebodys")
    assert refused(game, Change(modes=(("bin/tool", False),))).code == "disk.in_the_way"


@pytest.mark.posix("modes")
def test_a_folder_that_may_not_be_changed_is_told_before(game: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staged(game, a=b"new")
    monkeypatch.setattr(vars(disk)["os"], "access", lambda name, *_, **__: Path(name).name != "bin")
    error = refused(game, Change(place=(("a", "bin/game", False),)))
    assert error.code == "disk.denied"
    assert error.facts == {"path": str(game / "bin")}


@pytest.mark.posix("symlinks")
def test_a_file_in_use_is_told_before_and_a_running_program_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    game = tmp_path / "game"
    crash.put(game, OLD)
    WindowsLike(held={game / "data/big.bin": NO_END}).take_over(monkeypatch.setattr)
    crash.stage(game)
    assert refused(game, CHANGE).code == "disk.in_use"
    WindowsLike(running={game / "bin/game"}).take_over(monkeypatch.setattr)
    crash.update(game)
    assert crash.judge(game) == "new"


@pytest.mark.posix("plays another volume")
@pytest.mark.parametrize("place", ["bin", "data", ".shoal", ".shoal/staging", ".shoal/manifests", "empty-old"])
@pytest.mark.parametrize("kind", ["another volume", "another mount"])
def test_a_volume_inside_the_install_is_told_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, kind: str
) -> None:
    crash.put(tmp_path, OLD)
    crash.stage(tmp_path)
    Mounted(tmp_path / place, is_same=kind == "another mount").take_over(monkeypatch.setattr)
    error = refused(tmp_path, CHANGE)
    assert (error.code, error.facts) == ("disk.volume", {"path": str(tmp_path / place)})


@pytest.mark.posix("plays another volume")
def test_a_volume_in_which_nothing_changes_is_no_hindrance(game: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crash.put(game, {"films/deep/one": file(b"film")})
    staged(game, a=b"new")
    Mounted(game / "films").take_over(monkeypatch.setattr)
    commit.commit(InstallFolder.at(game), Change(folders=("films", "films/deep"), place=(("a", "file", False),)), 0)
    assert (game / "file").read_bytes() == b"new"


def test_a_name_that_the_disk_cannot_hold_is_told_before(game: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mount in an old alphabet, say."""
    staged(game, a=b"new")

    def ascii_only(name: str, *arguments: int, **options: int | None) -> int:
        if not str(name).isascii():
            raise OSError(errno.EINVAL, "Invalid argument")
        return int(real(name, *arguments, **options))

    real = vars(beneath)["os"].open
    monkeypatch.setattr(vars(beneath)["os"], "open", ascii_only)
    error = refused(game, Change(folders=("日本語",), place=(("a", "日本語/file", False),)))
    assert (error.code, error.facts) == ("disk.unsuitable", {"path": "日本語"})


def test_a_full_disk_is_told_before(game: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crash.stage(game)
    monkeypatch.setattr(disk, "free_bytes", lambda folder: 1000)
    assert refused(game, CHANGE).code == "disk.full"


def test_a_second_commit_waits_for_the_recovery_of_the_first(game: Path) -> None:
    (game / ".shoal" / "journal").write_bytes(b"")
    with pytest.raises(DiskError) as caught:
        commit.commit(InstallFolder.at(game), Change(), KEEP_BYTES)
    assert caught.value.code == "disk.interrupted"


# ---------------------------------------------------------------- an error in the middle


@pytest.mark.posix("symlinks")
def test_whichever_step_fails_the_release_is_the_old_or_recovery_makes_it_the_new(room: Path) -> None:
    for step in range(1, 1000):
        game = room / str(step)
        crash.put(game, OLD)
        code = code_when_failing_at(step, game)
        if not code:
            assert step > 150
            return
        assert commit.pending(InstallFolder.at(game)) == (code == "disk.interrupted"), step
        recovered = commit.recover(InstallFolder.at(game))
        assert crash.judge(game) == ("new" if recovered else "old"), step


def code_when_failing_at(step: int, game: Path) -> str:
    """Of the error when the disk is full at a step; empty when the update ends before."""
    left = step

    def full(name: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise OSError(28, "No space left on device")

    try:
        disk.hook = full
        crash.update(game)
    except DiskError as error:
        return error.code
    except OSError:
        return "while staging"
    finally:
        disk.hook = None
    return ""


# ---------------------------------------------------------------- the release before, and progress


def test_a_repair_leaves_the_release_before_where_it_is(game: Path) -> None:
    crash.update(game)
    (game / "bin" / "game").write_bytes(b"damaged")
    staged(game, a=b"game 2")
    change = Change(place=(("a", "bin/game", True),))
    commit.commit(InstallFolder.at(game), change, keep_bytes=None)
    assert crash.read(game) == NEW
    assert crash.read(game / ".shoal" / "previous") == PREVIOUS
    assert not (game / ".shoal" / "trash").exists()


@pytest.mark.parametrize("keep_bytes", [KEEP_BYTES, None])
def test_a_repair_that_was_interrupted_leaves_it_too(room: Path, keep_bytes: int | None) -> None:
    """Cut off at each step, and finished by `recover`; an update in its place takes the release before with it."""
    kept = set()
    for step in range(1, NO_END):
        folder = room / str(step)
        crash.put(folder, OLD)
        crash.update(folder)
        staged(folder, a=b"game 3")
        change = Change(place=(("a", "bin/game", True),))
        is_cut = crash.is_cut_off(step, partial(commit.commit, InstallFolder.at(folder), change, keep_bytes))
        if commit.recover(InstallFolder.at(folder)) or not is_cut:
            kept.add(crash.read(folder / ".shoal" / "previous") == PREVIOUS)
        if not is_cut:
            break
    assert kept == {keep_bytes is None}


def test_a_journal_of_a_version_that_knew_of_no_repairs_is_followed(game: Path) -> None:
    crash.stage(game)
    begin = commit._begin
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commit, "_begin", lambda folder, record: begin(folder, _of_an_earlier_version(record)))
        patch.setattr(commit, "_go_on", lambda *_, **__: None)
        commit.commit(InstallFolder.at(game), CHANGE, KEEP_BYTES)
    assert commit.recover(InstallFolder.at(game))
    assert crash.judge(game) == "new"


def _of_an_earlier_version(record: bytes) -> bytes:
    fields = json.loads(record[9:])
    del fields["same_release"]
    text = json.dumps(fields, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def test_progress_counts_every_byte_that_is_placed_and_every_one_that_leaves(game: Path) -> None:
    crash.stage(game)
    told: list[int] = []
    commit.commit(InstallFolder.at(game), CHANGE, KEEP_BYTES, watch=lambda name, count: told.append(count))
    placed = sum(len(data) for data in crash.STAGED.values())
    left = sum(len(data) for path, (kind, data, _) in PREVIOUS.items() if path.startswith("files/") and kind == "file")
    links = sum(len(data) for path, (kind, data, _) in PREVIOUS.items() if path.startswith("files/") and kind == "link")
    assert sum(told) == placed + left + links


def test_progress_moves_while_files_are_made_durable_and_while_they_are_put_in_place(game: Path) -> None:
    crash.stage(game)
    begun: list[bool] = []
    commit.commit(
        InstallFolder.at(game),
        CHANGE,
        KEEP_BYTES,
        watch=lambda name, count: begun.append(commit.pending(InstallFolder.at(game))) if count else None,
    )
    assert begun.count(False) >= len(CHANGE.place)
    assert begun.count(True) >= len(CHANGE.place) + len(CHANGE.remove)


def test_a_commit_is_cancelled_while_it_has_changed_nothing_and_not_any_more_afterwards(game: Path) -> None:
    crash.stage(game)
    journal_there: list[bool] = []

    def cancelled(name: str, count: int) -> None:
        journal_there.append(commit.pending(InstallFolder.at(game)))
        if len(journal_there) == at:
            raise Cancelled

    at = 1
    with pytest.raises(Cancelled):
        commit.commit(InstallFolder.at(game), CHANGE, KEEP_BYTES, watch=cancelled)
    assert crash.judge(game) == "old"
    at = len(crash.STAGED) + 5
    commit.commit(InstallFolder.at(game), CHANGE, KEEP_BYTES, watch=cancelled)
    assert journal_there[at - 1]
    assert crash.judge(game) == "new"

"""The door to the disk: what it promises on every disk, and how it says no."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from patcher import beneath, disk, volumes
from patcher.beneath import Beneath
from patcher.errors import DiskError
from tests.support.windows_like import WindowsLike

LONG = 10**6


@pytest.fixture(params=["this system", pytest.param("windows-like", marks=pytest.mark.posix("plays Windows"))])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on each kind of disk; what is promised here is promised on both."""
    if request.param == "windows-like":
        WindowsLike().take_over(monkeypatch.setattr)
    return tmp_path


@pytest.fixture(params=[pytest.param("windows-like", marks=pytest.mark.posix("plays Windows"))])
def others(monkeypatch: pytest.MonkeyPatch) -> WindowsLike:
    windows_like = WindowsLike()
    windows_like.take_over(monkeypatch.setattr)
    return windows_like


def steps_of(work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    steps: list[str] = []
    monkeypatch.setattr(disk, "hook", lambda name, _: steps.append(name))
    work()
    monkeypatch.setattr(disk, "hook", None)
    return steps


# ---------------------------------------------------------------- on every disk


def test_a_file_is_replaced_whole(folder: Path) -> None:
    disk.write_atomic(folder / "settings", b"one")
    disk.write_atomic(folder / "settings", b"two")
    assert (folder / "settings").read_bytes() == b"two"
    assert [path.name for path in folder.iterdir()] == ["settings"]


@pytest.mark.posix("modes")
def test_a_secret_is_private_even_after_a_crash_left_a_public_draft(folder: Path) -> None:
    (folder / "key.new").write_bytes(b"draft")
    (folder / "key.new").chmod(0o644)
    disk.write_atomic(folder / "key", b"secret", 0o600)
    assert stat.S_IMODE((folder / "key").stat().st_mode) == 0o600


def test_a_failed_replacement_leaves_the_old_content(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk.write_atomic(folder / "settings", b"one")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(vars(disk)["os"], "write", full)
    with pytest.raises(DiskError, match="No space left") as caught:
        disk.write_atomic(folder / "settings", b"two")
    assert caught.value.code == "disk.full"
    assert (folder / "settings").read_bytes() == b"one"


def test_a_staged_file_is_filled_in_any_order_and_keeps_what_it_had(folder: Path) -> None:
    with disk.Staged(folder / "0", 8) as staged:
        staged.write(4, b"5678")
        assert staged.read(0, 8) == bytes(4) + b"5678"
    with disk.Staged(folder / "0", 8) as staged:
        staged.write(0, memoryview(b"1234"))
        staged.sync()
    assert (folder / "0").read_bytes() == b"12345678"
    disk.Staged(folder / "0", 3).close()
    assert (folder / "0").read_bytes() == b"123"


def test_ranges_are_copied_between_files(folder: Path) -> None:
    data = os.urandom(3 << 20)
    (folder / "old").write_bytes(data)
    with disk.Staged(folder / "new", len(data)) as staged, (folder / "old").open("rb", buffering=0) as source:
        disk.copy_range(source, 1 << 20, staged, 0, 2 << 20)
        disk.copy_range(source, 0, staged, 2 << 20, 1 << 20)
    assert (folder / "new").read_bytes() == data[1 << 20 :] + data[: 1 << 20]


def test_a_source_that_ends_early_is_an_error(folder: Path) -> None:
    (folder / "old").write_bytes(b"short")
    with disk.Staged(folder / "new", 10) as staged, (folder / "old").open("rb", buffering=0) as source:
        with pytest.raises(DiskError, match="ended early"):
            disk.copy_range(source, 0, staged, 0, 10)


def test_lines_are_appended(folder: Path) -> None:
    disk.append(folder / "journal", b"one\n")
    disk.append(folder / "journal", b"two\n")
    assert (folder / "journal").read_bytes() == b"one\ntwo\n"


@pytest.mark.posix("symlinks")
def test_folders_are_made_with_parents_and_removed_with_all_below(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "save").write_bytes(b"precious")
    disk.make_folder(folder / "a" / "b" / "c")
    disk.make_folder(folder / "a" / "b" / "c")
    disk.write_atomic(folder / "a" / "b" / "file", b"")
    disk.symlink(str(tmp_path / "elsewhere"), folder / "a" / "out")
    disk.sync_folder(folder / "a")
    disk.remove_tree(folder / "a")
    disk.remove_tree(folder / "a")
    assert not (folder / "a").exists()
    assert (tmp_path / "elsewhere" / "save").read_bytes() == b"precious"


def test_a_second_name_is_made_or_refused_without_harm(folder: Path) -> None:
    (folder / "file").write_bytes(b"data")
    if disk.link(folder / "file", folder / "second"):
        assert (folder / "second").samefile(folder / "file")
    else:
        assert not (folder / "second").exists()
    assert (folder / "file").read_bytes() == b"data"


@pytest.mark.posix("modes")
def test_the_executable_bit_goes_to_those_who_may_read(folder: Path) -> None:
    game = folder / "game"
    game.write_bytes(b"")
    game.chmod(0o640)
    disk.set_executable(game, True)
    assert stat.S_IMODE(game.stat().st_mode) == 0o750
    disk.set_executable(game, False)
    assert stat.S_IMODE(game.stat().st_mode) == 0o640


@pytest.mark.posix("modes")
def test_a_private_folder_lets_nobody_else_in(tmp_path: Path) -> None:
    disk.make_folder(tmp_path / "keys")
    disk.set_private(tmp_path / "keys")
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_free_space_is_known_before_the_folder_exists(folder: Path) -> None:
    assert disk.free_bytes(folder / "not" / "yet") > 0


# ---------------------------------------------------------------- steps


@pytest.mark.posix("symlinks")
def test_every_change_is_announced_before_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bool]] = []
    monkeypatch.setattr(disk, "hook", lambda name, arguments: seen.append((name, os.path.lexists(arguments[-1]))))
    disk.make_folder(tmp_path / "a")
    disk.symlink("a", tmp_path / "b")
    disk.rename(tmp_path / "b", tmp_path / "c")
    disk.link(tmp_path / "c", tmp_path / "d")
    disk.remove(tmp_path / "c")
    disk.remove_folder(tmp_path / "a")
    assert seen == [
        ("make_folder", False), ("symlink", False), ("rename", False), ("link", False),
        ("remove", True), ("remove_folder", True),
    ]  # fmt: skip


@pytest.mark.posix("fsync of folders")
def test_an_atomic_write_syncs_the_bytes_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = steps_of(lambda: disk.write_atomic(tmp_path / "file", b"data"), monkeypatch)
    assert steps == ["create", "write", "sync_file", "rename", "sync_folder"]


def test_what_changes_nothing_is_no_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"data")

    def nothing() -> None:
        disk.make_folder(tmp_path)
        disk.set_executable(tmp_path / "file", False)
        disk.Staged(tmp_path / "file", 4).close()
        disk.check_replaceable(tmp_path / "file")
        disk.check_writable(tmp_path)

    assert steps_of(nothing, monkeypatch) == []


# ---------------------------------------------------------------- links that lead out


@pytest.mark.posix("symlinks")
def test_writing_never_follows_a_link(tmp_path: Path) -> None:
    (tmp_path / "save").write_bytes(b"precious")
    (tmp_path / "link").symlink_to("save")
    for attempt in (
        lambda: disk.Staged(tmp_path / "link", 0),
        lambda: disk.append(tmp_path / "link", b"x"),
        lambda: disk.set_executable(tmp_path / "link", True),
        lambda: disk.sync_file(tmp_path / "link"),
    ):
        with pytest.raises(DiskError) as caught:
            attempt()
        assert caught.value.code == "disk.in_the_way"
    disk.write_atomic(tmp_path / "link", b"new")
    assert (tmp_path / "save").read_bytes() == b"precious"
    assert not (tmp_path / "link").is_symlink()


_ON_A_WAY: dict[str, Callable[[Beneath, Beneath], object]] = {
    "append": lambda save, _: disk.append(save, b"x"),
    "create": lambda save, _: disk.create(save.parent / "new", b"x"),
    "link": lambda save, game: disk.link(save, game / "second"),
    "make_folder": lambda save, _: disk.make_folder(save.parent / "new"),
    "remove": lambda save, _: disk.remove(save),
    "rename from": lambda save, game: disk.rename(save, game / "taken"),
    "rename to": lambda save, game: disk.rename(game / "mine", save),
    "set_executable": lambda save, _: disk.set_executable(save, True),
    "stage": lambda save, _: disk.Staged(save, 0),
    "symlink": lambda save, _: disk.symlink("save", save.parent / "new"),
    "write_atomic": lambda save, _: disk.write_atomic(save, b"x"),
}


@pytest.mark.posix("symlinks")
@pytest.mark.parametrize("act", _ON_A_WAY)
def test_no_way_leads_over_a_link(folder: Path, act: str) -> None:
    for name in ("game", "outside"):
        (folder / name).mkdir()
    (folder / "outside" / "save").write_bytes(b"precious")
    (folder / "game" / "mine").write_bytes(b"mine")
    (folder / "game" / "mods").symlink_to(folder / "outside")
    game = beneath.below(folder / "game")
    assert beneath.status(game / "mods" / "save") is None
    with pytest.raises(OSError, match="link"):
        beneath.read(game / "mods" / "save")
    with pytest.raises(DiskError) as caught:
        _ON_A_WAY[act](game / "mods" / "save", game)
    assert caught.value.code == "disk.in_the_way"
    assert sorted(path.name for path in (folder / "game").iterdir()) == ["mine", "mods"]
    assert [path.read_bytes() for path in (folder / "outside").iterdir()] == [b"precious"]


# ---------------------------------------------------------------- how it says no


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk.full"),
        (errno.EDQUOT, "disk.full"),
        (errno.EROFS, "disk.read_only"),
        (errno.EACCES, "disk.denied"),
        (errno.EPERM, "disk.denied"),
        (errno.ETXTBSY, "disk.in_use"),
        (errno.EIO, "disk.failed"),
    ],
)
def test_an_error_says_what_the_player_can_do(tmp_path: Path, number: int, code: str) -> None:
    with pytest.raises(DiskError) as caught, beneath.translated(tmp_path):
        raise OSError(number, os.strerror(number))
    assert caught.value.code == code
    assert caught.value.facts == {"path": str(tmp_path)}


@pytest.mark.posix("modes")
def test_a_folder_that_may_not_be_changed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with pytest.raises(DiskError) as caught:
        disk.check_writable(tmp_path)
    assert caught.value.code == "disk.denied"


def test_a_scanner_that_looks_at_a_new_file_for_a_moment_is_waited_for(tmp_path: Path, others: WindowsLike) -> None:
    (tmp_path / "new").write_bytes(b"new")
    others.held = {tmp_path / "new": 2, tmp_path / "old": 2}
    disk.rename(tmp_path / "new", tmp_path / "old")
    disk.remove(tmp_path / "old")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_replaced_while_a_scanner_reads_it_is_waited_for(tmp_path: Path, others: WindowsLike) -> None:
    for name in ("new", "old"):
        (tmp_path / name).write_bytes(name.encode())
    others.held = {tmp_path / "old": 2}
    disk.rename(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_bytes() == b"new"


_OPENS: dict[str, Callable[[Path], object]] = {
    "append": lambda path: disk.append(path, b"x"),
    "stage": lambda path: disk.Staged(path, 3).close(),
    "sync": disk.sync_file,
    "read": beneath.read,
}


@pytest.mark.parametrize("act", _OPENS)
def test_a_file_that_a_scanner_has_for_itself_is_waited_for(tmp_path: Path, others: WindowsLike, act: str) -> None:
    (tmp_path / "file").write_bytes(b"old")
    others.held, others.exclusive = {tmp_path / "file": 2}, {tmp_path / "file"}
    _OPENS[act](tmp_path / "file")
    assert others.held == {tmp_path / "file": 0}


_AGAIN: dict[str, Callable[[Path], object]] = {
    "write_atomic": lambda path: disk.write_atomic(path, b"new"),
    "create": lambda path: disk.create(path, b"new"),
    "make_folder": disk.make_folder,
    "remove_folder": lambda path: disk.remove_folder(path.parent),
}


@pytest.mark.parametrize("act", _AGAIN)
def test_a_name_whose_file_is_still_being_deleted_is_waited_for(tmp_path: Path, others: WindowsLike, act: str) -> None:
    name = tmp_path / "folder" / "name"
    name.parent.mkdir()
    others.removed = {name: 2}
    _AGAIN[act](name)
    assert others.removed == {name: 0}


@pytest.mark.parametrize("use", ["open", "running"])
def test_a_file_in_use_that_is_not_replaced_is_no_matter_of_permission(
    tmp_path: Path, others: WindowsLike, use: str
) -> None:
    for name in ("new", "old"):
        (tmp_path / name).write_bytes(name.encode())
    others.held, others.running = ({tmp_path / "old": LONG}, set()) if use == "open" else ({}, {tmp_path / "old"})
    with pytest.raises(DiskError) as caught:
        disk.rename(tmp_path / "new", tmp_path / "old")
    assert caught.value.code == "disk.in_use"
    assert (tmp_path / "old").read_bytes() == b"old"


def test_a_read_only_file_is_replaced_and_removed_like_any_other(folder: Path) -> None:
    for name in ("new", "old", "gone"):
        (folder / name).write_bytes(name.encode())
        (folder / name).chmod(0o444)
    disk.rename(folder / "new", folder / "old")
    assert (folder / "old").read_bytes() == b"new"
    disk.remove(folder / "old")
    disk.write_atomic(folder / "gone", b"here again")
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("gone", b"here again")]


def test_a_file_that_stays_in_use_is_told(tmp_path: Path, others: WindowsLike) -> None:
    (tmp_path / "pak").write_bytes(b"")
    others.held = {tmp_path / "pak": LONG}
    with pytest.raises(DiskError) as caught:
        disk.check_replaceable(tmp_path / "pak")
    assert caught.value.code == "disk.in_use"


# ---------------------------------------------------------------- many at once


@pytest.fixture
def hundred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Path], list[str]]:
    """A hundred small files and a large one, and the names of the steps that are taken."""
    steps: list[str] = []
    monkeypatch.setattr(disk, "hook", lambda name, arguments: steps.append(f"{name} {arguments[0].name}"))
    files = [tmp_path / str(number) for number in range(100)]
    for path in files:
        path.write_bytes(b"small")
    (tmp_path / "large").write_bytes(bytes(disk._LARGE_BYTES))
    return [*files, tmp_path / "large"], steps


@pytest.mark.posix("syncfs")
def test_many_small_files_are_made_durable_at_once(hundred: tuple[list[Path], list[str]], tmp_path: Path) -> None:
    files, steps = hundred
    told: list[tuple[str, int]] = []
    disk.sync_all(tmp_path, files, [tmp_path], lambda name, size_bytes: told.append((name, size_bytes)))
    assert steps == ["sync_file large", f"sync_volume {tmp_path.name}"]
    assert sorted(told) == sorted([(path.name, path.stat().st_size) for path in files] + [(tmp_path.name, 0)])


@pytest.mark.posix("fsync of folders")
def test_one_by_one_where_the_disk_promises_nothing_for_all(
    hundred: tuple[list[Path], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, steps = hundred
    monkeypatch.setattr(volumes, "_WHOLE_VOLUMES", ())
    disk.sync_all(tmp_path, files, [tmp_path])
    assert steps == [f"sync_file {path.name}" for path in files] + [f"sync_folder {tmp_path.name}"]


@pytest.mark.posix("syncfs")
def test_what_lies_on_another_volume_is_synced_by_itself(hundred: tuple[list[Path], list[str]], tmp_path: Path) -> None:
    files, steps = hundred
    disk.sync_all(tmp_path, files, [Path("/proc"), tmp_path])
    assert steps == ["sync_file large", "sync_folder proc", f"sync_volume {tmp_path.name}"]


@pytest.mark.posix("syncfs")
def test_a_volume_that_could_not_write_everything_is_an_error(
    hundred: tuple[list[Path], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str, arguments: tuple[object, ...]) -> None:
        if name == "sync_volume":
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(disk, "hook", broken)
    with pytest.raises(DiskError) as caught:
        disk.sync_all(tmp_path, hundred[0], [])
    assert caught.value.code == "disk.failed"

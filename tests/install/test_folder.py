"""An install folder: one writer at a time, and what it says of itself is read with care."""

import json
from pathlib import Path

import pytest

from patcher.content.records import Release
from patcher.errors import BusyError, DiskError, TrustError
from patcher.install.folder import Installed, InstallFolder
from patcher.lock import _lock


def test_an_install_has_one_writer_and_the_other_hears_who(tmp_path: Path) -> None:
    folder = InstallFolder.at(tmp_path / "game")
    with folder.locked(tmp_path / "ann"):
        with pytest.raises(BusyError) as caught, InstallFolder.at(tmp_path / "game").locked(tmp_path / "bob"):
            pass
    assert caught.value.code == "busy.locked"
    assert str(tmp_path / "ann") in caught.value.message
    with InstallFolder.at(tmp_path / "game").locked(tmp_path / "bob") as mine:
        assert mine.exists


def test_a_lock_file_with_a_second_name_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "diary").write_text("mine")
    (tmp_path / "game" / ".shoal").mkdir(parents=True)
    (tmp_path / "game" / ".shoal" / "lock").hardlink_to(tmp_path / "diary")
    with pytest.raises(DiskError) as caught, InstallFolder.at(tmp_path / "game").locked(tmp_path / "home"):
        pass
    assert caught.value.code == "disk.in_the_way"
    assert (tmp_path / "diary").read_text() == "mine"


def test_a_folder_for_a_lock_file_is_kept_beside(tmp_path: Path) -> None:
    (tmp_path / "game" / ".shoal" / "lock" / "inner").mkdir(parents=True)
    with InstallFolder.at(tmp_path / "game").locked(tmp_path / "home"):
        assert (tmp_path / "game" / ".shoal" / "lock").is_file()
    assert (tmp_path / "game" / ".shoal" / "lock.damaged" / "inner").is_dir()


@pytest.mark.posix("symlinks")
@pytest.mark.parametrize("kind", ["link", "file"])
@pytest.mark.parametrize(
    "name", ["", "staging", "trash", "trash/files", "previous", "previous/files", "manifests", "layers"]
)
def test_what_stands_for_one_of_our_folders_is_named_before_anything_changes(
    tmp_path: Path, name: str, kind: str
) -> None:
    place = tmp_path / "game" / ".shoal" / name
    place.parent.mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    place.symlink_to(tmp_path / "outside") if kind == "link" else place.touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DiskError) as caught, InstallFolder.at(tmp_path / "game").locked(tmp_path / "home"):
        pass
    assert (caught.value.code, caught.value.facts["path"]) == ("disk.in_the_way", str(place))
    assert str(place) in caught.value.message
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_takes_the_place_of_another_is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "game").mkdir()
    folder = InstallFolder.at(tmp_path / "game")
    (tmp_path / "game").rename(tmp_path / "aside")
    (tmp_path / "game").mkdir()
    with pytest.raises(DiskError) as caught, folder.locked(tmp_path / "home"):
        pass
    assert caught.value.code == "disk.in_the_way"
    assert list((tmp_path / "game").iterdir()) == []


@pytest.mark.posix("symlinks")
def test_a_linked_install_folder_is_the_players_choice(tmp_path: Path) -> None:
    (tmp_path / "drive" / "game").mkdir(parents=True)
    (tmp_path / "game").symlink_to(tmp_path / "drive" / "game")
    with InstallFolder.at(tmp_path / "game").locked(tmp_path / "home"):
        assert (tmp_path / "drive" / "game" / ".shoal" / "lock").exists()


def test_only_an_absent_or_empty_folder_is_installed_into(tmp_path: Path) -> None:
    InstallFolder.at(tmp_path / "absent").check_empty()
    (tmp_path / "tried").mkdir()
    (tmp_path / "tried" / ".shoal").mkdir()
    InstallFolder.at(tmp_path / "tried").check_empty()
    (tmp_path / "tried" / "photo.jpg").touch()
    with pytest.raises(DiskError) as failure:
        InstallFolder.at(tmp_path / "tried").check_empty()
    assert failure.value.code == "disk.not_empty"


def test_all_of_ours_goes_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "game" / ".shoal" / "staging").mkdir(parents=True)
    (tmp_path / "game" / "save").write_text("mine")
    InstallFolder.at(tmp_path / "game").erase(tmp_path / "home")
    assert [path.name for path in (tmp_path / "game").iterdir()] == ["save"]
    InstallFolder.at(tmp_path / "game").erase(tmp_path / "home")
    InstallFolder.at(tmp_path / "elsewhere").erase(tmp_path / "home")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.posix("files removed while they are open")
def test_who_waited_for_a_lock_that_went_with_all_else_does_not_hold_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = _lock

    def removed_meanwhile(descriptor: int) -> bool:
        (tmp_path / "game" / ".shoal" / "lock").unlink()
        return lock(descriptor)

    monkeypatch.setattr("patcher.lock._lock", removed_meanwhile)
    with pytest.raises(BusyError), InstallFolder.at(tmp_path / "game").locked(tmp_path / "home"):
        pass


def test_a_description_is_read_as_it_was_written(tmp_path: Path) -> None:
    installed = Installed("ab" * 32, "game", "live", ("lang:de",), Release("game", 1, "1.0", (), {}))
    (tmp_path / ".shoal").mkdir()
    current = InstallFolder.at(tmp_path).current
    assert current.installed() is None
    (tmp_path / ".shoal" / "installed").write_bytes(installed.encode())
    assert current.installed() == installed


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"[" * 200_000, b'{"format": 1}', b"\xff", b"1" * (5 << 20)])
def test_a_damaged_description_is_an_error_that_names_it(tmp_path: Path, data: bytes) -> None:
    (tmp_path / ".shoal").mkdir()
    (tmp_path / ".shoal" / "installed").write_bytes(data)
    with pytest.raises(DiskError) as caught:
        InstallFolder.at(tmp_path).current.installed()
    assert str(tmp_path) in caught.value.message


def test_a_description_by_a_newer_shoal_is_told(tmp_path: Path) -> None:
    (tmp_path / ".shoal").mkdir()
    (tmp_path / ".shoal" / "installed").write_text(json.dumps({"format": 2}))
    with pytest.raises(TrustError) as caught:
        InstallFolder.at(tmp_path).current.installed()
    assert caught.value.code == "trust.needs_newer"

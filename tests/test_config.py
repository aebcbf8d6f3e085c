"""Where a player's folders are, what of them is refused before anything is made, and a home on a full drive."""

import os
from pathlib import Path

import pytest

from patcher import config, disk
from patcher.config import RESERVE_BYTES, Home
from patcher.errors import DiskError, UsageError


def test_the_home_folder_of_the_player_is_meant_by_its_sign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config.full_path("~/Games") == tmp_path / "Games"
    assert Home(tmp_path / "home").title_folder("demo/game", " ~/Games ") == tmp_path / "Games" / "game"


@pytest.mark.parametrize("text", ["", " ", "Games", "./Games", "../Games", "~nobody-is-called-so/Games", "/ga\0mes"])
def test_a_folder_that_is_not_named_in_full_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        config.full_path(text)
    assert caught.value.code == "usage.folder"


def test_a_place_where_no_folder_can_be_is_known_before_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("a file")
    config.check_place(tmp_path / "new" / "deep")
    config.check_place(tmp_path)
    for place, code in ((tmp_path / "file" / "x", "disk.in_the_way"), (Path("/proc/x"), "disk.denied")):
        with pytest.raises(DiskError) as caught:
            config.check_place(place)
        assert caught.value.code == code
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # root may write everywhere
    with pytest.raises(DiskError) as caught:
        config.check_place(tmp_path / "new")
    assert caught.value.code == "disk.denied"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_a_home_keeps_a_reserve_and_gives_it_back_when_its_drive_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, free_bytes = Home(tmp_path / "home"), [1 << 40]
    monkeypatch.setattr(disk, "free_bytes", lambda _: free_bytes[0])
    home.make()
    assert home.reserve.stat().st_size == RESERVE_BYTES
    free_bytes[0] = RESERVE_BYTES
    home.make()
    assert home.reserve.exists()
    free_bytes[0] = 0
    home.make()
    assert not home.reserve.exists()
    home.make()

"""Settings, the home and where a player's folders are: what is refused, what stays, and what is remembered."""

import os
from pathlib import Path

import pytest

from patcher import config, disk
from patcher.config import RESERVE_BYTES, Home, Settings
from patcher.errors import DiskError, UsageError


@pytest.mark.parametrize("answer", ["lan", "everyone"])
def test_the_last_answer_outlives_the_switch_being_off(home: Path, answer: str) -> None:
    settings = Settings()
    for value in (answer, "off"):
        settings = config.changed(settings, "sharing", value)
        assert config.save(Home(home), settings, "sharing") == settings
    assert (settings.sharing, settings.last_sharing) == ("off", answer)


def test_an_answer_that_was_edited_in_is_one(home: Path) -> None:
    Home(home).settings.write_text('sharing = "lan"\nlast_sharing = "everyone"\n')
    assert config.load(Home(home)).last_sharing == "lan"


def test_a_key_is_written_beside_a_wrong_value_of_another(home: Path) -> None:
    Home(home).settings.write_text('listen_port = "many"\n')
    assert config.save(Home(home), Settings(sharing="lan"), "sharing").sharing == "lan"
    assert 'listen_port = "many"' in Home(home).settings.read_text()


def test_one_key_is_written_and_all_else_stays(home: Path) -> None:
    Home(home).settings.write_text("# limits\nlisten_port = 1 # mine\n\n[other]\nkey = 1\n")
    config.save(Home(home), Settings(listen_port=2, games_folder="/games"), "listen_port")
    assert Home(home).settings.read_text() == "# limits\nlisten_port = 2 # mine\n\n[other]\nkey = 1\n"


@pytest.mark.parametrize("text", ["", "127.0.0.1", "0.0.0.0", "::", "2001:db8::1", "fe80::1%eth0"])
def test_an_address_to_listen_at_is_one_or_none(text: str) -> None:
    assert config.changed(Settings(), "listen_host", text).listen_host == text


@pytest.mark.parametrize("text", ["not an address", "localhost", "127.0.0.1:6881", "[::1]", "1.2.3", "10.0.0.0/8"])
def test_anything_else_is_no_address_to_listen_at(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        config.changed(Settings(), "listen_host", text)
    assert caught.value.code == "usage.setting"
    assert "IP address" in caught.value.message and text in caught.value.message


@pytest.mark.parametrize("text", ["", "none", "http://proxy.example", "https://ann:secret@proxy.example:3128"])
def test_a_proxy_is_an_address_or_none(tmp_path: Path, text: str) -> None:
    home = Home(tmp_path)
    config.save(home, config.changed(Settings(), "proxy", text), "proxy")
    assert config.load(home).proxy == text


@pytest.mark.parametrize("text", ["proxy.example:3128", "socks5://proxy.example", "http://", "http://[", "http://a:0"])
def test_anything_else_is_no_proxy(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        config.changed(Settings(), "proxy", text)
    assert "http://proxy.example:3128" in caught.value.message


def test_the_home_folder_of_the_player_is_meant_by_its_sign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert config.full_path("~/Games") == tmp_path / "Games"
    assert Home(tmp_path / "home").title_folder("demo/game", " ~/Games ") == tmp_path / "Games" / "game"


@pytest.mark.parametrize("text", ["", " ", "Games", "./Games", "../Games", "~nobody-is-called-so/Games", "/ga\0mes"])
def test_a_folder_that_is_not_named_in_full_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        config.full_path(text)
    assert caught.value.code == "usage.folder"


def test_a_place_where_no_folder_can_be_is_known_before_one_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    config.check_place(tmp_path / "new" / "deep")
    config.check_place(tmp_path)
    with pytest.raises(DiskError) as caught:
        config.check_place(tmp_path / "file" / "x")
    assert caught.value.code == "disk.in_the_way"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.posix("modes")
def test_a_place_that_may_not_be_changed_is_known_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # root may write everywhere
    with pytest.raises(DiskError) as caught:
        config.check_place(tmp_path / "new")
    assert caught.value.code == "disk.denied"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.posix("folders that are on no drive")
def test_a_place_on_no_drive_holds_no_title() -> None:
    with pytest.raises(DiskError) as caught:
        config.check_place(Path("/proc/x"))
    assert caught.value.code == "disk.denied"


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


def test_who_shares_for_the_first_time_gets_a_monthly_cap() -> None:
    before = Settings()
    first = config.capped(config.changed(before, "sharing", "everyone"), before)
    assert first.monthly_upload_cap_bytes == 20 * 10**9
    lifted = config.changed(first, "monthly_upload_cap_bytes", "0")
    off = config.changed(lifted, "sharing", "off")
    again = config.capped(config.changed(off, "sharing", "lan"), off)
    assert again.monthly_upload_cap_bytes == 0, "the player said so"


def test_a_cap_of_the_players_own_stays_when_sharing_begins() -> None:
    before = config.changed(Settings(), "monthly_upload_cap_bytes", "5")
    assert config.capped(config.changed(before, "sharing", "lan"), before).monthly_upload_cap_bytes == 5
    assert config.capped(config.changed(before, "sharing", "off"), before) == before


def test_the_first_cap_is_in_the_file(home: Path) -> None:
    place = Home(home)
    settings = config.capped(config.changed(Settings(), "sharing", "lan"), Settings())
    assert config.save(place, settings, "sharing").monthly_upload_cap_bytes == config.FIRST_CAP_BYTES


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("18:00-23:30", [(1080, 1410)]), (" 22:00-06:00 , 12:00-12:01", [(1320, 360), (720, 721)]), ("", [])],
)
def test_times_of_the_day(text: str, minutes: list[tuple[int, int]]) -> None:
    assert config.hours(text) == minutes
    assert config.changed(Settings(), "low_hours", text).low_hours == text.strip()


@pytest.mark.parametrize("text", ["18-23", "24:00-01:00", "18:00", "18:60-19:00", "nights", "18:00-19:00;"])
def test_no_times_of_the_day(text: str) -> None:
    with pytest.raises(UsageError):
        config.changed(Settings(), "low_hours", text)

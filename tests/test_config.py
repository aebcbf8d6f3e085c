"""Settings: what they take, what people wrote into the file stays, and the last answer about sharing is remembered."""

from pathlib import Path

import pytest

from patcher import config
from patcher.config import Home, Settings
from patcher.errors import UsageError


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

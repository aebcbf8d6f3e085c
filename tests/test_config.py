"""Settings: what they take, and what they say of what they do not."""

from pathlib import Path

import pytest

from patcher import config
from patcher.config import Home, Settings
from patcher.errors import UsageError


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
    config.save(home, config.changed(Settings(), "proxy", text))
    assert config.load(home).proxy == text


@pytest.mark.parametrize("text", ["proxy.example:3128", "socks5://proxy.example", "http://", "http://[", "http://a:0"])
def test_anything_else_is_no_proxy(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        config.changed(Settings(), "proxy", text)
    assert "http://proxy.example:3128" in caught.value.message

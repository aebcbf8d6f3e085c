"""Whose launcher this is, as a file beside the program says it."""

import json
import sys
from pathlib import Path

import pytest

from patcher import brand, config
from patcher.brand import Brand
from patcher.config import Home
from patcher.errors import Damaged, UsageError, never
from patcher.feed.feeds import Feeds
from patcher.protocol.commands import Network

URL, FINGERPRINT = "https://updates.example.org/feed", "ab" * 32
MEADOW = Brand(
    "org.example.meadow", "Meadow", "org.example.meadow", URL, FINGERPRINT, "tidepool", "launcher", False, "#2fc796",
    "brand-icon.png", "brand-art.jpg",
)  # fmt: skip


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of this process's brand."""
    path = tmp_path / "brand.json"
    path.write_text(json.dumps(MEADOW.encode()))
    monkeypatch.setenv("SHOAL_BRAND", str(path))
    return path


def test_without_a_file_this_is_shoal() -> None:
    assert brand.current() == Brand()
    assert config.default_home().root.name == "shoal"


def test_a_brand_has_a_home_of_its_own_and_its_images_beside_it(file: Path) -> None:
    made = brand.current()
    assert (made.name, made.fingerprint, made.other_feeds) == ("Meadow", FINGERPRINT, False)
    assert made.icon == str(file.with_name("brand-icon.png"))
    assert config.default_home().root.name == "org.example.meadow"


def test_shoals_own_packages_keep_its_id_and_pin_a_feed_all_the_same(file: Path) -> None:
    file.write_text(json.dumps({**MEADOW.encode(), "id": "shoal", "name": "Shoal", "home": "shoal"}))
    assert brand.current().is_shoal
    assert config.default_home().root.name == "shoal"


def test_a_frozen_program_has_the_brand_that_lies_beside_it_and_no_other(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "frozen").mkdir()
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "frozen" / "launcher"))
    assert brand.current() == Brand()
    file.rename(tmp_path / "frozen" / "brand.json")
    assert brand.current().name == "Meadow"


WRONG: dict[str, dict[str, object]] = {
    "of a newer format": {"format": 2},
    "an id that is a path": {"id": "../x", "home": "../x"},
    "an id of one word": {"id": "meadow", "home": "meadow"},
    "a home of another": {"home": "org.example.other"},
    "no fingerprint": {"fingerprint": ""},
    "no address": {"url": "file:///x"},
    "no name": {"name": ""},
    "a name of two lines": {"name": "a\nb"},
    "a name that is a number": {"name": 7},
    "a colour in words": {"accent": "green"},
    "an icon elsewhere": {"icon": "../icon.png"},
    "art elsewhere": {"art": "brand-art/../../x"},
    "a word in place of yes": {"other_feeds": "no"},
    "a field that nobody knows": {"more": 1},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_a_damaged_brand_does_not_turn_into_another_launcher(file: Path, change: dict[str, object]) -> None:
    file.write_text(json.dumps({**MEADOW.encode(), **change}))
    with pytest.raises(Damaged, match=r"What the launcher says of itself in .*brand\.json cannot be read"):
        config.default_home()


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"{" * 1000])
def test_nor_does_one_that_is_no_document(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    with pytest.raises(Damaged):
        brand.current()


def test_a_launcher_of_one_publisher_adds_no_other_feed(file: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make()
    feeds = Feeds(home)
    invitation = tmp_path / "other.shoalfeed"
    invitation.write_text(json.dumps({"format": 1, "url": "https://other.example.org", "fingerprint": "cd" * 32}))
    for source in ("https://other.example.org", str(invitation)):
        for act in (feeds.add, feeds.preview):
            with pytest.raises(UsageError, match="Meadow shows the titles of one publisher") as caught:
                act(source, "", Network(), never)
            assert caught.value.code == "usage.argument"

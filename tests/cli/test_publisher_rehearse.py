"""`shoal publish rehearse` says what a release day would bring, and its report needs nothing from elsewhere."""

import json
import random
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from patcher.cli.__main__ import main
from patcher.cli.publisher_rehearse import _duration, _lines, _rate
from tests.support.publisher import ORIGIN, lay

Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases, the second 300 kB larger."""
    root = tmp_path_factory.mktemp("feed")
    data = random.Random(2).randbytes(800_000)
    publish = ["--home", str(root / "home"), "publish"]
    assert main([*publish, "init", str(root / "feed"), "--origin", ORIGIN, "--demo-keys"]) == 0
    for version, size in (("1", 500_000), ("2", 800_000)):
        tree = lay(root / "tree", {"data.pak": data[:size]})
        assert main([*publish, "release", str(root / "feed"), "game", str(tree), "--version", version]) == 0
    return root / "feed"


@pytest.fixture
def rehearse(feed: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def rehearse(*words: object, expect: int = 0) -> dict[str, Any]:
        capsys.readouterr()
        command = ["--home", str(home), "--json", "publish", "rehearse", str(feed), "game", *map(str, words)]
        assert main(command) == expect
        found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        return found

    return rehearse


def test_a_rehearsal_says_bytes_price_and_times(rehearse: Run) -> None:
    said = rehearse("--players", 1000, "--price", 0.1)
    assert (said["version_from"], said["version"], said["players"]) == ("1", "2", 1000)
    assert 300_000 < said["player_bytes"] < 330_000
    assert said["server_only_bytes"] == 1000 * said["player_bytes"]
    assert said["document_bytes"] * 1000 < said["origin_bytes"] < said["server_only_bytes"] / 4
    assert said["server_only_cost"] == round(said["server_only_bytes"] / 1e9 * 0.1, 2)
    assert 0 < said["time_s"]["50"] < said["time_s"]["90"] < said["time_s"]["99"] <= 4 * 3600 + 60
    assert said["wait_s"]["99"] < 60


def test_a_day_that_does_not_end_is_told(rehearse: Run) -> None:
    lines = "1:100/100,9:0.1/0.001"  # those who can help others are done at once, and leave
    crowd = ("--players", 20_000, "--sharing", 10, "--lines", lines, "--stay", "0s", "--arrive", "together")
    assert rehearse(*crowd, "--origin-limit", "1M")["time_s"] == {"50": None, "90": None, "99": None}


def test_an_install_is_more_to_fetch_than_an_update(rehearse: Run) -> None:
    assert rehearse("--install")["player_bytes"] > 800_000 > rehearse()["player_bytes"]


class _Addresses(HTMLParser):
    """What a browser would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [tag] if tag in {"script", "link", "img", "iframe", "image", "use", "object"} else []
        self.found += [
            f"{name}={value}" for name, value in attrs if name in {"src", "href", "xlink:href"} or name[:2] == "on"
        ]


def test_the_report_shows_two_charts_and_loads_nothing(rehearse: Run, tmp_path: Path) -> None:
    rehearse("--players", 500, "--report", tmp_path / "day.html")
    text = (tmp_path / "day.html").read_text()
    assert text.count("<svg") + text.count(":svg ") == 2
    assert "500 players update from 1 to 2" in text
    reader = _Addresses()
    reader.feed(text)
    assert reader.found == []
    assert not re.search(r"url\((?!#)|@import", text)


@pytest.mark.parametrize(
    "words",
    [
        ("--players", "0"), ("--lines", "1:2"), ("--lines", "a:b/c"), ("--lines", "1:0/1"), ("--sharing", "101"),
        ("--stay", "1"), ("--arrive", "never"), ("--within", "4 weeks"), ("--origin-limit", "fast"),
        ("--origin-limit", "0"), ("--price", "-1"),
    ],
)  # fmt: skip
def test_wrong_words_are_told(rehearse: Run, words: tuple[str, str]) -> None:
    assert rehearse(*words, expect=2)["error"]["code"] == "usage.argument"


def test_sizes_times_and_lines_are_read_as_written() -> None:
    assert (_rate("1G"), _rate("20 Mbit/s"), _rate("1500k")) == (1e9, 2e7, 1.5e6)
    assert (_duration("90s"), _duration("1.5h"), _duration("2d")) == (90, 5400, 172_800)
    (kind, other) = _lines("1:16/2, 3:50/10")
    assert (kind.down_bps, kind.up_bps, other.weight) == (2e6, 0.25e6, 3)

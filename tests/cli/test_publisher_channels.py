"""`shoal publish promote`, `halt`, `rollback`, `pin`, `renew` and `status`: what they print, and how they end."""

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from patcher.cli.__main__ import main
from patcher.publish import publication
from tests.support.publisher import ORIGIN, lay
from tests.support.world import Shoal


@pytest.fixture
def publisher(tmp_path: Path) -> Shoal:
    """A feed in which 1.0 and 1.1 were live one after the other."""
    publisher = Shoal(tmp_path / "home")
    publisher.run("publish", "init", tmp_path / "feed", "--origin", ORIGIN, "--demo-keys")
    for version in ("1.0", "1.1"):
        tree = lay(tmp_path / version, {"a": version.encode()})
        publisher.run("publish", "release", tmp_path / "feed", "game", tree, "--version", version)
    return publisher


def test_a_channel_is_moved_by_one_command(
    publisher: Shoal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for words in (
        ("promote", "1.1", "live", "--percent", "5"), ("halt", "live"), ("rollback", "live"), ("pin", "live", "1.1"),
    ):  # fmt: skip
        verb, *rest = words
        assert main(["--home", str(publisher.home), "publish", verb, str(tmp_path / "feed"), "game", *rest]) == 0
        said.append(capsys.readouterr().out.strip())
    assert said == [
        "game: live offers 1.1 to 5 % of the players, 1.0 to the others.",
        "game: live offers 1.1 to 0 % of the players, 1.0 to the others.",
        "game: live offers 1.0 to everyone.",
        "game: live offers 1.1 to everyone; nobody is brought below 1.1.",
    ]
    result = publisher.run("publish", "pin", tmp_path / "feed", "game", "live", "1.1")
    shown = {key: result[key] for key in ("title", "channel", "version", "percent", "before", "not_below", "changed")}
    assert shown == {
        "title": "game", "channel": "live", "version": "1.1", "percent": 100, "before": "1.0", "not_below": "1.1",
        "changed": False,
    }  # fmt: skip


@pytest.mark.parametrize("percent", ["-1", "101", "five", "5.5", "٣"])
def test_a_share_is_a_number_from_0_to_100(publisher: Shoal, tmp_path: Path, percent: str) -> None:
    words = ("promote", tmp_path / "feed", "game", "1.1", "live", f"--percent={percent}")
    assert publisher.error("publish", *words, expect=2)["code"] == "usage.argument"


def test_status_fails_in_time_for_a_timer_and_says_what_has_expired(
    publisher: Shoal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class LongAgo(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "LongAgo":
            return cls.fromtimestamp((datetime.now(UTC) - timedelta(days=40)).timestamp(), tz)

    feed = tmp_path / "feed"
    publisher.run("publish", "status", feed, "--fail-within", "7d")
    assert publisher.run("publish", "status", feed, "--fail-within", "31d", expect=10)["roles"][0]["days_left"] == 29
    assert publisher.run("publish", "renew", feed)["renewed"] == []
    with monkeypatch.context() as before:
        before.setattr(publication, "datetime", LongAgo)
        tree = lay(tmp_path / "1.2", {"a": b"1.2"})
        publisher.run("publish", "release", feed, "game", tree, "--version", "1.2")
    assert publisher.run("publish", "status", feed, "--fail-within", "1d", expect=10)["roles"][0]["expired"]
    assert main(["--home", str(publisher.home), "publish", "status", str(feed)]) == 0
    assert "snapshot             EXPIRED on" in capsys.readouterr().out
    assert {"snapshot", "timestamp"} <= set(publisher.run("publish", "renew", feed)["renewed"])
    assert publisher.run("publish", "check", feed)["warnings"] == []

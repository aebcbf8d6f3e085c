"""`shoal publish upload` and `release --upload`, as scripts use them."""

import shutil
from pathlib import Path

from patcher.publish import repository
from tests.cli.test_publisher import Run, feed, run, tree
from tests.support.publisher import files_below

__all__ = ["feed", "run", "tree"]


def test_a_release_is_made_and_uploaded_by_one_command(run: Run, feed: Path, tree: Path, tmp_path: Path) -> None:
    host = tmp_path / "host"
    result = run("release", feed, "game", tree, "--version", "1.0", "--upload", host, "--no-read-back")
    assert result["state"] == "published"
    sent = result["upload"]
    assert sent["changed"] and sent["sent_files"] == len(files_below(host)) - 1 and not sent["read_back"]
    assert {"hash", "sign", "compare", "upload", "root"} <= result["phases"]
    run("check", host)


def test_an_upload_says_what_it_does(run: Run, feed: Path, tree: Path, tmp_path: Path) -> None:
    host = tmp_path / "host"
    run("release", feed, "game", tree, "--version", "1.0")
    planned = run("upload", feed, host, "--dry-run")
    assert planned["changed"] and planned["sent_bytes"] > 0 and not host.exists()
    sent = run("upload", feed, host, "--no-read-back")
    assert sent["sent_files"] == planned["sent_files"]
    assert sent["said"] == ["Nothing was read back: as you asked."]
    again = run("upload", feed, host, "--no-read-back")
    assert (again["changed"], again["sent_files"], again["kept_files"]) == (False, 0, sent["sent_files"])


def test_nothing_is_signed_for_a_destination_that_is_ahead(run: Run, feed: Path, tree: Path, tmp_path: Path) -> None:
    backup = shutil.copytree(feed, tmp_path / "backup")
    run("release", feed, "game", tree, "--version", "1.0", "--upload", tmp_path / "host", "--no-read-back")
    before = repository.load(backup).timestamp
    words = ("release", backup, "game", tree, "--version", "1.1", "--upload", tmp_path / "host")
    assert run(*words, expect=2)["error"]["code"] == "usage.newer_feed"
    assert repository.load(backup).timestamp == before


def test_a_destination_that_is_none_is_refused_before_a_release(run: Run, feed: Path, tree: Path) -> None:
    words = ("release", feed, "game", tree, "--version", "1.0", "--upload", "ftp://example.org")
    assert run(*words, expect=2)["error"]["code"] == "usage.argument"
    assert run("status", feed)["titles"] == []

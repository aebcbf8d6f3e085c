"""The publisher's verbs keep the promises of the command line: results, exit codes, questions."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from patcher.cli.__main__ import main
from patcher.config import Home
from patcher.errors import CODES, PUBLISHER_HINTS, ShoalError
from patcher.publish import publication
from tests.support.publisher import ORIGIN, PASSPHRASE, files_below, lay

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a verb with --json; the result object, and what was said, when its exit code is the expected one."""
    monkeypatch.delenv("SHOAL_PASSPHRASE", raising=False)

    def run(*words: object, expect: int = 0) -> dict[str, Any]:
        code = main(["--home", str(home), "--json", "--yes", "publish", *map(str, words)])
        printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert code == expect, printed
        assert printed[-1]["event"] == "result"
        said = [line["text"] for line in printed if line["event"] == "notice"]
        return {
            **printed[-1],
            "said": said,
            "phases": {line["phase"] for line in printed if line["event"] == "progress"},
        }

    return run


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return lay(tmp_path / "tree", {"bin/game": b"#!/bin/sh\n" * 100, "lang/de.txt": b"Hallo"})


@pytest.fixture
def feed(run: Run, tmp_path: Path) -> Path:
    run("init", tmp_path / "feed", "--origin", ORIGIN, "--demo-keys")
    return tmp_path / "feed"


def test_demo_keys_are_said_loudly(run: Run, tmp_path: Path) -> None:
    result = run("init", tmp_path / "feed", "--origin", ORIGIN, "--demo-keys")
    assert any("NO passphrase" in text for text in result["said"])
    assert len(result["fingerprint"]) == 64
    assert json.loads(Path(result["invitation"]).read_bytes())["fingerprint"] == result["fingerprint"]


def test_a_release_reports_what_the_command_line_promises(run: Run, feed: Path, tree: Path) -> None:
    run("release", feed, "game", tree, "--version", "1.0", "--launch", "bin/game", "--part", "de=lang/de*:lang:de")
    lay(tree, {"bin/game": b"#!/bin/sh\n" * 101})
    result = run("release", feed, "game", tree, "--version", "1.1", "--part", "de=lang/de*:lang:de", "--jobs", "1")
    assert result["phases"] == {"hash", "write", "check", "pack", "sign"}
    assert (result["title"], result["version"], result["files"], result["tree_bytes"]) == ("game", "1.1", 2, 1015)
    assert [part["name"] for part in result["parts"]] == ["de", "main"]
    for part in result["parts"]:
        assert len(part["info_hash"]) == 64
        assert part["torrent_name"] == f"game.{part['name']}"
        assert part["piece_bytes"] == 65536
    (patch,) = result["patches"]
    assert patch["version_from"] == "1.0"
    assert 0 < patch["patch_bytes"] < 1000
    assert result["full_bytes"] > 0
    assert result["seconds"] >= 0


def test_gc_shows_what_it_would_remove_and_removes_it_when_told(
    run: Run, feed: Path, tree: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("release", feed, "game", tree, "--version", "1.0")
    lost = feed / "content" / "ab" / ("ab" * 32)
    lost.parent.mkdir(exist_ok=True)
    lost.write_bytes(b"no record leads here")
    assert run("gc", feed)["files"] == 0, "it is young"
    os.utime(lost, (0, 0))
    shown = run("gc", feed, "--dry-run")
    assert (shown["removed"], shown["files"], shown["bytes"], shown["days"]) == (False, 1, 20, 30)
    assert shown["kept_bytes"] > 1000
    monkeypatch.setattr("builtins.input", lambda text: "")
    assert main(["--home", str(home), "publish", "gc", str(feed)]) == 0
    assert "1 files, 20 B" in capsys.readouterr().out
    assert lost.exists()
    assert run("gc", feed, "--days", "7")["removed"] is True
    assert not lost.exists()


def test_check_status_and_export_of_a_good_feed(run: Run, feed: Path, tree: Path, tmp_path: Path) -> None:
    run("release", feed, "game", tree, "--version", "1.0")
    assert run("check", feed, "--deep")["warnings"] == []
    assert run("status", feed)["titles"] == [{"title": "game", "channels": {"live": "1.0"}, "versions": ["1.0"]}]
    (file,) = run("export", feed, "game", "--to", tmp_path)["files"]
    assert Path(file).name == "game.main.torrent"


def test_check_ends_with_5_and_a_list(run: Run, feed: Path, tree: Path) -> None:
    run("release", feed, "game", tree, "--version", "1.0")
    for path in [p for p in (feed / "content").rglob("*") if p.is_file() and p.read_bytes() == b"Hallo"]:
        path.unlink()
    result = run("check", feed, expect=5)
    assert result["error"]["code"] == "content.feed"
    assert result["error"]["facts"] == {"problems": 1}
    assert any("lang/de.txt: is missing" in text for text in result["said"])


def test_preview_measures_a_patch(run: Run, tmp_path: Path, tree: Path) -> None:
    new = lay(tmp_path / "new", {"bin/game": b"#!/bin/sh\n" * 101, "lang/de.txt": b"Hallo"})
    result = run("preview", tree, new)
    assert 0 < result["patch_bytes"] < result["tree_bytes"] == 1015


def test_a_passphrase_comes_from_a_file_or_the_environment(
    run: Run, tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE)
    run("init", tmp_path / "feed", "--origin", ORIGIN, "--passphrase-file", file)
    before = files_below(tmp_path / "feed")
    words = ("release", tmp_path / "feed", "game", tree, "--version", "1.0")
    assert run(*words, expect=2)["error"]["code"] == "usage.passphrase"
    monkeypatch.setenv("SHOAL_PASSPHRASE", "wrong")
    assert run(*words, expect=2)["error"]["code"] == "usage.passphrase"
    assert files_below(tmp_path / "feed") == before
    monkeypatch.setenv("SHOAL_PASSPHRASE", PASSPHRASE)
    assert run(*words)["state"] == "published"


def test_a_studio_passes_a_request_from_hand_to_hand(run: Run, home: Path, tmp_path: Path, tree: Path) -> None:
    feed = tmp_path / "feed"
    run("init", feed, "--origin", ORIGIN, "--profile", "studio", "--demo-keys")
    words = ("release", feed, "game", tree, "--version", "1.0")
    asked = run(*words, expect=11)
    assert (asked["state"], asked["missing_signatures"]) == ("request", 2)
    with publication.locked(Home(home), "feed"):  # by another command, which writes the same request
        assert run("sign", asked["request"], expect=7)["error"]["code"] == "busy.title"
    assert run("sign", asked["request"])["missing_signatures"] == 1
    assert run("sign", asked["request"], "--key", "holder-1", expect=2)["error"]["code"] == "usage.signatures"
    assert run(*words, expect=11)["missing_signatures"] == 1
    assert run("sign", asked["request"], "--key", "holder-2") | {"said": [], "phases": set()} == {
        "event": "result", "ok": True, "signed_by": "holder-2", "missing_signatures": 0, "request": asked["request"],
        "said": [], "phases": set(),
    }  # fmt: skip
    assert run(*words)["state"] == "published"


def test_a_holder_who_does_not_say_yes_signs_nothing(
    run: Run,
    home: Path,
    tmp_path: Path,
    tree: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = tmp_path / "feed"
    run("init", feed, "--origin", ORIGIN, "--profile", "studio", "--demo-keys")
    request = run("release", feed, "game", tree, "--version", "1.0", expect=11)["request"]
    before = Path(request).read_bytes()
    monkeypatch.setattr("builtins.input", lambda text: "")
    assert main(["--home", str(home), "publish", "sign", request]) == 2
    assert "Release game 1.0" in capsys.readouterr().out
    assert Path(request).read_bytes() == before
    monkeypatch.setattr("builtins.input", lambda text: "y")
    assert main(["--home", str(home), "publish", "sign", request]) == 0
    assert "Signed by holder-1. Signatures still missing: 1." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (("init", "{tmp}/new"), "usage.argument", 2),
        (("init", "{tmp}/new", "--origin", "http://example.org"), "usage.argument", 2),
        (("init", "{tmp}/tree", "--origin", ORIGIN), "usage.feed_folder", 2),
        (("init", "{tmp}/new", "--origin", ORIGIN, "--profile", "large"), "usage.argument", 2),
        (("release", "{tmp}/tree", "game", "{tmp}/tree", "--version", "1"), "usage.feed_folder", 2),
        (("release", "{feed}", "game", "{tmp}/nothing", "--version", "1"), "disk.folder_missing", 6),
        (("release", "{feed}", "game", "{tmp}/tree"), "usage.argument", 2),
        (("release", "{feed}", "game", "{tmp}/tree", "--version", "1", "--jobs", "0"), "usage.argument", 2),
        (("release", "{feed}", "game", "{tmp}/tree", "--version", "1", "--part", "de"), "usage.argument", 2),
        (("release", "{feed}", "game", "{tmp}/tree", "--version", "1", "--launch", "nothing"), "usage.release", 2),
        (("sign", "{tmp}/nothing"), "usage.argument", 2),
        (("sign", "{tmp}/tree/bin/game"), "usage.argument", 2),
        (("check", "{tmp}/tree"), "usage.feed_folder", 2),
        (("status", "{tmp}/tree"), "usage.feed_folder", 2),
        (("export", "{feed}", "game"), "usage.unknown_title", 2),
    ],
)
def test_wrong_use_is_told_and_changes_nothing(
    run: Run, feed: Path, tree: Path, tmp_path: Path, words: tuple[str, ...], code: str, exit_code: int
) -> None:
    before = files_below(feed), files_below(tree)
    error = run(*(word.format(tmp=tmp_path, feed=feed) for word in words), expect=exit_code)["error"]
    assert error["code"] == code
    assert error["safe"] and error["hint"]
    assert (files_below(feed), files_below(tree)) == before
    assert not (tmp_path / "new").exists()


def test_a_full_disk_is_told_in_a_publishers_words(
    run: Run, feed: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patcher.disk.free_bytes", lambda folder: 10)
    error = run("release", feed, "game", tree, "--version", "1.0", expect=6)["error"]
    assert error["code"] == "disk.full"
    assert error["safe"] == "What players see is unchanged."
    assert "a release goes on where it was" in error["hint"]


def test_no_error_speaks_to_a_publisher_of_an_installed_version() -> None:
    assert CODES.keys() >= PUBLISHER_HINTS.keys()
    assert not [code for code in CODES if "installed version" in ShoalError(code, "").to_publisher().safe]


@pytest.mark.parametrize("verb", ["release", "preload"])
def test_a_cluster_that_cannot_be_used_is_told_before_anything_is_read(
    run: Run, feed: Path, tree: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_below(feed)
    words = (verb, feed, "game", tree, "--version", "1.0", "--executor")
    wrong = run(*words, "tcp://127.0.0.1:1", expect=2)
    assert (wrong["error"]["code"], "hash" in wrong["phases"]) == ("usage.executor", False)
    assert run(*words, "dask://127.0.0.1:1", expect=4)["error"]["code"] == "origin.cluster"
    for name in [name for name in sys.modules if name.endswith("patches.cluster")]:
        monkeypatch.delitem(sys.modules, name)
        monkeypatch.delattr("patcher.publish.patches.cluster")
    monkeypatch.setitem(sys.modules, "distributed", None)  # as where the extra is not installed
    assert "needs distributed" in run(*words, "dask://127.0.0.1:1", expect=2)["error"]["message"]
    assert files_below(feed) == before


def test_ctrl_c_says_that_a_release_goes_on(
    home: Path, feed: Path, tree: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("patcher.publish.build.write", pressed)
    words = ["publish", "release", str(feed), "game", str(tree), "--version", "1.0"]
    assert main(["--home", str(home), *words]) == 130
    assert "A release keeps what is made; run the same command to go on." in capsys.readouterr().err


def test_without_a_terminal_each_phase_is_one_line(home: Path, feed: Path, tree: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    words = ["publish", "release", str(feed), "game", str(tree), "--version", "1.0", "--jobs", "2"]
    command = [sys.executable, "-c", "import sys; from patcher.cli.__main__ import main; sys.exit(main())"]
    done = subprocess.run(
        [*command, "--home", str(home), *words],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split()[0] for line in done.stdout.splitlines()]
    assert lines == ["hash", "write", "pack", "sign", "From", "The", "Published"]

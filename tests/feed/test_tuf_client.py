from pathlib import Path

import pytest

from patcher.cli.__main__ import main
from tests.support.hostile_origin import HostileOrigin
from tests.support.repository_simulator import RepositorySimulator


@pytest.fixture
def folder(tmp_path: Path, feed: RepositorySimulator) -> Path:
    root = tmp_path / "given.json"
    root.write_bytes(feed.files["metadata/1.root.json"])
    folder = tmp_path / "metadata"
    assert _client("--metadata-dir", folder, "init", root) == 0
    return folder


def _client(*words: object) -> int:
    return main(["tuf-client", *map(str, words)])


def _download(folder: Path, server: HostileOrigin, into: Path, *names: str) -> int:
    places = ("--metadata-url", f"{server.url}/metadata", "--metadata-dir", folder, "--target-dir", into)
    named = [word for name in names for word in ("--target-name", name)]
    return _client(*places, "--target-base-url", f"{server.url}/targets", *named, "download")


def test_a_refresh_brings_the_metadata(folder: Path, server: HostileOrigin, feed: RepositorySimulator) -> None:
    assert _client("--metadata-url", f"{server.url}/metadata", "--metadata-dir", folder, "refresh") == 0
    for role, file in [("timestamp", "timestamp"), ("snapshot", "3.snapshot"), ("root", "1.root")]:
        assert (folder / f"{role}.json").read_bytes() == feed.files[f"metadata/{file}.json"]


def test_a_bad_root_is_not_trusted(tmp_path: Path) -> None:
    root = tmp_path / "given.json"
    root.write_bytes(b"{}")
    assert _client("--metadata-dir", tmp_path / "metadata", "init", root) == 1
    assert _client("--metadata-dir", tmp_path / "metadata", "init", tmp_path / "missing") == 1


def test_targets_are_downloaded_once(folder: Path, server: HostileOrigin, tmp_path: Path) -> None:
    names = ("feed.json", "demo/releases/1.json")
    assert _download(folder, server, tmp_path / "targets", *names) == 0
    assert {file.read_bytes() for file in (tmp_path / "targets").iterdir()} == {b"the feed", b"release 1"}
    server.asked.clear()
    assert _download(folder, server, tmp_path / "targets", *names) == 0
    assert server.paths == ["metadata/2.root.json", "metadata/timestamp.json"]


def test_failures_exit_with_1(folder: Path, server: HostileOrigin, feed: RepositorySimulator, tmp_path: Path) -> None:
    assert _download(folder, server, tmp_path / "targets", "none.json") == 1
    feed.files[feed.file_of("feed.json")] = b"tampered"
    assert _download(folder, server, tmp_path / "targets", "feed.json") == 1
    feed.files["metadata/timestamp.json"] = b"{}"
    assert _client("--metadata-url", f"{server.url}/metadata", "--metadata-dir", folder, "refresh") == 1
    assert not list((tmp_path / "targets").iterdir())

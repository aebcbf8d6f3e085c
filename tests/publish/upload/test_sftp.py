"""Uploads over SSH to a real sshd, by the system's ssh."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.errors import ShoalError
from patcher.publish import check
from patcher.publish.upload.upload import open_destination
from tests.publish.upload.test_upload import NEW, OLD, send
from tests.support.destinations import Wire, sshd
from tests.support.publisher import Player, Publisher, files_below, lay, quiet

pytestmark = pytest.mark.posix("sshd")


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    publisher = Publisher(tmp_path / "one")
    publisher.release(lay(tmp_path / "old", OLD), "1.0")
    return publisher


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    with sshd(tmp_path / "ssh") as port:
        monkeypatch.setenv("PATH", f"{tmp_path}/ssh/bin{os.pathsep}{os.environ['PATH']}")
        yield port


def test_players_read_what_was_uploaded(publisher: Publisher, port: int, tmp_path: Path) -> None:
    host = tmp_path / "srv/a folder/feed"
    where = open_destination(f"ssh://127.0.0.1:{port}{str(host).replace(' ', '%20')}")
    first = send(publisher, where)
    assert first.is_new and check.check(host, 1, deep=True, progress=quiet).problems == ()
    publisher.release(lay(tmp_path / "new", {**NEW, "large": os.urandom(4_000_000)}), "1.1")
    second = send(publisher, where)
    assert second.kept_files and second.sent_bytes > 4_000_000
    assert "game/releases/2.json" in Player(host, tmp_path / "player").visit()
    assert send(publisher, where).sent_files == 0
    assert not [path for path in files_below(host) if path.endswith(".part")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in host.rglob("*") if path.is_file()} == {0o644}
    where.close()


def test_a_newer_feed_is_not_replaced(publisher: Publisher, port: int, tmp_path: Path) -> None:
    where = open_destination(f"ssh://127.0.0.1:{port}{tmp_path}/host")
    send(publisher, where)
    seen = where.read("metadata/timestamp.json")
    publisher.release(lay(tmp_path / "new", NEW), "1.1")
    send(publisher, where)
    with pytest.raises(ShoalError) as refused:
        where.replace("metadata/timestamp.json", b"older", seen)
    assert refused.value.code == "usage.newer_feed"
    where.close()


def test_a_cut_connection_is_said_and_the_same_command_goes_on(publisher: Publisher, port: int, tmp_path: Path) -> None:
    publisher.release(lay(tmp_path / "new", {**NEW, "large": os.urandom(1_500_000)}), "1.1")
    with Wire(port, 500_000) as wire:
        where = open_destination(f"ssh://127.0.0.1:{wire.port}{tmp_path}/host")
        with pytest.raises(ShoalError) as failed:
            send(publisher, where)
        where.close()
    assert failed.value.code == "origin.upload"
    assert not (tmp_path / "host/metadata").exists()
    where = open_destination(f"ssh://127.0.0.1:{port}{tmp_path}/host")
    assert send(publisher, where).is_new
    assert check.check(tmp_path / "host", 1, deep=False, progress=quiet).problems == ()
    where.close()


def test_what_ssh_says_is_passed_on(publisher: Publisher, port: int, tmp_path: Path) -> None:
    (tmp_path / "ssh/authorized").write_text("")
    where = open_destination(f"ssh://127.0.0.1:{port}{tmp_path}/host")
    with pytest.raises(ShoalError, match="Permission denied") as refused:
        send(publisher, where)
    assert refused.value.code == "origin.upload_refused"
    (tmp_path / "ssh/known").write_text("")
    with pytest.raises(ShoalError, match="Host key verification failed") as refused:
        send(publisher, where)
    assert refused.value.code == "origin.upload_refused"
    where.close()


def test_a_folder_that_cannot_be_made_is_named(publisher: Publisher, port: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    where = open_destination(f"ssh://127.0.0.1:{port}{tmp_path}/file/feed")
    with pytest.raises(ShoalError, match="file/feed") as refused:
        send(publisher, where)
    assert refused.value.code.startswith("origin.upload")
    where.close()

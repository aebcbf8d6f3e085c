"""Before the timestamp goes live, what players cannot read is found: not public, no ranges, compressed, other bytes."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.errors import ShoalError
from patcher.publish.upload import read_back
from patcher.publish.upload.folder import FolderDestination
from patcher.publish.upload.upload import UploadOrder
from patcher.serve.static import StaticServer
from tests.publish.upload.test_upload import NEW, OLD, send
from tests.support.hostile_origin import HostileOrigin, says
from tests.support.publisher import Publisher, files_below, lay

LIVE = "metadata/timestamp.json"


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    publisher = Publisher(tmp_path / "one")
    publisher.release(lay(tmp_path / "old", OLD), "1.0")
    send(publisher, tmp_path / "host")
    publisher.release(lay(tmp_path / "new", {**NEW, "large": bytes(1_000_000)}), "1.1")
    publisher.said.clear()
    return publisher


@pytest.fixture
def liar(publisher: Publisher) -> Iterator[HostileOrigin]:
    with HostileOrigin(files_below(publisher.folder)) as origin:
        yield origin


def test_a_web_server_that_serves_the_folder_is_believed(publisher: Publisher, tmp_path: Path) -> None:
    with StaticServer(tmp_path / "host") as server:
        done = send(publisher, tmp_path / "host", UploadOrder(origin=server.url))
    assert done.is_new and done.is_read_back and publisher.said == []


@pytest.mark.parametrize("problem", ["403", "gone", "compressed", "other bytes"])
def test_what_players_cannot_read_does_not_go_live(
    publisher: Publisher, liar: HostileOrigin, tmp_path: Path, problem: str
) -> None:
    live = (tmp_path / "host" / LIVE).read_bytes()
    content = max(liar.files, key=lambda path: len(liar.files[path]))
    path = content if problem == "other bytes" else "metadata/3.snapshot.json"
    data = liar.files[path]
    wrong = {
        "403": says(403),
        "gone": says(404),
        "compressed": says(200, gzip.compress(data), Content_Encoding="gzip"),
    }
    if problem == "other bytes":
        liar.files[path] = b"x" * len(data)
    else:
        liar.answer(path, *[wrong[problem]] * 9)
    with pytest.raises(ShoalError) as refused:
        send(publisher, tmp_path / "host", UploadOrder(origin=liar.url))
    assert refused.value.code == "origin.read_back"
    assert path in refused.value.message
    assert (tmp_path / "host" / LIVE).read_bytes() == live


def test_a_cache_that_keeps_the_old_timestamp_is_named(
    publisher: Publisher, liar: HostileOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_back, "_LIVE_TRIES", 2)
    liar.files[LIVE] = (tmp_path / "host" / LIVE).read_bytes()
    liar.answer(LIVE, says(404))
    with pytest.raises(ShoalError) as stale:
        send(publisher, tmp_path / "host", UploadOrder(origin=liar.url))
    assert stale.value.code == "origin.stale"
    assert FolderDestination(tmp_path / "host").read(LIVE) == FolderDestination(publisher.folder).read(LIVE)


def test_an_address_that_cannot_be_reached_is_said_and_hinders_nothing(publisher: Publisher, tmp_path: Path) -> None:
    done = send(publisher, tmp_path / "host", UploadOrder(origin="http://127.0.0.1:1"))
    assert done.is_new and not done.is_read_back
    assert "cannot be reached" in publisher.said[-1]

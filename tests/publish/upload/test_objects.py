"""Uploads to a real S3 server: headers, errors in words, and kills at random points of the wire."""

import os
import random
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from patcher.errors import ShoalError
from patcher.publish import check
from patcher.publish.store import PhaseMeter
from patcher.publish.upload.upload import UploadOrder, open_destination, upload
from tests.publish.upload.test_upload import NEW, OLD, send
from tests.support.destinations import Wire, store_of
from tests.support.publisher import Player, Publisher, files_below, lay, quiet

pytestmark = [
    pytest.mark.posix("SeaweedFS, and SIGKILL"),
    pytest.mark.usefixtures("credentials"),
]
_KILLS = int(os.environ.get("SHOAL_KILLS", "6"))
"""`make prove` kills more often."""
_PROGRAM = """
import sys
from pathlib import Path
from patcher.config import Home
from patcher.publish.upload.upload import UploadOrder, open_destination, upload
root, where, endpoint = sys.argv[1:]
order = UploadOrder(reads_back=False)
destination = open_destination(where, endpoint)
upload(Path(root, "feed"), Home(Path(root, "home")), destination, order, lambda *_: None, print)
"""


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    publisher = Publisher(tmp_path / "one")
    publisher.release(lay(tmp_path / "old", OLD), "1.0")
    return publisher


def fetched(address: str, prefix: str, to: Path) -> Path:
    """The bucket as a folder, as everyone may read it."""
    store = store_of(address, "public")
    for found in (found for chunk in store.list(f"{prefix}/") for found in chunk):
        path = to / found["path"].removeprefix(f"{prefix}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        answer = requests.get(f"{address}/public/{found['path']}", timeout=30)
        assert answer.status_code == 200
        path.write_bytes(answer.content)
    return to


def test_players_read_what_was_uploaded(publisher: Publisher, s3: str, tmp_path: Path) -> None:
    where = open_destination("s3://public/players", s3)
    order = UploadOrder(origin=f"{s3}/public/players")
    first = send(publisher, where, order)
    assert first.is_new and first.is_read_back and not publisher.said
    publisher.release(lay(tmp_path / "new", {**NEW, "large": random.Random(1).randbytes(9_000_000)}), "1.1")
    second = send(publisher, where, order)
    assert second.is_new and second.sent_bytes > 9_000_000
    host = fetched(s3, "players", tmp_path / "host")
    assert check.check(host, 1, deep=True, progress=quiet).problems == ()
    assert "game/releases/2.json" in Player(host, tmp_path / "player").visit()
    again = send(publisher, where, order)
    assert (again.sent_files, again.is_new, again.is_read_back) == (0, False, True)


def test_only_what_changes_may_not_be_cached(publisher: Publisher, s3: str) -> None:
    send(publisher, open_destination("s3://public/headers", s3))
    store = store_of(s3, "public")
    paths = [found["path"] for chunk in store.list("headers/") for found in chunk]
    headers = {p: requests.head(f"{s3}/public/{p}", timeout=30).headers["Cache-Control"] for p in paths}
    changing = {"headers/metadata/timestamp.json", "headers/shop.shoalfeed"}
    assert {path for path, header in headers.items() if header == "no-cache"} == changing
    assert {header for path, header in headers.items() if path not in changing} == {
        "public, max-age=31536000, immutable"
    }


def test_of_two_uploads_at_once_one_is_refused(publisher: Publisher, s3: str) -> None:
    where = open_destination("s3://public/race", s3)
    where.replace("metadata/timestamp.json", b"one", None)
    seen = where.read("metadata/timestamp.json")
    where.replace("metadata/timestamp.json", b"two", seen)
    for stale in (None, seen):
        with pytest.raises(ShoalError) as refused:
            where.replace("metadata/timestamp.json", b"three", stale)
        assert refused.value.code == "usage.newer_feed"
    found = where.read("metadata/timestamp.json")
    assert found is not None and found.data == b"two"
    where.replace("metadata/timestamp.json", b"two", seen)  # as when its own answer was lost


def test_what_is_not_public_does_not_go_live(publisher: Publisher, s3: str) -> None:
    with pytest.raises(ShoalError, match="403") as refused:
        send(publisher, open_destination("s3://private/feed", s3), UploadOrder(origin=f"{s3}/private/feed"))
    assert refused.value.code == "origin.read_back"
    names = [found["path"] for chunk in store_of(s3, "private").list("feed/") for found in chunk]
    assert names and "feed/metadata/timestamp.json" not in names


def test_wrong_credentials_and_buckets_are_said(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ShoalError, match="bucket does not exist") as refused:
        open_destination("s3://nowhere/feed", s3)
    assert refused.value.code == "origin.upload_refused"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(ShoalError, match="signature") as refused:
        open_destination("s3://public/feed", s3)
    assert refused.value.code == "origin.upload_refused"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(ShoalError, match="AWS_ACCESS_KEY_ID"):
        open_destination("s3://public/feed", s3)
    with pytest.raises(ShoalError, match="no address"):
        open_destination("s3://public/feed", "zzz")


def test_a_cut_connection_is_said_and_the_same_command_goes_on(publisher: Publisher, s3: str) -> None:
    with Wire(urlsplit(s3).port or 0) as wire:
        where = open_destination("s3://public/cut", f"http://127.0.0.1:{wire.port}")
        wire.limit = wire.sent + 20_000
        with pytest.raises(ShoalError) as failed:
            send(publisher, where)
        assert failed.value.code == "origin.upload"
        before = {f["path"] for chunk in store_of(s3, "public").list("cut/") for f in chunk}
        wire.limit = sys.maxsize
        rest = send(publisher, where)
    assert rest.is_new and rest.kept_files == len(before) > 0


def test_a_file_that_was_read_only_in_part_is_not_there(publisher: Publisher, s3: str, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(30_000_000))
    with Wire(urlsplit(s3).port or 0) as wire:
        where = open_destination("s3://public/large", f"http://127.0.0.1:{wire.port}")
        wire.limit = wire.sent + 12_000_000
        with pytest.raises(ShoalError):
            where.put("content/ab/x", tmp_path / "large", PhaseMeter(quiet, "upload", 0))
    assert open_destination("s3://public/large", s3).read("content/ab/x") is None


def test_an_upload_that_is_killed_anywhere_leaves_a_whole_feed(publisher: Publisher, s3: str, tmp_path: Path) -> None:
    tree = lay(tmp_path / "new", {**NEW, **{f"f{n}": random.Random(n).randbytes(40_000) for n in range(30)}})
    send(publisher, open_destination("s3://public/dry", s3))
    for number in range(_KILLS):
        send(publisher, open_destination(f"s3://public/kill{number}", s3))
    before = len(files_below(fetched(s3, "dry", tmp_path / "dry")))
    publisher.release(tree, "1.1")
    with Wire(urlsplit(s3).port or 0) as wire:
        whole = send(publisher, open_destination("s3://public/dry", f"http://127.0.0.1:{wire.port}"))
        total = wire.sent
    dice = random.Random(_KILLS)
    for number in range(_KILLS):
        prefix = f"kill{number}"
        kill(publisher, s3, prefix, dice.randrange(total))
        host = fetched(s3, prefix, tmp_path / prefix)
        assert check.check(host, 1, deep=False, progress=quiet).problems == ()
        was_live = "game/releases/2.json" in Player(host, tmp_path / f"player-{number}").visit()
        present = len(files_below(host))
        with Wire(urlsplit(s3).port or 0) as wire:
            where = open_destination(f"s3://public/{prefix}", f"http://127.0.0.1:{wire.port}")
            rest = upload(publisher.folder, publisher.home, where, UploadOrder(reads_back=False), quiet, print)
            assert rest.is_new is not was_live
            assert wire.puts == rest.sent_files + rest.is_new, "nothing else was sent"
        assert rest.sent_files <= whole.sent_files - (present - before), "what was there was not sent again"
        assert rest.sent_files + rest.kept_files == whole.sent_files + whole.kept_files


def kill(publisher: Publisher, s3: str, prefix: str, at: int) -> None:
    """Kill an upload when it has sent ``at`` bytes."""
    with Wire(urlsplit(s3).port or 0) as wire:
        command = [
            sys.executable,
            "-c",
            _PROGRAM,
            str(publisher.root),
            f"s3://public/{prefix}",
            f"http://127.0.0.1:{wire.port}",
        ]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
            wire.limit = at
            while process.poll() is None and not wire.cut.wait(0.02):
                pass
            process.kill()

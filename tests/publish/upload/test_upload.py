"""An upload keeps the order of a feed: wherever it is cut, players see the old feed or the new one, and both whole."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Timestamp  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher.errors import ShoalError
from patcher.publish import check, repository, rotation
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.rotation import KeyOrder
from patcher.publish.upload.destination import Destination
from patcher.publish.upload.folder import FolderDestination
from patcher.publish.upload.upload import Uploaded, UploadOrder, open_destination, upload
from tests.support.destinations import Cut, CutFolder
from tests.support.publisher import Player, Publisher, files_below, lay, quiet

OLD = {"bin/game": b"#!/bin/sh\n" * 100, "data": b"one" * 3000}
NEW = {"bin/game": b"#!/bin/sh\n" * 100, "data": b"two" * 3000, "more": b"3" * 5000}
NOT_READ = UploadOrder(reads_back=False)


def send(publisher: Publisher, destination: Destination | Path, order: UploadOrder = NOT_READ) -> Uploaded:
    where = FolderDestination(destination) if isinstance(destination, Path) else destination
    return upload(publisher.folder, publisher.home, where, order, quiet, publisher.said.append)


def copied(publisher: Publisher, root: Path) -> Publisher:
    """Another machine that has this feed and its keys."""
    shutil.copytree(publisher.root, root, symlinks=True)
    other = object.__new__(Publisher)
    other.__dict__.update(publisher.__dict__, root=root, folder=root / "feed", said=[])
    other.home = type(publisher.home)(root / "home")
    return other


def refusal(publisher: Publisher, where: Path) -> ShoalError:
    before = files_below(where)
    with pytest.raises(ShoalError) as refused:
        send(publisher, where)
    assert files_below(where) == before
    return refused.value


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    publisher = Publisher(tmp_path / "one")
    publisher.release(lay(tmp_path / "old", OLD), "1.0")
    return publisher


def test_an_upload_is_a_whole_feed(publisher: Publisher, tmp_path: Path) -> None:
    sent = send(publisher, tmp_path / "host")
    assert check.check(tmp_path / "host", 1, deep=True, progress=quiet).problems == ()
    assert Player(tmp_path / "host", tmp_path / "player").visit().keys() >= {"game/releases/1.json"}
    assert sent.is_new and sent.sent_files == len(files_below(tmp_path / "host")) - 1
    assert (tmp_path / "host/shop.shoalfeed").is_file()


def test_only_what_is_missing_is_sent(publisher: Publisher, tmp_path: Path) -> None:
    send(publisher, tmp_path / "host")
    again = CutFolder(tmp_path / "host")
    assert not send(publisher, again).is_new
    assert again.changed == []
    publisher.release(lay(tmp_path / "new", NEW), "1.1")
    before = files_below(tmp_path / "host")
    again = CutFolder(tmp_path / "host")
    planned = send(publisher, again, replace(NOT_READ, dry_run=True))
    assert again.changed == [] and planned.is_new
    sent = send(publisher, again)
    assert planned == sent
    after = files_below(tmp_path / "host")
    whole = CutFolder(tmp_path / "fresh")
    send(publisher, whole)
    assert sent.kept_files + sent.sent_files + 1 == len(whole.changed)
    assert sorted(again.changed) == sorted(p for p in after if before.get(p) != after[p])
    assert again.changed[-1] == "metadata/timestamp.json"
    assert sent.sent_bytes == sum(len(after[path]) for path in again.changed[:-1])


def test_an_upload_that_is_cut_at_any_step_leaves_a_whole_feed(publisher: Publisher, tmp_path: Path) -> None:
    send(publisher, tmp_path / "live")
    before = Player(tmp_path / "live", tmp_path / "player").visit()
    publisher.release(lay(tmp_path / "new", NEW), "1.1")
    order = KeyOrder(names=("timestamp",), protect=False)
    rotation.rotate(publisher.folder, publisher.home, order, Passphrases())
    everything = CutFolder(shutil.copytree(tmp_path / "live", tmp_path / "everything"))
    send(publisher, everything)
    assert everything.changed[-2:] == ["metadata/timestamp.json", "metadata/2.root.json"]
    kinds = [path.partition("/")[0] == "metadata" for path in everything.changed]
    assert kinds == sorted(kinds), "contents and records come first"
    seen = []
    for step in range(len(everything.changed)):
        host = shutil.copytree(tmp_path / "live", tmp_path / f"host-{step}")
        player = Player(host, shutil.copytree(tmp_path / "player", tmp_path / f"player-{step}"))
        with pytest.raises(Cut):
            send(publisher, CutFolder(host, step))
        assert check.check(host, 1, deep=False, progress=quiet).problems == ()
        seen.append(player.visit() == before)
        rest = CutFolder(host)
        send(publisher, rest)
        assert len(rest.changed) == len(everything.changed) - step, "only the rest is sent"
        assert player.visit().keys() > before.keys()
    assert seen == [True] * (len(seen) - 1) + [False], "the timestamp is what counts"


def test_a_new_player_finds_a_whole_feed_or_none(publisher: Publisher, tmp_path: Path) -> None:
    everything = CutFolder(tmp_path / "everything")
    send(publisher, everything)
    assert everything.changed[-2:] == ["metadata/timestamp.json", "metadata/1.root.json"]


def test_an_older_copy_does_not_replace_a_newer_feed(publisher: Publisher, tmp_path: Path) -> None:
    backup = copied(publisher, tmp_path / "backup")
    publisher.release(lay(tmp_path / "new", NEW), "1.1")
    send(publisher, tmp_path / "host")
    assert refusal(backup, tmp_path / "host").code == "usage.newer_feed"
    rotated = copied(publisher, tmp_path / "rotated")
    rotation.rotate(rotated.folder, rotated.home, KeyOrder(protect=False), Passphrases())
    send(rotated, tmp_path / "host")
    assert "keys were changed" in refusal(publisher, tmp_path / "host").message


def test_a_timestamp_that_was_only_renewed_elsewhere_is_newer_too(publisher: Publisher, tmp_path: Path) -> None:
    send(publisher, tmp_path / "host")
    live = tmp_path / "host/metadata/timestamp.json"
    renewed = Metadata[Timestamp].from_bytes(live.read_bytes())
    renewed.signed.version += 1
    (key,) = repository.keys_of(repository.load(publisher.folder).root, "timestamp")
    renewed.sign(KeyRing(publisher.home.keys / "shop", Passphrases()).signer(key))
    live.write_bytes(renewed.to_bytes())
    assert refusal(publisher, tmp_path / "host").code == "usage.newer_feed"


def test_of_two_people_with_separate_copies_the_second_is_refused(publisher: Publisher, tmp_path: Path) -> None:
    send(publisher, tmp_path / "host")
    other = copied(publisher, tmp_path / "two")
    publisher.release(lay(tmp_path / "new", NEW), "1.1")
    send(publisher, tmp_path / "host")
    other.release(lay(tmp_path / "other", {**NEW, "data": b"other" * 99}), "1.1")
    assert refusal(other, tmp_path / "host").code == "usage.newer_feed"
    other.release(lay(tmp_path / "third", {**NEW, "data": b"third" * 99}), "1.2")
    assert "is not the one that was made here" in refusal(other, tmp_path / "host").message
    shutil.rmtree(other.root)
    assert not send(copied(publisher, tmp_path / "two"), tmp_path / "host").is_new


def test_a_feed_whose_old_snapshots_were_removed_goes_on(publisher: Publisher, tmp_path: Path) -> None:
    send(publisher, tmp_path / "host")
    for version in ("1.1", "1.2"):
        publisher.release(lay(tmp_path / version, {**NEW, "data": version.encode()}), version)
    for path in (publisher.folder / "metadata").glob("[12].snapshot.json"):
        path.unlink()  # as `gc` does after some weeks
    assert send(publisher, tmp_path / "host").is_new


def test_another_feed_is_not_replaced(publisher: Publisher, tmp_path: Path) -> None:
    send(Publisher(tmp_path / "another"), tmp_path / "host")
    assert refusal(publisher, tmp_path / "host").code == "usage.other_feed"


def test_what_a_cut_upload_of_another_copy_left_is_replaced(publisher: Publisher, tmp_path: Path) -> None:
    send(publisher, tmp_path / "host")
    other = copied(publisher, tmp_path / "two")
    for each, name in ((publisher, "mine"), (other, "theirs")):
        each.release(lay(tmp_path / name, {**NEW, "data": name.encode() * 99}), "1.1")
    everything = CutFolder(shutil.copytree(tmp_path / "host", tmp_path / "everything"))
    send(other, everything)
    with pytest.raises(Cut):
        send(other, CutFolder(tmp_path / "host", len(everything.changed) - 1))
    assert (tmp_path / "host/metadata/3.snapshot.json").exists()
    send(publisher, tmp_path / "host")
    assert check.check(tmp_path / "host", 1, deep=False, progress=quiet).problems == ()


def test_a_damaged_timestamp_is_replaced(publisher: Publisher, tmp_path: Path) -> None:
    send(publisher, tmp_path / "host")
    (tmp_path / "host/metadata/timestamp.json").write_bytes(b"<html>")
    assert send(publisher, tmp_path / "host").is_new


def test_a_release_that_waits_for_signatures_stays_at_home(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "one", "studio")
    keys = publisher.home.keys / "shop"
    for name in ("holder-2", "holder-3"):
        (keys / f"{name}.pem").rename(tmp_path / name)
    outcome = publisher.release(lay(tmp_path / "old", OLD), "1.0")
    assert outcome.state == "request" and publisher.content()
    send(publisher, tmp_path / "host")
    assert not (tmp_path / "host/content").exists()


def test_a_file_that_the_folder_lacks_is_named(publisher: Publisher, tmp_path: Path) -> None:
    lost = max((publisher.folder / "content").rglob("*/*"), key=lambda path: path.stat().st_size)
    lost.unlink()
    with pytest.raises(ShoalError, match=lost.name) as refused:
        send(publisher, tmp_path / "host")
    assert refused.value.code.startswith("content.")
    assert not (tmp_path / "host").exists()


@pytest.mark.parametrize("where", ["ftp://host/feed", "ssh://", "ssh://host", "ssh://-oProxyCommand=x/feed"])
def test_an_address_that_is_none_is_refused(where: str) -> None:
    with pytest.raises(ShoalError) as refused:
        open_destination(where)
    assert refused.value.code == "usage.argument"


def test_an_endpoint_is_for_object_stores(tmp_path: Path) -> None:
    with pytest.raises(ShoalError, match="endpoint"):
        open_destination(str(tmp_path), "https://s3.example.org")

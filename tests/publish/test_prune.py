"""`gc`: what nobody can be led to any more goes; whoever read the feed lately finds all that it named."""

import itertools
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from patcher.content import records
from patcher.errors import BusyError, ContentError, TrustError
from patcher.publish import check, prune, publication, repository
from patcher.publish.store import Store
from patcher.publish.title import TitleText, describe
from tests.support import crash
from tests.support.publisher import Player, Publisher, files_below, lay, quiet

_NOW = datetime.now(UTC)
_LATER = _NOW + timedelta(days=prune.DAYS + 1)
_LONG_AGO_S = (_NOW - timedelta(days=100)).timestamp()


class Day:
    """A clock that stands still."""

    def __init__(self, ago: int) -> None:
        self._now = _NOW - timedelta(days=ago)

    def now(self, zone: tzinfo) -> datetime:
        return self._now


@pytest.fixture
def room() -> Iterator[Path]:
    with crash.room() as folder:
        yield folder


@pytest.fixture
def publisher(room: Path, monkeypatch: pytest.MonkeyPatch) -> Publisher:
    """Five releases, each of them ten days after the one before, the last one five days ago; two stay listed."""
    monkeypatch.setattr(repository, "RELEASES_KEPT", 2)
    publisher = Publisher(room)
    for number in range(5):
        monkeypatch.setattr(publication, "datetime", Day(45 - 10 * number))
        _publish(publisher, number)
    for path in publisher.folder.rglob("*"):
        os.utime(path, (_LONG_AGO_S, _LONG_AGO_S))
    return publisher


def _publish(publisher: Publisher, number: int) -> None:
    tree = {"level.dat": bytes(range(256)) * 400 + b"%d" % number, "n": b"%d" % number}
    publisher.release(lay(publisher.root / f"tree-{number}", tree), f"1.{number}")


def _prune(publisher: Publisher, now: datetime = _NOW, days: int = prune.DAYS) -> prune.PrunePlan:
    with prune.plan(publisher.folder, publisher.home, days, now) as found:
        prune.remove(publisher.folder, found, quiet)
    return found


def _is_whole(publisher: Publisher, version: int) -> bool:
    """Whether a reader of this snapshot finds all that it leads to."""
    try:
        view = repository.at(repository.load(publisher.folder), version)
        needed = prune.needed_by([view], Store(publisher.folder))
    except (TrustError, ContentError):
        return False
    return needed <= set(files_below(publisher.folder))


def _snapshots(publisher: Publisher) -> list[int]:
    repo = repository.load(publisher.folder)
    return sorted({*repository.snapshots(repo), repo.snapshot.version})


def test_in_the_end_the_feed_holds_what_its_records_lead_to_and_no_more(publisher: Publisher) -> None:
    player = Player(publisher.folder, publisher.root / "player")
    before, size_bytes = player.visit(), sum(map(len, files_below(publisher.folder).values()))
    found = _prune(publisher, _LATER)
    assert player.visit() == Player(publisher.folder, publisher.root / "new player").visit() == before
    report = check.check(publisher.folder, 1, deep=True, progress=quiet)
    assert report.problems == ()
    assert report.contents == len(publisher.content())
    files = files_below(publisher.folder)
    assert sum(path.startswith("targets/") for path in files) == report.records
    repo = repository.load(publisher.folder)
    roots = {path for path in files if path.endswith(".root.json")}
    assert {path for path in files if path.startswith("metadata/")} - roots == {
        "metadata/timestamp.json", *repo.metadata_files,
    }  # fmt: skip
    kept_bytes = sum(map(len, files.values()))
    assert (found.size_bytes, found.kept_bytes) == (size_bytes - kept_bytes, kept_bytes - len(files["shop.shoalfeed"]))
    assert _prune(publisher, _LATER).files == ()


def test_whoever_read_the_feed_in_the_last_days_finds_all_that_it_named(publisher: Publisher) -> None:
    """The first snapshot had no release; each other was the newest for ten days, the last one for five by now."""
    assert _snapshots(publisher) == [1, 2, 3, 4, 5, 6]
    _prune(publisher, days=30)
    assert _snapshots(publisher) == [3, 4, 5, 6]
    assert all(_is_whole(publisher, version) for version in (3, 4, 5, 6))
    assert not _is_whole(publisher, 2)
    _prune(publisher, days=10)
    assert _snapshots(publisher) == [5, 6]
    assert all(_is_whole(publisher, version) for version in (5, 6))
    assert publisher.problems() == ()


def test_art_that_was_replaced_goes(room: Path) -> None:
    publisher = Publisher(room)
    _publish(publisher, 0)
    for number in range(2):
        art = room / "art.png"
        art.write_bytes(b"\x89PNG\r\n\x1a\n%d" % number)
        describe(publisher.folder, publisher.home, "game", TitleText(art={"": art}), publisher.passphrases)
    _prune(publisher, _LATER)
    shown = [data for data in publisher.content().values() if data.startswith(b"\x89PNG")]
    assert shown == [b"\x89PNG\r\n\x1a\n1"]
    assert publisher.problems() == ()


def test_what_waits_for_signatures_stays_while_it_is_young(room: Path) -> None:
    publisher = Publisher(room, "studio")
    tree = lay(room / "tree", {"data": b"new" * 10_000})
    assert publisher.release(tree, "1.0").state == "request"
    waiting = publisher.content()
    assert waiting
    assert _prune(publisher).files == ()
    _prune(publisher, _LATER)
    assert publisher.content() == {}
    assert publisher.release(tree, "1.0").state == "request"
    assert publisher.content() == waiting


def test_what_we_did_not_put_there_stays(publisher: Publisher) -> None:
    strange = {
        "content/README": b"1",
        "content/ab/notes": b"2",
        "metadata/notes.json": b"3",
        "targets/notes.json": b"4",
    }
    for path in lay(publisher.folder, strange).rglob("*"):
        os.utime(path, (_LONG_AGO_S, _LONG_AGO_S))
    _prune(publisher, _LATER)
    assert strange.items() <= files_below(publisher.folder).items()


@pytest.mark.parametrize("lost", ["content", "targets", "metadata"])
def test_a_feed_that_lost_what_says_what_it_needs_is_left_alone(publisher: Publisher, lost: str) -> None:
    _prune(publisher)
    oldest = repository.at(repository.load(publisher.folder), 3)
    patches = "game/patches/2.json"
    index = records.parse(records.Patches, oldest.record(patches) or b"").parts[0].deltas[0].index
    assert index
    path = {"content": f"content/{index.file}", "targets": oldest.file_of(patches),
            "metadata": f"metadata/{oldest.roles['game-channels'].version}.game-channels.json"}[lost]  # fmt: skip
    (publisher.folder / path).unlink()
    before = files_below(publisher.folder)
    with pytest.raises((ContentError, TrustError)):
        _prune(publisher)
    assert files_below(publisher.folder) == before
    _prune(publisher, days=1)
    assert publisher.problems() == (), "it needed that for somebody of three weeks ago"


def test_nobody_publishes_meanwhile(publisher: Publisher) -> None:
    with publication.locked(publisher.home, "shop"), pytest.raises(BusyError):
        _prune(publisher)


def test_killed_at_every_step_what_is_left_leads_somewhere_and_a_rerun_completes(publisher: Publisher) -> None:
    kept = publisher.root / "kept"
    shutil.copytree(publisher.folder, kept)
    _prune(publisher, days=10)
    whole, seen = files_below(publisher.folder), Player(publisher.folder, publisher.root / "player").visit()
    for step in itertools.count(1):
        shutil.rmtree(publisher.folder)
        shutil.copytree(kept, publisher.folder)  # with the times of the files
        if not crash.is_cut_off(step, lambda: _prune(publisher, days=10)):
            break
        assert whole.items() <= files_below(publisher.folder).items()
        assert all(_is_whole(publisher, version) for version in _snapshots(publisher))
        _prune(publisher, days=10)
        assert files_below(publisher.folder) == whole, f"after step {step}"
    assert step > 30
    assert Player(publisher.folder, publisher.root / "player").visit() == seen

"""`check` finds what a player would trip over."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from patcher.content import landmarks, merkle, records
from patcher.errors import UsageError
from patcher.publish import check, repository
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.release import history
from patcher.publish.store import Store
from tests.support.publisher import Publisher, lay, quiet

LEVEL = bytes(range(256)) * 2000


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    publisher = Publisher(tmp_path)
    tree = lay(tmp_path / "tree", {"data/level.dat": LEVEL, "readme.txt": b"read me"})
    publisher.release(tree, "1.0")
    publisher.release(lay(tree, {"data/level.dat": LEVEL + b"more"}), "1.1")
    return publisher


def report(publisher: Publisher, *, deep: bool = False) -> check.Report:
    return check.check(publisher.folder, 2, deep, quiet)


def test_a_good_feed_has_no_problem(publisher: Publisher) -> None:
    found = report(publisher, deep=True)
    assert (found.problems, found.warnings) == ((), ())
    assert found.records == 7  # feed, title, channel, two releases, patches to the live one and back
    assert found.contents == len(publisher.content())


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: path.unlink(),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "flipped": _flip,
}


@pytest.mark.parametrize("damage", sorted(DAMAGES))
def test_every_damaged_content_is_found(publisher: Publisher, damage: str) -> None:
    missed = []
    for path in sorted((publisher.folder / "content").rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            DAMAGES[damage](path)
            if not report(publisher).problems:
                missed.append(path.name)
            path.write_bytes(data)
    assert len(missed) == len(publisher.content()) - report(publisher).contents
    assert report(publisher).problems == ()


def test_a_damaged_file_is_named(publisher: Publisher) -> None:
    Store(publisher.folder).path(merkle.ref_of(b"read me")).unlink()
    (problem,) = report(publisher).problems
    assert problem.startswith("game 1.0: readme.txt: is missing")


def test_a_damaged_manifest_is_told_in_words(publisher: Publisher) -> None:
    (part,) = history(repository.load(publisher.folder), "game").releases[1].parts
    _flip(Store(publisher.folder).path(part.manifest))
    problems = report(publisher).problems
    assert "game 1.1: part main, patch from 1: the manifest of main in release 1 cannot be read" in problems


def test_landmarks_that_lead_astray_are_found(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    right = landmarks.of
    with monkeypatch.context() as wrong:
        wrong.setattr(landmarks, "of", lambda portions, size: bytes(len(right(portions, size))))
        publisher.release(lay(publisher.root / "tree", {"data/level.dat": LEVEL + b"even more"}), "1.2")
    assert report(publisher).problems == ()
    problems = ("game.main: the landmarks of data/level.dat are not where they should be",)
    assert report(publisher, deep=True).problems == problems


@pytest.mark.parametrize("folder", ["metadata", "targets"])
def test_a_damaged_signed_file_is_found(publisher: Publisher, folder: str) -> None:
    missed = []
    for path in sorted((publisher.folder / folder).rglob("*.json")):
        data = path.read_bytes()
        _flip(path)
        if not report(publisher).problems:
            missed.append(path.name)
        path.write_bytes(data)
    stale = {"targets": 3, "metadata": 6}[folder]  # those of the steps before, which no role names any more
    assert len(missed) == stale, missed


def _renewed(publisher: Publisher, put: dict[str, bytes], drop: frozenset[str], now: datetime) -> None:
    repo = repository.load(publisher.folder)
    ring = KeyRing(publisher.home.keys / "shop", Passphrases())
    changes = repository.Changes(put, drop)
    payloads = repo.prepare(changes, now)
    signed = {r: repository.sign(repo.delegation(r, payloads), r, p, ring) for r, p in payloads.items()}
    repo.publish(changes, signed, ring, now)


@pytest.mark.parametrize(("days", "expired"), [(31, True), (25, False)])
def test_an_expiry_is_a_problem_when_past_and_a_warning_before(publisher: Publisher, days: int, expired: bool) -> None:
    now = datetime.now(UTC) - timedelta(days=days)
    data = repository.load(publisher.folder).record("game/title.json")
    assert data
    _renewed(publisher, {"game/title.json": data}, frozenset(), now)
    found = report(publisher)
    texts = found.problems if expired else found.warnings
    assert [text.split()[0] for text in texts] == ["snapshot", "timestamp"]
    assert (found.problems == ()) is not expired


def test_a_title_without_its_record_is_found(publisher: Publisher) -> None:
    _renewed(publisher, {}, frozenset({"game/title.json"}), datetime.now(UTC))
    assert report(publisher).problems == ("game: title.json is missing",)


def test_a_channel_that_leads_nowhere_is_found(publisher: Publisher) -> None:
    channel = records.encode(records.Channel(9))
    _renewed(publisher, {"game/channels/beta.json": channel}, frozenset(), datetime.now(UTC))
    assert report(publisher).problems == ("game: the channel beta names a release that is not there",)


_NO_LAUNCH = {
    "mods/evil": (records.Launch(("mods/evil",)), "the program, 'mods/evil', is no file of it"),
    "in no folder": (records.Launch(("readme.txt",), "dat"), "the folder to start in, 'dat', is no folder of it"),
    "in a file": (records.Launch(("readme.txt",), "readme.txt"), "the folder to start in, 'readme.txt', is no folder"),
}


@pytest.mark.parametrize("name", sorted(_NO_LAUNCH))
def test_a_release_that_nobody_can_start_is_found(publisher: Publisher, name: str) -> None:
    launch, problem = _NO_LAUNCH[name]
    right = history(repository.load(publisher.folder), "game").releases[2]
    wrong = replace(right, launch={"linux": launch, "windows": records.Launch(("readme.txt",), "data")})
    _renewed(publisher, {"game/releases/2.json": records.encode(wrong)}, frozenset(), datetime.now(UTC))
    (found,) = report(publisher).problems
    assert found.startswith(f"game 1.1 does not start on linux: {problem}")


def test_a_record_that_is_not_one_is_found(publisher: Publisher) -> None:
    _renewed(publisher, {"game/channels/live.json": b"[]"}, frozenset(), datetime.now(UTC))
    (problem,) = report(publisher).problems
    assert problem.startswith("game: ")


def test_what_is_no_feed_is_a_wrong_argument(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        check.check(tmp_path, 1, deep=False, progress=quiet)
    assert caught.value.code == "usage.feed_folder"

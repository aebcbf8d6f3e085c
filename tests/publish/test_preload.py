"""A preload at the publisher: the holders sign at its launch, hotfixes may come between, and nothing leaks before."""

import stat
from pathlib import Path
from typing import Any

import pytest

from patcher.content import records
from patcher.errors import UsageError
from patcher.publish import repository, signing
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.preload import PreloadOutcome, preload, unlock
from patcher.publish.tree import parse_part
from tests.support.publisher import PASSPHRASE, Player, Publisher, files_below, lay, quiet

_SECRET = b"what nobody may know before"
_NEW = {"bin/game": b"#!/bin/sh\n" + _SECRET, "data.bin": _SECRET * 5000}


class Launch:
    """A publisher of two parts who prepares a release."""

    def __init__(self, root: Path, profile: str = "solo") -> None:
        self.publisher = Publisher(root, profile)
        self.feed, self.home = self.publisher.folder, self.publisher.home
        self.new = lay(root / "new", _NEW)

    def release(self, version: str) -> None:
        tree = lay(self.publisher.root / version, {"bin/game": version.encode(), "data.bin": bytes(9000)})
        while (outcome := self.publisher.release(tree, version)).request:
            self.sign(outcome.request)

    def preload(self, **words: Any) -> PreloadOutcome:
        order = self.publisher.order(self.new, "2.0", **words)
        return preload(self.feed, self.home, order, self.publisher.passphrases, quiet, lambda _: None)

    def unlock(self, version: str = "2.0") -> PreloadOutcome:
        return unlock(self.feed, self.home, "game", version, self.publisher.passphrases)

    def sign(self, request: Path) -> list[str]:
        found = signing.load(request)
        for _ in range(2):
            signing.sign(found, KeyRing(self.home.keys / "shop", Passphrases(PASSPHRASE)))
        signing.save(found, request)
        return found.summary()

    def record(self, path: str) -> Any:
        return repository.load(self.feed).parsed(path)

    @property
    def leaks(self) -> list[str]:
        return [path for path, data in files_below(self.feed).items() if _SECRET in data or b"data.bin" in data]


@pytest.fixture
def solo(tmp_path: Path) -> Launch:
    launch = Launch(tmp_path)
    launch.release("1.0")
    return launch


@pytest.mark.posix("modes")
def test_release_and_key_wait_in_the_home_and_only_their_owner_can_read_them(solo: Launch) -> None:
    public = files_below(solo.feed).keys()
    done = solo.preload()
    assert done.sealed_bytes > 0 and done.request is None
    new = {path: data for path, data in files_below(solo.feed).items() if path not in public}
    assert not any(_SECRET in data or b"data.bin" in data for data in new.values())
    assert stat.S_IMODE(solo.home.preloads.stat().st_mode) == 0o700
    patches = solo.record("game/patches/2.json")
    assert {each.from_sequence for each in patches.sealed} == {0, 1}
    assert (patches.key, patches.parts, solo.record("game/channels/live.json").preload) == (None, (), 2)
    assert solo.publisher.problems() == ()


def test_to_preload_again_changes_nothing(solo: Launch) -> None:
    solo.preload()
    before = {path: data for path, data in files_below(solo.feed).items() if not path.startswith("metadata")}
    solo.preload()
    after = {path: data for path, data in files_below(solo.feed).items() if not path.startswith("metadata")}
    assert after == before


def test_the_launch_publishes_release_and_key_and_leaves_nothing_in_the_home(solo: Launch) -> None:
    solo.preload()
    assert solo.unlock().request is None
    assert solo.record("game/releases/2.json").version == "2.0"
    live = solo.record("game/channels/live.json")
    assert (live.release, live.preload, live.before) == (2, 0, 1)
    assert len(bytes.fromhex(solo.record("game/patches/2.json").key)) == 32
    assert not (solo.home.preloads / "shop" / "game").exists()
    assert solo.publisher.problems() == ()
    assert solo.unlock().request is None, "to do it twice is no error"
    assert "game/releases/2.json" in Player(solo.feed, solo.publisher.root / "player").visit()


def test_a_title_may_begin_with_a_preload(tmp_path: Path) -> None:
    launch = Launch(tmp_path)
    launch.preload()
    assert launch.leaks == []
    assert repository.load(launch.feed).feed.titles == ("game",)
    assert launch.publisher.problems() == ()
    launch.unlock()
    assert launch.record("game/channels/live.json").release == 1
    assert launch.publisher.problems() == ()


def test_holders_sign_at_the_launch_and_nothing_is_readable_while_they_do(tmp_path: Path) -> None:
    studio = Launch(tmp_path, "studio")
    studio.release("1.0")
    before = studio.leaks
    assert studio.preload().request is None, "the online key offers a preload"
    asked = studio.unlock()
    assert asked.request and asked.missing == 2
    assert studio.leaks == before
    text = "\n".join(studio.sign(asked.request))
    assert "Release game 2.0, number 2" in text
    assert f"changed  data.bin, {len(_NEW['data.bin']):,} bytes" in text
    assert studio.unlock().request is None
    assert studio.record("game/channels/live.json").release == 2
    assert studio.publisher.problems() == ()


def test_a_hotfix_between_goes_behind_and_the_preload_is_made_again(solo: Launch) -> None:
    solo.preload()
    first = {each.part.manifest for each in solo.record("game/patches/2.json").sealed if not each.from_sequence}
    solo.release("1.1")
    assert solo.record("game/channels/live.json").release == 3
    with pytest.raises(UsageError, match="preload` again"):
        solo.unlock()
    solo.preload()
    patches = solo.record("game/patches/4.json")
    assert {each.from_sequence for each in patches.sealed} == {0, 1, 3}
    assert {each.part.manifest for each in patches.sealed if not each.from_sequence} == first, "nothing to fetch again"
    assert solo.record("game/patches/2.json") is None
    solo.unlock()
    assert solo.record("game/releases/4.json").version == "2.0"
    assert solo.publisher.problems() == ()


def test_each_part_of_a_title_has_sealed_packs_of_its_own(solo: Launch) -> None:
    rules = (parse_part("data=data.bin:extra:data"),)
    tree = lay(solo.publisher.root / "1.1", {"bin/game": b"1.1", "data.bin": bytes(9000)})
    solo.publisher.release(tree, "1.1", rules=rules)
    solo.preload(rules=rules)
    sealed = solo.record("game/patches/3.json").sealed
    assert sorted({(each.from_sequence, each.part.name) for each in sealed}) == [
        (0, "data"), (0, "main"), (2, "data"), (2, "main"),
    ]  # fmt: skip
    solo.unlock()
    assert solo.publisher.problems() == ()


def test_what_was_preloaded_elsewhere_or_is_live_is_refused(solo: Launch) -> None:
    with pytest.raises(UsageError, match="not preloaded from this machine"):
        solo.unlock()
    solo.preload()
    with pytest.raises(UsageError, match="not preloaded from this machine"):
        solo.unlock("3.0")
    solo.unlock()
    with pytest.raises(UsageError, match="published already") as caught:
        solo.preload()
    assert caught.value.code == "usage.release"


def test_no_player_can_be_told_another_kind_of_key() -> None:
    data = records.encode(records.Patches(2, key="a" * 64)).replace(b"a" * 64, b"A" * 64)
    with pytest.raises(Exception, match="key"):
        records.parse(records.Patches, data)

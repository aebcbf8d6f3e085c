"""A feed that ages: what renews it, whom that asks, and that nothing is called published which players refuse."""

import datetime as real
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from types import SimpleNamespace

import pytest
from tuf.api.exceptions import ExpiredMetadataError
from tuf.ngclient._internal import trusted_metadata_set

from patcher.config import Home
from patcher.errors import BusyError, UsageError
from patcher.publish import publication, repository, signing
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.title import TitleText, describe
from tests.support.publisher import PASSPHRASE, Player, Publisher, files_below, lay

Age = Callable[[int], None]
NOW = datetime.now(UTC)


@pytest.fixture
def age(monkeypatch: pytest.MonkeyPatch) -> Age:
    """Sets the publisher's and the players' clock to so many days from now."""

    def age(days: int) -> None:
        class Day(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> "Day":
                return cls.fromtimestamp((NOW + timedelta(days=days)).timestamp(), tz)

        clock = SimpleNamespace(datetime=Day, timezone=real.timezone, timedelta=timedelta)
        monkeypatch.setattr(publication, "datetime", Day)
        monkeypatch.setattr(trusted_metadata_set, "datetime", clock)

    return age


def renew(publisher: Publisher, passphrase: str = PASSPHRASE) -> publication.Published:
    return publication.renew(publisher.folder, publisher.home, Passphrases(passphrase))


def sign(publisher: Publisher, request: Path, holders: int = 2) -> None:
    found = signing.load(request)
    for _ in range(holders):
        signing.sign(found, KeyRing(publisher.home.keys / "shop", Passphrases(PASSPHRASE)))
    signing.save(found, request)


def release(publisher: Publisher, version: str, title: str = "game") -> str:
    """A release, signed by as many holders as it takes."""
    tree = lay(publisher.root / f"{title}-{version}", {"bin/game": version.encode()})
    while (outcome := publisher.release(tree, version, title=title)).state == "request":
        assert outcome.request
        sign(publisher, outcome.request)
    return outcome.state


@pytest.fixture
def solo(tmp_path: Path) -> Publisher:
    publisher = Publisher(tmp_path)
    release(publisher, "1.0")
    return publisher


@pytest.fixture
def studio(tmp_path: Path) -> Publisher:
    publisher = Publisher(tmp_path, "studio")
    for title in ("game", "other"):
        release(publisher, "1.0", title)
    return publisher


def test_a_feed_that_only_a_timer_renews_stays_good_for_400_days_for_old_and_new_players(
    solo: Publisher, age: Age, tmp_path: Path
) -> None:
    old = Player(solo.folder, tmp_path / "old")
    old.visit()
    for day in range(1, 401, 3):
        age(day)
        if day in (100, 250):
            assert release(solo, f"1.{day}") == "published"
        assert not renew(solo).request
        if day % 30 == 1 or day == 400:
            old.visit()
            assert "game/releases/1.json" in Player(solo.folder, tmp_path / f"new-{day}").visit()
    assert repository.load(solo.folder).root.version == 3, "the root is renewed at half of its life"
    assert solo.problems() == ()


def test_a_studio_that_signs_what_it_is_asked_for_stays_good_for_400_days(
    studio: Publisher, age: Age, tmp_path: Path
) -> None:
    player = Player(studio.folder, tmp_path / "player")
    for day in range(5, 401, 5):
        age(day)
        outcome = renew(studio)
        if outcome.request and day % 20 == 0:
            sign(studio, outcome.request)
            assert renew(studio).roles & {"root", "targets", "game-releases"}
        player.visit()
    assert release(studio, "1.1") == "published"
    assert "game/releases/2.json" in Player(studio.folder, tmp_path / "newcomer").visit()


def test_nothing_young_is_signed_again(solo: Publisher) -> None:
    before = repository.load(solo.folder).timestamp
    assert renew(solo) == publication.Published()
    assert repository.load(solo.folder).timestamp == before


def test_the_same_release_again_renews_what_ages(solo: Publisher, age: Age, tmp_path: Path) -> None:
    age(60)
    with pytest.raises(ExpiredMetadataError):
        Player(solo.folder, tmp_path / "late").visit()
    assert release(solo, "1.0") == "already published"
    Player(solo.folder, tmp_path / "player").visit()


def test_a_release_renews_every_other_title_and_asks_its_holders_in_the_same_request(
    studio: Publisher, age: Age
) -> None:
    age(100)
    tree = lay(studio.root / "new", {"bin/game": b"new"})
    outcome = studio.release(tree, "1.1")
    assert outcome.state == "request" and outcome.request
    assert set(signing.load(outcome.request).roles) == {"game-releases", "other-releases", "targets"}
    sign(studio, outcome.request)
    assert studio.release(tree, "1.1").state == "published"
    repo = repository.load(studio.folder)
    assert {role for role, life in repo.lives.items() if life.expires < NOW + timedelta(days=101)} == set()


def test_what_began_to_age_since_costs_no_signature(studio: Publisher, age: Age) -> None:
    tree = lay(studio.root / "new", {"bin/game": b"new"})
    request = studio.release(tree, "1.1").request
    assert request and set(signing.load(request).roles) == {"game-releases"}
    sign(studio, request)
    age(80)
    outcome = studio.release(tree, "1.1")
    assert outcome.state == "published"


def test_a_machine_without_holders_keys_renews_the_rest_and_asks(studio: Publisher, age: Age, tmp_path: Path) -> None:
    keys = studio.home.keys / "shop"
    holders = {path: path.read_bytes() for path in keys.glob("holder-*.pem")}
    for path in holders:
        path.unlink()
    age(200)
    outcome = renew(studio)
    assert outcome.request and (outcome.missing, outcome.is_held) == (2, False)
    assert outcome.roles == {"feed", "game-channels", "other-channels", "snapshot", "timestamp"}
    assert set(signing.load(outcome.request).roles) == {"root", "targets", "game-releases", "other-releases"}
    with pytest.raises(ExpiredMetadataError):
        Player(studio.folder, tmp_path / "early").visit()
    for path, data in holders.items():
        path.write_bytes(data)
    sign(studio, outcome.request)
    assert not renew(studio).request
    assert not outcome.request.exists()
    assert "other/releases/1.json" in Player(studio.folder, tmp_path / "player").visit()


def test_a_request_keeps_its_signatures_while_a_timer_runs_on(studio: Publisher, age: Age) -> None:
    age(50)
    request = renew(studio).request
    assert request and set(signing.load(request).roles) == {"game-releases", "other-releases"}
    sign(studio, request, 1)
    age(91)  # targets and root begin to age, too
    assert renew(studio).missing == 1
    sign(studio, request, 1)
    outcome = renew(studio)
    assert {"game-releases", "other-releases"} <= outcome.roles
    assert outcome.request and set(signing.load(outcome.request).roles) == {"targets"}


def test_a_passphrase_that_opens_only_the_online_keys_is_enough_for_a_timer(tmp_path: Path, age: Age) -> None:
    publisher = Publisher(tmp_path, demo_keys=False)
    keys = publisher.home.keys / "shop"
    other = Publisher(tmp_path / "other", demo_keys=False, passphrase="quite another one")
    (keys / "holder-1.pem").write_bytes((other.home.keys / "shop" / "holder-1.pem").read_bytes())
    age(100)
    outcome = renew(publisher)
    assert outcome.roles == {"feed", "snapshot", "timestamp"}
    assert outcome.request and set(signing.load(outcome.request).roles) == {"targets"}
    with pytest.raises(UsageError) as caught:
        renew(publisher, "a wrong passphrase")
    assert caught.value.code == "usage.passphrase"


def test_nothing_is_called_published_that_players_refuse(studio: Publisher, age: Age, tmp_path: Path) -> None:
    age(400)
    before = repository.load(studio.folder).timestamp
    with pytest.raises(UsageError, match=r"would refuse.*root expired on") as caught:
        describe(studio.folder, studio.home, "game", TitleText(label="New"), studio.passphrases)
    assert caught.value.code == "usage.expired"
    with pytest.raises(UsageError, match="would refuse"):
        release(studio, "1.0")
    assert repository.load(studio.folder).timestamp == before
    outcome = studio.release(lay(tmp_path / "new", {"bin/game": b"new"}), "1.1")
    assert outcome.request and "root" in signing.load(outcome.request).roles
    sign(studio, outcome.request)
    assert studio.release(tmp_path / "new", "1.1").state == "published"
    assert "other/releases/1.json" in Player(studio.folder, tmp_path / "player").visit()


def test_a_renewed_root_is_taken_by_players_of_the_old_one(solo: Publisher, age: Age, tmp_path: Path) -> None:
    player = Player(solo.folder, tmp_path / "player")
    read = player.visit()
    age(200)
    assert "root" in renew(solo).roles
    assert player.visit() == read


def test_two_homes_that_share_a_feed_folder_take_turns(solo: Publisher, tmp_path: Path) -> None:
    colleague = Home(tmp_path / "colleague")
    shutil.copytree(solo.home.keys, colleague.keys)
    before = files_below(solo.folder)
    with publication.opened(solo.folder, colleague), pytest.raises(BusyError) as refused:
        solo.release(lay(tmp_path / "new", {"bin/game": b"new"}), "1.1")
    assert str(colleague.root) in refused.value.message
    assert files_below(solo.folder) == before
    assert release(solo, "1.1") == "published"

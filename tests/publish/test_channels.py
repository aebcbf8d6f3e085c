"""What a channel offers: to how many players, what halts it, and what takes a bad release back."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from patcher.content import records
from patcher.errors import UsageError
from patcher.feed.rollout import in_rollout
from patcher.publish import channels, release, repository, signing
from patcher.publish.channels import ChannelOffer, ChannelPlace
from patcher.publish.keys.ring import KeyRing
from tests.support.publisher import Player, Publisher, files_below, lay

PLAYERS = [number.to_bytes(16, "big") for number in range(10_000)]


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    """1.0 and 1.1 are released to everyone, 1.2 in beta."""
    publisher = Publisher(tmp_path)
    for version, channel in (("1.0", "live"), ("1.1", "live"), ("1.2", "beta")):
        publish(publisher, version, channel)
    return publisher


def publish(publisher: Publisher, version: str, channel: str = "live") -> release.ReleaseOutcome:
    tree = lay(publisher.root / version, {"bin/game": version.encode()})
    return publisher.release(tree, version, channel=channel)


def place(publisher: Publisher, channel: str = "live") -> ChannelPlace:
    return ChannelPlace(publisher.folder, publisher.home, "game", channel, publisher.passphrases)


def live(publisher: Publisher, channel: str = "live") -> records.Channel:
    data = repository.load(publisher.folder).record(f"game/channels/{channel}.json")
    return records.parse(records.Channel, data or b"")


def reached(publisher: Publisher) -> set[bytes]:
    channel = live(publisher)
    return {player for player in PLAYERS if in_rollout(channel, player)}


@pytest.mark.parametrize("percent", [1, 5, 25, 50])
def test_a_rollout_reaches_its_share_of_ten_thousand_players(publisher: Publisher, percent: int) -> None:
    offer = channels.promote(place(publisher), "1.2", percent)
    assert (offer.version, offer.before, offer.percent) == ("1.2", "1.1", percent)
    share = percent / 100
    four_deviations = 4 * math.sqrt(len(PLAYERS) * share * (1 - share))
    assert abs(len(reached(publisher)) - len(PLAYERS) * share) < four_deviations
    assert publisher.problems() == ()


def test_a_rollout_that_grows_keeps_its_players_and_the_next_release_draws_others(publisher: Publisher) -> None:
    channels.promote(place(publisher), "1.2", 5)
    first = reached(publisher)
    channels.promote(place(publisher), "1.2", 20)
    assert first < reached(publisher)
    channels.promote(place(publisher), "1.2", 100)
    assert reached(publisher) == set(PLAYERS)
    publish(publisher, "1.3", "beta")
    channels.promote(place(publisher), "1.3", 5)
    assert len(reached(publisher) & first) < len(first) / 2


def test_players_outside_a_rollout_keep_what_was_live_not_what_was_in_another_channel(publisher: Publisher) -> None:
    publish(publisher, "1.3", "beta")
    channels.promote(place(publisher), "1.3", 5)
    assert live(publisher).before == 2
    publish(publisher, "1.4", "beta")
    assert channels.promote(place(publisher), "1.4", 5).before == "1.1", "1.3 never reached everyone"


def test_halt_reaches_nobody_further_and_promote_goes_on_with_the_same_players(publisher: Publisher) -> None:
    channels.promote(place(publisher), "1.2", 5)
    first = reached(publisher)
    offer = channels.halt(place(publisher))
    assert (offer.version, offer.percent, offer.before) == ("1.2", 0, "1.1")
    assert reached(publisher) == set()
    channels.promote(place(publisher), "1.2", 5)
    assert reached(publisher) == first


def test_rollback_offers_everyone_the_release_before_and_twice_is_once(publisher: Publisher, tmp_path: Path) -> None:
    player = Player(publisher.folder, tmp_path / "player")
    player.visit()
    channels.promote(place(publisher), "1.2", 5)
    offer = channels.rollback(place(publisher))
    assert (offer.version, offer.percent, offer.changed, offer.has_patches) == ("1.1", 100, True, True)
    before = files_below(publisher.folder)
    again = channels.rollback(place(publisher))
    assert (again.version, again.changed) == ("1.1", False)
    assert files_below(publisher.folder) == before
    seen = records.parse(records.Channel, player.visit()["game/channels/live.json"])
    assert (seen.release, seen.rollout.percent) == (2, 100)
    assert publisher.problems() == ()


def test_a_release_job_that_runs_again_does_not_undo_the_brake(publisher: Publisher) -> None:
    channels.rollback(place(publisher))
    with pytest.raises(UsageError, match=r"1\.1 was taken back from live; `shoal publish promote`"):
        publish(publisher, "1.1")
    assert live(publisher).release == 1
    assert publish(publisher, "1.3").state == "published"
    assert channels.rollback(place(publisher)).version == "1.0", "what was live before, not what was taken back"


def test_the_brake_needs_no_holder(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path, "studio")
    for version in ("1.0", "1.1"):
        while (outcome := publish(publisher, version)).state == "request":
            assert outcome.request
            found = signing.load(outcome.request)
            signing.sign(found, KeyRing(publisher.home.keys / "shop", publisher.passphrases))
            signing.save(found, outcome.request)
    for key in (publisher.home.keys / "shop").glob("holder-*"):
        key.unlink()
    assert channels.rollback(place(publisher)).version == "1.0"


def test_nobody_is_brought_below_a_pin(publisher: Publisher) -> None:
    assert channels.pin(place(publisher), "1.1").not_below == "1.1"
    assert live(publisher).not_below == 2
    floor = r"nobody is brought below 1\.1.*publish pin"
    with pytest.raises(UsageError, match=floor):
        channels.rollback(place(publisher))
    with pytest.raises(UsageError, match=floor):
        channels.promote(place(publisher), "1.0", 100)
    channels.pin(place(publisher), "1.0")
    assert (live(publisher).release, live(publisher).not_below) == (1, 1)


def test_a_pinned_release_stays_listed(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "RELEASES_KEPT", 2)
    channels.pin(place(publisher, "lts"), "1.0")
    for version in ("1.3", "1.4", "1.5"):
        publish(publisher, version)
    assert channels.promote(place(publisher, "lts"), "1.0", 100).version == "1.0"
    assert publisher.problems() == ()


def test_a_release_ends_a_rollout(publisher: Publisher) -> None:
    channels.promote(place(publisher), "1.2", 5)
    publish(publisher, "1.3")
    assert (live(publisher).release, live(publisher).rollout.percent, live(publisher).before) == (4, 100, 2)


def test_what_cannot_be_offered_is_refused_and_changes_nothing(publisher: Publisher) -> None:
    before, other = files_below(publisher.folder), replace(place(publisher), title="other")
    wrong: list[tuple[Callable[[], ChannelOffer], str]] = [
        (lambda: channels.promote(place(publisher), "9", 100), "usage.release"),
        (lambda: channels.promote(other, "1.0", 100), "usage.unknown_title"),
        (lambda: channels.promote(place(publisher, "No"), "1.0", 100), "usage.argument"),
        (lambda: channels.halt(place(publisher, "empty")), "usage.release"),
        (lambda: channels.rollback(place(publisher, "empty")), "usage.release"),
    ]
    for step, code in wrong:
        with pytest.raises(UsageError) as caught:
            step()
        assert caught.value.code == code
    assert files_below(publisher.folder) == before

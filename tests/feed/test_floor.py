import shutil
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from patcher.errors import TrustError
from patcher.feed.floor import Floor
from tests.feed.player import Player, fails
from tests.support.hostile_origin import HostileOrigin
from tests.support.repository_simulator import RepositorySimulator, now

RELEASE = "demo/releases/1.json"


# ---------------------------------------------------------------- rollback


def _older(feed: RepositorySimulator, *names: str) -> dict[str, bytes]:
    return {f"metadata/{name}": feed.files[f"metadata/{name}"] for name in names}


def test_an_older_timestamp_is_refused(player: Player, feed: RepositorySimulator) -> None:
    old = _older(feed, "timestamp.json")
    feed.put(RELEASE, b"release 1, mended")
    player.refresh()
    feed.files.update(old)
    assert fails(player.refresh) == "trust.rollback"


def test_an_older_snapshot_is_refused_even_with_a_new_timestamp(player: Player, feed: RepositorySimulator) -> None:
    old = feed.files["metadata/3.snapshot.json"]
    feed.put(RELEASE, b"release 1, mended")
    player.refresh()
    feed.snapshot.version = 3
    feed.publish_timestamp(old)
    assert fails(player.refresh) == "trust.rollback"


def test_a_power_cut_opens_no_way_back(player: Player, feed: RepositorySimulator) -> None:
    old = _older(feed, "timestamp.json")
    feed.put(RELEASE, b"release 1, mended")
    player.refresh()
    player.forget_metadata()
    feed.files.update(old)
    assert fails(player.refresh) == "trust.rollback"


def test_a_restored_folder_opens_no_way_back(player: Player, feed: RepositorySimulator, tmp_path: Path) -> None:
    player.refresh()
    old = _older(feed, "timestamp.json")
    shutil.copytree(player.metadata, tmp_path / "backup", symlinks=True)
    feed.put(RELEASE, b"release 1, mended")
    player.refresh()
    player.forget_metadata()
    shutil.copytree(tmp_path / "backup", player.metadata, symlinks=True)
    feed.files.update(old)
    assert fails(lambda: player.trust().record(RELEASE)) == "trust.rollback"


def test_a_lost_folder_does_not_stop_an_honest_feed(player: Player) -> None:
    player.refresh()
    player.forget_metadata()
    assert player.refresh().record(RELEASE) == b"release 1"


def test_a_role_cannot_go_back_inside_newer_snapshots(player: Player, feed: RepositorySimulator) -> None:
    old = feed.snapshot.meta["demo-releases.json"]
    feed.put(RELEASE, b"release 1, mended")
    player.refresh()
    player.forget_metadata()
    feed.snapshot.meta["demo-releases.json"] = old
    feed.publish()
    with pytest.raises(TrustError) as caught:
        player.refresh()
    assert (caught.value.code, caught.value.facts["role"]) == ("trust.rollback", "demo-releases.json")


def test_new_keys_do_not_bring_lower_versions_back(player: Player, feed: RepositorySimulator) -> None:
    feed.timestamp.version = feed.snapshot.version = 1000
    feed.publish()
    player.refresh()
    feed.timestamp.version = feed.snapshot.version = 3
    feed.publish_root("timestamp", "snapshot")
    feed.publish()
    assert fails(player.refresh) == "trust.rollback"


def test_an_impossible_version_does_not_reach_the_floor(player: Player, feed: RepositorySimulator) -> None:
    feed.timestamp.version = 2**70
    feed.publish()
    assert fails(player.refresh) == "trust.record"
    assert player.floor.versions(feed.fingerprint) == {}


def test_a_refused_state_is_not_read_from(player: Player, feed: RepositorySimulator) -> None:
    trust = player.refresh()
    old = _older(feed, "timestamp.json")
    feed.put(RELEASE, b"release 1, mended")
    player.refresh()
    player.forget_metadata()
    feed.files.update(old)
    assert fails(trust.refresh) == "trust.rollback"
    assert fails(lambda: trust.record("feed.json")) == "trust.rollback"


def test_many_threads_may_lift_the_floor(tmp_path: Path) -> None:
    floor = Floor(tmp_path / "registry")
    versions = [{"timestamp.json": number, "snapshot.json": 20 - number} for number in range(20)]
    threads = [threading.Thread(target=floor.lift, args=("feed", seen, 5)) for seen in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert floor.versions("feed") == {"timestamp.json": 19, "snapshot.json": 20}
    assert (floor.signed_at("feed"), floor.versions("other"), floor.signed_at("other")) == (5, {}, 0)


# ---------------------------------------------------------------- clocks


def test_a_clock_that_is_far_behind_is_told_so(player: Player, feed: RepositorySimulator) -> None:
    behind = now() - timedelta(days=400)
    trust = player.trust(clock_s=behind.timestamp())
    assert fails(trust.refresh) == "trust.clock"
    assert fails(lambda: trust.record(RELEASE)) == "trust.clock"


def test_a_clock_that_is_a_little_behind_is_fine(player: Player) -> None:
    trust = player.trust(clock_s=(now() - timedelta(minutes=5)).timestamp())
    assert trust.record(RELEASE) == b"release 1"


def test_the_time_once_seen_is_remembered_without_metadata(
    player: Player, feed: RepositorySimulator, server: HostileOrigin
) -> None:
    player.refresh()
    player.forget_metadata()
    feed.signed_at = None
    server.asked.clear()
    trust = player.trust(clock_s=(now() - timedelta(days=1)).timestamp())
    assert fails(trust.refresh) == "trust.clock"
    assert server.asked == [], "known before anybody is asked"


def test_a_time_in_the_future_does_not_become_the_floor(player: Player, feed: RepositorySimulator) -> None:
    feed.signed_at = now() + timedelta(days=400)
    feed.publish()
    assert fails(player.refresh) == "trust.clock"
    feed.signed_at = now()
    feed.publish()
    assert player.refresh().record(RELEASE) == b"release 1"


def test_an_earlier_time_does_not_lower_the_floor(player: Player, feed: RepositorySimulator) -> None:
    player.refresh()
    seen = player.floor.signed_at(feed.fingerprint)
    feed.signed_at = now() - timedelta(days=2)
    feed.publish()
    player.refresh()
    assert player.floor.signed_at(feed.fingerprint) == seen > 0


@pytest.mark.parametrize("text", ["yesterday", "", 7, ["2026"]])
def test_a_time_that_is_none_is_refused(player: Player, feed: RepositorySimulator, text: object) -> None:
    feed.signed_at = None
    feed.timestamp.unrecognized_fields["x-shoal-signed-at"] = text
    feed.publish()
    assert fails(player.refresh) == "trust.record"

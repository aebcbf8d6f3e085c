import copy
import shutil
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher.errors import Cancelled, TrustError, never
from patcher.feed.guard import Floor
from patcher.feed.verified import VERSION_MAX
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


# ---------------------------------------------------------------- fast-forward, and the way out of it


def _far_ahead(feed: RepositorySimulator, *roles: str) -> None:
    """The thief of the online keys signs versions that no honest one reaches, of ``roles`` in his snapshot too."""
    for role in roles:
        feed.snapshot.meta[f"{role}.json"].version = VERSION_MAX - 1
    feed.timestamp.version = feed.snapshot.version = VERSION_MAX - 1
    feed.publish()


def _honest_again(feed: RepositorySimulator, honest: RepositorySimulator, *renewed: str) -> None:
    """The holders publish the feed as it was, by a root with new keys for the roles ``renewed``."""
    for name in ("snapshot", "timestamp"):
        setattr(feed, name, copy.deepcopy(getattr(honest, name)))
    feed.publish_root(*renewed)
    feed.put(RELEASE, b"release 1, after the theft")


RECOVERIES: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "both keys are new": ((), ("timestamp", "snapshot"), ""),
    "both, and the thief raised a role": (("demo-releases", "feed"), ("timestamp", "snapshot"), ""),
    "only the timestamp's key is new": ((), ("timestamp",), "trust.rollback"),
    "only the snapshot's key is new": ((), ("snapshot",), "trust.rollback"),
    "a new root without new keys": ((), (), "trust.rollback"),
}
"""What the thief raised in his snapshot, the roles whose keys are new, and what the player then sees."""


@pytest.mark.parametrize("name", RECOVERIES)
@pytest.mark.parametrize("forgets", [False, True], ids=["", "the player removed the feed"])
def test_new_keys_in_a_new_root_end_a_fast_forward(
    player: Player, feed: RepositorySimulator, name: str, forgets: bool
) -> None:
    raised, renewed, code = RECOVERIES[name]
    honest = copy.copy(feed)
    honest.snapshot, honest.timestamp = copy.deepcopy(feed.snapshot), copy.deepcopy(feed.timestamp)
    _far_ahead(feed, *raised)
    player.refresh()
    assert player.floor.versions(feed.fingerprint)["timestamp.json"] == VERSION_MAX
    _honest_again(feed, honest, *renewed)
    if forgets:
        player.forget_metadata()
    if code:
        assert fails(player.refresh) == code
    else:
        assert player.refresh().record(RELEASE) == b"release 1, after the theft"
        assert player.floor.versions(feed.fingerprint)["snapshot.json"] == 4


def test_what_was_signed_before_new_keys_cannot_come_back(player: Player, feed: RepositorySimulator) -> None:
    feed.publish_root("timestamp", "snapshot")
    feed.publish()
    old = dict(feed.files)
    feed.put(RELEASE, b"release 1, mended")
    player.refresh()
    player.forget_metadata()
    feed.files.update(old)
    assert fails(player.refresh) == "trust.rollback"


def test_a_key_that_is_only_added_opens_no_way_back(player: Player, feed: RepositorySimulator) -> None:
    old = _older(feed, "timestamp.json")
    feed.put(RELEASE, b"release 1, mended")
    player.refresh()
    player.forget_metadata()
    feed.root.add_key(CryptoSigner.generate_ed25519().public_key, "timestamp")
    feed.root.add_key(CryptoSigner.generate_ed25519().public_key, "snapshot")
    feed.publish_root()
    feed.files.update(old)
    assert fails(player.refresh) == "trust.rollback"


def test_the_stolen_keys_do_not_come_back_with_the_old_roots(player: Player, feed: RepositorySimulator) -> None:
    feed.timestamp.version = feed.snapshot.version = 99
    feed.publish()
    stolen = dict(feed.files)
    feed.timestamp.version = feed.snapshot.version = 4
    feed.publish_root("timestamp", "snapshot")
    feed.publish()
    player.refresh()
    player.forget_metadata()
    feed.files.clear()
    feed.files.update(stolen)
    with pytest.raises(TrustError) as caught:
        player.refresh()
    assert (caught.value.code, caught.value.facts["role"]) == ("trust.rollback", "root.json")


def test_a_refused_root_forgets_nothing(player: Player, feed: RepositorySimulator) -> None:
    player.refresh()
    seen = player.floor.versions(feed.fingerprint)
    feed.publish_root("timestamp", "snapshot")  # and the timestamp is still the old one's
    assert fails(player.refresh) == "trust.signature"
    assert player.floor.versions(feed.fingerprint) == seen


def test_new_keys_forget_the_old_versions_once(tmp_path: Path) -> None:
    floor = Floor(tmp_path / "registry")
    floor.update("feed", {"root.json": 1, "snapshot.json": 99}, 0)
    floor.update("feed", {"root.json": 2, "snapshot.json": 5}, 0, ["snapshot.json"])
    floor.update("feed", {"root.json": 2, "snapshot.json": 4}, 0, ["snapshot.json"])
    assert floor.versions("feed") == {"root.json": 2, "snapshot.json": 5}


IMPOSSIBLE: dict[str, Callable[[RepositorySimulator], None]] = {
    "timestamp": lambda feed: setattr(feed.timestamp, "version", VERSION_MAX),
    "snapshot": lambda feed: setattr(feed.snapshot, "version", VERSION_MAX),
    "snapshot that is not there": lambda feed: setattr(feed.timestamp.snapshot_meta, "version", VERSION_MAX + 1),
    "delegated role": lambda feed: setattr(feed.snapshot.meta["feed.json"], "version", VERSION_MAX + 1),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_an_impossible_version_leaves_no_trace(player: Player, feed: RepositorySimulator, name: str) -> None:
    honest = copy.deepcopy(feed.snapshot), copy.deepcopy(feed.timestamp)
    IMPOSSIBLE[name](feed)
    (feed.publish_timestamp if "not there" in name else feed.publish)()
    assert fails(player.refresh) == "trust.record"
    feed.snapshot, feed.timestamp = honest
    feed.publish()
    feed.publish()
    assert player.refresh().record(RELEASE) == b"release 1", "without new keys"


def test_a_publisher_may_go_on_with_far_higher_versions(player: Player, feed: RepositorySimulator) -> None:
    player.refresh()
    feed.timestamp.version, feed.snapshot.version = 1_800_000_000, 2_026_113_000
    feed.put(RELEASE, b"release 1, from the backup")
    assert player.refresh().record(RELEASE) == b"release 1, from the backup"


# ---------------------------------------------------------------- reading offline

HERE = (RELEASE, "feed.json")


def _restored(player: Player, feed: RepositorySimulator, change: Callable[[], object], *names: str) -> None:
    """Files of the metadata folder as they were before ``change`` came in."""
    player.refresh().record(RELEASE)
    player.refresh().record("feed.json")
    kept = {name: (player.metadata / name).read_bytes() for name in names}
    change()
    player.refresh().record(RELEASE)
    player.refresh().record("feed.json")
    assert not player.trust(offline=True).is_behind(HERE)
    for name, data in kept.items():
        (player.metadata / name).write_bytes(data)


@pytest.mark.parametrize(("path", "file"), [(RELEASE, "demo-releases.json"), ("feed.json", "feed.json")])
def test_an_older_role_on_the_disk_is_noticed_and_still_read(
    player: Player, feed: RepositorySimulator, path: str, file: str
) -> None:
    before = feed.files[feed.file_of(path)]
    _restored(player, feed, lambda: feed.put(path, b"newer"), file)
    trust = player.trust(offline=True)
    assert trust.is_behind(HERE)
    assert trust.record(path) == before


def test_an_older_root_on_the_disk_is_noticed(player: Player, feed: RepositorySimulator) -> None:
    player.refresh()
    feed.publish_root("timestamp")
    feed.publish()
    player.refresh()
    (player.metadata / "root_history" / "2.root.json").unlink()
    assert player.trust(offline=True).is_behind(HERE)


def test_what_was_never_read_here_is_not_behind(player: Player) -> None:
    assert not player.trust(offline=True).is_behind(HERE)


# ---------------------------------------------------------------- many at once


def test_many_threads_may_lift_the_floor(tmp_path: Path) -> None:
    floor = Floor(tmp_path / "registry")
    versions = [{"timestamp.json": number, "snapshot.json": 20 - number} for number in range(20)]
    threads = [threading.Thread(target=floor.update, args=("feed", seen, 5)) for seen in versions]
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


def test_who_waits_for_another_refresh_of_the_feed_can_be_cancelled(player: Player) -> None:
    trust, held, done = player.trust(cancel=lambda: True), threading.Event(), threading.Event()

    def hold() -> None:
        with player.floor.turn(trust.fingerprint, never):
            held.set()
            done.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(10)
    with pytest.raises(Cancelled):
        trust.refresh()
    assert other.is_alive()
    done.set()
    other.join()

"""The feed's signed half, as python-tuf's own client sees it."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tuf.api.exceptions import RepositoryError

from patcher.content import records
from patcher.errors import TrustError, UsageError
from patcher.publish import ceremony, repository
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.profiles import PROFILES
from patcher.publish.repository import Changes
from tests.support.publisher import PASSPHRASE, Player, Publisher, files_below

NOW = datetime(2030, 1, 1, tzinfo=UTC)
RECORD = records.encode(records.Feed("shop", "shop", ("https://updates.example.org",)))


def make(tmp_path: Path, profile: str = "solo", now: datetime = NOW) -> tuple[repository.Repository, KeyRing]:
    ring = KeyRing(tmp_path / "keys", Passphrases(PASSPHRASE))
    order = ceremony.FirstKeys("shop", profile, (), protect=False)
    made = ceremony.create(tmp_path / "feed", RECORD, order, ring, tmp_path / "request.json", now)
    assert isinstance(made, repository.Repository)
    return made, ring


def step(repo: repository.Repository, ring: KeyRing, changes: Changes, now: datetime = NOW) -> repository.Repository:
    payloads = repo.prepare(changes, now, repo.ageing(now))
    signed = {r: repository.sign(repo.delegation(r, payloads), r, p, ring) for r, p in payloads.items()}
    repo.publish(changes, signed, ring, now)
    return repository.load(repo.folder)


NEW_TITLE = Changes({"game/releases/1.json": b"{}", "game/title.json": b"{}"}, titles=("game",))


def test_a_player_reads_a_new_feed_and_its_next_step(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    player = Player(publisher.folder, tmp_path / "player")
    assert list(player.visit()) == ["feed.json"]
    ring = KeyRing(publisher.home.keys / "shop", Passphrases())
    step(repository.load(publisher.folder), ring, NEW_TITLE, datetime.now(UTC))
    assert list(player.visit()) == ["feed.json", "game/releases/1.json", "game/title.json"]


def test_the_fingerprint_is_the_hash_of_the_first_root(tmp_path: Path) -> None:
    repo, _ = make(tmp_path)
    assert repo.fingerprint == hashlib.sha256((repo.folder / "metadata" / "1.root.json").read_bytes()).hexdigest()


def test_the_timestamp_says_when_it_was_signed(tmp_path: Path) -> None:
    repo, _ = make(tmp_path)
    assert repo.timestamp.unrecognized_fields == {"x-shoal-signed-at": "2030-01-01T00:00:00Z"}


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_a_profile_says_who_signs_and_for_how_long(tmp_path: Path, profile: str) -> None:
    repo, ring = make(tmp_path, profile)
    repo = step(repo, ring, NEW_TITLE)
    wanted = PROFILES[profile]
    for delegator, role in ((repo.root, "root"), (repo.root, "targets"), (repo.roles["targets"], "game-releases")):
        found = delegator.get_delegated_role(role)
        assert (len(found.keyids), found.threshold) == (wanted.holders, wanted.threshold)
    days = {role: (payload.expires - NOW).days for role, payload in repo.roles.items()}
    assert days == {
        "targets": wanted.targets_days, "feed": wanted.channels_days,
        "game-releases": wanted.releases_days, "game-channels": wanted.channels_days,
    }  # fmt: skip
    assert (repo.snapshot.expires - NOW).days == wanted.snapshot_days
    assert (repo.timestamp.expires - NOW).days == wanted.timestamp_days


def test_delegations_end_the_search_and_cover_one_title(tmp_path: Path) -> None:
    repo, ring = make(tmp_path)
    repo = step(repo, ring, NEW_TITLE)
    assert repo.roles["targets"].delegations is not None
    found = repo.roles["targets"].delegations.roles or {}
    assert {name: role.paths for name, role in found.items()} == {
        "feed": ["feed.json"],
        "game-channels": ["game/title.json", "game/channels/*", "game/patches/*"],
        "game-releases": ["game/releases/*"],
    }
    assert all(role.terminating for role in found.values())


def test_nothing_a_reader_can_reach_is_overwritten_but_the_timestamp(tmp_path: Path) -> None:
    repo, ring = make(tmp_path)
    before = files_below(repo.folder)
    repo = step(repo, ring, NEW_TITLE)
    step(repo, ring, Changes({"game/title.json": b"{ }"}))
    after = files_below(repo.folder)
    assert [path for path, data in before.items() if after[path] != data] == ["metadata/timestamp.json"]


def test_versions_left_by_an_interrupted_run_are_not_used_again(tmp_path: Path) -> None:
    repo, ring = make(tmp_path)
    (repo.folder / "metadata" / "7.targets.json").write_bytes(b"left")
    repo = step(repo, ring, NEW_TITLE)
    assert repo.roles["targets"].version == 8


def test_roles_past_half_their_life_are_renewed_with_the_next_step(tmp_path: Path) -> None:
    repo, ring = make(tmp_path)
    repo = step(repo, ring, NEW_TITLE)
    later = NOW + timedelta(days=50)
    repo = step(repo, ring, Changes({"game/title.json": b"{ }"}), later)
    assert {role for role, payload in repo.roles.items() if payload.expires > NOW + timedelta(days=91)} == {
        "feed", "game-channels", "game-releases", "targets",
    }  # fmt: skip
    assert repo.roles["targets"].version == 2  # of 180 days, 50 are less than half


def test_a_stolen_channels_key_cannot_sign_a_release(tmp_path: Path) -> None:
    repo, ring = make(tmp_path)
    repo = step(repo, ring, NEW_TITLE)
    changes = Changes({"game/releases/2.json": b"{}"})
    payloads = repo.prepare(changes, NOW)
    forged = repository.sign(repo.roles["targets"], "feed", payloads["game-releases"], ring)
    before = files_below(repo.folder)
    with pytest.raises(UsageError, match="0 of the 1 signatures"):
        repo.publish(changes, {"game-releases": forged}, ring, NOW)
    assert files_below(repo.folder) == before


def test_a_payload_older_than_what_is_live_is_refused(tmp_path: Path) -> None:
    repo, ring = make(tmp_path)
    payloads = repo.prepare(NEW_TITLE, NOW)
    signed = {r: repository.sign(repo.delegation(r, payloads), r, p, ring) for r, p in payloads.items()}
    repo.publish(NEW_TITLE, signed, ring, NOW)
    with pytest.raises(UsageError, match="published since"):
        repository.load(repo.folder).publish(NEW_TITLE, signed, ring, NOW)


@pytest.mark.parametrize("name", ["1.root.json", "1.targets.json", "1.feed.json", "1.snapshot.json", "timestamp.json"])
def test_a_damaged_role_is_refused_by_publisher_and_player(tmp_path: Path, name: str) -> None:
    publisher = Publisher(tmp_path)
    player = Player(publisher.folder, tmp_path / "player")
    file = publisher.folder / "metadata" / name
    file.write_bytes(file.read_bytes().replace(b'"version":1', b'"version":2').replace(b'version": 1', b'version": 2'))
    with pytest.raises(TrustError) as caught:
        repository.load(publisher.folder)
    assert caught.value.code == "trust.signature"
    if name != "1.root.json":  # that one is pinned, and not fetched again
        with pytest.raises((RepositoryError, TrustError)):
            player.visit()


def test_a_folder_without_metadata_is_no_feed(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        repository.load(tmp_path)
    assert caught.value.code == "usage.feed_folder"

import functools
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher import disk
from patcher.errors import OriginError
from tests.feed.player import Player, fails
from tests.support.hostile_origin import Answer, HostileOrigin, breaks_off, says
from tests.support.job_power import JobRecording
from tests.support.jobs import hooked
from tests.support.lost_writes import materialise, names_without_bytes
from tests.support.repository_simulator import RepositorySimulator, now

RELEASE = "demo/releases/1.json"


# ---------------------------------------------------------------- the honest feed


def test_signed_records_are_read(player: Player) -> None:
    trust = player.refresh()
    assert trust.record("feed.json") == b"the feed"
    assert trust.record(RELEASE) == b"release 1"


def test_nothing_new_costs_two_requests(player: Player, server: HostileOrigin) -> None:
    player.refresh().record(RELEASE)
    server.asked.clear()
    assert player.refresh().record(RELEASE) == b"release 1"
    assert server.paths == ["metadata/2.root.json", "metadata/timestamp.json"]


def test_only_what_changed_is_fetched(player: Player, feed: RepositorySimulator, server: HostileOrigin) -> None:
    player.refresh().record("feed.json")
    player.refresh().record(RELEASE)
    feed.put("demo/releases/2.json", b"release 2")
    server.asked.clear()
    trust = player.refresh()
    assert [trust.record(path) for path in ("feed.json", RELEASE, "demo/releases/2.json")]
    assert server.paths == [
        "metadata/2.root.json",
        "metadata/timestamp.json",
        "metadata/4.snapshot.json",
        "metadata/3.demo-releases.json",
        feed.file_of("demo/releases/2.json"),
    ]


def test_a_record_that_there_is_not_is_not_offered(player: Player) -> None:
    trust = player.refresh()
    for path in ("demo/releases/2.json", "demo/releases/1/x.json", "other/title.json", "../1.root.json"):
        assert fails(functools.partial(trust.record, path)) == "trust.not_offered"


def test_the_records_of_a_role_are_listed(player: Player, feed: RepositorySimulator) -> None:
    feed.put("demo/releases/2.json", b"release 2")
    trust = player.refresh()
    assert set(trust.siblings("demo/releases/0.json")) == {"demo/releases/1.json", "demo/releases/2.json"}
    assert trust.siblings("other/releases/0.json") == ()


def test_new_roots_are_followed(player: Player, feed: RepositorySimulator) -> None:
    player.refresh()
    for _ in range(3):
        feed.publish_root("root", "timestamp")
    feed.publish_timestamp()
    assert player.refresh().record(RELEASE) == b"release 1"
    assert player.trust(offline=True).record(RELEASE) == b"release 1"


def test_a_mirror_stands_in_and_costs_nothing_otherwise(
    player: Player, feed: RepositorySimulator, server: HostileOrigin
) -> None:
    player.refresh().record(RELEASE)
    with HostileOrigin(feed.files) as mirror:
        server.asked.clear()
        trust = player.trust(mirrors=[mirror.url])
        trust.refresh()
        assert (len(server.asked), len(mirror.asked)) == (2, 0)
        server.answer("metadata/2.root.json", *[says(503)] * 9)
        trust.refresh()
        assert mirror.paths == ["metadata/2.root.json", "metadata/timestamp.json"]


def test_several_jobs_may_read_one_feed_at_once(player: Player) -> None:
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(lambda: player.refresh().record(RELEASE)) for _ in range(8)]
    assert {job.result() for job in jobs} == {b"release 1"}


def test_the_tuf_client_is_loaded_when_it_is_needed() -> None:
    code = "import sys, patcher.feed.reader; sys.exit('tuf' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_was_refreshed_is_durable_before_the_floor_rises(player: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []

    def note(step: str, arguments: tuple[object, ...]) -> None:
        if step.startswith("sync"):
            assert player.floor.versions(trust.fingerprint) == {}
            synced.append(Path(str(arguments[0])).name.removesuffix(".new"))

    trust = player.trust()
    monkeypatch.setattr(disk, "hook", note)
    trust.refresh()
    folders = {"metadata"} if os.name != "nt" else set()  # those of Windows need no sync
    assert {"1.root.json", "timestamp.json", "snapshot.json", "targets.json"} | folders <= set(synced)
    assert player.floor.versions(trust.fingerprint)["timestamp.json"] == 3


def test_a_power_cut_in_a_refresh_leaves_what_can_be_read_without_a_network(
    feed: RepositorySimulator, server: HostileOrigin, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    player = Player(tmp_path / "home", server.url, feed.fingerprint)
    player.refresh().record(RELEASE)
    feed.put("demo/releases/2.json", b"release 2")
    story = JobRecording(tmp_path)
    with hooked(story.on_step):
        player.refresh().record("demo/releases/2.json")
    story.catch_up()
    for steps in range(len(story.effects)):
        shutil.rmtree(tmp_path)
        materialise(names_without_bytes(story, steps), tmp_path)
        assert player.trust(offline=True).record(RELEASE) == b"release 1"
    player.close()


# ---------------------------------------------------------------- expiry, and reading what was last known


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets", "demo-releases"])
def test_expired_metadata_blocks_updates_and_nothing_else(player: Player, feed: RepositorySimulator, role: str) -> None:
    player.refresh().record(RELEASE)
    signed = feed.roles.get(role) or getattr(feed, role)
    signed.expires = now() - timedelta(days=1)
    if role == "root":
        feed.publish_root()
    feed.publish(*({role} & feed.roles.keys()))
    assert fails(lambda: player.refresh().record(RELEASE)) == "trust.expired"
    assert player.trust(offline=True).record(RELEASE) == b"release 1"


def test_without_a_network_the_last_known_is_read(player: Player, server: HostileOrigin) -> None:
    player.refresh().record(RELEASE)
    server.files.clear()
    assert fails(player.refresh) == "origin.missing"
    server.asked.clear()
    trust = player.trust(offline=True)
    trust.refresh()
    assert trust.record(RELEASE) == b"release 1"
    assert trust.siblings("demo/releases/0.json") == (RELEASE,)
    assert fails(lambda: trust.record("feed.json")) == "trust.not_offered"
    assert server.asked == []


def test_a_refresh_that_breaks_off_leaves_the_last_known_readable(
    player: Player, feed: RepositorySimulator, server: HostileOrigin
) -> None:
    player.refresh().record(RELEASE)
    feed.put("feed.json", b"the feed, new")
    server.answer("metadata/4.snapshot.json", *[breaks_off(b"{}", 1)] * 9)
    assert fails(player.refresh) == "origin.unreachable"
    assert player.trust(offline=True).record(RELEASE) == b"release 1"


def test_nothing_is_known_before_the_first_refresh(player: Player) -> None:
    assert fails(lambda: player.trust(offline=True).record(RELEASE)) == "trust.not_offered"


def test_damaged_metadata_here_is_not_believed(player: Player, feed: RepositorySimulator) -> None:
    player.refresh().record(RELEASE)
    role = player.metadata / "demo-releases.json"
    role.write_bytes(role.read_bytes().replace(b"demo", b"evil"))
    assert fails(lambda: player.trust(offline=True).record("evil/releases/1.json")) != "trust.record"
    assert fails(lambda: player.trust(offline=True).record(RELEASE)) == "trust.not_offered"
    assert player.refresh().record(RELEASE) == b"release 1"


def test_a_root_here_must_follow_from_the_pinned_one(player: Player, feed: RepositorySimulator) -> None:
    player.refresh().record(RELEASE)
    feed.signers["root"] = [CryptoSigner.generate_ed25519()]
    feed.root.add_key(feed.signers["root"][0].public_key, "root")
    feed.root.version = 2
    forged = feed.write("root", feed.root)
    (player.metadata / "root_history" / "2.root.json").write_bytes(forged)
    assert fails(lambda: player.trust(offline=True).record(RELEASE)) == "trust.not_offered"


def test_a_damaged_root_is_fetched_again_and_no_other_takes_its_place(
    player: Player, feed: RepositorySimulator
) -> None:
    player.refresh().record(RELEASE)
    root, copy = player.folder / "root.json", player.metadata / "root_history" / "1.root.json"
    pinned = root.read_bytes()
    root.write_bytes(b"")
    assert player.trust(offline=True).record(RELEASE) == b"release 1", "by the copy of python-tuf"
    copy.write_bytes(b"")
    assert fails(lambda: player.trust(offline=True).record(RELEASE)) == "trust.not_offered"
    assert player.refresh().record(RELEASE) == b"release 1"
    assert (root.read_bytes(), (player.folder / "root.json.damaged").read_bytes()) == (pinned, b"")
    root.write_bytes(b"")
    copy.write_bytes(b"")
    feed.files["metadata/1.root.json"] = RepositorySimulator().files["metadata/1.root.json"]
    assert fails(player.refresh) == "trust.fingerprint"
    assert root.read_bytes() == b""


def test_a_damaged_record_here_is_fetched_again(player: Player) -> None:
    player.refresh().record(RELEASE)
    for file in (player.folder / "records").iterdir():
        file.write_bytes(b"garbage 1")
    assert player.refresh().record(RELEASE) == b"release 1"


# ---------------------------------------------------------------- signatures


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets", "demo-releases"])
def test_a_role_signed_by_somebody_else_is_refused(player: Player, feed: RepositorySimulator, role: str) -> None:
    feed.signers[role] = [CryptoSigner.generate_ed25519()]
    feed.publish(*({role} & feed.roles.keys()))
    assert fails(lambda: player.refresh().record(RELEASE)) == "trust.signature"


@pytest.mark.parametrize("count", [0, 1, 2], ids=["none", "one of two", "one of two, twice"])
def test_too_few_signatures_are_refused(player: Player, feed: RepositorySimulator, count: int) -> None:
    feed.publish("demo-releases", signers=feed.signers["demo-releases"][:1] * count)
    assert fails(lambda: player.refresh().record(RELEASE)) == "trust.signature"


def test_a_channels_key_cannot_sign_a_release(player: Player, feed: RepositorySimulator) -> None:
    feed.publish("demo-releases", signers=feed.signers["demo-channels"])
    assert fails(lambda: player.refresh().record(RELEASE)) == "trust.signature"


def test_a_root_must_be_signed_by_the_one_before(player: Player, feed: RepositorySimulator) -> None:
    feed.signers["root"] = [CryptoSigner.generate_ed25519()]
    feed.root.add_key(feed.signers["root"][0].public_key, "root")
    feed.root.version = 2
    feed.write("root", feed.root)
    assert fails(player.refresh) == "trust.signature"


def test_a_snapshot_of_another_time_does_not_mix_in(player: Player, feed: RepositorySimulator) -> None:
    older = feed.files["metadata/2.snapshot.json"]
    feed.files["metadata/3.snapshot.json"] = older
    assert fails(player.refresh) == "trust.signature"


def test_a_role_of_another_time_does_not_mix_in(player: Player, feed: RepositorySimulator) -> None:
    feed.put(RELEASE, b"release 1, mended")
    feed.files["metadata/3.demo-releases.json"] = feed.files["metadata/2.demo-releases.json"]
    assert fails(lambda: player.refresh().record(RELEASE)) == "trust.signature"


@pytest.mark.parametrize("data", [b"release 2", b"release", b""])
def test_a_tampered_record_is_refused_and_not_kept(player: Player, feed: RepositorySimulator, data: bytes) -> None:
    feed.files[feed.file_of(RELEASE)] = data
    trust = player.refresh()
    assert fails(lambda: trust.record(RELEASE)) == "trust.signature"
    feed.files[feed.file_of(RELEASE)] = b"release 1"
    assert trust.record(RELEASE) == b"release 1"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b"null", b"[" * 5000, b"\xff\xfe"])
def test_garbage_in_place_of_metadata_is_refused(player: Player, feed: RepositorySimulator, data: bytes) -> None:
    feed.files["metadata/timestamp.json"] = data
    assert fails(player.refresh) == "trust.signature"


def test_metadata_without_end_is_refused(player: Player, feed: RepositorySimulator) -> None:
    feed.files["metadata/timestamp.json"] = b" " * 1_000_000
    assert fails(player.refresh) == "origin.protocol"


def test_a_record_that_is_too_large_is_not_fetched(
    player: Player, feed: RepositorySimulator, server: HostileOrigin
) -> None:
    feed.put(RELEASE, bytes(5_000_000))
    assert fails(lambda: player.refresh().record(RELEASE)) == "trust.record"
    assert feed.file_of(RELEASE) not in server.paths


def test_a_host_that_forbids_what_it_does_not_have_is_understood(player: Player, server: HostileOrigin) -> None:
    server.answer("metadata/2.root.json", says(403))
    assert player.refresh().record(RELEASE) == b"release 1"


_PAGE = says(200, b"<!DOCTYPE html><title>Nothing here</title>", Content_Type="text/html")
_ELSEWHERE = says(302, Location="https://www.example.org/")


@pytest.mark.parametrize("answer", [_PAGE, _ELSEWHERE], ids=["page", "redirect"])
def test_a_host_that_shows_a_page_for_what_it_does_not_have_can_be_added(
    tmp_path: Path, feed: RepositorySimulator, server: HostileOrigin, answer: Answer
) -> None:
    feed.publish_root("root", "timestamp")
    feed.publish_timestamp()
    server.answer("metadata/3.root.json", *[answer] * 9)
    player = Player(tmp_path, server.url, feed.fingerprint)
    assert player.refresh().record(RELEASE) == b"release 1"
    assert "metadata/2.root.json" in server.paths
    player.close()


@pytest.mark.parametrize("answer", [_PAGE, _ELSEWHERE], ids=["page", "redirect"])
@pytest.mark.parametrize("name", ["timestamp", "snapshot", "targets", "demo-releases"])
def test_a_login_page_in_place_of_metadata_is_the_networks_fault_and_changes_nothing(
    player: Player, feed: RepositorySimulator, server: HostileOrigin, name: str, answer: Answer
) -> None:
    path = [path for path in feed.files if path.endswith(f"{name}.json")][-1]
    server.answer(path, *[answer] * 9)
    with pytest.raises(OriginError) as caught:
        player.refresh().record(RELEASE)
    assert caught.value.code == "origin.web_page"
    server.forget_answers()
    assert player.refresh().record(RELEASE) == b"release 1"


def test_a_web_page_hides_no_root_that_the_rest_is_signed_by(
    player: Player, feed: RepositorySimulator, server: HostileOrigin
) -> None:
    feed.publish_root("root", "timestamp")
    feed.publish_timestamp()
    server.answer("metadata/2.root.json", _PAGE)
    assert fails(player.refresh) == "trust.signature"


def test_a_login_page_is_no_feed_and_no_attack(tmp_path: Path, feed: RepositorySimulator) -> None:
    with HostileOrigin({"metadata/1.root.json": b"<html>"}) as portal:
        assert fails(lambda: Player(tmp_path, portal.url, feed.fingerprint)) == "origin.web_page"


def test_a_server_that_fails_is_not_taken_for_the_end_of_the_roots(player: Player, server: HostileOrigin) -> None:
    server.answer("metadata/2.root.json", *[says(500)] * 9)
    with pytest.raises(OriginError):
        player.refresh()

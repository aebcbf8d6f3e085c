"""A tracker that serves the swarms of one feed, and of no other."""

from pathlib import Path

import pytest

from patcher.config import Home
from patcher.feed.feeds import Feeds
from patcher.protocol.commands import Network
from patcher.publish import build
from patcher.serve import allowlist as admission
from patcher.serve.allowlist import Allowlist
from patcher.serve.peers import INFO_HASH_BYTES
from patcher.transfer.swarm.torrent import Torrent
from tests.support import trees
from tests.support.trees import File
from tests.support.waiting import wait_until
from tests.support.world import World


def test_a_tracker_of_a_feed_knows_its_trees_and_packs(tmp_path: Path) -> None:
    old = {**trees.scenario("changed").old, "data/large.pak": File(trees.noise(5, 500_000))}
    new = {**old, "data/large.pak": File(trees.noise(5, 500_000) + trees.noise(6, 200_000))}
    trees.write(tmp_path / "old", old)
    trees.write(tmp_path / "new", new)
    with World(tmp_path) as world:
        released = [world.release(version, tmp_path / name) for version, name in (("1", "old"), ("2", "new"))]
        home = Home(tmp_path / "operator")
        home.make()
        with Allowlist(Feeds(home), [world.origin.url], Network(ca=str(world.ca))) as admitted:
            for release in released:
                assert admitted(bytes.fromhex(release["parts"][0]["info_hash"])[:INFO_HASH_BYTES])
            player = world.player("ann", sharing="everyone")
            player.run("seed", world.origin.url, "--to", tmp_path / "games", "--once")
            packs = [path.read_bytes() for path in (player.home / "packs").glob("*.torrent")]
            assert len(packs) == 1
            assert admitted(Torrent.parse(packs[0], ()).info_hash[:INFO_HASH_BYTES])
            assert not admitted(bytes(INFO_HASH_BYTES))
            assert not admitted(build.manifest_of("other.main", ()).info_hash[:INFO_HASH_BYTES])


def test_a_feed_that_is_down_keeps_no_other_from_being_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_REFRESH_S", 0.2)
    trees.write(tmp_path / "old", trees.scenario("changed").old)
    trees.write(tmp_path / "new", trees.scenario("changed").new)
    home = Home(tmp_path / "operator")
    home.make()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with World(tmp_path / "one") as one, World(tmp_path / "two") as two:
        released = [world.release("1", tmp_path / "old", title=name) for world, name in ((one, "a"), (two, "b"))]
        (tmp_path / "both.pem").write_bytes(one.ca.read_bytes() + two.ca.read_bytes())
        urls = [one.origin.url, two.origin.url]
        with Allowlist(Feeds(home), urls, Network(ca=str(tmp_path / "both.pem"))) as admitted:
            one.origin.close()
            released.append(two.release("2", tmp_path / "new", title="b"))
            hashes = [bytes.fromhex(release["parts"][0]["info_hash"])[:INFO_HASH_BYTES] for release in released]
            wait_until(lambda: all(map(admitted, hashes)), "the release of the feed that is up")

"""A tracker that serves the swarms of one feed, and of no other."""

from pathlib import Path

from patcher.config import Home
from patcher.content import manifest
from patcher.feed.feeds import Feeds
from patcher.serve.admitted import HASH_BYTES, Admitted
from patcher.transfer.layout import Layout
from patcher.wishes import Network
from tests.support import trees
from tests.support.trees import File
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
        with Admitted(Feeds(home), [world.origin.url], Network(ca=str(world.ca))) as admitted:
            for release in released:
                assert admitted(bytes.fromhex(release["parts"][0]["info_hash"])[:HASH_BYTES])
            player = world.player("ann", sharing="everyone")
            player.run("seed", world.origin.url, "--to", tmp_path / "games", "--once")
            packs = [path.read_bytes() for path in (player.home / "packs").glob("*.torrent")]
            assert len(packs) == 1
            assert admitted(Layout.parse(packs[0]).info_hash[:HASH_BYTES])
            assert not admitted(bytes(HASH_BYTES))
            assert not admitted(manifest.build("other.main", ()).info_hash[:HASH_BYTES])

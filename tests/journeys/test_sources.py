"""Where bytes come from: players, the server or the disk; and what leaves this machine: nothing, unless agreed."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.publish import build
from tests.support import trees
from tests.support.peers import Player, torrent_of
from tests.support.sockets import listening
from tests.support.trees import File
from tests.support.waiting import wait_until
from tests.support.world import Shoal, World

_PAK = trees.noise(80, 6_000_000)
_OLD: trees.Layout = {**trees.scenario("changed").old, "data/large.pak": File(_PAK)}
_NEW: trees.Layout = {
    **trees.scenario("changed").new,
    "data/large.pak": File(_PAK[:3_000_000] + trees.noise(81, 400_000) + _PAK[3_000_000:]),
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A feed with one release; the second lies ready in ``new``."""
    with _world(tmp_path) as made:
        yield made


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[World]:
    """The same; but the sockets of an engine are those of its process."""
    with _world(tmp_path, processes=True) as made:
        yield made


@contextlib.contextmanager
def _world(root: Path, *, processes: bool = False) -> Iterator[World]:
    trees.write(root / "old", _OLD)
    trees.write(root / "new", _NEW)
    with World(root, processes=processes) as made:
        made.release("1", root / "old")
        yield made


def _seed(world: World, name: str = "seed") -> Shoal:
    """Another player who has all of the feed and shares it."""
    seed = world.player(name, sharing="everyone")
    seed.run("seed", world.origin.url, "--to", world.root / "games" / name, "--once")
    return seed


def _seeding(player: Shoal) -> bool:
    return bool(player.run("status", "game")["titles"][0]["seeding"])


def _content(world: World) -> list[Path]:
    return [path for path in (world.feed / "content").rglob("*") if path.is_file()]


def test_without_peers_an_update_comes_from_the_server_alone(world: World) -> None:
    player = world.player("ann", peers="none")
    player.run("install", "game", "--to", world.folder(player))
    world.release("2", world.root / "new")
    done = player.run("--server-only", "update", "game")
    assert trees.read(world.folder(player)) == _NEW
    assert done["fetched"]["peer_bytes"] == done["fetched"]["lan_bytes"] == 0
    assert 400_000 < done["fetched"]["origin_bytes"] < 450_000
    assert done["fetched"]["origin_bytes"] == done["planned_bytes"]


def test_an_update_comes_from_players_when_packs_and_files_are_gone_at_the_server(world: World) -> None:
    player = world.player("ann")
    player.run("install", "game", "--to", world.folder(player))
    world.release("2", world.root / "new")
    seed = _seed(world)
    wait_until(lambda: _seeding(seed), "the seed")
    packs = [path.name for path in (seed.home / "packs").iterdir() if len(path.name) == 64]
    assert packs
    world.take_away(*packs, *(e.root for e in trees.manifest_of(_NEW).entries if e.root))
    done = player.run("update", "game")
    assert trees.read(world.folder(player)) == _NEW
    assert done["fetched"]["origin_bytes"] == 0
    assert 400_000 < done["fetched"]["lan_bytes"] < 600_000


def test_when_nobody_has_the_pack_players_give_what_changed_of_the_tree(world: World) -> None:
    player = world.player("ann")
    player.run("install", "game", "--to", world.folder(player))
    world.release("2", world.root / "new")
    seed = world.player("seed", sharing="everyone")
    seed.run("install", "game", "--to", world.folder(seed))  # the whole release, so it never sees the patch
    wait_until(lambda: _seeding(seed), "the seed")
    large = [path for path in _content(world) if path.stat().st_size > 60_000]
    world.take_away(*(path.name for path in large), *(e.root for e in trees.manifest_of(_NEW).entries if e.root))
    done = player.run("update", "game")
    assert trees.read(world.folder(player)) == _NEW
    assert done["fetched"]["origin_bytes"] < 60_000
    assert 400_000 < done["fetched"]["lan_bytes"] < 1_000_000


def test_a_patch_that_is_nowhere_and_no_peers_is_an_error_that_keeps_the_install(world: World) -> None:
    player = world.player("ann", peers="none")
    player.run("install", "game", "--to", world.folder(player))
    world.release("2", world.root / "new")
    world.take_away(*(path.name for path in _content(world) if path.stat().st_size > 60_000))
    error = player.error("update", "game", expect=4)
    assert error["code"] == "origin.missing"
    assert trees.read(world.folder(player)) == _OLD
    assert player.run("verify", "game")["damaged"] == []


@contextlib.contextmanager
def _stranger(world: World, player: Shoal) -> Iterator[Player]:
    """Somebody else's client that wants the old tree; its torrent was made by libtorrent itself from the same files."""
    named = world.root / "strangers" / "game.main"
    shutil.copytree(world.root / "old", named)
    torrent = torrent_of(named, build.piece_bytes_for(sum(e.size_bytes for e in trees.manifest_of(_OLD).entries)))
    port = int(player.run("status")["listen_port"])
    with Player() as stranger:
        yield stranger.want(torrent, world.root / "taken" / "game.main", ("127.0.0.1", port))


def test_sharing_is_off_by_default_and_after_an_install_no_socket_is_open(lone: World) -> None:
    player = lone.player("ann", local_discovery="on")
    player.run("install", "game", "--to", lone.folder(player))
    share = player.start("share")  # keeps the engine
    try:
        assert player.run("status")["listen_port"] == 0
        assert listening(player.engine_pid()) == set()
    finally:
        share.terminate()
        share.communicate()
    assert player.run("stats")["rows"][0]["uploaded_bytes"] == 0


def test_who_agreed_to_share_gives_the_whole_tree_in_place(lone: World) -> None:
    player = lone.player("ann", sharing="everyone")
    player.run("install", "game", "--to", lone.folder(player))
    wait_until(lambda: _seeding(player), "the seeding")
    on_disk = sum(path.stat().st_size for path in lone.folder(player).rglob("*") if path.is_file())
    assert on_disk < 1.1 * sum(len(file.data) for file in _OLD.values() if isinstance(file, File))
    with _stranger(lone, player) as stranger:
        wait_until(lambda: stranger.is_complete, "the stranger's download")
    assert trees.read(lone.root / "taken" / "game.main") == _OLD
    player.run("settings", "sharing", "off")
    assert not _seeding(player)
    assert listening(player.engine_pid()) == set()


@pytest.mark.parametrize(("key", "value"), [("sharing", "off"), ("peers", "none")])
def test_ports_close_when_the_player_says_so(lone: World, key: str, value: str) -> None:
    player = lone.player("ann", sharing="everyone")
    player.run("install", "game", "--to", lone.folder(player))
    wait_until(lambda: _seeding(player), "the seeding")
    port = player.run("status")["listen_port"]
    assert {("tcp", "127.0.0.1", port), ("udp", "127.0.0.1", port)} <= listening(player.engine_pid())  # and a router's
    player.run("settings", key, value)
    assert listening(player.engine_pid()) == set()


def test_a_touched_title_is_offered_again_when_it_was_verified(world: World) -> None:
    player = world.player("ann", sharing="everyone")
    player.run("install", "game", "--to", world.folder(player))

    def is_seeding() -> bool:
        return bool(player.run("status", "game")["titles"][0]["seeding"])

    wait_until(is_seeding, "the offer")
    next(path for path in world.folder(player).rglob("*") if path.is_file() and ".shoal" not in path.parts).touch()
    wait_until(lambda: not is_seeding(), "the look at the files")
    assert player.run("verify", "game")["damaged"] == []
    wait_until(is_seeding, "the offer of what was verified")


def test_a_seed_that_is_whole_keeps_its_peers_and_fetches_no_pack_that_cannot_stay(world: World) -> None:
    world.release("2", world.root / "new")
    seed = world.player("seed", sharing="everyone", pack_cache_bytes=1000)
    words = ("seed", world.origin.url, "--to", world.root / "games" / "seed", "--once")
    lines = seed.run(*words)["lines"]
    assert any("pack_cache_bytes" in line.get("text", "") for line in lines)
    assert not (seed.home / "packs").exists()
    wait_until(lambda: _seeding(seed), "the seed")
    inode = (world.root / "games" / "seed" / "game" / ".shoal" / "installed").stat().st_ino
    seed.run(*words)
    assert (world.root / "games" / "seed" / "game" / ".shoal" / "installed").stat().st_ino == inode

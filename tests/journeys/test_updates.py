"""What a player sees of releases: installs, updates, steps back, optional parts, repairs, moves."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.config import Home
from patcher.feed.feeds import Feeds
from patcher.protocol.commands import Network
from patcher.serve.static import StaticServer
from tests.support import idle_program, trees
from tests.support.trees import File
from tests.support.world import World

_SCENARIOS = (
    "changed", "added and removed", "moved and duplicated", "folders become files",
    pytest.param("links and empty folders", marks=pytest.mark.posix("symlinks")),
    "case renames", "many small files", "names of the world", "native code",
)  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return tmp_path / "tree"


def _released(world: World, tmp_path: Path, title: str, version: str, layout: trees.Layout, *words: object) -> None:
    trees.write(tmp_path / version, layout)
    world.release(version, tmp_path / version, *words, title=title)


@pytest.mark.parametrize("name", _SCENARIOS, ids=lambda name: name.replace(" ", "-"))
def test_an_update_makes_the_new_release_and_a_step_back_the_old_one(world: World, tmp_path: Path, name: str) -> None:
    scenario, title = trees.scenario(name), name.replace(" ", "-")
    _released(world, tmp_path, title, "1", scenario.old)
    player, folder = world.player(title), tmp_path / "game"
    player.run("install", title, "--to", folder)
    assert trees.read(folder) == scenario.old
    _released(world, tmp_path, title, "2", scenario.new)
    player.run("update", title)
    assert trees.read(folder) == scenario.new
    assert player.run("verify", title)["damaged"] == []
    stepped = player.run("rollback", title)
    assert trees.read(folder) == scenario.old
    assert stepped["fetched"]["origin_bytes"] == stepped["fetched"]["peer_bytes"] == 0
    player.run("update", title, "--version", "2")
    assert trees.read(folder) == scenario.new
    player.run("uninstall", title)
    assert not folder.exists()
    player.stop_engine()


def test_looking_for_news_costs_two_requests(world: World, tmp_path: Path) -> None:
    _released(world, tmp_path, "quiet", "1", trees.scenario("changed").old)
    player = world.player("quiet", peers="none")
    player.run("install", "quiet", "--to", tmp_path / "game")
    world.requests()
    assert player.run("update", "quiet", "--check")["work_left"] is False
    assert [path.rpartition("/")[2] for path in world.requests()] == ["2.root.json", "timestamp.json"]
    assert player.run("update", "quiet")["written_bytes"] == 0
    assert len(world.requests()) == 2
    _released(world, tmp_path, "quiet", "2", trees.scenario("changed").new)
    assert player.run("update", "quiet", "--check", expect=10)["version_to"] == "2"
    assert player.run("update", "quiet", "--plan")["files_changed"] == 5
    assert trees.read(tmp_path / "game") == trees.scenario("changed").old
    player.stop_engine()


def test_an_optional_language_comes_is_patched_and_goes(world: World, tmp_path: Path) -> None:
    base: dict[str, File | trees.Link | trees.Folder] = {
        **trees.scenario("changed").old,
        "settings.ini": File(b"volume=5\n"),
    }
    voice = trees.noise(70, 200_000)
    german: dict[str, File | trees.Link | trees.Folder] = {
        "lang/de/voice.pak": File(voice),
        "lang/de/texts.txt": File(b"Hallo\n"),
    }
    words = ("--part", "german=lang/de/**:lang:de", "--part", "settings=settings.ini:defaults")
    _released(world, tmp_path, "parts", "1", base | german, *words)
    player, folder = world.player("parts", peers="none"), tmp_path / "game"
    player.run("install", "parts", "--to", folder)
    assert trees.read(folder) == base
    (folder / "settings.ini").write_bytes(b"volume=11\n")
    mine = base | {"settings.ini": File(b"volume=11\n")}

    player.run("tags", "parts", "lang:de")
    assert trees.read(folder) == mine | german
    newer: dict[str, File | trees.Link | trees.Folder] = {
        "lang/de/voice.pak": File(trees.edited(voice, 71)),
        "lang/de/texts.txt": File(b"Moin\n"),
    }
    settings: dict[str, File | trees.Link | trees.Folder] = {"settings.ini": File(b"volume=7\n")}
    _released(world, tmp_path, "parts", "2", base | settings | newer, *words)
    updated = player.run("update", "parts")
    assert trees.read(folder) == mine | newer
    assert updated["planned_bytes"] < 20_000
    player.run("repair", "parts")
    assert trees.read(folder) == mine | newer
    player.run("tags", "parts", "")
    assert trees.read(folder) == mine
    player.stop_engine()


def test_a_changed_file_is_listed_and_put_back_and_strangers_stay(world: World, tmp_path: Path) -> None:
    scenario = trees.scenario("changed")
    _released(world, tmp_path, "mended", "1", scenario.old)
    player, folder = world.player("mended", peers="none"), tmp_path / "game"
    player.run("install", "mended", "--to", folder)
    (folder / "data/sound.pak").write_bytes(b"replaced")
    (folder / "bin/game").chmod(0o644)
    (folder / "saves").mkdir()
    (folder / "saves/slot1").write_text("mine")
    (folder / "readme.txt").unlink()
    damaged = player.run("verify", "mended", expect=10)["damaged"]
    has_modes = os.name != "nt"
    assert damaged == [*["bin/game"] * has_modes, "data/sound.pak", "readme.txt"]
    assert player.run("repair", "mended", "--plan")["files_modified"] == ["data/sound.pak"]
    player.run("repair", "mended")
    assert trees.read(folder) == {**scenario.old, "saves/slot1": File(b"mine")}
    (folder / "data/sound.pak").write_bytes(b"replaced again")
    _released(world, tmp_path, "mended", "2", scenario.new)
    updated = player.run("update", "mended")
    # the changed file, not the whole release
    assert 300_000 < updated["fetched"]["origin_bytes"] < 310_000
    assert trees.read(folder) == {**scenario.new, "saves/slot1": File(b"mine")}
    player.run("uninstall", "mended")
    assert trees.read(folder) == {"saves/slot1": File(b"mine")}
    player.stop_engine()


def test_one_wrong_byte_of_a_large_file_costs_one_block_where_it_stands(world: World, tmp_path: Path) -> None:
    layout = {**trees.scenario("changed").old, "data/world.bin": File(trees.noise(9, 12_000_000))}
    _released(world, tmp_path, "large", "1", layout)
    player, folder = world.player("large", peers="none"), tmp_path / "game"
    player.run("install", "large", "--to", folder)
    inode = (folder / "data/world.bin").stat().st_ino
    for wrong in (5_000_000, 11_999_999):
        with (folder / "data/world.bin").open("r+b") as file:
            file.seek(wrong)
            file.write(b"!")
    blocks_bytes = 16384 + 12_000_000 % 16384
    assert player.run("repair", "large", "--plan")["block_bytes"] == blocks_bytes
    sent = world.origin.body_bytes
    player.run("repair", "large")
    leaves_bytes = 32 * 12_000_000 // 16384
    assert world.origin.body_bytes - sent < blocks_bytes + leaves_bytes + 5000
    assert trees.read(folder) == layout
    assert (folder / "data/world.bin").stat().st_ino == inode
    assert player.run("verify", "large")["damaged"] == []
    player.stop_engine()


def test_rot_that_no_stat_shows_is_found_by_the_verify_and_costs_only_its_file(world: World, tmp_path: Path) -> None:
    scenario = trees.scenario("moved and duplicated")
    large = {"data/large.pak": File(trees.noise(7, 900_000))}
    _released(world, tmp_path, "rotten", "1", {**scenario.old, **large})
    player, folder = world.player("rotten", peers="none"), tmp_path / "game"
    player.run("install", "rotten", "--to", folder)
    grown = {"data/large.pak": File(trees.noise(7, 900_000) + trees.noise(8, 300_000))}
    _released(world, tmp_path, "rotten", "2", {**scenario.new, **grown})
    for path in ("data/sound.pak", "data/large.pak"):  # one is moved by the release, one is patched
        stat = (folder / path).stat()
        with (folder / path).open("r+b") as file:
            file.seek(100_000)
            file.write(b"rot")
        os.utime(folder / path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    player.run("update", "rotten")
    assert trees.read(folder) == {**scenario.new, **grown}
    assert player.run("verify", "rotten")["damaged"] == []
    player.stop_engine()


@pytest.mark.parametrize(
    ("title", "name"),
    [("moving", "changed"), pytest.param("linked", "links and empty folders", marks=pytest.mark.posix("symlinks"))],
)
def test_an_install_moves_and_is_found_again(world: World, tmp_path: Path, title: str, name: str) -> None:
    scenario = trees.scenario(name)
    _released(world, tmp_path, title, "1", scenario.old)
    player = world.player(title, peers="none")
    player.run("install", title, "--to", tmp_path / "here")
    moved = player.run("move", title, tmp_path / "there")
    assert moved["fetched"]["origin_bytes"] == 0
    assert trees.read(tmp_path / "there") == scenario.old
    assert not (tmp_path / "here").exists()
    other = world.player(f"{title}-other", peers="none")
    found = other.run("install", title, "--to", tmp_path / "there", "--locate")
    assert found["fetched"]["origin_bytes"] == found["written_bytes"] == 0
    assert other.run("verify", title)["damaged"] == []
    for engine in (player, other):
        engine.stop_engine()


def test_a_move_that_failed_can_be_tried_again_and_takes_the_players_settings(world: World, tmp_path: Path) -> None:
    layout = {"data/large.pak": File(trees.noise(71, 300_000)), "settings.ini": File(b"volume=5")}
    _released(world, tmp_path, "mover", "1", layout, "--part", "settings=settings.ini:defaults")
    player, folder = world.player("mover", peers="none"), tmp_path / "game"
    player.run("install", "mover", "--to", folder)
    (folder / "settings.ini").write_bytes(b"volume=9")
    (folder / "data/large.pak").write_bytes(b"")
    os.rename(world.feed / "content", world.feed / "away")
    player.run("move", "mover", tmp_path / "new", expect=4)
    os.rename(world.feed / "away", world.feed / "content")
    player.run("move", "mover", tmp_path / "new")
    assert trees.read(tmp_path / "new") == {**layout, "settings.ini": File(b"volume=9")}
    player.stop_engine()


def test_a_running_title_does_not_move(world: World, tmp_path: Path) -> None:
    layout = {idle_program.NAME: File(idle_program.WAITS.read_bytes(), executable=True)}
    _released(world, tmp_path, "runner", "1", layout)
    player, folder = world.player("runner", peers="none"), tmp_path / "game"
    player.run("install", "runner", "--to", folder)
    with subprocess.Popen([folder / idle_program.NAME, *idle_program.ARGUMENTS], stdin=subprocess.PIPE) as running:
        error = player.error("move", "runner", tmp_path / "new", expect=7)
        running.kill()
    assert error["code"] == "busy.running"
    assert trees.read(folder) == layout and not (tmp_path / "new").exists()
    player.stop_engine()


def test_a_folder_that_says_nothing_is_adopted_by_its_bytes(world: World, tmp_path: Path) -> None:
    scenario = trees.scenario("changed")
    _released(world, tmp_path, "adopted", "1", scenario.new)
    trees.write(tmp_path / "game", scenario.old)
    player = world.player("adopted", peers="none")
    done = player.run("install", "adopted", "--to", tmp_path / "game", "--locate")
    assert trees.read(tmp_path / "game") == scenario.new
    assert done["written_bytes"] < sum(len(f.data) for f in scenario.new.values() if isinstance(f, File))
    player.stop_engine()


def test_a_feed_that_was_added_before_is_the_one_that_is_named(world: World, tmp_path: Path) -> None:
    player = world.player("collector")
    with StaticServer(tmp_path) as web:
        words = ("--origin", f"{web.url}/other", "--name", "other", "--demo-keys")
        world.publisher.run("publish", "init", tmp_path / "other", *words)
        assert player.run("feed", "add", f"{web.url}/other")["name"] == "other"
        assert player.run("feed", "add", world.origin.url)["name"] == "demo"
    player.stop_engine()


def test_a_feed_that_moved_is_added_again_and_its_titles_stay(world: World, tmp_path: Path) -> None:
    scene = trees.scenario("changed")
    _released(world, tmp_path, "moved", "1", scene.old)
    player = world.player("mover", peers="none")
    player.run("install", "moved", "--to", world.folder(player))
    with StaticServer(world.feed, "127.0.0.1", 0) as elsewhere:
        assert player.run("feed", "add", elsewhere.url)["name"] == "demo"
        assert [feed["url"] for feed in player.run("feed", "list")["feeds"]] == [elsewhere.url]
        _released(world, tmp_path, "moved", "2", scene.new)
        world.requests()
        player.run("update", "moved")
        player.stop_engine()
    assert world.requests() == []
    assert trees.read(world.folder(player)) == scene.new


def test_what_is_done_cannot_be_cancelled_any_more(world: World, tmp_path: Path) -> None:
    player = world.player("late")
    player.stop_engine()
    _released(world, tmp_path, "late", "1", trees.scenario("changed").old)
    is_cancelled = False
    feeds, network = Feeds(Home(player.home)), Network(ca=str(world.ca))
    with feeds.open("demo", network, lambda: is_cancelled, title="late") as opened:
        assert opened.live("late", "live", b"").version == "1"
        is_cancelled = True
    assert feeds.about("demo/late").version == "1"


def test_a_repair_needs_no_manifest_and_leaves_no_wrong_mode(world: World, tmp_path: Path) -> None:
    layout = {"data/large.pak": File(trees.noise(72, 9_000_000)), "data/small.txt": File(b"small")}
    _released(world, tmp_path, "rusty", "1", layout)
    player, folder = world.player("rusty", peers="none"), tmp_path / "game"
    player.run("install", "rusty", "--to", folder)
    with (folder / "data/large.pak").open("r+b") as file:
        file.write(b"rust")
    (folder / "data/large.pak").chmod(0o755)
    player.run("repair", "rusty")
    assert trees.read(folder) == layout
    next((folder / ".shoal" / "manifests").iterdir()).write_bytes(b"rust")
    (folder / "data/small.txt").write_bytes(b"rust")
    player.run("repair", "rusty")
    assert trees.read(folder) == layout
    assert player.run("verify", "rusty")["damaged"] == []
    player.stop_engine()


def test_a_repair_leaves_the_step_back_and_what_cannot_be_stepped_back_to_is_not_offered(
    world: World, tmp_path: Path
) -> None:
    scenario = trees.scenario("changed")
    _released(world, tmp_path, "kept", "1", scenario.old)
    player, folder = world.player("kept", peers="none"), tmp_path / "game"
    player.run("install", "kept", "--to", folder)
    (folder / "data/sound.pak").write_bytes(b"damaged")
    player.run("repair", "kept")
    assert player.run("status", "kept")["titles"][0]["previous_version"] == ""
    _released(world, tmp_path, "kept", "2", scenario.new)
    player.run("update", "kept")
    (folder / "data/sound.pak").write_bytes(b"damaged")
    player.run("repair", "kept")
    assert player.run("status", "kept")["titles"][0]["previous_version"] == "1"
    assert player.run("rollback", "kept")["fetched"]["origin_bytes"] == 0
    assert trees.read(folder) == scenario.old
    player.stop_engine()

"""Players whom no patch fits: what they have of a file, wherever it lies, is not fetched again."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from patcher.content import records
from patcher.publish.release import history
from patcher.publish.repository import load
from tests.support import trees
from tests.support.trees import File
from tests.support.waiting import wait_until
from tests.support.world import Shoal, World

_SIZE = 4_000_000
_BLOCK = 16384
_HASHES = _SIZE // 512 + _SIZE * 10 // 32768  # leaves and landmarks of the large file
_METADATA = 12_000  # records, manifests, indexes
_PAK = trees.noise(90, _SIZE)
_SMALL = trees.noise(93, 50_000)
_GROWN = _PAK[:1_000_000] + trees.noise(91, 40_000) + _PAK[1_000_000:]


def _layout(pak: bytes, small: bytes, readme: bytes) -> trees.Layout:
    return {"data/world.pak": File(pak), "data/small.pak": File(small), "readme.txt": File(readme)}


_ONE = _layout(_PAK, _SMALL, b"Version 1\n")
_TWO = _layout(_GROWN, _SMALL + b"more", b"Version 2\n")
_THREE = _layout(trees.edited(_GROWN, 92), _SMALL + b"much more", b"Version 3\n")
_INSTALLED = ("modded", "modded a lot", "late")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Three releases, each with a patch from the last one only, and players who have the first."""
    with World(tmp_path_factory.mktemp("world")) as made:
        for version, layout in enumerate((_ONE, _TWO, _THREE), 1):
            trees.write(made.root / str(version), layout)
            made.release(str(version), made.root / str(version), "--from-last", 1)
            for name in _INSTALLED if version == 1 else ():
                player = made.player(name, peers="none")
                player.run("install", "game", "--to", made.folder(player))
                player.stop_engine()
        yield made


def _installed(world: World, name: str) -> Shoal:
    return Shoal(world.root / name, "--ca", str(world.ca))


@contextlib.contextmanager
def _found(world: World, name: str, layout: trees.Layout, **settings: object) -> Iterator[Shoal]:
    """A player with a folder that nothing is said about."""
    player = world.player(name, **settings)
    trees.write(world.folder(player), layout)
    yield player
    player.stop_engine()


@contextlib.contextmanager
def _damaged(path: Path, damage: Callable[[bytes], bytes | None]) -> Iterator[None]:
    data = path.read_bytes()
    path.unlink()
    if (other := damage(data)) is not None:
        path.write_bytes(other)
    yield
    path.write_bytes(data)


def _contents(world: World, layout: trees.Layout) -> list[Path]:
    return [world.feed / "content" / e.root.hex()[:2] / e.root.hex() for e in trees.manifest_of(layout).entries]


def _modify(path: Path, *offsets: int) -> None:
    with path.open("r+b") as file:
        for offset in offsets:
            file.seek(offset)
            file.write(b"mod")


def test_a_modified_file_costs_the_patch_and_the_blocks_that_were_modified(world: World) -> None:
    player = _installed(world, "modded")
    _modify(world.folder(player) / "data/world.pak", 100, 2_000_000, _SIZE - 10)
    plan = player.run("update", "game", "--version", "2", "--plan")
    assert plan["block_bytes"] == 2 * _BLOCK + _SIZE % _BLOCK
    sent = world.origin.body_bytes
    done = player.run("update", "game", "--version", "2")
    assert trees.read(world.folder(player)) == _TWO
    assert done["fetched"]["origin_bytes"] == plan["block_bytes"] + plan["patch_bytes"]
    assert world.origin.body_bytes - sent < 40_000 + 3 * _BLOCK + _HASHES + _METADATA
    player.stop_engine()


def test_two_releases_behind_without_a_patch_costs_what_changed(world: World) -> None:
    player = _installed(world, "late")
    steps = records.parse(records.Patches, load(world.feed).record("game/patches/2.json") or b"").parts[0].deltas
    indexes = [world.feed / "content" / step.index.file for step in steps if step.index]
    with contextlib.ExitStack() as stack:  # so that two updates are no way either
        for path in indexes:
            stack.enter_context(_damaged(path, lambda data: None))
        sent = world.origin.body_bytes
        done = player.run("update", "game")
    assert trees.read(world.folder(player)) == _THREE
    assert done["reused_bytes"] > _SIZE - 10 * _BLOCK
    assert world.origin.body_bytes - sent < 90_000 + 8 * _BLOCK + _HASHES + _METADATA
    assert player.run("verify", "game")["damaged"] == []
    player.stop_engine()


def test_old_files_that_the_origin_lost_are_no_dead_end(world: World) -> None:
    player = _installed(world, "modded a lot")
    _modify(world.folder(player) / "data/world.pak", *range(50_000, _SIZE, 100_000))
    _modify(world.folder(player) / "data/small.pak", 0)
    with contextlib.ExitStack() as stack:
        for path in _contents(world, _ONE):
            stack.enter_context(_damaged(path, lambda data: None))
        done = player.run("update", "game", "--version", "2")
    assert trees.read(world.folder(player)) == _TWO
    assert done["fetched"]["origin_bytes"] < 90_000 + 50 * _BLOCK
    player.stop_engine()


def test_a_missing_file_comes_packed(world: World) -> None:
    text = trees.prose(94, _SIZE)
    trees.write(world.root / "text 1", {"text": File(text)})
    trees.write(world.root / "text 2", {"text": File(text[: _SIZE // 2] + b"more" + text[_SIZE // 2 :])})
    world.release("1", world.root / "text 1", title="book")
    player = world.player("reader", peers="none")
    player.run("install", "book", "--to", world.folder(player))
    world.release("2", world.root / "text 2", title="book")
    (world.folder(player) / "text").unlink()
    done = player.run("update", "book")
    assert trees.read(world.folder(player)) == trees.read(world.root / "text 2")
    assert done["fetched"]["origin_bytes"] < _SIZE / 2
    player.stop_engine()


def test_a_folder_of_an_unknown_version_costs_what_changed(world: World) -> None:
    with _found(world, "finder", _ONE, peers="none") as player:
        sent = world.origin.body_bytes
        player.run("install", "game", "--to", world.folder(player), "--locate")
        assert trees.read(world.folder(player)) == _THREE
        assert world.origin.body_bytes - sent < 90_000 + 8 * _BLOCK + _HASHES + _METADATA


def test_players_give_only_the_blocks_that_are_missing(world: World) -> None:
    with _found(world, "seed", _THREE, sharing="everyone") as seed, _found(world, "taker", _ONE) as player:
        seed.run("install", "game", "--to", world.folder(seed), "--locate")
        wait_until(lambda: bool(seed.run("status", "game")["titles"][0]["seeding"]), "the seed")
        with contextlib.ExitStack() as stack:
            for path in _contents(world, _THREE):
                stack.enter_context(_damaged(path, lambda data: None))
            done = player.run("install", "game", "--to", world.folder(player), "--locate")
        assert trees.read(world.folder(player)) == _THREE
        assert done["fetched"]["origin_bytes"] < 60_000  # the small files' window of the full pack
        assert 0 < done["fetched"]["lan_bytes"] < 90_000 + 8 * _BLOCK


@pytest.mark.parametrize(("kind", "is_lie"), [("leaves", True), ("leaves", False), ("landmarks", True)])
def test_wrong_or_missing_hashes_cost_bytes_and_nothing_else(world: World, kind: str, is_lie: bool) -> None:
    (part,) = history(load(world.feed), "game").releases[3].parts
    document = world.feed / "content" / part.documents[kind].file
    lie = _damaged(document, lambda data: data[1000:] + data[:1000] if is_lie else None)
    with lie, _found(world, f"{kind}-{is_lie}", _ONE, peers="none") as player:
        player.run("install", "game", "--to", world.folder(player), "--locate")
        assert trees.read(world.folder(player)) == _THREE
        assert player.run("verify", "game")["damaged"] == []


def test_a_rebuild_that_was_killed_goes_on(world: World) -> None:
    half = _layout(_PAK[: _SIZE // 4], _SMALL, b"")
    with _found(world, "killed", half, peers="none", download_limit_bps=1_500_000) as player:

        def fetched_bytes() -> int:
            progress = player.run("status", "game")["titles"][0]["progress"]
            return int(progress["done_bytes"]) if progress and progress["phase"] == "fetch" else 0

        player.stop_engine()  # the one that the program starts is a process, which can be killed
        client = player.start("install", "game", "--to", world.folder(player), "--locate")
        wait_until(lambda: player.engine_pid() != 0, "the program's engine")
        wait_until(lambda: fetched_bytes() > 1_000_000, "a part of the download")
        player.kill_engine()
        out, _ = client.communicate(timeout=60)
        assert client.returncode == 0
        assert trees.read(world.folder(player)) == _THREE
        assert json.loads(out.splitlines()[-1])["fetched"]["origin_bytes"] < 2_600_000

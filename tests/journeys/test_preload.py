"""A launch: a release is fetched ahead while nobody can read it, and its launch costs next to nothing."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.content import records
from patcher.content.records import Patches
from patcher.publish import repository
from tests.support import trees
from tests.support.trees import File
from tests.support.world import Shoal, World

_SECRET = b"The butler did it, in the library, with the candlestick. "
_DICE = random.Random(16)
_OLD = {"bin/game": File(b"#!/bin/sh\necho 1\n", executable=True), "level.dat": File(_DICE.randbytes(4 << 20))}
_NEW = {
    **_OLD,
    "story/the-end.txt": File(_SECRET * 4000),
    "movie.dat": File(_DICE.randbytes(20 << 20)),
    "level.dat": File(_OLD["level.dat"].data[: 3 << 20] + _SECRET * 100 + _DICE.randbytes(4 << 20)),
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """1 is live."""
    with World(tmp_path) as world:
        for version, tree in (("1", _OLD), ("2", _NEW)):
            trees.write(tmp_path / version, tree)
        world.release("1", tmp_path / "1")
        (tmp_path / "notes.md").write_bytes(b"# At last\n" + _SECRET)
        yield world


def _preload(world: World, tree: str = "2", **words: str) -> None:
    options = ("--version", tree, "--jobs", 1, "--executable", "bin/game", "--notes", world.root / "notes.md")
    world.publisher.run("publish", "preload", world.feed, "game", world.root / tree, *options)


def _unlock(world: World) -> None:
    world.publisher.run("publish", "unlock", world.feed, "game", "2")


def _player(world: World, name: str, *, installed: bool) -> Shoal:
    player = world.player(name)
    if installed:
        player.run("install", "game", "--to", world.folder(player))
    return player


def _content_bytes(world: World) -> int:
    return sum(size for path, _, size in world.origin.log if "/content/" in path)


def test_nothing_of_it_can_be_read_before_its_launch(world: World) -> None:
    before = {path for path in world.feed.rglob("*") if path.is_file()}
    _preload(world)
    published = b"".join(path.read_bytes() for path in world.feed.rglob("*") if path.is_file() and path not in before)
    assert len(published) > 20 << 20
    known = (_SECRET[:20], b"the-end", b"movie", b"At last", *(_NEW["movie.dat"].data[at:][:32] for at in (0, 9 << 20)))
    assert [text for text in known if text in published] == []
    assert world.publisher.run("publish", "check", world.feed)["warnings"] == []


@pytest.mark.parametrize("installed", [True, False])
def test_a_player_who_preloaded_fetches_next_to_nothing_at_launch(world: World, *, installed: bool) -> None:
    player = _player(world, "player", installed=installed)
    _preload(world)
    ahead = player.run("preload", "game")
    assert ahead["fetched"]["origin_bytes"] > 20 << 20
    assert player.run("preload", "game")["fetched"]["origin_bytes"] == 0
    _unlock(world)
    words = ("update", "game") if installed else ("install", "game", "--to", world.folder(player))
    launch = player.run(*words)
    assert launch["version_to"] == "2"
    assert trees.read(world.folder(player)) == _NEW
    tree_bytes = sum(len(file.data) for file in _NEW.values())
    assert sum(launch["fetched"].values()) <= tree_bytes / 1000
    assert list((player.home / "packs").glob("*.for")) == []


def test_who_did_not_preload_updates_as_ever(world: World) -> None:
    player = _player(world, "player", installed=True)
    _preload(world)
    assert player.run("update", "game")["version_to"] == "1"
    _unlock(world)
    assert player.run("update", "game")["version_to"] == "2"
    assert trees.read(world.folder(player)) == _NEW


def test_there_is_nothing_to_preload_before_and_after(world: World) -> None:
    player = _player(world, "player", installed=True)
    assert player.error("preload", "game", expect=2)["code"] == "usage.no_preload"
    _preload(world)
    _unlock(world)
    assert player.error("preload", "game", expect=2)["code"] == "usage.no_preload"

"""Native code in updates whose maps a player cannot use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.publish.patches.address_maps import Fit
from tests.support import trees
from tests.support.libraries import library
from tests.support.trees import File
from tests.support.world import Shoal, World, prepared_engine

_TOOL, _SCRIPT = ("bin/tool.cmd", b"@exit 0\r\n") if os.name == "nt" else ("bin/tool", b"#!/bin/sh\nexit 0\n")
_OLD: trees.Layout = {
    _TOOL: File(_SCRIPT, executable=True),
    "data": File(trees.noise(1, 50_000)),
    "engine.so": File(library(90), executable=True),
}
_NEW: trees.Layout = {**_OLD, "engine.so": File(library(90, 3), executable=True)}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    trees.write(tmp_path / "old", _OLD)
    trees.write(tmp_path / "new", _NEW)
    with World(tmp_path) as made:
        made.release("1", tmp_path / "old", "--launch", _TOOL)
        yield made


def _installed(world: World) -> Shoal:
    player = world.player("ann", peers="none")
    player.run("install", "game", "--to", world.folder(player))
    return player


def test_an_older_launcher_waits_with_the_update_and_still_plays(world: World) -> None:
    player = _installed(world)
    world.release("2", world.root / "new")
    with prepared_engine(player, "from patcher.content import patch_index", "patch_index.FILTERS = frozenset()"):
        assert player.error("update", "game", expect=3)["code"] == "trust.needs_newer"
        assert player.run("verify", "game")["damaged"] == []
        player.run("play", "game")
    assert trees.read(world.folder(player)) == _OLD
    player.run("update", "game")
    assert trees.read(world.folder(player)) == _NEW


def test_a_map_that_is_none_is_left_aside_and_the_files_come_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = _installed(world)
    make = Fit.make
    monkeypatch.setattr(Fit, "make", lambda fit: make(fit).partition(b"\n")[0] + b"\n" + trees.noise(2, 60))
    world.release("2", world.root / "new")
    assert world.publisher.error("publish", "check", world.feed, "--deep", expect=5)["facts"]["problems"] == 2
    updated = player.run("update", "game")
    assert trees.read(world.folder(player)) == _NEW
    assert updated["fetched"]["origin_bytes"] > 100_000

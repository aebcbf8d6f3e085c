"""A bad release and those who have it: a rollout, a halt, and the brake, through the command line and real engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import trees
from tests.support.trees import File
from tests.support.world import Shoal, World

_OLD = {"bin/game": File(b"#!/bin/sh\necho 1\n", executable=True), "level.dat": File(bytes(range(256)) * 2000)}
_BAD = {**_OLD, "level.dat": File(bytes(range(255, -1, -1)) * 2000), "more.dat": File(b"more" * 20_000)}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """1 is live, and 2 in beta."""
    with World(tmp_path) as world:
        for version, tree, channel in (("1", _OLD, "live"), ("2", _BAD, "beta")):
            trees.write(tmp_path / version, tree)
            world.release(version, tmp_path / version, "--channel", channel)
        yield world


def _publish(world: World, verb: str, *words: object) -> None:
    world.publisher.run("publish", verb, world.feed, "game", *words)


def _installed(world: World, name: str) -> Shoal:
    player = world.player(name)
    player.run("install", "game", "--to", world.folder(player))
    return player


def test_the_brake_brings_players_back_without_a_download(world: World) -> None:
    player = _installed(world, "player")
    _publish(world, "promote", "2", "live")
    assert player.run("update", "game")["version_to"] == "2"
    _publish(world, "rollback", "live")
    back = player.run("update", "game")
    assert (back["version_from"], back["version_to"]) == ("2", "1")
    assert {kind: n for kind, n in back["fetched"].items() if kind != "metadata_bytes"} == {
        "lan_bytes": 0, "peer_bytes": 0, "origin_bytes": 0,
    }  # fmt: skip
    assert trees.read(world.folder(player)) == _OLD
    assert _installed(world, "newcomer").run("status", "game")


def test_a_rollout_takes_nothing_back_and_a_halt_reaches_nobody_further(world: World) -> None:
    early, late = _installed(world, "early"), _installed(world, "late")
    _publish(world, "promote", "2", "live")
    assert early.run("update", "game")["version_to"] == "2"
    _publish(world, "halt", "live")
    assert early.run("update", "game")["version_to"] == "2"
    assert late.run("update", "game")["version_to"] == "1"
    _publish(world, "promote", "2", "live")
    assert late.run("update", "game")["version_to"] == "2"

"""A launch: a release is fetched ahead while nobody can read it, and its launch costs next to nothing."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import trees
from tests.support.trees import File
from tests.support.world import Shoal, World

_SECRET = b"The butler did it, in the library, with the candlestick. "
_DICE = random.Random(16)
_OLD = {"bin/game": File(b"#!/bin/sh\necho 1\n", executable=True), "level.dat": File(_DICE.randbytes(1 << 20))}
_MOVIE = _DICE.randbytes(8 << 20)
_NEW = {
    **_OLD,
    "story/the-end.txt": File(_SECRET * 4000),
    "movie.dat": File(_MOVIE),
    "level.dat": File(_OLD["level.dat"].data[: 1 << 19] + _SECRET * 100),
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


def _preload(world: World) -> None:
    options = ("--version", "2", "--jobs", 1, "--executable", "bin/game", "--notes", world.root / "notes.md")
    world.publisher.run("publish", "preload", world.feed, "game", world.root / "2", *options)


def _player(world: World, name: str, *, installed: bool = True) -> Shoal:
    player = world.player(name)
    if installed:
        player.run("install", "game", "--to", world.folder(player))
    return player


def _shown(player: Shoal) -> object:
    """What clients show of the release to come."""
    (title,) = player.run("status", "game")["titles"]
    return title["preload"]


def _launched(world: World, player: Shoal, *, installed: bool) -> dict[str, int]:
    """What a player fetches to get the release that is live now."""
    words = ("update", "game") if installed else ("install", "game", "--to", world.folder(player))
    launch = player.run(*words)
    assert launch["version_to"] == "2"
    assert trees.read(world.folder(player)) == _NEW
    fetched: dict[str, int] = launch["fetched"]
    return fetched


def test_a_release_that_nobody_could_read_is_there_at_its_launch_for_a_thousandth_of_its_bytes(world: World) -> None:
    before = {path for path in world.feed.rglob("*") if path.is_file()}
    holder, newcomer, late = (
        _player(world, "holder"),
        _player(world, "newcomer", installed=False),
        _player(world, "late"),
    )
    _preload(world)
    published = b"".join(path.read_bytes() for path in world.feed.rglob("*") if path.is_file() and path not in before)
    known = (_SECRET[:20], b"the-end", b"movie", b"At last", *(_MOVIE[at : at + 32] for at in (0, len(_MOVIE) // 2)))
    assert [text for text in known if text in published] == []
    assert world.publisher.run("publish", "check", world.feed)["warnings"] == []
    assert _shown(holder) == "", "its feed was read before"
    assert holder.run("update", "game")["version_to"] == "1"
    assert _shown(holder) == "offered"
    for player in (holder, newcomer):
        assert player.run("preload", "game")["fetched"]["origin_bytes"] > len(_MOVIE)
        assert player.run("preload", "game")["fetched"]["origin_bytes"] == 0, "what is here is not fetched again"
        (sealed,) = (path for path in (player.home / "packs").iterdir() if len(path.name) == 64)
        assert sealed.with_name(f"{sealed.name}.torrent").exists(), "it is offered to other players"
        assert [text for text in known if text in sealed.read_bytes()] == []
    assert _shown(holder) == "here"
    assert late.run("update", "game")["version_to"] == holder.run("update", "game")["version_to"] == "1"
    marks = {mark: mark.read_bytes() for mark in (holder.home / "packs").glob("*.for")}
    world.publisher.run("publish", "unlock", world.feed, "game", "2")
    tree_bytes = sum(len(file.data) for file in _NEW.values())
    for player, installed in ((holder, True), (newcomer, False)):
        assert sum(_launched(world, player, installed=installed).values()) <= tree_bytes / 1000
        assert list((player.home / "packs").glob("*.for")) == []
        assert _shown(player) == ""
    for mark, text in marks.items():
        mark.write_bytes(text)
    holder.run("update", "game")
    assert [mark for mark in marks if mark.exists()] == [], "they came back, as after a power cut, and go again"
    assert _launched(world, late, installed=True)["origin_bytes"] > len(_MOVIE), "who did not preload updates as ever"
    assert late.error("preload", "game", expect=2)["code"] == "usage.no_preload"


def test_sealed_packs_come_from_other_players_and_what_is_damaged_from_the_server(world: World) -> None:
    _preload(world)
    giver, taker = world.player("giver", sharing="everyone"), world.player("taker")
    giver.run("preload", "game")
    sealed = [path for path in (giver.home / "packs").iterdir() if len(path.name) == 64]
    world.take_away(*(path.name for path in sealed))
    fetched = taker.run("preload", "game")["fetched"]
    assert fetched["lan_bytes"] + fetched["peer_bytes"] > len(_MOVIE)
    assert fetched["origin_bytes"] == 0
    world.publisher.run("publish", "unlock", world.feed, "game", "2")
    taker.stop_engine()
    (mine,) = (taker.home / "packs" / path.name for path in sealed)
    data = bytearray(mine.read_bytes())
    data[len(data) // 2] ^= 1
    mine.write_bytes(data)
    assert _launched(world, taker, installed=False)["origin_bytes"] > 0

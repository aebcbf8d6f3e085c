"""A studio's worst week: three holders make a feed, a release goes to 5 % of the players, is halted, and taken back."""

import hashlib
import hmac
import sqlite3
from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from typing import Any

import pytest

from patcher.content import records
from patcher.content.records import Channel
from patcher.feed.rollout import in_rollout
from patcher.publish import repository
from tests.support import softhsm, trees
from tests.support.publisher import few_rounds
from tests.support.trees import File
from tests.support.world import Shoal, World

__all__ = ["few_rounds"]

pytestmark = pytest.mark.posix("SoftHSM2 is unpacked from Debian's package")

_OLD = {"bin/game": File(b"#!/bin/sh\necho 1\n", executable=True), "level.dat": File(bytes(range(256)) * 2000)}
_BAD = {**_OLD, "level.dat": File(bytes(range(255, -1, -1)) * 2000)}
_PLAYERS = [number.to_bytes(16) for number in range(10_000)]


class Studio:
    """Three holders, each at home; the third key is on a token."""

    def __init__(self, root: Path) -> None:
        self.holders = [Shoal(root / f"holder-{number}") for number in (1, 2, 3)]
        self.publisher = Shoal(root / "publisher")
        place = softhsm.place()
        token = ("--token", place.token, "--library", place.library, "--number", place.number)
        self.halves = [
            holder.run("publish", "keys", "new", "demo", f"holder-{number}", "--first", "--to", root, *words)["public"]
            for number, (holder, words) in enumerate(zip(self.holders, ((), (), token), strict=True), 1)
        ]

    def init(self, *words: object) -> dict[str, Any]:
        halves = (word for half in self.halves for word in ("--holder", half))
        return self.signed(*words, "--profile", "studio", *halves)

    def signed(self, *words: object) -> dict[str, Any]:
        """A verb that waits for two holders: the first, and the one with the token."""
        request = self.publisher.run(*words, expect=11)["request"]
        for holder in (self.holders[0], self.holders[2]):
            holder.run("publish", "sign", request)
        return self.publisher.run(*words)


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    monkeypatch.setenv("SHOAL_PASSPHRASE", "correct horse battery")
    monkeypatch.setenv("SHOAL_PIN", softhsm.PIN)
    return Studio(tmp_path)


@pytest.fixture
def world(tmp_path: Path, studio: Studio) -> Iterator[World]:
    """1 is live, and 2 offered to testers."""
    with World(tmp_path, init=studio.init) as world:
        for version, tree, channel in (("1", _OLD, "live"), ("2", _BAD, "beta")):
            trees.write(tmp_path / version, tree)
            words = ("--version", version, "--jobs", 1, "--executable", "bin/game", "--channel", channel)
            studio.signed("publish", "release", world.feed, "game", tmp_path / version, *words)
        yield world


def _reached(world: World) -> set[bytes]:
    """Whom the live channel's rollout reaches, by its signed record."""
    offer = records.parse(Channel, repository.load(world.feed).record("game/channels/live.json") or b"")
    return {player for player in _PLAYERS if in_rollout(offer, player)}


def _drawn(salt: str, percent: int) -> set[bytes]:
    """Whom the formula of docs/formats/records.md draws."""
    digests = {player: hmac.new(player, salt.encode(), hashlib.sha256).digest() for player in _PLAYERS}
    return {player for player, digest in digests.items() if int.from_bytes(digest) % 10_000 < percent * 100}


def _player(world: World, name: str, install_id: bytes) -> Shoal:
    """Somebody with this install id, who has the release that is live."""
    player = world.player(name)
    player.stop_engine()
    (player.home / "registry.copy").unlink(missing_ok=True)
    with sqlite3.connect(player.home / "registry.sqlite") as registry:
        registry.execute("UPDATE identity SET id = ?", (install_id,))
    registry.close()
    assert player.run("install", "game", "--to", world.folder(player))["version_to"] == "1"
    return player


def _publish(world: World, verb: str, *words: object) -> None:
    world.publisher.run("publish", verb, world.feed, "game", *words)


def test_ceremony_release_rollout_halt_and_brake(world: World, studio: Studio) -> None:
    drawn = _drawn("game/live/2", 5)
    early, late = _player(world, "early", min(drawn)), _player(world, "late", min({*_PLAYERS} - drawn))
    _publish(world, "promote", "2", "live", "--percent", 5)
    assert _reached(world) == drawn
    expected, deviation = len(_PLAYERS) * 0.05, sqrt(len(_PLAYERS) * 0.05 * 0.95)
    assert abs(len(drawn) - expected) < 4 * deviation
    assert (early.run("update", "game")["version_to"], late.run("update", "game")["version_to"]) == ("2", "1")

    _publish(world, "promote", "2", "live", "--percent", 20)
    assert drawn < _reached(world), "who was drawn stays drawn"
    _publish(world, "halt", "live")
    assert _reached(world) == set()
    assert (early.run("update", "game")["version_to"], late.run("update", "game")["version_to"]) == ("2", "1")

    _publish(world, "rollback", "live")
    back = early.run("update", "game")
    fetched = {kind: count for kind, count in back["fetched"].items() if kind != "metadata_bytes"}
    assert (back["version_from"], back["version_to"]) == ("2", "1")
    assert fetched == {"lan_bytes": 0, "peer_bytes": 0, "origin_bytes": 0}
    assert trees.read(world.folder(early)) == trees.read(world.folder(late)) == _OLD
    signers = {key["name"]: key["here"] for key in studio.publisher.run("publish", "keys", "list", world.feed)["keys"]}
    assert [signers[f"holder-{number}"] for number in (1, 2, 3)] == [False, False, False]

"""No install is brought below the oldest release that its channel allows, but by a player who steps back and knows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.cli.__main__ import main
from patcher.config import Home
from patcher.content import records
from patcher.install.registry import Registry
from patcher.protocol import commands
from tests.support import trees
from tests.support.trees import File
from tests.support.waiting import wait_until
from tests.support.world import Shoal, World

_TREES: dict[str, trees.Layout] = {
    version: {"readme.txt": File(version.encode()), "data/large.pak": File(trees.noise(3, 40_000))}
    for version in ("1", "2", "3")
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Three releases."""
    with World(tmp_path) as made:
        for version, layout in _TREES.items():
            trees.write(tmp_path / version, layout)
            made.release(version, tmp_path / version)
        yield made


def _floor(world: World, not_below: int, channel: str = "live") -> None:
    world.sign({f"game/channels/{channel}.json": records.encode(records.Channel(3, not_below=not_below))})


@pytest.fixture
def player(world: World) -> Iterator[Shoal]:
    """Somebody at release 2 who came from 1, and heard that no install may be below 2."""
    made = world.player("ann", peers="none")
    made.run("install", "game", "--to", world.folder(made))
    for version in ("1", "2"):
        made.run("update", "game", "--version", version)
    _floor(world, 2)
    made.run("update", "game", "--check", expect=10)
    yield made
    made.stop_engine()


@pytest.mark.parametrize("only", ["", "--plan", "--check"])
def test_no_update_leads_below_it(world: World, player: Shoal, only: str) -> None:
    error = player.error("update", "game", "--version", "1", *([only] if only else []), expect=3)
    assert error["code"] == "trust.too_old"
    assert trees.read(world.folder(player)) == _TREES["2"]
    assert player.run("update", "game", "--version", "2")["version_to"] == "2"
    assert player.run("update", "game", "--version", "3")["version_to"] == "3"


def test_a_command_that_goes_on_after_a_crash_does_not_lead_below_it(world: World, player: Shoal) -> None:
    player.stop_engine()
    command = commands.Update("demo/game", "1", network=commands.Network(ca=str(world.ca)))
    Registry(Home(player.home).registry).keep_command("demo/game", command)

    def failed() -> bool:
        failure = player.run("status", "game")["titles"][0]["failure"]
        return failure is not None and failure["code"] == "trust.too_old"

    wait_until(failed, "the refusal")
    assert trees.read(world.folder(player)) == _TREES["2"]


def _asked(player: Shoal, world: World, *words: str) -> int:
    """The exit code of the step back for somebody at a terminal, or a script, who did not agree beforehand."""
    return main(["--home", str(player.home), "--ca", str(world.ca), *words, "rollback", "game"])


def test_a_step_back_below_it_asks_first(world: World, player: Shoal, monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[str] = []

    def no(question: str) -> str:
        questions.append(question)
        return "n"

    monkeypatch.setattr("builtins.input", no)
    assert _asked(player, world) == 3
    assert len(questions) == 1
    assert trees.read(world.folder(player)) == _TREES["2"]
    assert _asked(player, world, "--json") == 3
    assert len(questions) == 1, "a script is not asked"
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert _asked(player, world) == 0
    assert trees.read(world.folder(player)) == _TREES["1"]


def test_a_step_back_below_it_that_was_agreed_to_is_said_and_done_without_a_network(
    world: World, player: Shoal
) -> None:
    world.origin.close()
    stepped = player.run("rollback", "game")
    assert [line["error"]["code"] for line in stepped["lines"] if line["event"] == "notice"] == ["trust.step_back"]
    assert trees.read(world.folder(player)) == _TREES["1"]
    assert player.run("repair", "game")["version_to"] == "1", "what is there stays in order"


def test_a_step_back_asks_too_when_nobody_knows_what_is_allowed(world: World, player: Shoal) -> None:
    player.run("update", "game")
    for path in (player.home / "feeds" / "demo" / "records").iterdir():
        if b"not_below" in path.read_bytes():
            path.unlink()
    assert _asked(player, world, "--json") == 3
    assert player.run("rollback", "game")["version_to"] == "2"


def test_a_step_back_that_is_allowed_asks_nothing(world: World, player: Shoal) -> None:
    player.run("update", "game")
    assert _asked(player, world, "--json") == 0
    assert trees.read(world.folder(player)) == _TREES["2"]


def test_a_genuine_folder_below_it_is_brought_to_the_release_that_is_offered(world: World, player: Shoal) -> None:
    player.run("rollback", "game")
    bob = world.player("bob", peers="none")
    located = bob.run("install", "game", "--to", world.folder(player), "--locate")
    assert (located["version_from"], located["version_to"]) == ("1", "3")
    assert trees.read(world.folder(player)) == _TREES["3"]

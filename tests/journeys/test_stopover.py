"""Two ordinary updates through a signed release between, where no patch leads all the way."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.config import Home
from patcher.content import records
from patcher.content.merkle import Ref
from patcher.engine.client import Client
from patcher.protocol import commands
from patcher.publish import repository
from tests.support import trees
from tests.support.kills import KILL, KILLED
from tests.support.trees import File
from tests.support.waiting import wait_until
from tests.support.world import Shoal, World

_SOUND = trees.noise(80, 500_000)
_NEWS = trees.noise(81, 200_000)
_HALF = 100_000


def _tree(number: int) -> trees.Layout:
    """Each release edits a large file everywhere, so that few of its blocks stay, and adds to another."""
    music = {"music.pak": File(_NEWS[: _HALF * (number - 1)])} if number > 1 else {}
    return {"sound.pak": File(trees.edited(_SOUND, number, 150)), "version": File(b"%d" % number), **music}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Three releases, each with a patch from the one before alone."""
    for number in (1, 2, 3):
        trees.write(tmp_path / str(number), _tree(number))
    with World(tmp_path) as made:
        made.release("1", tmp_path / "1")
        yield made


def _behind(world: World) -> Shoal:
    """A player who is two releases behind."""
    player = world.player("ann", peers="none")
    player.run("install", "game", "--to", world.folder(player))
    for number in (2, 3):
        world.release(str(number), world.root / str(number), "--from-last", 1)
    return player


def test_two_updates_fetch_what_was_said_before_both(world: World) -> None:
    player = _behind(world)
    sent = world.origin.body_bytes
    plan = player.run("update", "game", "--plan")
    assert (plan["version_from"], plan["via"], plan["version_to"]) == ("1", "2", "3")
    assert 2 * _HALF < plan["planned_bytes"] < 2 * _HALF + 10_000
    assert plan["patch_bytes"] == plan["planned_bytes"]
    assert (plan["files_changed"], plan["files_added"], plan["files_kept"]) == (2, 1, 0)
    assert plan["write_bytes"] > 2 * len(_SOUND)
    done = player.run("update", "game")
    assert (done["version_from"], done["via"], done["version_to"]) == ("1", "2", "3")
    assert done["planned_bytes"] == plan["planned_bytes"] == done["fetched"]["origin_bytes"]
    assert world.origin.body_bytes - sent < plan["planned_bytes"] + 20_000
    assert trees.read(world.folder(player)) == _tree(3)
    assert player.run("verify", "game")["damaged"] == []


def test_a_stopover_that_saves_little_is_not_made(world: World) -> None:
    player = world.player("ann", peers="none")
    player.run("install", "game", "--to", world.folder(player))
    others = {number: {**_tree(number), "sound.pak": File(trees.noise(number, 500_000))} for number in (2, 3)}
    for number, other in others.items():
        trees.write(world.root / f"other-{number}", other)
        world.release(str(number), world.root / f"other-{number}", "--from-last", 1)
    done = player.run("update", "game")
    assert (done["via"], done["version_to"]) == ("", "3")
    assert done["fetched"]["origin_bytes"] < 800_000
    assert trees.read(world.folder(player)) == others[3]


def test_patches_that_are_lost_leave_the_direct_way(world: World) -> None:
    player = _behind(world)
    record = records.parse(records.Patches, repository.load(world.feed).record("game/patches/2.json") or b"")
    index = next(delta.index for delta in record.parts[0].deltas if delta.from_sequence == 1)
    assert isinstance(index, Ref)
    world.take_away(index.root)
    done = player.run("update", "game")
    assert (done["via"], done["version_to"]) == ("", "3")
    assert trees.read(world.folder(player)) == _tree(3)


def test_a_pause_between_the_two_leaves_the_release_between_and_the_command_goes_on(world: World) -> None:
    player = _behind(world)
    player.run("settings", "download_limit_bps", 100_000)
    program = player.start("update", "game")
    wait_until(lambda: player.run("status", "game")["titles"][0]["version"] == "2", "the first of two updates")
    with Client(Home(player.home)) as client:
        client.submit(commands.Cancel("demo/game", pause=True))
    program.communicate(timeout=60)
    player.stop_engine()
    shown = player.run("status", "game")["titles"][0]
    assert (shown["paused"], shown["job"], shown["version"]) == (True, 0, "2")
    assert trees.read(world.folder(player)) == _tree(2)
    assert player.run("verify", "game")["damaged"] == []
    player.run("settings", "download_limit_bps", 0)
    done = player.run("update", "game")
    assert (done["version_from"], done["via"], done["version_to"]) == ("2", "", "3")
    assert done["planned_bytes"] < _HALF + 5_000
    assert trees.read(world.folder(player)) == _tree(3)


_KILLED_BETWEEN = f"""
import os, sys
from patcher import disk
from patcher.engine import server
is_through = False
def hook(step, arguments):
    global is_through
    if is_through and step == "create":
        {KILL}
    is_through = is_through or (step == "remove" and arguments[0].parts[-2:] == (".shoal", "journal"))
disk.hook = hook
server._LINGER_S = 60  # a client may be slow to start
sys.argv = ["engine", "--home", sys.argv[1]]
sys.exit(server.main())
"""


def test_a_power_cut_between_the_two_goes_on_by_itself(world: World) -> None:
    player = _behind(world)
    player.stop_engine()
    doomed = subprocess.Popen([sys.executable, "-c", _KILLED_BETWEEN, str(player.home)])
    wait_until(lambda: player.engine_pid() == doomed.pid, "the doomed engine")
    program = player.start("update", "game")
    assert doomed.wait(timeout=60) == KILLED
    installed = json.loads((world.folder(player) / ".shoal" / "installed").read_bytes())
    assert installed["release"]["version"] == "2"
    assert trees.read(world.folder(player)) == _tree(2)
    program.communicate(timeout=60)
    assert trees.read(world.folder(player)) == _tree(3)
    assert player.run("verify", "game")["damaged"] == []

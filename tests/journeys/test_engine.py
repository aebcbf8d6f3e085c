"""One engine, many clients; and what is left when it dies at the worst moment."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.config import Home
from patcher.engine.client import Client
from patcher.protocol import commands
from tests.support import trees
from tests.support.kills import KILL, KILLED
from tests.support.trees import File
from tests.support.waiting import is_alive, wait_until
from tests.support.world import Shoal, World

_PAK = trees.noise(90, 12_000_000)
_OLD: trees.Layout = {**trees.scenario("changed").old, "data/large.pak": File(_PAK[:6_000_000])}
_NEW: trees.Layout = {**trees.scenario("changed").new, "data/large.pak": File(_PAK)}
_PATCH_BYTES = 6_000_000
_SLOW_BPS = 800_000
_SLOWER_BPS = 300_000
"""For what must not be over before it is stopped."""

_KILLED_AT_COMMIT = f"""
import os, sys
from pathlib import Path
from patcher import disk
from patcher.engine import server
count = 0
def hook(step, arguments):
    global count
    source, place = (Path(each).as_posix() for each in map(str, arguments)) if step == "rename" else ("", "")
    if "/staging/" in source and "/.shoal/" not in place and (count := count + 1) == 3:
        {KILL}
disk.hook = hook
server._LINGER_S = 60  # a client may be slow to start
sys.argv = ["agent", "--home", sys.argv[1]]
sys.exit(server.main())
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A feed whose second release is a download of 6 MB."""
    trees.write(tmp_path / "old", _OLD)
    trees.write(tmp_path / "new", _NEW)
    with World(tmp_path, processes=True) as made:
        made.release("1", tmp_path / "old")
        yield made


def _installed(world: World, **settings: object) -> Shoal:
    player = world.player("ann", peers="none", **settings)
    player.run("install", "game", "--to", world.folder(player))
    world.release("2", world.root / "new")
    return player


def _fetched_bytes(player: Shoal) -> int:
    progress = player.run("status", "game")["titles"][0]["progress"]
    return int(progress["done_bytes"]) if progress and progress["phase"] == "fetch" else 0


def test_a_second_client_sees_the_update_that_the_first_one_runs_and_follows_it(world: World) -> None:
    player = _installed(world)
    player.run("settings", "download_limit_bps", _SLOW_BPS // 2)  # it goes on while several verbs are run
    first = player.start("update", "game")
    wait_until(lambda: _fetched_bytes(player) > 0, "the download")
    shown = player.run("status", "game")["titles"][0]
    assert (shown["verb"], shown["progress"]["total_bytes"] > _PATCH_BYTES) == ("update", True)
    refused = player.error("repair", "game", expect=7)
    assert refused["code"] == "busy.title"
    assert refused["facts"]["phase"] == "fetch"
    first.kill()  # its terminal was closed; the update goes on without it
    first.communicate()
    with player.start("update", "game") as second:
        lines = [json.loads(line) for line in second.communicate()[0].splitlines()]
    assert any(line["event"] == "progress" for line in lines)
    assert (lines[-1]["ok"], lines[-1]["version_from"], lines[-1]["version_to"]) == (True, "1", "2")
    assert trees.read(world.folder(player)) == _NEW


def test_two_homes_with_one_install_write_in_turn(world: World) -> None:
    ann, bob = _installed(world), world.player("bob", peers="none")
    assert bob.run("install", "game", "--to", world.folder(ann), "--locate")["version_to"] == "1"
    ann.run("settings", "download_limit_bps", _SLOW_BPS // 16)  # the other one's engine has yet to start
    first = ann.start("update", "game")
    wait_until(lambda: _fetched_bytes(ann) > 0, "the download")
    refused = bob.error("update", "game", expect=7)
    assert refused["code"] == "busy.locked"
    assert str(ann.home) in refused["message"]
    ann.run("settings", "download_limit_bps", "0")
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert bob.run("update", "game")["version_to"] == "2"
    assert bob.run("verify", "game")["damaged"] == []
    assert trees.read(world.folder(ann)) == _NEW


def test_a_paused_download_says_how_far_it_came_and_goes_on_from_there(world: World) -> None:
    """Also when the engine ended meanwhile, and when it dies."""
    player = _installed(world)
    player.run("settings", "download_limit_bps", _SLOW_BPS)
    update = commands.Update("demo/game", network=commands.Network(ca=str(world.ca)))
    with Client(Home(player.home)) as client:
        client.submit(update)
        wait_until(lambda: _fetched_bytes(player) > 1_000_000, "a part of the download")
        total = player.run("status", "game")["titles"][0]["progress"]["total_bytes"]
        client.submit(commands.Cancel("demo/game", pause=True))
        wait_until(lambda: player.run("status", "game")["titles"][0]["paused"], "the pause")
    player.stop_engine()
    title = player.run("status", "game")["titles"][0]
    came = title["progress"]["done_bytes"]
    assert (title["job"], title["progress"]["total_bytes"]) == (0, total)
    assert came > 1_000_000
    with Client(Home(player.home)) as client:
        client.submit(update)
        wait_until(lambda: _fetched_bytes(player) > 0, "the download")
        again = player.run("status", "game")["titles"][0]["progress"]
    assert (again["total_bytes"], again["done_bytes"] >= came) == (total, True)
    player.kill_engine()
    wait_until(lambda: _fetched_bytes(player) > 0, "the download")
    assert player.run("status", "game")["titles"][0]["progress"]["total_bytes"] == total
    player.run("settings", "download_limit_bps", "0")
    wait_until(lambda: player.run("status", "game")["titles"][0]["version"] == "2", "the update")
    assert trees.read(world.folder(player)) == _NEW


@pytest.mark.posix("Ctrl-C of one process; Wine's consoles prove nothing")
def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(world: World) -> None:
    player = _installed(world)
    player.run("settings", "download_limit_bps", _SLOWER_BPS)
    first = player.start("update", "game")
    wait_until(lambda: _fetched_bytes(player) > 1_000_000, "a part of the download")
    first.send_signal(signal.SIGINT)
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 130
    assert json.loads(out.splitlines()[-1]) == {"event": "result", "ok": False, "cancelled": True}
    assert trees.read(world.folder(player)) == _OLD
    player.run("settings", "download_limit_bps", "0")
    done = player.run("update", "game")
    assert done["fetched"]["origin_bytes"] < _PATCH_BYTES - 500_000
    assert trees.read(world.folder(player)) == _NEW


def _row(player: Shoal) -> dict[str, int]:
    rows = [row for row in player.run("stats")["rows"] if row["title"] == "demo/game"]
    return dict(rows[-1]["sources"])


@pytest.mark.parametrize("end", [pytest.param("cancelled", marks=pytest.mark.posix("Ctrl-C of one process")), "killed"])
def test_the_bytes_of_an_update_that_does_not_end_are_in_the_ledger(world: World, end: str) -> None:
    player = _installed(world)
    player.run("settings", "download_limit_bps", _SLOWER_BPS)
    before = _row(player)
    client = player.start("update", "game")
    if end == "cancelled":
        wait_until(lambda: _fetched_bytes(player) > 1_000_000, "a part of the download")
        client.send_signal(signal.SIGINT)
    else:
        wait_until(lambda: _row(player)["origin_bytes"] > before["origin_bytes"], "a look at the ledger")
        client.kill()
        player.kill_engine()
    client.communicate(timeout=60)
    after = _row(player)
    assert (1_000_000 if end == "cancelled" else 0) < after["origin_bytes"] - before["origin_bytes"] < _PATCH_BYTES
    assert after["metadata_bytes"] > before["metadata_bytes"]


def test_an_engine_killed_in_the_download_is_started_again_and_refetches_little(world: World) -> None:
    player = _installed(world)
    player.run("settings", "download_limit_bps", _SLOW_BPS)
    client = player.start("update", "game")
    wait_until(lambda: _fetched_bytes(player) > 3_000_000, "half of the download")
    player.kill_engine()
    out, _ = client.communicate(timeout=60)
    lines = [json.loads(line) for line in out.splitlines()]
    notices = [line for line in lines if line["event"] == "notice"]
    assert [notice["error"]["code"] for notice in notices] == ["internal.engine_lost"]
    assert client.returncode == 0
    assert lines[-1]["fetched"]["origin_bytes"] < _PATCH_BYTES / 2 + 1_000_000
    assert trees.read(world.folder(player)) == _NEW


def _kill_engine_at(player: Shoal, fetched_bytes: int) -> None:
    wait_until(lambda: _fetched_bytes(player) > fetched_bytes, "a part of the download")
    player.kill_engine()


def test_an_update_with_which_the_engine_died_twice_waits_for_the_player(world: World) -> None:
    player = _installed(world)
    player.run("settings", "download_limit_bps", _SLOW_BPS)
    client = player.start("update", "game")
    _kill_engine_at(player, 500_000)
    _kill_engine_at(player, 1_500_000)
    out, _ = client.communicate(timeout=60)
    assert (client.returncode, json.loads(out.splitlines()[-1])["error"]["code"]) == (1, "internal.engine_lost")
    for _ in range(2):
        shown = player.run("status", "game")["titles"][0]
        assert (shown["paused"], shown["job"], shown["failure"]["code"]) == (True, 0, "internal.job_died")
        assert trees.read(world.folder(player)) == _OLD
        player.stop_engine()
    player.run("settings", "download_limit_bps", "0")
    assert player.run("update", "game")["fetched"]["origin_bytes"] < _PATCH_BYTES
    shown = player.run("status", "game")["titles"][0]
    assert (shown["paused"], shown["failure"], shown["version"]) == (False, None, "2")
    assert trees.read(world.folder(player)) == _NEW


def _killed_at_commit(player: Shoal, *words: object, program: str = _KILLED_AT_COMMIT) -> None:
    """The verb ends well although its engine dies when two files of the new release are in their places."""
    player.stop_engine()
    doomed = subprocess.Popen([sys.executable, "-c", program, str(player.home)])
    wait_until(lambda: player.engine_pid() == doomed.pid, "the doomed engine")
    client = player.start(*words)
    doomed.wait(timeout=60)
    assert doomed.returncode == KILLED
    out, _ = client.communicate(timeout=60)
    assert client.returncode == 0, out


def test_an_engine_killed_in_the_middle_of_a_commit_recovers(world: World) -> None:
    player = _installed(world)
    _killed_at_commit(player, "update", "game")
    assert trees.read(world.folder(player)) == _NEW
    assert player.run("verify", "game")["damaged"] == []
    for key, value in {"peers": "all", "sharing": "everyone"}.items():
        player.run("settings", key, value)
    wait_until(lambda: player.run("status", "game")["titles"][0]["seeding"], "the offer of what was verified")


def test_a_first_install_killed_in_its_commit_is_no_second_install(world: World) -> None:
    player = world.player("ann", peers="none")
    _killed_at_commit(player, "install", "game", "--to", world.folder(player))
    assert trees.read(world.folder(player)) == _OLD
    assert player.error("install", "game", expect=2)["code"] == "usage.already_installed"


def test_a_move_killed_in_its_commit_goes_on(world: World) -> None:
    player, target = _installed(world), world.root / "elsewhere"
    _killed_at_commit(player, "move", "game", target)
    assert trees.read(target) == _OLD
    assert not world.folder(player).exists()


@pytest.mark.parametrize("count", [1, 8])
def test_a_move_killed_when_it_has_moved_leaves_no_copy(world: World, count: int) -> None:
    player, target = world.player("ann", peers="none"), world.root / "elsewhere"
    old = world.folder(player)
    player.run("install", "game", "--to", old)
    program = f"""
import os, sys
from patcher import disk
from patcher.engine import server
count = 0
def hook(step, arguments):
    global count
    is_old = step in ("rename", "link", "remove", "remove_folder") and str(arguments[0]).startswith({str(old)!r})
    if is_old and (count := count + 1) == {count}:
        {KILL}
disk.hook = hook
server._LINGER_S = 60  # a client may be slow to start
sys.argv = ["agent", "--home", sys.argv[1]]
sys.exit(server.main())
"""
    _killed_at_commit(player, "move", "game", target, program=program)
    assert trees.read(target) == _OLD
    assert not old.exists()
    shown = player.run("status", "game")["titles"][0]
    assert (shown["folder"], shown["version"]) == (str(target), "1")
    assert player.run("move", "game", target)["written_bytes"] == 0


def test_a_plan_for_another_folder_keeps_what_a_first_install_has(world: World) -> None:
    player = world.player("ann", peers="none", download_limit_bps=_SLOWER_BPS)
    client = player.start("install", "game", "--to", world.folder(player))
    wait_until(lambda: _fetched_bytes(player) > 0, "the download")
    with Client(Home(player.home)) as other:
        other.submit(commands.Cancel("demo/game"))
    client.communicate(timeout=60)
    player.run("install", "game", "--to", world.root / "elsewhere", "--plan")
    assert any((world.folder(player) / ".shoal" / "staging").iterdir())
    assert player.run("status", "game")["titles"][0]["folder"] == str(world.folder(player))


def test_a_paused_update_waits_to_be_asked_and_an_interrupted_one_does_not(world: World) -> None:
    player = _installed(world)
    player.run("settings", "download_limit_bps", _SLOW_BPS)
    program = player.start("update", "game")
    wait_until(lambda: _fetched_bytes(player) > 0, "the download")
    with Client(Home(player.home)) as client:
        client.submit(commands.Cancel("demo/game", pause=True))
    program.communicate(timeout=60)
    player.stop_engine()
    shown = player.run("status", "game")["titles"][0]
    assert (shown["paused"], shown["job"]) == (True, 0)
    player.run("settings", "download_limit_bps", "0")
    program = player.start("update", "game")
    wait_until(lambda: player.run("status", "game")["titles"][0]["version"] == "2", "the update")
    program.communicate(timeout=60)
    assert not player.run("status", "game")["titles"][0]["paused"]


def test_an_engine_that_nobody_needs_ends(tmp_path: Path) -> None:
    player = Shoal(tmp_path / "home")
    player.run("status")
    pid = player.engine_pid()
    assert is_alive(pid)
    wait_until(lambda: not is_alive(pid), "the engine's end")
    assert player.engine_pid() == 0


def test_an_engine_of_another_version_makes_room(tmp_path: Path) -> None:
    player = Shoal(tmp_path / "home")
    code = "import patcher, sys; patcher.__version__ = '0.0.1'; from patcher.engine import server; server.main()"
    other = subprocess.Popen([sys.executable, "-c", code, "--home", str(player.home)])
    wait_until(lambda: player.engine_pid() == other.pid, "the other engine")
    assert player.run("status")["pid"] != other.pid
    assert other.wait(timeout=60) == 0
    player.stop_engine()


def test_the_home_of_somebody_new_is_made_with_all_above_it(tmp_path: Path) -> None:
    player = Shoal(tmp_path / "new" / "share" / "shoal")
    assert player.run("status")["titles"] == []
    player.stop_engine()

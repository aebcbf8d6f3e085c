"""Bad input and bad luck: a clear error with its exit code, and nothing changed on the disk."""

import contextlib
import datetime
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from patcher.content import records
from patcher.install import commit
from patcher.publish.repository import load
from patcher.serve.certificate import Authority
from patcher.serve.static import StaticServer
from tests.support import trees
from tests.support.trees import File
from tests.support.waiting import is_alive, wait_until
from tests.support.world import Shoal, World, prepared_engine

_OLD: trees.Layout = {**trees.scenario("changed").old, "data/large.pak": File(trees.noise(95, 3_000_000))}
_NEW: trees.Layout = {
    **trees.scenario("changed").new,
    "data/large.pak": File(trees.noise(95, 3_000_000) + trees.noise(96, 300_000)),
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    trees.write(tmp_path / "old", _OLD)
    trees.write(tmp_path / "new", _NEW)
    with World(tmp_path) as made:
        made.release("1", tmp_path / "old")
        yield made


def _installed(world: World) -> Shoal:
    player = world.player("ann", peers="none")
    player.run("install", "game", "--to", world.folder(player))
    return player


# ---------------------------------------------------------------- feeds


def test_an_address_without_a_feed_is_no_feed(world: World, tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    with StaticServer(tmp_path / "web") as web:
        error = Shoal(tmp_path / "bob").error("feed", "add", web.url, expect=3)
    assert error["code"] == "trust.not_a_feed"


def test_another_fingerprint_is_refused(world: World, tmp_path: Path) -> None:
    bob = Shoal(tmp_path / "bob", "--ca", str(world.ca))
    error = bob.error("feed", "add", world.origin.url, "--fingerprint", "ab" * 32, expect=3)
    assert error["code"] == "trust.fingerprint"
    assert bob.run("feed", "list")["feeds"] == []


def test_a_certificate_for_another_host_is_refused(world: World, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    with StaticServer(world.feed, "127.0.0.1", 0, *authority.issue("elsewhere.example")) as wrong:
        error = Shoal(tmp_path / "bob", "--ca", str(world.ca)).error("feed", "add", wrong.url, expect=4)
    assert error["code"] == "origin.certificate"


def test_a_private_authority_must_be_named(world: World, tmp_path: Path) -> None:
    error = Shoal(tmp_path / "bob").error("feed", "add", world.origin.url, expect=4)
    assert (error["code"], error["safe"]) == ("origin.certificate", "Nothing was changed.")


def test_the_bytes_of_an_update_that_fails_are_in_the_ledger(world: World) -> None:
    player = _installed(world)
    world.release("2", world.root / "new")
    before = player.run("stats")["rows"][0]["sources"]
    world.requests()
    world.take_away(*(path.name for path in (world.feed / "content").rglob("*") if path.stat().st_size > 200_000))
    player.error("update", "game", expect=4)
    after = player.run("stats")["rows"][0]["sources"]
    sent = sum(size for _, status, size in world.origin.log if status < 300)
    gained = {name: after[name] - before[name] for name in after}
    assert gained["metadata_bytes"] + gained["origin_bytes"] == sent > 0


@pytest.mark.posix("scripts of the shell")
def test_an_origin_that_is_down_is_said_and_the_title_still_plays(world: World, tmp_path: Path) -> None:
    (tmp_path / "old" / "bin" / "tool").write_bytes(b"#!/bin/sh\n")
    world.release("2", tmp_path / "old", "--launch", "bin/tool", title="playable")
    player = _installed(world)
    player.run("install", "playable", "--to", tmp_path / "playable")
    world.origin.close()
    error = player.error("update", "game", expect=4)
    assert error["code"] == "origin.unreachable"
    assert player.run("verify", "game")["damaged"] == []
    player.run("play", "playable")
    player.run("uninstall", "game")


@pytest.mark.posix("scripts of the shell")
def test_a_program_that_somebody_changed_is_not_started_until_it_is_repaired(world: World, tmp_path: Path) -> None:
    tree = {"game": File(_SAYS_HELLO.encode(), executable=True), "data/level": File(b"level")}
    trees.write(tmp_path / "playable", tree)
    world.release("1", tmp_path / "playable", "--launch", "game", title="playable")
    player, said = world.player("ann", peers="none"), tmp_path / "said"
    player.run("install", "playable", "--to", tmp_path / "mine")
    (tmp_path / "mine" / "game").write_text(_SAYS_HELLO.replace("hello", "hallo"))
    error = player.error("play", "playable", "--", said, expect=6)
    hint = "Run `shoal repair TITLE` to put the released files back."
    assert (error["code"], error["hint"]) == ("disk.modified", hint)
    player.run("repair", "playable")
    player.run("play", "playable", "--", said)
    wait_until(lambda: said.exists() and said.read_text() == "hello\n", "the game")


_SAYS_HELLO = '#!/bin/sh\necho hello > "$1"\n'


def test_a_title_that_cannot_be_updated_keeps_no_other_waiting(world: World, tmp_path: Path) -> None:
    world.release("1", tmp_path / "old", title="other")
    player = _installed(world)
    player.run("install", "other", "--to", tmp_path / "other")
    trees.write(tmp_path / "newer", {**_NEW, "mods/best.mod": File(b"ours")})
    world.release("2", tmp_path / "newer")
    world.release("2", tmp_path / "new", title="other")
    (world.folder(player) / "mods").mkdir()
    (world.folder(player) / "mods/best.mod").write_text("the player's own")
    assert player.error("update", expect=6)["code"] == "disk.in_the_way"
    assert trees.read(tmp_path / "other") == _NEW


def test_expired_signatures_stop_an_update_but_not_a_repair(world: World) -> None:
    player = _installed(world)
    world.release("2", world.root / "new")
    player.stop_engine()
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=400)
    with prepared_engine(player, _FAR_FUTURE.format(later.timestamp())):
        assert player.error("update", "game", expect=3)["code"] == "trust.expired"
        (world.folder(player) / "readme.txt").write_text("changed")
        player.run("repair", "game")
    assert trees.read(world.folder(player)) == _OLD


_FAR_FUTURE = """
import datetime as real, sys, time
now = {}
time.time = lambda: now
class Later(real.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(now, tz)
real.datetime = Later
"""


# ---------------------------------------------------------------- tampering


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _released_roots(world: World) -> set[Path]:
    return {path for path in (world.feed / "content").rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("is_victim", "code"),
    [
        (lambda path: "releases" in path.parts and path.suffix == ".json", "trust.signature"),
        (lambda path: path.name.endswith("snapshot.json"), "trust.signature"),
        (lambda path: path.name.endswith("game-channels.json"), "trust.signature"),
    ],
)
def test_a_tampered_record_is_refused(world: World, is_victim: Callable[[Path], bool], code: str) -> None:
    player = _installed(world)
    world.release("2", world.root / "new")
    before = trees.read(world.folder(player))
    for path in [path for path in world.feed.rglob("*.json") if is_victim(path)]:
        _flip(path)
    assert player.error("update", "game", expect=3)["code"] == code
    assert trees.read(world.folder(player)) == before


def test_a_tampered_document_is_never_used(world: World) -> None:
    player = _installed(world)
    before = _released_roots(world)
    world.release("2", world.root / "new")
    for path in _released_roots(world) - before:
        _flip(path)
    error = player.error("update", "game", expect=5)
    assert error["code"] == "content.mismatch"
    assert trees.read(world.folder(player)) == _OLD


def test_a_tampered_pack_is_left_aside_and_the_files_come_whole(world: World) -> None:
    player = _installed(world)
    before = _released_roots(world)
    world.release("2", world.root / "new")
    packs = [path for path in _released_roots(world) - before if 300_000 < path.stat().st_size < 320_000]
    assert packs
    for path in packs:
        _flip(path)
    player.run("update", "game")
    assert trees.read(world.folder(player)) == _NEW


@pytest.mark.parametrize("spoil", [_flip, Path.unlink])
def test_without_the_index_of_any_pack_the_files_come_whole(world: World, spoil: Callable[[Path], None]) -> None:
    player = _installed(world)
    world.release("2", world.root / "new")
    parts = records.parse(records.Patches, load(world.feed).record("game/patches/2.json") or b"").parts
    indexes = {ref for part in parts for ref in (part.full, *(step.index for step in part.deltas)) if ref}
    assert len(indexes) > 1
    for ref in indexes:
        spoil(world.feed / "content" / ref.file)
    player.run("update", "game")
    assert trees.read(world.folder(player)) == _NEW


# ---------------------------------------------------------------- disks


@pytest.mark.posix("unshare")
def test_a_full_disk_is_told_before_the_download(world: World, tmp_path: Path) -> None:
    player = world.player("ann", peers="none")
    (tmp_path / "small").mkdir()
    world.requests()
    with prepared_engine(player, mount=f"mount -t tmpfs -o size=2m tmpfs {tmp_path}/small"):
        error = player.error("install", "game", "--to", tmp_path / "small" / "game", expect=6)
    assert error["code"] == "disk.full"
    assert error["facts"]["needed_bytes"] > 3_000_000
    assert re.search(r"needs [\d.]+ MB of space and has 2\.1 MB: [\d.]+ MB are missing", error["message"])
    assert error["safe"] == "Nothing was changed.", "nothing is installed"
    full = max(_released_roots(world), key=lambda path: path.stat().st_size)
    assert not [path for path in world.requests() if full.name in path]


@pytest.mark.posix("unshare")
def test_a_drive_that_another_program_fills_during_the_download_is_told_with_what_is_missing_now(
    world: World, tmp_path: Path
) -> None:
    player = world.player("ann", peers="none", download_limit_bps=500_000)
    drive = tmp_path / "drive"
    drive.mkdir()
    with prepared_engine(player, mount=f"mount -t tmpfs -o size=6m tmpfs {drive}"):
        there = Path(f"/proc/{player.engine_pid()}/root{drive}")
        with player.start("install", "game", "--to", drive / "game") as program:
            assert program.stdout
            lines = map(json.loads, program.stdout)
            next(line for line in lines if line.get("phase") == "fetch" and line["done_bytes"] > 500_000)
            _fill(there / "other")
            *_, result = lines
        error = result["error"]
        staged = sum(path.stat().st_blocks * 512 for path in (there / "game" / ".shoal" / "staging").iterdir())
        size_bytes = sum(len(file.data) for file in _OLD.values() if isinstance(file, File))
        assert error["code"] == "disk.full", error
        assert error["facts"]["free_bytes"] < 50_000
        assert 0 <= error["facts"]["needed_bytes"] - commit.ROOM_BYTES - (size_bytes - staged) < 50_000
        player.run("settings", "download_limit_bps", 0)
        assert player.error("install", "game", "--to", drive / "game", expect=6)["facts"] == error["facts"]
        (there / "other").unlink()
        result = player.run("install", "game", "--to", drive / "game")
        assert result["fetched"]["origin_bytes"] < size_bytes - 300_000, "what was there is kept"
        assert trees.read(there / "game") == _OLD


@pytest.mark.posix("unshare")
def test_a_title_on_a_full_drive_can_be_uninstalled(world: World, tmp_path: Path) -> None:
    player = world.player("ann", peers="none")
    drive = tmp_path / "drive"
    drive.mkdir()
    with prepared_engine(player, mount=f"mount -t tmpfs -o size=8m tmpfs {drive}"):
        there = Path(f"/proc/{player.engine_pid()}/root{drive}")
        player.run("install", "game", "--to", drive / "game")
        _fill(there / "other")
        error = player.error("repair", "game", expect=6)
        assert (error["code"], error["facts"]["free_bytes"]) == ("disk.full", 0)
        assert error["facts"]["needed_bytes"] > 0
        assert error["safe"] == "The installed version was not touched and still starts."
        assert trees.read(there / "game") == _OLD
        player.run("uninstall", "game")
        assert [path.name for path in there.iterdir()] == ["other"]


def _fill(path: Path) -> None:
    """Another program takes the rest of the drive."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as other:
        while other.write(bytes(1 << 12)):
            pass


@pytest.mark.posix("unshare")
def test_an_engine_starts_on_a_full_drive_and_says_what_is_wrong(world: World, tmp_path: Path) -> None:
    player = _installed(world)
    player.stop_engine()
    assert (player.home / "reserve").exists()
    here, verb = f"{player.home}", f"{sys.executable} -m patcher.cli --home {player.home} --json"
    fill = f"cp -a {here} {tmp_path}/copy; mount -t tmpfs -o size=4m tmpfs {here} && cp -a {tmp_path}/copy/. {here}"
    lines = (fill, f"cat /dev/zero >{here}/other", f"{verb} status", f"{verb} verify game", f"{verb} update game")
    script = "(mount --make-rprivate / 2>/dev/null || :);" + "; ".join(lines)
    rootless = [] if os.geteuid() == 0 else ["--map-root-user"]
    unshare = ["unshare", "--mount", "--propagation=unchanged", *rootless, "sh", "-c", script]
    said = subprocess.run(unshare, capture_output=True, text=True)
    results = [json.loads(line) for line in said.stdout.splitlines() if '"event": "result"' in line]
    assert len(results) == 3, said
    wait_until(lambda: not is_alive(results[0]["pid"]), "the engine's end")
    assert results[0]["titles"][0]["installed"]
    assert results[1]["damaged"] == []


@pytest.mark.posix("unshare")
def test_a_read_only_folder_is_said(world: World, tmp_path: Path) -> None:
    player = world.player("ann", peers="none")
    (tmp_path / "games").mkdir(exist_ok=True)
    with prepared_engine(player, mount=f"mount -t tmpfs -o ro tmpfs {tmp_path}/games"):
        error = player.error("install", "game", "--to", tmp_path / "games" / "game", expect=6)
    assert error["code"] == "disk.read_only"


def test_a_folder_with_something_in_it_is_left_alone(world: World, tmp_path: Path) -> None:
    player = world.player("ann", peers="none")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear diary")
    error = player.error("install", "game", "--to", tmp_path / "mine", expect=6)
    assert error["code"] == "disk.not_empty"
    assert trees.read(tmp_path / "mine") == {"diary.txt": File(b"dear diary")}


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("mods/best.mod", {"mods/best.mod": File(b"ours")}),
        ("mods", {"mods/best.mod": File(b"ours")}),
        ("mods", {"mods": trees.Folder()}),
        pytest.param(
            "mods/best.mod", {"mods/best.mod": trees.Link("../data/large.pak")}, marks=pytest.mark.posix("symlinks")
        ),
    ],
    ids=["by a file", "by a folder", "by an empty folder", "by a link"],
)
def test_a_file_that_is_not_ours_is_never_replaced(
    world: World, tmp_path: Path, mine: str, theirs: trees.Layout
) -> None:
    player = _installed(world)
    trees.write(tmp_path / "newer", {**_NEW, **theirs})
    world.release("2", tmp_path / "newer")
    trees.write(world.folder(player), {mine: File(b"the player's own")})
    error = player.error("update", "game", expect=6)
    assert error["code"] == "disk.in_the_way"
    assert trees.read(world.folder(player)) == {**_OLD, mine: File(b"the player's own")}


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (("install", "nothing"), "usage.unknown_title", 2),
        (("update", "game"), "usage.not_installed", 2),
        (("rollback", "game"), "usage.not_installed", 2),
        (("settings", "sharing", "maybe"), "usage.setting", 2),
        (("settings", "colour"), "usage.setting", 2),
        (("feed", "remove", "nobody"), "usage.unknown_feed", 2),
        (("feed", "add", "ftp://127.0.0.1/feed"), "usage.argument", 2),
        (("feed", "add", "missing.shoalfeed"), "usage.argument", 2),
        (("instal",), "usage.argument", 2),
        (("install",), "usage.argument", 2),
    ],
)
def test_a_wrong_argument_says_what_would_be_right(
    shared: Shoal, words: tuple[str, ...], code: str, exit_code: int
) -> None:
    error = shared.error(*words, expect=exit_code)
    assert error["code"] == code
    assert all(error[part] for part in ("message", "safe", "hint"))


@pytest.fixture
def shared(newcomer: Shoal) -> Iterator[Shoal]:
    yield newcomer
    newcomer.stop_engine()


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shoal]:
    """A player who has a feed with a title, and installed nothing."""
    root = tmp_path_factory.mktemp("shared")
    trees.write(root / "old", trees.scenario("changed").old)
    with World(root) as made:
        made.release("1", root / "old")
        player = made.player("ann", peers="none")
        player.stop_engine()
        yield player


@pytest.mark.posix("unshare")
def test_a_patch_for_which_the_home_has_no_room_is_told_before_the_download(world: World, tmp_path: Path) -> None:
    player = _installed(world)
    world.release("2", tmp_path / "new")
    plan = player.run("update", "game", "--plan")
    assert plan["patch_bytes"] > 200_000 and plan["home_bytes"] == 0, "both are on one drive"
    world.requests()
    packs = player.home / "packs"
    packs.mkdir(exist_ok=True)
    with prepared_engine(player, mount=f"mount -t tmpfs -o size=100k tmpfs {packs}"):
        assert player.run("update", "game", "--plan")["home_bytes"] == plan["patch_bytes"]
        error = player.error("update", "game", expect=6)
    assert (error["code"], error["facts"]["path"]) == ("disk.full", str(packs))
    assert error["facts"]["needed_bytes"] == plan["patch_bytes"]
    assert trees.read(world.folder(player)) == _OLD
    player.run("update", "game")
    assert trees.read(world.folder(player)) == _NEW


@pytest.mark.parametrize("folder", ["Games", "~nobody-is-called-so/x"])
def test_a_games_folder_that_is_not_named_in_full_is_refused(world: World, folder: str) -> None:
    player = world.player("ann", peers="none")
    assert player.error("settings", "games_folder", folder, expect=2)["code"] == "usage.folder"
    assert player.run("settings", "games_folder")["settings"] == {"games_folder": ""}


def test_a_folder_where_nothing_can_be_is_refused_and_the_players_own_is_found(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "ann's"))
    player = world.player("ann", peers="none")
    (tmp_path / "file").write_text("a file")
    refused = [(str(tmp_path / "file" / "x"), "disk.in_the_way"), ("/proc/x", "disk.denied")]
    for folder, code in refused[: 1 if os.name == "nt" else 2]:  # Windows has no folder that is on no drive
        assert player.error("settings", "games_folder", folder, expect=6)["code"] == code
        assert player.error("install", "game", "--to", folder, "--plan", expect=6)["code"] == code
        assert player.error("install", "game", "--to", folder, expect=6)["code"] == code
    player.run("settings", "games_folder", "~/Games")
    player.run("install", "game")
    assert trees.read(tmp_path / "ann's" / "Games" / "game") == _OLD
    player.run("move", "game", "~/Elsewhere")
    assert trees.read(tmp_path / "ann's" / "Elsewhere") == _OLD

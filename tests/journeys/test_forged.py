"""A release that a folder describes counts only if the feed signed it; else its files are bytes to scan."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from patcher.config import Home
from patcher.engine.client import Client
from patcher.protocol import commands
from tests.support import forger, trees
from tests.support.forger import FORGERIES, STRANGERS, UNREADABLE, Forgery
from tests.support.trees import File
from tests.support.waiting import is_alive, wait_until
from tests.support.world import Shoal, World, prepared_engine

_SCENE = trees.scenario("changed")
_PROGRAM = {forger.TOOL: File(forger.SCRIPT % b"genuine", executable=True)}
_OLD: trees.Layout = {**_SCENE.old, **_PROGRAM, "gone.txt": File(b"in the first release only")}
_NEW: trees.Layout = {**_SCENE.new, **_PROGRAM}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two releases; each player starts with both."""
    root = tmp_path_factory.mktemp("world")
    trees.write(root / "old", _OLD)
    trees.write(root / "new", _NEW)
    with World(root) as made:
        for version, tree in (("1", root / "old"), ("2", root / "new")):
            made.release(version, tree, "--launch", forger.TOOL)
        yield made


@pytest.fixture
def player(world: World) -> Iterator[Shoal]:
    """Somebody who installed release 2 and has files of their own there."""
    number = len(list(world.root.iterdir()))
    made = world.player(f"player{number}", peers="none")
    made.run("install", "game", "--to", world.folder(made))
    trees.write(world.folder(made), STRANGERS)
    yield made
    made.stop_engine()


def _state(world: World, player: Shoal) -> Path:
    return world.folder(player) / ".shoal"


def _shown(player: Shoal) -> dict[str, Any]:
    title: dict[str, Any] = player.run("status", "game")["titles"][0]
    return title


def _is_moved(folder: Path, target: Path) -> bool:
    """Whether Windows lets a person move a folder: it does not while somebody looks into it."""
    with suppress(PermissionError):
        folder.rename(target)
    return target.exists()


def _played(player: Shoal) -> str:
    """What ran when the title was started."""
    said = player.home / "said"
    said.unlink(missing_ok=True)
    player.run("play", "game", "--", said)
    wait_until(lambda: said.exists() and said.read_text() != "", "the program")
    wait_until(lambda: not _shown(player)["playing"], "its end")
    return said.read_text().strip()


_REFUSED = (
    ("verify", "game"),
    ("rollback", "game"),
    ("update", "game"),
    ("update", "game", "--check"),
    ("update", "game", "--version", "1"),
    ("tags", "game", "lang:de"),
    ("install", "game"),
    ("play", "game"),
)


_CHANGED = {name: forgery for name, forgery in FORGERIES.items() if name not in UNREADABLE}


@pytest.mark.parametrize("forgery", _CHANGED.values(), ids=_CHANGED)
def test_a_changed_description_is_said_and_only_repair_and_uninstall_act_on_the_folder(
    world: World, player: Shoal, forgery: Forgery
) -> None:
    forgery(_state(world, player))
    before = trees.read(world.folder(player))
    shown = _shown(player)
    assert (shown["installed"], shown["version"], shown["failure"]["code"]) == (True, "", "trust.description")
    for words in (*_REFUSED, ("move", "game", world.root / "elsewhere")):
        error = player.error(*words, expect=3)
        assert error["code"] == "trust.description", words
        assert "shoal repair" in error["hint"]
    assert trees.read(world.folder(player)) == before
    assert not (world.root / "elsewhere").exists()
    assert player.run("repair", "game")["version_to"] == "2"
    assert trees.read(world.folder(player)) == {**_NEW, **STRANGERS}
    assert player.run("verify", "game")["damaged"] == []
    assert (_shown(player)["version"], _shown(player)["failure"]) == ("2", None)
    assert _played(player) == "genuine"
    forgery(_state(world, player))
    player.run("uninstall", "game")
    left = trees.read(world.folder(player))
    assert {path: left.get(path) for path in STRANGERS} == STRANGERS
    is_known = forgery is not forger.no_manifests  # else nobody can say which files are the release's
    assert (left == STRANGERS) == is_known
    assert not _state(world, player).exists()


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_description_that_says_nothing_is_written_anew_as_what_this_home_put_there(
    world: World, player: Shoal, name: str
) -> None:
    FORGERIES[name](_state(world, player))
    assert (_shown(player)["version"], _shown(player)["failure"]) == ("2", None)
    assert _played(player) == "genuine"
    (world.folder(player) / "readme.txt").write_text("changed")
    verified = player.run("verify", "game", expect=10)
    assert verified["damaged"] == ["readme.txt"]
    assert [line["text"] for line in verified["lines"] if line["event"] == "notice"] == [
        f"What {world.folder(player)} said of itself was damaged. It is written anew, and every file is read again."
    ]
    assert (_state(world, player) / "installed.damaged").exists()
    player.run("repair", "game")
    assert trees.read(world.folder(player)) == {**_NEW, **STRANGERS}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_a_folder_that_is_handed_over_with_a_changed_description_becomes_the_release_that_is_offered(
    world: World, player: Shoal, forgery: Forgery
) -> None:
    player.run("update", "game", "--version", "1")
    forgery(_state(world, player))
    other = world.player(f"{player.home.name}-other", peers="none")
    located = other.run("install", "game", "--to", world.folder(player), "--locate")
    assert (located["version_from"], located["version_to"]) == ("", "2")
    tree = trees.read(world.folder(player))
    assert tree == {**_NEW, **STRANGERS, "gone.txt": _OLD["gone.txt"]}, "what nobody vouches for is nobody's to remove"
    assert other.run("verify", "game")["damaged"] == []
    assert _played(other) == "genuine"
    other.stop_engine()


@pytest.mark.parametrize("forgery", [forger.changed_program, forger.another_launch, FORGERIES["cut short"]])
def test_a_changed_previous_release_is_no_step_back_and_goes_with_the_next_update(
    world: World, player: Shoal, forgery: Forgery
) -> None:
    player.run("update", "game", "--version", "1")
    player.run("update", "game")
    previous = _state(world, player) / "previous"
    assert _shown(player)["previous_version"] == "1"
    forgery(previous)
    shown = _shown(player)
    assert (shown["version"], shown["previous_version"], shown["failure"]) == ("2", "", None)
    assert player.error("rollback", "game", expect=2)["code"] == "usage.no_previous"
    assert trees.read(world.folder(player)) == {**_NEW, **STRANGERS}
    player.run("update", "game", "--version", "1")
    assert trees.read(world.folder(player)) == {**_OLD, **STRANGERS}
    assert _shown(player)["previous_version"] == "2"
    assert player.run("rollback", "game")["version_to"] == "2"


def test_what_was_put_into_one_folder_says_nothing_of_another(world: World, player: Shoal) -> None:
    player.run("update", "game", "--version", "1")
    found = world.root / f"{player.home.name}-found"
    wait_until(lambda: _is_moved(world.folder(player), found), "the engine's last look into the folder")
    forger.another_launch(found / ".shoal")
    located = player.run("install", "game", "--to", found, "--locate")
    assert (located["version_from"], located["version_to"]) == ("", "2")
    assert trees.read(found) == {**_NEW, **STRANGERS, "gone.txt": _OLD["gone.txt"]}


# ---------------------------------------------------------------- what stays genuine


def test_a_folder_that_is_handed_over_as_the_publisher_signed_it_stays_what_it_is(world: World, player: Shoal) -> None:
    player.run("update", "game", "--version", "1")
    other = world.player(f"{player.home.name}-other", peers="none")
    located = other.run("install", "game", "--to", world.folder(player), "--locate")
    assert (located["version_to"], located["written_bytes"]) == ("1", 0)
    assert _played(other) == "genuine"
    other.stop_engine()


@pytest.mark.parametrize(
    ("tags", "channel", "kept"),
    [
        (("lang:de",), "live", ((), "live")),
        (("\x1b[2J", "../.."), "nightly", ((), "live")),
        ((), "../../../metadata/root", ((), "live")),
    ],
)
def test_the_choices_in_a_folder_that_is_handed_over_count_as_far_as_the_feed_knows_them(
    world: World, player: Shoal, tags: tuple[str, ...], channel: str, kept: tuple[tuple[str, ...], str]
) -> None:
    forger.choices(_state(world, player), tags, channel)
    other = world.player(f"{player.home.name}-other", peers="none")
    other.run("install", "game", "--to", world.folder(player), "--locate")
    shown = _shown(other)
    assert (tuple(shown["tags"]), shown["channel"], shown["version"]) == (*kept, "2")
    other.stop_engine()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[World]:
    """A feed for one test alone, with both releases."""
    trees.write(tmp_path / "old", _OLD)
    trees.write(tmp_path / "new", _NEW)
    with World(tmp_path) as made:
        made.release("1", tmp_path / "old", "--launch", forger.TOOL)
        yield made


def _with_both(own: World, name: str = "ann") -> Shoal:
    player = own.player(name, peers="none")
    player.run("install", "game", "--to", own.folder(player))
    own.release("2", own.root / "new", "--launch", forger.TOOL)
    player.run("update", "game")
    return player


def _retire(own: World, number: int) -> None:
    own.sign({}, f"game/releases/{number}.json", f"game/patches/{number}.json")


def test_a_retired_release_stays_genuine_for_who_has_it_and_for_nobody_else(own: World) -> None:
    player = _with_both(own)
    player.run("rollback", "game")
    _retire(own, 1)
    player.run("feed", "add", own.origin.url)
    assert player.run("update", "game", "--check", expect=10)["version_from"] == "1"
    player.stop_engine()
    assert player.run("verify", "game")["damaged"] == []
    assert _played(player) == "genuine"
    forger.changed_program(_state(own, player))
    assert player.run("repair", "game")["version_to"] == "1"
    assert trees.read(own.folder(player)) == _OLD
    bob = own.player("bob", peers="none")
    assert bob.run("install", "game", "--to", own.folder(player), "--locate")["version_to"] == "2"


def test_without_a_network_a_genuine_folder_is_adopted_and_a_changed_one_is_not(own: World) -> None:
    player = _with_both(own)
    bob = own.player("bob", peers="none")
    own.origin.close()
    pointer = _state(own, player) / "installed"
    genuine = pointer.read_bytes()
    forger.another_launch(_state(own, player))
    words = ("install", "game", "--to", own.folder(player), "--locate")
    assert bob.error(*words, expect=4)["code"] == "origin.unreachable"
    pointer.write_bytes(genuine)
    assert bob.run(*words)["version_to"] == "2"
    assert _played(bob) == "genuine"


def _forget_signed(player: Shoal) -> None:
    """The home of a Shoal that remembered no releases."""
    player.stop_engine()
    with sqlite3.connect(player.home / "registry.sqlite") as db:
        db.execute("DROP TABLE IF EXISTS signed")


def test_a_home_of_an_earlier_version_knows_its_releases_by_the_feeds_records(own: World) -> None:
    player = _with_both(own)
    own.origin.close()
    _forget_signed(player)
    assert (_shown(player)["version"], _shown(player)["previous_version"]) == ("2", "1")
    assert player.run("verify", "game")["damaged"] == []
    assert _played(player) == "genuine"
    assert player.run("rollback", "game")["version_to"] == "1"


def test_a_home_of_an_earlier_version_takes_a_changed_description_for_none(own: World) -> None:
    player = _with_both(own)
    player.run("update", "game", "--version", "1")
    _forget_signed(player)
    forger.changed_program(_state(own, player))
    assert _shown(player)["failure"]["code"] == "trust.description"
    assert player.run("repair", "game")["version_to"] == "2"
    assert trees.read(own.folder(player)) == {**_NEW, "gone.txt": _OLD["gone.txt"]}
    assert _played(player) == "genuine"


def test_who_shares_a_folder_takes_what_another_home_put_there_when_the_feed_signed_it(own: World) -> None:
    ann = own.player("ann", peers="none")
    ann.run("install", "game", "--to", own.folder(ann))
    bob = own.player("bob", peers="none")
    bob.run("install", "game", "--to", own.folder(ann), "--locate")
    own.release("2", own.root / "new", "--launch", forger.TOOL)
    bob.run("update", "game")
    assert ann.error("verify", "game", expect=3)["code"] == "trust.description"
    assert ann.run("update", "game")["version_to"] == "2"
    assert ann.run("verify", "game")["damaged"] == []
    assert _played(ann) == "genuine"


_KILLED_IN_COMMIT = ("import os", "from patcher.install import commit", "commit._finish = lambda *_: os._exit(9)")


def test_a_release_is_known_as_genuine_before_its_commit_can_be_interrupted(own: World) -> None:
    player = _with_both(own)
    own.release("3", own.root / "old", "--launch", forger.TOOL)
    with prepared_engine(player, *_KILLED_IN_COMMIT), Client(Home(player.home)) as client:
        pid = player.engine_pid()
        client.submit(commands.Update("demo/game", network=commands.Network(ca=str(own.ca))))
        wait_until(lambda: not is_alive(pid), "the engine's death in the commit")
    assert (_state(own, player) / "journal").exists()
    own.origin.close()
    shutil.rmtree(player.home / "feeds" / "demo" / "records")  # the registry alone knows
    assert (_shown(player)["version"], _shown(player)["previous_version"]) == ("3", "2")

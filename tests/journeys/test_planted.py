"""Whatever somebody put into an install folder: nothing outside of it is touched, and there is a way out."""

import json
import os
import re
import shutil
import stat
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import pytest

from patcher import config
from patcher.config import Home
from patcher.engine.engine import Engine
from patcher.protocol import commands, events
from patcher.protocol.events import Failed, Finished
from tests.support import trees
from tests.support.trees import File
from tests.support.waiting import wait_until
from tests.support.world import World

GAME = "demo/game"
_KEPT = {f"data/{number}.txt": File(b"kept %d" % number) for number in range(3)}
_RELEASES: tuple[trees.Layout, ...] = tuple(
    {**_KEPT, "bin/game": File(b"game %d" % n, True), "data/large.pak": File(trees.noise(n, 300_000))} for n in range(3)
)
_OUTSIDE = {
    "authorized_keys": b"a key",
    "deep/photo.jpg": b"a photo",
    "bin": b"a file",
    "large.pak": b"not yours",
    "game": b"game 1",
}


@dataclass(frozen=True)
class Player:
    """One home and one install, at the second of three releases, in folders that are as new for each test."""

    home: Path
    game: Path
    outside: Path

    def end(self, command: commands.Command) -> Finished | Failed:
        """How a command ends, in an engine that starts for it and stops after it."""
        engine = Engine(Home(self.home))
        heard: SimpleQueue[events.Event] = SimpleQueue()
        try:
            engine.start()
            wait_until(lambda: not engine.is_working, "what an engine goes on with by itself")
            with engine.listening(heard.put):
                engine.submit(command)
                while not isinstance(event := heard.get(timeout=60), Finished | Failed):
                    pass
            return event
        finally:
            engine.close()


def _network(ca: Path) -> commands.Network:
    return commands.Network(server_only=True, ca=str(ca))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Player, Path, commands.Network]]:
    """A player who went from the first release to the second, what they had then, and the third in the feed."""
    root = tmp_path_factory.mktemp("planted")
    with World(root) as world:
        for number, layout in enumerate(_RELEASES):
            trees.write(root / f"tree-{number}", layout)
        player = Player(root / "ann", root / "games" / "meadow", root / "outside")
        network = _network(world.ca)
        Home(player.home).make()
        config.save(Home(player.home), config.Settings(peers="none", local_discovery=False))
        world.release("1", root / "tree-0")
        assert isinstance(player.end(commands.AddFeed(world.origin.url, network=network)), Finished)
        assert isinstance(player.end(commands.Install(GAME, str(player.game), network=network)), Finished)
        world.release("2", root / "tree-1")
        assert isinstance(player.end(commands.Update(GAME, network=network)), Finished)
        world.release("3", root / "tree-2")
        for path, data in _OUTSIDE.items():
            (player.outside / path).parent.mkdir(parents=True, exist_ok=True)
            (player.outside / path).write_bytes(data)
        for name in ("ann", "games", "outside"):
            shutil.copytree(root / name, root / "pristine" / name, symlinks=True)
        yield player, root / "pristine", network


@pytest.fixture
def player(made: tuple[Player, Path, commands.Network]) -> Player:
    """The player, all as it was."""
    player, pristine, _ = made
    for name in ("ann", "games", "outside"):
        shutil.rmtree(pristine.parent / name)
        shutil.copytree(pristine / name, pristine.parent / name, symlinks=True)
    return player


@pytest.fixture
def network(made: tuple[Player, Path, commands.Network]) -> commands.Network:
    return made[2]


def _look(folder: Path) -> dict[str, tuple[object, ...]]:
    """All that is in a folder: kind, mode, number of names, time and bytes of each."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [folder, *folder.rglob("*")]:
        stat = path.lstat()
        data = path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (stat.st_mode, stat.st_mtime_ns, data)
    return found


# ---------------------------------------------------------------- what is planted

Plant = Callable[[Player], Path]
"""Puts something into the install. Returns what to take away again."""


def _instead(at: str, put: Callable[[Path, Player], object]) -> Plant:
    def plant(player: Player) -> Path:
        target = player.game / at
        if target.is_symlink() or target.is_file():
            target.unlink()
        elif target.exists():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        put(target, player)
        return target

    return plant


def _link_to_folder(at: Path, player: Player) -> None:
    at.symlink_to(player.outside)


def _link_to_file(at: Path, player: Player) -> None:
    at.symlink_to(player.outside / "authorized_keys")


def _second_name(at: Path, player: Player) -> None:
    os.link(player.outside / "authorized_keys", at)


def _second_name_of_the_same(at: Path, player: Player) -> None:
    os.link(player.outside / "game", at)  # may not be executed, though the release says that it may


def _pipe(at: Path, _: Player) -> None:
    os.mkfifo(at)


def _socket(at: Path, _: Player) -> None:
    os.mknod(at, 0o600 | stat.S_IFSOCK)


def _full_folder(at: Path, _: Player) -> None:
    (at / "deep").mkdir(parents=True)


def _data(data: bytes) -> Callable[[Path, Player], object]:
    return lambda at, _: at.write_bytes(data)


def _staged_root(player: Player) -> str:
    """The name in staging of a file of the next release."""
    from patcher.content import merkle

    data = _RELEASES[2]["data/large.pak"]
    assert isinstance(data, File)
    return merkle.ref_of(data.data).hex


_LISTS = ("old", "documents", "first", "first_folders", "folders", "place", "modes", "last", "last_folders", "meta")


def _journal(**fields: object) -> bytes:
    record = {"format": 1, "state": "PREPARED", "keep_previous": True, **{name: [] for name in _LISTS}, **fields}
    text = json.dumps({name: value for name, value in record.items() if value is not None}).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _journal_with_loot(**fields: object) -> Plant:
    """A journal that is right, beside a file of the attacker's in staging and a link out of the folder."""

    def plant(player: Player) -> Path:
        (player.game / ".shoal" / "staging").mkdir(exist_ok=True)
        (player.game / ".shoal" / "staging" / "loot").write_bytes(b"an attacker's key")
        (player.game / "mods").symlink_to(player.outside)
        (player.game / ".shoal" / "trash" / "files").mkdir(parents=True)
        os.link(player.outside / "authorized_keys", player.game / ".shoal" / "trash" / "files" / "kept")
        (player.game / ".shoal" / "journal").write_bytes(_journal(**fields))
        return player.game / "mods"

    return plant


_FOLDERS = ("", "/staging", "/trash", "/trash/files", "/previous", "/previous/files", "/manifests", "/layers")
_JOURNALS: dict[str, bytes] = {
    "without a field": _journal(place=None),
    "with a number for a list": _journal(old=7),
    "with a text for a list": _journal(old="abc"),
    "with a row too short": _journal(place=[["loot"]]),
    "that leads up": _journal(place=[["loot", "../outside/authorized_keys"]]),
    "that leads to a root": _journal(folders=["/etc/x"]),
    "that names our own folder": _journal(place=[["loot", ".shoal/installed"]]),
    "of 200,000 brackets": b"%08x %s\n" % (zlib.crc32(b"[" * 200_000), b"[" * 200_000),
    "that is no object": b"%08x %s\n" % (zlib.crc32(b"[1]"), b"[1]"),
    "that keeps a document that is not there": _journal(documents=["manifests/aa"]),
    "that keeps a folder as a document": _journal(documents=["manifests"]),
    "that makes a folder of a file": _journal(folders=["bin/game"]),
    "that removes a folder as a document": _journal(meta=[["", "manifests"]]),
}
PLANTS: dict[str, Plant] = {
    **{f"a link for .shoal{name}": _instead(".shoal" + name, _link_to_folder) for name in _FOLDERS},
    **{f"a link for {name}": _instead(name, _link_to_folder) for name in ("data", "bin")},
    "a link for a file of ours": _instead("data/large.pak", _link_to_file),
    "a second name of a file outside for one of ours": _instead("data/large.pak", _second_name),
    "a second name of a file outside that has our bytes": _instead("bin/game", _second_name_of_the_same),
    "a pipe for a file of ours": _instead("data/large.pak", _pipe),
    **{
        f"{what} for .shoal/{name}": _instead(f".shoal/{name}", put)
        for name in ("installed", "journal", "lock")
        for what, put in {"a link": _link_to_file, "a second name": _second_name, "a pipe": _pipe}.items()
    },
    **{f"a journal {name}": _instead(".shoal/journal", _data(data)) for name, data in _JOURNALS.items()},
    "a journal that places a file over a link": _journal_with_loot(place=[["loot", "mods/authorized_keys"]]),
    "a journal that replaces a file over a link": _journal_with_loot(old=["mods/authorized_keys"]),
    "a journal that removes a file over a link": _journal_with_loot(last=["mods/authorized_keys"]),
    "a journal that removes a folder over a link": _journal_with_loot(last_folders=["mods/deep"]),
    "a journal that makes a folder over a link": _journal_with_loot(folders=["mods/new"]),
    "a journal that changes a mode over a link": _journal_with_loot(modes=[["mods/authorized_keys", True]]),
    **{f"a folder in .shoal/{kind}": _instead(f".shoal/{kind}/aa", _full_folder) for kind in ("manifests", "layers")},
    "a name that no release can have in .shoal/manifests": _instead(".shoal/manifests/a\n ", _data(b"")),
    **{f"a socket for .shoal/{name}": _instead(f".shoal/{name}", _socket) for name in ("journal", "lock")},
    "a description of 200,000 brackets": _instead(".shoal/installed", _data(b"[" * 200_000)),
    "a description that is empty": _instead(".shoal/installed", _data(b"")),
}


def _staged(put: Callable[[Path, Player], object]) -> Plant:
    return lambda player: _instead(f".shoal/staging/{_staged_root(player)}", put)(player)


_STAGED: dict[str, Plant] = {
    "a link for a staged file": _staged(_link_to_file),
    "a second name for a staged file": _staged(_second_name),
    "a pipe for a staged file": _staged(_pipe),
    "a folder for a staged file": _staged(_full_folder),
}
PLANTS |= _STAGED
_POSIX = re.compile(r"^a (link|pipe|socket|name)\b|over a link")
VERBS: dict[str, Callable[[Player, commands.Network], commands.Command]] = {
    "update": lambda player, network: commands.Update(GAME, network=network),
    "repair": lambda player, network: commands.Repair(GAME, network=network),
    "rollback": lambda player, network: commands.Rollback(GAME, network=network),
    "uninstall": lambda player, network: commands.Uninstall(GAME),
    "move": lambda player, network: commands.Move(GAME, str(player.game.with_name("moved")), network=network),
}


def test_there_are_many_ways_to_plant_something() -> None:
    assert len(PLANTS) * len(VERBS) >= 40


def _tried(plants: Iterable[str]) -> list[object]:
    """Marks what only POSIX has among files."""
    mark = pytest.mark.posix("symlinks, pipes, sockets and strange names among files")
    return [pytest.param(each, marks=mark) if _POSIX.search(each) else each for each in plants]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("what", _tried(PLANTS))
def test_nothing_outside_is_touched_and_there_is_a_way_out(
    player: Player, network: commands.Network, what: str, verb: str
) -> None:
    planted = PLANTS[what](player)
    before = _look(player.outside)
    end = player.end(VERBS[verb](player, network))
    assert _look(player.outside) == before
    if isinstance(end, Finished):
        return
    assert end.failure and end.failure.code.partition(".")[0] in ("disk", "trust", "usage"), end.failure
    assert end.failure.hint
    if planted.is_symlink() or planted.exists():  # what the message names is moved away, as it says
        planted.rename(player.outside.parent / "moved away") if not planted.is_dir() else planted.unlink()
    repaired = player.end(commands.Install(GAME, str(player.game), locate=True, network=network))
    repaired = player.end(commands.Repair(GAME, network=network)) if isinstance(repaired, Failed) else repaired
    assert isinstance(repaired, Finished), repaired
    (player.outside.parent / "moved away").unlink(missing_ok=True)
    assert _look(player.outside) == before


@pytest.mark.parametrize("what", _tried([*(f"a journal {name}" for name in _JOURNALS), "a socket for .shoal/journal"]))
def test_repair_needs_no_hand_to_get_over_a_journal(player: Player, network: commands.Network, what: str) -> None:
    PLANTS[what](player)
    assert isinstance(player.end(commands.Repair(GAME, network=network)), Finished)
    assert trees.read(player.game) == _RELEASES[1]


@pytest.mark.parametrize("what", _tried(what for what in PLANTS if " in .shoal/" in what))
@pytest.mark.parametrize("verb", VERBS)
def test_what_lies_among_the_documents_stops_no_job(
    player: Player, network: commands.Network, what: str, verb: str
) -> None:
    PLANTS[what](player)
    assert isinstance(player.end(VERBS[verb](player, network)), Finished)


@pytest.mark.parametrize("what", _tried(_STAGED))
def test_what_stands_for_a_staged_file_keeps_no_update_from_its_end(
    player: Player, network: commands.Network, what: str
) -> None:
    PLANTS[what](player)
    before = _look(player.outside)
    assert isinstance(player.end(commands.Update(GAME, network=network)), Finished)
    assert _look(player.outside) == before
    assert trees.read(player.game) == _RELEASES[2]


# ---------------------------------------------------------------- while it runs


@pytest.mark.posix("symlinks")
@pytest.mark.parametrize("name", ["data", ".shoal/staging", ".shoal/trash", ".shoal", "."])
def test_a_folder_that_is_swapped_for_a_link_meanwhile_leads_nowhere(
    player: Player, network: commands.Network, name: str
) -> None:
    before = _look(player.outside)
    target = player.game if name == "." else player.game / name
    aside, over = target.with_name("aside"), threading.Event()

    def swap() -> None:
        while not over.is_set():
            try:
                target.rename(aside)
                target.symlink_to(player.outside)
                target.unlink()
                aside.rename(target)
            except OSError:
                if aside.exists() and not target.exists():
                    aside.rename(target)

    attacker = threading.Thread(target=swap)
    attacker.start()
    try:
        for _ in range(3):
            player.end(commands.Update(GAME, network=network))
            player.end(commands.Repair(GAME, network=network))
    finally:
        over.set()
        attacker.join()
    assert _look(player.outside) == before

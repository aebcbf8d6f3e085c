"""Whole jobs as data: which home and games folder each begins with, what is asked of the engine, and how to judge.

A `World` is one folder: ``home``, ``games`` (installs, and somebody else's folder), ``outside`` (nobody may touch it).
`World.put` lays down what a `Case` begins with; `World.state` is all that counts of what lies there afterwards.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from patcher import disk
from patcher.config import Home
from patcher.content import merkle
from patcher.feed.guard import Floor
from patcher.install.folder import InstallFolder
from patcher.install.registry import Registry
from patcher.install.scan import seen as seen_now
from patcher.protocol import commands
from patcher.protocol.commands import Command
from patcher.protocol.events import Finished
from patcher.publish import preload
from patcher.publish.tree import PartRule
from tests.support import crash, life, trees
from tests.support.life import ORIGIN, Life
from tests.support.publisher import ORIGIN as URL
from tests.support.publisher import Publisher, quiet
from tests.support.trees import File, Folder, Layout, Link, edited, noise, prose

TITLE = "shop/game"
RULES = (PartRule("german", ("lang/**",), ("lang:de",)), PartRule("settings", ("config/**",), (), defaults=True))

_BIG = noise(2, 140_000)
RELEASES: tuple[Layout, ...] = (
    {
        "bin/game": File(noise(1, 9_000), executable=True),
        "bin/tool": File(b"exit 0\n", executable=True),
        "data/big.pak": File(_BIG),
        "data/gone.pak": File(noise(3, 2_000)),
        "data/moved.pak": File(prose(4, 20_000)),
        "Readme.txt": File(b"version 1\n"),
        "flat": File(b"a file that becomes a folder"),
        "swap/inner/x.txt": File(b"in a folder that becomes a file"),
        "current": Link("data/big.pak"),
        "logs/old": Folder(),
        "lang/de.txt": File(b"eins"),
        "config/keys.ini": File(b"jump=space\n"),
    },
    {
        "bin/game": File(edited(noise(1, 9_000), 5), executable=True),
        "bin/tool": File(b"exit 0\n"),
        "data/big.pak": File(edited(_BIG, 6) + noise(7, 70_000)),
        "data/packs/moved.pak": File(prose(4, 20_000)),
        "data/twice.a": File(noise(8, 3_000)),
        "data/twice.b": File(noise(8, 3_000)),
        "data/empty": File(b""),
        "README.txt": File(b"version 2\n"),
        "flat/deep/one": File(b"one", executable=True),
        "swap": File(b"a file now"),
        "current": Link("data/packs/moved.pak"),
        "lang/de.txt": File(b"zwei"),
        "config/keys.ini": File(b"jump=space\nrun=shift\n"),
    },
)
if sys.platform == "win32":  # an ordinary account makes no symbolic links
    RELEASES = tuple({path: item for path, item in tree.items() if path != "current"} for tree in RELEASES)
LAUNCHED: Layout = {
    **{path: item for path, item in RELEASES[1].items() if path != "data/twice.b"},
    "bin/game": File(edited(noise(1, 9_000), 10), executable=True),
    "data/ending.pak": File(noise(11, 150_000)),
    "lang/de.txt": File(b"drei"),
}
"""What is preloaded and then launched."""
OWN: Layout = {
    "mods/mine.txt": File(b"a mod"),
    "saves/1.sav": File(noise(9, 500)),
    "config/keys.ini": File(b"jump=j\n"),
}
"""What the player has in the install folder: files that are no release's, and settings made their own."""
OUTSIDE: Layout = {
    "letter.txt": File(b"dear diary"),
    "bin/game": File(b"another one's", executable=True),
    "big.pak": File(b"a stranger's"),
    "gone.pak": File(b"theirs"),
    "moved.pak": File(b"and this"),
    "game": File(b"played by another", executable=True),
    "files/data/big.pak": File(b"a stranger's, too"),
    "manifests/aa": File(b"nor this"),
    "a link": Link("letter.txt"),
    "empty": Folder(),
}
_SETTINGS = {path: item for path, item in OWN.items() if path.startswith("config/")}
_DAMAGE: Layout = {
    "bin/game": File(b"broken", executable=True),
    "lang/de.txt": File(b"zwo?"),
    "README.txt": File(b"version 2\n", executable=True),
}
_MENDED = "data/big.pak"


@dataclass(frozen=True)
class Case:
    """One job: ``command`` is asked of an engine in the world that is called ``before``."""

    name: str
    before: str
    command: Callable[["World"], Command]
    expected: Layout = field(default_factory=dict)
    """What then lies in the folder ``place`` of games."""
    place: str = "a"
    free: frozenset[str] = frozenset()
    """Files that are repaired where they stand: while that goes on they are neither old nor new."""
    feed: str = "2"
    """What is published meanwhile: one of the folders in ``feeds``."""


def _tree(release: int, own: Layout = OWN, *, german: bool = True) -> Layout:
    tree = {
        path: item for path, item in (*RELEASES, LAUNCHED)[release].items() if german or not path.startswith("lang/")
    }
    return {**tree, **own}


_TAGS = ("lang:de",)
CASES = (
    Case("add feed", "empty", lambda _: commands.AddFeed(URL)),
    Case("install", "fed", lambda w: commands.Install(TITLE, str(w.a), tags=_TAGS), _tree(1, {})),
    Case("update", "one", lambda _: commands.Update(TITLE), _tree(1)),
    Case("repair", "damaged", lambda _: commands.Repair(TITLE), _tree(1), free=frozenset({_MENDED})),
    Case("roll back", "two", lambda _: commands.Rollback(TITLE), _tree(0)),
    Case("move", "two", lambda w: commands.Move(TITLE, str(w.b)), _tree(1, _SETTINGS), "b"),
    Case("locate", "lost", lambda w: commands.Install(TITLE, str(w.a), locate=True), _tree(1)),
    Case("adopt", "bare", lambda w: commands.Install(TITLE, str(w.a), tags=_TAGS, locate=True), _tree(1)),
    Case("fewer parts", "two", lambda _: commands.SetTags(TITLE, ()), _tree(1, german=False)),
    Case("more parts", "plain", lambda _: commands.SetTags(TITLE, _TAGS), _tree(1)),
    Case("preload", "two", lambda _: commands.Preload(TITLE), _tree(1), feed="sealed"),
    Case("launch", "preloaded", lambda _: commands.Update(TITLE), _tree(2), feed="launched"),
    Case("uninstall", "two", lambda _: commands.Uninstall(TITLE), OWN),
    Case("remove feed", "fed", lambda _: commands.RemoveFeed("shop")),
)


def case(name: str) -> Case:
    """The case of that name."""
    return next(case for case in CASES if case.name == name)


@dataclass(frozen=True)
class State:
    """All that counts of a world."""

    folders: dict[str, crash.Tree]
    """Below ``games``, each whole but for ``previous`` and what an unfinished job keeps."""
    installs: tuple[tuple[str, str, str, tuple[str, ...]], ...]
    """Title, folder of games, channel and tags."""
    seen: dict[str, frozenset[str]]
    """Title to the files that are known as verified and look it."""
    waiting: tuple[str, ...]
    """Titles with a command, with a folder to empty, or over which an engine died."""
    feeds: tuple[str, ...]
    floor: dict[str, int]
    """What was seen of the feed and never goes back: metadata file to version, and a time."""
    previous: dict[str, str]
    """Install folder to the version that it can be rolled back to."""
    unfinished: tuple[str, ...]
    """Journals, trash and staging."""
    preloads: frozenset[str]
    """Sealed packs that are reserved for a title, and whole."""

    def tree(self, folder: str, free: frozenset[str] = frozenset()) -> crash.Tree:
        """What is in a folder of games without our own ``.shoal``, and without the files ``free``."""
        found = self.folders.get(folder, {})
        return {path: item for path, item in found.items() if path[:6] not in (".", ".shoal") and path not in free}

    def differs(self, other: "State") -> str:
        """In what, or nothing."""
        for each in fields(State):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if mine != theirs and isinstance(mine, dict):
                pairs = ((name, mine.get(name), theirs.get(name)) for name in {*mine, *theirs})
                return f"{each.name}: " + "; ".join(f"{n}: {_delta(a, b)}" for n, a, b in pairs if a != b)
            if mine != theirs:
                return f"{each.name}: {mine} and not {theirs}"
        return ""


def _delta(mine: Any, theirs: Any) -> str:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        wrong = sorted(path for path in {*mine, *theirs} if mine.get(path) != theirs.get(path))
        return f"{len(wrong)} as {wrong[:4]}"
    if isinstance(mine, frozenset) and isinstance(theirs, frozenset):
        return str(sorted(mine ^ theirs))
    return "is there" if theirs is None else "is not there"


class World:
    """The feed, the worlds that cases begin with, and the one in which they are played; all below ``room``."""

    def __init__(self, room: Path) -> None:
        self._room = room
        self.root = room / "world"
        self.home, self.games, self.outside = (self.root / name for name in ("home", "games", "outside"))
        self._make_feeds()
        trees.write(self.outside, OUTSIDE)
        self.forget_times()
        self.before: dict[str, State] = {}
        self.after: dict[str, State] = {}
        self.steps: dict[str, list[str]] = {}
        """What each case does to the disk, step by step."""
        self._make_befores()
        for case in CASES:
            self._play(case)

    @property
    def a(self) -> Path:
        """Where the title is."""
        return self.games / "a"

    @property
    def b(self) -> Path:
        """Where it may move."""
        return self.games / "b"

    def put(self, before: str, feed: str = "2") -> None:
        """Lay down what a case begins with."""
        for name in ("home", "games"):
            shutil.rmtree(self.root / name, ignore_errors=True)
            shutil.copytree(self._room / before / name, self.root / name, symlinks=True)
        self.serve(feed)
        self.recognise()

    def serve(self, feed: str) -> None:
        """Have the origin serve this state of the feed."""
        ORIGIN.folder = self._room / "feeds" / feed

    def recognise(self) -> None:
        """Copied files are other files to `stat`: what is known of them follows, where they have the known size."""
        registry = Registry(Home(self.home).registry)
        for install in registry.installs():
            known = registry.files_seen(install.title)
            here = {path: seen_now(install.folder.root / path) for path in known}
            same = {path: now for path, now in here.items() if now and now.size_bytes == known[path].size_bytes}
            registry.note_seen(install.title, known | same)

    def forget_times(self) -> None:
        """What is outside now is how it is to stay."""
        self._untouched = look(self.outside)

    def touched(self) -> list[str]:
        """What is not as it was outside home and games."""
        now = look(self.outside)
        changed = [path for path in {*now, *self._untouched} if now.get(path) != self._untouched.get(path)]
        return sorted(Path(path).name for path in changed) + sorted(
            {*os.listdir(self.root)} - {"home", "games", "outside"}
        )

    def restore(self) -> None:
        """Lay down anew what is outside."""
        shutil.rmtree(self.outside)
        trees.write(self.outside, OUTSIDE)
        self.forget_times()

    def state(self) -> State:
        """What lies here now. Fails when anything else than home and games changed."""
        assert not self.touched(), f"{self.touched()} outside changed"
        home = Home(self.home)
        registry, seen = Registry(home.registry), {}
        for install in registry.installs():
            known = registry.files_seen(install.title)
            seen[install.title] = frozenset(p for p in known if seen_now(install.folder.root / p) == known[p])
        before = {f.name: InstallFolder.at(f).previous.installed() for f in self.games.iterdir()}
        floor = Floor(home.registry)
        ours = self.games.glob("*/.shoal/*")
        return State(
            {folder.name: _read(folder) for folder in self.games.iterdir()},
            tuple((i.title, i.folder.path.name, i.channel, i.tags) for i in registry.installs()),
            seen,
            tuple(
                sorted({*registry.commands(), *registry.unfinished_jobs(), *([TITLE] if registry.left(TITLE) else [])})
            ),
            tuple(sorted(path.name for path in home.feeds.glob("[!.]*"))),
            {**floor.versions(self._fingerprint), "time": floor.signed_at(self._fingerprint)},
            {name: each.release.version for name, each in before.items() if each},
            tuple(sorted(f"{p.parts[-3]}/{p.name}" for p in ours if p.name in ("journal", "trash", "staging"))),
            frozenset(self._preloads(home)),
        )

    def _preloads(self, home: Home) -> Iterator[str]:
        for mark in home.packs.glob("*.for"):
            pack = mark.with_suffix("")
            if pack.with_name(f"{pack.name}.torrent").exists():
                assert merkle.root_of(merkle.leaves_of(pack.read_bytes())).hex() == pack.name, f"{pack.name} is damaged"
                yield pack.name

    def fault(self, case: Case) -> str:
        """What is wrong after a recovery: some install is neither as before nor as after the case. Or nothing."""
        old, new, now = self.before[case.before], self.after[case.name], self.state()
        if half := list((self.home / "feeds").glob(".*")):
            return f"{half} of a feed are left"
        for _, folder, _, _ in now.installs:
            wholes = [state.tree(folder, case.free) for state in (old, new)]
            if (tree := now.tree(folder, case.free)) not in wholes:
                before, after = (_delta(tree, whole) for whole in wholes)
                return f"{folder} is mixed: not as before are {before}; not as after {after}"
            if f"{folder}/journal" in now.unfinished:
                return "a journal is left"
        own = {path: item for path, item in old.tree("a").items() if path in OWN}
        if changed := [path for path, item in own.items() if now.tree("a").get(path) != item]:
            return f"{changed} of the player's are not as they were"
        if lower := [name for name, value in old.floor.items() if now.floor.get(name, 0) < value]:
            return f"the trust floor of {lower} is lower than before"
        if now.folders["other"] != old.folders["other"]:
            return "another game was touched"
        titles = [{title for title, *_ in state.installs} for state in (old, new, now)]
        lost = titles[0] & titles[1] - titles[2]
        return f"forgotten: {lost}" if lost else ""

    # ------------------------------------------------------------ made once

    def _play(self, case: Case) -> None:
        """The case without any trouble."""
        self.put(case.before, case.feed)
        self.steps[case.name] = []
        with hooked(lambda name, arguments: self.steps[case.name].append(described(name, arguments, self.root))):
            end = Life(self.home).begin().obey(case.command(self))
        assert isinstance(end, Finished), end
        place = self.games / case.place
        assert (trees.read(place) if place.exists() else {}) == case.expected, case.name
        self.after[case.name] = self.state()

    def _make_feeds(self) -> None:
        publisher = Publisher(self._room / "publisher")
        self._fingerprint = publisher.made.fingerprint
        for number, tree in enumerate(RELEASES, 1):
            trees.write(self._room / "trees" / str(number), tree)
            publisher.release(self._room / "trees" / str(number), str(number), rules=RULES)
            shutil.copytree(publisher.folder, self._room / "feeds" / str(number))
        self._make_launch(publisher)

    def _make_launch(self, publisher: Publisher) -> None:
        trees.write(self._room / "trees" / "3", LAUNCHED)
        order = publisher.order(self._room / "trees" / "3", "3", rules=RULES)
        preload.preload(publisher.folder, publisher.home, order, publisher.passphrases, quiet, publisher.said.append)
        shutil.copytree(publisher.folder, self._room / "feeds" / "sealed")
        preload.unlock(publisher.folder, publisher.home, "game", "3", publisher.passphrases)
        shutil.copytree(publisher.folder, self._room / "feeds" / "launched")

    def _make_befores(self) -> None:
        life.furnish(self.home)
        trees.write(self.games / "other", {"theirs.txt": File(b"another game")})
        self._keep("empty")
        self._obey("1", commands.AddFeed(URL))
        self._keep("fed")
        self._obey("1", commands.Install(TITLE, str(self.a), tags=("lang:de",)))
        (self.a / "config" / "keys.ini").unlink()
        trees.write(self.a, OWN)
        self._keep("one")
        self._obey("2", commands.Update(TITLE))
        self._keep("two")
        self._obey("sealed", commands.Preload(TITLE))
        self._keep("preloaded")
        self.put("two")
        self._obey("2", commands.SetTags(TITLE, ()))
        self._keep("plain")
        self.put("two")
        self._damage()
        self._keep("damaged")
        self.put("two")
        self._swap_home()
        self._keep("lost")
        shutil.rmtree(self.a / ".shoal")
        (self.a / "bin" / "game").unlink()
        trees.write(self.a, {"bin/game": RELEASES[0]["bin/game"]})
        self._keep("bare")

    def _obey(self, feed: str, command: Command) -> None:
        ORIGIN.folder = self._room / "feeds" / feed
        end = Life(self.home).begin().obey(command)
        assert isinstance(end, Finished), end

    def _keep(self, name: str) -> None:
        for part in ("home", "games"):
            shutil.copytree(self.root / part, self._room / name / part, symlinks=True)
        self.before[name] = self.state()

    def _damage(self) -> None:
        for path in _DAMAGE:
            (self.a / path).unlink()
        trees.write(self.a, _DAMAGE)
        (self.a / "data" / "twice.b").unlink()
        with (self.a / _MENDED).open("r+b") as file:
            file.seek(20_000)
            file.write(b"rot")

    def _swap_home(self) -> None:
        shutil.rmtree(self.home)
        shutil.copytree(self._room / "fed" / "home", self.home, symlinks=True)


def _read(folder: Path) -> crash.Tree:
    """All but what an unfinished job keeps, and who writes here now."""
    return {path: item for path, item in crash.read(folder).items() if path != ".shoal/lock"}


@contextmanager
def hooked(hook: Callable[[str, tuple[object, ...]], None]) -> Iterator[None]:
    """Have each step announced to ``hook``."""
    disk.hook = hook
    try:
        yield
    finally:
        disk.hook = None


def described(name: str, arguments: tuple[object, ...], root: Path) -> str:
    """A step by its name and where it is done."""
    return f"{name} {path_of(arguments).relative_to(root)}"


def path_of(arguments: tuple[object, ...]) -> Path:
    """The path that a step changes."""
    return next(argument for argument in reversed(arguments) if isinstance(argument, Path))


def look(folder: Path) -> dict[str, Any]:
    """Names, bytes, modes and times of all below ``folder``, and of itself."""
    paths = [folder, *sorted(folder.rglob("*"))]
    stats = {str(path): path.lstat() for path in paths}
    held = {str(p): os.readlink(p) if p.is_symlink() else p.read_bytes() if p.is_file() else None for p in paths}
    return {path: (s.st_mode, s.st_mtime_ns, s.st_ino, held[path]) for path, s in stats.items()}

"""Each file of Shoal's own, damaged in every way, and all that a player may then ask for.

    python -m tests.support.damage

The table `FILES` says where the files are, what an update says of each, and which way out the message names. For each
file and way, `Walk.check` asks doctor first, plays, asks every verb, and goes the way out; then all must be well.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.support import shared, trees
from tests.support.forger import SCRIPT, TOOL
from tests.support.trees import File
from tests.support.waiting import wait_until
from tests.support.world import World

_TITLE = "demo/game"
_CODES = {0, 2, 3, 4, 5, 6, 7, 10}
"""Those of the command line that a damaged file may lead to."""

Words = tuple[str, ...]
Way = Callable[[Path], None]


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _zeroed(path: Path) -> None:
    path.write_bytes(bytes(max(1, path.stat().st_size)))


def _halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _marked(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def _folder(path: Path) -> None:
    path.unlink()
    (path / "inner").mkdir(parents=True)


WAYS: dict[str, Way] = {
    "emptied": _emptied,
    "zero-filled": _zeroed,
    "cut in half": _halved,
    "with a byte order mark": _marked,
    "a folder in its place": _folder,
}


class Own(NamedTuple):
    """Files of our own that are damaged alike."""

    place: str
    """Below ``home`` or ``game``, as a pattern. A file that is not there by itself is made up."""
    update: int = 0
    """The exit code of an update with the damage."""
    way_out: tuple[Words, ...] = ()
    """What the message says; after it an update goes well. URL and FOLDER are filled in."""
    harmless: frozenset[str] = frozenset()
    """Ways after which the file can be read all the same."""
    play: int = 0
    ways: tuple[str, ...] = tuple(WAYS)
    beside: str = ""
    """A folder that is there, too."""
    kept: bool = True
    """The damaged file is kept beside, at the latest after the way out."""


_MARK = frozenset({"with a byte order mark"})
_REPAIR: tuple[Words, ...] = (("repair", "game"),)

FILES: dict[str, Own] = {
    "the registry": Own("home/registry.sqlite"),
    "the copy of the registry": Own("home/installs.json", kept=False),
    "a journal of the registry": Own("home/registry.sqlite-journal", kept=False),
    "the settings": Own("home/settings.toml", harmless=_MARK),
    "the pin of a feed": Own("home/feeds/demo/feed.shoalfeed", 6, (("feed", "add", "URL"),), _MARK),
    "the root of a feed": Own("home/feeds/demo/root.json"),
    "the catalog of a feed": Own("home/feeds/demo/catalog.json", kept=False),
    "the metadata of a feed": Own("home/feeds/demo/metadata/*.json", kept=False),
    "the roots of a feed": Own("home/feeds/demo/metadata/root_history/*.json", kept=False),
    "records of a feed": Own("home/feeds/demo/records/*", kept=False),
    "the engine's address": Own("home/engine.json", kept=False),
    "the engine's log": Own("home/engine.log", kept=False),
    "a patch pack": Own(f"home/packs/{'ab' * 32}", kept=False),
    "the mark of a patch pack": Own(f"home/packs/{'ab' * 32}.torrent", kept=False),
    "a publisher's keys": Own("home/keys/own/*", kept=False),
    "what is installed": Own("game/.shoal/installed"),
    "what was installed before": Own("game/.shoal/previous/installed", kept=False),
    "lists of files": Own("game/.shoal/manifests/*"),
    "piece layers": Own("game/.shoal/layers/*", kept=False),
    "a journal": Own("game/.shoal/journal", ways=tuple(WAYS)[:-1], kept=False),
    "a journal in the middle of a commit": Own(
        "game/.shoal/journal", 6, _REPAIR, play=6, beside="game/.shoal/trash/files", kept=False
    ),
    "a folder for a journal": Own("game/.shoal/journal", 6, _REPAIR, play=6, ways=tuple(WAYS)[-1:], kept=False),
    "the lock of an install": Own("game/.shoal/lock", kept=False),
}

VERBS: tuple[Words, ...] = (
    ("status",),
    ("stats",),
    ("settings",),
    ("feed", "list"),
    ("tags", "game"),
    ("verify", "game"),
    ("update", "game", "--check"),
    ("update", "game", "--plan"),
    ("install", "game", "--to", "ELSEWHERE"),
    ("rollback", "game", "--plan"),
    ("rollback", "game"),
    ("repair", "game"),
    ("move", "game", "MOVED"),
    ("uninstall", "game"),
)


class Walk:
    """A publisher, and a player with two releases behind them and a third one to come."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder, self._template = root / "game", root / "template"
        scene = trees.scenario("changed")
        program = {TOOL: File(SCRIPT % b"genuine", executable=True)}
        for version, layout in enumerate((scene.old, scene.new, scene.old), start=1):
            trees.write(root / f"tree{version}", {**layout, **program, f"only{version}": File(b"here")})
        self._world = World(root / "world")
        self._release(1)
        self._player = self._world.player("ann", peers="none")
        self._player.run("install", "game", "--to", self._folder)
        self._release(2)
        self._player.run("update", "game")
        words = ("--origin", "https://updates.example", "--name", "own", "--demo-keys")
        self._player.run("publish", "init", root / "own", *words)
        self._release(3)
        self._player.stop_engine()
        for place in (self._folder, self._player.home):
            shutil.copytree(place, self._template / place.name, symlinks=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._world.__exit__(*error)

    def _release(self, version: int) -> None:
        self._world.release(str(version), self._root / f"tree{version}", "--launch", TOOL)

    def cases(self) -> Iterator[tuple[str, str]]:
        """Every file and every way."""
        yield from ((file, way) for file, own in FILES.items() for way in own.ways)

    def check(self, file: str, way: str, verbs: tuple[Words, ...] = ()) -> None:
        """Damage a file. ``verbs`` end as promised; play, update and the way out do what the table says."""
        try:
            for words in verbs:
                self._damage(FILES[file], way)
                self._ask(*words)
            self._damage(FILES[file], way)
            self._lead_on(FILES[file], way)
        finally:
            self._player.stop_engine()

    def _lead_on(self, own: Own, way: str) -> None:
        assert isinstance(self._player.run("doctor")["problems"], list)
        self._play(own.play)
        is_harmless = way in own.harmless
        result = self._player.run("update", "game", expect=0 if is_harmless else own.update)
        if own.update and not is_harmless:
            assert self._named(own) in result["error"]["message"], result["error"]
        for words in own.way_out:
            self._ask(*words, expect=0)
        assert self._player.run("update", "game")["version_to"] == "3"
        self._player.run("verify", "game")
        self._play(0)
        assert not own.kept or is_harmless or self._kept(own), "the damaged file is kept"

    def _ask(self, *words: str, expect: int | None = None) -> dict[str, Any]:
        """A verb, whose exit code is one that the command line promises, and whose error is none of Shoal itself."""
        filled = {"URL": self._world.origin.url, "ELSEWHERE": self._root / "elsewhere", "MOVED": self._root / "moved"}
        found = self._player.answer("--server-only", *(filled.get(word, word) for word in words))
        error = found.get("error", {})
        assert found["code"] in (_CODES if expect is None else {expect}), (words, found)
        assert not error.get("code", "").startswith("internal."), (words, found)
        return found

    def _play(self, expect: int) -> None:
        said = self._root / "said"
        said.unlink(missing_ok=True)
        self._player.run("play", "game", "--", said, expect=expect)
        if not expect:
            wait_until(lambda: said.exists() and said.read_text() == "genuine\n", "the game")

    # ------------------------------------------------------------ damage

    def _damage(self, own: Own, way: str) -> None:
        """Put everything back, then damage the files."""
        self._player.stop_engine()
        for place in (self._folder, self._player.home, self._root / "elsewhere", self._root / "moved"):
            shutil.rmtree(place, ignore_errors=True)
            if (self._template / place.name).exists():
                shutil.copytree(self._template / place.name, place, symlinks=True)
        self._player.run("verify", "game")  # copies are other files
        self._player.stop_engine()
        places = self._places(own)
        assert places, own.place
        if own.beside:
            self._place(own.beside).mkdir(parents=True)
        for path in places:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_bytes(b"nothing that Shoal wrote, in some bytes")
            WAYS[way](path)

    def _places(self, own: Own) -> list[Path]:
        place = self._place(own.place)
        return sorted(place.parent.glob(place.name)) if "*" in place.name else [place]

    def _place(self, path: str) -> Path:
        above, _, inner = path.partition("/")
        return {"home": self._player.home, "game": self._folder}[above] / inner

    def _named(self, own: Own) -> str:
        return own.place.rpartition("/")[2]

    def _kept(self, own: Own) -> bool:
        return any(path.parent.glob(f"{path.name}.damaged*") for path in self._places(own))


def main() -> int:
    """Every file, every way, every verb."""
    started_s, cases, failed = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as folder, shared.decoders(), shared.windows(), Walk(Path(folder)) as walk:
        for file, way in walk.cases():
            cases += 1
            try:
                walk.check(file, way, VERBS)
            except AssertionError as error:
                failed += 1
                sys.stdout.write(f"{file}, {way}: {error}\n")
    seconds = time.monotonic() - started_s
    sys.stdout.write(f"{cases} damaged files, {len(VERBS)} verbs each in {seconds:.0f} s; {failed} went wrong\n")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
